/* SPDX-License-Identifier: MIT */
/*
 * The one flattener: samples.jsonl in, rows out. CSV, tables, charts and report derive from these
 * rows only.
 *
 * Contract. A row's columns are those of flatten_columns() (fixed), followed by one column per
 * parameter, metric and probe source that occurs in the file. Unknown values are NaN in memory,
 * NULL for strings and empty in CSV: never 0. A torn last line (the writer was killed) is skipped,
 * and so is any line that is not a sample; both are told in notes. Strings belong to the rows: they
 * live until samples_free().
 */
#ifndef TA_FLATTEN_H
#define TA_FLATTEN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "phase.h"
#include "probe.h"

struct phase_row {
	double cost, user_cost, sys_cost, minor_faults, major_faults, committed_bytes;
};

/* One line of samples.jsonl. Numbers are doubles: every count here is below 2^53. */
struct sample {
	const char *kind, *run_id, *cell_id, *purpose, *target, *clock, *subject, *backend,
		*workload;
	const char *outcome, *reason;
	const char *expected, *observed; /* of a scenario: sentences, else NULL */
	const char
		*cost_unit; /* of all phases; NULL if there are none; "mixed" is never compared */
	int64_t started_ns;
	double schema, block, order, rep, size_bytes, threads, fill, signal;
	struct phase_row phases[PHASE_COUNT];
	double total_cost;   /* alloc + touch + free; unknown if one of the marked ones is */
	double total_faults; /* minor + major over all marked phases (not a column) */
	double touched_pages, reserved_bytes, committed_bytes;
	double anon_bytes, swap_bytes, hugetlb_bytes, shmem_or_memfd_bytes, driver_bytes;
	double page_table_bytes, vma_count, huge_bytes, peak_rss_bytes, rss_after_free_bytes;
	double latency_count, p50, p99, p999, max, clock_cost, cycles, dtlb_misses;
	double verified;			       /* 0 or 1 */
	const json_t *params, *metrics, *probe_source; /* objects */
	json_t *line;				       /* owns all of the above */
};

struct samples {
	struct sample *rows;
	size_t n, capacity;
	char **notes; /* sentences: what was skipped and why */
	size_t n_notes;
};

enum column_type { COLUMN_STRING, COLUMN_NUMBER, COLUMN_INTEGER };

struct column {
	const char *name;
	const char *unit; /* "" for names and identifiers; "cost_unit" = see that column */
	const char *kind; /* "identity", "counter", "gauge", "peak" */
	enum probe_better better;
	enum column_type type;
	size_t offset; /* in struct sample */
};

/* The fixed columns of samples.csv, in order; a NULL name ends them. */
const struct column *flatten_columns(void);
const char *better_name(enum probe_better better); /* "lower", "higher", "-" */

/* Reads DIR/samples.jsonl. 0, or -errno (-ENOENT: there is none); samples is valid (perhaps empty)
 * in any case and freed by samples_free(). */
int samples_read(struct samples *samples, const char *run_dir);
void samples_free(struct samples *samples);
/* Adds a sentence. */
void samples_note(struct samples *samples, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Parameter or metric of a row by name; NaN if absent, null or not a number. */
double sample_param(const struct sample *sample, const char *name);
double sample_metric(const struct sample *sample, const char *name);
/* "name=value;..." of the parameters except the one named in without (NULL: all), sorted by name.
 */
char *sample_params_text(const struct sample *sample, const char *without, char *out, size_t bytes);

/* Writes samples.csv (RFC 4180; line breaks inside a field become spaces). */
void samples_write_csv(const struct samples *samples, FILE *out);
#endif
