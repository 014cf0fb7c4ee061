// SPDX-License-Identifier: GPL-2.0-only
/*
 * What happens to the fill when the mapping itself is split, merged, moved,
 * grown, shrunk or protected.
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include "kselftest_harness.h"
#include "region.h"

/* How smaps names the flag. */
#define TAM_VMFLAG "ta"

#define AT(n)	(self->p + (n) * self->page)

/* Address space with nothing in it: len bytes that a MAP_FIXED may take. */
static unsigned char *hole(size_t len)
{
	unsigned char *p = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static unsigned char *move_to(void *from, size_t len, void *to)
{
	return mremap(from, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, to);
}

TEST_F(region, partial_munmap_keeps_both_sides)
{
	memset(AT(0), OTHER, self->page);
	ASSERT_EQ(0, munmap(AT(4), 4 * self->page));
	EXPECT_EQ(2, vma_count(self->p, self->len));
	EXPECT_FILL(AT(0), self->page, OTHER);
	EXPECT_FILL(AT(1), 3 * self->page, self->fill);
	EXPECT_FILL(AT(8), 8 * self->page, self->fill);
	EXPECT_EQ(0, munmap(self->p, self->len));
	EXPECT_EQ(0, vma_count(self->p, self->len));
}

TEST_F(region, mmap_over_the_middle_is_plain_memory)
{
	ASSERT_EQ(AT(4), mmap(AT(4), 4 * self->page, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	EXPECT_EQ(3, vma_count(self->p, self->len));
	EXPECT_FILL(AT(0), 4 * self->page, self->fill);
	EXPECT_FILL(AT(4), 4 * self->page, 0);
	EXPECT_FILL(AT(8), 8 * self->page, self->fill);
}

TEST_F(region, mremap_grows_in_place_with_fill)
{
	memset(AT(0), OTHER, self->page);
	ASSERT_EQ(0, munmap(AT(4), self->len - 4 * self->page));
	ASSERT_EQ(self->p, mremap(self->p, 4 * self->page, self->len, 0));
	EXPECT_EQ(1, vma_count(self->p, self->len));
	EXPECT_EQ(4, region_kb(self));
	EXPECT_FILL(AT(0), self->page, OTHER);
	EXPECT_FILL(AT(1), self->len - self->page, self->fill);
}

TEST_F(region, mremap_grows_by_moving_with_fill)
{
	unsigned char *p;

	memset(AT(2), OTHER, self->page);
	/* Something in the way. */
	mmap(self->p + self->len, self->page, PROT_NONE,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	p = mremap(self->p, self->len, 4 * self->len, MREMAP_MAYMOVE);
	ASSERT_NE(MAP_FAILED, p);
	ASSERT_NE(self->p, p);
	EXPECT_EQ(4, smaps_kb(getpid(), p, 4 * self->len, "Anonymous:"));
	EXPECT_FILL(p, 2 * self->page, self->fill);
	EXPECT_FILL(p + 2 * self->page, self->page, OTHER);
	EXPECT_FILL(p + 3 * self->page, 4 * self->len - 3 * self->page, self->fill);
}

TEST_F(region, mremap_shrunk_and_grown_again_is_fill_again)
{
	memset(self->p, OTHER, self->len);
	ASSERT_EQ(self->p, mremap(self->p, self->len, 4 * self->page, 0));
	EXPECT_EQ(16, region_kb(self));
	ASSERT_EQ(self->p, mremap(self->p, 4 * self->page, self->len, 0));
	EXPECT_FILL(AT(0), 4 * self->page, OTHER);
	EXPECT_FILL(AT(4), self->len - 4 * self->page, self->fill);
}

TEST_F(region, mremap_of_the_middle_carries_the_fill)
{
	unsigned char *to = hole(self->len);

	ASSERT_NE(NULL, to);
	memset(AT(5), OTHER, self->page);
	ASSERT_EQ(to, move_to(AT(4), 4 * self->page, to));
	EXPECT_FILL(to, self->page, self->fill);
	EXPECT_FILL(to + self->page, self->page, OTHER);
	EXPECT_FILL(to + 2 * self->page, 2 * self->page, self->fill);
	EXPECT_FILL(AT(0), 4 * self->page, self->fill);
	EXPECT_FILL(AT(8), 8 * self->page, self->fill);
}

TEST_F(region, mremap_dontunmap_leaves_fill_behind)
{
	unsigned char *to;

	memset(AT(1), OTHER, self->page);
	to = mremap(self->p, self->len, self->len, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
	ASSERT_NE(MAP_FAILED, to);
	EXPECT_FILL(to + self->page, self->page, OTHER);
	EXPECT_FILL(to + 2 * self->page, self->len - 2 * self->page, self->fill);
	EXPECT_FILL(self->p, self->len, self->fill);
}

/* Whole page tables move at once when both ends are aligned. */
TEST_F(region, mremap_of_whole_page_tables_keeps_every_byte)
{
	const size_t len = 3 * HUGE;
	unsigned char *space = hole(8 * HUGE), *from, *to;
	unsigned char *p = tamalloc(len, self->fill, 0);

	ASSERT_NE(NULL, space);
	ASSERT_NE(MAP_FAILED, p);
	from = (unsigned char *)(((uintptr_t)space + HUGE - 1) & ~(HUGE - 1));
	to = from + 4 * HUGE;
	ASSERT_EQ(from, move_to(p, len, from));
	for (size_t i = 0; i < len; i += 64 * self->page)
		memset(from + i, OTHER, self->page);
	ASSERT_EQ(to, move_to(from, len, to));
	for (size_t i = 0; i < len; i += 64 * self->page) {
		EXPECT_FILL(to + i, self->page, OTHER);
		EXPECT_FILL(to + i + self->page, self->page, self->fill);
	}
	EXPECT_EQ(0, munmap(space, 8 * HUGE));
}

/* A length of 0 would duplicate a shared mapping; a private one has no second user. */
TEST_F(region, mremap_of_length_0_is_refused)
{
	EXPECT_EQ(MAP_FAILED, mremap(self->p, 0, self->len, MREMAP_MAYMOVE));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(region, mprotect_splits_and_merges_again)
{
	memset(AT(3), OTHER, 2 * self->page);
	ASSERT_EQ(0, mprotect(AT(4), 4 * self->page, PROT_READ));
	EXPECT_EQ(3, vma_count(self->p, self->len));
	EXPECT_FILL(AT(0), 3 * self->page, self->fill);
	EXPECT_FILL(AT(3), 2 * self->page, OTHER);
	EXPECT_FILL(AT(5), 11 * self->page, self->fill);
	ASSERT_EQ(0, mprotect(AT(4), 4 * self->page, PROT_READ | PROT_WRITE));
	EXPECT_EQ(1, vma_count(self->p, self->len));
	memset(AT(5), OTHER, 2 * self->page);
	EXPECT_FILL(AT(3), 4 * self->page, OTHER);
	EXPECT_FILL(AT(7), 9 * self->page, self->fill);
}

TEST_F(region, untouched_split_parts_are_still_fill)
{
	ASSERT_EQ(0, mprotect(AT(4), self->page, PROT_NONE));
	ASSERT_EQ(0, mprotect(AT(8), self->page, PROT_READ));
	EXPECT_EQ(5, vma_count(self->p, self->len));
	ASSERT_EQ(0, mprotect(AT(4), self->page, PROT_READ | PROT_WRITE));
	EXPECT_FILL(self->p, self->len, self->fill);
	/* Each part knows its fill also after the pages are gone. */
	ASSERT_EQ(0, madvise(self->p, self->len, MADV_DONTNEED));
	EXPECT_FILL(self->p, self->len, self->fill);
}

TEST_F(region, read_only_is_fill_and_writable_later)
{
	ASSERT_EQ(0, mprotect(self->p, self->len, PROT_READ));
	EXPECT_FILL(self->p, self->len, self->fill);
	ASSERT_EQ(0, mprotect(self->p, self->len, PROT_READ | PROT_WRITE));
	for (size_t i = 0; i < self->pages; i++)
		AT(i)[i] = OTHER;
	EXPECT_EQ((long)self->len / 1024, region_kb(self));
	for (size_t i = 0; i < self->pages; i++) {
		EXPECT_EQ(i, first_bad(AT(i), self->page, self->fill));
		EXPECT_FILL(AT(i) + i + 1, self->page - i - 1, self->fill);
	}
}

static sigjmp_buf escaped;

static void escape(int sig)
{
	siglongjmp(escaped, sig);
}

static bool write_faults(unsigned char *p)
{
	signal(SIGSEGV, escape);
	if (sigsetjmp(escaped, 1))
		return true;
	store_byte(p, OTHER);
	return false;
}

TEST_F(region, write_to_a_read_only_part_is_sigsegv_and_changes_nothing)
{
	ASSERT_EQ(0, mprotect(AT(4), 4 * self->page, PROT_READ));
	EXPECT_TRUE(write_faults(AT(4)));
	EXPECT_FALSE(write_faults(AT(3)));
	ASSERT_EQ(0, mprotect(AT(4), 4 * self->page, PROT_NONE));
	EXPECT_TRUE(write_faults(AT(5)));
	ASSERT_EQ(0, mprotect(AT(4), 4 * self->page, PROT_READ | PROT_WRITE));
	EXPECT_FILL(AT(4), 12 * self->page, self->fill);
}

TEST_F(region, prot_none_and_back_keeps_what_was_written)
{
	memset(AT(2), OTHER, self->page);
	ASSERT_EQ(0, mprotect(self->p, self->len, PROT_NONE));
	ASSERT_EQ(0, mprotect(self->p, self->len, PROT_READ | PROT_WRITE));
	EXPECT_FILL(AT(0), 2 * self->page, self->fill);
	EXPECT_FILL(AT(2), self->page, OTHER);
	EXPECT_FILL(AT(3), 13 * self->page, self->fill);
}

static const unsigned char fills[] = { 0x00, 0xab, 0xaa, 0x01, 0xff };

/* Mappings of 2 pages, side by side in one stretch of address space. */
TEST_F(region, neighbours_of_another_fill_never_merge)
{
	const size_t len = 2 * self->page;
	unsigned char *space = hole(len * ARRAY_LEN(fills));

	ASSERT_NE(NULL, space);
	for (size_t i = 0; i < ARRAY_LEN(fills); i++) {
		unsigned char *p = tamalloc(len, fills[i], 0);

		ASSERT_NE(MAP_FAILED, p);
		ASSERT_EQ(space + i * len, move_to(p, len, space + i * len));
	}
	EXPECT_EQ((int)ARRAY_LEN(fills), vma_count(space, len * ARRAY_LEN(fills)));
	for (size_t i = 0; i < ARRAY_LEN(fills); i++)
		EXPECT_FILL(space + i * len, len, fills[i]);
}

TEST_F(region, neighbours_of_the_same_fill_merge)
{
	unsigned char *space = hole(2 * self->len), *p = tamalloc(self->len, self->fill, 0);

	ASSERT_NE(NULL, space);
	ASSERT_NE(MAP_FAILED, p);
	ASSERT_EQ(space, move_to(self->p, self->len, space));
	ASSERT_EQ(space + self->len, move_to(p, self->len, space + self->len));
	EXPECT_EQ(1, vma_count(space, 2 * self->len));
	EXPECT_FILL(space, 2 * self->len, self->fill);
}

TEST_F(region, plain_memory_beside_it_never_merges)
{
	const size_t half = self->len / 2;
	unsigned char *plain;

	plain = mmap(self->p + half, half, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
	ASSERT_EQ(self->p + half, plain);
	EXPECT_EQ(2, vma_count(self->p, self->len));
	EXPECT_FILL(self->p, half, self->fill);
	EXPECT_FILL(plain, half, 0);
}

TEST_F(region, accounted_and_not_accounted_never_merge)
{
	unsigned char *space = hole(2 * self->len);
	unsigned char *p = tamalloc(self->len, self->fill, TAMALLOC_ACCOUNT);

	ASSERT_NE(NULL, space);
	ASSERT_NE(MAP_FAILED, p);
	ASSERT_EQ(space, move_to(self->p, self->len, space));
	ASSERT_EQ(space + self->len, move_to(p, self->len, space + self->len));
	EXPECT_EQ(2, vma_count(space, 2 * self->len));
	EXPECT_FILL(space, 2 * self->len, self->fill);
}

TEST_F(region, smaps_names_the_flag)
{
	unsigned char *plain = mmap(NULL, self->len, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	const char *flags = vm_flags_of(self->p);

	ASSERT_NE(MAP_FAILED, plain);
	ASSERT_NE(NULL, flags);
	EXPECT_NE(NULL, strstr(flags, " " TAM_VMFLAG " "))
	{
		TH_LOG("VmFlags:%s", flags);
	}
	EXPECT_EQ(NULL, strstr(flags, "??"));
	flags = vm_flags_of(plain);
	ASSERT_NE(NULL, flags);
	EXPECT_EQ(NULL, strstr(flags, " " TAM_VMFLAG " "));
	EXPECT_EQ(self->fill, smaps_kb(getpid(), self->p, 1, "FillByte:"));
}

TEST_F(region, a_name_splits_nothing_of_the_fill)
{
	if (prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, AT(4), 4 * self->page, "named"))
		SKIP(return, "anonymous VMAs have no names (CONFIG_ANON_VMA_NAME)");
	EXPECT_EQ(3, vma_count(self->p, self->len));
	EXPECT_FILL(self->p, self->len, self->fill);
}

static bool is_tamalloc(const void *p)
{
	const char *flags = vm_flags_of(p);

	return flags && strstr(flags, " " TAM_VMFLAG);
}

static bool new_mapping_is_tamalloc(int flags)
{
	unsigned char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
	bool is = p != MAP_FAILED && is_tamalloc(p);

	munmap(p, 4096);
	return is;
}

/* A switch for tests: private anonymous memory is tamalloc's, nothing else is. */
TEST_F(region, the_debug_switch_takes_private_anonymous_memory_only)
{
	unsigned char *heap;

	if (knob_set("/sys/kernel/debug/tamalloc_all", "Y"))
		SKIP(return, "no tamalloc_all in debugfs (CONFIG_TAMALLOC_DEBUG_ALL, root)");
	EXPECT_TRUE(new_mapping_is_tamalloc(MAP_PRIVATE));
	EXPECT_TRUE(new_mapping_is_tamalloc(MAP_PRIVATE | MAP_NORESERVE | MAP_POPULATE));
	EXPECT_FALSE(new_mapping_is_tamalloc(MAP_SHARED));
	EXPECT_FALSE(new_mapping_is_tamalloc(MAP_PRIVATE | MAP_GROWSDOWN));
	EXPECT_FALSE(is_tamalloc(&heap));
	/* In a child, whose heap is its own: new break, new VMA beside the old. */
	if (!fork()) {
		heap = sbrk(1 << 20);
		heap[(1 << 20) - 1] = 1;
		_exit(is_tamalloc(heap + (1 << 19)) ? 0 : 1);
	}
	EXPECT_EQ(0, wait_status(-1));
	/* Memory that has a fill keeps it. */
	EXPECT_FILL(self->p, self->len, self->fill);
	EXPECT_EQ(0x77, load_byte(tamalloc(4096, 0x77, 0)));
	knobs_restore();
	EXPECT_FALSE(new_mapping_is_tamalloc(MAP_PRIVATE));
}

TEST_HARNESS_MAIN
