/* SPDX-License-Identifier: MIT */
/*
 * What a process feels of being asked about: how long its own page faults and mappings take while
 * another process reads its memory statistics without pause.
 *
 * Contract. The target has resident_bytes of base pages. In turn it gives a page back and touches
 * it anew, and maps and unmaps one, at a pace of its own; each is timed by itself. The reader runs
 * beside it all the time (with way "none" it only calls getppid). Needs two CPUs, else the two take
 * turns.
 */
#ifndef TA_STALL_H
#define TA_STALL_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "plan.h"

#define STALL_WORKLOAD	     "statistics-stall"
#define STALL_RESIDENT_BYTES (256ull << 20)

struct stall_times {
	uint64_t p50_ns, p99_ns, max_ns;
};

struct stall {
	int error; /* 0 or -errno; -ENOSYS: unsupported here, reason says why */
	char reason[200];
	struct stall_times fault, map;
	uint64_t reads, read_ns; /* while it was timed; mean duration of one */
};

/* "none" first; NULL past the end. */
const char *stall_way(unsigned i);

void stall_measure(unsigned way, uint64_t resident_bytes, struct stall *stall);

/* As samples of kind "micro": a row for each way. */
void stall_cell_id(unsigned way, char id[CELL_ID_CHARS]);
json_t *stall_sample(unsigned way, unsigned rep, const char *run_id);

#endif
