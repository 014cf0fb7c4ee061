// SPDX-License-Identifier: MIT
/* report.md: the verdict and what a reader must know of it, for places that show Markdown. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report_model.h"

void md_text(FILE *out, const char *t)
{
	for (; t && *t; t++) {
		if (strchr("|*_<>[]`\\#&", *t))
			fputc('\\', out);
		fputc(*t == '\n' ? ' ' : *t, out);
	}
}

static void best(FILE *out, const struct verdict *v, const struct result *r, bool memory)
{
	char *ties;

	if (!r) {
		fputs(" - |", out);
		return;
	}
	ties = verdict_ties(v, r, memory);
	fputs(" **", out);
	md_text(out, r->identity->subject);
	fputs("**", out);
	if (ties && *ties) {
		fputs(" (tied: ", out);
		md_text(out, ties);
		fputs(")", out);
	}
	fputs(" |", out);
	free(ties);
}

static void best_table(FILE *out, const struct panel *panel)
{
	char title[96], n[2][NUMBER_CHARS];

	fprintf(out,
		"| workload | fastest | %s per touched page (alloc + touch + free) | leanest | "
		"committed / "
		"touched |\n|---|---|--:|---|--:|\n",
		panel->cost_unit);
	for (size_t i = 0; i < panel->n; i++) {
		const struct verdict *v = panel->verdicts[i];

		fputs("| ", out);
		md_text(out, workload_title(v->group, title, sizeof(title)));
		fputs(" |", out);
		best(out, v, v->fastest, false);
		fprintf(out, " %s |",
			text_number(v->fastest ? v->fastest->of[CELL_TOTAL_COST_PER_PAGE].value
					       : NAN,
				    n[0]));
		best(out, v, v->leanest, true);
		fprintf(out, " %s |\n",
			text_ratio(v->leanest ? v->leanest->of[CELL_COMMITTED_PER_TOUCHED].value
					      : NAN,
				   n[1]));
	}
}

static void regret_table(FILE *out, const struct panel *panel)
{
	char title[96], time[NUMBER_CHARS], memory[NUMBER_CHARS];
	const char *why;

	fputs("\nRegret, time / memory (ratio to the best; ~ is tied: its interval includes "
	      "1):\n\n| subject |",
	      out);
	for (size_t i = 0; i < panel->n; i++) {
		fputc(' ', out);
		md_text(out, workload_title(panel->verdicts[i]->group, title, sizeof(title)));
		fputs(" |", out);
	}
	fputs("\n|---|", out);
	for (size_t i = 0; i < panel->n; i++)
		fputs("--:|", out);
	fputc('\n', out);
	for (size_t s = 0; s < panel->n_subjects; s++) {
		fputs("| ", out);
		md_text(out, panel->subjects[s]);
		fputs(" |", out);
		for (size_t i = 0; i < panel->n; i++) {
			const struct verdict *v = panel->verdicts[i];
			const struct result *r = verdict_cell(v, panel->subjects[s]);

			if (r && result_ranked(r, &why))
				fprintf(out, " %s%s%s / %s |", r->tied_time ? "~" : "",
					text_ratio(r->regret_time.value, time),
					result_comparable(r) ? "" : "\\*",
					text_regret_memory(v, r, memory));
			else
				fprintf(out, " %s |", unranked_text(r));
		}
		fputc('\n', out);
	}
}

static void not_run(FILE *out, const struct report *report)
{
	size_t rows = 0;

	fputs("\n## What could not run, and why\n\n", out);
	for (size_t i = 0; i < report->results.n; i++) {
		const struct result *r = &report->results.cells[i];
		char *where;

		if (!not_run_row(report, i))
			continue;
		rows++;
		where = not_run_where(report, i);
		fprintf(out, "- %s, ", r->identity->target);
		md_text(out, r->identity->subject);
		fprintf(out, ": %s%s", r->n ? "in part" : r->outcome, r->reason[0] ? ": " : "");
		md_text(out, r->reason);
		fputs(" (", out);
		md_text(out, where);
		fputs(")\n", out);
		free(where);
	}
	if (!rows)
		fprintf(out, "%s\n", nothing_missing(report));
}

static void sentences(FILE *out, const struct text_section *section)
{
	fprintf(out, "\n## %s\n\n", section->title);
	for (size_t i = 0; section->sentences[i]; i++) {
		fputs("- ", out);
		md_text(out, section->sentences[i]);
		fputc('\n', out);
	}
}

static void chart(FILE *out, const struct chart *c)
{
	fputs("\n![", out);
	md_text(out, c->title);
	fprintf(out, "](charts/%s.svg)\n\n", c->name);
	md_text(out, c->caption);
	fputc('\n', out);
}

static void conclusions(FILE *out, const struct report *report)
{
	struct conclusion said[CONCLUSIONS];
	size_t n = report_conclusions(report, said);

	for (size_t i = 0; i < n; i++) {
		fputs("- **", out);
		md_text(out, said[i].topic);
		fputs(":** ", out);
		md_text(out, said[i].text);
		fprintf(out, " (`%s`)\n", said[i].command);
	}
	for (size_t i = 0; i < report->n_charts; i++)
		if (report->charts[i].headline)
			chart(out, &report->charts[i]);
}

void report_write_markdown(const struct report *report, FILE *out)
{
	char line[400], note[PANEL_NOTE_CHARS];
	bool any = false;

	fputs("# What initialised memory costs here\n\nRun ", out);
	md_text(out, report->run_id);
	fputs(".\n", out);
	for (size_t i = 0; i < report->samples.n_notes; i++) {
		fputs(i ? "> - " : "\n> Read this first:\n>\n> - ", out);
		md_text(out, report->samples.notes[i]);
		fputc('\n', out);
	}
	fputs("\n## Verdict\n\n", out);
	conclusions(out, report);
	for (size_t i = 0; i < report->n_panels; i++) {
		const struct panel *panel = &report->panels[i];

		if (!panel->cost_unit)
			continue;
		any = true;
		fprintf(out, "\n### %s, %zu repetitions%s\n\n",
			panel_title(panel, line, sizeof(line)), panel->repetitions,
			panel->too_few ? " (too few for a claim)" : "");
		if (panel_note(panel, note)) {
			md_text(out, note);
			fputs("\n\n", out);
		}
		best_table(out, panel);
		regret_table(out, panel);
	}
	if (!any)
		fprintf(out, "\nNone: %s.\n", nothing_ranked(report));
	report_md_advice(out, report);
	if (report->crossings.n)
		fputs("\n## Lazy or eager\n\n", out);
	for (size_t i = 0; i < report->crossings.n; i++) {
		const struct crossing *c = &report->crossings.pairs[i];

		fprintf(out, "- %s, fill %.0f: ", c->lazy->target, c->lazy->fill);
		md_text(out, crossing_text(c, line, sizeof(line)));
		fputc('\n', out);
	}
	report_md_latency(out, report);
	report_md_gbench(out, report);
	report_md_apps(out, report);
	report_md_statistics(out, report);
	report_md_stall(out, report);
	report_md_scenarios(out, report);
	if (report->n_charts)
		fputs("\n## Charts\n", out);
	for (size_t i = 0; i < report->n_charts; i++)
		if (!report->charts[i].headline)
			chart(out, &report->charts[i]);
	fprintf(out, "\n## Checks\n\n- verify passed in %zu of %zu ok cells, failed in %zu\n",
		report->verified.passed, report->verified.ok, report->verified.failed);
	fprintf(out, "- %s\n", controls_floor_text(&report->controls, line, sizeof(line)));
	if (report->controls.canary.n)
		fprintf(out, "- %s\n", controls_canary_text(&report->controls, line, sizeof(line)));
	fprintf(out, "- timeline sampler at 1 kHz: %s\n",
		overhead_text(&report->overhead, line, sizeof(line)));
	if (report->timelines.exact)
		fprintf(out, "- %s\n", timelines_text(&report->timelines, line, sizeof(line)));
	if (report->stats.n)
		fprintf(out,
			"- perf stat: page faults agree in %zu of %zu cells; cycles counted in "
			"%zu, "
			"misses of the data TLB in %zu\n",
			report->stats.n_within, report->stats.n, report->stats.n_cycles,
			report->stats.n_dtlb);
	else if (report->stats.refused)
		fprintf(out, "- perf stat: %s\n", report->stats.refused);
	not_run(out, report);
	sentences(out, &report_definitions);
	sentences(out, &report_method);
	sentences(out, &report_threats);
}
