// SPDX-License-Identifier: MIT
/*
 * Resident set, its peak, page tables and VMAs of the process. The kernel keeps the resident set
 * per CPU: before Linux 6.17 VmRSS and VmHWM can be off by 32 pages for each CPU. The peak is
 * VmHWM, which the worker restarts before its baseline.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "probe.h"
#include "proc.h"

enum { RSS, PAGE_TABLE, VMAS, PEAK, N_FIELDS };

static const struct probe_field fields[N_FIELDS] = {
	[RSS] = {"rss_bytes", "bytes", PROBE_GAUGE, BETTER_LOWER},
	[PAGE_TABLE] = {"page_table_bytes", "bytes", PROBE_GAUGE, BETTER_LOWER},
	[VMAS] = {"vma_count", "VMAs", PROBE_GAUGE, BETTER_LOWER},
	[PEAK] = {"peak_rss_bytes", "bytes", PROBE_PEAK, BETTER_LOWER},
};

static int status_fd = -1, maps_fd = -1;

static int open_probe(char *source, size_t source_bytes)
{
	status_fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	maps_fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	if (status_fd < 0 || maps_fd < 0) {
		snprintf(source, source_bytes, "/proc/self cannot be read");
		return -ENOENT;
	}
	snprintf(source, source_bytes, "/proc/self/status, /proc/self/maps");
	return 0;
}

static void read_probe(uint64_t *values, unsigned kinds)
{
	static const char *const keys[] = {"VmRSS:", "VmPTE:", "VmHWM:"};
	uint64_t sums[3];

	if (!(kinds & (1u << PROBE_GAUGE | 1u << PROBE_PEAK)))
		return;
	proc_sum_kib_lines(status_fd, keys, 3, sums);
	if (kinds & 1u << PROBE_PEAK)
		values[PEAK] = sums[2];
	if (kinds & 1u << PROBE_GAUGE) {
		values[RSS] = sums[0];
		values[PAGE_TABLE] = sums[1];
		values[VMAS] = proc_count_lines(maps_fd);
	}
}

static void close_probe(void)
{
	close(status_fd);
	close(maps_fd);
}

static struct probe status = {
	.name = "status",
	.summary = "resident set, its peak, page tables, VMAs",
	.fields = fields,
	.n_fields = N_FIELDS,
	.open = open_probe,
	.read = read_probe,
	.close = close_probe,
};

REGISTER_PROBE(status)
