// SPDX-License-Identifier: MIT
/* RLIMIT_AS counts what is reserved: being lazy does not help. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "scenario.h"
#include "system_files.h"

#define MIB   ((size_t)1 << 20)
#define ROOM  (128 * MIB) /* above what the process has */
#define FITS  (32 * MIB)
#define BLOCK (512 * MIB)

static void limited(const struct scenario_case *c, struct scenario_result *r)
{
	struct rlimit limit;
	struct block small, large;
	uint64_t pages;
	size_t wrong;
	int error;

	if (!system_number("/proc/self/statm", &pages)) {
		scenario_unsupported(r, "/proc is not mounted");
		return;
	}
	limit.rlim_cur = limit.rlim_max = pages * (uint64_t)sysconf(_SC_PAGESIZE) + ROOM;
	if (setrlimit(RLIMIT_AS, &limit)) {
		scenario_unsupported(r, "RLIMIT_AS cannot be set: %s", strerror(errno));
		return;
	}
	error = scenario_take(c, r, FITS, &small);
	if (error == -ENOTSUP)
		return;
	if (error) {
		scenario_broken(r, "%zu MiB were refused with %zu MiB of room: %s", FITS / MIB,
				ROOM / MIB, strerror(-error));
		return;
	}
	scenario_write(small.addr, FITS, 1, 7);
	error = scenario_take(c, r, BLOCK, &large);
	wrong = scenario_wrong(small.addr, FITS, 1, 7);
	scenario_observed(r, "%zu MiB with %zu MiB of room: %s; what it had before is %s",
			  BLOCK / MIB, ROOM / MIB, error ? strerror(-error) : "granted",
			  wrong ? "changed" : "as it was");
	if (error != -ENOMEM)
		scenario_broken(r, "more than the limit was not refused with ENOMEM: %s",
				error ? strerror(-error) : "granted");
	else if (wrong)
		scenario_broken(r, "%zu pages of what it had before are wrong", wrong);
}

#define LIMITED(way)                                                                             \
	{                                                                                        \
		"rlimit-as", "over", way,                                                        \
			"a reservation above RLIMIT_AS is refused with ENOMEM and does no harm", \
			BLOCK, 0, false, limited                                                 \
	}

static const struct scenario_case rlimit_as[] = {
	LIMITED("mmap"),
	LIMITED("mmap/noreserve"),
	LIMITED("mmap/populate"),
	LIMITED("glibc/calloc"),
	LIMITED("glibc/malloc+memset"),
	LIMITED("memfd"),
	LIMITED("tamalloc/lib-plain"),
	LIMITED("tamalloc/syscall"),
};

REGISTER_SCENARIO(rlimit_as)
