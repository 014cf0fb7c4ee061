// SPDX-License-Identifier: MIT
#include "advice.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool ranked(const struct result *r)
{
	const char *why;

	return result_ranked(r, &why) && !isnan(r->regret_time.value);
}

double advice_memory(const struct verdict *verdict, const struct result *result)
{
	if (!isnan(result->regret_memory))
		return result->regret_memory;
	return verdict->leanest && !isnan(result->of[CELL_COMMITTED_PER_TOUCHED].value) ? INFINITY
											: NAN;
}

static bool is_fast(const struct result *r)
{
	return stats_at_most(&r->regret_time, ADVICE_FAST);
}

static bool is_lean(const struct verdict *v, const struct result *r)
{
	return advice_memory(v, r) <= ADVICE_LEAN;
}

static int by_regret_time(const void *a, const void *b)
{
	const struct result *x = *(const struct result *const *)a;
	const struct result *y = *(const struct result *const *)b;

	return (x->regret_time.value > y->regret_time.value) -
	       (x->regret_time.value < y->regret_time.value);
}

static const struct result *faster(const struct result *best, const struct result *r)
{
	return !best || r->regret_time.value < best->regret_time.value ? r : best;
}

int advice_for(struct advice *advice, const struct verdict *v)
{
	*advice = (struct advice){.verdict = v};
	advice->use = calloc(v->n_cells ? v->n_cells : 1, sizeof(const struct result *));
	if (!advice->use)
		return -ENOMEM;
	for (size_t i = 0; i < v->n_cells; i++) {
		const struct result *r = &v->cells[i];

		if (!ranked(r))
			continue;
		advice->n_ranked++;
		if (is_fast(r) && is_lean(v, r))
			advice->use[advice->n_use++] = r;
		if (is_fast(r))
			advice->fast = faster(advice->fast, r);
		if (is_lean(v, r))
			advice->lean = faster(advice->lean, r);
	}
	qsort(advice->use, advice->n_use, sizeof(*advice->use), by_regret_time);
	if (advice->n_ranked >= 2 && advice->n_use)
		advice->kind = ADVICE_BOTH;
	else if (advice->n_ranked >= 2 && advice->fast && advice->lean)
		advice->kind = ADVICE_TRADE;
	return 0;
}

void advice_free(struct advice *advice)
{
	free(advice->use);
	*advice = (struct advice){.kind = ADVICE_NONE};
}

static const struct result *cell_of(const struct verdict *v, const char *subject)
{
	for (size_t i = 0; i < v->n_cells; i++)
		if (!strcmp(v->cells[i].identity->subject, subject))
			return ranked(&v->cells[i]) ? &v->cells[i] : NULL;
	return NULL;
}

/* Its worst regret; subject NULL if it is not ranked everywhere. */
static struct all_round worst_of(const struct verdict *const *verdicts, size_t n,
				 const char *subject, bool memory_too)
{
	struct all_round all = {.subject = subject, .worst = 1};

	for (size_t i = 0; i < n; i++) {
		const struct result *r = cell_of(verdicts[i], subject);

		if (!r)
			return (struct all_round){.worst = INFINITY};
		for (int memory = 0; memory <= memory_too; memory++) {
			double regret =
				memory ? advice_memory(verdicts[i], r) : r->regret_time.value;

			if (regret > all.worst)
				all = (struct all_round){subject, regret, verdicts[i], memory};
		}
	}
	return all;
}

struct all_round advice_all_round(const struct verdict *const *verdicts, size_t n, bool memory_too)
{
	struct all_round best = {.worst = INFINITY};

	for (size_t i = 0; n && i < verdicts[0]->n_cells; i++) {
		const char *subject = verdicts[0]->cells[i].identity->subject;
		struct all_round all = worst_of(verdicts, n, subject, memory_too);

		if (all.subject && (!best.subject || all.worst < best.worst))
			best = all;
	}
	return best;
}

/* Is a no worse than b in both, and by more than ADVICE_FAST better in one? */
static bool beats(const struct verdict *v, const struct result *a, const struct result *b)
{
	double time_a = a->regret_time.value, time_b = b->regret_time.value;
	double memory_a = advice_memory(v, a), memory_b = advice_memory(v, b);

	if (!(time_a <= time_b) || !(memory_a <= memory_b))
		return false;
	return time_a * ADVICE_FAST < time_b || memory_a * ADVICE_FAST < memory_b;
}

static bool beaten(const struct verdict *v, const struct result *r)
{
	for (size_t i = 0; i < v->n_cells; i++)
		if (ranked(&v->cells[i]) && beats(v, &v->cells[i], r))
			return true;
	return false;
}

bool advice_never_first(const struct verdict *const *verdicts, size_t n, const char *subject)
{
	size_t times = 0;

	for (size_t i = 0; i < n; i++) {
		const struct result *r = cell_of(verdicts[i], subject);

		if (r && !beaten(verdicts[i], r))
			return false;
		times += r != NULL;
	}
	return times > 0;
}
