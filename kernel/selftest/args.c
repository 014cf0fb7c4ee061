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

#define TASK_BYTES	0x800000000000UL	/* x86-64, without asking for more by a hint */

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

FIXTURE_VARIANT_ADD(refused, size_0)
{
	.size = 0, .fill = 0, .flags = 0, .err = EINVAL,
};

FIXTURE_VARIANT_ADD(refused, size_0_accounted)
{
	.size = 0, .fill = 0xab, .flags = TAMALLOC_ACCOUNT, .err = EINVAL,
};

FIXTURE_VARIANT_ADD(refused, size_overflows_by_rounding)
{
	.size = SIZE_MAX, .fill = 0, .flags = 0, .err = ENOMEM,
};

FIXTURE_VARIANT_ADD(refused, size_overflows_by_1_byte)
{
	.size = SIZE_MAX - 4094, .fill = 0, .flags = 0, .err = ENOMEM,
};

FIXTURE_VARIANT_ADD(refused, size_of_all_but_the_last_page)
{
	.size = SIZE_MAX - 4095, .fill = 0, .flags = 0, .err = ENOMEM,
};

FIXTURE_VARIANT_ADD(refused, size_half_of_all)
{
	.size = 1UL << 63, .fill = 0xab, .flags = 0, .err = ENOMEM,
};

FIXTURE_VARIANT_ADD(refused, size_of_the_address_space)
{
	.size = TASK_BYTES, .fill = 0, .flags = 0, .err = ENOMEM,
};

FIXTURE_VARIANT_ADD(refused, size_of_the_address_space_less_2_pages)
{
	.size = TASK_BYTES - 8192, .fill = 0, .flags = 0, .err = ENOMEM,
};

FIXTURE_VARIANT_ADD(refused, fill_256)
{
	.size = 4096, .fill = 256, .flags = 0, .err = EINVAL,
};

FIXTURE_VARIANT_ADD(refused, fill_minus_1)
{
	.size = 4096, .fill = -1, .flags = 0, .err = EINVAL,
};

FIXTURE_VARIANT_ADD(refused, fill_257_which_is_1_in_a_byte)
{
	.size = 4096, .fill = 257, .flags = 0, .err = EINVAL,
};

FIXTURE_VARIANT_ADD(refused, flag_next_unknown)
{
	.size = 4096, .fill = 0, .flags = TAMALLOC_SINGLE << 1, .err = EINVAL,
};

FIXTURE_VARIANT_ADD(refused, flag_highest)
{
	.size = 4096, .fill = 0, .flags = 1U << 31, .err = EINVAL,
};

FIXTURE_VARIANT_ADD(refused, flag_unknown_beside_known)
{
	.size = 4096, .fill = 0, .flags = TAMALLOC_ACCOUNT | 1U << 5, .err = EINVAL,
};

FIXTURE_VARIANT_ADD(refused, flags_all)
{
	.size = 4096, .fill = 0, .flags = ~0U, .err = EINVAL,
};

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

FIXTURE_VARIANT_ADD(accepted, one_byte)
{
	.size = 1, .rounded = 4096, .fill = 0xab, .flags = 0,
};

FIXTURE_VARIANT_ADD(accepted, one_byte_accounted)
{
	.size = 1, .rounded = 4096, .fill = 0, .flags = TAMALLOC_ACCOUNT,
};

FIXTURE_VARIANT_ADD(accepted, one_byte_single_pages)
{
	.size = 1, .rounded = 4096, .fill = 0xab, .flags = TAMALLOC_SINGLE,
};

FIXTURE_VARIANT_ADD(accepted, every_flag)
{
	.size = 8193, .rounded = 12288, .fill = 0xab, .flags = TAMALLOC_ACCOUNT | TAMALLOC_SINGLE,
};

FIXTURE_VARIANT_ADD(accepted, page_less_1)
{
	.size = 4095, .rounded = 4096, .fill = 0, .flags = 0,
};

FIXTURE_VARIANT_ADD(accepted, page)
{
	.size = 4096, .rounded = 4096, .fill = 255, .flags = 0,
};

FIXTURE_VARIANT_ADD(accepted, page_and_1)
{
	.size = 4097, .rounded = 8192, .fill = 1, .flags = 0,
};

FIXTURE_VARIANT_ADD(accepted, huge_page_and_1)
{
	.size = HUGE + 1, .rounded = HUGE + 4096, .fill = 0xab, .flags = 0,
};

FIXTURE_VARIANT_ADD(accepted, tebibyte)
{
	.size = 1UL << 40, .rounded = 1UL << 40, .fill = 0, .flags = 0,
};

FIXTURE_VARIANT_ADD(accepted, half_of_the_address_space)
{
	.size = TASK_BYTES / 2, .rounded = TASK_BYTES / 2, .fill = 0xab, .flags = 0,
};

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
	EXPECT_EQ(variant->flags & TAMALLOC_SINGLE ? flags : NULL,
		  strstr(flags, " nh ") ? flags : NULL);
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
