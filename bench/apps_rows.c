// SPDX-License-Identifier: MIT
#include "apps_rows.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apps.h"
#include "csv.h"
#include "report_model.h"

#define MAX_VALUES 1000

static bool is_app(const struct sample *s, const char *purpose)
{
	return !strcmp(s->kind, "app") && (!purpose || !strcmp(s->purpose, purpose));
}

static bool same_cell(const struct sample *a, const struct sample *b)
{
	return !strcmp(a->workload, b->workload) && !strcmp(a->subject, b->subject);
}

/* The metric's values in ok samples of the cell. Returns how many. */
static size_t values_of(const struct samples *samples, const struct sample *cell,
			const char *purpose, const char *metric, double values[MAX_VALUES])
{
	size_t n = 0;

	for (size_t i = 0; i < samples->n && n < MAX_VALUES; i++) {
		const struct sample *s = &samples->rows[i];
		double value;

		if (!is_app(s, purpose) || !same_cell(s, cell) || strcmp(s->outcome, "ok"))
			continue;
		value = sample_metric(s, metric);
		if (!isnan(value))
			values[n++] = value;
	}
	return n;
}

static double median_of(const struct samples *samples, const struct sample *cell,
			const char *purpose, const char *metric)
{
	double values[MAX_VALUES];

	return stats_median(values, values_of(samples, cell, purpose, metric, values));
}

/* To the baseline, over the rounds that have both. */
static struct estimate time_ratio(const struct samples *samples, const struct sample *cell)
{
	double ours[MAX_VALUES], base[MAX_VALUES];
	size_t n = 0;

	for (size_t i = 0; i < samples->n && n < MAX_VALUES; i++) {
		const struct sample *s = &samples->rows[i];

		if (!is_app(s, "measure") || !same_cell(s, cell))
			continue;
		for (size_t k = 0; k < samples->n; k++) {
			const struct sample *b = &samples->rows[k];

			if (!is_app(b, "measure") || b->rep != s->rep ||
			    strcmp(b->workload, s->workload) || strcmp(b->subject, APPS_BASELINE))
				continue;
			ours[n] = sample_metric(s, "time_ns");
			base[n] = sample_metric(b, "time_ns");
			n += !isnan(ours[n]) && base[n] > 0;
			break;
		}
	}
	return stats_ratio_interval(ours, base, n);
}

/* The first that is not ok: what is wrong outweighs what is missing. */
static void add_outcome(struct app_row *row, const struct samples *samples,
			const struct sample *cell)
{
	row->outcome = "ok";
	for (size_t i = 0; i < samples->n; i++) {
		const struct sample *s = &samples->rows[i];

		if (!is_app(s, NULL) || !same_cell(s, cell) || !strcmp(s->outcome, "ok"))
			continue;
		if (!strcmp(s->purpose, "verify") || !strcmp(s->outcome, "failed"))
			row->outcome = s->outcome;
		if (!row->reason || !strcmp(s->outcome, "failed"))
			row->reason = s->reason;
	}
}

static void fill_row(struct app_row *row, const struct samples *samples, const struct sample *cell)
{
	double times[MAX_VALUES];
	size_t n = values_of(samples, cell, "measure", "time_ns", times);

	*row = (struct app_row){
		.program = cell->workload,
		.subject = cell->subject,
		.time_ns = stats_median_interval(times, n),
		.time_ratio = time_ratio(samples, cell),
		.user_time_ns = median_of(samples, cell, "measure", "user_time_ns"),
		.system_time_ns = median_of(samples, cell, "measure", "system_time_ns"),
		.peak_committed_bytes = median_of(samples, cell, "verify", "peak_committed_bytes"),
		.average_committed_bytes =
			median_of(samples, cell, "verify", "average_committed_bytes"),
		.peak_reserved_bytes = median_of(samples, cell, "verify", "peak_reserved_bytes"),
		.page_faults = median_of(samples, cell, "faults", "perf_page_faults"),
		.major_faults = median_of(samples, cell, "faults", "perf_major_faults"),
		.cycles = median_of(samples, cell, "faults", "perf_cycles"),
		.dtlb_load_misses = median_of(samples, cell, "faults", "perf_dtlb_load_misses"),
		.peak_ratio = NAN,
		.average_ratio = NAN,
	};
	add_outcome(row, samples, cell);
}

/* By program; in it glibc first, ours last, the others by name. */
static int by_name(const void *a, const void *b)
{
	const struct app_row *x = a, *y = b;
	int order = strcmp(x->program, y->program);

	if (!order)
		order = !strcmp(y->subject, APPS_BASELINE) - !strcmp(x->subject, APPS_BASELINE);
	if (!order)
		order = !strcmp(x->subject, APPS_TAMALLOC) - !strcmp(y->subject, APPS_TAMALLOC);
	return order ? order : strcmp(x->subject, y->subject);
}

static void add_memory_ratios(struct app_rows *rows)
{
	const struct app_row *base = NULL;

	for (size_t i = 0; i < rows->n; i++) {
		struct app_row *row = &rows->rows[i];

		if (!strcmp(row->subject, APPS_BASELINE))
			base = row;
		if (!base || strcmp(base->program, row->program))
			continue;
		row->peak_ratio = row->peak_committed_bytes / base->peak_committed_bytes;
		row->average_ratio = row->average_committed_bytes / base->average_committed_bytes;
	}
}

int app_rows_build(struct app_rows *rows, const struct samples *samples)
{
	size_t capacity = 0;

	*rows = (struct app_rows){.n = 0};
	for (size_t i = 0; i < samples->n; i++) {
		const struct sample *s = &samples->rows[i];
		bool seen = !is_app(s, NULL);

		for (size_t k = 0; k < rows->n && !seen; k++)
			seen = !strcmp(rows->rows[k].program, s->workload) &&
			       !strcmp(rows->rows[k].subject, s->subject);
		if (seen)
			continue;
		if (rows->n == capacity) {
			struct app_row *more;

			capacity = capacity ? 2 * capacity : 64;
			more = realloc(rows->rows, capacity * sizeof(*more));
			if (!more) {
				app_rows_free(rows);
				return -ENOMEM;
			}
			rows->rows = more;
		}
		fill_row(&rows->rows[rows->n++], samples, s);
	}
	if (rows->n)
		qsort(rows->rows, rows->n, sizeof(*rows->rows), by_name);
	add_memory_ratios(rows);
	return 0;
}

void app_rows_free(struct app_rows *rows)
{
	free(rows->rows);
	*rows = (struct app_rows){.n = 0};
}

enum app_effect app_effect(const struct app_row *row)
{
	bool quick = stats_at_most(&row->time_ratio, APPS_TIME_LIMIT), lean;

	if (strcmp(row->subject, APPS_TAMALLOC) || strcmp(row->outcome, "ok") ||
	    !row->time_ratio.n || isnan(row->peak_ratio) || isnan(row->average_ratio))
		return APP_UNKNOWN;
	lean = row->peak_ratio <= APPS_MEMORY_GAIN && row->average_ratio <= APPS_MEMORY_GAIN;
	if (!quick && row->time_ratio.lo <= APPS_TIME_LIMIT)
		return APP_UNDECIDED;
	if (lean)
		return quick ? APP_GAINS : APP_TRADES;
	if (!quick)
		return APP_COSTS;
	return row->peak_ratio < 0.9 ? APP_LEANER : APP_NEUTRAL;
}

const char *app_effect_text(const struct app_row *row, char *out, size_t bytes)
{
	static const char *const words[] = {
		[APP_UNKNOWN] = "",
		[APP_GAINS] = "it helps",
		[APP_LEANER] = "it saves some memory",
		[APP_NEUTRAL] = "it does not help, and does no harm",
		[APP_TRADES] = "it saves memory and costs time",
		[APP_COSTS] = "it does not help: it costs time",
		[APP_UNDECIDED] = "its time varies too much here to tell",
	};
	char peak[NUMBER_CHARS], average[NUMBER_CHARS], time[3][NUMBER_CHARS];
	enum app_effect effect = app_effect(row);

	if (effect == APP_UNKNOWN) {
		snprintf(out, bytes, "%s: no verdict: %s", row->program,
			 row->reason ? row->reason : "its time or its memory is not known");
		return out;
	}
	snprintf(out, bytes,
		 "%s: %s. It commits %s of glibc's memory at the peak and %s on average, in %s x "
		 "the time (%s to %s%s).",
		 row->program, words[effect], text_ratio(row->peak_ratio, peak),
		 text_ratio(row->average_ratio, average),
		 text_ratio(row->time_ratio.value, time[0]),
		 text_ratio(row->time_ratio.lo, time[1]), text_ratio(row->time_ratio.hi, time[2]),
		 row->time_ratio.n < STATS_MIN_REPETITIONS ? "; too few repetitions for a claim"
							   : "");
	return out;
}

void app_rows_write_csv(const struct app_rows *rows, FILE *out)
{
	fputs("program,subject,outcome,reason,n,time_ns,time_ns_lo,time_ns_hi,time_ratio,"
	      "time_ratio_lo,time_ratio_hi,user_time_ns,system_time_ns,peak_committed_bytes,"
	      "average_committed_bytes,peak_reserved_bytes,peak_ratio,average_ratio,page_faults,"
	      "major_faults,cycles,dtlb_load_misses\n",
	      out);
	for (size_t i = 0; i < rows->n; i++) {
		const struct app_row *r = &rows->rows[i];
		const double numbers[] = {
			(double)r->time_ns.n,
			r->time_ns.value,
			r->time_ns.lo,
			r->time_ns.hi,
			r->time_ratio.value,
			r->time_ratio.lo,
			r->time_ratio.hi,
			r->user_time_ns,
			r->system_time_ns,
			r->peak_committed_bytes,
			r->average_committed_bytes,
			r->peak_reserved_bytes,
			r->peak_ratio,
			r->average_ratio,
			r->page_faults,
			r->major_faults,
			r->cycles,
			r->dtlb_load_misses,
		};

		csv_string(out, r->program, true);
		csv_string(out, r->subject, false);
		csv_string(out, r->outcome, false);
		csv_string(out, r->reason, false);
		for (size_t k = 0; k < sizeof(numbers) / sizeof(numbers[0]); k++)
			csv_number(out, numbers[k], false);
		fputc('\n', out);
	}
}
