// SPDX-License-Identifier: GPL-2.0-only
/*
 * The zero page under memory that is read before it is written: nothing is committed,
 * a sequential reader takes few faults, and a write finds a page of its own, alone.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include "kselftest_harness.h"

#define REGION_PAGES	2048
#include "region.h"

#define AT(n)		(self->p + (n) * self->page)

static long committed_pages(const struct _test_data_region *self)
{
	return region_kb(self) * 1024 / self->page;
}

static bool goes_ahead(void)
{
	return file_kb("/proc/vmstat", "tamalloc_ahead ") >= 0;
}

/* All entries in one read: a debug kernel takes minutes for as many opens. */
static long mapped_pages(const struct _test_data_region *self)
{
	static __u64 entries[REGION_PAGES];
	const off_t at = (uintptr_t)self->p / self->page * sizeof(entries[0]);
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	long mapped = 0;

	if (fd < 0 || pread(fd, entries, sizeof(entries), at) != sizeof(entries)) {
		perror("pagemap");
		exit(1);
	}
	close(fd);
	for (size_t n = 0; n < REGION_PAGES; n++)
		mapped += !!(entries[n] & PM_PRESENT);
	return mapped;
}

TEST_F(region, dense_reads_commit_only_what_cannot_be_the_zero_page)
{
	long faults = page_faults();

	read_pages(self->p, self->pages, 1);
	faults = page_faults() - faults;
	TH_LOG("%ld faults for %zu pages upwards", faults, self->pages);
	EXPECT_EQ(self->fill ? (long)self->pages : 0, committed_pages(self));
	if (goes_ahead())
		EXPECT_GT((long)self->pages / 32, faults);
	EXPECT_FILL(self->p, self->len, self->fill);

	ASSERT_EQ(0, madvise(self->p, self->len, MADV_DONTNEED));
	faults = page_faults();
	for (size_t n = self->pages; n-- > 0;)
		ASSERT_EQ(self->fill, load_byte(AT(n)));
	faults = page_faults() - faults;
	TH_LOG("downwards %ld", faults);
	EXPECT_EQ(self->fill ? (long)self->pages : 0, committed_pages(self));
	if (goes_ahead())
		EXPECT_GT((long)self->pages / 32, faults);
}

/* A page read here and there maps that page. */
TEST_F(region, sparse_reads_map_what_is_read)
{
	static const size_t strides[] = { 2, 3, 5, 64 };

	for (size_t i = 0; i < ARRAY_LEN(strides); i++) {
		ASSERT_EQ(0, madvise(self->p, self->len, MADV_DONTNEED));
		read_pages(self->p, self->pages, strides[i]);
		EXPECT_EQ((long)((self->pages + strides[i] - 1) / strides[i]), mapped_pages(self));
	}
}

/* No more is mapped ahead than was read before. */
TEST_F(region, reads_map_at_most_twice_what_was_read)
{
	for (size_t run = 1; run < 300; run += 7) {
		ASSERT_EQ(0, madvise(self->p, self->len, MADV_DONTNEED));
		read_pages(AT(3), run, 1);
		EXPECT_GE(2 * (long)run, mapped_pages(self));
		ASSERT_EQ(0, madvise(self->p, self->len, MADV_DONTNEED));
		for (size_t n = run; n-- > 0;)
			load_byte(AT(1500 + n));
		EXPECT_GE(2 * (long)run, mapped_pages(self));
	}
}

TEST_F(region, dense_writes_after_reads_find_zeros_and_take_few_faults)
{
	long faults;

	read_pages(self->p, self->pages, 1);
	faults = page_faults();
	for (size_t n = 0; n < self->pages; n++) {
		ASSERT_EQ(self->fill, load_byte(AT(n) + self->page - 1));
		store_byte(AT(n), 1 + n % 251);
	}
	faults = page_faults() - faults;
	TH_LOG("%ld faults for %zu pages", faults, self->pages);
	EXPECT_EQ((long)self->pages, committed_pages(self));
	if (goes_ahead())
		EXPECT_GT((long)self->pages / 16, faults);
	for (size_t n = 0; n < self->pages; n++) {
		ASSERT_EQ(1 + n % 251, *AT(n));
		ASSERT_EQ(self->page - 1, first_bad(AT(n) + 1, self->page - 1, self->fill));
	}
}

/* Each written page alone, whatever is mapped around it. */
TEST_F(region, sparse_writes_after_reads_commit_what_is_written)
{
	static const size_t strides[] = { 2, 3, 5, 64 };

	if (self->fill)
		SKIP(return, "with this fill, a read makes the page");
	for (size_t i = 0; i < ARRAY_LEN(strides); i++) {
		ASSERT_EQ(0, madvise(self->p, self->len, MADV_DONTNEED));
		read_pages(self->p, self->pages, 1);
		write_pages(self->p, self->pages, strides[i], OTHER);
		EXPECT_EQ((long)((self->pages + strides[i] - 1) / strides[i]),
			  committed_pages(self));
		for (size_t n = 0; n < self->pages; n++)
			ASSERT_EQ(n % strides[i] ? 0 : OTHER, *AT(n));
	}
}

/* Reads and writes of all pages by turns, and pages that are there already in between. */
TEST_F(region, zero_pages_give_way_only_where_nothing_was_written)
{
	write_pages(AT(5), 400, 11, OTHER);
	read_pages(self->p, self->pages, 1);
	for (size_t n = 0; n < self->pages; n++) {
		bool other = n >= 5 && n < 405 && (n - 5) % 11 == 0;

		ASSERT_EQ(other ? OTHER : self->fill, *AT(n));
		store_byte(AT(n) + 1, 1 + n % 251);
	}
	for (size_t n = 0; n < self->pages; n++) {
		bool other = n >= 5 && n < 405 && (n - 5) % 11 == 0;

		ASSERT_EQ(other ? OTHER : self->fill, AT(n)[0]);
		ASSERT_EQ(1 + n % 251, AT(n)[1]);
	}
	EXPECT_EQ((long)self->pages, committed_pages(self));
}

/* A child that reads what its parent has written, and the other way round. */
TEST_F(region, fork_between_reads_and_writes)
{
	pid_t child;

	read_pages(self->p, self->pages, 1);
	write_pages(self->p, self->pages / 2, 1, OTHER);
	child = fork();
	if (!child) {
		write_pages(AT(self->pages / 2), self->pages / 2, 1, 7);
		for (size_t n = 0; n < self->pages; n++)
			ASSERT_EQ(n < self->pages / 2 ? OTHER : 7, *AT(n));
		_exit(0);
	}
	write_pages(AT(self->pages / 2), self->pages / 2, 1, 9);
	for (size_t n = 0; n < self->pages; n++)
		ASSERT_EQ(n < self->pages / 2 ? OTHER : 9, *AT(n));
	EXPECT_EQ(0, wait_status(child));
	for (size_t n = 0; n < self->pages; n++)
		ASSERT_EQ(n < self->pages / 2 ? OTHER : 9, *AT(n));
}

static struct {
	unsigned char *p;
	size_t pages, page;
	unsigned char fill;
	unsigned int bad;
} shared;

/* Each thread writes bytes of its own in all pages, and reads those of nobody. */
static void *read_and_write(void *arg)
{
	const size_t mine = (size_t)arg;

	for (size_t n = 0; n < shared.pages; n++) {
		unsigned char *page = shared.p + n * shared.page;

		if (load_byte(page + 100) != shared.fill || load_byte(page + mine) != shared.fill)
			__atomic_fetch_add(&shared.bad, 1, __ATOMIC_RELAXED);
		if (n % 3 == mine % 3)
			load_byte(shared.p + (n + 40) % shared.pages * shared.page);
		store_byte(page + mine, 1 + mine);
	}
	return NULL;
}

TEST_F_TIMEOUT(region, threads_that_read_and_write_lose_nothing, LIMIT_SLOW)
{
	for (int round = repeat(50); round--;) {
		pthread_t threads[4];

		ASSERT_EQ(0, madvise(self->p, self->len, MADV_DONTNEED));
		shared.p = self->p;
		shared.pages = self->pages;
		shared.page = self->page;
		shared.fill = self->fill;
		read_pages(AT(round * 7), 500, 1);
		for (size_t i = 0; i < ARRAY_LEN(threads); i++)
			ASSERT_EQ(0, pthread_create(&threads[i], NULL, read_and_write, (void *)i));
		for (size_t i = 0; i < ARRAY_LEN(threads); i++)
			pthread_join(threads[i], NULL);
		ASSERT_EQ(0, shared.bad);
		for (size_t n = 0; n < self->pages; n++)
			for (size_t i = 0; i < ARRAY_LEN(threads); i++)
				ASSERT_EQ(1 + i, AT(n)[i]);
		EXPECT_EQ((long)self->pages, committed_pages(self));
	}
}

TEST_F(region, single_pages_are_read_one_by_one)
{
	unsigned char *p = tamalloc(self->len, self->fill, TAMALLOC_SINGLE);
	long faults;

	ASSERT_NE(MAP_FAILED, p);
	faults = page_faults();
	read_pages(p, self->pages, 1);
	EXPECT_LE((long)self->pages, page_faults() - faults);
	EXPECT_EQ(self->fill ? (long)self->len / 1024 : 0,
		  smaps_kb(getpid(), p, self->len, "Anonymous:"));
}

TEST_HARNESS_MAIN
