// SPDX-License-Identifier: MIT
/* The checks of tabench doctor that look at memory and at how it is set. */
#include <glob.h>
#include <string.h>

#include "backing.h"
#include "doctor_looks.h"
#include "system_files.h"

#define SELDOM_MS     600000		  /* khugepaged that wakes up this rarely meets no sample */
#define LITTLE_MEMORY ((uint64_t)1 << 30) /* default blocks are of 256 MiB, some held twice */

void doctor_look_balloon(struct doctor_finding *f)
{
	if (backing_is_taken_back())
		doctor_say(
			f, DOCTOR_COLOURS,
			"whoever touches a huge page next may wait for a fault in the host, which "
			"costs many times what the page does",
			"none for samples: a run touches that memory before each, but with --cold; "
			"for other programs a guest without free page reporting",
			"the hypervisor takes back free blocks of huge pages' size");
	else
		OK(f, "free memory stays this machine's");
}

void doctor_look_memory(struct doctor_finding *f)
{
	uint64_t available = system_meminfo_bytes("MemAvailable");
	uint64_t total = system_meminfo_bytes("MemTotal");

	if (!total)
		doctor_say(f, DOCTOR_UNKNOWN, "what fits cannot be told", "mount /proc",
			   "not said");
	else if (available < LITTLE_MEMORY)
		doctor_say(f, DOCTOR_COLOURS,
			   "cells that do not fit are unsupported; reclaim disturbs",
			   "end what holds the memory, or give smaller blocks (--size)",
			   "%lu of %lu MiB available", MiB(available), MiB(total));
	else
		OK(f, "%lu of %lu MiB available", MiB(available), MiB(total));
}

void doctor_look_thp(struct doctor_finding *f)
{
	char enabled[32], defrag[32] = "not said", at[SYSTEM_PATH_CHARS], text[64];
	unsigned always = 0;
	glob_t sizes;

	if (!system_choice(THP "enabled", enabled, sizeof(enabled))) {
		OK(f, "none in this kernel");
		return;
	}
	system_choice(THP "defrag", defrag, sizeof(defrag));
	if (!glob(system_path(THP "hugepages-*/enabled", at), 0, NULL, &sizes)) {
		for (size_t i = 0; i < sizes.gl_pathc; i++) {
			const char *path = sizes.gl_pathv[i] + strlen(system_path("", at));

			always +=
				system_choice(path, text, sizeof(text)) && !strcmp(text, "always");
		}
		globfree(&sizes);
	}
	if (!strcmp(enabled, "always") || always)
		doctor_say(f, DOCTOR_COLOURS,
			   "plain mappings get huge pages: mmap is measured as mmap/thp or "
			   "mmap/mthp is",
			   "echo madvise >" THP "enabled, never into those of the sizes",
			   "%s, %u sizes always, defrag %s", enabled, always, defrag);
	else if (!strcmp(enabled, "never"))
		doctor_say(f, DOCTOR_COLOURS, "no huge pages: mmap/thp is unsupported",
			   "echo madvise >" THP "enabled", "never");
	else if (!strcmp(defrag, "always"))
		doctor_say(f, DOCTOR_COLOURS, "a fault may wait for memory to be compacted",
			   "echo madvise >" THP "defrag", "%s, defrag always", enabled);
	else
		OK(f, "%s, defrag %s", enabled, defrag);
}

void doctor_look_khugepaged(struct doctor_finding *f)
{
	char enabled[32];
	uint64_t sleep_ms;

	if (!system_choice(THP "enabled", enabled, sizeof(enabled)) || !strcmp(enabled, "never"))
		OK(f, "does not run");
	else if (!system_number(THP "khugepaged/scan_sleep_millisecs", &sleep_ms))
		doctor_say(f, DOCTOR_UNKNOWN, "how often it looks for pages to join cannot be told",
			   "echo never >" THP "enabled stops it", "not said");
	else if (sleep_ms < SELDOM_MS)
		doctor_say(f, DOCTOR_COLOURS,
			   "it joins small pages into huge ones while samples run",
			   "echo 4000000 >" THP "khugepaged/scan_sleep_millisecs",
			   "looks every %lu s", sleep_ms / 1000);
	else
		OK(f, "looks every %lu s", sleep_ms / 1000);
}

void doctor_look_numa_balancing(struct doctor_finding *f)
{
	unsigned nodes = doctor_count_list("/sys/devices/system/node/online");
	uint64_t on;

	if (!system_number("/proc/sys/kernel/numa_balancing", &on) || !on)
		OK(f, "off");
	else if (nodes > 1)
		doctor_say(f, DOCTOR_SPOILS,
			   "it unmaps pages to see who uses them: page faults that no subject made",
			   "sysctl kernel.numa_balancing=0", "on, %u nodes", nodes);
	else
		OK(f, "on, but there is one node");
}

void doctor_look_ksm(struct doctor_finding *f)
{
	uint64_t run;

	if (!system_number(KSM, &run) || run != 1)
		OK(f, "off");
	else
		doctor_say(f, DOCTOR_COLOURS, "it looks for equal pages, and fills are equal pages",
			   "echo 0 >" KSM, "on");
}

void doctor_look_compaction(struct doctor_finding *f)
{
	uint64_t value;

	if (!system_number("/proc/sys/vm/compaction_proactiveness", &value) || !value)
		OK(f, "only on demand");
	else
		doctor_say(f, DOCTOR_COLOURS,
			   "pages are moved in the background, and faults wait for them",
			   "sysctl vm.compaction_proactiveness=0", "proactive (%lu)", value);
}

void doctor_look_swap(struct doctor_finding *f)
{
	uint64_t total = system_meminfo_bytes("SwapTotal"), swappiness = 60;
	uint64_t used = total - system_meminfo_bytes("SwapFree");

	system_number("/proc/sys/vm/swappiness", &swappiness);
	if (!total)
		OK(f, "none");
	else if (!swappiness)
		OK(f, "%lu MiB, swappiness 0", MiB(total));
	else
		doctor_say(f, DOCTOR_COLOURS, "pages that a sample needs may be on the disk",
			   "swapoff -a, or sysctl vm.swappiness=0",
			   "%lu MiB, %lu used, swappiness %lu", MiB(total), MiB(used), swappiness);
}

void doctor_look_overcommit(struct doctor_finding *f)
{
	uint64_t mode;

	if (!system_number("/proc/sys/vm/overcommit_memory", &mode))
		doctor_say(f, DOCTOR_UNKNOWN, "what may be reserved cannot be told", "mount /proc",
			   "not said");
	else if (mode == 2)
		doctor_say(f, DOCTOR_COLOURS,
			   "what is reserved is charged, NORESERVE or not: large lazy cells are "
			   "refused",
			   "sysctl vm.overcommit_memory=0", "mode 2, never");
	else if (mode == 1)
		doctor_say(f, DOCTOR_COLOURS,
			   "nothing is refused: who asks for too much is killed later",
			   "sysctl vm.overcommit_memory=0", "mode 1, always");
	else
		OK(f, "mode 0, heuristic");
}
