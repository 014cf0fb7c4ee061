// SPDX-License-Identifier: MIT
/* fork(2): written pages are shared until somebody writes again, untouched ones are the fill in
 * both. */
#include <string.h>
#include <unistd.h>

#include "scenario.h"

#define MIB	  ((size_t)1 << 20)
#define BLOCK	  (32 * MIB)
#define PAGE	  ((size_t)sysconf(_SC_PAGESIZE))
#define STRIDE	  4
#define TOUCHED	  (BLOCK / PAGE / STRIDE)
#define ALLOWANCE 64 /* pages of stack and data that the child writes */
#define PARENTS	  7
#define CHILDS	  9

/* Shared with the child, which says what it found. */
struct view {
	struct block block;
	struct scenario_result *r;
};

static int child(int fd, void *arg)
{
	const struct view *view = arg;
	struct scenario_result *r = view->r;
	uint64_t before, own, faults;
	size_t wrong;

	(void)fd;
	own = scenario_smaps_bytes(view->block.addr, BLOCK, "Private_Dirty");
	before = scenario_faults();
	scenario_write(view->block.addr, BLOCK, STRIDE, CHILDS);
	faults = scenario_faults() - before;
	scenario_metric(r, "child_private_before_bytes", (double)own);
	scenario_metric(r, "child_faults", (double)faults);
	scenario_metric(r, "child_private_after_bytes",
			(double)scenario_smaps_bytes(view->block.addr, BLOCK, "Private_Dirty"));
	scenario_observed(r,
			  "%zu pages written before the fork; of them private to the child %.1f "
			  "MiB at first; writing them cost it %llu faults",
			  (size_t)TOUCHED, (double)own / MIB, (unsigned long long)faults);
	wrong = scenario_wrong(view->block.addr, BLOCK, STRIDE, CHILDS);
	if (wrong)
		scenario_broken(r, "%zu pages are wrong in the child", wrong);
	else if (own > ALLOWANCE * PAGE)
		scenario_broken(r, "%llu bytes were copied by the fork itself",
				(unsigned long long)own);
	else if (faults < TOUCHED || faults > TOUCHED + ALLOWANCE)
		scenario_broken(r, "writing %zu shared pages cost %llu faults", (size_t)TOUCHED,
				(unsigned long long)faults);
	return 0;
}

static void copy_on_write(const struct scenario_case *c, struct scenario_result *r)
{
	struct view view = {.r = r};
	struct member member;
	size_t wrong;
	int error = scenario_take(c, r, BLOCK, &view.block);

	if (error == -ENOTSUP)
		return;
	if (error) {
		scenario_broken(r, "no block: %s", strerror(-error));
		return;
	}
	scenario_write(view.block.addr, BLOCK, STRIDE, PARENTS);
	member_start(&member, child, &view);
	if (member_end(&member))
		scenario_broken(r, "the child did not come to its end");
	wrong = scenario_wrong(view.block.addr, BLOCK, STRIDE, PARENTS);
	if (wrong)
		scenario_broken(r, "%zu pages of the parent changed when the child wrote", wrong);
}

#define FORKS(way)                                                                               \
	{                                                                                        \
		"fork-cow", "child-writes", way,                                                 \
			"the fork copies no page; each that the child writes is one fault; the " \
			"parent's stay",                                                         \
			BLOCK, 0, false, copy_on_write                                           \
	}

static const struct scenario_case fork_cow[] = {
	FORKS("mmap"),
	FORKS("mmap/populate"),
	FORKS("glibc/calloc"),
	FORKS("glibc/malloc+memset"),
	FORKS("tamalloc/lib-plain"),
	FORKS("tamalloc/syscall-4k"),
	FORKS("tamalloc/syscall"),
};

REGISTER_SCENARIO(fork_cow)
