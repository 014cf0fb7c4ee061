// SPDX-License-Identifier: MIT
#include "merge.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "report_model.h"

/* "all dearer", "all cheaper", "no claim" (an interval holds 1), "opposite", "" */
static const char *accord_name(enum accord accord)
{
	static const char *const names[] = {"all dearer", "all cheaper", "no claim", "opposite",
					    ""};

	return names[accord];
}

/* ---- One row ---- */

static struct estimate one_run(const struct source *source, const struct merge_row *row)
{
	const struct series *s = source_find(source, row->series, row->series->subject);
	const struct series *under =
		row->baseline ? source_find(source, row->series, row->baseline) : NULL;
	struct estimate e = stats_unknown;
	double *values;
	size_t n;

	if (!s || !s->n || (row->baseline && (!under || !under->n)))
		return e;
	values = calloc(s->n, sizeof(*values));
	if (!values)
		return e;
	if (row->baseline) {
		n = series_over(s, under, values);
	} else {
		n = s->n;
		memcpy(values, s->values, n * sizeof(*values));
	}
	e = s->exact ? stats_range(values, n) : stats_median_interval(values, n);
	free(values);
	return e;
}

static enum accord accord_of(const struct merge_row *row, size_t n_sources)
{
	size_t above = 0, below = 0;

	if (!row->baseline || row->n < 2)
		return ACCORD_UNKNOWN;
	for (size_t i = 0; i < n_sources; i++) {
		above += row->of[i].n && row->of[i].lo > 1;
		below += row->of[i].n && row->of[i].hi < 1;
	}
	if (above && below)
		return ACCORD_OPPOSITE;
	return above == row->n ? ACCORD_DEARER : below == row->n ? ACCORD_CHEAPER : ACCORD_NONE;
}

static int fill_row(struct merge_row *row, const struct source *sources, size_t n)
{
	double *medians = calloc(n, sizeof(*medians));

	row->of = calloc(n, sizeof(*row->of));
	if (!medians || !row->of) {
		free(medians);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++) {
		row->of[i] = one_run(&sources[i], row);
		if (row->of[i].n)
			medians[row->n++] = row->of[i].value;
	}
	stats_sort(medians, row->n);
	row->median = stats_quantile_sorted(medians, row->n, 0.5);
	row->lowest = stats_quantile_sorted(medians, row->n, 0);
	row->highest = stats_quantile_sorted(medians, row->n, 1);
	row->accord = accord_of(row, n);
	free(medians);
	return 0;
}

/* ---- All of them ---- */

static bool has_row(const struct merged *merged, const struct series *series)
{
	for (size_t i = 0; i < merged->n; i++)
		if (series_alike(merged->rows[i].series, series) &&
		    !strcmp(merged->rows[i].series->subject, series->subject))
			return true;
	return false;
}

static int add_series(struct merged *merged, const struct series *series, const char *baseline)
{
	bool memory = !strcmp(series->metric, SOURCE_MEMORY);
	struct merge_row *rows;
	int error;

	if (has_row(merged, series) || (!memory && !strcmp(series->subject, baseline)))
		return 0;
	rows = realloc(merged->rows, (merged->n + 1) * sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	merged->rows = rows;
	rows[merged->n] =
		(struct merge_row){.series = series, .baseline = memory ? NULL : baseline};
	error = fill_row(&rows[merged->n], merged->sources, merged->n_sources);
	if (error || !rows[merged->n].n) { /* no run has the baseline for it */
		free(rows[merged->n].of);
		return error;
	}
	merged->n++;
	merged->n_ratios += !memory;
	return 0;
}

/* Costs, then memory; by workload, and in it by subject. */
static int by_group(const void *a, const void *b)
{
	const struct merge_row *x = a, *y = b;
	int order = strcmp(x->series->target, y->series->target);

	if (order == 0)
		order = !x->baseline - !y->baseline;
	if (order == 0)
		order = strverscmp(x->series->group, y->series->group);
	return order ? order : strcmp(x->series->subject, y->series->subject);
}

int merge_sources(struct merged *merged, const struct source *sources, size_t n,
		  const char *baseline)
{
	int error = 0;

	*merged = (struct merged){.sources = sources, .n_sources = n};
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < sources[i].n && !error; k++)
			if (sources[i].series[k].n)
				error = add_series(merged, &sources[i].series[k],
						   baseline ? baseline : COMPARE_BASELINE);
	if (merged->n)
		qsort(merged->rows, merged->n, sizeof(*merged->rows), by_group);
	return error;
}

void merged_free(struct merged *merged)
{
	for (size_t i = 0; i < merged->n; i++)
		free(merged->rows[i].of);
	free(merged->rows);
	*merged = (struct merged){.n = 0};
}

/* ---- Markdown ---- */

static void write_row(const struct merged *merged, const struct merge_row *row, FILE *out)
{
	char number[NUMBER_CHARS];

	fputs("| ", out);
	md_text(out, row->series->subject);
	for (size_t i = 0; i < merged->n_sources; i++) {
		const struct estimate *e = &row->of[i];

		if (e->n && e->hi > e->lo)
			fprintf(out, " | %.3f [%.3f, %.3f]", e->value, e->lo, e->hi);
		else
			fprintf(out, " | %s", e->n ? text_ratio(e->value, number) : "-");
	}
	if (row->n > 1)
		fprintf(out, " | %.3f | %.3f to %.3f | %.2f | %s |\n", row->median, row->lowest,
			row->highest, row->highest / row->lowest, accord_name(row->accord));
	else
		fputs(" | | | | |\n", out);
}

static void write_table_head(const struct merged *merged, const struct merge_row *row, FILE *out)
{
	fprintf(out, "\n### %s, ", row->series->target);
	md_text(out, row->series->group);
	if (row->baseline) {
		fprintf(out, ": %s / ", row->series->metric);
		md_text(out, row->baseline);
	} else {
		fputs(": committed bytes per byte touched", out);
	}
	fputs("\n\n| subject |", out);
	for (size_t i = 0; i < merged->n_sources; i++)
		fprintf(out, " run %zu |", i + 1);
	fputs(" median | range | spread | accord |\n|---|", out);
	for (size_t i = 0; i < merged->n_sources + 4; i++)
		fputs("---|", out);
	fputc('\n', out);
}

static void write_accord(const struct merged *merged, FILE *out)
{
	size_t count[ACCORD_UNKNOWN + 1] = {0};
	const struct merge_row *widest = NULL;

	for (size_t i = 0; i < merged->n; i++) {
		const struct merge_row *row = &merged->rows[i];

		count[row->accord]++;
		if (row->baseline && row->n > 1 &&
		    (!widest || row->highest / row->lowest > widest->highest / widest->lowest))
			widest = row;
	}
	fprintf(out,
		"\nOf the ratios in two runs or more: %zu where all say dearer, %zu where all say "
		"cheaper, %zu where an interval holds 1, %zu where two say the opposite.",
		count[ACCORD_DEARER], count[ACCORD_CHEAPER], count[ACCORD_NONE],
		count[ACCORD_OPPOSITE]);
	if (widest) {
		fprintf(out, " The largest spread: %.2f, ", widest->highest / widest->lowest);
		md_text(out, widest->series->subject);
		fputs(" in ", out);
		md_text(out, widest->series->group);
		fputc('.', out);
	}
	fputc('\n', out);
}

void merged_write_markdown(const struct merged *merged, FILE *out)
{
	fprintf(out,
		"# %zu runs\n\nA cost is the ratio to the baseline in the same block of the same "
		"run, "
		"its median and interval; no time of\none machine meets that of another. Spread: "
		"the "
		"highest of the runs' ratios over the lowest.\n\n",
		merged->n_sources);
	for (size_t i = 0; i < merged->n_sources; i++) {
		const struct source *source = &merged->sources[i];

		fprintf(out, "%zu. ", i + 1);
		md_text(out, source->title);
		if (isnan(source->floor))
			fputs("; noise floor unknown\n", out);
		else
			fprintf(out, "; noise floor %.1f %%\n", 100 * source->floor);
	}
	write_accord(merged, out);
	for (size_t i = 0; i < merged->n; i++) {
		const struct merge_row *row = &merged->rows[i];

		if (!i || !series_alike(row->series, row[-1].series))
			write_table_head(merged, row, out);
		write_row(merged, row, out);
	}
}

/* ---- JSON ---- */

static json_t *number(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static json_t *row_json(const struct merged *merged, const struct merge_row *row)
{
	json_t *runs = json_array();

	for (size_t i = 0; i < merged->n_sources; i++) {
		const struct estimate *e = &row->of[i];

		json_array_append_new(runs, json_pack("{s:o, s:o, s:o, s:I}", "median",
						      number(e->value), "lo", number(e->lo), "hi",
						      number(e->hi), "n", (json_int_t)e->n));
	}
	return json_pack("{s:s, s:s, s:s, s:s, s:s?, s:o, s:I, s:o, s:o, s:o, s:o, s:s}", "target",
			 row->series->target, "group", row->series->group, "metric",
			 row->series->metric, "subject", row->series->subject, "baseline",
			 row->baseline, "runs", runs, "n_runs", (json_int_t)row->n, "median",
			 number(row->median), "lowest", number(row->lowest), "highest",
			 number(row->highest), "spread", number(row->highest / row->lowest),
			 "accord", accord_name(row->accord));
}

int merged_write_json(const struct merged *merged, FILE *out)
{
	json_t *rows = json_array(), *runs = json_array(), *root;
	int error;

	for (size_t i = 0; i < merged->n; i++)
		json_array_append_new(rows, row_json(merged, &merged->rows[i]));
	for (size_t i = 0; i < merged->n_sources; i++)
		json_array_append_new(runs,
				      json_pack("{s:s, s:s, s:o}", "path", merged->sources[i].path,
						"title", merged->sources[i].title, "noise_floor",
						number(merged->sources[i].floor)));
	root = json_pack("{s:i, s:o, s:o}", "schema", 1, "runs", runs, "rows", rows);
	error = root && !json_dumpf(root, out, JSON_INDENT(1)) ? 0 : -EIO;
	if (!error)
		fputc('\n', out);
	json_decref(root);
	return error;
}
