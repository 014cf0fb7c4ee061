// SPDX-License-Identifier: MIT
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "probe.h"
#include "proc.h"

static char buffer[16384]; /* longer than any line: a path has at most 4096 bytes */

static void add_line(const char *line, const char *end, const char *const *keys, unsigned n,
		     uint64_t *values)
{
	for (unsigned i = 0; i < n; i++) {
		size_t length = strlen(keys[i]);
		uint64_t kib = 0;

		if ((size_t)(end - line) <= length || memcmp(line, keys[i], length))
			continue;
		for (line += length; line < end && (*line == ' ' || *line == '\t'); line++)
			;
		for (; line < end && *line >= '0' && *line <= '9'; line++)
			kib = kib * 10 + (uint64_t)(*line - '0');
		values[i] = (values[i] == PROBE_UNKNOWN ? 0 : values[i]) + kib * 1024;
		return;
	}
}

/* Adds up the whole lines of the buffer; returns how many bytes of a torn line remain, at its
 * front. */
static size_t add_lines(size_t bytes, const char *const *keys, unsigned n, uint64_t *values)
{
	char *line = buffer, *end = buffer + bytes, *newline;

	while (line < end && (newline = memchr(line, '\n', (size_t)(end - line)))) {
		add_line(line, newline, keys, n, values);
		line = newline + 1;
	}
	memmove(buffer, line, (size_t)(end - line));
	return (size_t)(end - line);
}

int proc_sum_kib_lines(int fd, const char *const *keys, unsigned n, uint64_t *values)
{
	size_t kept = 0;
	off_t offset = 0;
	ssize_t got;

	for (unsigned i = 0; i < n; i++)
		values[i] = PROBE_UNKNOWN;
	while ((got = pread(fd, buffer + kept, sizeof(buffer) - kept, offset)) > 0) {
		offset += got;
		kept = add_lines(kept + (size_t)got, keys, n, values);
	}
	if (got == 0)
		return 0;
	for (unsigned i = 0; i < n; i++)
		values[i] = PROBE_UNKNOWN;
	return -errno;
}

uint64_t proc_count_lines(int fd)
{
	uint64_t lines = 0;
	off_t offset = 0;
	ssize_t got;

	while ((got = pread(fd, buffer, sizeof(buffer), offset)) > 0) {
		offset += got;
		for (ssize_t i = 0; i < got; i++)
			lines += buffer[i] == '\n';
	}
	return got < 0 ? PROBE_UNKNOWN : lines;
}
