// SPDX-License-Identifier: MIT
/* CPU time in user and in kernel mode. Many kernels split the exact total by the scheduler tick. */
#include <stdio.h>
#include <sys/resource.h>

#include "probe.h"

enum { SYS, USER, N_FIELDS };

static const struct probe_field fields[N_FIELDS] = {
	[SYS] = {"sys_cost", "ns", PROBE_COUNTER, BETTER_LOWER},
	[USER] = {"user_cost", "ns", PROBE_COUNTER, BETTER_LOWER},
};

static int open_probe(char *source, size_t source_bytes)
{
	snprintf(source, source_bytes, "getrusage");
	return 0;
}

static uint64_t to_ns(struct timeval time)
{
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_usec * 1000u;
}

static void read_probe(uint64_t *values, unsigned kinds)
{
	struct rusage usage;

	if (!(kinds & 1u << PROBE_COUNTER))
		return;
	getrusage(RUSAGE_SELF, &usage);
	values[SYS] = to_ns(usage.ru_stime);
	values[USER] = to_ns(usage.ru_utime);
}

static struct probe rusage_probe = {
	.name = "rusage",
	.summary = "CPU time in user and kernel mode",
	.fields = fields,
	.n_fields = N_FIELDS,
	.open = open_probe,
	.read = read_probe,
};

REGISTER_PROBE(rusage_probe)
