/* SPDX-License-Identifier: MIT */
/* A program that is run to its end: in a process group of its own, with a time limit. */
#ifndef TA_CHILD_H
#define TA_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

struct child_job {
	const char *const *argv; /* searched in PATH; NULL-terminated */
	const char *stdout_path; /* written anew; NULL: nowhere */
	unsigned timeout_s;
	const volatile sig_atomic_t *interrupt; /* ends it where it is set; or NULL */
};

/*
 * Runs it; nothing of its process group is left afterwards. Returns its exit status; 128 + N where
 * signal N ended it; -ETIMEDOUT, -EINTR where it was killed; another -errno where it could not be
 * started (-ENOENT: no such program). said becomes the last line that it wrote on stderr, plain
 * ASCII, no quotes.
 */
int child_run(const struct child_job *job, char *said, size_t said_bytes);

/* The last line of the file that is not empty, as above. */
void child_last_line(int fd, char *said, size_t said_bytes);

#endif
