// SPDX-License-Identifier: GPL-2.0-only
/* madvise(2): pages dropped, populated ahead, freed lazily. */
#include <stdio.h>
#include "kselftest_harness.h"
#include "region.h"

#define AT(n)		(self->p + (n) * self->page)
#define TOTAL_KB	((long)(self->len / 1024))

TEST_F(region, dontneed_frees_the_pages_and_refaults_fill)
{
	memset(self->p, OTHER, self->len);
	ASSERT_EQ(0, madvise(AT(4), 8 * self->page, MADV_DONTNEED));
	EXPECT_EQ(TOTAL_KB / 2, region_kb(self));
	EXPECT_FILL(AT(0), 4 * self->page, OTHER);
	EXPECT_FILL(AT(4), 8 * self->page, self->fill);
	EXPECT_FILL(AT(12), 4 * self->page, OTHER);
	AT(5)[9] = OTHER;
	EXPECT_FILL(AT(5), 9, self->fill);
	EXPECT_FILL(AT(5) + 10, self->page - 10, self->fill);
}

TEST_F(region, dontneed_of_read_pages_refaults_fill)
{
	for (int round = 0; round < 3; round++) {
		EXPECT_FILL(self->p, self->len, self->fill);
		ASSERT_EQ(0, madvise(self->p, self->len, MADV_DONTNEED));
		EXPECT_EQ(0, smaps_kb(getpid(), self->p, self->len, "Rss:"));
	}
}

TEST_F(region, dontneed_of_untouched_pages_changes_nothing)
{
	ASSERT_EQ(0, madvise(self->p, self->len, MADV_DONTNEED));
	EXPECT_EQ(0, region_kb(self));
	EXPECT_FILL(self->p, self->len, self->fill);
}

/* Until it is reclaimed a freed page keeps its data; afterwards it is fill. Never anything else. */
TEST_F(region, free_leaves_each_page_old_or_fill)
{
	memset(self->p, OTHER, self->len);
	ASSERT_EQ(0, madvise(self->p, self->len, MADV_FREE));
	AT(3)[0] = 1;		/* cancels it for this page */
	madvise(self->p, self->len, MADV_PAGEOUT);
	for (size_t i = 0; i < self->pages; i++) {
		unsigned char held = AT(i)[self->page - 1];

		EXPECT_TRUE(held == OTHER || held == self->fill);
		EXPECT_FILL(AT(i) + 1, self->page - 1, held);
	}
	EXPECT_EQ(1, AT(3)[0]);
	EXPECT_FILL(AT(3) + 1, self->page - 1, AT(3)[1]);
}

TEST_F(region, free_of_read_pages_is_still_fill)
{
	read_pages(self->p, self->pages, 1);
	ASSERT_EQ(0, madvise(self->p, self->len, MADV_FREE));
	madvise(self->p, self->len, MADV_PAGEOUT);
	EXPECT_FILL(self->p, self->len, self->fill);
}

TEST_F(region, populate_write_makes_every_page_at_once)
{
	long faults;

	ASSERT_EQ(0, madvise(self->p, self->len, MADV_POPULATE_WRITE));
	EXPECT_EQ(TOTAL_KB, region_kb(self));
	faults = page_faults();
	for (size_t i = 0; i < self->pages; i++)
		AT(i)[i] = OTHER;
	EXPECT_EQ(faults, page_faults());
	for (size_t i = 0; i < self->pages; i++) {
		EXPECT_FILL(AT(i), i, self->fill);
		EXPECT_FILL(AT(i) + i + 1, self->page - i - 1, self->fill);
	}
}

TEST_F(region, populate_read_maps_every_page_at_once)
{
	long faults;

	ASSERT_EQ(0, madvise(self->p, self->len, MADV_POPULATE_READ));
	EXPECT_EQ(self->fill ? TOTAL_KB : 0, region_kb(self));
	faults = page_faults();
	read_pages(self->p, self->pages, 1);
	EXPECT_EQ(faults, page_faults());
	EXPECT_FILL(self->p, self->len, self->fill);
	/* And writable from there. */
	memset(AT(2), OTHER, self->page);
	EXPECT_FILL(AT(0), 2 * self->page, self->fill);
	EXPECT_FILL(AT(2), self->page, OTHER);
	EXPECT_FILL(AT(3), 13 * self->page, self->fill);
}

TEST_F(region, populate_keeps_what_was_written)
{
	memset(AT(5), OTHER, self->page);
	ASSERT_EQ(0, madvise(self->p, self->len, MADV_POPULATE_READ));
	ASSERT_EQ(0, madvise(self->p, self->len, MADV_POPULATE_WRITE));
	EXPECT_FILL(AT(0), 5 * self->page, self->fill);
	EXPECT_FILL(AT(5), self->page, OTHER);
	EXPECT_FILL(AT(6), 10 * self->page, self->fill);
}

TEST_F(region, populate_of_a_read_only_mapping)
{
	ASSERT_EQ(0, mprotect(self->p, self->len, PROT_READ));
	ASSERT_EQ(0, madvise(self->p, self->len, MADV_POPULATE_READ));
	EXPECT_FILL(self->p, self->len, self->fill);
	EXPECT_EQ(-1, madvise(self->p, self->len, MADV_POPULATE_WRITE));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(region, advice_about_use_touches_nothing)
{
	static const int advice[] = {
		MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED, MADV_COLD, MADV_PAGEOUT,
		MADV_DODUMP,
	};

	for (size_t i = 0; i < ARRAY_LEN(advice); i++) {
		EXPECT_EQ(0, madvise(self->p, self->len, advice[i])) {
			TH_LOG("advice %d: %s", advice[i], strerror(errno));
		}
		EXPECT_EQ(0, region_kb(self));
	}
	EXPECT_FILL(self->p, self->len, self->fill);
}

TEST_F(region, remove_is_refused_as_for_all_anonymous_memory)
{
	memset(self->p, OTHER, self->len);
	EXPECT_EQ(-1, madvise(self->p, self->len, MADV_REMOVE));
	EXPECT_FILL(self->p, self->len, OTHER);
}

TEST_HARNESS_MAIN
