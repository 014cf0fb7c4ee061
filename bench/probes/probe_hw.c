// SPDX-License-Identifier: MIT
/* Hardware counters, where the machine has them (many virtual machines have none). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "perf_counter.h"
#include "probe.h"

enum { CYCLES, DTLB_MISSES, N_FIELDS };

static const struct probe_field fields[N_FIELDS] = {
	[CYCLES] = {"cycles", "cycles", PROBE_COUNTER, BETTER_LOWER},
	[DTLB_MISSES] = {"dtlb_misses", "misses", PROBE_COUNTER, BETTER_LOWER},
};

#define DTLB_MISS(operation)                                                  \
	(PERF_COUNT_HW_CACHE_DTLB | PERF_COUNT_HW_CACHE_OP_##operation << 8 | \
	 PERF_COUNT_HW_CACHE_RESULT_MISS << 16)

enum { FD_CYCLES, FD_LOADS, FD_STORES, N_FDS };

static const struct {
	const char *name;
	uint32_t type;
	uint64_t config;
} events[N_FDS] = {
	[FD_CYCLES] = {"cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES},
	[FD_LOADS] = {"dTLB-load-misses", PERF_TYPE_HW_CACHE, DTLB_MISS(READ)},
	[FD_STORES] = {"dTLB-store-misses", PERF_TYPE_HW_CACHE, DTLB_MISS(WRITE)},
};

static int fds[N_FDS];

static int open_probe(char *source, size_t source_bytes)
{
	size_t length = 0;
	int error = ENOENT;

	for (unsigned i = 0; i < N_FDS; i++) {
		const char *mode = "";

		fds[i] = perf_counter_open(events[i].type, events[i].config, false);
		if (fds[i] < 0) {
			fds[i] = perf_counter_open(events[i].type, events[i].config, true);
			mode = ":u"; /* user mode only, as perf writes it */
		}
		if (fds[i] < 0) {
			error = errno;
			continue;
		}
		if (length < source_bytes)
			length += (size_t)snprintf(source + length, source_bytes - length, "%s%s%s",
						   length ? " " : "", events[i].name, mode);
	}
	if (length)
		return 0;
	snprintf(source, source_bytes, "no hardware counters here (%s)", strerror(error));
	return -error;
}

static uint64_t read_fd(int fd)
{
	return fd < 0 ? PROBE_UNKNOWN : perf_counter_read(fd);
}

static void read_probe(uint64_t *values, unsigned kinds)
{
	uint64_t loads, stores;

	if (!(kinds & 1u << PROBE_COUNTER))
		return;
	loads = read_fd(fds[FD_LOADS]);
	stores = read_fd(fds[FD_STORES]);
	values[CYCLES] = read_fd(fds[FD_CYCLES]);
	/* Some processors count loads only: the source names what is in the sum. */
	if (loads == PROBE_UNKNOWN)
		values[DTLB_MISSES] = stores;
	else
		values[DTLB_MISSES] = loads + (stores == PROBE_UNKNOWN ? 0 : stores);
}

static void close_probe(void)
{
	for (unsigned i = 0; i < N_FDS; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static struct probe hw = {
	.name = "hw",
	.summary = "processor cycles and data-TLB misses",
	.fields = fields,
	.n_fields = N_FIELDS,
	.open = open_probe,
	.read = read_probe,
	.close = close_probe,
};

REGISTER_PROBE(hw)
