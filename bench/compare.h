/* SPDX-License-Identifier: MIT */
/*
 * What changed between two runs, or what differs between two subjects of one.
 *
 * Contract. Costs that a host's clock measured are compared between runs as ratios only: the cost
 * over that of the baseline, another subject of the same run, in the same block (of files that know
 * no blocks: over the baseline's median). A row says how many times BASE's such ratios NEW's
 * are, with a bootstrap interval (stats_ratio_between()); p is Mann-Whitney's, adjusted by Holm
 * over all rows that are tested. Between two subjects of one run the ratio is formed block by
 * block, and the test is over their costs: the run's drift is in these, which makes the test more
 * cautious, never bolder.
 *
 * Worse or better is a row with p below COMPARE_ALPHA whose ratio is further from 1 than the noise
 * floor, which A/A pairs of the runs set (controls.h), each side with STATS_MIN_REPETITIONS values
 * or more. Where the floor is unknown or above CONTROLS_TOO_NOISY, no such row is judged.
 *
 * What is counted (instructions, committed memory) is compared directly, block by block: a finding
 * where the median differs by more than ICOUNT_TOLERANCE (COMPARE_MEMORY) and all blocks in the
 * same direction.
 *
 * A cell that ran in BASE and fails in NEW is worse.
 */
#ifndef TA_COMPARE_H
#define TA_COMPARE_H

#include <stdio.h>

#include "source.h"

#define COMPARE_ALPHA 0.05
/* Committed memory of two runs of the same differs by up to 1 %: what is touched at random, and how
 * large pages fall into it, is of each run's own seed. */
#define COMPARE_MEMORY	 0.02
#define COMPARE_BASELINE "mmap" /* where both runs have it and none is named */

enum finding { FINDING_WORSE, FINDING_BETTER, FINDING_NONE, FINDING_NOT_JUDGED };

struct compare_row {
	const struct series *base, *new; /* new is NULL where NEW lacks it */
	const struct series *baseline;	 /* BASE's; NULL where none is needed */
	struct estimate ratio;
	double p, delta; /* adjusted; Cliff's delta; NaN where nothing is inferred */
	enum finding finding;
	const char *why; /* of what is not judged, and of a failure */
};

struct compare_options {
	const char *baseline; /* a subject; NULL: COMPARE_BASELINE, else the first that both have */
	double floor;	      /* in place of the runs' own, as a share; NaN: none */
	double limit; /* of two subjects: worse is what is above it, nothing else is asked; NaN */
};

struct comparison {
	const struct source *base, *new; /* the same for two subjects of one run */
	struct compare_options options;
	struct compare_row *rows; /* what changed most first */
	size_t n;
	size_t count[FINDING_NOT_JUDGED + 1];
	size_t tested; /* rows that p was adjusted for */
	double floor;  /* NaN: unknown */
	bool floor_needed;
	char **notes; /* sentences */
	size_t n_notes;
	bool baseline_suspect; /* the chosen baseline may be what got worse */
};

/* 0 or -ENOMEM; freed by comparison_free() in any case. The sources must outlive it. */
int compare_runs(struct comparison *comparison, const struct source *base, const struct source *new,
		 const struct compare_options *options);
/* new over base, both subjects of source. */
int compare_subjects(struct comparison *comparison, const struct source *source, const char *base,
		     const char *new, const struct compare_options *options);
void comparison_free(struct comparison *comparison);

/* Why nothing can be said about the times: too noisy, floor unknown, too few repetitions, nothing
 * in common; NULL where something can. out has room for bytes. */
const char *comparison_undecided(const struct comparison *comparison, char *out, size_t bytes);

const char *finding_name(enum finding finding); /* "WORSE", "better", "same", "not judged" */

/* all: also the rows without a finding. */
void comparison_print(const struct comparison *comparison, bool all, FILE *out);
int comparison_write_json(const struct comparison *comparison, FILE *out); /* 0 or -EIO */

#endif
