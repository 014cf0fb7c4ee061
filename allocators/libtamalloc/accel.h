/* SPDX-License-Identifier: MIT */
/*
 * The accelerator: watches first touches of large blocks through a perf event, and makes memory
 * ahead of those that come in order (runs.h). Without the event, or with TAMALLOC_ACCEL not 1, all
 * of this does nothing.
 */
#ifndef TA_ACCEL_H
#define TA_ACCEL_H

#include <stdbool.h>
#include <stdint.h>

#include "table.h"

/* A block that was made, and one that is about to be given back. */
void ta__accel_add(const struct ta__block *block);
void ta__accel_remove(const struct ta__block *block);

/*
 * Part of a block is as if no huge pages had been asked for: it is one mapping again, and a first
 * touch makes one page. false: none were.
 */
bool ta__accel_make_small(const struct ta__block *block, size_t from, size_t to);

/*
 * The program takes SIGTRAP for itself: no block is watched from here on, so that whatever it does
 * with the signal is right. Takes no lock: sigaction() may be called anywhere.
 */
void ta__accel_yield(void);

/*
 * For a program that says so itself, before its first block; the environment says it else. on: also
 * where nobody tells the accelerator that the program sets what SIGTRAP does (signals.h).
 */
void ta__accel_force(bool on);
/* Do blocks get watched? Known from the first large one on. */
bool ta__accel_is_on(void);

#endif
