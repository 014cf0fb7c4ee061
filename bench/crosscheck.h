/* SPDX-License-Identifier: MIT */
/* What a run says about itself: the cost of its timeline sampler, its counts against perf stat's,
 * and how many of its cells were verified. */
#ifndef TA_CROSSCHECK_H
#define TA_CROSSCHECK_H

#include "cells.h"

/* ---- Sampler overhead: samples of purpose "overhead", parameter sampler = on or off ---- */

#define OVERHEAD_PARAM	   "sampler"
#define OVERHEAD_MIN_PAIRS 25
#define OVERHEAD_LIMIT	   1.02

struct overhead {
	struct estimate
		slowdown; /* ratio of total cost on / off, over pairs of one cell and block */
	size_t unpaired;  /* samples without a partner */
};

int overhead_measure(struct overhead *overhead, const struct samples *samples); /* 0, -ENOMEM */
/* The median is at most the limit, or the interval includes it. */
bool overhead_within(const struct overhead *overhead);
/* "median slow-down 1.004 (95 % interval 0.998 to 1.011) over 25 interleaved pairs" */
const char *overhead_text(const struct overhead *overhead, char *out, size_t bytes);

/* ---- Timelines: timeline/index.csv ---- */

struct timelines {
	size_t recorded, failed; /* both modes; refused ones count in neither */
	size_t exact;		 /* recorded in exact mode */
	double lost_records;	 /* of these */
	size_t equal;		 /* of these, how many end at the total that smaps shows */
};

/* All 0 where the run has no timelines. */
struct timelines timelines_read(const char *run_dir);
/* "7 exact timelines: 0 records lost, the last total equals smaps in 7"; "" where there is none. */
const char *timelines_text(const struct timelines *timelines, char *out, size_t bytes);

/* ---- perf stat: samples of kind "stat" ---- */

#define STAT_TOLERANCE	    0.01
#define STAT_STARTUP_FAULTS 300 /* perf counts the worker's own start as well */

struct stat_row {
	const struct sample *sample;
	double perf_faults; /* over the whole process */
	double own_faults;  /* the same process's phases, by its own probe */
	double cell_faults; /* median of the cell's measured samples; NaN if it has none */
	double major_faults, cycles, dtlb_load_misses; /* by perf; NaN: not counted here */
	bool within; /* perf equals the cell's (else its own) within tolerance + start-up */
};

struct stat_rows {
	struct stat_row *rows;
	size_t n, n_within;
	size_t n_cycles, n_dtlb; /* how many of them have the hardware's counts */
	const char *refused;	 /* why there are none, or NULL; the samples' */
};

int stat_rows_build(struct stat_rows *rows, const struct samples *samples,
		    const struct results *results); /* 0, -ENOMEM */
void stat_rows_free(struct stat_rows *rows);

/* ---- Verification ---- */

struct verified {
	size_t ok, passed, failed; /* ok cells; of these, verified right; wrong */
};

struct verified verified_count(const struct results *results);

#endif
