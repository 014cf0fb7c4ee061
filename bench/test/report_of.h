/* SPDX-License-Identifier: MIT */
/* Reports of synthetic runs, and what they hold. Include after cmocka.h. */
#ifndef TA_REPORT_OF_H
#define TA_REPORT_OF_H

#include <fcntl.h>

#include "csv.h"
#include "report.h"
#include "synthetic.h"

#define BYTES ((double)SYN_PAGES * SYN_PAGE)

static char terminal[1 << 16]; /* what the last report printed on stdout */

/* Not inlined: gcc 12 would take what strstr() finds in it for a pointer to a local variable. */
__attribute__((noinline)) static char *read_whole(const char *dir, const char *name)
{
	char path[256], *text = NULL;
	size_t capacity = 0;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *in = fopen(path, "re");

	assert_non_null(in);
	if (getdelim(&text, &capacity, '\0', in) < 0)
		text = strdup("");
	fclose(in);
	return text;
}

static inline void write_text(const char *dir, const char *name, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *out = fopen(path, "we");

	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

/* report_run_with(), its stdout caught and its stderr dropped. */
static inline int report(const char *dir)
{
	int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO);
	int caught = open("/tmp", O_TMPFILE | O_RDWR, 0600), null = open("/dev/null", O_WRONLY);

	assert_true(out >= 0 && err >= 0 && caught >= 0 && null >= 0);
	fflush(NULL);
	dup2(caught, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	int status = report_run_with(dir, false);

	fflush(NULL);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	ssize_t got = pread(caught, terminal, sizeof(terminal) - 1, 0);

	assert_true(got >= 0);
	terminal[got] = '\0';
	close(caught);
	close(null);
	close(out);
	close(err);
	return status;
}

static inline void assert_well_formed(const char *dir)
{
	char command[256];

	if (system("command -v xmllint >/dev/null"))
		fail_msg("xmllint is missing (Debian package libxml2-utils)");
	snprintf(command, sizeof(command), "xmllint --noout '%s/report.html'", dir);
	assert_int_equal(system(command), 0);
}

static inline void assert_holds(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("not found: %s", part);
}

static inline void assert_lacks(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("found: %s", part);
}

/* A field of the row whose column key holds value; every row must have as many fields as the head.
 */
static inline void assert_field(const char *dir, const char *file, const char *key,
				const char *value, const char *column, const char *expected)
{
	char *text = read_whole(dir, file), *line = text, *names[128];
	size_t n_names = 0, key_at = SIZE_MAX, column_at = SIZE_MAX;
	bool found = false;

	for (char *next; line && *line; line = next) {
		char *fields[128], *at = line;
		size_t n = 0;

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		while (at && n < 128)
			fields[n++] = csv_field(&at);
		if (!n_names) {
			n_names = n;
			for (size_t i = 0; i < n; i++) {
				names[i] = fields[i];
				key_at = strcmp(names[i], key) ? key_at : i;
				column_at = strcmp(names[i], column) ? column_at : i;
			}
			assert_true(key_at < n && column_at < n);
			continue;
		}
		assert_int_equal(n, n_names);
		if (found || strcmp(fields[key_at], value))
			continue;
		found = true;
		assert_string_equal(fields[column_at], expected);
	}
	assert_true(found);
	free(text);
}

#endif
