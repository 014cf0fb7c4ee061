// SPDX-License-Identifier: MIT
/* Whole programs under several malloc libraries: the rows of kind "app". */
#include <math.h>
#include <string.h>

#include "apps.h"
#include "apps_rows.h"
#include "report_html.h"

#define TITLE "Whole programs"
#define WORDS                                                                                      \
	"Programs as they are, under LD_PRELOAD of each library (glibc: none); what they print "   \
	"was checked. Time: hyperfine, whole process, median and interval; the ratio to glibc is " \
	"the median over rounds of the ratio inside a round. Memory, of all processes of the "     \
	"program, in runs of their own: committed is the resident set, sampled 1,000 times a "     \
	"second. Page faults: perf stat, in runs of their own."
#define EFFECT "What tamalloc/preload does for each program"

static bool ok(const struct app_row *row)
{
	return !strcmp(row->outcome, "ok");
}

static bool is_ours(const struct app_row *row)
{
	return !strcmp(row->subject, APPS_TAMALLOC);
}

/* "1.02 (0.98 to 1.05)"; "-" where it is unknown, "1" for the baseline. */
static const char *ratio_text(const struct app_row *row, char out[3 * NUMBER_CHARS])
{
	char n[3][NUMBER_CHARS];

	if (!strcmp(row->subject, APPS_BASELINE) || !row->time_ratio.n)
		snprintf(out, 3 * NUMBER_CHARS, "%s", row->time_ratio.n ? "1" : "-");
	else
		snprintf(out, 3 * NUMBER_CHARS, "%s (%s to %s)",
			 text_ratio(row->time_ratio.value, n[0]),
			 text_ratio(row->time_ratio.lo, n[1]),
			 text_ratio(row->time_ratio.hi, n[2]));
	return out;
}

/* Time, ratio, peak, its ratio, average, its ratio, faults, what is missing. */
#define CELLS 8
static void cells_of(const struct app_row *row, char cells[CELLS][3 * NUMBER_CHARS])
{
	char n[NUMBER_CHARS];

	snprintf(cells[0], sizeof(cells[0]), "%s", text_cost(row->time_ns.value, "ns", n));
	ratio_text(row, cells[1]);
	snprintf(cells[2], sizeof(cells[2]), "%s", text_bytes(row->peak_committed_bytes, n));
	snprintf(cells[3], sizeof(cells[3]), "%s", text_ratio(row->peak_ratio, n));
	snprintf(cells[4], sizeof(cells[4]), "%s", text_bytes(row->average_committed_bytes, n));
	snprintf(cells[5], sizeof(cells[5]), "%s", text_ratio(row->average_ratio, n));
	snprintf(cells[6], sizeof(cells[6]), "%s", text_number(row->page_faults, n));
	if (!isnan(row->cycles))
		snprintf(cells[7], sizeof(cells[7]), "%s", text_number(row->cycles, n));
	else
		snprintf(cells[7], sizeof(cells[7]), "-");
}

static void html_remarks(FILE *out, const struct app_rows *rows)
{
	size_t n = 0;

	for (size_t i = 0; i < rows->n; i++) {
		const struct app_row *row = &rows->rows[i];

		if (!row->reason)
			continue;
		fputs(n++ ? "<li>" : "<ul>\n<li>", out);
		html_textf(out, "%s, %s: %s%s%s", row->program, row->subject, row->outcome,
			   ok(row) ? ", but " : ": ", row->reason);
		fputs("</li>\n", out);
	}
	if (n)
		fputs("</ul>\n", out);
}

static void html_effects(FILE *out, const struct app_rows *rows)
{
	char text[500];

	fputs("<h3>" EFFECT "</h3>\n<ul>\n", out);
	for (size_t i = 0; i < rows->n; i++) {
		if (!is_ours(&rows->rows[i]))
			continue;
		fputs("<li>", out);
		html_text(out, app_effect_text(&rows->rows[i], text, sizeof(text)));
		fputs("</li>\n", out);
	}
	fputs("</ul>\n", out);
}

bool report_html_apps(FILE *out, const struct report *report)
{
	static const char *const columns[] = {"Program",      "Library",  "#Time",    "#x glibc",
					      "#Peak",	      "#x glibc", "#Average", "#x glibc",
					      "#Page faults", "#Cycles",  NULL};
	struct app_rows rows;
	size_t n;

	if (app_rows_build(&rows, &report->samples))
		return false;
	n = rows.n;
	if (n) {
		fputs("<section id=\"apps\"><h2>" TITLE "</h2>\n<p>" WORDS "</p>\n", out);
		html_effects(out, &rows);
		html_table_begin(out,
				 "Time and committed memory of whole programs; lower is better",
				 columns);
	}
	for (size_t i = 0; i < n; i++) {
		char cells[CELLS][3 * NUMBER_CHARS];

		if (!ok(&rows.rows[i]))
			continue;
		cells_of(&rows.rows[i], cells);
		fputs("<tr><th scope=\"row\">", out);
		html_text(out, rows.rows[i].program);
		fputs("</th><td>", out);
		html_text(out, rows.rows[i].subject);
		fputs("</td>", out);
		for (int c = 0; c < CELLS; c++)
			fprintf(out, "<td class=\"n\">%s</td>", cells[c]);
		fputs("</tr>\n", out);
	}
	if (n) {
		html_table_end(out);
		html_remarks(out, &rows);
		fputs("</section>\n", out);
	}
	app_rows_free(&rows);
	return n;
}

bool report_md_apps(FILE *out, const struct report *report)
{
	struct app_rows rows;
	char text[500];
	size_t n;

	if (app_rows_build(&rows, &report->samples))
		return false;
	n = rows.n;
	if (n)
		fputs("\n## " TITLE "\n\n" WORDS "\n\n" EFFECT ":\n\n", out);
	for (size_t i = 0; i < n; i++) {
		if (!is_ours(&rows.rows[i]))
			continue;
		fputs("- ", out);
		md_text(out, app_effect_text(&rows.rows[i], text, sizeof(text)));
		fputc('\n', out);
	}
	if (n)
		fputs("\n| program | library | time | x glibc | peak | x glibc | average | x glibc "
		      "| "
		      "page faults | cycles |\n|---|---|--:|--:|--:|--:|--:|--:|--:|--:|\n",
		      out);
	for (size_t i = 0; i < n; i++) {
		char cells[CELLS][3 * NUMBER_CHARS];

		if (!ok(&rows.rows[i]))
			continue;
		cells_of(&rows.rows[i], cells);
		fprintf(out, "| %s | %s |", rows.rows[i].program, rows.rows[i].subject);
		for (int c = 0; c < CELLS; c++)
			fprintf(out, " %s |", cells[c]);
		fputc('\n', out);
	}
	for (size_t i = 0, said = 0; i < n; i++) {
		const struct app_row *row = &rows.rows[i];

		if (!row->reason)
			continue;
		fputs(said++ ? "- " : "\n- ", out);
		snprintf(text, sizeof(text), "%s, %s: %s%s%s", row->program, row->subject,
			 row->outcome, ok(row) ? ", but " : ": ", row->reason);
		md_text(out, text);
		fputc('\n', out);
	}
	app_rows_free(&rows);
	return n;
}

bool report_print_apps(const struct report *report, FILE *out)
{
	struct app_rows rows;
	char text[500];
	size_t n;

	if (app_rows_build(&rows, &report->samples))
		return false;
	n = rows.n;
	if (n)
		fputs("\nWHOLE PROGRAMS, under tamalloc/preload (the report has all libraries)\n",
		      out);
	for (size_t i = 0; i < n; i++)
		if (is_ours(&rows.rows[i]))
			fprintf(out, "%s\n", app_effect_text(&rows.rows[i], text, sizeof(text)));
	app_rows_free(&rows);
	return n;
}

static json_t *number(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

json_t *report_json_apps(const struct report *report)
{
	static const char *const effects[] = {
		[APP_UNKNOWN] = "unknown",    [APP_GAINS] = "gains",   [APP_LEANER] = "leaner",
		[APP_NEUTRAL] = "neutral",    [APP_TRADES] = "trades", [APP_COSTS] = "costs",
		[APP_UNDECIDED] = "undecided"};
	json_t *all = json_array();
	struct app_rows rows;
	char text[500];

	if (app_rows_build(&rows, &report->samples))
		return all;
	for (size_t i = 0; i < rows.n; i++) {
		const struct app_row *r = &rows.rows[i];
		json_t *row =
			json_pack("{s:s, s:s, s:s, s:s?, s:{s:o, s:o, s:o, s:I}, s:o, s:o, s:o}",
				  "program", r->program, "subject", r->subject, "outcome",
				  r->outcome, "reason", r->reason, "time_ratio", "median",
				  number(r->time_ratio.value), "lo", number(r->time_ratio.lo), "hi",
				  number(r->time_ratio.hi), "n", (json_int_t)r->time_ratio.n,
				  "peak_ratio", number(r->peak_ratio), "average_ratio",
				  number(r->average_ratio), "page_faults", number(r->page_faults));

		if (is_ours(r)) {
			json_object_set_new(row, "effect", json_string(effects[app_effect(r)]));
			json_object_set_new(row, "sentence",
					    json_string(app_effect_text(r, text, sizeof(text))));
		}
		json_array_append_new(all, row);
	}
	app_rows_free(&rows);
	return all;
}
