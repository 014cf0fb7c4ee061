// SPDX-License-Identifier: GPL-2.0-only
/* Locked memory: made at once, filled, and refilled when it is dropped. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include "kselftest_harness.h"
#include "region.h"

#define AT(n)		(self->p + (n) * self->page)
#define TOTAL_KB	((long)(self->len / 1024))
#define LOCKED_KB	smaps_kb(getpid(), self->p, self->len, "Locked:")

TEST_F(region, mlock_makes_every_page_with_fill)
{
	long faults;

	AT(2)[0] = OTHER;
	ASSERT_EQ(0, mlock(self->p, self->len));
	EXPECT_EQ(TOTAL_KB, region_kb(self));
	EXPECT_EQ(TOTAL_KB, LOCKED_KB);
	faults = page_faults();
	EXPECT_FILL(AT(0), 2 * self->page, self->fill);
	EXPECT_FILL(AT(2) + 1, 14 * self->page - 1, self->fill);
	EXPECT_EQ(OTHER, AT(2)[0]);
	memset(AT(5), OTHER, self->page);
	EXPECT_EQ(faults, page_faults());
	ASSERT_EQ(0, munlock(self->p, self->len));
	EXPECT_EQ(0, LOCKED_KB);
	EXPECT_FILL(AT(5), self->page, OTHER);
}

TEST_F(region, mlock_of_the_middle_splits_and_fills)
{
	ASSERT_EQ(0, mlock(AT(4), 4 * self->page));
	EXPECT_EQ(3, vma_count(self->p, self->len));
	EXPECT_EQ(16, region_kb(self));
	EXPECT_FILL(self->p, self->len, self->fill);
	ASSERT_EQ(0, munlock(AT(4), 4 * self->page));
	EXPECT_FILL(self->p, self->len, self->fill);
}

TEST_F(region, mlock_onfault_makes_nothing_until_touched)
{
	ASSERT_EQ(0, mlock2(self->p, self->len, MLOCK_ONFAULT));
	EXPECT_EQ(0, region_kb(self));
	AT(3)[0] = OTHER;
	EXPECT_EQ(4, region_kb(self));
	EXPECT_FILL(AT(3) + 1, self->page - 1, self->fill);
	EXPECT_FILL(AT(4), 12 * self->page, self->fill);
}

TEST_F(region, mlock_of_a_read_only_mapping_is_fill)
{
	ASSERT_EQ(0, mprotect(self->p, self->len, PROT_READ));
	ASSERT_EQ(0, mlock(self->p, self->len));
	EXPECT_FILL(self->p, self->len, self->fill);
	ASSERT_EQ(0, mprotect(self->p, self->len, PROT_READ | PROT_WRITE));
	AT(1)[1] = OTHER;
	EXPECT_EQ(1, first_bad(AT(1), self->page, self->fill));
	EXPECT_FILL(AT(1) + 2, self->page - 2, self->fill);
}

TEST_F(region, dontneed_of_locked_pages)
{
	memset(self->p, OTHER, self->len);
	ASSERT_EQ(0, mlock(self->p, self->len));
	EXPECT_EQ(-1, madvise(self->p, self->len, MADV_DONTNEED));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_FILL(self->p, self->len, OTHER);
	ASSERT_EQ(0, madvise(self->p, self->len, MADV_DONTNEED_LOCKED));
	EXPECT_FILL(self->p, self->len, self->fill);
}

TEST_F(region, mremap_grows_a_locked_mapping_with_fill_made_at_once)
{
	unsigned char *p;

	memset(self->p, OTHER, self->len);
	ASSERT_EQ(0, mlock(self->p, self->len));
	p = mremap(self->p, self->len, 2 * self->len, MREMAP_MAYMOVE);
	ASSERT_NE(MAP_FAILED, p);
	EXPECT_EQ(2 * TOTAL_KB, smaps_kb(getpid(), p, 2 * self->len, "Anonymous:"));
	EXPECT_FILL(p, self->len, OTHER);
	EXPECT_FILL(p + self->len, self->len, self->fill);
}

TEST_F(region, mlockall_current_makes_every_page)
{
	ASSERT_EQ(0, mlockall(MCL_CURRENT));
	EXPECT_EQ(TOTAL_KB, region_kb(self));
	EXPECT_FILL(self->p, self->len, self->fill);
	munlockall();
}

/* As for mmap(2): such a process asked to have everything resident. */
TEST_F(region, mlockall_future_makes_new_memory_at_once)
{
	unsigned char *p;

	ASSERT_EQ(0, mlockall(MCL_FUTURE));
	p = tamalloc(self->len, self->fill, 0);
	ASSERT_NE(MAP_FAILED, p);
	EXPECT_EQ(TOTAL_KB, smaps_kb(getpid(), p, self->len, "Anonymous:"));
	EXPECT_FILL(p, self->len, self->fill);
	munlockall();
}

TEST_F(region, mlockall_future_onfault_makes_nothing)
{
	unsigned char *p;

	ASSERT_EQ(0, mlockall(MCL_FUTURE | MCL_ONFAULT));
	p = tamalloc(self->len, self->fill, 0);
	ASSERT_NE(MAP_FAILED, p);
	EXPECT_EQ(0, smaps_kb(getpid(), p, self->len, "Anonymous:"));
	EXPECT_FILL(p, self->len, self->fill);
	munlockall();
}

TEST_F(region, memlock_limit_gives_eagain)
{
	struct rlimit limit = { 64 * 1024, 64 * 1024 };

	ASSERT_EQ(0, mlockall(MCL_FUTURE));
	ASSERT_EQ(0, setrlimit(RLIMIT_MEMLOCK, &limit));
	if (setuid(65534))
		SKIP(return, "only root can give up the right to lock memory");
	EXPECT_EQ(MAP_FAILED, tamalloc(MB, self->fill, 0));
	EXPECT_EQ(EAGAIN, errno);
}

TEST_F(region, child_of_a_locked_mapping_is_not_locked)
{
	pid_t child;

	ASSERT_EQ(0, mlock(self->p, self->len));
	memset(AT(0), OTHER, self->page);
	child = fork();
	if (!child) {
		EXPECT_EQ(0, LOCKED_KB);
		EXPECT_FILL(AT(0), self->page, OTHER);
		EXPECT_FILL(AT(1), 15 * self->page, self->fill);
		_exit(0);
	}
	EXPECT_EQ(0, wait_status(child));
}

TEST_HARNESS_MAIN
