// SPDX-License-Identifier: MIT
/* The tables of report.html. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "csv.h"
#include "report_html.h"

#define TIMES "\303\227" /* the multiplication sign */

static void number_cell(FILE *out, const char *text)
{
	fputs("<td class=\"n\">", out);
	html_text(out, text);
	fputs("</td>", out);
}

/* "98.1 [95 to 101]" in one cell. */
static void estimate_cell(FILE *out, const struct estimate *e)
{
	char value[NUMBER_CHARS], lo[NUMBER_CHARS], hi[NUMBER_CHARS];

	fprintf(out, "<td class=\"n\">%s", text_number(e->value, value));
	if (e->n)
		fprintf(out, " <span class=\"interval\">%s to %s</span>", text_number(e->lo, lo),
			text_number(e->hi, hi));
	fputs("</td>", out);
}

/* ---- Verdict ---- */

/* The best and all that tie with it, as names. */
static void best_cell(FILE *out, const struct verdict *v, const struct result *best, bool memory)
{
	char *ties;

	if (!best) {
		fputs("<td>none could be ranked</td>", out);
		return;
	}
	ties = verdict_ties(v, best, memory);
	fputs("<td class=\"words\"><b>", out);
	html_text(out, best->identity->subject);
	fputs("</b>", out);
	if (ties && *ties) {
		fputs(" <span class=\"tied\">tied: ", out);
		html_text(out, ties);
		fputs("</span>", out);
	}
	fputs("</td>", out);
	free(ties);
}

static void best_table(FILE *out, const struct panel *panel)
{
	static const char *const columns[] = {
		"Workload", "Fastest", "#Cost per page", "Leanest", "#Committed / touched", NULL};
	char title[96], caption[320], number[NUMBER_CHARS];

	snprintf(caption, sizeof(caption),
		 "Best at each workload: %s; %zu repetitions%s. Cost: alloc + touch + free in %s "
		 "per "
		 "touched page",
		 panel_title(panel, title, sizeof(title)), panel->repetitions,
		 panel->too_few ? ", too few for a claim" : "",
		 panel->cost_unit ? panel->cost_unit : "-");
	html_details_begin(out, DETAILS_PAPER, "The best at each workload");
	html_table_begin(out, caption, columns);
	for (size_t i = 0; i < panel->n; i++) {
		const struct verdict *v = panel->verdicts[i];

		fputs("<tr><th scope=\"row\">", out);
		html_text(out, workload_title(v->group, title, sizeof(title)));
		fputs("</th>", out);
		best_cell(out, v, v->fastest, false);
		if (v->fastest)
			estimate_cell(out, &v->fastest->of[CELL_TOTAL_COST_PER_PAGE]);
		else
			number_cell(out, "-");
		best_cell(out, v, v->leanest, true);
		number_cell(out,
			    text_ratio(v->leanest ? v->leanest->of[CELL_COMMITTED_PER_TOUCHED].value
						  : NAN,
				       number));
		fputs("</tr>\n", out);
	}
	html_table_end(out);
	html_details_end(out);
}

/* Shade of a ratio: 0 (the best) to 5. */
static int heat(double ratio)
{
	static const double steps[] = {1.005, 1.2, 1.5, 3, 10};
	int h = 0;

	while (h < 5 && ratio > steps[h])
		h++;
	return h;
}

static void regret_cells(FILE *out, const struct verdict *v, const struct result *r)
{
	char number[NUMBER_CHARS];
	const char *why;

	if (!r || !result_ranked(r, &why)) {
		fputs("<td class=\"n none\" colspan=\"2\"", out);
		if (r) {
			fputs(" title=\"", out);
			html_text(out, why);
			fputs("\"", out);
		}
		fprintf(out, ">%s</td>", unranked_text(r));
		return;
	}
	fprintf(out, "<td class=\"n h%d\">%s%s%s</td>", heat(r->regret_time.value),
		r == v->fastest ? "<span class=\"mark\">best</span> "
		: r->tied_time	? "<span class=\"mark\">tied</span> "
				: "",
		text_ratio(r->regret_time.value, number), result_comparable(r) ? "" : "*");
	fprintf(out, "<td class=\"n h%d\">%s</td>",
		isnan(r->regret_memory) ? heat(1 + r->of[CELL_COMMITTED_PER_TOUCHED].value)
					: heat(r->regret_memory),
		text_regret_memory(v, r, number));
}

static void regret_table(FILE *out, const struct panel *panel)
{
	char title[96], caption[320];

	snprintf(caption, sizeof(caption),
		 "Regret of each subject: %s. Ratio to the best of the workload, in time "
		 "(alloc + touch + free) and in memory (committed); 1.00 is the best; tied: the "
		 "interval of the ratio includes 1; +N: bytes a byte more where the best commits "
		 "nothing",
		 panel_title(panel, title, sizeof(title)));
	html_details_begin(out, DETAILS_SCREEN, "The regret of each subject");
	html_scroll_begin(out, caption);
	fputs("<table class=\"regret\"><caption>", out);
	html_text(out, caption);
	fputs("</caption>\n<thead><tr><th scope=\"col\" rowspan=\"2\">Subject</th>", out);
	for (size_t i = 0; i < panel->n; i++) {
		fputs("<th scope=\"colgroup\" colspan=\"2\">", out);
		html_text(out, workload_title(panel->verdicts[i]->group, title, sizeof(title)));
		fputs("</th>", out);
	}
	fputs("</tr>\n<tr>", out);
	for (size_t i = 0; i < panel->n; i++)
		fputs("<th scope=\"col\" class=\"n\">time</th>"
		      "<th scope=\"col\" class=\"n\">memory</th>",
		      out);
	fputs("</tr></thead>\n<tbody>\n", out);
	for (size_t s = 0; s < panel->n_subjects; s++) {
		fputs("<tr><th scope=\"row\">", out);
		html_text(out, panel->subjects[s]);
		fputs("</th>", out);
		for (size_t i = 0; i < panel->n; i++)
			regret_cells(out, panel->verdicts[i],
				     verdict_cell(panel->verdicts[i], panel->subjects[s]));
		fputs("</tr>\n", out);
	}
	html_table_end(out);
	html_details_end(out);
}

void html_verdict(FILE *out, const struct report *report)
{
	bool any = false;

	for (size_t i = 0; i < report->n_panels; i++) {
		const struct panel *panel = &report->panels[i];
		char title[96], note[PANEL_NOTE_CHARS];

		if (!panel->cost_unit)
			continue;
		any = true;
		fputs("<h3>", out);
		html_text(out, panel_title(panel, title, sizeof(title)));
		fputs("</h3>\n", out);
		if (panel_note(panel, note)) {
			fputs("<p>", out);
			html_text(out, note);
			fputs("</p>\n", out);
		}
		best_table(out, panel);
		regret_table(out, panel);
	}
	if (!any)
		fprintf(out, "<p>None: %s.</p>\n", nothing_ranked(report));
}

/* ---- Every cell ---- */

struct range {
	double lo, hi;
};

static struct range range_of(const struct verdict *v)
{
	struct range range = {INFINITY, 0};

	for (size_t i = 0; i < v->n_cells; i++) {
		const struct result *r = &v->cells[i];

		for (size_t k = 0; k < r->n; k++) {
			double value = r->values[CELL_TOTAL_COST_PER_PAGE][k];

			if (value > 0) {
				range.lo = fmin(range.lo, value);
				range.hi = fmax(range.hi, value);
			}
		}
	}
	return range;
}

/* A dot for every repetition, on the group's logarithmic range. */
static void strip_cell(FILE *out, const struct result *r, struct range range)
{
	const double width = 150;
	char lo[NUMBER_CHARS], hi[NUMBER_CHARS];
	double least = INFINITY, most = 0;

	for (size_t k = 0; k < r->n; k++) {
		least = fmin(least, r->values[CELL_TOTAL_COST_PER_PAGE][k]);
		most = fmax(most, r->values[CELL_TOTAL_COST_PER_PAGE][k]);
	}
	fprintf(out,
		"<td><svg class=\"strip\" viewBox=\"0 0 160 14\" role=\"img\" "
		"aria-label=\"%zu repetitions from %s to %s\">"
		"<path d=\"M5 7h150\"/>",
		r->n, text_number(least, lo), text_number(most, hi));
	for (size_t k = 0; k < r->n; k++) {
		double value = r->values[CELL_TOTAL_COST_PER_PAGE][k];
		double at = range.hi > range.lo && value > 0
				    ? log(value / range.lo) / log(range.hi / range.lo)
				    : 0.5;

		fprintf(out, "<circle cx=\"%.1f\" cy=\"7\" r=\"3\"/>", 5 + width * at);
	}
	fputs("</svg></td>", out);
}

static void cell_row(FILE *out, const struct verdict *v, const struct result *r, struct range range)
{
	static const char *const verified[] = {"not run", "passed", "failed"};
	char n[NUMBER_CHARS];

	fputs("<tr><th scope=\"row\">", out);
	html_text(out, r->identity->subject);
	fputs("</th>", out);
	if (!r->n) {
		fputs("<td colspan=\"15\">", out);
		html_textf(out, "%s%s%s", r->outcome, r->reason[0] ? ": " : "", r->reason);
		fputs("</td></tr>\n", out);
		return;
	}
	fprintf(out, "<td class=\"n\">%zu</td>", r->n);
	estimate_cell(out, &r->of[CELL_TOTAL_COST_PER_PAGE]);
	strip_cell(out, r, range);
	estimate_cell(out, &r->of[CELL_TOUCH_COST_PER_PAGE]);
	number_cell(out, text_cost(r->of[CELL_ALLOC_COST].value, r->cost_unit, n));
	number_cell(out, text_cost(r->of[CELL_FREE_COST].value, r->cost_unit, n));
	number_cell(out, text_bytes(r->of[CELL_COMMITTED_BYTES].value, n));
	number_cell(out, text_ratio(r->of[CELL_COMMITTED_PER_TOUCHED].value, n));
	number_cell(out, text_number(r->of[CELL_MINOR_FAULTS_ALLOC].value, n));
	number_cell(out, text_number(r->of[CELL_MINOR_FAULTS_TOUCH].value, n));
	number_cell(out, text_bytes(r->of[CELL_PEAK_RSS_BYTES].value, n));
	number_cell(out, text_bytes(r->of[CELL_PAGE_TABLE_BYTES].value, n));
	estimate_cell(out, &r->regret_time);
	number_cell(out, text_regret_memory(v, r, n));
	fprintf(out, "<td>%s</td></tr>\n", verified[r->verification]);
}

void html_cell_tables(FILE *out, const struct report *report)
{
	static const char *const columns[] = {"Subject",
					      "#n",
					      "#Total per page",
					      "Each repetition",
					      "#Touch per page",
					      "#Alloc",
					      "#Free",
					      "#Committed",
					      "#Committed / touched",
					      "#Faults in alloc",
					      "#Faults in touch",
					      "#Peak RSS",
					      "#Page tables",
					      "#Regret, time",
					      "#Regret, memory",
					      "Verify",
					      NULL};

	size_t shown = 0;

	if (!report->verdicts.n)
		fputs("<p>No cell was measured.</p>\n", out);
	for (size_t i = 0; i < report->verdicts.n; i++) {
		const struct verdict *v = &report->verdicts.groups[i];
		const char *unit = v->fastest ? v->fastest->cost_unit : "-";
		char workload[96], title[192], caption[384], size[NUMBER_CHARS];

		if (verdict_is_latency(v))
			continue;
		snprintf(title, sizeof(title), "%s, fill %.0f, %s, %.0f thread%s, %s",
			 workload_title(v->group, workload, sizeof(workload)), v->group->fill,
			 text_bytes(v->group->size_bytes, size), v->group->threads,
			 v->group->threads == 1 ? "" : "s", v->group->target);
		if (!shown++)
			fputs("<h3 class=\"screen\">Each cell</h3>\n", out);
		html_details_begin(out, DETAILS_SCREEN, title);
		snprintf(caption, sizeof(caption),
			 "%s: costs per page in %s, median and %s; every repetition of the total "
			 "on a logarithmic scale",
			 title, unit,
			 strcmp(v->group->clock, "icount") ? "95 % interval"
							   : "range of the repetitions");
		html_table_begin(out, caption, columns);
		for (size_t k = 0; k < v->n_cells; k++)
			cell_row(out, v, &v->cells[k], range_of(v));
		html_table_end(out);
		html_details_end(out);
	}
}

/* ---- What could not run ---- */

static void not_run_html(FILE *out, const struct report *report, size_t i)
{
	const struct result *r = &report->results.cells[i];
	char *where = not_run_where(report, i);

	fputs("<tr><th scope=\"row\">", out);
	html_text(out, r->identity->subject);
	fputs("</th><td>", out);
	html_text(out, r->identity->target);
	fputs("</td><td>", out);
	html_text(out, r->n ? "in part" : r->outcome);
	fputs("</td><td class=\"words\">", out);
	html_text(out, r->reason[0] ? r->reason : "no reason was recorded");
	fputs("</td><td class=\"words\">", out);
	html_text(out, where);
	fputs("</td></tr>\n", out);
	free(where);
}

void html_not_run(FILE *out, const struct report *report)
{
	static const char *const columns[] = {"Subject", "Target", "Outcome", "Why", "Where", NULL};
	size_t rows = 0;

	for (size_t i = 0; i < report->results.n; i++) {
		if (!not_run_row(report, i))
			continue;
		if (!rows++) {
			html_details_begin(out, DETAILS_PAPER, "Each reason");
			html_table_begin(out, "Cells without a full set of ok samples", columns);
		}
		not_run_html(out, report, i);
	}
	if (rows) {
		html_table_end(out);
		html_details_end(out);
	} else
		fprintf(out, "<p>%s</p>\n", nothing_missing(report));
}

/* ---- Probes ---- */

static void probe_row(FILE *out, const struct report *report, const char *name, const char *source)
{
	char metric[64], cost[NUMBER_CHARS];
	double *costs = calloc(report->samples.n, sizeof(*costs));
	size_t n = 0, samples = 0;

	snprintf(metric, sizeof(metric), "probe_cost_%s_ns", name);
	for (size_t i = 0; i < report->samples.n && costs; i++) {
		const struct sample *s = &report->samples.rows[i];
		const char *its = json_string_value(json_object_get(s->probe_source, name));

		if (!its || strcmp(its, source))
			continue;
		samples++;
		costs[n] = sample_metric(s, metric);
		n += !isnan(costs[n]);
	}
	fputs("<tr><th scope=\"row\">", out);
	html_text(out, name);
	fputs("</th><td class=\"words\">", out);
	html_text(out, source);
	fprintf(out, "</td><td class=\"n\">%s</td><td class=\"n\">%zu</td></tr>\n",
		text_cost(stats_median(costs, costs ? n : 0), "ns", cost), samples);
	free(costs);
}

/* Did an earlier sample name this probe with this source? */
static bool probe_told(const struct report *report, size_t before, const char *name,
		       const char *source)
{
	for (size_t i = 0; i < before; i++) {
		const char *its = json_string_value(
			json_object_get(report->samples.rows[i].probe_source, name));

		if (its && !strcmp(its, source))
			return true;
	}
	return false;
}

void html_probes(FILE *out, const struct report *report)
{
	static const char *const columns[] = {"Probe", "Source", "#Cost of one read", "#Samples",
					      NULL};
	size_t rows = 0;

	for (size_t i = 0; i < report->samples.n; i++) {
		const char *name;
		json_t *source;

		json_object_foreach((json_t *)report->samples.rows[i].probe_source, name, source)
		{
			const char *text = json_string_value(source);

			if (!text || probe_told(report, i, name, text))
				continue;
			if (!rows++) {
				html_details_begin(out, DETAILS_PAPER, "Each probe");
				html_table_begin(out,
						 "Where values come from and what reading them "
						 "costs (outside the timed stretch)",
						 columns);
			}
			probe_row(out, report, name, text);
		}
	}
	if (rows) {
		html_table_end(out);
		html_details_end(out);
	} else
		fputs("<p>No sample names its probes.</p>\n", out);
}

/* ---- A CSV of the run ---- */

void html_csv_table(FILE *out, const struct report *report, const char *file, const char *caption)
{
	char *path, *line = NULL;
	size_t capacity = 0, rows = 0;

	if (asprintf(&path, "%s/%s", report->run_dir, file) < 0)
		return;
	FILE *in = fopen(path, "re");

	free(path);
	if (!in)
		return;
	html_details_begin(out, DETAILS_SCREEN, caption);
	html_scroll_begin(out, caption);
	fputs("<table><caption>", out);
	html_text(out, caption);
	fputs("</caption>\n", out);
	while (getline(&line, &capacity, in) > 0) {
		fputs(rows == 0 ? "<thead><tr>" : rows == 1 ? "<tbody><tr>" : "<tr>", out);
		for (char *at = line; at;) {
			char *field = csv_field(&at);

			fputs(rows ? "<td>" : "<th scope=\"col\">", out);
			html_text(out, field);
			fputs(rows ? "</td>" : "</th>", out);
		}
		fputs(rows ? "</tr>\n" : "</tr></thead>\n", out);
		rows++;
	}
	fputs(rows > 1 ? "</tbody></table>\n" : "</table>\n", out);
	html_scroll_end(out);
	html_details_end(out);
	free(line);
	fclose(in);
}
