// SPDX-License-Identifier: GPL-2.0-only
/*
 * tamalloc's arguments: what is refused and with which errno, what is rounded.
 * Where the call is missing, every test of this directory is skipped: such a
 * kernel answers ENOSYS whatever the arguments are (see tam_unsupported()).
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "tam_test.h"

#define TASK_BYTES	(1UL << 47)	/* x86-64, without asking for more by a hint */

FIXTURE(refused)
{
};

FIXTURE_VARIANT(refused)
{
	size_t size;
	unsigned int fill;
	unsigned int flags;
	int err;
};

#define REFUSED(name, size_, fill_, flags_, err_) \
	FIXTURE_VARIANT_ADD(refused, name) { \
		.size = (size_), .fill = (fill_), .flags = (flags_), .err = (err_), \
	}

REFUSED(size_0, 0, 0, 0, EINVAL);
REFUSED(size_0_accounted, 0, 0xab, TAMALLOC_ACCOUNT, EINVAL);
REFUSED(size_overflows_by_rounding, SIZE_MAX, 0, 0, ENOMEM);
REFUSED(size_overflows_by_1_byte, SIZE_MAX - 4094, 0, 0, ENOMEM);
REFUSED(size_of_all_but_the_last_page, SIZE_MAX - 4095, 0, 0, ENOMEM);
REFUSED(size_half_of_all, 1UL << 63, 0xab, 0, ENOMEM);
REFUSED(size_of_the_address_space, TASK_BYTES, 0, 0, ENOMEM);
REFUSED(size_of_the_address_space_less_2_pages, TASK_BYTES - 8192, 0, 0, ENOMEM);
REFUSED(fill_256, 4096, 256, 0, EINVAL);
REFUSED(fill_minus_1, 4096, -1, 0, EINVAL);
REFUSED(fill_257_which_is_1_in_a_byte, 4096, 257, 0, EINVAL);
REFUSED(flag_next_unknown, 4096, 0, TAMALLOC_ACCOUNT << 1, EINVAL);
REFUSED(flag_highest, 4096, 0, 1U << 31, EINVAL);
REFUSED(flag_unknown_beside_known, 4096, 0, TAMALLOC_ACCOUNT | 1U << 5, EINVAL);
REFUSED(flags_all, 4096, 0, ~0U, EINVAL);

FIXTURE_SETUP(refused)
{
	const char *reason = tam_unsupported();

	if (reason)
		SKIP(return, "%s", reason);
}

FIXTURE_TEARDOWN(refused)
{
}

TEST_F(refused, with_errno_and_nothing_reserved)
{
	long before = file_kb("/proc/self/status", "VmSize:");
	void *p = tamalloc(variant->size, variant->fill, variant->flags);
	int err = errno;

	EXPECT_EQ(MAP_FAILED, p);
	EXPECT_EQ(variant->err, err);
	EXPECT_EQ(before, file_kb("/proc/self/status", "VmSize:"));
}

FIXTURE(accepted)
{
};

FIXTURE_VARIANT(accepted)
{
	size_t size;
	size_t rounded;
	unsigned int fill;
	unsigned int flags;
};

#define ACCEPTED(name, size_, rounded_, fill_, flags_) \
	FIXTURE_VARIANT_ADD(accepted, name) { \
		.size = (size_), .rounded = (rounded_), .fill = (fill_), .flags = (flags_), \
	}

ACCEPTED(one_byte, 1, 4096, 0xab, 0);
ACCEPTED(one_byte_accounted, 1, 4096, 0, TAMALLOC_ACCOUNT);
ACCEPTED(page_less_1, 4095, 4096, 0, 0);
ACCEPTED(page, 4096, 4096, 255, 0);
ACCEPTED(page_and_1, 4097, 8192, 1, 0);
ACCEPTED(huge_page_and_1, HUGE + 1, HUGE + 4096, 0xab, 0);
ACCEPTED(tebibyte, 1UL << 40, 1UL << 40, 0, 0);
ACCEPTED(half_of_the_address_space, TASK_BYTES / 2, TASK_BYTES / 2, 0xab, 0);

FIXTURE_SETUP(accepted)
{
	const char *reason = tam_unsupported();

	if (reason)
		SKIP(return, "%s", reason);
}

FIXTURE_TEARDOWN(accepted)
{
}

TEST_F(accepted, rounded_up_to_pages_private_and_read_write)
{
	unsigned char *p = tamalloc(variant->size, variant->fill, variant->flags);
	const char *flags;

	ASSERT_NE(MAP_FAILED, p);
	EXPECT_EQ(0, (uintptr_t)p % 4096);
	EXPECT_EQ((long)(variant->rounded / 1024), smaps_kb(getpid(), p, 1, "Size:"));
	flags = vm_flags_of(p);
	ASSERT_NE(NULL, flags);
	EXPECT_NE(NULL, strstr(flags, " rd "));
	EXPECT_NE(NULL, strstr(flags, " wr "));
	EXPECT_EQ(NULL, strstr(flags, " ex "));
	EXPECT_EQ(NULL, strstr(flags, " sh "));
	EXPECT_EQ(variant->flags & TAMALLOC_ACCOUNT ? NULL : flags,
		  strstr(flags, " nr ") ? flags : NULL);
	EXPECT_EQ(0, smaps_kb(getpid(), p, 1, "Rss:"));
	EXPECT_FILL(p, 4096, variant->fill);
	EXPECT_FILL(p + variant->rounded - 4096, 4096, variant->fill);
	p[variant->rounded - 1] = 1;
	EXPECT_EQ(0, munmap(p, variant->rounded));
	EXPECT_EQ(0, vma_count(p, variant->rounded));
}

static void require_tamalloc(struct __test_metadata *_metadata)
{
	const char *reason = tam_unsupported();

	if (reason)
		SKIP(exit(KSFT_SKIP), "%s", reason);
}

TEST(upper_half_of_the_fill_register_is_ignored)
{
	unsigned char *p;

	require_tamalloc(_metadata);
	p = (void *)syscall(__NR_tamalloc, 4096UL, 0xdead0000000000abUL, 0xdead000000000000UL);
	ASSERT_NE(MAP_FAILED, p);
	EXPECT_FILL(p, 4096, 0xab);
}

TEST(address_space_limit_gives_enomem)
{
	struct rlimit limit;

	require_tamalloc(_metadata);
	limit.rlim_cur = file_kb("/proc/self/status", "VmSize:") * 1024 + 2 * MB;
	limit.rlim_max = RLIM_INFINITY;
	ASSERT_EQ(0, setrlimit(RLIMIT_AS, &limit));
	EXPECT_EQ(MAP_FAILED, tamalloc(4 * MB, 0, 0));
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_NE(MAP_FAILED, tamalloc(MB, 0, 0));
}

TEST(data_limit_gives_enomem)
{
	struct rlimit limit;

	require_tamalloc(_metadata);
	limit.rlim_cur = file_kb("/proc/self/status", "VmData:") * 1024 + 2 * MB;
	limit.rlim_max = RLIM_INFINITY;
	ASSERT_EQ(0, setrlimit(RLIMIT_DATA, &limit));
	EXPECT_EQ(MAP_FAILED, tamalloc(4 * MB, 0xab, 0));
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_NE(MAP_FAILED, tamalloc(MB, 0xab, 0));
}

TEST(mapping_count_limit_gives_enomem)
{
	void *p = NULL;
	char text[16];
	int made;

	require_tamalloc(_metadata);
	snprintf(text, sizeof(text), "%d", vma_count(NULL, TASK_BYTES) + 16);
	if (knob_set("/proc/sys/vm/max_map_count", text) < 0)
		SKIP(return, "vm.max_map_count cannot be set (root)");
	/* A different fill each time, so that no two of them merge. */
	for (made = 0; made < 64; made++) {
		p = tamalloc(4096, made + 1, 0);
		if (p == MAP_FAILED)
			break;
	}
	EXPECT_EQ(MAP_FAILED, p);
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_GE(made, 8);
	EXPECT_LE(made, 18);
	knobs_restore();
}

TEST_HARNESS_MAIN
