// SPDX-License-Identifier: GPL-2.0-only
/*
 * Same-page merging: pages of fill are alike and merge; pages of zeros may
 * become the zero page, which in a mapping of another fill means "contents are
 * zero", not "untouched".
 */
#include <stdio.h>
#include <stdlib.h>
#include "kselftest_harness.h"
#include "tam_test.h"

#define KSM	"/sys/kernel/mm/ksm/"

static const char *ksm_run(void)
{
	if (knob_set(KSM "run", "1"))
		return "no same-page merging (CONFIG_KSM, root)";
	knob_set(KSM "sleep_millisecs", "0");
	knob_set(KSM "pages_to_scan", "10000");
	knob_set(KSM "smart_scan", "0");
	return NULL;
}

#define REGION_PAGES	64
#define REGION_PREPARE	ksm_run
#include "region.h"

#define AT(n)	(self->p + (n) * self->page)

/* A page merges in the second scan that finds it unchanged. */
static bool three_scans(void)
{
	long before = read_long(KSM "full_scans");

	for (int i = 0; i < 9000; i++) {
		if (read_long(KSM "full_scans") >= before + 3)
			return true;
		usleep(10000);
	}
	return false;
}

static long self_ksm(const char *field)
{
	char text[512], *at;

	if (read_text("/proc/self/ksm_stat", text, sizeof(text)) < 0)
		return -1;
	at = strstr(text, field);
	return at ? strtol(at + strlen(field), NULL, 10) : -1;
}

/*
 * Whether all but one of the pages that were made come to share others. KSM
 * splits a folio in one scan and merges its pages in later ones; the split puts
 * the zero page where there are zeroes, without KSM.
 */
static bool merges(const struct _test_data_region *self)
{
	long made = region_kb(self), shared = 0;

	if (madvise(self->p, self->len, MADV_MERGEABLE))
		return false;
	for (int i = 0; i < 20 && shared < made / 4 - 1; i++) {
		if (!three_scans())
			break;
		shared = self_ksm("ksm_merging_pages") + (made - region_kb(self)) / 4;
	}
	return shared >= made / 4 - 1;
}

TEST_F_TIMEOUT(region, pages_of_fill_merge_and_part_again, LIMIT_SLOW)
{
	/* Filled on first access: by reads, and by writing the same byte. */
	EXPECT_FILL(self->p, self->len / 2, self->fill);
	memset(self->p + self->len / 2, self->fill, self->len / 2);
	EXPECT_TRUE(merges(self));
	EXPECT_FILL(self->p, self->len, self->fill);
	for (size_t i = 0; i < self->pages; i += 2)
		AT(i)[3] = OTHER;
	for (size_t i = 0; i < self->pages; i++) {
		EXPECT_EQ(i % 2 ? self->fill : OTHER, AT(i)[3]);
		EXPECT_FILL(AT(i), 3, self->fill);
		EXPECT_FILL(AT(i) + 4, self->page - 4, self->fill);
	}
	ASSERT_EQ(0, madvise(self->p, self->len, MADV_UNMERGEABLE));
	EXPECT_EQ(self->fill, AT(1)[3]);
	ASSERT_EQ(0, madvise(self->p, self->len, MADV_DONTNEED));
	EXPECT_FILL(self->p, self->len, self->fill);
}

TEST_F_TIMEOUT(region, zeros_written_stay_zeros_when_merged_with_the_zero_page, LIMIT_SLOW)
{
	if (knob_set(KSM "use_zero_pages", "1"))
		SKIP(return, "no use_zero_pages");
	memset(self->p, 0, self->len / 2);
	EXPECT_TRUE(merges(self));
	EXPECT_FILL(self->p, self->len / 2, 0);
	/* The first write to such a page copies zeros, not the fill. */
	for (size_t i = 0; i < self->pages / 2; i++) {
		AT(i)[i] = OTHER;
		EXPECT_FILL(AT(i), i, 0);
		EXPECT_FILL(AT(i) + i + 1, self->page - i - 1, 0);
	}
	EXPECT_FILL(self->p + self->len / 2, self->len / 2, self->fill);
	ASSERT_EQ(0, madvise(self->p, self->len, MADV_DONTNEED));
	EXPECT_FILL(self->p, self->len, self->fill);
}

TEST_F_TIMEOUT(region, zero_pages_of_ksm_in_a_child_and_by_gup_are_zeros, LIMIT_SLOW)
{
	pid_t child;

	if (knob_set(KSM "use_zero_pages", "1"))
		SKIP(return, "no use_zero_pages");
	memset(self->p, 0, self->len / 2);
	ASSERT_EQ(0, madvise(self->p, self->len, MADV_MERGEABLE));
	ASSERT_TRUE(three_scans());
	child = fork();
	if (!child) {
		EXPECT_FILL(self->p, self->len / 2, 0);
		EXPECT_EQ(0, mlock(self->p, self->len));
		EXPECT_FILL(self->p, self->len / 2, 0);
		EXPECT_FILL(self->p + self->len / 2, self->len / 2, self->fill);
		AT(1)[0] = OTHER;
		EXPECT_FILL(AT(1) + 1, self->page - 1, 0);
		_exit(0);
	}
	EXPECT_EQ(0, wait_status(child));
	EXPECT_FILL(self->p, self->len / 2, 0);
	EXPECT_FILL(self->p + self->len / 2, self->len / 2, self->fill);
}

TEST_HARNESS_MAIN
