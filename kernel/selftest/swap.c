// SPDX-License-Identifier: GPL-2.0-only
/* Pages swapped out and in again, on a compressed RAM disk of our own. */
#include <stdio.h>
#include <stdlib.h>
#include "kselftest_harness.h"
#include "tam_test.h"

static const char *swap_on(void)
{
	return zram_swap_on(32 * MB);
}

#define REGION_PAGES	64
#define REGION_PREPARE	swap_on
#define REGION_CLEANUP	zram_swap_off
#include "region.h"

#define AT(n)		(self->p + (n) * self->page)

#define TOTAL_KB	((long)(self->len / 1024))
#define SWAP_KB		smaps_kb(getpid(), self->p, self->len, "Swap:")

/*
 * Pages that this CPU just made wait in its batch and are not yet on the LRU;
 * drop_caches drains them, and some pages need a second round.
 */
static long page_out(unsigned char *p, size_t len)
{
	for (int i = 0; i < 50; i++) {
		write_text("/proc/sys/vm/drop_caches", "1");
		madvise(p, len, MADV_PAGEOUT);
		if (smaps_kb(getpid(), p, len, "Swap:") >= (long)(len / 1024))
			break;
		usleep(10000);
	}
	return smaps_kb(getpid(), p, len, "Swap:");
}

TEST_F(region, written_pages_come_back_from_swap)
{
	for (size_t i = 0; i < self->pages; i++)
		memset(AT(i), 1 + i, self->page / 2);
	EXPECT_EQ(TOTAL_KB, page_out(self->p, self->len));
	EXPECT_EQ(0, region_kb(self));
	for (size_t i = 0; i < self->pages; i++) {
		EXPECT_FILL(AT(i), self->page / 2, 1 + i);
		EXPECT_FILL(AT(i) + self->page / 2, self->page / 2, self->fill);
	}
}

/* Filled by a read, never written: the fill must survive reclaim too. */
TEST_F(region, read_pages_hold_the_fill_after_reclaim)
{
	read_pages(self->p, self->pages, 1);
	EXPECT_EQ(self->fill ? TOTAL_KB : 0, page_out(self->p, self->fill ? self->len : 0));
	madvise(self->p, self->len, MADV_PAGEOUT);
	EXPECT_FILL(self->p, self->len, self->fill);
}

TEST_F(region, untouched_pages_beside_swapped_ones_are_fill)
{
	write_pages(self->p, self->pages, 4, OTHER);
	for (size_t i = 0; i < self->pages; i += 4)
		page_out(AT(i), self->page);
	EXPECT_EQ(TOTAL_KB / 4, SWAP_KB);
	for (size_t i = 0; i < self->pages; i++) {
		EXPECT_EQ(i % 4 ? self->fill : OTHER, AT(i)[0]);
		EXPECT_FILL(AT(i) + 1, self->page - 1, self->fill);
	}
}

TEST_F(region, swapped_pages_survive_fork_both_ways)
{
	pid_t child;

	memset(self->p, OTHER, self->len);
	EXPECT_EQ(TOTAL_KB, page_out(self->p, self->len));
	child = fork();
	if (!child) {
		EXPECT_FILL(self->p, self->len, OTHER);
		memset(self->p, 1, self->len);
		_exit(0);
	}
	EXPECT_EQ(0, wait_status(child));
	EXPECT_FILL(self->p, self->len, OTHER);
}

TEST_F(region, swapped_pages_move_with_mremap)
{
	unsigned char *p;

	memset(self->p, OTHER, self->len);
	EXPECT_EQ(TOTAL_KB, page_out(self->p, self->len));
	p = mremap(self->p, self->len, 8 * self->len, MREMAP_MAYMOVE);
	ASSERT_NE(MAP_FAILED, p);
	EXPECT_FILL(p, self->len, OTHER);
	EXPECT_FILL(p + self->len, 7 * self->len, self->fill);
}

TEST_F(region, dontneed_of_swapped_pages_is_fill)
{
	memset(self->p, OTHER, self->len);
	EXPECT_EQ(TOTAL_KB, page_out(self->p, self->len));
	ASSERT_EQ(0, madvise(self->p, self->len, MADV_DONTNEED));
	EXPECT_EQ(0, SWAP_KB);
	EXPECT_FILL(self->p, self->len, self->fill);
}

TEST_F(region, lazily_freed_and_reclaimed_pages_are_fill)
{
	memset(self->p, OTHER, self->len);
	write_text("/proc/sys/vm/drop_caches", "1");
	ASSERT_EQ(0, madvise(self->p, self->len, MADV_FREE));
	for (int i = 0; i < 50 && region_kb(self); i++) {
		madvise(self->p, self->len, MADV_PAGEOUT);
		usleep(10000);
	}
	EXPECT_EQ(0, region_kb(self));
	EXPECT_EQ(0, SWAP_KB);
	EXPECT_FILL(self->p, self->len, self->fill);
}

TEST_F(region, willneed_and_populate_bring_them_back)
{
	memset(self->p, OTHER, self->len / 2);
	EXPECT_EQ(TOTAL_KB / 2, page_out(self->p, self->len / 2));
	ASSERT_EQ(0, madvise(self->p, self->len, MADV_WILLNEED));
	ASSERT_EQ(0, madvise(self->p, self->len, MADV_POPULATE_WRITE));
	EXPECT_EQ(TOTAL_KB, region_kb(self));
	EXPECT_FILL(self->p, self->len / 2, OTHER);
	EXPECT_FILL(self->p + self->len / 2, self->len / 2, self->fill);
}

TEST_F(region, swapoff_brings_every_byte_back)
{
	memset(self->p, OTHER, self->len);
	EXPECT_EQ(TOTAL_KB, page_out(self->p, self->len));
	zram_swap_off();
	EXPECT_EQ(0, SWAP_KB);
	EXPECT_EQ(TOTAL_KB, region_kb(self));
	EXPECT_FILL(self->p, self->len, OTHER);
}

TEST_HARNESS_MAIN
