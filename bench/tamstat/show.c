// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "show.h"

enum kind { KIND_PID, KIND_NAME, KIND_SIZE, KIND_PCT, KIND_OOM, KIND_ADJ };

struct column {
	const char *head, *key;
	enum kind kind;
	enum size size;
	int drop; /* 1 is left out first where the terminal is narrow; 0 never */
};

#define MAX_COLUMNS 12

static const struct column columns[MAX_COLUMNS] = {
	{"PID", "pid", KIND_PID, 0, 0},
	{"RESERVED", "reserved", KIND_SIZE, SIZE_RESERVED, 0},
	{"COMMITTED", "committed", KIND_SIZE, SIZE_COMMITTED, 0},
	{"%", "pct", KIND_PCT, 0, 0},
	{"ANON", "anon", KIND_SIZE, SIZE_ANON, 4},
	{"FILE", "file", KIND_SIZE, SIZE_FILE, 2},
	{"SHMEM", "shmem", KIND_SIZE, SIZE_SHMEM, 1},
	{"SWAP", "swap", KIND_SIZE, SIZE_SWAP, 5},
	{"PEAK", "peak", KIND_SIZE, SIZE_PEAK, 3},
	{"OOM", "oom", KIND_OOM, 0, 0},
	{"ADJ", "adj", KIND_ADJ, 0, 0},
	{"NAME", "name", KIND_NAME, 0, 0}, /* the last: its width does not matter */
};

/* In JSON only. */
static const struct column page_tables = {"", "page-tables", KIND_SIZE, SIZE_PAGE_TABLES, 0};

/* ---- texts ---- */

const char *size_text(uint64_t bytes, enum unit unit, char text[SIZE_CHARS])
{
	static const char units[] = "KMGTPE";
	uint64_t scale = 1024;
	int i = 0;

	if (unit == UNIT_KB) {
		snprintf(text, SIZE_CHARS, "%" PRIu64, bytes / 1024);
	} else if (unit == UNIT_MB) {
		snprintf(text, SIZE_CHARS, "%.1f", (double)bytes / 1048576);
	} else if (!bytes) {
		strcpy(text, "0");
	} else {
		/* 1023.5 of a unit would be shown as 1024 */
		while (i < 5 && (double)bytes / (double)scale >= 1023.5) {
			scale *= 1024;
			i++;
		}
		if (i && (double)bytes / (double)scale < 9.95)
			snprintf(text, SIZE_CHARS, "%.1f%c", (double)bytes / (double)scale,
				 units[i]);
		else
			snprintf(text, SIZE_CHARS, "%.0f%c", (double)bytes / (double)scale,
				 units[i]);
	}
	return text;
}

static const char *cell_text(const struct column *column, const struct process *process,
			     enum unit unit, char text[SIZE_CHARS])
{
	switch (column->kind) {
	case KIND_PID:
		snprintf(text, SIZE_CHARS, "%d", (int)process->pid);
		break;
	case KIND_SIZE:
		if (!process->has_memory)
			return "-";
		return size_text(process->sizes[column->size], unit, text);
	case KIND_PCT:
		if (!process->has_memory)
			return "-";
		snprintf(text, SIZE_CHARS, "%.1f", process_pct(process));
		break;
	case KIND_OOM:
		snprintf(text, SIZE_CHARS, "%d", process->oom_score);
		break;
	case KIND_ADJ:
		snprintf(text, SIZE_CHARS, "%d", process->oom_score_adj);
		break;
	case KIND_NAME:
		return "";
	}
	return text;
}

/* ---- the table ---- */

struct widths {
	unsigned of[MAX_COLUMNS];
	bool shown[MAX_COLUMNS];
};

static unsigned name_column(const struct widths *widths)
{
	unsigned at = 0;

	for (int i = 0; i < MAX_COLUMNS - 1; i++)
		at += widths->shown[i] ? widths->of[i] + 1 : 0;
	return at;
}

#define NAME_WIDTH 15 /* of most processes */

static void measure(const struct process_list *list, size_t n, const struct layout *layout,
		    struct widths *widths)
{
	char text[SIZE_CHARS];

	for (int i = 0; i < MAX_COLUMNS - 1; i++) {
		widths->of[i] = (unsigned)strlen(columns[i].head);
		widths->shown[i] = true;
		for (size_t k = 0; k < n; k++) {
			size_t length =
				strlen(cell_text(&columns[i], &list->items[k], layout->unit, text));

			if (length > widths->of[i])
				widths->of[i] = (unsigned)length;
		}
	}
	for (int drop = 1; drop <= 5 && layout->width; drop++)
		for (int i = 0; i < MAX_COLUMNS - 1; i++)
			if (columns[i].drop == drop &&
			    name_column(widths) + NAME_WIDTH > layout->width)
				widths->shown[i] = false;
}

void show_table(FILE *out, const struct process_list *list, const struct layout *layout)
{
	char text[SIZE_CHARS], name[4 * NAME_BYTES];
	struct widths widths;
	size_t n = list->n;
	unsigned left;

	if (layout->lines && n > layout->lines - 1)
		n = layout->lines - 1;
	measure(list, n, layout, &widths);
	left = name_column(&widths) + 1 < layout->width ? layout->width - name_column(&widths) : 1;
	for (int i = 0; i < MAX_COLUMNS - 1; i++)
		if (widths.shown[i])
			fprintf(out, "%*s ", (int)widths.of[i], columns[i].head);
	fputs("NAME\n", out);
	for (size_t k = 0; k < n; k++) {
		const struct process *process = &list->items[k];

		for (int i = 0; i < MAX_COLUMNS - 1; i++)
			if (widths.shown[i])
				fprintf(out, "%*s ", (int)widths.of[i],
					cell_text(&columns[i], process, layout->unit, text));
		fprintf(out, "%s\n", name_text(process->name, layout->width ? left : 0, name));
	}
}

/* ---- totals ---- */

static const struct {
	enum size size;
	const char *label, *key;
} totals[] = {
	{SIZE_RESERVED, "reserved", "reserved_bytes"},
	{SIZE_COMMITTED, "committed", "committed_bytes"},
	{SIZE_ANON, "  anon", "anon_bytes"},
	{SIZE_FILE, "  file", "file_bytes"},
	{SIZE_SHMEM, "  shmem", "shmem_bytes"},
	{SIZE_SWAP, "swap", "swap_bytes"},
	{SIZE_PAGE_TABLES, "page tables", "page_table_bytes"},
};

#define N_TOTALS (sizeof(totals) / sizeof(*totals))

void show_total(FILE *out, const struct total *total, const struct layout *layout)
{
	static const char *const units[] = {"", " KB", " MB"};
	char text[SIZE_CHARS];

	fprintf(out, "%-15s %12" PRIu64 "\n", "processes", total->processes);
	if (total->address_spaces != COUNT_UNKNOWN)
		fprintf(out, "%-15s %12" PRIu64 "\n", "address spaces", total->address_spaces);
	else
		fprintf(out, "%-15s %12s shared ones count in each process\n", "address spaces",
			"?");
	for (size_t i = 0; i < N_TOTALS; i++)
		fprintf(out, "%-15s %12s%s\n", totals[i].label,
			size_text(total->sizes[totals[i].size], layout->unit, text),
			units[layout->unit]);
}

/* ---- JSON ---- */

/* The length of the UTF-8 sequence at text, 0 where there is none. */
static int utf8_length(const unsigned char *text)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	uint32_t code;
	int length;

	if (text[0] < 0x80)
		return 1;
	length = text[0] >= 0xf5   ? 0
		 : text[0] >= 0xf0 ? 4
		 : text[0] >= 0xe0 ? 3
		 : text[0] >= 0xc2 ? 2
				   : 0;
	code = length ? text[0] & (0xffu >> (length + 1)) : 0;
	for (int i = 1; i < length; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (text[i] & 0x3fu);
	}
	if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	return length;
}

void json_text(FILE *out, const char *name)
{
	const unsigned char *at = (const unsigned char *)name;

	putc('"', out);
	while (*at) {
		int length = utf8_length(at);

		if (!length)
			fputs("\\ufffd", out);
		else if (*at == '"' || *at == '\\')
			fprintf(out, "\\%c", *at);
		else if (*at < ' ' || *at == 0x7f)
			fprintf(out, "\\u%04x", *at);
		else
			fwrite(at, 1, (size_t)length, out);
		at += length ? length : 1;
	}
	putc('"', out);
}

static void process_json(FILE *out, const struct process *process)
{
	fprintf(out, "{\"pid\":%d,\"name\":", (int)process->pid);
	json_text(out, process->name);
	for (size_t i = 0; i < N_TOTALS; i++)
		fprintf(out, ",\"%s\":%" PRIu64, totals[i].key, process->sizes[totals[i].size]);
	fprintf(out,
		",\"peak_committed_bytes\":%" PRIu64
		",\"committed_pct\":%.2f,\"oom_score\":%d,\"oom_score_adj\":%d,\"has_memory\":%s}",
		process->sizes[SIZE_PEAK], process_pct(process), process->oom_score,
		process->oom_score_adj, process->has_memory ? "true" : "false");
}

void show_json(FILE *out, const struct process_list *list, const char *source)
{
	fprintf(out, "{\"source\":\"%s\",\"hidden_processes\":%zu,\"processes\":[", source,
		list->hidden);
	for (size_t i = 0; i < list->n; i++) {
		fputs(i ? ",\n" : "\n", out);
		process_json(out, &list->items[i]);
	}
	fputs("]}\n", out);
}

void show_total_json(FILE *out, const struct total *total, const char *source)
{
	fprintf(out,
		"{\"source\":\"%s\",\"hidden_processes\":%" PRIu64
		",\"total\":{\"processes\":%" PRIu64 ",\"address_spaces\":",
		source, total->hidden, total->processes);
	if (total->address_spaces == COUNT_UNKNOWN)
		fputs("null", out);
	else
		fprintf(out, "%" PRIu64, total->address_spaces);
	for (size_t i = 0; i < N_TOTALS; i++)
		fprintf(out, ",\"%s\":%" PRIu64, totals[i].key, total->sizes[totals[i].size]);
	fputs("}}\n", out);
}

/* ---- order ---- */

const struct column *sort_key_find(const char *name)
{
	for (int i = 0; i < MAX_COLUMNS; i++)
		if (!strcmp(name, columns[i].key))
			return &columns[i];
	return strcmp(name, page_tables.key) ? NULL : &page_tables;
}

const char *sort_key_names(void)
{
	return "pid, name, reserved, committed, pct, anon, file, shmem, swap, peak, page-tables, "
	       "oom, adj";
}

struct order {
	const struct column *column;
	bool reverse;
};

static int descending(double a, double b)
{
	return (a < b) - (a > b);
}

static int compare(const struct process *a, const struct process *b, const struct column *column)
{
	switch (column->kind) {
	case KIND_NAME:
		return strcmp(a->name, b->name);
	case KIND_SIZE:
		return (a->sizes[column->size] < b->sizes[column->size]) -
		       (a->sizes[column->size] > b->sizes[column->size]);
	case KIND_PCT:
		return descending(process_pct(a), process_pct(b));
	case KIND_OOM:
		return (a->oom_score < b->oom_score) - (a->oom_score > b->oom_score);
	case KIND_ADJ:
		return (a->oom_score_adj < b->oom_score_adj) -
		       (a->oom_score_adj > b->oom_score_adj);
	case KIND_PID:
		break;
	}
	return (a->pid > b->pid) - (a->pid < b->pid);
}

static int by_order(const void *a, const void *b, void *arg)
{
	const struct process *x = a, *y = b;
	const struct order *order = arg;
	int result = compare(x, y, order->column);

	if (order->reverse)
		result = -result;
	return result ? result : (x->pid > y->pid) - (x->pid < y->pid);
}

void process_list_sort(struct process_list *list, const struct column *key, bool reverse)
{
	struct order order = {key, reverse};

	if (list->n)
		qsort_r(list->items, list->n, sizeof(*list->items), by_order, &order);
}
