/* SPDX-License-Identifier: MIT */
/*
 * What it costs to ask for every process's reserved and committed memory and OOM score: the system
 * call tamstat against readers of /proc that keep their files open.
 *
 * Contract. Runs in processes of its own (a measurer and idle ones until as many exist as asked
 * for), which are gone when it returns. Makes samples of kind "micro", workload "statistics",
 * parameter processes; their costs are in metrics.
 */
#ifndef TA_STATISTICS_H
#define TA_STATISTICS_H

#include <jansson.h>
#include <stdbool.h>

#include "plan.h"

#define STATISTICS_WORKLOAD "statistics"

/* The number of processes of row i; 0 past the end. smoke: the first only. */
unsigned statistics_processes(unsigned i);

/* Subjects in the order of statistics_sample(); NULL past the end. */
const char *statistics_subject(unsigned i);

void statistics_cell_id(unsigned subject, unsigned processes, bool guest, char id[CELL_ID_CHARS]);

/* Measures subject with that many processes; a new sample, of target vm if guest. NULL: no memory.
 */
json_t *statistics_sample(unsigned subject, unsigned processes, unsigned rep, const char *run_id,
			  bool guest);

#endif
