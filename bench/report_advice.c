// SPDX-License-Identifier: MIT
/* What to use when, in the report: the rule of advice.h in words, applied to each panel. */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "advice.h"
#include "report_html.h"

#define TITLE	   "What to use when"
#define MAX_NAMED  6 /* subjects in one sentence */
#define TEXT_BYTES 512

static const char words[] = "Derived by rule from the verdicts (bench/advice.h), per "
			    "workload: use what is both fast "
			    "(at most 1.05 times the fastest's time, alloc + touch + free) and "
			    "lean (at most 1.05 times the "
			    "leanest's committed memory); where nothing is both, the choice is "
			    "between the fastest and the "
			    "leanest, each with its price. All-round: the subject whose worst "
			    "regret over all workloads is "
			    "the smallest. Never first choice: in each workload another one is no "
			    "worse in time and memory "
			    "and better by more than 5 % in one of them.";

__attribute__((format(printf, 2, 3))) static void add(char *text, const char *format, ...)
{
	size_t used = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + used, TEXT_BYTES - used, format, args);
	va_end(args);
}

/* "memory x 34.1": the price of a choice. */
static void add_price(char *text, bool memory, double regret)
{
	char number[NUMBER_CHARS];

	if (isinf(regret))
		add(text, "commits memory where the leanest commits none");
	else
		add(text, "%s \303\227 %s", memory ? "memory" : "time", text_ratio(regret, number));
}

static void advice_text(const struct advice *a, char text[TEXT_BYTES])
{
	text[0] = 0;
	switch (a->kind) {
	case ADVICE_BOTH:
		for (size_t i = 0; i < a->n_use && i < MAX_NAMED; i++)
			add(text, "%s%s", i ? ", " : "", a->use[i]->identity->subject);
		if (a->n_use > MAX_NAMED)
			add(text, " and %zu more", a->n_use - MAX_NAMED);
		break;
	case ADVICE_TRADE:
		add(text, "for time %s (", a->fast->identity->subject);
		add_price(text, true, advice_memory(a->verdict, a->fast));
		add(text, "); for memory %s (", a->lean->identity->subject);
		add_price(text, false, a->lean->regret_time.value);
		add(text, ")");
		break;
	case ADVICE_NONE:
		add(text, "nothing to choose");
		break;
	}
	add(text, " (of %zu ranked)", a->n_ranked);
}

static void all_round_text(const struct panel *panel, bool memory_too, char text[TEXT_BYTES])
{
	struct all_round best = advice_all_round(panel->verdicts, panel->n, memory_too);
	char title[96], number[NUMBER_CHARS];

	text[0] = 0;
	if (!best.subject) {
		add(text, "no subject was ranked in every workload");
		return;
	}
	if (isinf(best.worst)) {
		add(text, "none: each commits memory somewhere where another one commits none");
		return;
	}
	add(text, "%s: never worse than \303\227 %s", best.subject, text_ratio(best.worst, number));
	if (best.where)
		add(text, " (%s, %s)", best.in_memory ? "memory" : "time",
		    workload_title(best.where->group, title, sizeof(title)));
}

static void never_text(const struct panel *panel, char text[TEXT_BYTES])
{
	size_t named = 0;

	text[0] = 0;
	for (size_t i = 0; i < panel->n_subjects; i++)
		if (advice_never_first(panel->verdicts, panel->n, panel->subjects[i]))
			add(text, "%s%s", named++ ? ", " : "", panel->subjects[i]);
	if (!named)
		add(text, "none: each is first choice somewhere");
}

/* A row: what for, and what to use. */
typedef void write_row(FILE *out, const char *when, const char *use);

static void write_panel(FILE *out, const struct panel *panel, write_row *row)
{
	char title[96], text[TEXT_BYTES];

	for (size_t i = 0; i < panel->n; i++) {
		const struct verdict *v = panel->verdicts[i];
		struct advice advice;

		if (!advice_for(&advice, v)) {
			advice_text(&advice, text);
			row(out, workload_title(v->group, title, sizeof(title)), text);
		}
		advice_free(&advice);
	}
	all_round_text(panel, true, text);
	row(out, "all-round, time and memory", text);
	all_round_text(panel, false, text);
	row(out, "all-round, time alone", text);
	never_text(panel, text);
	row(out, "never first choice", text);
}

static bool has_advice(const struct panel *panel)
{
	return panel->cost_unit && panel->n;
}

static void html_row(FILE *out, const char *when, const char *use)
{
	fputs("<tr><th scope=\"row\">", out);
	html_text(out, when);
	fputs("</th><td class=\"words\">", out);
	html_text(out, use);
	fputs("</td></tr>\n", out);
}

void report_html_advice(FILE *out, const struct report *report)
{
	static const char *const columns[] = {"When", "Use", NULL};
	size_t n = 0;

	for (size_t i = 0; i < report->n_panels; i++) {
		const struct panel *panel = &report->panels[i];
		char title[96], summary[192];

		if (!has_advice(panel))
			continue;
		if (!n++) {
			fputs("<section id=\"advice\"><h2>" TITLE "</h2>\n<p>", out);
			html_text(out, words);
			fputs("</p>\n", out);
			html_made_by(out, "build/tabench report RUN (summary.json, advice)");
		}
		snprintf(summary, sizeof(summary), "%s%s%s",
			 panel_title(panel, title, sizeof(title)),
			 panel_is_emulated(panel) ? " (instructions, not time)" : "",
			 panel->too_few ? " (too few repetitions for a claim)" : "");
		html_details_begin(out, n == 1 ? DETAILS_OPEN : DETAILS_PAPER, summary);
		fputs("<div class=\"advice\">", out);
		html_table_begin(out, "By rule, from this run's verdicts", columns);
		write_panel(out, panel, html_row);
		html_table_end(out);
		fputs("</div>\n", out);
		html_details_end(out);
	}
	fputs(n ? "</section>\n" : "", out);
}

static void md_row(FILE *out, const char *when, const char *use)
{
	fputs("| ", out);
	md_text(out, when);
	fputs(" | ", out);
	md_text(out, use);
	fputs(" |\n", out);
}

void report_md_advice(FILE *out, const struct report *report)
{
	size_t n = 0;

	for (size_t i = 0; i < report->n_panels; i++) {
		const struct panel *panel = &report->panels[i];
		char title[96];

		if (!has_advice(panel))
			continue;
		if (!n++)
			fprintf(out, "\n## " TITLE "\n\n%s\n", words);
		fprintf(out, "\n### %s%s%s\n\n| when | use |\n|---|---|\n",
			panel_title(panel, title, sizeof(title)),
			panel_is_emulated(panel) ? " (instructions, not time)" : "",
			panel->too_few ? " (too few repetitions for a claim)" : "");
		write_panel(out, panel, md_row);
	}
}

/* ---- JSON ---- */

static json_t *advice_json(const struct advice *a)
{
	static const char *const kinds[] = {"none", "both", "trade"};
	const struct sample *s = a->verdict->group;
	json_t *use = json_array();

	for (size_t i = 0; i < a->n_use; i++)
		json_array_append_new(use, json_string(a->use[i]->identity->subject));
	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:O, s:s, s:o, s:s?, s:s?}", "target",
			 s->target, "workload", s->workload, "size_bytes",
			 (json_int_t)s->size_bytes, "threads", (json_int_t)s->threads, "fill",
			 (json_int_t)s->fill, "params",
			 s->params ? (json_t *)s->params : json_null(), "kind", kinds[a->kind],
			 "use", use, "fast", a->fast ? a->fast->identity->subject : NULL, "lean",
			 a->lean ? a->lean->identity->subject : NULL);
}

json_t *report_json_advice(const struct report *report)
{
	json_t *list = json_array();

	for (size_t i = 0; i < report->verdicts.n; i++) {
		struct advice advice;

		if (verdict_is_apart(&report->verdicts.groups[i]))
			continue;
		if (!advice_for(&advice, &report->verdicts.groups[i]))
			json_array_append_new(list, advice_json(&advice));
		advice_free(&advice);
	}
	return list;
}
