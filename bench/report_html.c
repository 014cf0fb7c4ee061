// SPDX-License-Identifier: MIT
/* report.html: one self-contained file, no network, no script. */
#include "report_html.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* bench/report.css, embedded by the assembler (the path comes from CMakeLists.txt). */
__asm__(".pushsection .rodata\n"
	"report_css: .incbin \"" TA_REPORT_CSS "\"\n"
	".byte 0\n"
	".popsection\n");
extern const char report_css[];

void html_text(FILE *out, const char *text)
{
	for (; text && *text; text++) {
		switch (*text) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		case '\'':
			fputs("&#39;", out);
			break;
		default:
			if ((unsigned char)*text >= ' ' || *text == '\n' || *text == '\t')
				fputc(*text, out);
		}
	}
}

void html_textf(FILE *out, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) >= 0) {
		html_text(out, text);
		free(text);
	}
	va_end(args);
}

void html_scroll_begin(FILE *out, const char *label)
{
	fputs("<div class=\"scroll\" role=\"group\" tabindex=\"0\" aria-label=\"", out);
	html_text(out, label);
	fputs("\">\n", out);
}

void html_scroll_end(FILE *out)
{
	fputs("</div>\n", out);
}

void html_table_begin(FILE *out, const char *caption, const char *const *columns)
{
	html_scroll_begin(out, caption);
	fputs("<table><caption>", out);
	html_text(out, caption);
	fputs("</caption>\n<thead><tr>", out);
	for (size_t i = 0; columns[i]; i++) {
		bool number = columns[i][0] == '#';

		fputs(number ? "<th scope=\"col\" class=\"n\">" : "<th scope=\"col\">", out);
		html_text(out, columns[i] + number);
		fputs("</th>", out);
	}
	fputs("</tr></thead>\n<tbody>\n", out);
}

void html_table_end(FILE *out)
{
	fputs("</tbody></table>\n", out);
	html_scroll_end(out);
}

void html_details_begin(FILE *out, enum details kind, const char *summary)
{
	fputs(kind == DETAILS_OPEN    ? "<details class=\"paper\" open=\"open\"><summary>"
	      : kind == DETAILS_PAPER ? "<details class=\"paper\"><summary>"
				      : "<details><summary>",
	      out);
	html_text(out, summary);
	fputs("</summary>\n", out);
}

void html_details_end(FILE *out)
{
	fputs("</details>\n", out);
}

void html_made_by(FILE *out, const char *command)
{
	fputs("<p class=\"made\">Command: <code>", out);
	html_text(out, command);
	fputs("</code></p>\n", out);
}

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "unknown";
}

static void write_head(FILE *out, const struct report *r)
{
	const json_t *e = r->environment;
	char memory[NUMBER_CHARS];
	const json_t *total = json_object_get(json_object_get(e, "memory"), "total_bytes");

	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
	      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
	      "<meta name=\"color-scheme\" content=\"light dark\"/>\n<title>tamalloc: ",
	      out);
	html_text(out, r->run_id);
	fprintf(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n", report_css);
	fputs("<a class=\"skip\" href=\"#main\">Skip to the verdict</a>\n"
	      "<header>\n<h1>What initialised memory costs here</h1>\n<p class=\"meta\">",
	      out);
	html_textf(out, "Run %s, %s, profile %s. ", r->run_id, text_of(r->run, "started_utc"),
		   text_of(r->run, "profile"));
	html_textf(out, "%s, %s, Linux %s, huge pages: %s.",
		   text_of(json_object_get(e, "cpu"), "model"),
		   text_bytes(total ? json_number_value(total) : NAN, memory),
		   text_of(json_object_get(e, "kernel"), "release"),
		   text_of(json_object_get(e, "thp"), "enabled"));
	fputs("</p>\n", out);
}

/* Links to those sections that body holds. */
static void write_nav(FILE *out, const char *body)
{
	static const char *const sections[][2] = {
		{"verdict", "Verdict"},
		{"advice", "What to use when"},
		{"charts", "Charts"},
		{"crossover", "Lazy or eager"},
		{"tables", "Tables"},
		{"latency", "Latency"},
		{"gbench", "google-benchmark"},
		{"apps", "Whole programs"},
		{"statistics", "Asking for every process"},
		{"stall", "Being asked about"},
		{"scenarios", "Scenarios"},
		{"checks", "Checks"},
		{"not-run", "Not run"},
		{"method", "Method"},
		{"threats", "Threats to validity"},
		{"environment", "Environment"},
	};
	char mark[48];

	fputs("<nav aria-label=\"Sections\">", out);
	for (size_t i = 0; i < sizeof(sections) / sizeof(*sections); i++) {
		snprintf(mark, sizeof(mark), "<section id=\"%s\">", sections[i][0]);
		if (strstr(body, mark))
			fprintf(out, "<a href=\"#%s\">%s</a> ", sections[i][0], sections[i][1]);
	}
	fputs("</nav>\n</header>\n<main id=\"main\" tabindex=\"-1\">\n", out);
}

static void write_notes(FILE *out, const struct report *r)
{
	if (!r->samples.n_notes)
		return;
	fputs("<section class=\"notes\" aria-label=\"Read this first\"><h2>Read this "
	      "first</h2><ul>\n",
	      out);
	for (size_t i = 0; i < r->samples.n_notes; i++) {
		fputs("<li>", out);
		html_text(out, r->samples.notes[i]);
		fputs("</li>\n", out);
	}
	fputs("</ul></section>\n", out);
}

static void write_conclusions(FILE *out, const struct report *r)
{
	struct conclusion said[CONCLUSIONS];
	size_t n = report_conclusions(r, said);

	if (!n) {
		fprintf(out, "<p>None: %s.</p>\n", nothing_ranked(r));
		return;
	}
	fputs("<ul class=\"conclusions\">\n", out);
	for (size_t i = 0; i < n; i++) {
		fputs("<li><b>", out);
		html_text(out, said[i].topic);
		fputs(":</b> ", out);
		html_text(out, said[i].text);
		fputs("</li>\n", out);
	}
	fputs("</ul>\n", out);
	/* Each command once; the first is that of most. */
	for (size_t i = 0; i < n; i++) {
		size_t k = 0;

		while (k < i && strcmp(said[k].command, said[i].command))
			k++;
		if (k == i)
			html_made_by(out, said[i].command);
	}
}

static void write_crossover(FILE *out, const struct report *r)
{
	static const char *const columns[] = {"Lazy",	   "Eager",    "Target", "#Fill",
					      "#Crossing", "In words", NULL};
	char text[320];

	fputs("<section id=\"crossover\"><h2>Lazy or eager</h2>\n", out);
	if (!r->crossings.n)
		fputs("<p>This run holds no pair of a lazy and an eager subject in the workload "
		      "<code>fraction</code>.</p>\n",
		      out);
	else {
		fputs("<p>A lazy way pays for each page as it is touched, an eager one for all at "
		      "once. Where the lines of the chart cross, the eager one becomes the "
		      "cheaper.</p>\n",
		      out);
		html_made_by(out, "build/tabench report RUN (crossings.csv)");
		html_details_begin(out, DETAILS_PAPER, "Every pair of a lazy and an eager way");
		html_table_begin(out,
				 "Share of pages touched above which the eager subject is cheaper "
				 "(percent; alloc + touch + free)",
				 columns);
	}
	for (size_t i = 0; i < r->crossings.n; i++) {
		const struct crossing *c = &r->crossings.pairs[i];

		fputs("<tr><th scope=\"row\">", out);
		html_text(out, c->lazy->subject);
		fputs("</th><td>", out);
		html_text(out, c->eager->subject);
		fputs("</td><td>", out);
		html_text(out, c->lazy->target);
		fprintf(out, "</td><td class=\"n\">%.0f</td><td class=\"n\">", c->lazy->fill);
		if (c->kind == CROSSING_AT)
			fprintf(out, "%.1f %%", c->touched_pct.value);
		else
			fputs("none", out);
		fputs("</td><td class=\"words\">", out);
		html_text(out, crossing_text(c, text, sizeof(text)));
		fputs("</td></tr>\n", out);
	}
	if (r->crossings.n) {
		html_table_end(out);
		html_details_end(out);
	}
	fputs("</section>\n", out);
}

static void write_stats(FILE *out, const struct report *r)
{
	static const char *const columns[] = {"Subject",
					      "Workload",
					      "#Fill",
					      "#perf stat",
					      "#The cell's samples",
					      "#Same process",
					      "#Equal enough",
					      "#Major faults",
					      "#Cycles",
					      "#dTLB load misses",
					      NULL};

	if (!r->stats.n && r->stats.refused) {
		fputs("<p>", out);
		html_text(out, r->stats.refused);
		fputs("</p>\n", out);
		return;
	}
	if (!r->stats.n) {
		fputs("<p>perf stat was not part of this run (<code>make perf-stat</code> adds "
		      "it).</p>\n",
		      out);
		return;
	}
	html_textf(out,
		   "perf stat's page-fault count equals the suite's own within %.0f %% and %d "
		   "start-up faults in %zu of %zu cells.",
		   100 * STAT_TOLERANCE, STAT_STARTUP_FAULTS, r->stats.n_within, r->stats.n);
	html_textf(out,
		   " This machine counted cycles in %zu of them, misses of the data TLB in %zu%s.",
		   r->stats.n_cycles, r->stats.n_dtlb,
		   r->stats.n_cycles ? "" : " (a virtual machine often hides these counters)");
	html_made_by(out, "make perf-stat RUN=RUN");
	html_details_begin(out, DETAILS_SCREEN, "Counts of each cell");
	html_table_begin(out, "Page faults by perf stat and by the suite (faults)", columns);
	for (size_t i = 0; i < r->stats.n; i++) {
		const struct stat_row *row = &r->stats.rows[i];
		char n[6][NUMBER_CHARS], title[96];

		fputs("<tr><th scope=\"row\">", out);
		html_text(out, row->sample->subject);
		fputs("</th><td>", out);
		html_text(out, workload_title(row->sample, title, sizeof(title)));
		fprintf(out,
			"</td><td class=\"n\">%.0f</td><td class=\"n\">%s</td>"
			"<td class=\"n\">%s</td><td class=\"n\">%s</td><td "
			"class=\"n\">%s</td><td class=\"n\">%s</td><td class=\"n\">%s</td>"
			"<td class=\"n\">%s</td></tr>\n",
			row->sample->fill, text_number(row->perf_faults, n[0]),
			text_number(row->cell_faults, n[1]), text_number(row->own_faults, n[2]),
			row->within ? "yes" : "<b>no</b>", text_number(row->major_faults, n[3]),
			text_number(row->cycles, n[4]), text_number(row->dtlb_load_misses, n[5]));
	}
	html_table_end(out);
	html_details_end(out);
}

static void write_checks(FILE *out, const struct report *r)
{
	char text[400];

	fputs("<section id=\"checks\"><h2>Checks of the run itself</h2>\n<h3>Verify</h3><p>", out);
	html_textf(out, "%zu of %zu ok cells have a passing verify; %zu failed.",
		   r->verified.passed, r->verified.ok, r->verified.failed);
	fputs("</p>\n<h3>Noise and drift</h3><p>", out);
	html_textf(out, "%s. ", controls_floor_text(&r->controls, text, sizeof(text)));
	html_textf(out, "%s", controls_canary_text(&r->controls, text, sizeof(text)));
	fputs("</p>\n<h3>Timeline</h3><p>", out);
	html_textf(out, "Sampler at 1 kHz: %s.", overhead_text(&r->overhead, text, sizeof(text)));
	if (r->overhead.slowdown.n)
		html_textf(out, " The limit is %.2f, or an interval that includes it: %s.",
			   OVERHEAD_LIMIT, overhead_within(&r->overhead) ? "kept" : "exceeded");
	fputs("</p>\n", out);
	if (r->timelines.exact) {
		fputs("<p>", out);
		html_textf(out, "%s.", timelines_text(&r->timelines, text, sizeof(text)));
		fputs("</p>\n", out);
	}
	html_csv_table(out, r, "timeline/index.csv", "Timelines recorded");
	html_csv_table(out, r, "timeline-vm/index.csv",
		       "Timelines recorded in the virtual machine");
	fputs("<h3>Page faults by perf stat</h3>\n", out);
	write_stats(out, r);
	fputs("<h3>Probes</h3>\n", out);
	html_probes(out, r);
	fputs("</section>\n", out);
}

static void write_sentences(FILE *out, const char *title, const struct text_section *section)
{
	if (title) {
		fputs("<h3>", out);
		html_text(out, title);
		fputs("</h3>", out);
	}
	fputs("<ul>\n", out);
	for (size_t i = 0; section->sentences[i]; i++) {
		fputs("<li>", out);
		html_text(out, section->sentences[i]);
		fputs("</li>\n", out);
	}
	fputs("</ul>\n", out);
}

static void write_body(FILE *out, const struct report *r)
{
	write_notes(out, r);
	fputs("<section id=\"verdict\"><h2>Verdict</h2>\n<div class=\"lead\"><div>\n", out);
	write_conclusions(out, r);
	fputs("</div>\n", out);
	html_headline(out, r);
	fputs("</div>\n</section>\n", out);
	report_html_advice(out, r);
	html_charts(out, r);
	write_crossover(out, r);
	fputs("<section id=\"tables\"><h2>Tables</h2>\n", out);
	html_made_by(out, "build/tabench report RUN (cells.csv, summary.json)");
	html_verdict(out, r);
	html_cell_tables(out, r);
	fputs("</section>\n", out);
	report_html_latency(out, r);
	report_html_gbench(out, r);
	report_html_apps(out, r);
	report_html_statistics(out, r);
	report_html_stall(out, r);
	report_html_scenarios(out, r);
	write_checks(out, r);
	fputs("<section id=\"not-run\"><h2>What could not run, and why</h2>\n", out);
	html_not_run(out, r);
	fputs("</section>\n<section id=\"method\"><h2>Method</h2>\n", out);
	write_sentences(out, "How it was measured", &report_method);
	write_sentences(out, report_definitions.title, &report_definitions);
	html_how_to_repeat(out, r);
	fputs("</section>\n<section id=\"threats\"><h2>Threats to validity</h2>\n", out);
	write_sentences(out, NULL, &report_threats);
	fputs("</section>\n<section id=\"environment\"><h2>Environment</h2>\n", out);
	html_environment(out, r);
	fputs("</section>\n", out);
}

int report_write_html(const struct report *r, FILE *out)
{
	char *body = NULL;
	size_t bytes;
	FILE *memory = open_memstream(&body, &bytes);

	if (!memory)
		return -ENOMEM;
	write_body(memory, r);
	if (fclose(memory)) {
		free(body);
		return -ENOMEM;
	}
	write_head(out, r);
	write_nav(out, body);
	fwrite(body, 1, bytes, out);
	fputs("</main>\n<footer><p>Written by <code>tabench report</code> from "
	      "<code>samples.jsonl</code> of this run. The figures stand in "
	      "<code>cells.csv</code>, <code>crossover.csv</code> and "
	      "<code>summary.json</code>.</p></footer>\n</body>\n</html>\n",
	      out);
	free(body);
	return 0;
}
