/* SPDX-License-Identifier: MIT */
/* A counting perf event over this process, its threads to come included. */
#ifndef TA_PERF_COUNTER_H
#define TA_PERF_COUNTER_H

#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "probe.h"

/* A descriptor that counts from now on, or -1 with errno set. */
static inline int perf_counter_open(uint32_t type, uint64_t config, bool user_only)
{
	struct perf_event_attr attr = {
		.type = type,
		.size = sizeof(attr),
		.config = config,
		.pinned = 1, /* the whole time or not at all: no scaled estimates */
		.inherit = 1,
		.exclude_kernel = user_only,
		.exclude_hv = user_only,
	};

	return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

static inline uint64_t perf_counter_read(int fd)
{
	uint64_t value;

	return read(fd, &value, sizeof(value)) == sizeof(value) ? value : PROBE_UNKNOWN;
}

#endif
