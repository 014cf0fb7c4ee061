/* SPDX-License-Identifier: MIT */
/* `perf stat` around a worker: its counts stand beside the suite's own as a check from outside. */
#ifndef TA_PERF_STAT_H
#define TA_PERF_STAT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "runner.h"

/* Does perf stat work here? If not, one sentence into reason: what is missing and what would help.
 */
bool perf_stat_works(char *reason, size_t reason_bytes);

#define PERF_STAT_EVENTS "page-faults,minor-faults,major-faults,cycles,dTLB-load-misses"

/* What `perf stat -x,` wrote of these events, as metrics: a new object, null for what this machine
 * cannot count. */
json_t *perf_stat_metrics(FILE *log);

/*
 * worker_run() under perf stat. *metrics becomes a new object {perf_page_faults, perf_minor_faults,
 * perf_major_faults, perf_cycles, perf_dtlb_load_misses}, null for what this machine cannot count.
 */
void perf_stat_run(struct worker_job job, struct worker_result *result, json_t **metrics);

#endif
