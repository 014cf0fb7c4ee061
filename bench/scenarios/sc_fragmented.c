// SPDX-License-Identifier: MIT
/*
 * Memory of which each second page is taken: there are no huge pages, but every small one. Needs a
 * machine that may be filled: the virtual one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "scenario.h"
#include "settings.h"
#include "system_files.h"

#define MIB	     ((size_t)1 << 20)
#define PAGE	     ((size_t)4096)
#define HUGE	     (2 * MIB)
#define BLOCK	     (32 * MIB)
#define LEFT_AT_MOST (512 * MIB)
#define THP	     "/sys/kernel/mm/transparent_hugepage/"

static unsigned char *map(size_t bytes, int advice)
{
	unsigned char *addr = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (addr == MAP_FAILED)
		return NULL;
	madvise(addr, bytes, advice);
	return addr;
}

/* Huge pages that are left, until there are none. */
static bool take_huge(void)
{
	unsigned char *area = map(2 * LEFT_AT_MOST, MADV_HUGEPAGE);

	if (!area)
		return false;
	area = (unsigned char *)(((uintptr_t)area + HUGE - 1) & ~(uintptr_t)(HUGE - 1));
	for (size_t at = 0; at < LEFT_AT_MOST; at += HUGE) {
		uint64_t before = scenario_smaps_bytes(area, LEFT_AT_MOST, "AnonHugePages");

		area[at] = 1;
		if (scenario_smaps_bytes(area, LEFT_AT_MOST, "AnonHugePages") == before)
			return true;
	}
	return false;
}

/*
 * Takes all memory but twice what the kernel keeps for itself in small pages, gives each second one
 * back, and takes what huge pages were left. It is held until the process ends. False where it
 * cannot.
 */
static bool fragment(void)
{
	size_t all = system_meminfo_bytes("MemFree"), taken = 0;
	unsigned char *area = map(all, MADV_NOHUGEPAGE);
	uint64_t kept_kib;

	if (!area || !system_number("/proc/sys/vm/min_free_kbytes", &kept_kib))
		return false;
	while (taken < all && system_meminfo_bytes("MemFree") > 2 * kept_kib * 1024) {
		scenario_write(area + taken, MIB, 1, 1);
		taken += MIB;
	}
	for (size_t at = 0; at < taken; at += 2 * PAGE)
		if (madvise(area + at, PAGE, MADV_DONTNEED))
			return false;
	return take_huge();
}

struct finding {
	int error;
	uint64_t huge_bytes;
	size_t wrong;
};

static int take_and_look(const struct scenario_case *c, struct scenario_result *r,
			 struct finding *finding)
{
	struct block block;

	finding->error = scenario_take(c, r, BLOCK, &block);
	if (finding->error)
		return finding->error;
	scenario_write(block.addr, BLOCK, 1, 7);
	finding->huge_bytes = scenario_smaps_bytes(block.addr, BLOCK, "AnonHugePages");
	finding->wrong = scenario_wrong(block.addr, BLOCK, 1, 7);
	return 0;
}

struct play {
	const struct scenario_case *c;
	struct scenario_result *r;
};

/* Before, in a process whose memory is gone afterwards. */
static int while_whole(int fd, void *arg)
{
	const struct play *play = arg;
	struct finding whole;

	(void)fd;
	if (take_and_look(play->c, play->r, &whole) == 0)
		scenario_metric(play->r, "huge_before_bytes", (double)whole.huge_bytes);
	return 0;
}

static void fragmented(const struct scenario_case *c, struct scenario_result *r)
{
	struct play play = {c, r};
	struct member member;
	struct finding finding;

	if (settings_begin(SETTINGS_SCENARIO))
		return;
	prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
	if (settings_set(THP "enabled", "madvise") || settings_set(THP "defrag", "never") ||
	    settings_set("/proc/sys/vm/compaction_proactiveness", "0")) {
		scenario_unsupported(r, "huge pages cannot be set here");
		return;
	}
	member_start(&member, while_whole, &play);
	member_end(&member);
	if (r->state != SCENARIO_HELD)
		return;
	if (!fragment()) {
		scenario_unsupported(r, "memory cannot be fragmented here: %s", strerror(errno));
		return;
	}
	take_and_look(c, r, &finding);
	if (finding.error) {
		scenario_broken(r, "no block: %s", strerror(-finding.error));
		return;
	}
	scenario_metric(r, "huge_bytes", (double)finding.huge_bytes);
	scenario_observed(r,
			  "each second page of the machine taken: %zu MiB touched, %.1f MiB of it "
			  "in huge pages (before: %.1f)",
			  BLOCK / MIB, (double)finding.huge_bytes / MIB,
			  r->n_metrics ? r->metrics[0].value / (double)MIB : 0);
	if (finding.wrong)
		scenario_broken(r, "%zu pages are wrong", finding.wrong);
	else if (finding.huge_bytes > BLOCK / 8)
		scenario_broken(r,
				"it still got %llu bytes in huge pages: memory is not fragmented",
				(unsigned long long)finding.huge_bytes);
	else if (c->value && r->metrics[0].value < (double)BLOCK / 2)
		scenario_broken(r, "it had no huge pages before either");
	settings_end();
}

#define HUGE_BEFORE(way)                                                                           \
	{                                                                                          \
		"fragmented", "no-huge-pages", way,                                                \
			"huge pages where there are some, small ones where there are none; every " \
			"byte is right",                                                           \
			BLOCK, 1, true, fragmented                                                 \
	}
#define SMALL(way)                                                                                 \
	{                                                                                          \
		"fragmented", "no-huge-pages", way, "it gets its memory, and every byte is right", \
			BLOCK, 0, true, fragmented                                                 \
	}

static const struct scenario_case fragmented_cases[] = {
	HUGE_BEFORE("mmap/thp"),     SMALL("mmap"),
	SMALL("tamalloc/lib-plain"), SMALL("tamalloc/syscall-4k"),
	SMALL("tamalloc/syscall"),
};

REGISTER_SCENARIO(fragmented_cases)
