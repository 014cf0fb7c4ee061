// SPDX-License-Identifier: MIT
/* A limit of memory in a control group: it counts what is committed, not what is reserved. */
#include <string.h>

#include "scenarios/group.h"

#define MIB	    ((size_t)1 << 20)
#define LIMIT	    (32 * MIB)
#define BLOCK	    (128 * MIB)
#define STRIDE	    16
#define ALLOWANCE   (4 * MIB) /* page tables, the process itself, what CPUs keep to themselves */
#define SIGKILLED   (128 + 9)
#define NOT_THERE   70
#define NO_MEMORY   71
#define NOT_A_GROUP 72
#define WRONG	    73

struct plot {
	const struct scenario_case *c;
	struct scenario_result *r;
	struct group group;
	size_t stride_pages;
	size_t bytes;
};

static int allocate_and_touch(int fd, void *arg)
{
	const struct plot *plot = arg;
	struct block block;
	int error;

	if (group_enter(&plot->group))
		return NOT_A_GROUP;
	error = scenario_take(plot->c, plot->r, plot->bytes, &block);
	if (error)
		return plot->r->state == SCENARIO_UNSUPPORTED ? NOT_THERE : NO_MEMORY;
	scenario_write(block.addr, plot->bytes, plot->stride_pages, 7);
	member_ready(fd);
	member_wait(fd);
	return scenario_wrong(block.addr, BLOCK / 32, plot->stride_pages, 7) ? WRONG : 0;
}

static bool begin(const struct scenario_case *c, struct scenario_result *r, struct plot *plot,
		  size_t stride_pages)
{
	*plot = (struct plot){.c = c, .r = r, .stride_pages = stride_pages, .bytes = BLOCK};
	return group_make(&plot->group, (unsigned)c->value, LIMIT, r);
}

static void sparse(const struct scenario_case *c, struct scenario_result *r)
{
	struct member member;
	struct plot plot;
	uint64_t charged = 0, kills;
	int status;

	if (!begin(c, r, &plot, STRIDE))
		return;
	member_start(&member, allocate_and_touch, &plot);
	if (member_is_ready(&member))
		charged = group_charged_bytes(&plot.group);
	member_go(&member);
	status = member_end(&member);
	kills = group_oom_kills(&plot.group);
	if (status == NOT_THERE)
		return;
	scenario_metric(r, "charged_bytes", (double)charged);
	scenario_metric(r, "oom_kills", (double)kills);
	scenario_observed(r,
			  "%zu MiB reserved and %zu MiB touched under a limit of %zu MiB: %.1f "
			  "MiB charged, %llu killed",
			  BLOCK / MIB, BLOCK / STRIDE / MIB, LIMIT / MIB, (double)charged / MIB,
			  (unsigned long long)kills);
	if (status || kills)
		scenario_broken(r, "it ended with status %d, %llu killed", status,
				(unsigned long long)kills);
	else if (charged < BLOCK / STRIDE || charged > BLOCK / STRIDE + ALLOWANCE)
		scenario_broken(r, "%llu bytes are charged for %zu touched",
				(unsigned long long)charged, BLOCK / STRIDE);
}

/* Touches more than the limit, or commits it at allocation. */
static void over(const struct scenario_case *c, struct scenario_result *r)
{
	struct member member;
	struct plot plot;
	uint64_t kills, left;
	int status;
	bool touched;

	if (!begin(c, r, &plot, 1))
		return;
	member_start(&member, allocate_and_touch, &plot);
	touched = member_is_ready(&member);
	member_go(&member);
	status = member_end(&member);
	kills = group_oom_kills(&plot.group);
	left = group_charged_bytes(&plot.group);
	if (status == NOT_THERE)
		return;
	scenario_metric(r, "oom_kills", (double)kills);
	scenario_metric(r, "charged_after_bytes", (double)left);
	scenario_observed(r, "%s; %llu killed in the group, %.1f MiB still charged",
			  status == SIGKILLED ? "killed by SIGKILL" : "it lived",
			  (unsigned long long)kills, (double)left / MIB);
	if (status != SIGKILLED || touched || !kills)
		scenario_broken(r, "it ended with status %d, %llu killed", status,
				(unsigned long long)kills);
	else if (left > ALLOWANCE)
		scenario_broken(r, "%llu bytes are charged after its end",
				(unsigned long long)left);
}

#define SPARSE(version, way)                                                                       \
	{                                                                                          \
		"cgroup-limit", "v" #version "-sparse", way,                                       \
			"a reservation of four times the limit lives, and only touched pages are " \
			"charged",                                                                 \
			BLOCK, version, false, sparse                                              \
	}
#define OVER(version, way)                                                                     \
	{                                                                                      \
		"cgroup-limit", "v" #version "-over", way,                                     \
			"who commits more than the limit is killed in its group, and nothing " \
			"stays charged",                                                       \
			BLOCK, version, false, over                                            \
	}
#define BOTH(version)                                                                       \
	SPARSE(version, "mmap"), SPARSE(version, "glibc/calloc"),                           \
		SPARSE(version, "tamalloc/lib-plain"), SPARSE(version, "tamalloc/syscall"), \
		OVER(version, "mmap"), OVER(version, "glibc/malloc+memset"),                \
		OVER(version, "mmap/populate"), OVER(version, "tamalloc/lib-plain"),        \
		OVER(version, "tamalloc/syscall")

static const struct scenario_case cgroup_limit[] = {BOTH(1), BOTH(2)};

REGISTER_SCENARIO(cgroup_limit)
