/* SPDX-License-Identifier: MIT */
/*
 * Reading the small files in which the kernel says how it is set (/proc, /sys, /etc).
 *
 * Contract. Every path is absolute and is looked for below the root, "/" unless system_root() says
 * another. What cannot be read or has another form is NULL or false, never a made-up value. Not
 * thread-safe.
 */
#ifndef TA_SYSTEM_FILES_H
#define TA_SYSTEM_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Looks at the machine whose /proc and /sys were copied to dir. */
void system_root(const char *dir);
bool system_is_copy(void);

#define SYSTEM_PATH_CHARS 4352
/* Where path is now. Returns out. */
char *system_path(const char *path, char out[SYSTEM_PATH_CHARS]);
/* As fopen(path, "re"). */
FILE *system_open(const char *path);

/* The first line, trimmed; NULL if it cannot be read. */
const char *system_line(const char *path, char *out, size_t out_bytes);
/* "always [madvise] never" -> "madvise"; NULL where nothing is in brackets. */
const char *system_choice(const char *path, char *out, size_t out_bytes);
/* The value of the first "name : value" line (cpuinfo, meminfo, os-release, "name value" as well);
 * NULL if there is none. */
const char *system_field(const char *path, const char *name, char *out, size_t out_bytes);
/* The number that the file begins with; false also for "max". */
bool system_number(const char *path, uint64_t *value);
/* Of /proc/meminfo; 0 if there is none. */
uint64_t system_meminfo_bytes(const char *name);

#endif
