// SPDX-License-Identifier: MIT
/* The rows of kind micro: tamstat against readers of /proc. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report_html.h"
#include "statistics.h"

#define TITLE "What it costs to ask for every process"
#define WORDS                                                                                     \
	"The memory and OOM score of every process, asked for again and again. tamstat/syscall: " \
	"the system call. tamstat/proc-cached: the same from /proc, with files that stay open; "  \
	"tamstat/proc: opened each time. proc/statm+oom_score: the least of /proc, files open, "  \
	"without the parts, swap and peak. libproc2: the library behind ps. program/...: whole "  \
	"programs, from start to end. The ratio is to tamstat/syscall, where that is missing to " \
	"tamstat/proc-cached. Each way must have seen all processes."

struct row {
	const struct sample *sample;
	double processes, cost; /* per process; median over repetitions */
	const char *unit;
};

static double cost_of(const struct sample *s, const char **unit)
{
	double cost = sample_metric(s, "cost_per_process_instructions");

	*unit = isnan(cost) ? "ns" : "instructions";
	return isnan(cost) ? sample_metric(s, "cost_per_process_ns") : cost;
}

/* Row i: the first sample of its cell; false where sample i is no such. */
static bool row_of(const struct report *report, size_t i, struct row *row)
{
	const struct sample *s = &report->samples.rows[i];
	double values[64];
	size_t n = 0;

	if (strcmp(s->kind, "micro") || strcmp(s->workload, STATISTICS_WORKLOAD))
		return false;
	for (size_t k = 0; k < i; k++)
		if (!strcmp(report->samples.rows[k].cell_id, s->cell_id))
			return false;
	*row = (struct row){.sample = s, .processes = sample_param(s, "processes")};
	for (size_t k = i; k < report->samples.n && n < 64; k++) {
		const struct sample *other = &report->samples.rows[k];
		const char *unit;

		if (strcmp(other->cell_id, s->cell_id) || isnan(cost_of(other, &unit)))
			continue;
		values[n++] = cost_of(other, &unit);
		row->unit = unit;
	}
	row->cost = n ? stats_median(values, n) : NAN;
	return true;
}

/* The cost of subject in repetition rep of row's target and number of processes; NaN if unknown. */
static double cost_in(const struct report *report, const struct row *row, const char *subject,
		      unsigned rep)
{
	const char *unit;

	for (size_t i = 0; i < report->samples.n; i++) {
		const struct sample *s = &report->samples.rows[i];

		if (!strcmp(s->kind, "micro") && !strcmp(s->subject, subject) && s->rep == rep &&
		    !strcmp(s->target, row->sample->target) &&
		    sample_param(s, "processes") == row->processes)
			return cost_of(s, &unit);
	}
	return NAN;
}

/* How many times the cost of subject: median over the repetitions in which both were taken. */
static double times_cost_of(const struct report *report, const struct row *row, const char *subject)
{
	double ratios[64];
	size_t n = 0;

	for (unsigned rep = 0; rep < 64; rep++) {
		double ratio = cost_in(report, row, row->sample->subject, rep) /
			       cost_in(report, row, subject, rep);

		if (!isnan(ratio))
			ratios[n++] = ratio;
	}
	return n ? stats_median(ratios, n) : NAN;
}

static double ratio(const struct report *report, const struct row *row)
{
	double to_syscall = times_cost_of(report, row, "tamstat/syscall");

	return isnan(to_syscall) ? times_cost_of(report, row, "tamstat/proc-cached") : to_syscall;
}

/* The program against ps, for those who choose between the two; 0 where they are not there. */
static int compare_programs(const struct report *report, char *text, size_t text_bytes)
{
	struct row row, widest = {.processes = 0};
	char times[NUMBER_CHARS];
	double against_ps;

	for (size_t i = 0; i < report->samples.n; i++)
		if (row_of(report, i, &row) && !strcmp(row.sample->subject, "program/tamstat") &&
		    !strcmp(row.sample->target, "host") && row.processes > widest.processes)
			widest = row;
	if (!widest.processes)
		return 0;
	against_ps = times_cost_of(report, &widest, "program/ps");
	if (isnan(against_ps))
		return 0;
	return snprintf(text, text_bytes,
			"On the host, listing %.0f processes takes tamstat %s times as long as "
			"ps -eo pid,rss,vsz,oom,comm (median over the pairs).",
			widest.processes, text_ratio(against_ps, times));
}

static const char *remark(const struct row *row)
{
	if (strcmp(row->sample->outcome, "ok"))
		return row->sample->reason ? row->sample->reason : row->sample->outcome;
	return row->sample->verified == 1 ? "saw all" : "missed some";
}

bool report_html_statistics(FILE *out, const struct report *report)
{
	static const char *const columns[] = {"Way",  "Target", "#Processes", "#Per process",
					      "Unit", "#Ratio", "Check",      NULL};
	struct row row;
	size_t n = 0;

	for (size_t i = 0; i < report->samples.n; i++) {
		char cost[NUMBER_CHARS], times[NUMBER_CHARS];

		if (!row_of(report, i, &row))
			continue;
		if (!n++) {
			fputs("<section id=\"statistics\"><h2>" TITLE "</h2>\n<p>" WORDS "</p>\n",
			      out);
			html_made_by(out, "build/tabench run --statistics");
			html_details_begin(out, DETAILS_PAPER, "Each way of asking");
			html_table_begin(out,
					 "Cost of one process (vm: instructions of an "
					 "emulated machine; lower is better)",
					 columns);
		}
		fputs("<tr><th scope=\"row\">", out);
		html_text(out, row.sample->subject);
		fprintf(out,
			"</th><td>%s</td><td class=\"n\">%.0f</td><td class=\"n\">%s</td>"
			"<td>%s</td><td class=\"n\">%s</td><td>",
			row.sample->target, row.processes, text_number(row.cost, cost),
			row.unit ? row.unit : "-", text_ratio(ratio(report, &row), times));
		html_text(out, remark(&row));
		fputs("</td></tr>\n", out);
	}
	if (n) {
		char text[300];

		html_table_end(out);
		html_details_end(out);
		if (compare_programs(report, text, sizeof(text)))
			fprintf(out, "<p>%s</p>\n", text);
		fputs("</section>\n", out);
	}
	return n;
}

bool report_md_statistics(FILE *out, const struct report *report)
{
	struct row row;
	char text[300];
	size_t n = 0;

	for (size_t i = 0; i < report->samples.n; i++) {
		char cost[NUMBER_CHARS], times[NUMBER_CHARS];

		if (!row_of(report, i, &row))
			continue;
		if (!n++)
			fputs("\n## " TITLE "\n\n" WORDS
			      "\n\n| way | target | processes | per process | "
			      "unit | ratio | check |\n|---|---|--:|--:|---|--:|---|\n",
			      out);
		fprintf(out, "| %s | %s | %.0f | %s | %s | %s | %s |\n", row.sample->subject,
			row.sample->target, row.processes, text_number(row.cost, cost),
			row.unit ? row.unit : "-", text_ratio(ratio(report, &row), times),
			remark(&row));
	}
	if (n && compare_programs(report, text, sizeof(text)))
		fprintf(out, "\n%s\n", text);
	return n;
}
