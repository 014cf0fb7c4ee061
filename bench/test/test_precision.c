// SPDX-License-Identifier: MIT
/* Which cells go on: those of groups whose intervals are too wide, and all cells of such a group.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "flatten.h"
#include "precision.h"
#include "synthetic.h"

enum { STEADY_MMAP, STEADY_A, SHAKY_MMAP, SHAKY_A, LONELY, N };

static const struct syn_cell cells[N] = {
	[STEADY_MMAP] = {.workload = "dense-up", .subject = "mmap", .touch = 1e6, .noise = 0.001},
	[STEADY_A] = {.workload = "dense-up", .subject = "a", .touch = 2e6, .noise = 0.001},
	[SHAKY_MMAP] = {.workload = "shuffled", .subject = "mmap", .touch = 1e6, .noise = 0.001},
	[SHAKY_A] = {.workload = "shuffled", .subject = "a", .touch = 2e6, .noise = 0.3},
	/* Alone in its group: its own costs, which the blocks' factors spread. */
	[LONELY] = {.workload = "reuse", .subject = "mmap", .touch = 1e6, .noise = 0.001},
};

static int wanted_at(double precision, const char *target, bool wanted[N])
{
	struct cell of_plan[N];
	struct plan plan = {.cells = of_plan, .n_cells = N, .options = {.precision = precision}};
	struct samples samples;
	struct syn_run run;
	int wide;

	memset(of_plan, 0, sizeof(of_plan));
	syn_begin(&run);
	for (int i = 0; i < N; i++) {
		struct syn_cell c = cells[i];

		c.target = target;
		c.clock = strcmp(target, "vm") ? "monotonic" : "icount";
		syn_cell(&run, &c, 9);
	}
	syn_end(&run);
	assert_int_equal(samples_read(&samples, run.dir), 0);
	for (size_t i = 0; i < samples.n; i++)
		for (int k = 0; k < N; k++)
			if (!strcmp(samples.rows[i].workload, cells[k].workload) &&
			    !strcmp(samples.rows[i].subject, cells[k].subject))
				strcpy(of_plan[k].id, samples.rows[i].cell_id);
	samples_free(&samples);
	wide = precision_wanted(&plan, run.dir, wanted);
	syn_remove(&run);
	return wide;
}

static void wide_groups_go_on_as_a_whole(void **state)
{
	bool wanted[N];

	(void)state;
	assert_int_equal(wanted_at(0.02, "host", wanted), 2);
	assert_false(wanted[STEADY_MMAP] || wanted[STEADY_A]);
	assert_true(wanted[SHAKY_MMAP] && wanted[SHAKY_A]);
	assert_true(wanted[LONELY]);
}

static void a_wider_interval_may_be_enough(void **state)
{
	bool wanted[N];

	(void)state;
	assert_int_equal(wanted_at(1, "host", wanted), 0);
	for (int i = 0; i < N; i++)
		assert_false(wanted[i]);
}

static void counted_costs_never_go_on(void **state)
{
	bool wanted[N];

	(void)state;
	assert_int_equal(wanted_at(0.02, "vm", wanted), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wide_groups_go_on_as_a_whole),
		cmocka_unit_test(a_wider_interval_may_be_enough),
		cmocka_unit_test(counted_costs_never_go_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
