// SPDX-License-Identifier: GPL-2.0-only
/*
 * Asked for against used: reserve 500 MB, touch 150 MB, and look at what the
 * process has reserved and committed before and after. KTAP, with the figures
 * as a table in its diagnostic lines.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include "kselftest.h"
#include "tam_test.h"

#define RESERVE_KB 512000L
#define TOUCH_KB   153600L
/* What the measuring itself may commit. */
#define SLACK_KB 16L

struct figures {
	struct tamstat stat;
	long reserved_kb;  /* VmSize */
	long committed_kb; /* Anonymous in smaps_rollup */
	long resident_kb;  /* VmRSS: files and shared memory too */
	long peak_kb;
	long swap_kb;
};

static void measure(struct figures *f)
{
	if (tamstat(0, 0, &f->stat, 1, sizeof(f->stat)) != 1)
		f->stat = (struct tamstat){.flags = ~0U};
	f->reserved_kb = file_kb("/proc/self/status", "VmSize:");
	f->resident_kb = file_kb("/proc/self/status", "VmRSS:");
	f->peak_kb = file_kb("/proc/self/status", "VmHWM:");
	f->swap_kb = file_kb("/proc/self/status", "VmSwap:");
	f->committed_kb = file_kb("/proc/self/smaps_rollup", "Anonymous:");
}

static bool stat_equals_proc(const struct figures *f)
{
	return !f->stat.flags && f->stat.reserved_bytes == f->reserved_kb * 1024ULL &&
	       f->stat.committed_bytes == f->resident_kb * 1024ULL &&
	       f->stat.peak_committed_bytes == f->peak_kb * 1024ULL &&
	       f->stat.swap_bytes == f->swap_kb * 1024ULL;
}

static void row(const char *what, const struct figures *f)
{
	ksft_print_msg("%-22s %12ld %13ld %9ld %17llu %18llu\n", what, f->reserved_kb,
		       f->committed_kb, f->resident_kb,
		       (unsigned long long)f->stat.reserved_bytes / 1024,
		       (unsigned long long)f->stat.committed_bytes / 1024);
}

int main(void)
{
	const char *reason = tam_unsupported();
	struct figures before, reserved, touched;
	long reserved_kb, committed_kb, faults;
	void *p;

	/* Before anything is measured: no stdio buffer is made in between. */
	setvbuf(stdout, NULL, _IONBF, 0);
	ksft_print_header();
	if (reason)
		ksft_exit_skip("%s\n", reason);
	ksft_set_plan(7);

	make_own_pages_resident();
	/* The first measurement commits what measuring needs. */
	measure(&before);
	measure(&reserved);
	measure(&touched);
	measure(&before);

	faults = page_faults();
	p = tamalloc(RESERVE_KB * 1024, 0, 0);
	faults = page_faults() - faults;
	if (p == MAP_FAILED)
		ksft_exit_fail_perror("tamalloc");
	ksft_test_result_pass("500 MB are reserved\n");
	measure(&reserved);
	write_pages(p, TOUCH_KB * 1024 / page_bytes(), 1, 1);
	measure(&touched);

	ksft_print_msg("%23s%s%s\n", "", "reserved KB  committed KB  VmRSS KB  tamstat reserved  ",
		       "tamstat committed");
	row("before", &before);
	row("500 MB reserved", &reserved);
	row("150 MB of it touched", &touched);

	reserved_kb = touched.reserved_kb - before.reserved_kb;
	committed_kb = touched.committed_kb - before.committed_kb;
	ksft_print_msg("reserved +%ld KB, committed +%ld KB: %ld.%02ld %% of the area\n",
		       reserved_kb, committed_kb, committed_kb * 100 / reserved_kb,
		       committed_kb * 10000 / reserved_kb % 100);

	ksft_test_result(faults == 0, "no page fault at allocation\n");
	ksft_test_result(reserved.committed_kb - before.committed_kb <= SLACK_KB,
			 "nothing is committed at allocation\n");
	ksft_test_result(reserved_kb == RESERVE_KB, "reserved: exactly 512000 KB more\n");
	ksft_test_result(committed_kb >= TOUCH_KB && committed_kb <= TOUCH_KB + SLACK_KB,
			 "committed: 153600 KB more, and at most 16 for the measuring\n");
	ksft_test_result(committed_kb * 100 / reserved_kb == 30,
			 "30 %% of the area is committed\n");
	ksft_test_result(stat_equals_proc(&before) && stat_equals_proc(&reserved) &&
			 stat_equals_proc(&touched),
			 "the totals of the process are those of /proc\n");
	ksft_finished();
}
