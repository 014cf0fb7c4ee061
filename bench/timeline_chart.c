// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "show.h"
#include "timeline_chart.h"

#define LABEL_COLUMNS 8 /* left of a panel: a figure, a space, the axis */
#define MAX_COLUMNS   200
#define NAME_ROWS     3

struct chart {
	FILE *out;
	unsigned columns; /* of a panel */
	bool utf8;
	uint64_t begin_ns, span_ns;
	uint64_t values[MAX_COLUMNS]; /* of the panel that is drawn */
};

static unsigned column_of(const struct chart *c, uint64_t t_ns)
{
	uint64_t at = t_ns > c->begin_ns ? t_ns - c->begin_ns : 0;
	uint64_t column = (uint64_t)((double)at / (double)c->span_ns * c->columns);

	return column < c->columns ? (unsigned)column : c->columns - 1;
}

/* ---- what a column shows ---- */

/* The highest value in each column; in one without any, what held before. */
static void take_highest(struct chart *c, const struct timeline *t,
			 uint64_t (*value)(const struct timeline *t, size_t i, uint64_t *t_ns),
			 size_t n)
{
	bool known[MAX_COLUMNS] = {false};
	uint64_t last = 0, t_ns;
	size_t i = 0;

	for (unsigned column = 0; column < c->columns; column++) {
		c->values[column] = last;
		for (; i < n && (last = value(t, i, &t_ns), column_of(c, t_ns) <= column); i++) {
			if (!known[column] || last > c->values[column])
				c->values[column] = last;
			known[column] = true;
		}
		last = i ? value(t, i - 1, &t_ns) : 0;
	}
}

static uint64_t row_committed(const struct timeline *t, size_t i, uint64_t *t_ns)
{
	*t_ns = t->rows[i].t_ns;
	return t->rows[i].committed_bytes;
}

static uint64_t row_reserved(const struct timeline *t, size_t i, uint64_t *t_ns)
{
	*t_ns = t->rows[i].t_ns;
	return t->rows[i].reserved_bytes;
}

static uint64_t event_committed(const struct timeline *t, size_t i, uint64_t *t_ns)
{
	*t_ns = t->events[i].t_ns;
	return t->events[i].committed_bytes;
}

/* Growth from the end of the column before to the end of each. */
static void take_faults(struct chart *c, const struct timeline *t, bool major)
{
	uint64_t before = 0, now = 0;
	size_t i = 0;

	if (t->n_rows)
		before = now = major ? t->rows[0].major_faults : t->rows[0].minor_faults;
	for (unsigned column = 0; column < c->columns; column++) {
		for (; i < t->n_rows && column_of(c, t->rows[i].t_ns) <= column; i++)
			now = major ? t->rows[i].major_faults : t->rows[i].minor_faults;
		c->values[column] = now - before;
		before = now;
	}
}

/* ---- drawing ---- */

static const char *cell(const struct chart *c, unsigned eighths)
{
	static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};

	if (c->utf8)
		return blocks[eighths];
	return eighths > 4 ? "#" : eighths ? ":" : " ";
}

static const char *figure(uint64_t value, bool bytes, char text[SIZE_CHARS])
{
	static const char units[] = " kMGTPE";
	double scaled = (double)value;
	unsigned unit = 0;

	if (bytes)
		return size_text(value, UNIT_HUMAN, text);
	while (scaled >= 99999.5 || (unit && scaled >= 999.5)) {
		scaled /= 1000;
		unit++;
	}
	snprintf(text, SIZE_CHARS, "%.0f%.*s", scaled, unit ? 1 : 0, units + unit);
	return text;
}

static void panel(struct chart *c, const char *name, bool bytes, unsigned rows)
{
	char most_text[SIZE_CHARS];
	uint64_t most = 0;

	for (unsigned i = 0; i < c->columns; i++)
		if (c->values[i] > most)
			most = c->values[i];
	figure(most, bytes, most_text);
	fprintf(c->out, "%*s%s\n", LABEL_COLUMNS, "", name);
	for (unsigned row = rows; row-- > 0;) {
		unsigned blank = 0;

		fprintf(c->out, "%*s %s", LABEL_COLUMNS - 2, row == rows - 1 ? most_text : "",
			c->utf8 ? "│" : "|");
		for (unsigned i = 0; i < c->columns; i++) {
			double height = most ? (double)c->values[i] / (double)most * rows * 8 : 0;
			unsigned eighths =
				c->values[i] && height < 1 ? 1 : (unsigned)(height + 0.5);
			unsigned here = eighths > 8 * row ? eighths - 8 * row : 0;

			if (!here) { /* nothing stands at the end of a line */
				blank++;
				continue;
			}
			fprintf(c->out, "%*s%s", (int)blank, "", cell(c, here > 8 ? 8 : here));
			blank = 0;
		}
		putc('\n', c->out);
	}
	fprintf(c->out, "%*s %s", LABEL_COLUMNS - 2, "0", c->utf8 ? "└" : "+");
	for (unsigned i = 0; i < c->columns; i++)
		fputs(c->utf8 ? "─" : "-", c->out);
	putc('\n', c->out);
}

static void put_line(FILE *out, const char *line)
{
	fprintf(out, "%*s%s\n", LABEL_COLUMNS, "", line);
}

/* A tick where each mark is, its name below it in the first row that has room. */
static void marks(const struct chart *c, const struct timeline *t)
{
	char ticks[MAX_COLUMNS + 1], names[NAME_ROWS][MAX_COLUMNS + 1];
	size_t ends[NAME_ROWS] = {0}, ticks_end = 0, dropped = 0;

	if (!t->n_marks)
		return;
	memset(ticks, ' ', sizeof(ticks));
	memset(names, ' ', sizeof(names));
	for (size_t i = 0; i < t->n_marks; i++) {
		size_t at = column_of(c, t->marks[i].t_ns), length = strlen(t->marks[i].name), row;
		size_t begin = at + length <= c->columns ? at
			       : length <= c->columns	 ? c->columns - length
							 : 0;

		ticks[at] = '^';
		ticks_end = at + 1 > ticks_end ? at + 1 : ticks_end;
		if (length > c->columns)
			length = c->columns;
		for (row = 0; row < NAME_ROWS; row++)
			if (!ends[row] || begin > ends[row])
				break;
		if (row == NAME_ROWS) {
			dropped++;
			continue;
		}
		memcpy(names[row] + begin, t->marks[i].name, length);
		ends[row] = begin + length;
	}
	ticks[ticks_end] = 0;
	put_line(c->out, ticks);
	for (size_t row = 0; row < NAME_ROWS && ends[row]; row++) {
		names[row][ends[row]] = 0;
		put_line(c->out, names[row]);
	}
	if (dropped)
		fprintf(c->out, "%*s(%zu more marks have no room here)\n", LABEL_COLUMNS, "",
			dropped);
}

static const char *duration(uint64_t ns, char text[16])
{
	double s = (double)ns / 1e9;

	if (s < 0.9995)
		snprintf(text, 16, "%.3g ms", s * 1e3);
	else if (s < 600)
		snprintf(text, 16, "%.3g s", s);
	else if (s < 36000)
		snprintf(text, 16, "%.0f min", s / 60);
	else
		snprintf(text, 16, "%.0f h", s / 3600);
	return text;
}

static void heading(FILE *out, const char *title, unsigned columns)
{
	for (unsigned i = 0; i < columns && title[i]; i++)
		putc(title[i] >= ' ' && title[i] <= '~' ? title[i] : '?', out);
	putc('\n', out);
}

void timeline_chart(FILE *out, const struct timeline *t, const char *title, unsigned columns,
		    bool utf8)
{
	struct chart c = {.out = out, .utf8 = utf8, .begin_ns = t->start_ns};
	uint64_t end_ns = t->n_rows ? t->rows[t->n_rows - 1].end_ns : 0;
	char text[16];

	heading(out, title, columns);
	if (t->n_events && t->events[t->n_events - 1].t_ns > end_ns)
		end_ns = t->events[t->n_events - 1].t_ns;
	if (end_ns <= c.begin_ns) {
		fputs("(it ended before the first sample)\n", out);
		return;
	}
	c.columns = columns - LABEL_COLUMNS;
	if (c.columns > MAX_COLUMNS)
		c.columns = MAX_COLUMNS;
	c.span_ns = end_ns - c.begin_ns;
	if (t->exact)
		take_highest(&c, t, event_committed, t->n_events);
	else
		take_highest(&c, t, row_committed, t->n_rows);
	panel(&c, "committed (resident)", true, 8);
	marks(&c, t);
	take_highest(&c, t, row_reserved, t->n_rows);
	panel(&c, "reserved (address space)", true, 3);
	take_faults(&c, t, false);
	panel(&c, "minor faults", false, 3);
	if (t->major_faults) {
		take_faults(&c, t, true);
		panel(&c, "major faults", false, 3);
	}
	duration(c.span_ns, text);
	fprintf(out, "%*s0%*s\n", LABEL_COLUMNS, "", (int)c.columns - 1, text);
}
