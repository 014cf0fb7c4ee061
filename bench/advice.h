/* SPDX-License-Identifier: MIT */
/*
 * What to use when: derived from the verdicts by the rule below, never by hand.
 *
 * For one workload (a verdict's group):
 * - A subject is fast if its regret in time is at most ADVICE_FAST, or the interval of that regret
 *   includes ADVICE_FAST and is narrower than STATS_NARROW.
 * - A subject is lean if its regret in memory is at most ADVICE_LEAN; where the leanest commits
 *   nothing, if it commits nothing either (less than MEMORY_NOTHING bytes per byte touched).
 * - If subjects are both: use them (ADVICE_BOTH), the fastest first.
 * - Else there is a trade (ADVICE_TRADE): the fastest of the fast ones and its price in memory, the
 *   fastest of the lean ones and its price in time.
 * - With fewer than two ranked subjects there is nothing to choose (ADVICE_NONE).
 *
 * For all workloads of a panel together (those that are shown apart do not count):
 * - all-round: of the subjects that are ranked in each of them, the one whose worst regret, in time
 *   or memory, is the smallest (the best there counts as 1); and so in time alone.
 * - never first choice: in each workload in which it is ranked, some other subject is neither
 * slower nor fatter, and by more than ADVICE_FAST better in one of the two.
 */
#ifndef TA_ADVICE_H
#define TA_ADVICE_H

#include "verdict.h"

#define ADVICE_FAST 1.05
#define ADVICE_LEAN 1.05

enum advice_kind { ADVICE_NONE, ADVICE_BOTH, ADVICE_TRADE };

struct advice {
	const struct verdict *verdict;
	enum advice_kind kind;
	const struct result **use; /* ADVICE_BOTH: n_use subjects, by regret in time, rising */
	size_t n_use;
	size_t n_ranked;		  /* subjects that could be chosen */
	const struct result *fast, *lean; /* ADVICE_TRADE */
};

/* 0 or -ENOMEM; advice_free() frees. */
int advice_for(struct advice *advice, const struct verdict *verdict);
void advice_free(struct advice *advice);

/* The subject whose worst regret over all n verdicts is the smallest, or NULL if none is ranked in
 * all of them. */
struct all_round {
	const char *subject;
	double worst;		     /* its worst regret; infinite where it has no ratio */
	const struct verdict *where; /* the workload of that regret */
	bool in_memory;		     /* it is one in memory */
};
struct all_round advice_all_round(const struct verdict *const *verdicts, size_t n, bool memory_too);

/* Is subject ranked in any of the verdicts, and beaten in each in which it is? */
bool advice_never_first(const struct verdict *const *verdicts, size_t n, const char *subject);

/* A cell's regret in memory as the rule takes it: infinite where the leanest commits nothing and
 * this cell does not; NaN where it is not ranked. */
double advice_memory(const struct verdict *verdict, const struct result *result);

#endif
