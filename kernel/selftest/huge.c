// SPDX-License-Identifier: GPL-2.0-only
/*
 * Huge pages, where there is evidence for them: what they commit when a program uses
 * little of what it gets, and that their pages are pages like others. Where no huge page
 * can be had, these tests find none and say so.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "kselftest_harness.h"

#define REGION_PAGES	(128 * MB / 4096)
#define REGION_CLEANUP	zram_swap_off
#include "region.h"

#define HUGE_PAGES	(HUGE / 4096)
#define BLOCKS		(REGION_PAGES / HUGE_PAGES)
#define BLOCK(n)	(self->p + (n) * HUGE)

static long committed_pages(const struct _test_data_region *self)
{
	return region_kb(self) * 1024 / self->page;
}

static long huge_kb(const struct _test_data_region *self)
{
	return smaps_kb(getpid(), self->p, self->len, "AnonHugePages:");
}

static void touch_blocks(const struct _test_data_region *self, size_t first, size_t count)
{
	write_pages(BLOCK(first), count * HUGE_PAGES, 1, OTHER);
}

/* Touches densely until a block is a huge page; its number, or 0. */
static size_t touch_until_huge(const struct _test_data_region *self)
{
	long before = huge_kb(self);

	for (size_t n = 0; n < 16; n++) {
		store_byte(BLOCK(n), OTHER);
		if (huge_kb(self) > before)
			return n;
		touch_blocks(self, n, 1);
	}
	return 0;
}

#define SKIP_UNLESS_HUGE(block) do { \
	if (!(block)) \
		SKIP(return, "this kernel made no huge page of 32 MB"); \
} while (0)

TEST_F_TIMEOUT(region, dense_use_gets_huge_pages_and_few_faults, LIMIT_LONG)
{
	long faults = page_faults(), huge;

	if ((uintptr_t)self->p % HUGE)
		SKIP(return, "the region is not aligned");
	touch_blocks(self, 0, BLOCKS);
	faults = page_faults() - faults;
	huge = huge_kb(self);
	TH_LOG("%ld faults for %zu pages, %ld MB in huge pages", faults, self->pages, huge / 1024);
	EXPECT_EQ((long)self->pages, committed_pages(self));
	if (file_kb("/proc/vmstat", "tamalloc_ahead ") >= 0)
		EXPECT_GE((long)self->pages * 4 / 1000, faults);
	EXPECT_FILL(self->p + 1, self->page - 1, self->fill);
	EXPECT_FILL(BLOCK(BLOCKS - 1) + 1, self->page - 1, self->fill);
	EXPECT_FILL(BLOCK(BLOCKS / 2 + 1) + self->page + 1, self->page - 1, self->fill);
}

/*
 * One access makes a huge page young; were its pages young when it is split, that would
 * be evidence for the next, and so on.
 */
TEST_F_TIMEOUT(region, a_huge_page_that_is_split_is_no_evidence, LIMIT_LONG)
{
	size_t n = touch_until_huge(self);
	long committed = committed_pages(self);

	SKIP_UNLESS_HUGE(n);
	ASSERT_EQ(0, mprotect(BLOCK(n) + 5 * self->page, self->page, PROT_READ));
	ASSERT_EQ(0, mprotect(BLOCK(n) + 5 * self->page, self->page, PROT_READ | PROT_WRITE));
	EXPECT_EQ(0, huge_kb(self));
	store_byte(BLOCK(n + 1), OTHER);
	EXPECT_EQ(committed + 1, committed_pages(self));
}

/* A page of each block behind a dense run. */
TEST_F_TIMEOUT(region, a_run_that_ends_leaves_few_huge_blocks_behind, LIMIT_LONG)
{
	size_t n = touch_until_huge(self);
	long committed;

	SKIP_UNLESS_HUGE(n);
	committed = committed_pages(self);
	for (size_t i = n + 1; i < BLOCKS; i++)
		store_byte(BLOCK(i), OTHER);
	committed = committed_pages(self) - committed;
	TH_LOG("%ld pages for one page of each of %zu blocks", committed, BLOCKS - n - 1);
	EXPECT_GE((long)(BLOCKS - n - 1 + HUGE_PAGES), committed);
}

/*
 * Islands of whole blocks, then one page of each block on both sides for as long as that
 * makes huge ones: all that can be had for nothing.
 */
TEST_F_TIMEOUT(region, islands_of_blocks_commit_at_most_3_pages_in_vain_for_one, LIMIT_LONG)
{
	const size_t most = getenv("TAM_SHORT") ? 5 : 9;
	long worst = 0, worst_size = 0;

	for (size_t size = 3; size <= most; size++) {
		const size_t first = BLOCKS / 2 - size / 2;
		long touched = 0, committed;

		ASSERT_EQ(0, munmap(self->p, self->len));
		self->p = tamalloc(self->len, self->fill, 0);
		ASSERT_NE(MAP_FAILED, self->p);
		touch_blocks(self, first, size);
		touched = size * HUGE_PAGES;
		for (size_t i = 0; i < 6; i++) {
			store_byte(BLOCK(first + size + i), OTHER);
			store_byte(BLOCK(first - i) - 1, OTHER);
			touched += 2;
		}
		committed = committed_pages(self);
		EXPECT_GT(4 * touched, committed)
		{
			TH_LOG("islands of %zu blocks: %ld of %ld", size, committed, touched);
		}
		if (committed * 100 / touched > worst) {
			worst = committed * 100 / touched;
			worst_size = size;
		}
	}
	TH_LOG("the worst island is of %ld blocks: %ld.%02ld", worst_size, worst / 100,
	       worst % 100);
}

/* Uses every second block, and of the others a page: as much as the rule gives for ever. */
TEST_F_TIMEOUT(region, one_that_uses_only_what_is_looked_at_commits_less_than_4_times, LIMIT_LONG)
{
	size_t n = touch_until_huge(self);
	long touched = n * HUGE_PAGES + 1, committed;

	SKIP_UNLESS_HUGE(n);
	while (++n < BLOCKS) {
		long before = huge_kb(self);

		store_byte(BLOCK(n), OTHER);
		touched++;
		if (huge_kb(self) > before)
			continue;
		touch_blocks(self, n, 1);
		touched += HUGE_PAGES - 1;
	}
	committed = committed_pages(self);
	TH_LOG("%ld pages touched, %ld committed: %ld.%02ld", touched, committed,
	       committed / touched, committed * 100 / touched % 100);
	EXPECT_GT(4 * touched, committed);
}

/* Parts of a huge page dropped, unmapped, moved and copied. */
TEST_F_TIMEOUT(region, parts_of_huge_pages_are_pages_like_others, LIMIT_LONG)
{
	size_t n = touch_until_huge(self);
	unsigned char *p, *moved;
	pid_t child;

	SKIP_UNLESS_HUGE(n);
	p = BLOCK(n);
	EXPECT_EQ(OTHER, p[0]);
	EXPECT_FILL(p + 1, HUGE - 1, self->fill);
	for (size_t i = 0; i < HUGE_PAGES; i++)
		memset(p + i * self->page, 1 + i % 251, self->page / 2);
	child = fork();
	if (!child) {
		for (size_t i = 0; i < HUGE_PAGES; i += 3)
			memset(p + i * self->page, OTHER, self->page);
		for (size_t i = 0; i < HUGE_PAGES; i++)
			EXPECT_FILL(p + i * self->page, self->page / 2,
				    i % 3 ? 1 + i % 251 : OTHER);
		_exit(0);
	}
	EXPECT_EQ(0, wait_status(child));
	ASSERT_EQ(0, madvise(p + 7 * self->page, 3 * self->page, MADV_DONTNEED));
	EXPECT_FILL(p + 7 * self->page, 3 * self->page, self->fill);
	moved = mremap(p + 50 * self->page, 101 * self->page, 101 * self->page,
		       MREMAP_MAYMOVE | MREMAP_FIXED, BLOCK(BLOCKS - 2) + self->page);
	ASSERT_NE(MAP_FAILED, moved);
	for (size_t i = 10; i < HUGE_PAGES; i++) {
		unsigned char *page = p + i * self->page;

		if (i >= 50 && i < 151)
			page = moved + (i - 50) * self->page;
		EXPECT_FILL(page, self->page / 2, 1 + i % 251);
		EXPECT_FILL(page + self->page / 2, self->page / 2, self->fill);
	}
	/* Dropped as a whole: first touch begins anew. */
	ASSERT_EQ(0, munmap(p, HUGE));
}

TEST_F_TIMEOUT(region, a_huge_block_that_is_dropped_is_untouched_again, LIMIT_LONG)
{
	size_t n = touch_until_huge(self);
	long committed;

	SKIP_UNLESS_HUGE(n);
	memset(BLOCK(n), OTHER, HUGE);
	ASSERT_EQ(0, madvise(BLOCK(n), HUGE, MADV_DONTNEED));
	committed = committed_pages(self);
	EXPECT_EQ((long)(n * HUGE_PAGES), committed);
	store_byte(BLOCK(n) + 77 * self->page, OTHER);
	EXPECT_EQ(committed + 1, committed_pages(self));
	EXPECT_FILL(BLOCK(n), 77 * self->page, self->fill);
	EXPECT_FILL(BLOCK(n) + 78 * self->page, HUGE - 78 * self->page, self->fill);
}

/* As many blocks as are huge and as are mapped by PTEs go to swap and come back. */
TEST_F_TIMEOUT(region, huge_blocks_come_back_from_swap, LIMIT_LONG)
{
	const char *reason = zram_swap_on(64 * MB);
	size_t n = touch_until_huge(self), pages;
	long swapped = 0;

	if (reason)
		SKIP(return, "%s", reason);
	SKIP_UNLESS_HUGE(n);
	pages = 2 * HUGE_PAGES;
	for (size_t i = 0; i < pages; i++)
		memset(BLOCK(n) + i * self->page, 1 + i % 251, self->page / 2);
	for (int i = 0; i < 50 && swapped < (long)pages * 4; i++) {
		write_text("/proc/sys/vm/drop_caches", "1");
		madvise(BLOCK(n), pages * self->page, MADV_PAGEOUT);
		swapped = smaps_kb(getpid(), self->p, self->len, "Swap:");
	}
	EXPECT_EQ((long)pages * 4, swapped);
	for (size_t i = 0; i < pages; i++) {
		unsigned char *page = BLOCK(n) + i * self->page;

		ASSERT_EQ(self->page / 2, first_bad(page, self->page / 2, 1 + i % 251));
		page += self->page / 2;
		ASSERT_EQ(self->page / 2, first_bad(page, self->page / 2, self->fill));
	}
}

static struct {
	unsigned char *p;
	size_t pages, page;
	unsigned char fill;
	unsigned int bad;
} shared;

/* Each thread its own byte of every page, some ahead of the others. */
static void *write_own_bytes(void *arg)
{
	const size_t mine = (size_t)arg;

	for (size_t n = 0; n < shared.pages; n++) {
		unsigned char *page = shared.p + (n ^ mine) * shared.page;

		if (load_byte(page + 100) != shared.fill)
			__atomic_fetch_add(&shared.bad, 1, __ATOMIC_RELAXED);
		store_byte(page + mine, 1 + mine);
	}
	return NULL;
}

TEST_F_TIMEOUT(region, threads_make_blocks_together, LIMIT_LONG)
{
	for (int round = repeat(10); round--;) {
		pthread_t threads[4];

		shared.pages = 10 * HUGE_PAGES;
		shared.p = tamalloc(shared.pages * self->page, self->fill, 0);
		shared.page = self->page;
		shared.fill = self->fill;
		ASSERT_NE(MAP_FAILED, shared.p);
		for (size_t i = 0; i < ARRAY_LEN(threads); i++)
			ASSERT_EQ(0, pthread_create(&threads[i], NULL, write_own_bytes, (void *)i));
		for (size_t i = 0; i < ARRAY_LEN(threads); i++)
			pthread_join(threads[i], NULL);
		ASSERT_EQ(0, shared.bad);
		for (size_t n = 0; n < shared.pages; n++) {
			for (size_t i = 0; i < ARRAY_LEN(threads); i++)
				ASSERT_EQ(1 + i, shared.p[n * self->page + i]);
			ASSERT_EQ(self->fill, shared.p[n * self->page + 100]);
		}
		EXPECT_EQ((long)shared.pages * 4,
			  smaps_kb(getpid(), shared.p, shared.pages * self->page, "Anonymous:"));
		ASSERT_EQ(0, munmap(shared.p, shared.pages * self->page));
	}
}

TEST_HARNESS_MAIN
