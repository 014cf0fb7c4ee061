/* SPDX-License-Identifier: MIT */
/*
 * Settings of the whole machine that are changed for a while: one file of /proc or /sys each.
 *
 * Contract. settings_begin() makes sure that nobody else changes settings of the same area, and
 * starts a process that restores should this one die, by SIGKILL as well. settings_set() remembers
 * what was set before its first change; settings_end() restores, the last one first. One area at a
 * time in a process. Not thread-safe.
 *
 * An area is locked by flock(2) of /run/lock/tabench-AREA (/tmp where there is no /run/lock), from
 * settings_begin() until everything is restored. Who calls tabench and holds the lock already names
 * the area in the environment variable TABENCH_LOCKED (several: separated by commas).
 */
#ifndef TA_SETTINGS_H
#define TA_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#define SETTINGS_HUGE_PAGES  "huge-pages" /* their sizes and their pool: knobs.c */
#define SETTINGS_QUIET	     "quiet"	  /* what disturbs: cmd_quiet.c */
#define SETTINGS_SCENARIO    "scenario"	  /* overcommit and the like, in the virtual machine only */

#define SETTINGS_VALUE_CHARS 64

/* Waits, at most ten minutes, until nobody else has the area. 0; -errno after one line on stderr,
 * -EINTR where a signal is pending. */
int settings_begin(const char *area);
bool settings_begun(void);

/* What is set now: the first line, or of several in a line the one in brackets. 0 or -errno. */
int settings_read(const char *path, char value[SETTINGS_VALUE_CHARS]);

/* Does nothing where that is set already. 0 or -errno; then it may be changed, and is restored. */
int settings_set(const char *path, const char *value);

/* How many settings are not what they were before. */
unsigned settings_changed(void);

/* Restores and ends the other process; does nothing without settings_begin(). */
void settings_end(void);

#endif
