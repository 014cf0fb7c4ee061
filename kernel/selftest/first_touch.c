// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nothing is resident at allocation; with TAMALLOC_SINGLE each page is made,
 * filled, on its own first access and on no other's. Counted, never timed. What
 * is made without that flag is tested in fault_ahead.
 */
#include <errno.h>
#include <linux/perf_event.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "kselftest_harness.h"

#define REGION_PAGES	(100 * MB / 4096)
#define REGION_FLAGS	TAMALLOC_SINGLE
#include "region.h"

#define REGION_TOTAL_KB	((long)(self->len / 1024))

static int perf_faults_open(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_PAGE_FAULTS,
		.disabled = 1,
	};

	return syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

/* What the whole process holds, in KB. */
struct held {
	long rss;
	long anon;
	long page_tables;
};

static void held_now(struct held *held)
{
	held->rss = file_kb("/proc/self/smaps_rollup", "Rss:");
	held->anon = file_kb("/proc/self/smaps_rollup", "Anonymous:");
	held->page_tables = file_kb("/proc/self/status", "VmPTE:");
}

/* What a stretch of code cost: page faults by rusage and by perf, and KB of the region. */
struct cost {
	int perf_fd;
	long faults;
	__u64 perf_faults;	/* as faults, where the kernel has perf events */
};

static void cost_begin(struct cost *cost)
{
	cost->perf_fd = perf_faults_open();
	make_own_pages_resident();
	if (cost->perf_fd >= 0)
		ioctl(cost->perf_fd, PERF_EVENT_IOC_ENABLE, 0);
	cost->faults = page_faults();
}

static void cost_end(struct cost *cost)
{
	cost->faults = page_faults() - cost->faults;
	cost->perf_faults = cost->faults;
	if (cost->perf_fd < 0)
		return;
	ioctl(cost->perf_fd, PERF_EVENT_IOC_DISABLE, 0);
	if (read(cost->perf_fd, &cost->perf_faults, sizeof(cost->perf_faults)) !=
	    sizeof(cost->perf_faults))
		cost->perf_faults = ~0ULL;
	close(cost->perf_fd);
}

#define EXPECT_FAULTS(wanted, measured) do { \
	struct cost _cost = *(measured); \
	long _wanted = (wanted); \
	EXPECT_EQ(_wanted, _cost.faults); \
	EXPECT_EQ((__u64)_wanted, _cost.perf_faults); \
} while (0)

TEST_F_TIMEOUT(region, allocation_faults_0_times_and_commits_0_kb, LIMIT_SLOW)
{
	struct held before, after;
	struct cost cost;
	void *p[4];

	/* Once for nothing, so that what the calls themselves touch is there. */
	munmap(tamalloc(self->len, self->fill, 0), self->len);
	cost_begin(&cost);
	cost_end(&cost);
	held_now(&after);
	held_now(&before);
	cost_begin(&cost);
	for (int i = 0; i < 4; i++)
		p[i] = tamalloc(100 * MB, self->fill, 0);
	cost_end(&cost);
	EXPECT_FAULTS(0, &cost);
	held_now(&after);
	EXPECT_EQ(before.rss, after.rss);
	EXPECT_EQ(before.anon, after.anon);
	EXPECT_EQ(before.page_tables, after.page_tables);
	for (int i = 0; i < 4; i++) {
		ASSERT_NE(MAP_FAILED, p[i]);
		EXPECT_EQ(0, smaps_kb(getpid(), p[i], 100 * MB, "Rss:"));
		EXPECT_EQ(0, smaps_kb(getpid(), p[i], 100 * MB, "Anonymous:"));
	}
	EXPECT_LE(400 * 1024L, smaps_kb(getpid(), p[0], 100 * MB, "Size:"));
}

TEST_F_TIMEOUT(region, each_page_written_costs_1_fault_and_4_kb, LIMIT_LONG)
{
	struct held before, after;
	struct cost cost;

	write_pages(self->p, 1, 1, OTHER);
	cost_begin(&cost);
	cost_end(&cost);
	held_now(&before);
	held_now(&before);
	cost_begin(&cost);
	write_pages(self->p + self->page, self->pages - 1, 1, OTHER);
	cost_end(&cost);
	EXPECT_FAULTS(self->pages - 1, &cost);
	EXPECT_EQ(REGION_TOTAL_KB, region_kb(self));
	EXPECT_EQ(REGION_TOTAL_KB, smaps_kb(getpid(), self->p, self->len, "Rss:"));
	held_now(&after);
	EXPECT_EQ(before.anon + REGION_TOTAL_KB - 4, after.anon);

	/* Written again: nothing new. */
	cost_begin(&cost);
	write_pages(self->p, self->pages, 1, OTHER + 1);
	cost_end(&cost);
	EXPECT_FAULTS(0, &cost);
	for (size_t i = 0; i < self->pages; i++) {
		unsigned char *page = self->p + i * self->page;

		ASSERT_EQ(OTHER + 1, page[0]);
		ASSERT_EQ(self->page - 1, first_bad(page + 1, self->page - 1, self->fill));
	}

	/* All of it comes back. */
	held_now(&before);
	EXPECT_EQ(0, munmap(self->p, self->len));
	held_now(&after);
	EXPECT_EQ(before.rss - REGION_TOTAL_KB, after.rss);
	EXPECT_EQ(before.anon - REGION_TOTAL_KB, after.anon);
	EXPECT_EQ(0, vma_count(self->p, self->len));
}

/* A read makes a page of the process's own if it is filled; zeros are the shared zero page. */
TEST_F_TIMEOUT(region, each_page_read_costs_1_fault_and_holds_the_fill, LIMIT_LONG)
{
	struct cost cost;

	cost_begin(&cost);
	read_pages(self->p, self->pages, 1);
	cost_end(&cost);
	EXPECT_FAULTS(self->pages, &cost);
	EXPECT_EQ(self->fill ? REGION_TOTAL_KB : 0, region_kb(self));
	cost_begin(&cost);
	EXPECT_FILL(self->p, self->len, self->fill);
	cost_end(&cost);
	EXPECT_FAULTS(0, &cost);
	EXPECT_EQ(0, munmap(self->p, self->len));
}

TEST_F_TIMEOUT(region, sparse_access_commits_only_what_is_touched, LIMIT_SLOW)
{
	static const size_t steps[] = { 100, 64, 16, 4 };
	struct cost cost;

	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		size_t touched = (self->pages + steps[i] - 1) / steps[i];

		ASSERT_EQ(0, madvise(self->p, self->len, MADV_DONTNEED));
		cost_begin(&cost);
		write_pages(self->p, self->pages, steps[i], OTHER);
		cost_end(&cost);
		EXPECT_FAULTS(touched, &cost);
		EXPECT_EQ((long)touched * 4, region_kb(self));
	}
}

TEST_F_TIMEOUT(region, pages_touched_last_to_first_cost_the_same, LIMIT_SLOW)
{
	struct cost cost;

	cost_begin(&cost);
	for (size_t i = 2000; i-- > 0;)
		store_byte(self->p + i * self->page, OTHER);
	cost_end(&cost);
	EXPECT_FAULTS(2000, &cost);
	EXPECT_EQ(8000, region_kb(self));
}

TEST_F(region, first_access_of_any_kind_and_width_sees_the_fill)
{
	unsigned char *p = self->p;
	__u64 filled, last;

	memset(&filled, self->fill, sizeof(filled));
	/* An atomic addition as the first access of a page. */
	EXPECT_EQ(filled, __atomic_fetch_add((__u64 *)p, 1, __ATOMIC_SEQ_CST));
	EXPECT_EQ(filled + 1, *(__u64 *)p);
	EXPECT_FILL(p + 8, self->page - 8, self->fill);
	/* The last byte. */
	p += self->page;
	p[self->page - 1] = OTHER;
	EXPECT_FILL(p, self->page - 1, self->fill);
	/* Eight bytes across two untouched pages, read and written. */
	p += self->page;
	memcpy(&last, p + self->page - 4, sizeof(last));
	EXPECT_EQ(filled, last);
	p += 2 * self->page;
	memset(p + self->page - 4, OTHER, 8);
	EXPECT_FILL(p, self->page - 4, self->fill);
	EXPECT_FILL(p + self->page - 4, 8, OTHER);
	EXPECT_FILL(p + self->page + 4, self->page - 4, self->fill);
}

TEST_F(region, random_values_written_are_read_back_and_the_rest_is_fill)
{
	size_t len = MB;
	unsigned char *copy = malloc(len);
	unsigned int seed = 1;

	ASSERT_NE(NULL, copy);
	memset(copy, self->fill, len);
	for (int i = 0; i < 4000; i++) {
		size_t at = (size_t)rand_r(&seed) % len;

		copy[at] = rand_r(&seed);
		self->p[at] = copy[at];
	}
	EXPECT_EQ(0, memcmp(copy, self->p, len));
	free(copy);
}

TEST(all_256_fill_bytes)
{
	const size_t page = page_bytes();
	const char *reason = tam_unsupported();

	if (reason)
		SKIP(return, "%s", reason);
	for (unsigned int fill = 0; fill < 256; fill++) {
		unsigned char *p = tamalloc(4 * page, fill, 0);

		ASSERT_NE(MAP_FAILED, p);
		p[page] = ~fill;			/* page 1: written first */
		EXPECT_FILL(p, page, fill);		/* page 0: read first */
		EXPECT_EQ((unsigned char)~fill, p[page]);
		EXPECT_FILL(p + page + 1, 3 * page - 1, fill);
		memset(p, ~fill, 4 * page);
		EXPECT_FILL(p, 4 * page, (unsigned char)~fill);
		EXPECT_EQ(0, munmap(p, 4 * page));
	}
}

/* All of one size side by side at once: neighbours must not mix. */
TEST(all_256_fill_bytes_at_the_same_time)
{
	const size_t page = page_bytes();
	const char *reason = tam_unsupported();
	unsigned char *p[256];

	if (reason)
		SKIP(return, "%s", reason);
	for (int fill = 0; fill < 256; fill++) {
		p[fill] = tamalloc(2 * page, fill, 0);
		ASSERT_NE(MAP_FAILED, p[fill]);
	}
	for (int fill = 255; fill >= 0; fill--)
		EXPECT_FILL(p[fill], 2 * page, fill);
	for (int fill = 0; fill < 256; fill++)
		EXPECT_EQ(0, munmap(p[fill], 2 * page));
}

static sigjmp_buf escaped;

static void escape(int sig)
{
	siglongjmp(escaped, sig);
}

/* The signal that reading the byte raises, or 0. */
static int signal_of_read(const void *p)
{
	int sig;

	signal(SIGSEGV, escape);
	signal(SIGBUS, escape);
	sig = sigsetjmp(escaped, 1);
	if (!sig)
		load_byte(p);
	return sig;
}

TEST_F(region, access_after_munmap_is_sigsegv)
{
	EXPECT_EQ(0, signal_of_read(self->p));
	ASSERT_EQ(0, munmap(self->p, self->len));
	EXPECT_EQ(SIGSEGV, signal_of_read(self->p));
}

TEST_HARNESS_MAIN
