// SPDX-License-Identifier: MIT
/* Latency in the report: first touches, allocations by size, small blocks. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report_html.h"

#define TITLE "Latency: single operations"
#define WORDS                                                                                    \
	"Each operation is timed by itself; what reading the clock costs is in each figure and " \
	"stands below. small-blocks is not timed one by one: its exchanges are too short for "   \
	"that."                                                                                  \
	" An allocation that only reserves is short and leaves the cost to the first touch."

/* One table: a workload's groups that differ in their size only, on one target with one fill. */
struct table {
	const struct verdict **columns; /* by size */
	size_t n;
	const char **subjects; /* all that occur */
	size_t n_subjects;
};

static bool same_table(const struct verdict *a, const struct verdict *b)
{
	return !strcmp(a->group->target, b->group->target) &&
	       !strcmp(a->group->workload, b->group->workload) &&
	       a->group->fill == b->group->fill && a->group->threads == b->group->threads &&
	       !strcmp(a->cells->params, b->cells->params);
}

static void add_subject(struct table *table, const char *subject)
{
	for (size_t i = 0; i < table->n_subjects; i++)
		if (!strcmp(table->subjects[i], subject))
			return;
	table->subjects[table->n_subjects++] = subject;
}

/* The table that begins with group first, or n = 0 if that is no latency or stands in an earlier
 * one. */
static struct table table_at(const struct report *report, size_t first)
{
	const struct verdict *groups = report->verdicts.groups;
	struct table table = {.n = 0};

	if (!verdict_is_latency(&groups[first]))
		return table;
	for (size_t i = 0; i < first; i++)
		if (verdict_is_latency(&groups[i]) && same_table(&groups[i], &groups[first]))
			return table;
	table.columns = calloc(report->verdicts.n, sizeof(*table.columns));
	table.subjects = calloc(report->results.n, sizeof(*table.subjects));
	if (!table.columns || !table.subjects)
		return table;
	for (size_t i = first; i < report->verdicts.n; i++) {
		if (!verdict_is_latency(&groups[i]) || !same_table(&groups[i], &groups[first]))
			continue;
		table.columns[table.n++] = &groups[i]; /* sorted by size already */
		for (size_t k = 0; k < groups[i].n_cells; k++)
			add_subject(&table, groups[i].cells[k].identity->subject);
	}
	return table;
}

static void table_free(struct table *table)
{
	free(table->columns);
	free(table->subjects);
}

/* Quantiles of one size, or one figure for each of several sizes? */
static bool has_quantiles(const struct table *table)
{
	const struct verdict *v = table->columns[0];

	for (size_t i = 0; i < v->n_cells && table->n == 1; i++)
		if (!isnan(v->cells[i].of[CELL_LATENCY_P50].value))
			return true;
	return false;
}

static bool any_known(const struct table *table, const char *subject)
{
	for (size_t i = 0; i < table->n; i++) {
		const struct result *r = verdict_cell(table->columns[i], subject);

		if (r && r->n)
			return true;
	}
	return false;
}

/* What is shown of a cell where each size has one figure. */
static enum cell_metric metric_of(const struct result *r)
{
	return isnan(r->of[CELL_REUSE_COST_PER_OPERATION].value) ? CELL_LATENCY_P50
								 : CELL_REUSE_COST_PER_OPERATION;
}

static const char *unit_of(const struct table *table)
{
	const struct verdict *v = table->columns[0];

	return v->fastest && v->fastest->cost_unit ? v->fastest->cost_unit : "-";
}

static void title_of(const struct table *table, char *out, size_t bytes)
{
	const struct sample *s = table->columns[0]->group;
	char name[96], size[NUMBER_CHARS];

	workload_title(s, name, sizeof(name));
	if (has_quantiles(table))
		snprintf(out, bytes,
			 "%s: %s, %s, fill %.0f: of one operation, in %s; each figure is the "
			 "median of the samples' own; lower is better",
			 name, s->target, text_bytes(s->size_bytes, size), s->fill, unit_of(table));
	else
		snprintf(out, bytes,
			 "%s: %s, fill %.0f: median of one operation by size of the block, and the "
			 "ratio to the best; lower is better",
			 name, s->target, s->fill);
}

/* ---- HTML ---- */

static void quantile_cells(FILE *out, const struct result *r)
{
	static const enum cell_metric metrics[] = {CELL_LATENCY_P50, CELL_LATENCY_P99,
						   CELL_LATENCY_P999, CELL_LATENCY_MAX};
	char value[NUMBER_CHARS], lo[NUMBER_CHARS], hi[NUMBER_CHARS];

	for (size_t i = 0; i < sizeof(metrics) / sizeof(*metrics); i++) {
		const struct estimate *e = r ? &r->of[metrics[i]] : &stats_unknown;

		fprintf(out, "<td class=\"n\">%s", text_number(e->value, value));
		if (e->n)
			fprintf(out, " <span class=\"interval\">%s to %s</span>",
				text_number(e->lo, lo), text_number(e->hi, hi));
		fputs("</td>", out);
	}
}

static void size_cells(FILE *out, const struct table *table, const char *subject)
{
	char value[NUMBER_CHARS], ratio[NUMBER_CHARS];

	for (size_t i = 0; i < table->n; i++) {
		const struct result *r = verdict_cell(table->columns[i], subject);

		if (!r || !r->n) {
			fprintf(out, "<td class=\"n none\">%s</td>", r ? r->outcome : "-");
			continue;
		}
		fprintf(out,
			"<td class=\"n\">%s%s <span class=\"interval\">\303\227 %s</span></td>",
			r == table->columns[i]->fastest ? "<span class=\"mark\">best</span> " : "",
			text_cost(r->of[metric_of(r)].value, r->cost_unit, value),
			text_ratio(r->regret_time.value, ratio));
	}
}

static void table_head(FILE *out, const struct table *table)
{
	static const char *const quantiles[] = {"p50", "p99", "p99.9", "max"};
	char text[NUMBER_CHARS];

	fputs("<thead><tr><th scope=\"col\">Subject</th>", out);
	for (size_t i = 0; i < (has_quantiles(table) ? 4 : table->n); i++)
		fprintf(out, "<th scope=\"col\" class=\"n\">%s</th>",
			has_quantiles(table)
				? quantiles[i]
				: text_bytes(table->columns[i]->group->size_bytes, text));
	fputs("</tr></thead>\n<tbody>\n", out);
}

static void html_table(FILE *out, const struct table *table)
{
	const struct sample *s = table->columns[0]->group;
	char caption[320], title[96], summary[192];

	title_of(table, caption, sizeof(caption));
	snprintf(summary, sizeof(summary), "%s: %s, %.0f thread%s, fill %.0f",
		 workload_title(s, title, sizeof(title)), s->target, s->threads,
		 s->threads == 1 ? "" : "s", s->fill);
	html_details_begin(out, DETAILS_PAPER, summary);
	html_scroll_begin(out, caption);
	fputs("<table><caption>", out);
	html_text(out, caption);
	fputs("</caption>\n", out);
	table_head(out, table);
	for (size_t i = 0; i < table->n_subjects; i++) {
		const char *subject = table->subjects[i];

		if (!any_known(table, subject))
			continue;
		fputs("<tr><th scope=\"row\">", out);
		html_text(out, subject);
		fputs("</th>", out);
		if (has_quantiles(table))
			quantile_cells(out, verdict_cell(table->columns[0], subject));
		else
			size_cells(out, table, subject);
		fputs("</tr>\n", out);
	}
	html_table_end(out);
	html_details_end(out);
}

/* What reading the clock costs on a target: "host: 41 ns"; false where no sample tells. */
static bool clock_cost(const struct report *report, const char *target, char *out, size_t bytes)
{
	double *costs = calloc(report->samples.n + 1, sizeof(*costs));
	const char *unit = NULL;
	char text[NUMBER_CHARS];
	size_t n = 0;

	for (size_t i = 0; i < report->samples.n && costs; i++) {
		const struct sample *s = &report->samples.rows[i];

		if (strcmp(s->target, target) || isnan(s->clock_cost))
			continue;
		costs[n++] = s->clock_cost;
		unit = s->cost_unit;
	}
	if (n)
		snprintf(out, bytes, "%s: %s", target,
			 text_cost(stats_median(costs, n), unit, text));
	free(costs);
	return n;
}

static void write_clock_costs(FILE *out, const struct report *report)
{
	static const char *const targets[] = {"host", "vm"};
	size_t n = 0;
	char text[80];

	for (size_t i = 0; i < 2; i++)
		if (clock_cost(report, targets[i], text, sizeof(text)))
			fprintf(out, "%s%s", n++ ? "; " : "Reading the clock: ", text);
	fputs(n ? ".\n" : "", out);
}

bool report_html_latency(FILE *out, const struct report *report)
{
	size_t n = 0;

	for (size_t i = 0; i < report->verdicts.n; i++) {
		struct table table = table_at(report, i);

		if (table.n && !n++)
			fputs("<section id=\"latency\"><h2>" TITLE "</h2>\n<p>" WORDS "</p>\n",
			      out);
		if (table.n && n == 1)
			html_made_by(out, "build/tabench report RUN (latency.csv)");
		if (table.n)
			html_table(out, &table);
		table_free(&table);
	}
	if (n) {
		fputs("<p>", out);
		write_clock_costs(out, report);
		fputs("</p>\n</section>\n", out);
	}
	return n;
}

/* ---- Markdown ---- */

static void md_table(FILE *out, const struct table *table)
{
	char text[320];

	title_of(table, text, sizeof(text));
	fputc('\n', out);
	md_text(out, text);
	fputs("\n\n| subject |", out);
	if (has_quantiles(table))
		fputs(" p50 | p99 | p99.9 | max |\n|---|--:|--:|--:|--:|\n", out);
	for (size_t i = 0; i < table->n && !has_quantiles(table); i++)
		fprintf(out, " %s |", text_bytes(table->columns[i]->group->size_bytes, text));
	for (size_t i = 0; i < table->n && !has_quantiles(table); i++)
		fputs(i ? "--:|" : "\n|---|--:|", out);
	fputs(has_quantiles(table) ? "" : "\n", out);
	for (size_t s = 0; s < table->n_subjects; s++) {
		if (!any_known(table, table->subjects[s]))
			continue;
		fputs("| ", out);
		md_text(out, table->subjects[s]);
		fputs(" |", out);
		for (size_t i = 0; i < (has_quantiles(table) ? 4 : table->n); i++) {
			const struct result *r = verdict_cell(
				table->columns[has_quantiles(table) ? 0 : i], table->subjects[s]);
			char value[NUMBER_CHARS], ratio[NUMBER_CHARS];

			if (!r || !r->n)
				fprintf(out, " %s |", r ? r->outcome : "-");
			else if (has_quantiles(table))
				fprintf(out, " %s |",
					text_number(r->of[CELL_LATENCY_P50 + i].value, value));
			else
				fprintf(out, " %s (\303\227 %s) |",
					text_cost(r->of[metric_of(r)].value, r->cost_unit, value),
					text_ratio(r->regret_time.value, ratio));
		}
		fputc('\n', out);
	}
}

bool report_md_latency(FILE *out, const struct report *report)
{
	size_t n = 0;

	for (size_t i = 0; i < report->verdicts.n; i++) {
		struct table table = table_at(report, i);

		if (table.n && !n++)
			fputs("\n## " TITLE "\n\n" WORDS "\n", out);
		if (table.n)
			md_table(out, &table);
		table_free(&table);
	}
	if (n) {
		fputc('\n', out);
		write_clock_costs(out, report);
	}
	return n;
}
