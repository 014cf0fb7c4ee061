/* SPDX-License-Identifier: MIT */
/*
 * The commands of tabench. A file bench/cmd_<name>.c defines one with COMMAND(name, "summary") and
 * the build globs the files: no list is edited. The function gets argv[0] = the command's name,
 * must answer
 * --help, and returns one of enum exit_code.
 */
#ifndef TA_COMMANDS_H
#define TA_COMMANDS_H

#include <stddef.h>

enum exit_code {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,	    /* something failed */
	EXIT_USAGE = 2,		    /* wrong usage */
	EXIT_REGRESSION = 3,	    /* a comparison found one */
	EXIT_NOTHING_COULD_RUN = 4, /* every cell was unsupported */
};

struct command {
	const char *name;
	const char *summary; /* one line of `tabench --help` */
	int (*run)(int argc, char **argv);
	struct command *next;
};

/* Sorted by name. Called by constructors before main(). */
void command_register(struct command *command);
const struct command *command_first(void);

#define COMMAND(command_name, command_summary)                                                 \
	static int cmd_##command_name(int argc, char **argv);                                  \
	static struct command command_##command_name = {                                       \
		.name = #command_name, .summary = command_summary, .run = cmd_##command_name}; \
	__attribute__((constructor)) static void register_command_##command_name(void)         \
	{                                                                                      \
		command_register(&command_##command_name);                                     \
	}

/* One line "tabench: ..." on stderr; returns EXIT_USAGE or EXIT_FAILED, so that callers can return
 * it. */
int usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
int failure(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The name nearest to typed (edit distance), or NULL where none is near enough to suggest. */
struct nearest {
	const char *name;
	size_t distance;
};
void nearest_consider(struct nearest *nearest, const char *typed, const char *candidate);

#endif
