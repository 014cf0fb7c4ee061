/* SPDX-License-Identifier: MIT */
/*
 * What it costs to ask for every process's reserved and committed memory and OOM score, in the ways
 * of statistics_ways.h.
 *
 * Contract. Each measurement runs in a process of its own, among idle processes of which there are
 * as many as asked for; they are gone after statistics_end(). Makes samples of kind "micro",
 * workload "statistics", parameter processes; their costs are in metrics.
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

/* Adds idle processes until as many exist. -errno with a sentence in reason where that cannot be.
 */
int statistics_begin(unsigned processes, uint64_t memory_available_bytes, char *reason,
		     size_t reason_bytes);
void statistics_end(void);

/*
 * Measures subject with that many processes; a new sample, of target vm if guest. refused, if not
 * NULL, is the reason why it is unsupported. NULL: no memory.
 */
json_t *statistics_sample(unsigned subject, unsigned processes, unsigned rep, const char *run_id,
			  bool guest, const char *refused);

#endif
