// SPDX-License-Identifier: GPL-2.0-only
/* Children: what they see of untouched, written and dropped pages, and what their parent sees. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include "kselftest_harness.h"
#include "region.h"

#define AT(n)	(self->p + (n) * self->page)

/* A pair of pipes to let parent and child take turns. */
struct turns {
	int up[2];
	int down[2];
};

static void turns_init(struct turns *turns)
{
	if (pipe(turns->up) || pipe(turns->down))
		exit(1);
}

static void pass(int fd)
{
	if (write(fd, "x", 1) != 1)
		exit(1);
}

static void await(int fd)
{
	char c;

	if (read(fd, &c, 1) != 1)
		exit(1);
}

TEST_F(region, child_reads_fill_from_untouched_pages)
{
	pid_t child = fork();

	if (!child) {
		EXPECT_FILL(self->p, self->len, self->fill);
		_exit(0);
	}
	EXPECT_EQ(0, wait_status(child));
	EXPECT_EQ(0, region_kb(self));
	EXPECT_FILL(self->p, self->len, self->fill);
}

TEST_F(region, child_writes_untouched_pages_unseen_by_the_parent)
{
	pid_t child = fork();

	if (!child) {
		AT(0)[0] = OTHER;
		memset(AT(4), OTHER, self->page);
		EXPECT_EQ(8, region_kb(self));
		EXPECT_FILL(AT(0) + 1, 4 * self->page - 1, self->fill);
		EXPECT_FILL(AT(4), self->page, OTHER);
		_exit(0);
	}
	EXPECT_EQ(0, wait_status(child));
	EXPECT_EQ(0, region_kb(self));
	EXPECT_FILL(self->p, self->len, self->fill);
}

TEST_F(region, parent_writes_untouched_pages_unseen_by_the_child)
{
	struct turns turns;
	pid_t child;

	turns_init(&turns);
	child = fork();
	if (!child) {
		await(turns.down[0]);
		EXPECT_FILL(self->p, self->len, self->fill);
		_exit(0);
	}
	memset(self->p, OTHER, self->len);
	pass(turns.down[1]);
	EXPECT_EQ(0, wait_status(child));
	EXPECT_FILL(self->p, self->len, OTHER);
}

TEST_F(region, copy_on_write_both_ways)
{
	struct turns turns;
	pid_t child;

	turns_init(&turns);
	/* Pages 0 to 3 written, 4 to 7 read, the others untouched. */
	memset(AT(0), OTHER, 4 * self->page);
	EXPECT_FILL(AT(4), 4 * self->page, self->fill);
	child = fork();
	if (!child) {
		for (int i = 0; i < 16; i += 2)
			AT(i)[7] = 1;
		pass(turns.up[1]);
		await(turns.down[0]);
		for (int i = 0; i < 16; i++) {
			unsigned char held = i < 4 ? OTHER : self->fill;

			EXPECT_EQ(i % 2 ? held : 1, AT(i)[7]);
			EXPECT_FILL(AT(i), 7, held);
			EXPECT_FILL(AT(i) + 8, self->page - 8, held);
		}
		_exit(0);
	}
	await(turns.up[0]);
	for (int i = 1; i < 16; i += 2)
		AT(i)[7] = 2;
	pass(turns.down[1]);
	EXPECT_EQ(0, wait_status(child));
	for (int i = 0; i < 16; i++) {
		unsigned char held = i < 4 ? OTHER : self->fill;

		EXPECT_EQ(i % 2 ? 2 : held, AT(i)[7]);
		EXPECT_FILL(AT(i), 7, held);
		EXPECT_FILL(AT(i) + 8, self->page - 8, held);
	}
}

/* Pages read in the parent are shared with the child, and written once it is gone. */
TEST_F(region, write_after_the_child_is_gone)
{
	read_pages(self->p, self->pages, 1);
	ASSERT_EQ(0, wait_status(fork() ?: (_exit(0), 0)));
	for (size_t i = 0; i < self->pages; i++)
		AT(i)[0] = OTHER;
	for (size_t i = 0; i < self->pages; i++)
		EXPECT_FILL(AT(i) + 1, self->page - 1, self->fill);
	EXPECT_EQ((long)self->len / 1024, region_kb(self));
}

TEST_F(region, great_grandchildren_still_know_the_fill)
{
	pid_t first = fork();
	int depth;

	if (!first) {
		for (depth = 1; depth < 4; depth++) {
			pid_t next;

			AT(depth)[0] = depth;
			next = fork();
			if (next)
				_exit(wait_status(next));
		}
		for (int i = 1; i < 4; i++) {
			EXPECT_EQ(i, AT(i)[0]);
			EXPECT_FILL(AT(i) + 1, self->page - 1, self->fill);
		}
		EXPECT_FILL(AT(4), 12 * self->page, self->fill);
		_exit(0);
	}
	EXPECT_EQ(0, wait_status(first));
	EXPECT_FILL(self->p, self->len, self->fill);
}

/* The contents do not pass to the child; what replaces them is the fill. */
TEST_F(region, wipeonfork_gives_the_child_fill)
{
	pid_t child;

	memset(self->p, OTHER, self->len / 2);
	ASSERT_EQ(0, madvise(self->p, self->len, MADV_WIPEONFORK));
	child = fork();
	if (!child) {
		EXPECT_EQ(0, region_kb(self));
		EXPECT_FILL(self->p, self->len, self->fill);
		_exit(0);
	}
	EXPECT_EQ(0, wait_status(child));
	EXPECT_FILL(self->p, self->len / 2, OTHER);
	ASSERT_EQ(0, madvise(self->p, self->len, MADV_KEEPONFORK));
	child = fork();
	if (!child) {
		EXPECT_FILL(self->p, self->len / 2, OTHER);
		_exit(0);
	}
	EXPECT_EQ(0, wait_status(child));
}

TEST_F(region, dontfork_leaves_nothing_for_the_child)
{
	pid_t child;

	ASSERT_EQ(0, madvise(self->p, self->len, MADV_DONTFORK));
	child = fork();
	if (!child)
		_exit(vma_count(self->p, self->len));
	EXPECT_EQ(0, wait_status(child));
	EXPECT_FILL(self->p, self->len, self->fill);
}

static void *fill_reader(void *arg)
{
	struct {
		unsigned char *p;
		size_t len;
		unsigned char fill;
		size_t good;
	} *job = arg;

	job->good = first_bad(job->p, job->len, job->fill);
	return NULL;
}

TEST_F(region, another_thread_sees_the_same_memory)
{
	struct {
		unsigned char *p;
		size_t len;
		unsigned char fill;
		size_t good;
	} job = { AT(1), 15 * self->page, self->fill, 0 };
	pthread_t thread;

	AT(0)[0] = OTHER;
	ASSERT_EQ(0, pthread_create(&thread, NULL, fill_reader, &job));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(job.len, job.good);
}

static int vfork_child(void *arg)
{
	*(unsigned char *)arg = OTHER;
	return 0;
}

TEST_F(region, vfork_child_writes_the_parents_memory)
{
	static max_align_t stack[1024];
	pid_t child = clone(vfork_child, stack + ARRAY_LEN(stack), CLONE_VM | CLONE_VFORK | SIGCHLD,
			    AT(3));

	ASSERT_LT(0, child);
	EXPECT_EQ(0, wait_status(child));
	EXPECT_EQ(OTHER, *AT(3));
	EXPECT_FILL(AT(3) + 1, self->page - 1, self->fill);
}

TEST_F(region, pages_dropped_in_the_child_stay_in_the_parent)
{
	pid_t child;

	memset(self->p, OTHER, self->len);
	child = fork();
	if (!child) {
		EXPECT_EQ(0, madvise(self->p, self->len, MADV_DONTNEED));
		EXPECT_FILL(self->p, self->len, self->fill);
		EXPECT_EQ(0, munmap(self->p, self->len));
		_exit(0);
	}
	EXPECT_EQ(0, wait_status(child));
	EXPECT_FILL(self->p, self->len, OTHER);
}

TEST_F(region, mapping_made_in_the_child_is_its_own)
{
	pid_t child = fork();

	if (!child) {
		unsigned char *p = tamalloc(self->len, self->fill, 0);

		EXPECT_FILL(p, self->len, self->fill);
		_exit(0);
	}
	EXPECT_EQ(0, wait_status(child));
	EXPECT_FILL(self->p, self->len, self->fill);
}

TEST_HARNESS_MAIN
