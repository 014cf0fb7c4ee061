/* SPDX-License-Identifier: MIT */
/* Reading what a user typed: lists, sizes, counts. Mistakes are told in one line each. */
#ifndef TA_ARGUMENTS_H
#define TA_ARGUMENTS_H

#include <stdint.h>

#include "plan.h"

/* Comma-separated. 0, or EXIT_USAGE after one line on stderr. */
int parse_subjects(const char *text, struct plan_options *options);
int parse_workloads(const char *text, struct plan_options *options);
int parse_sizes(const char *text, struct plan_options *options); /* "256M,1T", binary units */
int parse_fills(const char *text, struct plan_options *options);
int parse_threads(const char *text, struct plan_options *options);
/* Registers calloc of the library file as the subject name (--preload FILE --name NAME); both NULL:
 * nothing. */
int parse_preload(const char *file, const char *name);
int parse_profile(const char *text, struct plan_options *options);
/* A whole number from min to max; what names it in the message. */
int parse_count(const char *what, const char *text, uint64_t min, uint64_t max, uint64_t *value);

#endif
