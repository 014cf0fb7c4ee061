/* SPDX-License-Identifier: MIT */
/*
 * samples.jsonl: one JSON object a line, one write(2) a line, appended. A line that ends in a
 * newline is a finished sample; only the last line can lack it (the writer was killed, the disk was
 * full).
 */
#ifndef TA_SINK_H
#define TA_SINK_H

#include <jansson.h>

struct sink {
	int fd;
	char path[4096];
};

/* Opens path for appending, creates it. 0 or -errno. */
int sink_open(struct sink *sink, const char *path);

/*
 * Calls each(line, arg) for every finished sample in the file, in order, and mends its end: a last
 * line without newline that is a whole object gets its newline (the sample was finished), any other
 * is cut off. *cut_bytes is how much was. Lines that are no objects are counted in *damaged and
 * left alone. 0 or -errno.
 */
int sink_resume(struct sink *sink, void (*each)(json_t *line, void *arg), void *arg,
		size_t *cut_bytes, size_t *damaged);

/* Appends one sample. 0 or -errno; after an error the file ends where it did before, if it can be.
 */
int sink_append(struct sink *sink, json_t *line);

void sink_close(struct sink *sink);

#endif
