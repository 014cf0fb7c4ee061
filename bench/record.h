/* SPDX-License-Identifier: MIT */
/*
 * What a worker tells the runner: one fixed binary record, written with one write(2) to a pipe.
 * Worker and runner come from the same build (record_version checks it), so fields are found by
 * index.
 */
#ifndef TA_RECORD_H
#define TA_RECORD_H

#include <stdint.h>

#include "latency.h"
#include "phase.h"
#include "probe.h"

#define RECORD_MAGIC   0x74616d72u
#define RECORD_VERSION 2u

enum record_outcome { RECORD_OK, RECORD_UNSUPPORTED, RECORD_ENOMEM, RECORD_FAILED };

struct record_phase {
	uint64_t present; /* 0 or 1 */
	uint64_t cost;	  /* ns of CLOCK_MONOTONIC (instructions under icount: the runner knows) */
	/* By field index: counters as difference over the phase, gauges as growth over the baseline
	 * at the end of the phase, peaks unknown. */
	uint64_t values[PROBE_MAX_FIELDS];
	uint64_t shmem_or_memfd_bytes,
		driver_bytes; /* of the allocator, growth over the baseline */
};

/* Times of single operations, in the unit of the phases' costs. */
struct record_latency {
	uint64_t count; /* operations timed; 0: the workload times none, the rest means nothing */
	uint64_t p50, p99, p999, max; /* the value of that rank (the nearest) */
	uint64_t clock_cost;	      /* what reading the clock adds to each: median of several */
	uint32_t buckets[LATENCY_BUCKETS];
};

struct record {
	uint32_t magic, version;
	uint32_t outcome; /* enum record_outcome */
	uint32_t phase_count_max;
	int32_t error;	  /* errno of a failure, or 0 */
	int32_t verified; /* purpose verify: 1 right, 0 wrong; measure: whether the checksum was
			     right */
	uint64_t reserved_bytes, touched_pages, operations;
	uint64_t checksum, expected;
	uint64_t wrong_bytes, first_wrong;
	struct record_phase phases[PHASE_COUNT];
	/* At wl_settle(): gauges as growth over the baseline; and peaks up to there (absolute). */
	uint64_t settled[PROBE_MAX_FIELDS];
	uint64_t settled_shmem_or_memfd_bytes, settled_driver_bytes;
	uint64_t baseline_rss_bytes;
	uint64_t rss_after_free_bytes;	   /* growth over the baseline */
	uint64_t faults_outside_phases;	   /* of the process, in no phase: its start, too */
	uint64_t probe_cost_ns[PROBE_MAX]; /* one read of each probe, median of several, by probe
					      order */
	char probe_source[PROBE_MAX][64];
	struct record_latency latency;
	char malloc_object[256]; /* the file that calloc's code was in, by our maps */
	char backend[32];
	char reason[160]; /* of an outcome other than ok */
};

_Static_assert(sizeof(struct record) <= 4096, "one pipe write must be atomic (PIPE_BUF)");

#endif
