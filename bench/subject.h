/* SPDX-License-Identifier: MIT */
/* How a subject's worker is started, and how it is proved that it was that subject. */
#ifndef TA_SUBJECT_H
#define TA_SUBJECT_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "allocator.h"

/* The program to start: worker, or the subject's own, which is beside this program. */
void subject_program(const struct allocator *subject, const char *worker, char out[PATH_MAX]);

/*
 * Was the worker what the subject says? object: the file in which calloc's code was, by the
 * worker's own maps. True for a subject that does not say. If not, one sentence into reason.
 */
bool subject_proved(const struct allocator *subject, const char *worker, const char *object,
		    char *reason, size_t reason_bytes);

#endif
