/* SPDX-License-Identifier: MIT */
/*
 * The distribution of operations that were timed one by one: latency.csv, from the histograms in
 * the samples.
 */
#ifndef TA_DISTRIBUTION_H
#define TA_DISTRIBUTION_H

#include "cells.h"

/* One row per cell and bucket: of the cell's ok samples together, the share of operations that took
 * at least so long. */
void distribution_write_csv(const struct results *results, const struct samples *samples,
			    FILE *out);
/* Column names of that file, in order, NULL at the end. */
const char *const *distribution_columns(void);

#endif
