// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel commits ahead of first touches: all of what is touched
 * densely, next to nothing elsewhere, and little even against programs that set
 * out to make it commit what they do not touch. Where a folio ends is read from
 * /proc/kpageflags, and which page would be evidence is found by experiment: no
 * constant of the kernel's is known here, but the bound that it documents.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kernel-page-flags.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "kselftest_harness.h"

#define REGION_PAGES	(128 * MB / 4096)
#define REGION_CLEANUP	zram_swap_off
#include "region.h"

#define HUGE_PAGES	(HUGE / 4096)
#define PFN_MASK	((1ULL << 55) - 1)

static long committed_pages(const struct _test_data_region *self)
{
	return region_kb(self) * 1024 / self->page;
}

static void touch(const struct _test_data_region *self, size_t page)
{
	store_byte(self->p + page * self->page, OTHER);
}

static void touch_run(const struct _test_data_region *self, size_t first, size_t count)
{
	write_pages(self->p + first * self->page, count, 1, OTHER);
}

/* committed per touched page, in units of 0.0001, rounded up */
static long ratio_x10000(long committed, long touched)
{
	return (committed * 10000 + touched - 1) / touched;
}

/* Prints the ratio and expects it to be at most limit (in units of 0.01). */
#define EXPECT_RATIO(what, committed, touched, limit_pct) do { \
	long _committed = (committed), _touched = (touched); \
	long _ratio = ratio_x10000(_committed, _touched); \
	TH_LOG("%s: %ld pages touched, %ld committed: %ld.%04ld", what, _touched, _committed, \
	       _ratio / 10000, _ratio % 10000); \
	EXPECT_LE(_touched, _committed); \
	EXPECT_GE((limit_pct) * 100L, _ratio); \
} while (0)

/* xorshift64*: the same on every machine */
static size_t pick(__u64 *rng, size_t below)
{
	*rng ^= *rng >> 12;
	*rng ^= *rng << 25;
	*rng ^= *rng >> 27;
	return (*rng * 0x2545f4914f6cdd1dULL >> 32) % below;
}

TEST_F_TIMEOUT(region, dense_runs_commit_what_is_touched, LIMIT_LONG)
{
	const size_t half = self->pages / 2, run = 8 * HUGE_PAGES;
	long faults[3];

	faults[0] = page_faults();
	touch_run(self, 0, run);
	faults[0] = page_faults() - faults[0];
	EXPECT_EQ((long)run, committed_pages(self));

	ASSERT_EQ(0, madvise(self->p, self->len, MADV_DONTNEED));
	faults[1] = page_faults();
	for (size_t i = run; i-- > 0;)
		touch(self, i);
	faults[1] = page_faults() - faults[1];
	EXPECT_EQ((long)run, committed_pages(self));

	/* Two streams, one up and one down, in turn. */
	ASSERT_EQ(0, madvise(self->p, self->len, MADV_DONTNEED));
	faults[2] = page_faults();
	for (size_t i = 0; i < run; i++) {
		touch(self, i);
		touch(self, half + run - 1 - i);
	}
	faults[2] = page_faults() - faults[2];
	EXPECT_EQ(2 * (long)run, committed_pages(self));
	TH_LOG("faults for %zu pages up %ld, down %ld; for two streams of as many %ld", run,
	       faults[0], faults[1], faults[2]);
	/* A kernel that counts what it makes ahead makes some. */
	if (file_kb("/proc/vmstat", "tamalloc_ahead ") >= 0) {
		EXPECT_GT((long)run / 8, faults[0]);
		EXPECT_GT((long)run / 8, faults[1]);
		EXPECT_GT((long)run / 4, faults[2]);
	}
	EXPECT_FILL(self->p + 1, self->page - 1, self->fill);
	EXPECT_FILL(self->p + (half + run - 1) * self->page + 1, self->page - 1, self->fill);
}

TEST_F_TIMEOUT(region, sparse_and_strided_access_commits_exactly_what_is_touched, LIMIT_LONG)
{
	static const size_t strides[] = { 2, 3, 4, 5, 7, 16, 17, 64, 100, 513 };

	for (size_t s = 0; s < ARRAY_LEN(strides); s++) {
		size_t pages = strides[s] < 16 ? self->pages / 16 : self->pages;
		long touched = (pages + strides[s] - 1) / strides[s];

		ASSERT_EQ(0, madvise(self->p, self->len, MADV_DONTNEED));
		write_pages(self->p, pages, strides[s], OTHER);
		EXPECT_EQ(touched, committed_pages(self))
		{
			TH_LOG("upwards, every %zu", strides[s]);
		}
		ASSERT_EQ(0, madvise(self->p, self->len, MADV_DONTNEED));
		for (long n = touched; n-- > 0;)
			touch(self, n * strides[s]);
		EXPECT_EQ(touched, committed_pages(self))
		{
			TH_LOG("downwards, every %zu", strides[s]);
		}
	}
}

/* 1 % and 10 % of the pages, in random order. */
TEST_F_TIMEOUT(region, randomly_chosen_pages_are_all_that_is_committed, LIMIT_LONG)
{
	static const size_t percent[] = { 1, 10 };
	__u64 rng = 1;

	for (size_t i = 0; i < ARRAY_LEN(percent); i++) {
		unsigned char *seen = calloc(self->pages, 1);
		size_t wanted = self->pages * percent[i] / 100;

		ASSERT_EQ(0, madvise(self->p, self->len, MADV_DONTNEED));
		for (size_t touched = 0; touched < wanted;) {
			size_t page = pick(&rng, self->pages);

			touch(self, page);
			touched += !seen[page];
			seen[page] = 1;
		}
		EXPECT_EQ((long)wanted, committed_pages(self));
		free(seen);
	}
}

/* 1 MB used of every 4, wherever in it. */
TEST_F_TIMEOUT(region, unaligned_chunks_commit_at_most_8_percent_more, LIMIT_SLOW)
{
	const size_t chunk = MB / self->page;
	__u64 rng = 2;
	long touched = 0;

	for (size_t i = 0; i + 4 * chunk <= self->pages; i += 4 * chunk) {
		touch_run(self, i + pick(&rng, 3 * chunk), chunk);
		touched += chunk;
	}
	EXPECT_RATIO("chunks of 1 MB", committed_pages(self), touched, 108);
}

/*
 * Adversaries
 */

/* How the pages around one lie in folios: fds of the kernel's views of it. */
struct view {
	int pagemap_fd;
	int flags_fd;
};

static bool view_open(struct view *view)
{
	view->pagemap_fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	view->flags_fd = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	return view->pagemap_fd >= 0 && view->flags_fd >= 0;
}

static __u64 view_entry(int fd, __u64 at)
{
	__u64 entry = 0;

	if (pread(fd, &entry, sizeof(entry), at * sizeof(entry)) != sizeof(entry))
		return 0;
	return entry;
}

/* The pages from this one to the end of its folio (up) or to its start, itself included. */
static size_t pages_to_edge(const struct view *view, const void *p, bool up)
{
	__u64 pfn = view_entry(view->pagemap_fd, (uintptr_t)p / page_bytes()) & PFN_MASK;
	size_t count = 1;

	if (up) {
		while (view_entry(view->flags_fd, pfn + count) & (1 << KPF_COMPOUND_TAIL))
			count++;
	} else {
		while (view_entry(view->flags_fd, pfn + 1 - count) & (1 << KPF_COMPOUND_TAIL))
			count++;
	}
	return count;
}

/* Touches one page of each folio, the first that it meets, and goes on behind the folio. */
TEST_F_TIMEOUT(region, touching_one_page_of_each_folio_commits_at_most_a_quarter_more, LIMIT_LONG)
{
	const size_t pages = self->pages / 8;
	struct view view;
	long touched = 0;

	ASSERT_TRUE(view_open(&view));
	if (!(view_entry(view.pagemap_fd, (uintptr_t)&view / self->page) & PFN_MASK))
		SKIP(return, "pagemap hides the frames (not root)");
	for (size_t i = 0; i < pages; touched++) {
		touch(self, i);
		i += pages_to_edge(&view, self->p + i * self->page, true);
	}
	EXPECT_RATIO("first page of each folio", committed_pages(self), touched, 125);

	ASSERT_EQ(0, madvise(self->p, self->len, MADV_DONTNEED));
	touched = 0;
	for (size_t i = pages; i > 0; touched++) {
		size_t down;

		touch(self, i - 1);
		down = pages_to_edge(&view, self->p + (i - 1) * self->page, false);
		i -= down < i ? down : i;
	}
	EXPECT_RATIO("last page of each folio", committed_pages(self), touched, 125);
}

/* Earns trust with 9 MB, then touches one page of every huge page. */
TEST_F_TIMEOUT(region, dense_then_sparse_commits_at_most_40_percent_more, LIMIT_SLOW)
{
	const size_t dense = 9 * MB / self->page;
	long touched = dense;

	touch_run(self, 0, dense);
	for (size_t i = (dense / HUGE_PAGES + 1) * HUGE_PAGES; i < self->pages; i += HUGE_PAGES) {
		touch(self, i);
		touched++;
	}
	EXPECT_RATIO("9 MB dense, then a page of every 2 MiB", committed_pages(self), touched, 140);
}

/*
 * Islands: as many pages densely as it takes, then one page beyond each end, which is
 * all that a rule about windows of touched pages can be made to give; the worst size
 * is searched for.
 */
TEST_F_TIMEOUT(region, islands_of_no_size_commit_more_than_the_bound, LIMIT_LONG)
{
	long worst = 0, worst_size = 0;

	for (size_t size = 1; size <= 256; size += size < 64 ? 1 : 16) {
		long touched = 0, ratio;

		ASSERT_EQ(0, madvise(self->p, self->len, MADV_DONTNEED));
		for (size_t at = HUGE_PAGES; at + size + 1 < self->pages / 4; at += HUGE_PAGES) {
			touch_run(self, at, size);
			touch(self, at + size);
			touch(self, at - 1);
			touched += size + 2;
		}
		EXPECT_GE(touched + FAULT_AHEAD_PAGES_MAX(touched), committed_pages(self))
		{
			TH_LOG("islands of %zu pages", size);
		}
		ratio = ratio_x10000(committed_pages(self), touched);
		if (ratio > worst) {
			worst = ratio;
			worst_size = size;
		}
	}
	TH_LOG("the worst islands are of %ld pages: %ld.%04ld", worst_size, worst / 10000,
	       worst % 10000);
}

/* Accessed pages of the region, by their page-table entries. */
static long referenced_pages(const struct _test_data_region *self)
{
	return smaps_kb(getpid(), self->p, self->len, "Referenced:") * 1024 / self->page;
}

/*
 * The one that knows: it finds out by a rehearsal, in the same place, which pages
 * the kernel leaves unaccessed to see whether they will be used (touching one
 * makes one more accessed page, touching another does not), gives everything
 * back, and then touches nothing but those and what faults.
 */
TEST_F_TIMEOUT(region, one_that_knows_the_evidence_commits_less_than_4_times, LIMIT_LONG)
{
	const size_t pages = repeat(4 * HUGE_PAGES);
	unsigned char *evidence = calloc(pages, 1);
	struct view view;
	size_t edge = 0;
	long touched = 0;

	ASSERT_NE(NULL, evidence);
	ASSERT_TRUE(view_open(&view));
	if (!(view_entry(view.pagemap_fd, (uintptr_t)evidence / self->page) & PFN_MASK))
		SKIP(return, "pagemap hides the frames (not root)");
	for (size_t i = 0; i < pages; i++) {
		long before = referenced_pages(self);

		touch(self, i);
		evidence[i] = referenced_pages(self) > before;
	}
	ASSERT_EQ(0, madvise(self->p, self->len, MADV_DONTNEED));
	for (size_t i = 0; i < pages; i++) {
		if (i < edge && !evidence[i])
			continue;
		touch(self, i);
		touched++;
		if (i >= edge)
			edge = i + pages_to_edge(&view, self->p + i * self->page, true);
	}
	EXPECT_RATIO("knowing the evidence", committed_pages(self), touched, 399);
	free(evidence);
}

/*
 * Surroundings
 */

/* What was committed in large folios goes to swap and comes back, whole or in parts. */
TEST_F_TIMEOUT(region, dense_runs_come_back_from_swap, LIMIT_LONG)
{
	const size_t pages = 2 * HUGE_PAGES;
	const char *reason = zram_swap_on(32 * MB);
	long swapped = 0;

	if (reason)
		SKIP(return, "%s", reason);
	for (size_t i = 0; i < pages; i++)
		memset(self->p + i * self->page, 1 + i % 251, self->page / 2);
	/* Pages just made wait in a batch of this CPU; drop_caches takes them out. */
	for (int i = 0; i < 50 && swapped < (long)pages * 4; i++) {
		write_text("/proc/sys/vm/drop_caches", "1");
		madvise(self->p, pages * self->page, MADV_PAGEOUT);
		swapped = smaps_kb(getpid(), self->p, self->len, "Swap:");
	}
	EXPECT_EQ((long)pages * 4, swapped);
	for (size_t i = 0; i < pages; i++) {
		unsigned char *page = self->p + i * self->page;

		ASSERT_EQ(self->page / 2, first_bad(page, self->page / 2, 1 + i % 251));
		page += self->page / 2;
		ASSERT_EQ(self->page / 2, first_bad(page, self->page / 2, self->fill));
	}
	/* The page behind them was never touched. */
	EXPECT_FILL(self->p + pages * self->page, self->page, self->fill);
}

/* Parts of folios dropped, moved, protected and copied: each page keeps its own contents. */
TEST_F_TIMEOUT(region, parts_of_folios_are_pages_like_others, LIMIT_SLOW)
{
	const size_t pages = HUGE_PAGES;
	unsigned char *p = self->p, *moved;
	pid_t child;

	for (size_t i = 0; i < pages; i++)
		memset(p + i * self->page, 1 + i % 251, self->page);
	child = fork();
	if (!child) {
		for (size_t i = 0; i < pages; i += 3)
			memset(p + i * self->page, OTHER, self->page);
		for (size_t i = 0; i < pages; i++)
			EXPECT_FILL(p + i * self->page, self->page, i % 3 ? 1 + i % 251 : OTHER);
		_exit(0);
	}
	EXPECT_EQ(0, wait_status(child));
	for (size_t i = 5; i < pages; i += 7)
		ASSERT_EQ(0, madvise(p + i * self->page, self->page, MADV_DONTNEED));
	ASSERT_EQ(0, mprotect(p + 33 * self->page, 3 * self->page, PROT_READ));
	moved = mremap(p + 50 * self->page, 101 * self->page, 101 * self->page,
		       MREMAP_MAYMOVE | MREMAP_FIXED, p + 2 * pages * self->page + self->page);
	ASSERT_NE(MAP_FAILED, moved);
	for (size_t i = 0; i < pages; i++) {
		unsigned char *page = p + i * self->page;

		if (i >= 50 && i < 151)
			page = moved + (i - 50) * self->page;
		EXPECT_FILL(page, self->page, i % 7 == 5 ? self->fill : 1 + i % 251);
	}
}

TEST_HARNESS_MAIN
