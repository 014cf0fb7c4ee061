/* SPDX-License-Identifier: MIT */
/*
 * Samples grouped into cells, with medians and intervals; and ratios of two cells.
 *
 * Contract. A cell is every measured sample of one cell_id. Only ok samples whose checksum was
 * right count; none of them is ever dropped as an outlier. Values are medians over repetitions;
 * intervals are the bootstrap's on a monotonic clock, the exact range under icount. A ratio is
 * formed only between cells of one target, clock and cost unit, block by block.
 */
#ifndef TA_CELLS_H
#define TA_CELLS_H

#include "flatten.h"
#include "stats.h"

/* What a cell summarises. The first CELL_INTERVALS carry intervals in cells.csv. */
enum cell_metric {
	CELL_TOUCH_COST_PER_PAGE, /* per touched page */
	CELL_TOTAL_COST_PER_PAGE, /* alloc + touch + free, per touched page */
	CELL_ALLOC_COST,
	CELL_FREE_COST,
	CELL_REUSE_COST_PER_OPERATION,
	CELL_LATENCY_P50, /* of single operations, where the workload times each */
	CELL_LATENCY_P99,
	CELL_LATENCY_P999,
	CELL_LATENCY_MAX,
	CELL_INTERVALS,
	CELL_TOTAL_COST = CELL_INTERVALS,
	CELL_COMMITTED_BYTES,
	CELL_TOUCHED_BYTES,
	CELL_COMMITTED_PER_TOUCHED, /* bytes committed per byte of touched pages */
	CELL_MINOR_FAULTS_ALLOC,
	CELL_MINOR_FAULTS_TOUCH,
	CELL_TOTAL_FAULTS,
	CELL_PEAK_RSS_BYTES,
	CELL_PAGE_TABLE_BYTES,
	CELL_ALLOC_COMMITTED_BYTES, /* at the end of the alloc phase */
	CELL_RESERVED_BYTES,
	CELL_METRICS,
};

enum verification { VERIFY_MISSING, VERIFY_PASSED, VERIFY_FAILED };

struct result {
	const struct sample *identity; /* any sample of the cell */
	const char *cost_unit;	       /* NULL if no sample is ok */
	char params[128];	       /* "name=value;..." */
	const char *outcome; /* "ok" if at least one sample is ok, else the most telling other */
	char reason[256];    /* why samples are not ok; empty if all are */
	size_t n_samples, n; /* all; ok ones */
	enum verification verification;
	double *block;		      /* n block numbers, ascending */
	double *values[CELL_METRICS]; /* n values each; NaN = unknown */
	struct estimate of[CELL_METRICS];
	/* Set by verdict.c, unknown where the cell is not ranked. */
	struct estimate regret_time; /* ratio to the fastest of its group, block by block */
	double regret_memory;	     /* ratio of committed per touched to the leanest's */
	bool tied_time, tied_memory; /* with the best (or the best itself) */
};

struct results {
	struct result *cells;
	size_t n;
	double page_bytes;
};

/* Under instruction counting a cost below this is not compared. */
#define ICOUNT_COMPARABLE 10e6

/* Is the total cost large enough to be compared? Always on a monotonic clock. */
bool result_comparable(const struct result *result);

/* Does a cell's median count this sample: measured, ok, and its checksum right? */
bool sample_counts(const struct sample *sample);
/* Groups the measured samples. 0 or -ENOMEM; freed by results_free(). samples must outlive results.
 */
int results_build(struct results *results, const struct samples *samples, double page_bytes);
/* The same of the samples of another purpose, such as "aa". */
int results_build_of(struct results *results, const struct samples *samples, const char *purpose,
		     double page_bytes);
void results_free(struct results *results);
/* The cell of an id, or NULL. */
struct result *results_find(const struct results *results, const char *cell_id);

/* Median of the known ones among n values, with the interval that the clock calls for. */
struct estimate cell_estimate(const double *values, size_t n, const char *clock);

/*
 * Fills at_a and at_b (each with room for n) with the indices of the blocks that both a (n of them)
 * and b (m) hold, both ascending; returns how many.
 */
size_t blocks_common(const double *a, size_t n, const double *b, size_t m, size_t *at_a,
		     size_t *at_b);

/* May a and b stand in one ratio? If not, why points to a sentence. */
bool comparable(const struct sample *a, const char *unit_a, const struct sample *b,
		const char *unit_b, const char **why);
/*
 * Median over the blocks that both cells have of a/b, with its interval. 0; -EINVAL if they must
 * not be compared, -ENODATA if they share no block with known values; then out is unknown and why
 * says it.
 */
int result_ratio(const struct result *a, const struct result *b, enum cell_metric metric,
		 struct estimate *out, const char **why);

/* The stem of the metric's column in cells.csv, for those before CELL_INTERVALS. */
const char *cell_metric_name(enum cell_metric metric);
/* What subjects are compared by: total cost per touched page; where no page is touched, the cost of
 * one operation of phase reuse; else the median of operations timed one by one. */
enum cell_metric result_headline(const struct result *result);

/* One row per cell, what charts read. */
void results_write_csv(const struct results *results, FILE *out);
/* Column names of that file, in order, NULL at the end. */
const char *const *results_columns(void);

#endif
