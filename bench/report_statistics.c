// SPDX-License-Identifier: MIT
/* The rows of kind micro: tamstat against readers of /proc. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report_html.h"
#include "statistics.h"

#define TITLE "What it costs to ask for every process"
#define WORDS                                                                                      \
	"Reserved and committed memory and OOM score of every process, asked for again and "       \
	"again: "                                                                                  \
	"the system call tamstat, and readers of /proc whose files stay open (pread, so without "  \
	"what finding and opening them costs). Address space seen by each way is compared to the " \
	"byte."

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

/* How many times the cost of tamstat for as many processes on the same target; NaN if unknown. */
static double ratio(const struct report *report, const struct row *row)
{
	struct row other;

	for (size_t i = 0; i < report->samples.n; i++)
		if (row_of(report, i, &other) && other.processes == row->processes &&
		    !strcmp(other.sample->subject, statistics_subject(0)) &&
		    !strcmp(other.sample->target, row->sample->target))
			return row->cost / other.cost;
	return NAN;
}

static const char *remark(const struct row *row)
{
	if (strcmp(row->sample->outcome, "ok"))
		return row->sample->reason ? row->sample->reason : row->sample->outcome;
	return row->sample->verified == 1 ? "same sums" : "sums differ";
}

bool report_html_statistics(FILE *out, const struct report *report)
{
	static const char *const columns[] = {"Way",	      "Target", "#Processes",
					      "#Per process", "Unit",	"#Ratio to tamstat",
					      "Check",	      NULL};
	struct row row;
	size_t n = 0;

	for (size_t i = 0; i < report->samples.n; i++) {
		char cost[NUMBER_CHARS], times[NUMBER_CHARS];

		if (!row_of(report, i, &row))
			continue;
		if (!n++) {
			fputs("<section id=\"statistics\"><h2>" TITLE "</h2>\n<p>" WORDS "</p>\n",
			      out);
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
		html_table_end(out);
		fputs("</section>\n", out);
	}
	return n;
}

bool report_md_statistics(FILE *out, const struct report *report)
{
	struct row row;
	size_t n = 0;

	for (size_t i = 0; i < report->samples.n; i++) {
		char cost[NUMBER_CHARS], times[NUMBER_CHARS];

		if (!row_of(report, i, &row))
			continue;
		if (!n++)
			fputs("\n## " TITLE "\n\n" WORDS
			      "\n\n| way | target | processes | per process | "
			      "unit | ratio to tamstat | check |\n|---|---|--:|--:|---|--:|---|\n",
			      out);
		fprintf(out, "| %s | %s | %.0f | %s | %s | %s | %s |\n", row.sample->subject,
			row.sample->target, row.processes, text_number(row.cost, cost),
			row.unit ? row.unit : "-", text_ratio(ratio(report, &row), times),
			remark(&row));
	}
	return n;
}
