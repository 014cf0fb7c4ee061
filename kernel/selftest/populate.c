// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a program asks for at once, with mlock() or MADV_POPULATE_WRITE, comes in few
 * faults, all of it and no page more.
 */
#include <stdio.h>
#include <stdlib.h>
#include "kselftest_harness.h"

#define REGION_PAGES	2048
#define REGION_CLEANUP	munlock_all
#define AT(n)		(self->p + (n) * self->page)

static void munlock_all(void);

#include "region.h"

#ifndef MADV_POPULATE_WRITE	/* not in old headers */
#define MADV_POPULATE_WRITE	23
#endif

static void munlock_all(void)
{
	munlockall();
}

static long committed_pages(const struct _test_data_region *self)
{
	return region_kb(self) * 1024 / self->page;
}

/* A kernel that counts what it makes ahead makes folios of several pages. */
static bool makes_large_folios(void)
{
	return file_kb("/proc/vmstat", "tamalloc_ahead ") >= 0;
}

TEST_F(region, mlock_of_all_takes_few_faults)
{
	long faults = page_faults();

	ASSERT_EQ(0, mlock(self->p, self->len));
	faults = page_faults() - faults;
	TH_LOG("%ld faults for %zu pages", faults, self->pages);
	EXPECT_EQ((long)self->pages, committed_pages(self));
	if (makes_large_folios())
		EXPECT_GT((long)self->pages / 32, faults);
	faults = page_faults();
	EXPECT_FILL(self->p, self->len, self->fill);
	write_pages(self->p, self->pages, 1, OTHER);
	EXPECT_EQ(faults, page_faults());
}

TEST_F(region, populate_write_of_all_takes_few_faults)
{
	long faults = page_faults();

	ASSERT_EQ(0, madvise(self->p, self->len, MADV_POPULATE_WRITE));
	faults = page_faults() - faults;
	TH_LOG("%ld faults for %zu pages", faults, self->pages);
	EXPECT_EQ((long)self->pages, committed_pages(self));
	if (makes_large_folios())
		EXPECT_GT((long)self->pages / 32, faults);
	faults = page_faults();
	EXPECT_FILL(self->p, self->len, self->fill);
	EXPECT_EQ(faults, page_faults());
}

/* Whatever the range, its pages are made and no other. */
TEST_F_TIMEOUT(region, populate_write_of_a_part_makes_that_part, LIMIT_SLOW)
{
	static const struct {
		size_t first, count;
	} parts[] = {
		{ 0, 1 }, { 1, 1 }, { 0, 3 }, { 3, 5 }, { 4, 4 }, { 5, 64 }, { 16, 17 }, { 31, 33 },
		{ 63, 65 }, { 100, 513 }, { 511, 514 }, { 512, 512 }, { 513, 1023 }, { 1, 2046 },
	};

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		ASSERT_EQ(0, madvise(self->p, self->len, MADV_DONTNEED));
		ASSERT_EQ(0, madvise(AT(parts[i].first), parts[i].count * self->page,
				     MADV_POPULATE_WRITE));
		EXPECT_EQ((long)parts[i].count, committed_pages(self))
		{
			TH_LOG("%zu pages from page %zu", parts[i].count, parts[i].first);
		}
		for (size_t n = 0; n < self->pages; n++) {
			bool in = n >= parts[i].first && n < parts[i].first + parts[i].count;

			ASSERT_EQ(in, !!(pagemap_entry(AT(n)) & PM_PRESENT));
		}
	}
}

TEST_F(region, populate_write_keeps_what_is_there)
{
	for (size_t n = 7; n < self->pages; n += 97)
		memset(AT(n), OTHER, self->page);
	ASSERT_EQ(0, madvise(self->p, self->len, MADV_POPULATE_WRITE));
	EXPECT_EQ((long)self->pages, committed_pages(self));
	for (size_t n = 0; n < self->pages; n++)
		ASSERT_EQ(self->page,
			  first_bad(AT(n), self->page, n % 97 == 7 ? OTHER : self->fill));
}

/* Reads came first: where they got the zero page, that goes. */
TEST_F(region, populate_write_after_reads)
{
	long read = 0;

	read_pages(self->p, self->pages, 3);
	for (size_t n = 0; n < self->pages; n += 3)
		read += n < 100 || n >= 1100;
	ASSERT_EQ(0, madvise(AT(100), 1000 * self->page, MADV_POPULATE_WRITE));
	for (size_t n = 100; n < 1100; n++)
		store_byte(AT(n), OTHER);
	EXPECT_EQ(self->fill ? 1000 + read : 1000, committed_pages(self));
	for (size_t n = 0; n < self->pages; n++) {
		unsigned char first = n >= 100 && n < 1100 ? OTHER : self->fill;

		ASSERT_EQ(first, *AT(n));
		ASSERT_EQ(self->page - 1, first_bad(AT(n) + 1, self->page - 1, self->fill));
	}
}

/* What was populated is evidence, as if it had been touched; what is near a part is not made. */
TEST_F(region, pages_beside_a_populated_part_stay_untouched)
{
	ASSERT_EQ(0, mlock(AT(600), 100 * self->page));
	EXPECT_EQ(100, committed_pages(self));
	*AT(2000) = OTHER;
	EXPECT_EQ(101, committed_pages(self));
}

/* Locked pages dropped and touched again, and memory that is locked in the middle of use. */
TEST_F(region, locked_pages_hold_their_contents_whatever_was_there_before)
{
	write_pages(self->p, self->pages, 5, OTHER);
	ASSERT_EQ(0, mlock(self->p, self->len));
	EXPECT_EQ((long)self->pages, committed_pages(self));
	for (size_t n = 0; n < self->pages; n++) {
		ASSERT_EQ(n % 5 ? self->fill : OTHER, *AT(n));
		ASSERT_EQ(self->page - 1, first_bad(AT(n) + 1, self->page - 1, self->fill));
	}
	ASSERT_EQ(0, munlock(self->p, self->len));
	EXPECT_EQ(0, smaps_kb(getpid(), self->p, self->len, "Locked:"));
	ASSERT_EQ(0, munmap(AT(1), (self->pages - 2) * self->page));
	EXPECT_EQ(OTHER, *AT(0));
}

/* With a page at a time, nothing changes but the time it takes. */
TEST_F(region, single_pages_are_populated_one_by_one)
{
	unsigned char *p = tamalloc(self->len, self->fill, TAMALLOC_SINGLE);
	long faults;

	ASSERT_NE(MAP_FAILED, p);
	faults = page_faults();
	ASSERT_EQ(0, madvise(p, self->len, MADV_POPULATE_WRITE));
	EXPECT_LE((long)self->pages, page_faults() - faults);
	EXPECT_EQ((long)self->len / 1024, smaps_kb(getpid(), p, self->len, "Anonymous:"));
	EXPECT_FILL(p, self->len, self->fill);
}

TEST_HARNESS_MAIN
