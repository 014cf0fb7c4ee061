// SPDX-License-Identifier: MIT
#include "verdict.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool same_group(const struct result *a, const struct result *b)
{
	const struct sample *x = a->identity, *y = b->identity;

	return !strcmp(x->target, y->target) && !strcmp(x->workload, y->workload) &&
	       x->size_bytes == y->size_bytes && x->fill == y->fill && x->threads == y->threads &&
	       !strcmp(a->params, b->params);
}

bool result_ranked(const struct result *result, const char **why)
{
	*why = NULL;
	if (!strcmp(result->identity->subject, VERDICT_BASELINE))
		*why = "baseline: its memory is there already";
	else if (!result->n)
		*why = result->reason[0] ? result->reason : result->outcome;
	else if (result->verification == VERIFY_FAILED)
		*why = "verify failed: its memory did not hold what it must";
	else if (!result->cost_unit || !strcmp(result->cost_unit, "mixed"))
		*why = "its samples measured different units";
	return *why == NULL;
}

static struct result *lowest(const struct verdict *v, enum cell_metric metric)
{
	struct result *best = NULL;
	const char *why;

	for (size_t i = 0; i < v->n_cells; i++) {
		struct result *r = &v->cells[i];

		if (!result_ranked(r, &why) || isnan(r->of[metric].value) ||
		    (best &&
		     !comparable(best->identity, best->cost_unit, r->identity, r->cost_unit, &why)))
			continue;
		if (!best || r->of[metric].value < best->of[metric].value)
			best = r;
	}
	return best;
}

/* What this group's subjects are compared by. */
static enum cell_metric headline(const struct verdict *v)
{
	const char *why;

	for (size_t i = 0; i < v->n_cells; i++)
		if (result_ranked(&v->cells[i], &why))
			return result_headline(&v->cells[i]);
	return CELL_TOTAL_COST_PER_PAGE;
}

static void rank_time(struct verdict *v)
{
	enum cell_metric metric = headline(v);
	const char *why;

	v->fastest = lowest(v, metric);
	if (!v->fastest)
		return;
	for (size_t i = 0; i < v->n_cells; i++) {
		struct result *r = &v->cells[i];

		if (!result_ranked(r, &why) ||
		    result_ratio(r, v->fastest, metric, &r->regret_time, &why))
			continue;
		r->tied_time = r->regret_time.lo <= 1 && r->regret_time.hi >= 1;
		if (!strcmp(r->identity->clock, "icount"))
			r->tied_time |= fabs(r->regret_time.value - 1) <= ICOUNT_TOLERANCE;
		if (r->tied_time && r != v->fastest)
			v->tied_fastest++;
		if (!v->repetitions || r->n < v->repetitions)
			v->repetitions = r->n;
	}
	v->too_few = strcmp(v->group->clock, "icount") && v->repetitions < STATS_MIN_REPETITIONS;
}

static void rank_memory(struct verdict *v)
{
	const char *why;

	v->leanest = lowest(v, CELL_COMMITTED_PER_TOUCHED);
	if (!v->leanest)
		return;
	double best = v->leanest->of[CELL_COMMITTED_PER_TOUCHED].value;

	for (size_t i = 0; i < v->n_cells; i++) {
		struct result *r = &v->cells[i];
		double committed = r->of[CELL_COMMITTED_PER_TOUCHED].value;

		if (!result_ranked(r, &why) || isnan(committed))
			continue;
		if (best >= MEMORY_NOTHING)
			r->regret_memory = committed / best;
		else if (committed < MEMORY_NOTHING)
			r->regret_memory = 1;
		r->tied_memory = r->regret_memory <= 1 + MEMORY_TOLERANCE;
		if (r->tied_memory && r != v->leanest)
			v->tied_leanest++;
	}
}

int verdicts_build(struct verdicts *verdicts, struct results *results)
{
	verdicts->n = 0;
	verdicts->groups = calloc(results->n ? results->n : 1, sizeof(*verdicts->groups));
	if (!verdicts->groups)
		return -ENOMEM;
	for (size_t i = 0; i < results->n; i++) {
		struct result *r = &results->cells[i];
		struct verdict *v = verdicts->n ? &verdicts->groups[verdicts->n - 1] : NULL;

		if (!v || !same_group(v->cells, r)) {
			v = &verdicts->groups[verdicts->n++];
			v->cells = r;
			v->group = r->identity;
		}
		v->n_cells++;
	}
	for (size_t i = 0; i < verdicts->n; i++) {
		rank_time(&verdicts->groups[i]);
		rank_memory(&verdicts->groups[i]);
	}
	return 0;
}

void verdicts_free(struct verdicts *verdicts)
{
	free(verdicts->groups);
	*verdicts = (struct verdicts){0};
}
