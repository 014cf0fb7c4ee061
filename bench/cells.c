// SPDX-License-Identifier: MIT
#include "cells.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "csv.h"

static const char *const csv_columns[] = {
	"cell_id",
	"target",
	"clock",
	"cost_unit",
	"subject",
	"workload",
	"size_bytes",
	"fill",
	"threads",
	"params",
	"n",
	"outcome",
	"reason",
	"touch_cost_per_page",
	"touch_cost_per_page_lo",
	"touch_cost_per_page_hi",
	"total_cost_per_page",
	"total_cost_per_page_lo",
	"total_cost_per_page_hi",
	"alloc_cost",
	"alloc_cost_lo",
	"alloc_cost_hi",
	"free_cost",
	"free_cost_lo",
	"free_cost_hi",
	"reuse_cost_per_operation",
	"reuse_cost_per_operation_lo",
	"reuse_cost_per_operation_hi",
	"latency_p50",
	"latency_p50_lo",
	"latency_p50_hi",
	"latency_p99",
	"latency_p99_lo",
	"latency_p99_hi",
	"latency_p999",
	"latency_p999_lo",
	"latency_p999_hi",
	"latency_max",
	"latency_max_lo",
	"latency_max_hi",
	"committed_bytes",
	"touched_bytes",
	"committed_per_touched",
	"minor_faults_alloc",
	"minor_faults_touch",
	"peak_rss_bytes",
	"page_table_bytes",
	"regret_time",
	"regret_time_lo",
	"regret_time_hi",
	"regret_memory",
	NULL,
};

const char *const *results_columns(void)
{
	return csv_columns;
}

static bool is_of(const struct sample *s, const char *purpose)
{
	return !strcmp(s->kind, "sample") && !strcmp(s->purpose, purpose);
}

static bool is_good(const struct sample *s)
{
	return !strcmp(s->outcome, "ok") && s->verified != 0;
}

bool sample_counts(const struct sample *sample)
{
	return is_of(sample, "measure") && is_good(sample);
}

static int by_cell(const void *a, const void *b)
{
	const struct sample *x = *(const struct sample *const *)a;
	const struct sample *y = *(const struct sample *const *)b;
	int order = strcmp(x->cell_id, y->cell_id);

	if (order == 0)
		order = (x->block > y->block) - (x->block < y->block);
	return order ? order : (x > y) - (x < y);
}

/* Order of the tables: target, workload, fill, size, params, subject. */
static int by_identity(const void *a, const void *b)
{
	const struct result *x = a, *y = b;
	int order = strcmp(x->identity->target, y->identity->target);

	if (order == 0)
		order = strcmp(x->identity->workload, y->identity->workload);
	if (order == 0)
		order = (x->identity->fill > y->identity->fill) -
			(x->identity->fill < y->identity->fill);
	if (order == 0)
		order = (x->identity->size_bytes > y->identity->size_bytes) -
			(x->identity->size_bytes < y->identity->size_bytes);
	if (order == 0)
		order = (x->identity->threads > y->identity->threads) -
			(x->identity->threads < y->identity->threads);
	if (order == 0) /* "percent=5" before "percent=25" */
		order = strverscmp(x->params, y->params);
	return order ? order : strcmp(x->identity->subject, y->identity->subject);
}

static double metric_of(const struct sample *s, enum cell_metric metric, double page_bytes)
{
	const struct phase_row *alloc = &s->phases[PHASE_ALLOC], *touch = &s->phases[PHASE_TOUCH];
	double pages = s->touched_pages > 0 ? s->touched_pages : NAN;

	switch (metric) {
	case CELL_TOUCH_COST_PER_PAGE:
		return touch->cost / pages;
	case CELL_TOTAL_COST_PER_PAGE:
		return s->total_cost / pages;
	case CELL_ALLOC_COST:
		return alloc->cost;
	case CELL_FREE_COST:
		return s->phases[PHASE_FREE].cost;
	case CELL_REUSE_COST_PER_OPERATION:
		return s->phases[PHASE_REUSE].cost / sample_metric(s, "operations");
	case CELL_LATENCY_P50:
		return s->p50;
	case CELL_LATENCY_P99:
		return s->p99;
	case CELL_LATENCY_P999:
		return s->p999;
	case CELL_LATENCY_MAX:
		return s->max;
	case CELL_TOTAL_COST:
		return s->total_cost;
	case CELL_COMMITTED_BYTES:
		return s->committed_bytes;
	case CELL_TOUCHED_BYTES:
		return s->touched_pages * page_bytes;
	case CELL_COMMITTED_PER_TOUCHED:
		return s->committed_bytes / (pages * page_bytes);
	case CELL_MINOR_FAULTS_ALLOC:
		return alloc->minor_faults;
	case CELL_MINOR_FAULTS_TOUCH:
		return touch->minor_faults;
	case CELL_TOTAL_FAULTS:
		return s->total_faults;
	case CELL_PEAK_RSS_BYTES:
		return s->peak_rss_bytes;
	case CELL_PAGE_TABLE_BYTES:
		return s->page_table_bytes;
	case CELL_ALLOC_COMMITTED_BYTES:
		return alloc->committed_bytes;
	case CELL_RESERVED_BYTES:
		return s->reserved_bytes;
	case CELL_METRICS:
		break;
	}
	return NAN;
}

const char *cell_metric_name(enum cell_metric metric)
{
	static const char *const names[CELL_INTERVALS] = {
		[CELL_TOUCH_COST_PER_PAGE] = "touch_cost_per_page",
		[CELL_TOTAL_COST_PER_PAGE] = "total_cost_per_page",
		[CELL_ALLOC_COST] = "alloc_cost",
		[CELL_FREE_COST] = "free_cost",
		[CELL_REUSE_COST_PER_OPERATION] = "reuse_cost_per_operation",
		[CELL_LATENCY_P50] = "latency_p50",
		[CELL_LATENCY_P99] = "latency_p99",
		[CELL_LATENCY_P999] = "latency_p999",
		[CELL_LATENCY_MAX] = "latency_max",
	};

	return names[metric];
}

enum cell_metric result_headline(const struct result *result)
{
	if (!isnan(result->of[CELL_TOTAL_COST_PER_PAGE].value))
		return CELL_TOTAL_COST_PER_PAGE;
	if (!isnan(result->of[CELL_REUSE_COST_PER_OPERATION].value))
		return CELL_REUSE_COST_PER_OPERATION;
	return CELL_LATENCY_P50;
}

bool result_comparable(const struct result *result)
{
	return strcmp(result->identity->clock, "icount") ||
	       result->of[CELL_TOTAL_COST].value >= ICOUNT_COMPARABLE;
}

struct estimate cell_estimate(const double *values, size_t n, const char *clock)
{
	double *known = calloc(n ? n : 1, sizeof(*known));
	struct estimate e = stats_unknown;
	size_t k = 0;

	if (!known)
		return e;
	for (size_t i = 0; i < n; i++)
		if (!isnan(values[i]))
			known[k++] = values[i];
	e = strcmp(clock, "icount") ? stats_median_interval(known, k) : stats_range(known, k);
	free(known);
	return e;
}

/* Outcome and reason of a cell from samples of which some or all are not ok. */
static void explain(struct result *r, const struct sample *const *samples)
{
	const struct sample *bad = NULL;
	size_t n_bad = r->n_samples - r->n;

	for (size_t i = 0; i < r->n_samples && !bad; i++)
		if (!is_good(samples[i]))
			bad = samples[i];
	r->outcome = r->n ? "ok" : "failed";
	if (!bad)
		return;
	bool wrong = !strcmp(bad->outcome, "ok");
	const char *outcome = wrong ? "failed" : bad->outcome;
	const char *reason = wrong ? "the touched pages did not hold the right bytes" : bad->reason;
	char part[96] = "", signal[32] = "";

	if (!r->n)
		r->outcome = outcome;
	if (r->n)
		snprintf(part, sizeof(part), "%zu of %zu samples %s", n_bad, r->n_samples, outcome);
	if (!reason && !isnan(bad->signal))
		snprintf(signal, sizeof(signal), "signal %.0f", bad->signal);
	snprintf(r->reason, sizeof(r->reason), "%s%s%s", part,
		 part[0] && (reason || signal[0]) ? ": " : "", reason ? reason : signal);
}

static int fill_result(struct result *r, const struct sample *const *samples, size_t n,
		       double page_bytes)
{
	r->identity = samples[0];
	r->n_samples = n;
	r->regret_time = stats_unknown;
	r->regret_memory = NAN;
	sample_params_text(samples[0], NULL, r->params, sizeof(r->params));
	r->block = calloc(n, sizeof(*r->block));
	for (int m = 0; m < CELL_METRICS; m++)
		r->values[m] = calloc(n, sizeof(double));
	for (int m = 0; m < CELL_METRICS; m++)
		if (!r->block || !r->values[m])
			return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (!is_good(samples[i]))
			continue;
		r->cost_unit = !r->cost_unit || (samples[i]->cost_unit &&
						 !strcmp(r->cost_unit, samples[i]->cost_unit))
				       ? samples[i]->cost_unit
				       : "mixed";
		r->block[r->n] = samples[i]->block;
		for (int m = 0; m < CELL_METRICS; m++)
			r->values[m][r->n] = metric_of(samples[i], m, page_bytes);
		r->n++;
	}
	for (int m = 0; m < CELL_METRICS; m++) {
		if (m < CELL_INTERVALS)
			r->of[m] = cell_estimate(r->values[m], r->n, r->identity->clock);
		else
			r->of[m] = cell_estimate(r->values[m], r->n, "icount");
	}
	explain(r, samples);
	return 0;
}

static void note_verification(struct results *results, const struct samples *samples)
{
	for (size_t i = 0; i < samples->n; i++) {
		const struct sample *s = &samples->rows[i];
		struct result *r;

		if (!is_of(s, "verify") || !(r = results_find(results, s->cell_id)))
			continue;
		if (!strcmp(s->outcome, "ok") && s->verified == 1) {
			if (r->verification == VERIFY_MISSING)
				r->verification = VERIFY_PASSED;
		} else {
			r->verification = VERIFY_FAILED;
		}
	}
}

int results_build(struct results *results, const struct samples *samples, double page_bytes)
{
	return results_build_of(results, samples, "measure", page_bytes);
}

int results_build_of(struct results *results, const struct samples *samples, const char *purpose,
		     double page_bytes)
{
	const struct sample **sorted = calloc(samples->n ? samples->n : 1, sizeof(*sorted));
	size_t n = 0, start = 0;
	int err = 0;

	*results = (struct results){.page_bytes = page_bytes};
	results->cells = calloc(samples->n ? samples->n : 1, sizeof(*results->cells));
	if (!sorted || !results->cells) {
		free(sorted);
		return -ENOMEM;
	}
	for (size_t i = 0; i < samples->n; i++)
		if (is_of(&samples->rows[i], purpose))
			sorted[n++] = &samples->rows[i];
	qsort(sorted, n, sizeof(*sorted), by_cell);
	for (size_t i = 1; i <= n && err == 0; i++) {
		if (i < n && !strcmp(sorted[i]->cell_id, sorted[start]->cell_id))
			continue;
		err = fill_result(&results->cells[results->n++], sorted + start, i - start,
				  page_bytes);
		start = i;
	}
	free(sorted);
	note_verification(results, samples);
	qsort(results->cells, results->n, sizeof(*results->cells), by_identity);
	return err;
}

void results_free(struct results *results)
{
	for (size_t i = 0; i < results->n; i++) {
		free(results->cells[i].block);
		for (int m = 0; m < CELL_METRICS; m++)
			free(results->cells[i].values[m]);
	}
	free(results->cells);
	*results = (struct results){0};
}

struct result *results_find(const struct results *results, const char *cell_id)
{
	for (size_t i = 0; i < results->n; i++)
		if (!strcmp(results->cells[i].identity->cell_id, cell_id))
			return &results->cells[i];
	return NULL;
}

bool comparable(const struct sample *a, const char *unit_a, const struct sample *b,
		const char *unit_b, const char **why)
{
	*why = NULL;
	if (!unit_a || !unit_b)
		*why = "no ok sample on one side";
	else if (strcmp(a->target, b->target))
		*why = "host and vm are never compared with each other";
	else if (strcmp(a->clock, b->clock))
		*why = "different clocks";
	else if (strcmp(unit_a, unit_b) || !strcmp(unit_a, "mixed"))
		*why = "different units (ns and instructions are never compared)";
	else if (strcmp(a->run_id ? a->run_id : "", b->run_id ? b->run_id : ""))
		*why = "different runs";
	return *why == NULL;
}

size_t blocks_common(const double *a, size_t n, const double *b, size_t m, size_t *at_a,
		     size_t *at_b)
{
	size_t common = 0;

	for (size_t i = 0, k = 0; i < n; i++) {
		while (k < m && b[k] < a[i])
			k++;
		if (k == m || b[k] != a[i])
			continue;
		at_a[common] = i;
		at_b[common++] = k;
	}
	return common;
}

int result_ratio(const struct result *a, const struct result *b, enum cell_metric metric,
		 struct estimate *out, const char **why)
{
	size_t *at_a, *at_b, n = 0, common;
	double *ratios;

	*out = stats_unknown;
	if (!comparable(a->identity, a->cost_unit, b->identity, b->cost_unit, why))
		return -EINVAL;
	ratios = calloc(a->n, sizeof(*ratios));
	at_a = calloc(a->n, sizeof(*at_a));
	at_b = calloc(a->n, sizeof(*at_b));
	if (!ratios || !at_a || !at_b) {
		*why = "no memory";
		goto out;
	}
	common = blocks_common(a->block, a->n, b->block, b->n, at_a, at_b);
	for (size_t i = 0; i < common; i++) {
		double over = a->values[metric][at_a[i]], under = b->values[metric][at_b[i]];

		if (over >= 0 && under > 0)
			ratios[n++] = over / under;
	}
	if (n)
		*out = cell_estimate(ratios, n, a->identity->clock);
	else
		*why = "no block holds both";
out:
	free(ratios);
	free(at_a);
	free(at_b);
	return n ? 0 : -ENODATA;
}

static void write_estimate(FILE *out, const struct estimate *e)
{
	csv_number(out, e->value, false);
	csv_number(out, e->lo, false);
	csv_number(out, e->hi, false);
}

void results_write_csv(const struct results *results, FILE *out)
{
	for (size_t i = 0; csv_columns[i]; i++)
		fprintf(out, "%s%s", i ? "," : "", csv_columns[i]);
	fputc('\n', out);
	for (size_t i = 0; i < results->n; i++) {
		const struct result *r = &results->cells[i];
		const struct sample *s = r->identity;

		csv_string(out, s->cell_id, true);
		csv_string(out, s->target, false);
		csv_string(out, s->clock, false);
		csv_string(out, r->cost_unit, false);
		csv_string(out, s->subject, false);
		csv_string(out, s->workload, false);
		csv_number(out, s->size_bytes, false);
		csv_number(out, s->fill, false);
		csv_number(out, s->threads, false);
		csv_string(out, r->params, false);
		csv_number(out, (double)r->n, false);
		csv_string(out, r->outcome, false);
		csv_string(out, r->reason, false);
		for (int m = 0; m < CELL_INTERVALS; m++)
			write_estimate(out, &r->of[m]);
		csv_number(out, r->of[CELL_COMMITTED_BYTES].value, false);
		csv_number(out, r->of[CELL_TOUCHED_BYTES].value, false);
		csv_number(out, r->of[CELL_COMMITTED_PER_TOUCHED].value, false);
		csv_number(out, r->of[CELL_MINOR_FAULTS_ALLOC].value, false);
		csv_number(out, r->of[CELL_MINOR_FAULTS_TOUCH].value, false);
		csv_number(out, r->of[CELL_PEAK_RSS_BYTES].value, false);
		csv_number(out, r->of[CELL_PAGE_TABLE_BYTES].value, false);
		write_estimate(out, &r->regret_time);
		csv_number(out, r->regret_memory, false);
		fputc('\n', out);
	}
}
