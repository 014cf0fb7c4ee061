// SPDX-License-Identifier: MIT
/* The rows of kind scenario: behaviour, asserted. */
#include <string.h>

#include "report_html.h"

#define TITLE "Where memory is short, shared or shaped"
#define WORDS                                                                                   \
	"What became of each way of getting memory, and of its neighbours, under limits, the "  \
	"modes of overcommit, OOM, swap, fork, fragmentation and NUMA (tabench scenario). No "  \
	"row is about speed. What must happen is asserted; what disturbs a whole machine runs " \
	"in the virtual one only. A case that ran on one target is not listed as unsupported "  \
	"on the other."

static bool is_row(const struct sample *s)
{
	return !strcmp(s->kind, "scenario");
}

static const char *case_of(const struct sample *s)
{
	const char *name = json_string_value(json_object_get(s->params, "case"));

	return name ? name : "";
}

/* It could not run on this target, but did on the other one: no news. */
static bool ran_elsewhere(const struct report *report, const struct sample *s)
{
	if (strcmp(s->outcome, "unsupported"))
		return false;
	for (size_t i = 0; i < report->samples.n; i++) {
		const struct sample *other = &report->samples.rows[i];

		if (is_row(other) && strcmp(other->outcome, "unsupported") &&
		    !strcmp(other->workload, s->workload) && !strcmp(other->subject, s->subject) &&
		    !strcmp(case_of(other), case_of(s)))
			return true;
	}
	return false;
}

static const char *verdict_of(const struct sample *s)
{
	return !strcmp(s->outcome, "ok")       ? "as expected"
	       : !strcmp(s->outcome, "failed") ? "broken"
					       : s->outcome;
}

/* What happened; where it is not what must happen, or could not be tried, why. */
static void remark(const struct sample *s, char *out, size_t out_bytes)
{
	bool both = s->reason && s->observed;

	snprintf(out, out_bytes, "%s%s%s", s->reason ? s->reason : "", both ? "; " : "",
		 s->observed ? s->observed : "");
}

bool report_html_scenarios(FILE *out, const struct report *report)
{
	static const char *const columns[] = {"Scenario",      "Case",	 "Target",
					      "Way",	       "#Check", "What must happen",
					      "What happened", NULL};
	char text[600];
	bool any = false;

	for (size_t i = 0; i < report->samples.n; i++) {
		const struct sample *s = &report->samples.rows[i];

		if (!is_row(s) || ran_elsewhere(report, s))
			continue;
		if (!any) {
			fputs("<section id=\"scenarios\"><h2>" TITLE "</h2>\n<p>" WORDS "</p>\n",
			      out);
			html_made_by(out, "build/tabench scenario --target host,vm");
			html_details_begin(out, DETAILS_PAPER, "Each scenario");
			html_table_begin(out, "Behaviour (host and vm; no costs)", columns);
		}
		any = true;
		remark(s, text, sizeof(text));
		fputs("<tr><th scope=\"row\">", out);
		html_text(out, s->workload);
		fputs("</th><td>", out);
		html_text(out, case_of(s));
		fprintf(out, "</td><td>%s</td><td>", s->target);
		html_text(out, s->subject);
		fprintf(out, "</td><td class=\"n\">%s</td><td>", verdict_of(s));
		html_text(out, s->expected ? s->expected : "");
		fputs("</td><td>", out);
		html_text(out, text);
		fputs("</td></tr>\n", out);
	}
	if (any) {
		html_table_end(out);
		html_details_end(out);
		fputs("</section>\n", out);
	}
	return any;
}

bool report_md_scenarios(FILE *out, const struct report *report)
{
	char text[600];
	bool any = false;

	for (size_t i = 0; i < report->samples.n; i++) {
		const struct sample *s = &report->samples.rows[i];

		if (!is_row(s) || ran_elsewhere(report, s))
			continue;
		if (!any)
			fputs("\n## " TITLE "\n\n" WORDS
			      "\n\n| scenario | case | target | way | check | what must happen | "
			      "what happened |\n|---|---|---|---|---|---|---|\n",
			      out);
		any = true;
		remark(s, text, sizeof(text));
		fprintf(out, "| %s | %s | %s | %s | %s | ", s->workload, case_of(s), s->target,
			s->subject, verdict_of(s));
		md_text(out, s->expected);
		fputs(" | ", out);
		md_text(out, text);
		fputs(" |\n", out);
	}
	return any;
}

json_t *report_json_scenarios(const struct report *report)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < report->samples.n; i++) {
		const struct sample *s = &report->samples.rows[i];

		if (is_row(s))
			json_array_append_new(
				rows, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s?, s:s?, s:s?}",
						"target", s->target, "scenario", s->workload,
						"case", case_of(s), "subject", s->subject,
						"outcome", s->outcome, "expected", s->expected,
						"observed", s->observed, "reason", s->reason));
	}
	return rows;
}
