/* SPDX-License-Identifier: MIT */
/*
 * From which touched fraction on eager is cheaper than lazy.
 *
 * Contract. Read from the workload "fraction" alone: total cost (alloc + touch + free) against the
 * percent of pages touched. A subject is lazy if at the end of its alloc phase at most 5 % of what
 * it reserved is committed, eager from 50 % on: what it did, not what it says. At each fraction the
 * difference eager - lazy is the median over the blocks that hold both; the crossing is where it
 * falls through 0, linear between fractions; its interval is the bootstrap's, over blocks.
 */
#ifndef TA_CROSSOVER_H
#define TA_CROSSOVER_H

#include "cells.h"

#define CROSSOVER_WORKLOAD "fraction"
#define CROSSOVER_PARAM	   "touched_pct"

enum crossing_kind {
	CROSSING_AT,	    /* lazy is cheaper below, eager above touched_pct.value */
	CROSSING_LAZY_WINS, /* at every fraction measured */
	CROSSING_EAGER_WINS,
	CROSSING_UNKNOWN, /* not comparable, fewer than two fractions, or not from lazy to eager */
};

struct crossing {
	const struct sample *lazy, *eager; /* identities: target, size, fill, subjects */
	enum crossing_kind kind;
	/* Bounds are infinite where the interval goes beyond the fractions measured. */
	struct estimate touched_pct;
	double lowest_pct, highest_pct; /* measured */
	bool repeated; /* the difference changes sign more than once: the last is given */
};

struct crossings {
	struct crossing *pairs;
	size_t n;
};

/* Every pair of a lazy and an eager subject with the same target, size, fill, threads and other
 * parameters. 0 or -ENOMEM. */
int crossings_build(struct crossings *crossings, const struct results *results);
void crossings_free(struct crossings *crossings);
/* One sentence, "above 37 % touched (95 % interval 33 to 41) X is cheaper than Y here". */
const char *crossing_text(const struct crossing *crossing, char *out, size_t bytes);
/* crossover.csv: one row per subject and fraction. */
void crossover_write_csv(const struct results *results, FILE *out);
const char *const *crossover_columns(void); /* NULL-terminated */

/* crossings.csv: one row per pair; a bound is empty where it lies beyond what was measured. */
void crossings_write_csv(const struct crossings *crossings, FILE *out);
const char *const *crossings_columns(void); /* NULL-terminated */
/* "at", "lazy_cheaper", "eager_cheaper" (at every fraction measured), "unknown" */
const char *crossing_kind_name(enum crossing_kind kind);

#endif
