/* SPDX-License-Identifier: MIT */
/*
 * Control groups of either version, wherever they are mounted: which one this process is in, and
 * how it is limited there.
 */
#ifndef TA_CGROUP_H
#define TA_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cgroup {
	unsigned version; /* 1 or 2 */
	char mount[256];  /* of the hierarchy */
	char group[2048]; /* where this process is below it, "" at its top */
};

/* The hierarchy of that version which has the controller; false where there is none. */
bool cgroup_find(const char *controller, unsigned version, struct cgroup *found);

/* The lowest limit of memory of this process's groups of that version; UINT64_MAX: none. */
uint64_t cgroup_memory_limit_bytes(unsigned version);
/* What those limits, of both versions, leave free; UINT64_MAX: there is none. */
uint64_t cgroup_memory_room_bytes(void);
/* How many CPUs' time this process may have (a quota, of either version); 0: there is none. */
double cgroup_cpu_limit(void);

#endif
