/* SPDX-License-Identifier: MIT */
/* Processes and totals as a table or as JSON. */
#ifndef TA_SHOW_H
#define TA_SHOW_H

#include <stdio.h>

#include "process.h"

enum unit { UNIT_HUMAN, UNIT_KB, UNIT_MB };

struct layout {
	enum unit unit;
	unsigned width; /* of the terminal; 0: none, so that nothing is left out */
	unsigned lines; /* at most as many, the header among them; 0: no limit */
};

/*
 * A header and one line a process. In a terminal that is too narrow for all columns, some are left
 * out: SHMEM, FILE, PEAK, ANON, SWAP, in this order; and the end of a name.
 */
void show_table(FILE *out, const struct process_list *list, const struct layout *layout);
void show_total(FILE *out, const struct total *total, const struct layout *layout);

/* One line, an object with "source" and "processes" or "total"; sizes in bytes. */
void show_json(FILE *out, const struct process_list *list, const char *source);
void show_total_json(FILE *out, const struct total *total, const char *source);

/*
 * The field of that name ("committed", ...; NULL: there is none) by which a list is sorted: sizes,
 * pct and oom scores from the largest down, pid and name up; equal ones by PID.
 */
struct column;
const struct column *sort_key_find(const char *name);
const char *sort_key_names(void); /* "pid, name, ..." */
void process_list_sort(struct process_list *list, const struct column *key, bool reverse);

#define SIZE_CHARS 24

/* "0", "640K", "1.5M", "12G": at most five characters; of KB and MB all digits. */
const char *size_text(uint64_t bytes, enum unit unit, char text[SIZE_CHARS]);

/*
 * The name as a terminal may show it: what the locale calls printable stays, anything else and the
 * backslash are escaped as in C. At most width columns unless that is 0. out has 4 * NAME_BYTES.
 */
const char *name_text(const char *name, unsigned width, char *out);

/* A JSON string with its quotes; bytes that are no UTF-8 become U+FFFD. */
void json_text(FILE *out, const char *name);

#endif
