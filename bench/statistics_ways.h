/* SPDX-License-Identifier: MIT */
/* The ways of asking for the memory of every process, for statistics.c to measure. */
#ifndef TA_STATISTICS_WAYS_H
#define TA_STATISTICS_WAYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct statistics_way {
	const char *name;
	unsigned reads; /* processes asked for in a measurement, at least */
	/* 0 or -errno; -ENOSYS with a sentence in reason where this machine does not have it. */
	int (*begin)(char *reason, size_t reason_bytes);
	int (*ask)(void); /* about every process, once */
	/* After ask(): how many processes it saw, and the address space of all; UINT64_MAX where it
	 * shows that in no exact number. */
	int (*seen)(size_t *processes, uint64_t *reserved_bytes);
};

/* The cheapest that shows all that tamstat shows comes first. NULL past the end. */
const struct statistics_way *statistics_way(unsigned i);

#endif
