// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sink.h"

int sink_open(struct sink *sink, const char *path)
{
	snprintf(sink->path, sizeof(sink->path), "%s", path);
	sink->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	return sink->fd < 0 ? -errno : 0;
}

void sink_close(struct sink *sink)
{
	close(sink->fd);
	sink->fd = -1;
}

/* One write(2); what a full disk took of the line is given back. */
static int append(struct sink *sink, const char *text, size_t bytes)
{
	struct stat before;
	ssize_t written;
	int error;

	if (fstat(sink->fd, &before))
		return -errno;
	written = write(sink->fd, text, bytes);
	if (written == (ssize_t)bytes)
		return 0;
	error = written < 0 ? -errno : -ENOSPC;
	if (written > 0 && ftruncate(sink->fd, before.st_size))
		return error; /* readers skip the torn line */
	return error;
}

int sink_append(struct sink *sink, json_t *line)
{
	char *text = json_dumps(line, JSON_COMPACT);
	size_t length;
	int error;

	if (!text)
		return -ENOMEM;
	length = strlen(text);
	text[length] = '\n'; /* in place of the terminating 0 */
	error = append(sink, text, length + 1);
	free(text);
	return error;
}

/* The object in text[0..bytes), or NULL. */
static json_t *parse(const char *text, size_t bytes)
{
	json_t *line = json_loadb(text, bytes, 0, NULL);

	if (line && !json_is_object(line)) {
		json_decref(line);
		return NULL;
	}
	return line;
}

static int read_all(int fd, char **text, size_t *bytes)
{
	struct stat file;
	ssize_t got;

	if (fstat(fd, &file))
		return -errno;
	*text = malloc((size_t)file.st_size + 1);
	if (!*text)
		return -ENOMEM;
	for (*bytes = 0; *bytes < (size_t)file.st_size; *bytes += (size_t)got) {
		got = pread(fd, *text + *bytes, (size_t)file.st_size - *bytes, (off_t)*bytes);
		if (got <= 0)
			break;
	}
	return 0;
}

int sink_resume(struct sink *sink, void (*each)(json_t *line, void *arg), void *arg,
		size_t *cut_bytes, size_t *damaged)
{
	char *text = NULL;
	size_t bytes = 0, length;
	int error = read_all(sink->fd, &text, &bytes);

	*cut_bytes = *damaged = 0;
	if (error)
		return error;
	for (size_t at = 0; at < bytes; at += length + 1) {
		const char *newline = memchr(text + at, '\n', bytes - at);
		json_t *line;

		length = newline ? (size_t)(newline - (text + at)) : bytes - at;
		line = parse(text + at, length);
		if (line) {
			each(line, arg);
			json_decref(line);
			if (!newline)
				error = append(sink, "\n", 1);
		} else if (!newline) {
			*cut_bytes = length;
			error = ftruncate(sink->fd, (off_t)at) ? -errno : 0;
		} else {
			++*damaged;
		}
	}
	free(text);
	return error;
}
