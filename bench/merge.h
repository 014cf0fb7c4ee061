/* SPDX-License-Identifier: MIT */
/*
 * Runs of several machines as one table, with the spread between them.
 *
 * Contract. A row is a subject in a workload: for each run the ratio of its cost to the baseline's,
 * block by block, with the run's own interval. No time of one machine meets that of another.
 * Committed memory is no ratio: bytes per byte touched, as it is. A row's median, lowest and
 * highest are over the runs that have it; its spread is highest / lowest.
 */
#ifndef TA_MERGE_H
#define TA_MERGE_H

#include <stdio.h>

#include "source.h"

enum accord { ACCORD_DEARER, ACCORD_CHEAPER, ACCORD_NONE, ACCORD_OPPOSITE, ACCORD_UNKNOWN };

struct merge_row {
	const struct series *series; /* of the first run that has it */
	const char *baseline;	     /* NULL: the values themselves */
	struct estimate *of;	     /* one of each run; n = 0 where it has none */
	size_t n;		     /* runs that have it */
	double median, lowest, highest;
	enum accord accord; /* of ratios: what the intervals say together */
};

struct merged {
	const struct source *sources;
	size_t n_sources;
	struct merge_row *rows;
	size_t n, n_ratios; /* rows; of these, ratios */
};

/* 0 or -ENOMEM; freed by merged_free() in any case. baseline: a subject, or NULL for mmap. */
int merge_sources(struct merged *merged, const struct source *sources, size_t n,
		  const char *baseline);
void merged_free(struct merged *merged);

void merged_write_markdown(const struct merged *merged, FILE *out);
int merged_write_json(const struct merged *merged, FILE *out); /* 0 or -EIO */

#endif
