// SPDX-License-Identifier: MIT
/*
 * Page faults of the process and its threads, from perf's software events; from getrusage where
 * perf is refused. They differ in one thing: pages that the kernel maps without a trap
 * (MAP_POPULATE, MADV_POPULATE_WRITE) are counted by getrusage and not by perf.
 */
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "perf_counter.h"
#include "probe.h"

enum { MAJOR, MINOR, N_FIELDS };

static const struct probe_field fields[N_FIELDS] = {
	[MAJOR] = {"major_faults", "faults", PROBE_COUNTER, BETTER_LOWER},
	[MINOR] = {"minor_faults", "faults", PROBE_COUNTER, BETTER_LOWER},
};

static int fds[N_FIELDS] = {-1, -1};

static bool open_events(bool user_only)
{
	fds[MINOR] =
		perf_counter_open(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS_MIN, user_only);
	if (fds[MINOR] < 0)
		return false;
	fds[MAJOR] =
		perf_counter_open(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS_MAJ, user_only);
	if (fds[MAJOR] >= 0)
		return true;
	close(fds[MINOR]);
	fds[MINOR] = -1;
	return false;
}

static int open_probe(char *source, size_t source_bytes)
{
	if (open_events(false))
		snprintf(source, source_bytes, "perf_event_open");
	else if (open_events(true))
		snprintf(source, source_bytes, "perf_event_open, user mode only");
	else
		snprintf(source, source_bytes, "getrusage: perf refused (%s)", strerror(errno));
	return 0;
}

static void read_probe(uint64_t *values, unsigned kinds)
{
	struct rusage usage;

	if (!(kinds & 1u << PROBE_COUNTER))
		return;
	if (fds[MINOR] >= 0) {
		values[MINOR] = perf_counter_read(fds[MINOR]);
		values[MAJOR] = perf_counter_read(fds[MAJOR]);
		return;
	}
	getrusage(RUSAGE_SELF, &usage);
	values[MINOR] = (uint64_t)usage.ru_minflt;
	values[MAJOR] = (uint64_t)usage.ru_majflt;
}

static void close_probe(void)
{
	for (unsigned i = 0; i < N_FIELDS; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static struct probe faults = {
	.name = "faults",
	.summary = "minor and major page faults",
	.fields = fields,
	.n_fields = N_FIELDS,
	.open = open_probe,
	.read = read_probe,
	.close = close_probe,
};

REGISTER_PROBE(faults)
