// SPDX-License-Identifier: MIT
/* The verdict table on a terminal: plain ASCII, at most 100 columns. */
#include <math.h>
#include <string.h>

#include "report_model.h"

#define SUBJECT_COLUMNS 20
#define REGRET_COLUMNS	15
#define REGRETS_A_LINE	5

/* "mmap/thp", "mmap/thp = mmap", "mmap/thp = 3 others" */
static void best_text(const struct verdict *v, const struct result *best, size_t tied, bool memory,
		      char *out, size_t bytes)
{
	const char *other = NULL;

	for (size_t i = 0; i < v->n_cells && tied == 1; i++) {
		const struct result *r = &v->cells[i];

		if (r != best && (memory ? r->tied_memory : r->tied_time))
			other = r->identity->subject;
	}
	if (!best)
		snprintf(out, bytes, "-");
	else if (other)
		snprintf(out, bytes, "%s = %s", best->identity->subject, other);
	else if (tied)
		snprintf(out, bytes, "%s = %zu others", best->identity->subject, tied);
	else
		snprintf(out, bytes, "%s", best->identity->subject);
}

static void print_best(const struct panel *panel, FILE *out)
{
	const char *unit = panel->cost_unit && !strcmp(panel->cost_unit, "instructions")
				   ? "instr/page"
				   : "ns/page";

	fprintf(out, "%-18s %-30s %10s  %-26s %10s\n", "WORKLOAD", "FASTEST", unit, "LEANEST",
		"COMMITTED");
	for (size_t i = 0; i < panel->n; i++) {
		const struct verdict *v = panel->verdicts[i];
		char title[64], fastest[80], leanest[80], cost[NUMBER_CHARS], ratio[NUMBER_CHARS];

		best_text(v, v->fastest, v->tied_fastest, false, fastest, sizeof(fastest));
		best_text(v, v->leanest, v->tied_leanest, true, leanest, sizeof(leanest));
		fprintf(out, "%-18.18s %-30s %10s  %-26s %10s\n",
			workload_title(v->group, title, sizeof(title)), fastest,
			text_number(v->fastest ? v->fastest->of[CELL_TOTAL_COST_PER_PAGE].value
					       : NAN,
				    cost),
			leanest,
			text_ratio(v->leanest ? v->leanest->of[CELL_COMMITTED_PER_TOUCHED].value
					      : NAN,
				   ratio));
	}
}

static void print_regret(const struct verdict *v, const char *subject, FILE *out)
{
	const struct result *r = verdict_cell(v, subject);
	char time[NUMBER_CHARS], memory[NUMBER_CHARS];
	const char *why;

	if (!r || !result_ranked(r, &why)) {
		fprintf(out, "%*s", REGRET_COLUMNS, "-");
		return;
	}
	fprintf(out, "%*s%c %6s", REGRET_COLUMNS - 8, text_ratio(r->regret_time.value, time),
		r == v->fastest ? '*'
		: r->tied_time	? '~'
				: ' ',
		text_regret_memory(v, r, memory));
}

static bool has_ranked(const struct panel *panel, const char *subject)
{
	const char *why;

	for (size_t i = 0; i < panel->n; i++) {
		const struct result *r = verdict_cell(panel->verdicts[i], subject);

		if (r && result_ranked(r, &why))
			return true;
	}
	return false;
}

static void print_regrets(const struct panel *panel, FILE *out)
{
	const struct verdict *columns[REGRETS_A_LINE];

	for (size_t i = 0; i < panel->n;) {
		size_t n = 0;

		for (; i < panel->n && n < REGRETS_A_LINE; i++)
			columns[n++] = panel->verdicts[i];
		fprintf(out, "\n%-*s", SUBJECT_COLUMNS, "REGRET");
		for (size_t k = 0; k < n; k++) {
			char title[64];

			fprintf(out, "%*.*s", REGRET_COLUMNS, REGRET_COLUMNS - 1,
				workload_title(columns[k]->group, title, sizeof(title)));
		}
		fprintf(out, "\n%-*s", SUBJECT_COLUMNS, "");
		for (size_t k = 0; k < n; k++)
			fprintf(out, "%*s", REGRET_COLUMNS, "time  memory");
		fputc('\n', out);
		for (size_t s = 0; s < panel->n_subjects; s++) {
			if (!has_ranked(panel, panel->subjects[s]))
				continue;
			fprintf(out, "%-*s", SUBJECT_COLUMNS, panel->subjects[s]);
			for (size_t k = 0; k < n; k++)
				print_regret(columns[k], panel->subjects[s], out);
			fputc('\n', out);
		}
	}
}

static void print_crossings(const struct report *report, FILE *out)
{
	const struct crossing *main = report_main_crossing(report);
	bool several = false; /* targets */
	char text[320];

	if (!main)
		return;
	fprintf(out, "\nLazy against eager, by the share of pages touched (workload %s):\n",
		CROSSOVER_WORKLOAD);
	for (size_t i = 0; i < report->crossings.n; i++) {
		const struct crossing *c = &report->crossings.pairs[i];

		several |= strcmp(c->lazy->target, main->lazy->target) != 0;
	}
	for (size_t i = 0; i < report->crossings.n; i++) {
		const struct crossing *c = &report->crossings.pairs[i];

		if (!strcmp(c->lazy->subject, main->lazy->subject) &&
		    c->lazy->size_bytes == main->lazy->size_bytes)
			fprintf(out, "  %s%s%s\n", several ? c->lazy->target : "",
				several ? ": " : "", crossing_text(c, text, sizeof(text)));
	}
}

void report_print_terminal(const struct report *report, FILE *out)
{
	char text[400];
	bool any = false;

	for (size_t i = 0; i < report->n_panels; i++) {
		const struct panel *panel = &report->panels[i];

		if (!panel->cost_unit)
			continue;
		any = true;
		fprintf(out, "\nVERDICT  %s, %zu repetitions%s\n",
			panel_title(panel, text, sizeof(text)), panel->repetitions,
			panel->too_few ? " (too few for a claim)" : "");
		if (panel_is_emulated(panel))
			fprintf(out,
				"Instructions of an emulated machine, not time: no TLB, cache or "
				"bandwidth; memset in user\nspace counts about a quarter of "
				"the kernel's clearing.\n");
		print_best(panel, out);
		print_regrets(panel, out);
	}
	if (!any) {
		if (!report_print_apps(report, out))
			fprintf(out, "\nVERDICT  none: %s\n", nothing_ranked(report));
		return;
	}
	fputs("\nTime: alloc + touch + free per touched page. Committed: bytes per byte touched. "
	      "Regret: "
	      "ratio to\nthe best: * it is the best, ~ tied (the ratio's interval includes 1), +N "
	      "bytes a "
	      "byte more where\nthe best commits none.\n",
	      out);
	print_crossings(report, out);
	if (report->controls.pairs)
		fprintf(out, "\nA/A: %s\n",
			controls_floor_text(&report->controls, text, sizeof(text)));
	if (report->controls.canary.n)
		fprintf(out, "%s\n", controls_canary_text(&report->controls, text, sizeof(text)));
	if (report->overhead.slowdown.n)
		fprintf(out, "\nTimeline sampler: %s\n",
			overhead_text(&report->overhead, text, sizeof(text)));
	if (report->timelines.exact)
		fprintf(out, "%s\n", timelines_text(&report->timelines, text, sizeof(text)));
	if (report->stats.n)
		fprintf(out, "perf stat: page faults agree in %zu of %zu cells\n",
			report->stats.n_within, report->stats.n);
	report_print_apps(report, out);
}
