/* SPDX-License-Identifier: GPL-2.0-only */
/* /proc/tamstat/processes as a table of numbers, and a row of it against /proc. */
#ifndef PROC_TABLE_H
#define PROC_TABLE_H

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "module.h"
#include "tam_test.h"

#define ROWS_MAX	16384

struct row {
	int pid;
	char name[64];		/* as escaped in the table */
	long reserved_kb;
	long committed_kb;
	double pct_of_ram;
	double pct_of_reserved;
	char oom_score[16];
	int oom_score_adj;
};

/* A table as read at once: total_ram_kb -1 if it is not well-formed. */
struct table {
	long total_ram_kb;
	int count;
	struct row row[ROWS_MAX];
};

/* Read and parse what is left of the open table, step bytes at a time; fd stays open. */
static void read_table_in_steps(int fd, struct table *table, size_t step)
{
	size_t size = 4 << 20, len = 0;
	char *text = malloc(size), *line;
	ssize_t got;

	table->count = 0;
	table->total_ram_kb = -1;
	while ((got = read(fd, text + len, step < size - 1 - len ? step : size - 1 - len)) > 0)
		len += got;
	text[len] = '\0';

	line = strtok(text, "\n");
	if (!line || sscanf(line, "total_ram_kb: %ld", &table->total_ram_kb) != 1)
		goto malformed;
	line = strtok(NULL, "\n");
	if (!line || !strstr(line, "pid name") || !strstr(line, " reserved_kb    committed_kb"))
		goto malformed;
	while ((line = strtok(NULL, "\n")) && table->count < ROWS_MAX) {
		struct row *row = &table->row[table->count++];
		int end = 0;

		if (sscanf(line, "%d %63s %ld %ld %lf %lf %15s %d%n", &row->pid, row->name,
			   &row->reserved_kb, &row->committed_kb, &row->pct_of_ram,
			   &row->pct_of_reserved, row->oom_score, &row->oom_score_adj,
			   &end) != 8 || line[end])
			goto malformed;
	}
	free(text);
	return;

malformed:
	printf("# not understood: %s\n", line ? line : "end of the table");
	table->total_ram_kb = -1;
	free(text);
}

static struct table *read_table(int fd)
{
	static struct table table;

	lseek(fd, 0, SEEK_SET);
	read_table_in_steps(fd, &table, 1 << 16);
	return &table;
}

static const struct row *find_row(const struct table *table, int pid)
{
	for (int i = 0; i < table->count; i++)
		if (table->row[i].pid == pid)
			return &table->row[i];
	return NULL;
}

static long status_kb(pid_t pid, const char *field)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	return file_kb(path, field);
}

/* Whether row holds what /proc says of its process, which must not change meanwhile. */
static bool row_equals_proc(const struct row *row, long total_ram_kb)
{
	long rss = status_kb(row->pid, "VmRSS:"), size = status_kb(row->pid, "VmSize:");
	char path[64], score[16] = "";

	snprintf(path, sizeof(path), "/proc/%d/oom_score", row->pid);
	read_text(path, score, sizeof(score));
	score[strcspn(score, "\n")] = '\0';
	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", row->pid);
	if (row->reserved_kb == size && row->committed_kb == rss &&
	    fabs(row->pct_of_ram - 100.0 * rss / total_ram_kb) < 0.0101 &&
	    fabs(row->pct_of_reserved - 100.0 * rss / size) < 0.0101 &&
	    row->oom_score_adj == read_long(path) &&
	    (!strcmp(row->oom_score, score) ||
	     (!strcmp(row->oom_score, "-") && tam_unsupported())))
		return true;
	printf("# pid %d: %ld %ld %.2f %.2f %s %d; /proc: %ld %ld %s\n", row->pid,
	       row->reserved_kb, row->committed_kb, row->pct_of_ram, row->pct_of_reserved,
	       row->oom_score, row->oom_score_adj, size, rss, score);
	return false;
}

#endif
