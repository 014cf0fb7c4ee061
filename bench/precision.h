/* SPDX-License-Identifier: MIT */
/*
 * Repetitions until intervals are narrow enough.
 *
 * Contract. A group (cells that differ in their subject only) is narrow where the interval of each
 * ranked cell's ratio to the fastest, or of the only cell's own cost, reaches at most the precision
 * to either side on average: (hi - lo) / 2 / value. What a run goes on for is the width, never what
 * the ratio is: to stop at a result that pleases would make every interval a lie.
 */
#ifndef TA_PRECISION_H
#define TA_PRECISION_H

#include "plan.h"

/*
 * Reads the run's samples and sets wanted[i] of each cell of the plan to whether its group is not
 * narrow yet. Returns how many groups are not, or -errno.
 */
int precision_wanted(const struct plan *plan, const char *run_dir, bool *wanted);

#endif
