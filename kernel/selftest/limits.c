// SPDX-License-Identifier: GPL-2.0-only
/* How much one fault makes, limited for all by sysfs and for a mapping by the call. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include "kselftest_harness.h"
#include "tam_test.h"

#define KNOBS		"/sys/kernel/mm/tamalloc/"
#define AHEAD		KNOBS "ahead_max_kb"
#define ZERO		KNOBS "zero_around_max_kb"
#define REGION_PAGES	4096

static const char *knobs_there(void)
{
	return read_long(AHEAD) < 0 ? "no " AHEAD : NULL;
}

#define REGION_PREPARE	knobs_there
#include "region.h"

/* The faults that writing all of [p, p + pages) takes. */
static long faults_of_writing(unsigned char *p, size_t pages)
{
	long faults = page_faults();

	write_pages(p, pages, 1, OTHER);
	return page_faults() - faults;
}

static long faults_of_reading(unsigned char *p, size_t pages)
{
	long faults = page_faults();

	read_pages(p, pages, 1);
	return page_faults() - faults;
}

TEST_F(region, the_largest_folio_is_that_of_sysfs)
{
	static const struct {
		const char *kb;
		long pages;
	} sizes[] = { { "4", 1 }, { "16", 4 }, { "64", 16 }, { "1024", 256 }, { "2048", 512 } };
	long before = 0, faults;

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		ASSERT_EQ(0, knob_set(AHEAD, sizes[i].kb));
		EXPECT_EQ(atol(sizes[i].kb), read_long(AHEAD));
		ASSERT_EQ(0, madvise(self->p, self->len, MADV_DONTNEED));
		faults = faults_of_writing(self->p, self->pages);
		TH_LOG("%s KiB: %ld faults for %zu pages", sizes[i].kb, faults, self->pages);
		EXPECT_LE((long)self->pages / sizes[i].pages, faults);
		if (i)
			EXPECT_GT(before, faults);
		before = faults;
		EXPECT_EQ((long)self->len / 1024, region_kb(self));
		EXPECT_FILL(self->p + 1, self->page - 1, self->fill);
	}
}

/* What is asked for is no exception. */
TEST_F(region, the_largest_folio_that_is_populated_is_that_of_sysfs)
{
	long faults;

	ASSERT_EQ(0, knob_set(AHEAD, "64"));
	faults = page_faults();
	ASSERT_EQ(0, madvise(self->p, self->len, MADV_POPULATE_WRITE));
	EXPECT_LE((long)self->pages / 16, page_faults() - faults);
	EXPECT_EQ(0, smaps_kb(getpid(), self->p, self->len, "AnonHugePages:"));
	EXPECT_EQ((long)self->len / 1024, region_kb(self));
	EXPECT_FILL(self->p, self->len, self->fill);
}

TEST_F(region, the_zero_page_is_mapped_around_as_far_as_sysfs_says)
{
	if (self->fill)
		SKIP(return, "with this fill, a read makes the page");
	ASSERT_EQ(0, knob_set(ZERO, "0"));
	EXPECT_EQ((long)self->pages, faults_of_reading(self->p, self->pages));
	ASSERT_EQ(0, madvise(self->p, self->len, MADV_DONTNEED));
	ASSERT_EQ(0, knob_set(ZERO, "32"));
	EXPECT_LE((long)self->pages / 9, faults_of_reading(self->p, self->pages));
	EXPECT_EQ(0, region_kb(self));
}

TEST_F(region, values_that_mean_nothing_are_refused)
{
	static const char *const ahead[] = { "x", "-1", "0", "1", "8", "63", "96", "4096" };
	static const char *const zero[] = { "x", "-1", "1", "6", "2052", "4096" };
	long was = read_long(AHEAD);

	for (size_t i = 0; i < ARRAY_LEN(ahead); i++) {
		EXPECT_EQ(-1, write_text(AHEAD, ahead[i]))
		{
			TH_LOG("ahead_max_kb took '%s'", ahead[i]);
		}
		EXPECT_EQ(was, read_long(AHEAD));
	}
	was = read_long(ZERO);
	for (size_t i = 0; i < ARRAY_LEN(zero); i++) {
		EXPECT_EQ(-1, write_text(ZERO, zero[i]))
		{
			TH_LOG("zero_around_max_kb took '%s'", zero[i]);
		}
		EXPECT_EQ(was, read_long(ZERO));
	}
}

TEST_F(region, the_largest_folio_of_a_mapping_is_that_of_the_call)
{
	unsigned char *small = tamalloc(self->len, self->fill, TAMALLOC_MAX_64KB);
	unsigned char *large = tamalloc(self->len, self->fill, TAMALLOC_MAX_2MB);
	long faults;

	ASSERT_NE(MAP_FAILED, small);
	ASSERT_NE(MAP_FAILED, large);
	EXPECT_EQ(64, smaps_kb(getpid(), small, 4096, "AheadMax:"));
	EXPECT_EQ(2048, smaps_kb(getpid(), large, 4096, "AheadMax:"));
	EXPECT_NE(NULL, strstr(vm_flags_of(small), " ta "));
	EXPECT_EQ(NULL, strstr(vm_flags_of(small), "??"));
	faults = faults_of_writing(small, self->pages);
	EXPECT_LE((long)self->pages / 16, faults);
	EXPECT_GT((long)self->pages / 8, faults);
	EXPECT_GT(faults, faults_of_writing(large, self->pages));
	EXPECT_FILL(small + 1, self->page - 1, self->fill);

	/* It holds for each part. */
	ASSERT_EQ(0, mprotect(small + self->page, self->page, PROT_READ));
	EXPECT_EQ(64, smaps_kb(getpid(), small + self->page, 1, "AheadMax:"));
	/* The smaller of the two limits counts. */
	ASSERT_EQ(0, knob_set(AHEAD, "4"));
	ASSERT_EQ(0, madvise(large, self->len, MADV_DONTNEED));
	EXPECT_LE((long)self->pages, faults_of_writing(large, self->pages));
}

TEST(limits_that_mean_nothing_are_refused)
{
	static const unsigned int log2_bytes[] = { 1, 11, 12, 13, 22, 63 };
	const char *reason = tam_unsupported();

	if (reason)
		SKIP(return, "%s", reason);
	for (size_t i = 0; i < ARRAY_LEN(log2_bytes); i++) {
		EXPECT_EQ(MAP_FAILED, tamalloc(4096, 0, log2_bytes[i] << TAMALLOC_MAX_SHIFT));
		EXPECT_EQ(EINVAL, errno);
	}
	EXPECT_EQ(MAP_FAILED, tamalloc(4096, 0, TAMALLOC_MAX_64KB | TAMALLOC_SINGLE));
	EXPECT_EQ(EINVAL, errno);
	for (unsigned int log2 = 14; log2 <= 21; log2++)
		EXPECT_NE(MAP_FAILED, tamalloc(4096, 0, log2 << TAMALLOC_MAX_SHIFT));
}

TEST_HARNESS_MAIN
