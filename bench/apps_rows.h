/* SPDX-License-Identifier: MIT */
/* What became of each program under each library: the rows of kind "app" of a run, evaluated. */
#ifndef TA_APPS_ROWS_H
#define TA_APPS_ROWS_H

#include "flatten.h"
#include "stats.h"

/* What the report calls a gain: at most half of the memory at no more than so many times the time.
 */
#define APPS_MEMORY_GAIN 0.5
#define APPS_TIME_LIMIT	 1.05

struct app_row {
	const char *program, *subject;
	const char *outcome; /* of its check: "ok", or what happened instead */
	const char
		*reason; /* why not, or why its time or faults are unknown; NULL: nothing to say */
	struct estimate time_ns;
	struct estimate time_ratio; /* to glibc, median over the rounds of the ratio in a round */
	double user_time_ns, system_time_ns;					   /* medians */
	double peak_committed_bytes, average_committed_bytes, peak_reserved_bytes; /* medians */
	double peak_ratio, average_ratio;					   /* to glibc */
	double page_faults, major_faults, cycles, dtlb_load_misses; /* NaN: not counted */
};

struct app_rows {
	struct app_row *rows; /* by program, in the order of apps.c; glibc first */
	size_t n;
};

/* 0 or -ENOMEM; the strings are the samples'. */
int app_rows_build(struct app_rows *rows, const struct samples *samples);
void app_rows_free(struct app_rows *rows);

/* What the library of this tree does for the row's program. */
enum app_effect {
	APP_UNKNOWN,
	APP_GAINS,   /* within the limits above */
	APP_LEANER,  /* less memory, but less than half of it saved, and no slower than the limit */
	APP_NEUTRAL, /* as much memory, within a tenth, and no slower than the limit */
	APP_TRADES,  /* half of the memory saved, but slower than the limit */
	APP_COSTS,   /* slower than the limit, and less than half of the memory saved */
	APP_UNDECIDED, /* its time varies too much to tell */
};
enum app_effect app_effect(const struct app_row *row);
/* One sentence. Returns out. */
const char *app_effect_text(const struct app_row *row, char *out, size_t bytes);

void app_rows_write_csv(const struct app_rows *rows, FILE *out);

#endif
