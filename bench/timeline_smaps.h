/* SPDX-License-Identifier: MIT */
/* What processes have by /proc/PID/smaps_rollup: exact, whatever the kernel's counters keep per
 * CPU. */
#ifndef TA_TIMELINE_SMAPS_H
#define TA_TIMELINE_SMAPS_H

#include "timeline_mms.h"

/*
 * Rss of all that run in an address space that counts. False: one of them was not asleep before and
 * after, or they are too many to be read at about one time.
 */
bool smaps_sum(const struct mms *mms, int64_t *bytes);

/* What the process has now. False: it has ended, or has no memory. */
bool smaps_parts(pid_t pid, int64_t bytes[MM_PARTS]);

#endif
