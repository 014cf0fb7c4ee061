// SPDX-License-Identifier: MIT
/* The subjects under google-benchmark: its figures as it wrote them (gbench/). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "csv.h"
#include "report_html.h"

#define TITLE "Under google-benchmark"
#define WORDS                                                                                     \
	"Figures of google-benchmark (gbench/*.json), not of the suite's own samples: all "       \
	"iterations share a process, so memory is recycled, and subjects run one after another, " \
	"not interleaved. alloc: one allocation of so many bytes; alloc_free: one, written to "   \
	"and "                                                                                    \
	"freed again; first_touch: the first write to one page."
#define MAX_COLUMNS 16
#define MANUAL	    "/manual_time"

struct column_of {
	char name[64]; /* as in its files, without what google-benchmark appends */
};

struct gbench_row {
	char *subject, *outcome, *reason;
	json_t *file; /* or NULL */
};

struct gbench {
	struct gbench_row *rows;
	size_t n;
	struct column_of columns[MAX_COLUMNS];
	size_t n_columns;
};

static void name_of(const json_t *benchmark, char out[64])
{
	const char *name = json_string_value(json_object_get(benchmark, "name"));
	char *manual;

	snprintf(out, 64, "%s", name ? name : "");
	manual = strstr(out, MANUAL);
	if (manual)
		*manual = 0;
}

static void add_columns(struct gbench *g, const json_t *file)
{
	const json_t *benchmark;
	size_t i;

	json_array_foreach(json_object_get(file, "benchmarks"), i, benchmark)
	{
		char name[64];
		size_t k = 0;

		name_of(benchmark, name);
		while (k < g->n_columns && strcmp(g->columns[k].name, name))
			k++;
		if (k == g->n_columns && k < MAX_COLUMNS)
			memcpy(g->columns[g->n_columns++].name, name, sizeof(name));
	}
}

static void add_row(struct gbench *g, const struct report *report, char *line)
{
	struct gbench_row *rows = realloc(g->rows, (g->n + 1) * sizeof(*rows));
	const char *file;
	char *at = line, *path;

	if (!rows)
		return;
	g->rows = rows;
	rows += g->n++;
	rows->subject = strdup(csv_field(&at));
	rows->outcome = strdup(at ? csv_field(&at) : "");
	rows->reason = strdup(at ? csv_field(&at) : "");
	rows->file = NULL;
	file = at ? csv_field(&at) : "";
	if (!*file || strchr(file, '/') ||
	    asprintf(&path, "%s/gbench/%s", report->run_dir, file) < 0)
		return;
	rows->file = json_load_file(path, 0, NULL);
	free(path);
	if (rows->file)
		add_columns(g, rows->file);
}

static void gbench_read(struct gbench *g, const struct report *report)
{
	char *path, *line = NULL;
	size_t capacity = 0, n = 0;
	FILE *in;

	*g = (struct gbench){.n = 0};
	if (asprintf(&path, "%s/gbench/index.csv", report->run_dir) < 0)
		return;
	in = fopen(path, "re");
	free(path);
	while (in && getline(&line, &capacity, in) > 0)
		if (n++) /* after the head */
			add_row(g, report, line);
	free(line);
	if (in)
		fclose(in);
}

static void gbench_free(struct gbench *g)
{
	for (size_t i = 0; i < g->n; i++) {
		free(g->rows[i].subject);
		free(g->rows[i].outcome);
		free(g->rows[i].reason);
		json_decref(g->rows[i].file);
	}
	free(g->rows);
}

static const json_t *benchmark_of(const struct gbench_row *row, const char *column)
{
	const json_t *benchmark;
	size_t i;

	json_array_foreach(json_object_get(row->file, "benchmarks"), i, benchmark)
	{
		char name[64];

		name_of(benchmark, name);
		if (!strcmp(name, column))
			return benchmark;
	}
	return NULL;
}

static double number(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	return json_is_number(value) ? json_number_value(value) : NAN;
}

/* Its time, in the unit that it names, as text; faults as text, "" where it tells none. */
static void figures(const json_t *benchmark, char time[NUMBER_CHARS], char faults[NUMBER_CHARS])
{
	const char *unit = json_string_value(json_object_get(benchmark, "time_unit"));
	double factor = !unit || !strcmp(unit, "ns") ? 1
			: !strcmp(unit, "us")	     ? 1e3
			: !strcmp(unit, "ms")	     ? 1e6
						     : 1e9;
	bool failed = json_is_true(json_object_get(benchmark, "error_occurred"));
	double minor_faults = number(benchmark, "minor_faults");

	text_cost(failed ? NAN : factor * number(benchmark, "real_time"), "ns", time);
	faults[0] = 0;
	if (!failed && !isnan(minor_faults))
		snprintf(faults, NUMBER_CHARS, "%.3g faults", minor_faults);
}

static bool any_file(const struct gbench *g)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->rows[i].file)
			return true;
	return false;
}

/* What is said of rows without figures: unsupported subjects have their reason elsewhere in the
 * report, unless google-benchmark itself is missing; what failed has it here. */
static void remarks(const struct gbench *g, void (*say)(FILE *out, const char *line), FILE *out)
{
	char line[2048] = "";
	size_t used = 0;

	for (size_t i = 0; i < g->n && used < sizeof(line); i++)
		if (!strcmp(g->rows[i].outcome, "unsupported"))
			used += (size_t)snprintf(
				line + used, sizeof(line) - used, "%s%s",
				used ? ", " : "Unsupported here: ", g->rows[i].subject);
	if (used && used < sizeof(line) && !any_file(g))
		snprintf(line + used, sizeof(line) - used, ": %s", g->rows[0].reason);
	if (used)
		say(out, line);
	for (size_t i = 0; i < g->n; i++) {
		const struct gbench_row *row = &g->rows[i];

		if (row->file || !strcmp(row->outcome, "unsupported"))
			continue;
		snprintf(line, sizeof(line), "%s: %s: %s", row->subject, row->outcome, row->reason);
		say(out, line);
	}
}

static void html_figures(FILE *out, const struct gbench *g)
{
	char time[NUMBER_CHARS], faults[NUMBER_CHARS];

	html_made_by(out, "build/tabench run (gbench/*.json)");
	html_details_begin(out, DETAILS_PAPER, "Each subject");
	html_scroll_begin(out, TITLE);
	fputs("<table><caption>Time of one iteration, and minor faults in it; lower is "
	      "better</caption>\n<thead><tr><th scope=\"col\">Subject</th>",
	      out);
	for (size_t c = 0; c < g->n_columns; c++) {
		fputs("<th scope=\"col\" class=\"n\">", out);
		html_text(out, g->columns[c].name);
		fputs("</th>", out);
	}
	fputs("</tr></thead>\n<tbody>\n", out);
	for (size_t i = 0; i < g->n; i++) {
		if (!g->rows[i].file)
			continue;
		fputs("<tr><th scope=\"row\">", out);
		html_text(out, g->rows[i].subject);
		fputs("</th>", out);
		for (size_t c = 0; c < g->n_columns; c++) {
			figures(benchmark_of(&g->rows[i], g->columns[c].name), time, faults);
			fprintf(out, "<td class=\"n\">%s", time);
			if (faults[0])
				fprintf(out, " <span class=\"interval\">%s</span>", faults);
			fputs("</td>", out);
		}
		fputs("</tr>\n", out);
	}
	html_table_end(out);
	html_details_end(out);
}

static void html_remark(FILE *out, const char *line)
{
	fputs("<p>", out);
	html_text(out, line);
	fputs("</p>\n", out);
}

bool report_html_gbench(FILE *out, const struct report *report)
{
	struct gbench g;
	bool any;

	gbench_read(&g, report);
	any = g.n;
	if (any) {
		fputs("<section id=\"gbench\"><h2>" TITLE "</h2>\n<p>", out);
		html_text(out, WORDS);
		fputs("</p>\n", out);
		if (any_file(&g))
			html_figures(out, &g);
		remarks(&g, html_remark, out);
		fputs("</section>\n", out);
	}
	gbench_free(&g);
	return any;
}

static void md_figures(FILE *out, const struct gbench *g)
{
	char time[NUMBER_CHARS], faults[NUMBER_CHARS];

	fputs("\n| subject |", out);
	for (size_t c = 0; c < g->n_columns; c++) {
		fputc(' ', out);
		md_text(out, g->columns[c].name);
		fputs(" |", out);
	}
	fputs("\n|---|", out);
	for (size_t c = 0; c < g->n_columns; c++)
		fputs("--:|", out);
	fputc('\n', out);
	for (size_t i = 0; i < g->n; i++) {
		if (!g->rows[i].file)
			continue;
		fputs("| ", out);
		md_text(out, g->rows[i].subject);
		fputs(" |", out);
		for (size_t c = 0; c < g->n_columns; c++) {
			figures(benchmark_of(&g->rows[i], g->columns[c].name), time, faults);
			fprintf(out, " %s%s%s%s |", time, faults[0] ? " (" : "", faults,
				faults[0] ? ")" : "");
		}
		fputc('\n', out);
	}
}

static void md_remark(FILE *out, const char *line)
{
	fputs("\n- ", out);
	md_text(out, line);
	fputc('\n', out);
}

bool report_md_gbench(FILE *out, const struct report *report)
{
	struct gbench g;
	bool any;

	gbench_read(&g, report);
	any = g.n;
	if (any)
		fputs("\n## " TITLE "\n\n", out);
	if (any)
		md_text(out, WORDS);
	if (any)
		fputc('\n', out);
	if (any_file(&g))
		md_figures(out, &g);
	remarks(&g, md_remark, out);
	gbench_free(&g);
	return any;
}
