/* SPDX-License-Identifier: MIT */
/*
 * The worker: one subject under one workload, once, in a process of its own.
 *
 * At a phase's edges the clock is read innermost, the counters outside of it, the gauges (which
 * cost the most) after the phase. Everything that these readings need is mapped and has run before
 * the baseline, so that they add no fault to a phase. Phases that are marked more than once add up.
 */
#ifndef TA_WORKER_H
#define TA_WORKER_H

#include "record.h"
#include "workload.h"

#define WORKER_MOCK_STEP_NS 1000 /* what the mock clock advances by at each reading */

struct worker_options {
	const struct allocator *allocator;
	const struct workload *workload;
	size_t size_bytes;
	unsigned char fill;
	unsigned threads;
	uint64_t seed;
	int64_t params[WL_MAX_PARAMS];
	bool verify; /* purpose verify instead of measure */
	/* The clock's n-th reading is n * WORKER_MOCK_STEP_NS; probes are not opened, and the n-th
	 * reading of all probes gives field i (its index among all fields) the value n * (i + 1).
	 */
	bool mock;
	int marks_fd;	  /* where wl_mark() writes, or -1 */
	unsigned wait_ms; /* how long wl_wait() waits */
};

/* Fills every field of record. Never fails otherwise than by record->outcome. Not thread-safe.
 */
void sample_run(const struct worker_options *options, struct record *record);

#endif
