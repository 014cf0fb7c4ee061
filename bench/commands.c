// SPDX-License-Identifier: MIT
/* Registry of commands, and the way every command reports a mistake. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"

static struct command *commands;

void command_register(struct command *command)
{
	struct command **at = &commands;

	while (*at && strcmp((*at)->name, command->name) < 0)
		at = &(*at)->next;
	command->next = *at;
	*at = command;
}

const struct command *command_first(void)
{
	return commands;
}

static void complain(const char *format, va_list arguments)
{
	char line[1024];

	vsnprintf(line, sizeof(line), format, arguments);
	fprintf(stderr, "tabench: %s\n", line);
}

int usage_error(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	complain(format, arguments);
	va_end(arguments);
	return EXIT_USAGE;
}

int failure(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	complain(format, arguments);
	va_end(arguments);
	return EXIT_FAILED;
}

/* Levenshtein distance of strings shorter than 64 characters; anything longer is far away. */
static size_t edit_distance(const char *a, const char *b)
{
	size_t row[64], length_a = strlen(a), length_b = strlen(b);

	if (length_a >= 64 || length_b >= 64)
		return 64;
	for (size_t j = 0; j <= length_b; j++)
		row[j] = j;
	for (size_t i = 1; i <= length_a; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= length_b; j++) {
			size_t substitute = diagonal + (a[i - 1] != b[j - 1]);
			size_t shift = 1 + (row[j] < row[j - 1] ? row[j] : row[j - 1]);

			diagonal = row[j];
			row[j] = substitute < shift ? substitute : shift;
		}
	}
	return row[length_b];
}

void nearest_consider(struct nearest *nearest, const char *typed, const char *candidate)
{
	size_t distance = edit_distance(typed, candidate);
	size_t limit = 1 + strlen(typed) / 2;

	/* "calloc" is meant as glibc/calloc: a part of the name counts as one typing error. */
	if (strlen(typed) >= 3 && strstr(candidate, typed) && distance > 1)
		distance = 1;
	if (distance > limit || (nearest->name && nearest->distance <= distance))
		return;
	nearest->name = candidate;
	nearest->distance = distance;
}
