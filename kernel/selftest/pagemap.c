// SPDX-License-Identifier: GPL-2.0-only
/* What pagemap, soft-dirty and smaps say of untouched, read and written pages. */
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include "kselftest_harness.h"
#include "region.h"

#define AT(n)	(self->p + (n) * self->page)

TEST_F(region, untouched_pages_have_an_empty_entry)
{
	for (size_t i = 0; i < self->pages; i++)
		EXPECT_EQ(0, pagemap_entry(AT(i)) & (PM_PRESENT | PM_SWAP));
	AT(2)[0] = OTHER;
	load_byte(AT(4));
	EXPECT_NE(0, pagemap_entry(AT(2)) & PM_PRESENT);
	EXPECT_NE(0, pagemap_entry(AT(4)) & PM_PRESENT);
	EXPECT_EQ(0, pagemap_entry(AT(3)) & PM_PRESENT);
	ASSERT_EQ(0, madvise(AT(2), self->page, MADV_DONTNEED));
	EXPECT_EQ(0, pagemap_entry(AT(2)) & PM_PRESENT);
}

TEST_F(region, soft_dirty_tells_writes_after_clearing)
{
	write_pages(self->p, 4, 1, OTHER);
	if (!(pagemap_entry(AT(0)) & PM_SOFT_DIRTY))
		SKIP(return, "no soft-dirty bits (CONFIG_MEM_SOFT_DIRTY)");
	ASSERT_EQ(0, write_text("/proc/self/clear_refs", "4"));
	for (int i = 0; i < 4; i++)
		EXPECT_EQ(0, pagemap_entry(AT(i)) & PM_SOFT_DIRTY);
	read_pages(self->p, 4, 1);
	EXPECT_EQ(0, pagemap_entry(AT(1)) & PM_SOFT_DIRTY);
	AT(1)[7] = 1;
	EXPECT_NE(0, pagemap_entry(AT(1)) & PM_SOFT_DIRTY);
	EXPECT_EQ(0, pagemap_entry(AT(2)) & PM_SOFT_DIRTY);
	/* A page that is new since then is dirty once it is written. */
	AT(9)[0] = OTHER;
	EXPECT_NE(0, pagemap_entry(AT(9)) & PM_SOFT_DIRTY);
	EXPECT_FILL(AT(9) + 1, 7 * self->page - 1, self->fill);
	EXPECT_FILL(AT(1) + 8, self->page - 8, self->fill);
}

TEST_F(region, a_move_and_a_split_keep_the_entries)
{
	unsigned char *to = mmap(NULL, self->len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, to);
	AT(3)[0] = OTHER;
	ASSERT_EQ(0, mprotect(AT(8), self->page, PROT_READ));
	ASSERT_EQ(to, mremap(self->p, 8 * self->page, 8 * self->page,
			     MREMAP_MAYMOVE | MREMAP_FIXED, to));
	EXPECT_NE(0, pagemap_entry(to + 3 * self->page) & PM_PRESENT);
	EXPECT_EQ(0, pagemap_entry(to + 4 * self->page) & PM_PRESENT);
	EXPECT_EQ(0, pagemap_entry(AT(8)) & PM_PRESENT);
}

TEST_F(region, referenced_counts_touched_pages_only)
{
	write_pages(self->p, self->pages, 4, OTHER);
	EXPECT_EQ(16, smaps_kb(getpid(), self->p, self->len, "Referenced:"));
	ASSERT_EQ(0, write_text("/proc/self/clear_refs", "1"));
	EXPECT_EQ(0, smaps_kb(getpid(), self->p, self->len, "Referenced:"));
	EXPECT_EQ(16, region_kb(self));
}

TEST_F(region, filled_pages_are_private_and_dirty)
{
	read_pages(self->p, 4, 1);
	write_pages(AT(8), 4, 1, OTHER);
	EXPECT_EQ(self->fill ? 32 : 16, smaps_kb(getpid(), self->p, self->len, "Anonymous:"));
	EXPECT_EQ(self->fill ? 32 : 16, smaps_kb(getpid(), self->p, self->len, "Private_Dirty:") +
		  smaps_kb(getpid(), self->p, self->len, "Private_Clean:"));
	EXPECT_EQ(0, smaps_kb(getpid(), self->p, self->len, "Shared_Dirty:"));
}

#ifdef PAGEMAP_SCAN
TEST_F(region, pagemap_scan_finds_the_touched_pages)
{
	struct page_region found[8];
	struct pm_scan_arg arg = {
		.size = sizeof(arg), .start = (uintptr_t)self->p,
		.end = (uintptr_t)self->p + self->len,
		.vec = (uintptr_t)found, .vec_len = ARRAY_LEN(found),
		.category_mask = PAGE_IS_PRESENT, .return_mask = PAGE_IS_PRESENT,
	};
	int fd = open("/proc/self/pagemap", O_RDONLY);

	ASSERT_LE(0, fd);
	AT(2)[0] = OTHER;
	AT(3)[0] = OTHER;
	AT(10)[0] = OTHER;
	ASSERT_EQ(2, ioctl(fd, PAGEMAP_SCAN, &arg));
	EXPECT_EQ((uintptr_t)AT(2), found[0].start);
	EXPECT_EQ((uintptr_t)AT(4), found[0].end);
	EXPECT_EQ((uintptr_t)AT(10), found[1].start);
	EXPECT_EQ((uintptr_t)AT(11), found[1].end);
}
#endif

TEST_HARNESS_MAIN
