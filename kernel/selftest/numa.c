// SPDX-License-Identifier: GPL-2.0-only
/* Memory policy and migration: pages where the policy says, bytes the same wherever they go. */
#include <linux/mempolicy.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include "kselftest_harness.h"
#include "region.h"

#define AT(n)	(self->p + (n) * self->page)

static bool two_nodes(void)
{
	return access("/sys/devices/system/node/node1", F_OK) == 0 &&
	       access("/sys/devices/system/node/node0", F_OK) == 0;
}

static long bind(void *p, size_t len, int mode, unsigned long nodes, unsigned int flags)
{
	return syscall(SYS_mbind, p, len, mode, &nodes, 8 * sizeof(nodes), flags);
}

/* The node of a page, or -errno (-ENOENT: not there). */
static int node_of(void *p)
{
	int status = -1;

	if (syscall(SYS_move_pages, 0, 1, &p, NULL, &status, 0))
		return -errno;
	return status;
}

TEST_F(region, bound_pages_are_made_on_their_node)
{
	if (!two_nodes())
		SKIP(return, "one NUMA node only");
	for (int node = 0; node < 2; node++) {
		ASSERT_EQ(0, bind(self->p, self->len, MPOL_BIND, 1UL << node, 0));
		write_pages(self->p, self->pages / 2, 1, OTHER);
		for (size_t i = 0; i < self->pages / 2; i++)
			EXPECT_EQ(node, node_of(AT(i)));
		/* And when the first access is a read. */
		EXPECT_FILL(AT(8), 8 * self->page, self->fill);
		for (size_t i = 8; self->fill && i < self->pages; i++)
			EXPECT_EQ(node, node_of(AT(i)));
		ASSERT_EQ(0, madvise(self->p, self->len, MADV_DONTNEED));
	}
}

TEST_F(region, interleaved_pages_alternate)
{
	int on_node[2] = { 0, 0 };

	if (!two_nodes())
		SKIP(return, "one NUMA node only");
	/* A folio lies on one node. */
	ASSERT_EQ(0, madvise(self->p, self->len, MADV_NOHUGEPAGE));
	ASSERT_EQ(0, bind(self->p, self->len, MPOL_INTERLEAVE, 3, 0));
	write_pages(self->p, self->pages, 1, OTHER);
	for (size_t i = 0; i < self->pages; i++) {
		int node = node_of(AT(i));

		ASSERT_LE(0, node);
		ASSERT_GE(1, node);
		on_node[node]++;
	}
	EXPECT_EQ(8, on_node[0]);
	EXPECT_EQ(8, on_node[1]);
}

TEST_F(region, policy_of_the_task_counts)
{
	unsigned long nodes = 2;

	if (!two_nodes())
		SKIP(return, "one NUMA node only");
	ASSERT_EQ(0, syscall(SYS_set_mempolicy, MPOL_BIND, &nodes, 8 * sizeof(nodes)));
	write_pages(self->p, self->pages, 1, OTHER);
	for (size_t i = 0; i < self->pages; i++)
		EXPECT_EQ(1, node_of(AT(i)));
}

TEST_F(region, a_policy_for_the_middle_splits_and_fills)
{
	if (!two_nodes())
		SKIP(return, "one NUMA node only");
	ASSERT_EQ(0, bind(AT(4), 4 * self->page, MPOL_BIND, 2, 0));
	EXPECT_EQ(3, vma_count(self->p, self->len));
	EXPECT_FILL(self->p, self->len, self->fill);
}

TEST_F(region, moved_pages_keep_their_bytes_and_untouched_ones_stay_untouched)
{
	int other;

	if (!two_nodes())
		SKIP(return, "one NUMA node only");
	write_pages(self->p, self->pages, 2, OTHER);
	other = 1 - node_of(AT(0));
	ASSERT_EQ(0, bind(self->p, self->len, MPOL_BIND, 1UL << other, MPOL_MF_MOVE));
	EXPECT_EQ((long)self->len / 2048, region_kb(self));
	for (size_t i = 0; i < self->pages; i++) {
		int wanted = i % 2 ? -ENOENT : other;

		EXPECT_EQ(wanted, node_of(AT(i)));
	}
	for (size_t i = 0; i < self->pages; i++) {
		EXPECT_EQ(i % 2 ? self->fill : OTHER, AT(i)[0]);
		EXPECT_FILL(AT(i) + 1, self->page - 1, self->fill);
	}
}

/* A dense run long enough to be made in larger steps than one page, on each node. */
TEST_F(region, dense_runs_are_made_on_their_node)
{
	const size_t pages = 600;

	if (!two_nodes())
		SKIP(return, "one NUMA node only");
	for (int node = 0; node < 2; node++) {
		unsigned char *p = tamalloc(pages * self->page, self->fill, 0);

		ASSERT_NE(MAP_FAILED, p);
		ASSERT_EQ(0, bind(p, pages * self->page, MPOL_BIND, 1UL << node, 0));
		write_pages(p, pages, 1, OTHER);
		for (size_t i = 0; i < pages; i++)
			ASSERT_EQ(node, node_of(p + i * self->page));
		munmap(p, pages * self->page);
	}
}

TEST_F(region, compaction_keeps_every_byte)
{
	for (size_t i = 0; i < self->pages; i += 2)
		memset(AT(i), 1 + i, self->page);
	if (write_text("/proc/sys/vm/compact_memory", "1"))
		SKIP(return, "no compaction (CONFIG_COMPACTION, root)");
	for (size_t i = 0; i < self->pages; i++)
		EXPECT_FILL(AT(i), self->page, i % 2 ? self->fill : 1 + i);
}

TEST_HARNESS_MAIN
