// SPDX-License-Identifier: MIT
#include "precision.h"

#include <string.h>
#include <unistd.h>

#include "verdict.h"

static bool is_narrow(const struct estimate *e, double precision)
{
	return (e->hi - e->lo) / 2 <= precision * e->value;
}

static bool group_is_narrow(const struct verdict *v, double precision)
{
	const struct result *only = NULL;
	size_t ranked = 0;
	const char *why;

	for (size_t i = 0; i < v->n_cells; i++) {
		const struct result *r = &v->cells[i];

		if (!result_ranked(r, &why))
			continue;
		only = ranked++ ? NULL : r;
		if (r->regret_time.n && !is_narrow(&r->regret_time, precision))
			return false;
	}
	return !only || is_narrow(&only->of[result_headline(only)], precision);
}

static void want_group(const struct plan *plan, const struct verdict *v, bool *wanted)
{
	for (size_t i = 0; i < v->n_cells; i++)
		for (unsigned k = 0; k < plan->n_cells; k++)
			if (!strcmp(plan->cells[k].id, v->cells[i].identity->cell_id))
				wanted[k] = true;
}

int precision_wanted(const struct plan *plan, const char *run_dir, bool *wanted)
{
	struct samples samples;
	struct results results = {0};
	struct verdicts verdicts = {0};
	int wide = 0, error = samples_read(&samples, run_dir);

	memset(wanted, 0, plan->n_cells * sizeof(*wanted));
	if (!error)
		error = results_build(&results, &samples, (double)sysconf(_SC_PAGESIZE));
	if (!error)
		error = verdicts_build(&verdicts, &results);
	for (size_t i = 0; i < verdicts.n && !error; i++) {
		const struct verdict *v = &verdicts.groups[i];

		if (strcmp(v->group->clock, "icount") &&
		    !group_is_narrow(v, plan->options.precision)) {
			want_group(plan, v, wanted);
			wide++;
		}
	}
	verdicts_free(&verdicts);
	results_free(&results);
	samples_free(&samples);
	return error ? error : wide;
}
