// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a reservation is charged against the overcommit limit (Committed_AS), in
 * the three modes of vm.overcommit_memory: as for mmap(2), nothing by default
 * (MAP_NORESERVE) except in mode 2, everything with TAMALLOC_ACCOUNT.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "tam_test.h"

#define OVERCOMMIT	"/proc/sys/vm/overcommit_memory"
#define RATIO		"/proc/sys/vm/overcommit_ratio"

#define SIZE		(256 * MB)
#define SIZE_KB		((long)(SIZE / 1024))
/* Other processes of a quiet machine start and end meanwhile. */
#define NOISE_KB	(8 * 1024L)

static long committed_kb(void)
{
	return file_kb("/proc/meminfo", "Committed_AS:");
}

static long limit_kb(void)
{
	return file_kb("/proc/meminfo", "CommitLimit:");
}

#define EXPECT_NEAR_KB(wanted, seen) do { \
	long _wanted = (wanted), _seen = (seen); \
	EXPECT_LE(_wanted - NOISE_KB, _seen); \
	EXPECT_GE(_wanted + NOISE_KB, _seen); \
} while (0)

FIXTURE(mode)
{
	char *p;
};

FIXTURE_VARIANT(mode)
{
	const char *mode;
	unsigned int flags;
	bool charged;
	bool limited;		/* more than there is: refused */
};

FIXTURE_VARIANT_ADD(mode, heuristic_default)
{
	.mode = "0", .flags = 0, .charged = false, .limited = false,
};

FIXTURE_VARIANT_ADD(mode, heuristic_accounted)
{
	.mode = "0", .flags = TAMALLOC_ACCOUNT, .charged = true, .limited = true,
};

FIXTURE_VARIANT_ADD(mode, always_default)
{
	.mode = "1", .flags = 0, .charged = false, .limited = false,
};

FIXTURE_VARIANT_ADD(mode, always_accounted)
{
	.mode = "1", .flags = TAMALLOC_ACCOUNT, .charged = true, .limited = false,
};

FIXTURE_VARIANT_ADD(mode, never_default)
{
	.mode = "2", .flags = 0, .charged = true, .limited = true,
};

FIXTURE_VARIANT_ADD(mode, never_accounted)
{
	.mode = "2", .flags = TAMALLOC_ACCOUNT, .charged = true, .limited = true,
};

FIXTURE_SETUP(mode)
{
	const char *reason = tam_unsupported();

	if (reason)
		SKIP(return, "%s", reason);
	/* Mode 2 must leave room for what runs already and for the test. */
	if (knob_set(RATIO, "500") || knob_set(OVERCOMMIT, variant->mode))
		SKIP(return, "the overcommit mode cannot be set (root)");
}

FIXTURE_TEARDOWN_PARENT(mode)
{
	knobs_restore();
}

TEST_F(mode, reservation_is_charged_or_not_and_munmap_gives_it_back)
{
	long before = committed_kb(), limit = limit_kb();
	long charge = variant->charged ? SIZE_KB : 0;

	self->p = tamalloc(SIZE, 0xab, variant->flags);
	ASSERT_NE(MAP_FAILED, self->p);
	EXPECT_NEAR_KB(before + charge, committed_kb());
	EXPECT_EQ(limit, limit_kb());
	/* Touching changes what is resident, not what is charged. */
	write_pages(self->p, 256, 1, 1);
	EXPECT_NEAR_KB(before + charge, committed_kb());
	/* Half of it back. */
	ASSERT_EQ(0, munmap(self->p + SIZE / 2, SIZE / 2));
	EXPECT_NEAR_KB(before + charge / 2, committed_kb());
	ASSERT_EQ(0, munmap(self->p, SIZE / 2));
	EXPECT_NEAR_KB(before, committed_kb());
}

TEST_F(mode, growing_is_charged_like_reserving)
{
	long before = committed_kb();
	char *p = tamalloc(SIZE / 4, 0xab, variant->flags);

	ASSERT_NE(MAP_FAILED, p);
	p = mremap(p, SIZE / 4, SIZE, MREMAP_MAYMOVE);
	ASSERT_NE(MAP_FAILED, p);
	EXPECT_NEAR_KB(before + (variant->charged ? SIZE_KB : 0), committed_kb());
	EXPECT_FILL(p + SIZE - 4096, 4096, 0xab);
	ASSERT_EQ(0, munmap(p, SIZE));
	EXPECT_NEAR_KB(before, committed_kb());
}

TEST_F(mode, a_fork_is_charged_once_more)
{
	long before = committed_kb();
	char *p = tamalloc(SIZE, 0, variant->flags);
	long charge = variant->charged ? SIZE_KB : 0;
	pid_t child;

	ASSERT_NE(MAP_FAILED, p);
	child = fork();
	if (!child) {
		EXPECT_NEAR_KB(before + 2 * charge, committed_kb());
		_exit(0);
	}
	EXPECT_EQ(0, wait_status(child));
	EXPECT_NEAR_KB(before + charge, committed_kb());
	ASSERT_EQ(0, munmap(p, SIZE));
}

TEST_F(mode, more_than_there_is)
{
	size_t size = (size_t)file_kb("/proc/meminfo", "MemTotal:") * 1024 * 16;
	long before = committed_kb();
	void *p = tamalloc(size, 0, variant->flags);

	if (variant->limited) {
		EXPECT_EQ(MAP_FAILED, p);
		EXPECT_EQ(ENOMEM, errno);
		EXPECT_NEAR_KB(before, committed_kb());
	} else {
		EXPECT_NE(MAP_FAILED, p);
		EXPECT_EQ(0, munmap(p, size));
	}
}

TEST_HARNESS_MAIN
