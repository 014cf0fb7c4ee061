// SPDX-License-Identifier: MIT
/* A timeline as CSV: three sorted streams (samples, changes, marks) merged by time. */
#include <errno.h>
#include <inttypes.h>

#include "timeline.h"

static void put(FILE *file, uint64_t value)
{
	if (value != TIMELINE_UNKNOWN)
		fprintf(file, "%" PRIu64, value);
	putc(',', file);
}

static void put_row(FILE *file, uint64_t t_ns, const struct timeline_row *row, const char *mark)
{
	put(file, t_ns);
	put(file, row->reserved_bytes);
	put(file, row->committed_bytes);
	put(file, row->minor_faults);
	put(file, row->major_faults);
	fprintf(file, "%s,", mark);
	put(file, row->end_ns);
	if (row->processes != TIMELINE_UNKNOWN)
		fprintf(file, "%" PRIu64, row->processes);
	putc('\n', file);
}

static uint64_t since(const struct timeline *t, uint64_t t_ns)
{
	return t_ns > t->start_ns ? t_ns - t->start_ns : 0;
}

int timeline_write_csv(FILE *file, const struct timeline *t, uint64_t min_gap_ns)
{
	static const struct timeline_row unknown = {
		.reserved_bytes = TIMELINE_UNKNOWN,
		.committed_bytes = TIMELINE_UNKNOWN,
		.minor_faults = TIMELINE_UNKNOWN,
		.major_faults = TIMELINE_UNKNOWN,
		.end_ns = TIMELINE_UNKNOWN,
		.processes = TIMELINE_UNKNOWN,
	};
	uint64_t committed_bytes = TIMELINE_UNKNOWN; /* exact: as of the last event */
	size_t row = 0, mark = 0, event = 0;

	fputs("t_ns,reserved_bytes,committed_bytes,minor_faults,major_faults,mark,end_ns,"
	      "processes\n",
	      file);
	while (row < t->n_rows || mark < t->n_marks || event < t->n_events) {
		uint64_t row_ns = row < t->n_rows ? t->rows[row].t_ns : UINT64_MAX;
		uint64_t mark_ns = mark < t->n_marks ? t->marks[mark].t_ns : UINT64_MAX;
		uint64_t event_ns = event < t->n_events ? t->events[event].t_ns : UINT64_MAX;
		struct timeline_row out = unknown;

		if (event_ns <= row_ns && event_ns <= mark_ns) {
			committed_bytes = t->events[event++].committed_bytes;
			/* Is a later change near enough to stand for this one, with nothing
			 * between? */
			if (event < t->n_events && t->events[event].t_ns <= row_ns &&
			    t->events[event].t_ns <= mark_ns &&
			    t->events[event].t_ns / (min_gap_ns + 1) == event_ns / (min_gap_ns + 1))
				continue;
			out.committed_bytes = committed_bytes;
			put_row(file, since(t, event_ns), &out, "");
		} else if (mark_ns <= row_ns) {
			put_row(file, since(t, mark_ns), &out, t->marks[mark].name);
			mark++;
		} else {
			out = t->rows[row++];
			out.end_ns = since(t, out.end_ns);
			if (t->exact)
				out.committed_bytes = committed_bytes;
			put_row(file, since(t, row_ns), &out, "");
		}
	}
	return fflush(file) || ferror(file) ? -EIO : 0;
}
