// SPDX-License-Identifier: MIT
/* What a process feels of being asked about: the rows of stall.h. */
#include <math.h>
#include <string.h>

#include "report_html.h"
#include "stall.h"

#define TITLE "What being asked about costs a process"
#define WORDS                                                                                      \
	"A process with 256 MiB of resident pages touches fresh ones (fault) and maps and unmaps " \
	"one (map), while another reads its memory statistics without pause. In microseconds, "    \
	"medians over the repetitions: of half of the operations (p50), and of the slowest in a "  \
	"hundred (p99). With none, the other process only makes a cheap system call. A reading "   \
	"of "                                                                                      \
	"smaps or smaps_rollup walks the whole address space and holds its lock meanwhile, for "   \
	"which whoever maps or unmaps memory waits."
#define COLUMNS 5

static const char *const metrics[COLUMNS] = {"fault_p50_ns", "fault_p99_ns", "map_p50_ns",
					     "map_p99_ns", "read_ns"};

struct row {
	const struct sample *sample;
	double us[COLUMNS]; /* NaN: unknown */
};

/* Row i: the first sample of its way; false where sample i is no such. */
static bool row_of(const struct report *report, size_t i, struct row *row)
{
	const struct sample *s = &report->samples.rows[i];

	if (strcmp(s->kind, "micro") || strcmp(s->workload, STALL_WORKLOAD))
		return false;
	for (size_t k = 0; k < i; k++)
		if (!strcmp(report->samples.rows[k].cell_id, s->cell_id))
			return false;
	row->sample = s;
	for (int c = 0; c < COLUMNS; c++) {
		double values[64];
		size_t n = 0;

		for (size_t k = i; k < report->samples.n && n < 64; k++) {
			const struct sample *other = &report->samples.rows[k];
			double value = sample_metric(other, metrics[c]);

			if (!strcmp(other->cell_id, s->cell_id) && !isnan(value))
				values[n++] = value / 1e3;
		}
		row->us[c] = n ? stats_median(values, n) : NAN;
	}
	return true;
}

static const char *remark(const struct row *row)
{
	if (!strcmp(row->sample->outcome, "ok"))
		return "";
	return row->sample->reason ? row->sample->reason : row->sample->outcome;
}

bool report_html_stall(FILE *out, const struct report *report)
{
	static const char *const columns[] = {"Reader",	  "#Fault p50", "#Fault p99", "#Map p50",
					      "#Map p99", "#A reading", "Remark",     NULL};
	char text[NUMBER_CHARS];
	struct row row;
	size_t n = 0;

	for (size_t i = 0; i < report->samples.n; i++) {
		if (!row_of(report, i, &row))
			continue;
		if (!n++) {
			fputs("<section id=\"stall\"><h2>" TITLE "</h2>\n<p>" WORDS "</p>\n", out);
			html_made_by(out, "build/tabench stall");
			html_details_begin(out, DETAILS_PAPER, "Each reader");
			html_table_begin(out, "Microseconds on the host; lower is better", columns);
		}
		fputs("<tr><th scope=\"row\">", out);
		html_text(out, row.sample->subject);
		fputs("</th>", out);
		for (int c = 0; c < COLUMNS; c++)
			fprintf(out, "<td class=\"n\">%s</td>", text_number(row.us[c], text));
		fputs("<td>", out);
		html_text(out, remark(&row));
		fputs("</td></tr>\n", out);
	}
	if (n) {
		html_table_end(out);
		html_details_end(out);
		fputs("</section>\n", out);
	}
	return n;
}

bool report_md_stall(FILE *out, const struct report *report)
{
	char text[NUMBER_CHARS];
	struct row row;
	size_t n = 0;

	for (size_t i = 0; i < report->samples.n; i++) {
		if (!row_of(report, i, &row))
			continue;
		if (!n++)
			fputs("\n## " TITLE "\n\n" WORDS "\n\n| reader | fault p50 | fault p99 | "
			      "map p50 | map p99 | a reading | remark "
			      "|\n|---|--:|--:|--:|--:|--:|---|\n",
			      out);
		fprintf(out, "| %s |", row.sample->subject);
		for (int c = 0; c < COLUMNS; c++)
			fprintf(out, " %s |", text_number(row.us[c], text));
		fprintf(out, " %s |\n", remark(&row));
	}
	return n;
}
