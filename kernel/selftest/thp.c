// SPDX-License-Identifier: GPL-2.0-only
/*
 * Transparent huge pages set to "always": neither a fault nor khugepaged nor
 * MADV_COLLAPSE may put zeros where the fill belongs, or commit more than was
 * touched.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include "kselftest_harness.h"
#include "tam_test.h"

#define THP	"/sys/kernel/mm/transparent_hugepage/"

static const char *huge_pages_always(void)
{
	char path[512];
	struct dirent *entry;
	DIR *dir;

	if (knob_set(THP "enabled", "always"))
		return "no huge pages (CONFIG_TRANSPARENT_HUGEPAGE, root)";
	knob_set(THP "defrag", "always");
	knob_set(THP "use_zero_page", "1");
	knob_set(THP "khugepaged/defrag", "1");
	knob_set(THP "khugepaged/max_ptes_none", "511");
	knob_set(THP "khugepaged/pages_to_scan", "100000");
	knob_set(THP "khugepaged/scan_sleep_millisecs", "10");
	knob_set(THP "khugepaged/alloc_sleep_millisecs", "10");
	/* The smaller sizes too (mTHP). */
	dir = opendir(THP);
	while (dir && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, "hugepages-", 10))
			continue;
		snprintf(path, sizeof(path), THP "%.64s/enabled", entry->d_name);
		knob_set(path, "always");
	}
	if (dir)
		closedir(dir);
	return NULL;
}

/* Room for two whole huge pages, wherever the mapping begins. */
#define REGION_PAGES	1536
#define REGION_PREPARE	huge_pages_always
#include "region.h"

static unsigned char *huge_aligned(const void *p)
{
	return (unsigned char *)(((uintptr_t)p + HUGE - 1) & ~(HUGE - 1));
}

TEST_F(region, first_write_in_a_huge_page_commits_4_kb)
{
	unsigned char *p = huge_aligned(self->p);

	p[5] = OTHER;
	p[HUGE - 1] = OTHER;
	EXPECT_EQ(8, region_kb(self));
	EXPECT_EQ(0, smaps_kb(getpid(), self->p, self->len, "AnonHugePages:"));
	EXPECT_FILL(p, 5, self->fill);
	EXPECT_FILL(p + 6, HUGE - 7, self->fill);
	EXPECT_EQ(OTHER, p[5]);
	EXPECT_EQ(OTHER, p[HUGE - 1]);
}

TEST_F(region, first_read_in_a_huge_page_sees_the_fill)
{
	unsigned char *p = huge_aligned(self->p);

	EXPECT_FILL(p, 1, self->fill);
	EXPECT_EQ(self->fill ? 4 : 0, region_kb(self));
	EXPECT_FILL(p, HUGE, self->fill);
	p[HUGE / 2] = OTHER;
	EXPECT_FILL(p, HUGE / 2, self->fill);
	EXPECT_FILL(p + HUGE / 2 + 1, HUGE / 2 - 1, self->fill);
}

TEST_F(region, madvise_hugepage_changes_nothing)
{
	unsigned char *p = huge_aligned(self->p);

	madvise(self->p, self->len, MADV_HUGEPAGE);
	p[0] = OTHER;
	EXPECT_EQ(4, region_kb(self));
	EXPECT_FILL(p + 1, HUGE - 1, self->fill);
	madvise(self->p, self->len, MADV_NOHUGEPAGE);
	EXPECT_FILL(p + 1, HUGE - 1, self->fill);
}

TEST_F(region, madv_collapse_is_refused)
{
	unsigned char *p = huge_aligned(self->p);

	/* Every second page of the first, nothing but one page of the second. */
	write_pages(p, HUGE / self->page, 2, OTHER);
	EXPECT_EQ(-1, madvise(p, HUGE, MADV_COLLAPSE));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ((long)HUGE / 2048, region_kb(self));
	EXPECT_EQ(0, smaps_kb(getpid(), self->p, self->len, "AnonHugePages:"));
	for (size_t i = 0; i < HUGE; i += self->page) {
		bool written = i / self->page % 2 == 0;

		ASSERT_EQ(written ? OTHER : self->fill, p[i]);
		ASSERT_EQ(self->page - 1, first_bad(p + i + 1, self->page - 1, self->fill));
	}
}

TEST_F(region, madv_collapse_of_a_full_huge_page_is_refused)
{
	unsigned char *p = huge_aligned(self->p);

	memset(p, OTHER, HUGE);
	EXPECT_EQ(-1, madvise(p, HUGE, MADV_COLLAPSE));
	EXPECT_FILL(p, HUGE, OTHER);
}

/* Proof that the test above would bite: plain memory does collapse here. */
TEST_F(region, madv_collapse_works_on_plain_memory)
{
	unsigned char *plain = mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned char *p = huge_aligned(plain);

	ASSERT_NE(MAP_FAILED, plain);
	madvise(plain, 2 * HUGE, MADV_NOHUGEPAGE);
	p[0] = OTHER;
	madvise(plain, 2 * HUGE, MADV_HUGEPAGE);
	EXPECT_EQ(0, madvise(p, HUGE, MADV_COLLAPSE));
	EXPECT_EQ((long)HUGE / 1024, smaps_kb(getpid(), p, HUGE, "AnonHugePages:"));
}

/*
 * Plain memory in which khugepaged takes the huge page at the address returned:
 * one page in 16 is touched. khugepaged only looks at a process that has some.
 */
static unsigned char *khugepaged_bait(void)
{
	unsigned char *plain = mmap(NULL, 3 * HUGE, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (plain == MAP_FAILED)
		exit(1);
	madvise(plain, 3 * HUGE, MADV_NOHUGEPAGE);
	write_pages(huge_aligned(plain), HUGE / page_bytes(), 16, OTHER);
	madvise(plain, 3 * HUGE, MADV_HUGEPAGE);
	return huge_aligned(plain);
}

/* Waits until khugepaged has gone over everything twice more; false if it does not. */
static bool khugepaged_twice(void)
{
	const char *path = THP "khugepaged/full_scans";
	long before = read_long(path);

	for (int i = 0; i < 12000; i++) {
		if (read_long(path) >= before + 3)
			return true;
		usleep(10000);
	}
	return false;
}

TEST_F_TIMEOUT(region, khugepaged_keeps_out, LIMIT_LONG)
{
	unsigned char *bait = khugepaged_bait(), *p = huge_aligned(self->p);

	write_pages(p, HUGE / self->page, 16, OTHER);
	madvise(self->p, self->len, MADV_HUGEPAGE);
	ASSERT_TRUE(khugepaged_twice());
	EXPECT_EQ((long)HUGE / 1024, smaps_kb(getpid(), bait, HUGE, "AnonHugePages:")) {
		TH_LOG("khugepaged did not even take the plain memory");
	}
	EXPECT_EQ((long)(HUGE / 16 / 1024), region_kb(self));
	EXPECT_EQ(0, smaps_kb(getpid(), self->p, self->len, "AnonHugePages:"));
	for (size_t i = 0; i < HUGE; i += self->page) {
		bool written = i / self->page % 16 == 0;

		ASSERT_EQ(written ? OTHER : self->fill, p[i]);
		ASSERT_EQ(self->page - 1, first_bad(p + i + 1, self->page - 1, self->fill));
	}
}

/* mremap and fork must not make such a mapping eligible. */
TEST_F_TIMEOUT(region, khugepaged_keeps_out_of_a_moved_mapping, LIMIT_LONG)
{
	unsigned char *bait = khugepaged_bait(), *space, *p;

	space = mmap(NULL, 3 * HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, space);
	p = huge_aligned(space);
	madvise(self->p, self->len, MADV_HUGEPAGE);
	ASSERT_EQ(p, mremap(self->p, HUGE, HUGE, MREMAP_MAYMOVE | MREMAP_FIXED, p));
	p[0] = OTHER;
	ASSERT_TRUE(khugepaged_twice());
	EXPECT_EQ((long)HUGE / 1024, smaps_kb(getpid(), bait, HUGE, "AnonHugePages:"));
	EXPECT_EQ(4, smaps_kb(getpid(), p, HUGE, "Anonymous:"));
	EXPECT_FILL(p + 1, HUGE - 1, self->fill);
}

TEST_HARNESS_MAIN
