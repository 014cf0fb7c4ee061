/* SPDX-License-Identifier: MIT */
/*
 * Settings of the whole machine that a cell needs: which sizes of huge pages the kernel may give,
 * and how many huge pages are in the pool of hugetlbfs.
 *
 * Contract. knobs_begin() saves what is set and starts a process that restores it should this one
 * die; knobs_set() sets what the next worker needs; knobs_end() restores. Between them nobody else
 * should use the machine. Not thread-safe.
 */
#ifndef TA_KNOBS_H
#define TA_KNOBS_H

#include <stdbool.h>

#include "plan.h"

/* Does any cell that can run need a setting changed? */
bool knobs_needed(const struct plan *plan);

/* 0; -errno after one line on stderr, then nothing was changed. */
int knobs_begin(void);

/*
 * What a worker of the subject needs that commits that many bytes: huge pages of its mthp_size
 * alone, on request; with ALLOC_POOL, so many bytes more in the pool, as far as the kernel finds
 * them. For every other subject what was set before. 0 or -errno.
 */
int knobs_set(const struct allocator *subject, uint64_t bytes);

/* Restores and ends the other process; does nothing without knobs_begin(). */
void knobs_end(void);

#endif
