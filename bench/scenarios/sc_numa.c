// SPDX-License-Identifier: MIT
/*
 * NUMA: on which node a page is. It is chosen when the page is made: for a lazy subject by who
 * touches it first, for an eager one by who allocates it. Placement only: what a far node costs is
 * no question here.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "scenario.h"
#include "system_files.h"

#define MIB   ((size_t)1 << 20)
#define BLOCK (8 * MIB)
#define PAGE  ((size_t)sysconf(_SC_PAGESIZE))
#define PAGES (BLOCK / PAGE)
#define STRAY (PAGES / 100) /* a node may be short of pages in its CPU's list */

enum { ON_TOUCHER = 1, ON_ALLOCATOR = 2, ON_NODE_0 = 3, ON_BOTH = 4 };

/* Runs on a CPU of the node from now on. False where it has none of ours. */
static bool go_to_node(int node)
{
	char path[80], text[256], *at = text;
	cpu_set_t allowed, set;

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/cpulist", node);
	if (!system_line(path, text, sizeof(text)) ||
	    sched_getaffinity(0, sizeof(allowed), &allowed))
		return false;
	while (*at >= '0' && *at <= '9') {
		unsigned long first = strtoul(at, &at, 10), last = first;

		if (*at == '-')
			last = strtoul(at + 1, &at, 10);
		for (unsigned long cpu = first; cpu <= last && cpu < CPU_SETSIZE; cpu++) {
			CPU_ZERO(&set);
			CPU_SET(cpu, &set);
			if (!sched_setaffinity(0, sizeof(set), &set))
				return true;
		}
		at += *at == ',';
	}
	return false;
}

/* How many pages are on node 0 and on node 1. */
static int count_pages(void *addr, size_t on[2])
{
	static void *pages[BLOCK / 4096];
	static int nodes[BLOCK / 4096];

	for (size_t i = 0; i < PAGES; i++)
		pages[i] = (char *)addr + i * PAGE;
	if (syscall(SYS_move_pages, 0, PAGES, pages, NULL, nodes, 0))
		return -errno;
	on[0] = on[1] = 0;
	for (size_t i = 0; i < PAGES; i++)
		if (nodes[i] == 0 || nodes[i] == 1)
			on[nodes[i]]++;
	return 0;
}

/* Allocates on node 0 and touches from node 1. */
static void placed(const struct scenario_case *c, struct scenario_result *r)
{
	size_t on[2], wanted_on_1 = c->value == ON_TOUCHER ? PAGES
				    : c->value == ON_BOTH  ? PAGES / 2
							   : 0;
	struct block block;
	int error;

	if (access("/sys/devices/system/node/node1", F_OK)) {
		scenario_unsupported(r, "this machine has one NUMA node; the virtual machine has "
					"two");
		return;
	}
	if (!go_to_node(1) || !go_to_node(0)) {
		scenario_unsupported(r, "this process may not run on nodes 0 and 1");
		return;
	}
	error = scenario_take(c, r, BLOCK, &block);
	if (error == -ENOTSUP)
		return;
	if (error) {
		scenario_broken(r, "no block: %s", strerror(-error));
		return;
	}
	go_to_node(1);
	scenario_write(block.addr, BLOCK, 1, 7);
	error = count_pages(block.addr, on);
	if (error) {
		scenario_unsupported(r, "move_pages is refused: %s", strerror(-error));
		return;
	}
	scenario_metric(r, "node0_pages", (double)on[0]);
	scenario_metric(r, "node1_pages", (double)on[1]);
	scenario_observed(r,
			  "allocated from node 0, touched from node 1: %zu pages on node 0, %zu "
			  "on node 1",
			  on[0], on[1]);
	if (on[0] + on[1] != PAGES)
		scenario_broken(r, "%zu pages are on no node", PAGES - on[0] - on[1]);
	else if (on[1] > wanted_on_1 + STRAY || on[1] + STRAY < wanted_on_1)
		scenario_broken(r, "%zu pages are on node 1, not %zu", on[1], wanted_on_1);
}

#define TOUCHER(way)                                                                         \
	{                                                                                    \
		"numa", "first-touch", way, "pages are on the node that touches them first", \
			BLOCK, ON_TOUCHER, false, placed                                     \
	}
#define ALLOCATOR(way)                                                                   \
	{                                                                                \
		"numa", "first-touch", way,                                              \
			"pages are on the node that allocates, as it fills them", BLOCK, \
			ON_ALLOCATOR, false, placed                                      \
	}

static const struct scenario_case numa[] = {
	TOUCHER("mmap"),
	TOUCHER("glibc/calloc"),
	TOUCHER("numa/local"),
	TOUCHER("tamalloc/lib-plain"),
	TOUCHER("tamalloc/syscall"),
	ALLOCATOR("glibc/malloc+memset"),
	ALLOCATOR("mmap/populate"),
	{"numa", "bound", "numa/node0", "pages are on node 0, whoever touches them", BLOCK,
	 ON_NODE_0, false, placed},
	{"numa", "interleaved", "numa/interleave", "half of the pages are on each node", BLOCK,
	 ON_BOTH, false, placed},
};

REGISTER_SCENARIO(numa)
