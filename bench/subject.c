// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <sys/stat.h>

#include "environment.h"
#include "subject.h"

void subject_program(const struct allocator *subject, const char *worker, char out[PATH_MAX])
{
	if (!subject->worker || path_beside_program(subject->worker, out, PATH_MAX))
		snprintf(out, PATH_MAX, "%s", worker);
}

static bool same_file(const char *a, const char *b)
{
	struct stat file[2];

	return !stat(a, &file[0]) && !stat(b, &file[1]) && file[0].st_dev == file[1].st_dev &&
	       file[0].st_ino == file[1].st_ino;
}

bool subject_proved(const struct allocator *subject, const char *worker, const char *object,
		    char *reason, size_t reason_bytes)
{
	char program[PATH_MAX];
	const char *wanted = subject->preload;

	if (subject->worker) {
		subject_program(subject, worker, program);
		wanted = program;
	}
	if (!wanted || same_file(wanted, object))
		return true;
	snprintf(reason, reason_bytes, "calloc was that of %.80s, not of %.80s: %s",
		 *object ? object : "an unknown file", wanted,
		 subject->preload ? "the library was not preloaded, or has no calloc"
				  : "another program was started");
	return false;
}
