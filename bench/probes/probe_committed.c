// SPDX-License-Identifier: MIT
/*
 * What the process has committed, by kind of memory: Anonymous + Swap + Hugetlb of smaps_rollup.
 * The zero page counts 0 there. huge_bytes is the part of anon_bytes that huge pages map.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "probe.h"
#include "proc.h"

enum { ANON, HUGETLB, HUGE, SWAP, N_FIELDS };

static const struct probe_field fields[N_FIELDS] = {
	[ANON] = {"anon_bytes", "bytes", PROBE_GAUGE, BETTER_LOWER},
	[HUGETLB] = {"hugetlb_bytes", "bytes", PROBE_GAUGE, BETTER_LOWER},
	[HUGE] = {"huge_bytes", "bytes", PROBE_GAUGE, BETTER_NEITHER},
	[SWAP] = {"swap_bytes", "bytes", PROBE_GAUGE, BETTER_LOWER},
};

static int fd = -1;

static int open_probe(char *source, size_t source_bytes)
{
	const char *path = "/proc/self/smaps_rollup";

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) { /* before Linux 4.14: slower, the same sums */
		path = "/proc/self/smaps";
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	if (fd < 0) {
		snprintf(source, source_bytes, "%s cannot be opened", path);
		return -errno;
	}
	snprintf(source, source_bytes, "%s", path);
	return 0;
}

static void read_probe(uint64_t *values, unsigned kinds)
{
	static const char *const keys[] = {
		"Anonymous:", "Swap:", "AnonHugePages:", "Private_Hugetlb:", "Shared_Hugetlb:"};
	uint64_t sums[5];

	if (!(kinds & 1u << PROBE_GAUGE))
		return;
	proc_sum_kib_lines(fd, keys, 5, sums);
	values[ANON] = sums[0];
	values[SWAP] = sums[1];
	values[HUGE] = sums[2];
	values[HUGETLB] = sums[3] == PROBE_UNKNOWN || sums[4] == PROBE_UNKNOWN ? PROBE_UNKNOWN
									       : sums[3] + sums[4];
}

static void close_probe(void)
{
	close(fd);
}

static struct probe committed = {
	.name = "committed",
	.summary = "committed memory by kind",
	.fields = fields,
	.n_fields = N_FIELDS,
	.open = open_probe,
	.read = read_probe,
	.close = close_probe,
};

REGISTER_PROBE(committed)
