/* SPDX-License-Identifier: MIT */
/*
 * Who is fastest and leanest at what.
 *
 * Contract. A group is the cells that differ in their subject only. Fastest: lowest median of what
 * result_headline() names, as a rule total cost (alloc + touch + free) per touched page. Leanest:
 * lowest median of committed bytes per byte touched. A subject's regret is its ratio to the best,
 * in time block by block with an interval: it is tied with the best if the interval includes 1
 * (under icount: the range, or within 0.5 %). Not ranked: null (its memory is there already), a
 * cell without an ok sample, one whose verify failed, and one whose repetitions measured different
 * units.
 */
#ifndef TA_VERDICT_H
#define TA_VERDICT_H

#include "cells.h"

#define VERDICT_BASELINE "null"
#define ICOUNT_TOLERANCE 0.005
/* Committed ratios closer than this are one: libraries' and page tables' own few pages. */
#define MEMORY_TOLERANCE 0.005
/* Below this, nothing is committed for what is touched, and a ratio to it would say nothing. */
#define MEMORY_NOTHING 0.01

struct verdict {
	struct result *cells; /* a run of n_cells in results->cells */
	size_t n_cells;
	const struct sample *group; /* any sample: target, workload, size, fill, threads, params */
	struct result *fastest, *leanest;  /* NULL: nothing to rank */
	size_t tied_fastest, tied_leanest; /* others that tie with it */
	size_t repetitions;		   /* the fewest of the ranked cells */
	bool too_few;			   /* fewer than a claim about a host needs */
};

struct verdicts {
	struct verdict *groups;
	size_t n;
};

/* Ranks every group and sets regret and ties in its cells. 0 or -ENOMEM. results must outlive
 * verdicts. */
int verdicts_build(struct verdicts *verdicts, struct results *results);
void verdicts_free(struct verdicts *verdicts);

/* May this cell be ranked? If not, why points to a sentence. */
bool result_ranked(const struct result *result, const char **why);
#endif
