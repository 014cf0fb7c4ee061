// SPDX-License-Identifier: MIT
/* The plan: identities, the memory rule, what is unsupported, the order of blocks; and the slug
 * rule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "commands.h"
#include "plan.h"
#include "slug.h"

#define GIB (1ull << 30)

static struct plan_options options_of(const char *subject, const char *workload)
{
	struct plan_options options = {
		.profile = profile_find("default"),
		.seed = 1,
		.memory_available_bytes = 16 * GIB,
		.huge_page_bytes = 2 << 20,
	};

	if (subject)
		options.subjects[options.n_subjects++] = allocator_find(subject);
	if (workload)
		options.workloads[options.n_workloads++] = workload_find(workload);
	return options;
}

static struct plan plan_of(struct plan_options options, uint64_t size_bytes, unsigned char fill)
{
	struct plan plan;

	options.sizes_bytes[options.n_sizes++] = size_bytes;
	options.fills[options.n_fills++] = fill;
	assert_int_equal(plan_expand(&plan, &options), 0);
	return plan;
}

static void test_cell_id_is_fnv1a_64(void **state)
{
	char id[CELL_ID_CHARS];

	(void)state;
	cell_id("", id);
	assert_string_equal(id, "cbf29ce484222325");
	cell_id("foobar", id); /* of the algorithm's published test vectors */
	assert_string_equal(id, "85944171f73967e8");
}

static void test_identity_names_everything_with_sorted_parameters(void **state)
{
	struct plan plan = plan_of(options_of("mmap", "fraction"), 1 << 20, 0);
	char identity[CELL_IDENTITY_CHARS];

	(void)state;
	assert_string_equal(plan.cells[1].identity, "host|mmap|fraction|1048576|1|0|touched_pct=5");
	cell_identity(&plan.cells[1], "sampler=on", identity);
	assert_string_equal(identity, "host|mmap|fraction|1048576|1|0|sampler=on,touched_pct=5");
	plan_free(&plan);
}

static void test_every_cell_has_an_id_of_its_own(void **state)
{
	struct plan_options options = options_of(NULL, NULL);
	struct plan plan;

	(void)state;
	assert_int_equal(plan_expand(&plan, &options), 0);
	assert_true(plan.n_cells > 50);
	for (unsigned i = 0; i < plan.n_cells; i++)
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(plan.cells[i].id, plan.cells[j].id);
	plan_free(&plan);
}

static void test_special_workloads_only_where_named(void **state)
{
	struct plan plan = plan_of(options_of("mmap", NULL), 1 << 20, 0);

	(void)state;
	for (unsigned i = 0; i < plan.n_cells; i++)
		assert_false(plan.cells[i].workload->special);
	plan_free(&plan);
}

static void test_zeros_only_is_unsupported_for_another_fill(void **state)
{
	struct plan plan = plan_of(options_of("glibc/calloc", "dense-up"), 1 << 20, 171);

	(void)state;
	assert_int_equal(plan.n_cells, 1);
	assert_int_equal(plan.n_supported, 0);
	assert_string_equal(plan.cells[0].reason, "glibc/calloc gives zeros only");
	plan_free(&plan);
}

static void test_eager_beyond_memory_is_unsupported(void **state)
{
	struct plan plan = plan_of(options_of("mmap/populate", "sparse-1pct"), 1024 * GIB, 0);

	(void)state;
	assert_int_equal(plan.n_supported, 0);
	assert_non_null(strstr(plan.cells[0].reason, "16384 MiB of memory available"));
	plan_free(&plan);
}

static void test_lazy_with_an_eager_fill_counts_as_eager(void **state)
{
	struct plan plan = plan_of(options_of("mmap", "sparse-1pct"), 1024 * GIB, 171);

	(void)state;
	assert_int_equal(plan.n_supported, 0);
	plan_free(&plan);
}

static void test_lazy_terabyte_gets_a_bound_that_fits(void **state)
{
	struct plan plan = plan_of(options_of("mmap/noreserve", "sparse-1pct"), 1024 * GIB, 0);

	(void)state;
	assert_int_equal(plan.n_supported, 1);
	assert_int_equal(plan.cells[0].params[0], 4 * GIB); /* a quarter of 16 GiB */
	assert_true(plan.cells[0].committed_bytes <= 4 * GIB);
	assert_non_null(strstr(plan.cells[0].identity, "max_touched_bytes=4294967296"));
	plan_free(&plan);
}

/* 10 GiB of touched pages would be 1 TiB of huge pages. */
static void test_bound_counts_huge_pages_where_a_touch_commits_one(void **state)
{
	struct plan plan = plan_of(options_of("mmap/thp", "sparse-1pct"), 1024 * GIB, 0);

	(void)state;
	assert_int_equal(plan.n_supported, 1);
	assert_int_equal(plan.cells[0].params[0], 4 * GIB / 512);
	assert_true(plan.cells[0].committed_bytes <= 4 * GIB);
	plan_free(&plan);
}

static void test_small_lazy_cell_has_no_bound(void **state)
{
	struct plan plan = plan_of(options_of("mmap", "sparse-1pct"), 256 << 20, 0);

	(void)state;
	assert_int_equal(plan.cells[0].params[0], 0);
	plan_free(&plan);
}

static bool planned(const struct plan *plan, const char *subject, const char *workload,
		    unsigned char fill)
{
	for (unsigned i = 0; i < plan->n_cells; i++)
		if (!strcmp(plan->cells[i].subject->name, subject) &&
		    !strcmp(plan->cells[i].workload->name, workload) && plan->cells[i].fill == fill)
			return true;
	return false;
}

/* mmap and dense-up are of the core, mmap/noreserve and stride-4 are not. */
static void test_what_is_outside_of_the_core_meets_only_the_core(void **state)
{
	struct plan_options options = options_of(NULL, NULL), again;
	struct plan plan, resumed;

	(void)state;
	assert_int_equal(plan_expand(&plan, &options), 0);
	assert_true(planned(&plan, "mmap", "stride-4", 0));
	assert_false(planned(&plan, "mmap", "stride-4", 0xab));
	assert_true(planned(&plan, "mmap", "dense-up", 0xab));
	assert_true(planned(&plan, "mmap/noreserve", "dense-up", 0));
	assert_false(planned(&plan, "mmap/noreserve", "stride-4", 0));

	again = plan.options; /* as a run that is resumed has them: the lists are filled in */
	assert_int_equal(plan_expand(&resumed, &again), 0);
	assert_int_equal(resumed.n_cells, plan.n_cells);
	plan_free(&resumed);
	plan_free(&plan);
}

static void test_what_is_named_is_of_the_core(void **state)
{
	struct plan_options options = options_of("mmap/noreserve", NULL);
	struct plan plan;

	(void)state;
	assert_int_equal(plan_expand(&plan, &options), 0);
	assert_true(planned(&plan, "mmap/noreserve", "stride-4", 0));
	plan_free(&plan);
	options = options_of(NULL, "stride-4");
	options.fills[options.n_fills++] = 0xab;
	options.percents_for_fills = true;
	assert_int_equal(plan_expand(&plan, &options), 0);
	assert_true(planned(&plan, "mmap/noreserve", "stride-4", 0xab));
	plan_free(&plan);
}

static void test_a_missing_library_names_its_package(void **state)
{
	struct allocator subject = {
		.name = "none/calloc", .preload = "/usr/lib/libnone.so.1", .package = "libnone1"};
	char reason[200];

	(void)state;
	assert_false(allocator_supported(&subject, reason, sizeof(reason)));
	assert_string_equal(reason,
			    TA_SANITISED ? "a sanitiser's malloc cannot be replaced; use a build "
					   "without"
					 : "libnone.so.1 is not there; install libnone1");
}

static void test_threads_vary_where_the_workload_has_several(void **state)
{
	struct plan_options options = options_of("mmap", "threads");
	struct plan plan;

	(void)state;
	options.threads[options.n_threads++] = 1;
	options.threads[options.n_threads++] = 3;
	options.workloads[options.n_workloads++] = workload_find("dense-up");
	plan = plan_of(options, 1 << 20, 0);
	assert_int_equal(plan.n_cells, 3);
	assert_string_equal(plan.cells[0].identity, "host|mmap|dense-up|1048576|1|0|");
	assert_string_equal(plan.cells[1].identity, "host|mmap|threads|1048576|1|0|");
	assert_string_equal(plan.cells[2].identity, "host|mmap|threads|1048576|3|0|");
	plan_free(&plan);
}

static void test_a_fork_may_commit_twice_as_much(void **state)
{
	struct plan plan = plan_of(options_of("mmap/populate", "fork"), 10 * GIB, 0);

	(void)state;
	assert_int_equal(plan.n_supported, 0);
	assert_non_null(strstr(plan.cells[0].reason, "would commit 20480 MiB of the 16384 MiB"));
	plan_free(&plan);
	plan = plan_of(options_of("driver/lazy", "fork"), 1 << 20, 0);
	assert_int_equal(plan.n_supported, 0);
	plan_free(&plan);
}

static void test_a_block_too_small_for_the_workload(void **state)
{
	struct plan plan = plan_of(options_of("mmap", "bitmap"), 4096, 0);

	(void)state;
	assert_int_equal(plan.n_supported, 0);
	assert_string_equal(plan.cells[0].reason, "bitmap needs at least 64 KiB");
	plan_free(&plan);
}

static void test_block_holds_each_supported_cell_once_in_an_order_of_its_own(void **state)
{
	struct plan_options options = options_of(NULL, NULL);
	unsigned *first, *second, *again, n, differs = 0;
	struct plan plan;

	(void)state;
	assert_int_equal(plan_expand(&plan, &options), 0);
	first = calloc(plan.n_cells, sizeof(*first));
	second = calloc(plan.n_cells, sizeof(*second));
	again = calloc(plan.n_cells, sizeof(*again));
	n = plan_block_order(&plan, 0, first);
	assert_int_equal(n, plan.n_supported);
	assert_int_equal(plan_block_order(&plan, 1, second), n);
	assert_int_equal(plan_block_order(&plan, 0, again), n);
	assert_memory_equal(first, again, n * sizeof(*first));
	for (unsigned i = 0; i < n; i++) {
		unsigned seen = 0;

		for (unsigned j = 0; j < n; j++)
			seen += second[j] == first[i];
		assert_int_equal(seen, 1);
		differs += first[i] != second[i];
		assert_true(plan.cells[first[i]].supported);
	}
	assert_true(differs > n / 2);
	free(first);
	free(second);
	free(again);
	plan_free(&plan);
}

static unsigned turns_of(const struct turn *turns, unsigned n, const char *purpose)
{
	unsigned found = 0;

	for (unsigned i = 0; i < n; i++)
		found += !strcmp(turns[i].purpose, purpose);
	return found;
}

static void test_turns_hold_twins_and_the_canary(void **state)
{
	struct plan_options options = options_of(NULL, NULL);
	struct turn *turns, *next;
	struct plan plan;
	unsigned n, canaries;

	(void)state;
	assert_int_equal(plan_expand(&plan, &options), 0);
	turns = calloc(plan_most_turns(&plan), sizeof(*turns));
	next = calloc(plan_most_turns(&plan), sizeof(*next));
	n = plan_turns(&plan, 0, turns);
	canaries = turns_of(turns, n, "canary");
	assert_true(n <= plan_most_turns(&plan));
	assert_int_equal(n, plan.n_turns);
	assert_int_equal(turns_of(turns, n, "measure"), plan.n_supported);
	assert_int_equal(turns_of(turns, n, "aa"), PLAN_TWINS);
	assert_int_equal(canaries, (plan.n_supported + PLAN_TWINS + PLAN_CANARY_EVERY - 1) /
					   PLAN_CANARY_EVERY);
	assert_string_equal(turns[0].purpose, "canary");
	for (unsigned i = 0; i < n; i++) {
		const struct cell *cell = &plan.cells[turns[i].cell];

		if (!strcmp(turns[i].purpose, "aa")) {
			assert_string_not_equal(cell->subject->name, "null");
			assert_false(cell->subject->flags & (ALLOC_HUGE | ALLOC_HUGE_RUNS));
			assert_true(2 * cell->estimate_s >= plan_reference_cell(&plan)->estimate_s);
		}
	}
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < i; k++)
			assert_false(turns[i].cell == turns[k].cell &&
				     turns[i].rep == turns[k].rep &&
				     !strcmp(turns[i].purpose, turns[k].purpose));
	/* The next block repeats no sample: its canaries go on counting. */
	assert_int_equal(plan_turns(&plan, 1, next), n);
	assert_int_equal(next[0].rep, canaries);
	free(turns);
	free(next);
	plan_free(&plan);
	options.guest = true;
	assert_int_equal(plan_expand(&plan, &options), 0);
	assert_int_equal(plan.n_turns, plan.n_supported);
	plan_free(&plan);
}

static void test_slugs_of_all_names_differ(void **state)
{
	char a_slug[64], b_slug[64];

	(void)state;
	assert_string_equal(slug("glibc/malloc+memset", a_slug, sizeof(a_slug)),
			    "glibc-malloc-memset");
	assert_string_equal(slug("mmap/mthp-64kB", a_slug, sizeof(a_slug)), "mmap-mthp-64kb");
	assert_string_equal(slug("a//+b", a_slug, sizeof(a_slug)), "a-b");
	for (const struct allocator *a = allocator_first(); a; a = a->next)
		for (const struct allocator *b = a->next; b; b = b->next)
			assert_string_not_equal(slug(a->name, a_slug, sizeof(a_slug)),
						slug(b->name, b_slug, sizeof(b_slug)));
	for (const struct workload *a = workload_first(); a; a = a->next)
		for (const struct workload *b = a->next; b; b = b->next)
			assert_string_not_equal(slug(a->name, a_slug, sizeof(a_slug)),
						slug(b->name, b_slug, sizeof(b_slug)));
}

static const char *suggestion(const char *typed)
{
	struct nearest nearest = {0};

	for (const struct allocator *a = allocator_first(); a; a = a->next)
		nearest_consider(&nearest, typed, a->name);
	return nearest.name;
}

static void test_suggests_the_nearest_name(void **state)
{
	(void)state;
	assert_string_equal(suggestion("mmpa"), "mmap");
	assert_string_equal(suggestion("calloc"), "glibc/calloc");
	assert_string_equal(suggestion("mmap/nreserve"), "mmap/noreserve");
	assert_null(suggestion("quicksort-of-things"));
}

/* What it may commit is what is warmed before its samples: as little as it can be. */
static void test_a_smaller_huge_page_is_what_a_touch_commits(void **state)
{
	static struct allocator subject = {
		.name = "test/mthp", .flags = ALLOC_LAZY | ALLOC_HUGE, .mthp_size = "64kB"};
	struct plan_options options = options_of(NULL, "sparse-1pct");
	struct plan plan;

	(void)state;
	allocator_register(&subject);
	options.subjects[options.n_subjects++] = &subject;
	plan = plan_of(options, 256 << 20, 0);
	assert_int_equal(plan.n_supported, 1);
	assert_int_equal(plan.cells[0].committed_bytes, 655 * (64 << 10));
	plan_free(&plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cell_id_is_fnv1a_64),
		cmocka_unit_test(test_identity_names_everything_with_sorted_parameters),
		cmocka_unit_test(test_every_cell_has_an_id_of_its_own),
		cmocka_unit_test(test_special_workloads_only_where_named),
		cmocka_unit_test(test_zeros_only_is_unsupported_for_another_fill),
		cmocka_unit_test(test_eager_beyond_memory_is_unsupported),
		cmocka_unit_test(test_lazy_with_an_eager_fill_counts_as_eager),
		cmocka_unit_test(test_lazy_terabyte_gets_a_bound_that_fits),
		cmocka_unit_test(test_bound_counts_huge_pages_where_a_touch_commits_one),
		cmocka_unit_test(test_small_lazy_cell_has_no_bound),
		cmocka_unit_test(test_what_is_outside_of_the_core_meets_only_the_core),
		cmocka_unit_test(test_what_is_named_is_of_the_core),
		cmocka_unit_test(test_a_missing_library_names_its_package),
		cmocka_unit_test(test_threads_vary_where_the_workload_has_several),
		cmocka_unit_test(test_a_fork_may_commit_twice_as_much),
		cmocka_unit_test(test_a_block_too_small_for_the_workload),
		cmocka_unit_test(test_block_holds_each_supported_cell_once_in_an_order_of_its_own),
		cmocka_unit_test(test_turns_hold_twins_and_the_canary),
		cmocka_unit_test(test_slugs_of_all_names_differ),
		cmocka_unit_test(test_suggests_the_nearest_name),
		cmocka_unit_test(
			test_a_smaller_huge_page_is_what_a_touch_commits), /* it adds a subject */
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
