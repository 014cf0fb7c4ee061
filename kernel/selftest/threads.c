// SPDX-License-Identifier: GPL-2.0-only
/* Several threads on the same untouched pages, and fork, madvise and mprotect beside them. */
#include <linux/perf_event.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include "kselftest_harness.h"

#define REGION_PAGES	512
#include "region.h"

#define THREADS		4

/* What the threads of a test share. */
struct team {
	unsigned char *p;
	size_t pages;
	size_t page;
	unsigned char fill;
	pthread_barrier_t start;
	atomic_bool stop;
	atomic_int bad;		/* bytes seen that cannot be */
};

struct member {
	struct team *team;
	int number;
	pthread_t thread;
};

static void team_init(struct team *team, const struct _test_data_region *self, int count)
{
	memset(team, 0, sizeof(*team));
	team->p = self->p;
	team->pages = self->pages;
	team->page = self->page;
	team->fill = self->fill;
	pthread_barrier_init(&team->start, NULL, count);
}

static void team_start(struct team *team, struct member *members, int count, void *(*work)(void *))
{
	for (int i = 0; i < count; i++) {
		members[i] = (struct member){ .team = team, .number = i };
		if (pthread_create(&members[i].thread, NULL, work, &members[i]))
			exit(1);
	}
}

static void team_join(struct member *members, int count)
{
	for (int i = 0; i < count; i++)
		pthread_join(members[i].thread, NULL);
}

/* Each writes a byte of its own in every page, all in the same order at once. */
static void *write_own_lane(void *arg)
{
	const struct member *me = arg;
	struct team *team = me->team;

	pthread_barrier_wait(&team->start);
	for (size_t i = 0; i < team->pages; i++) {
		unsigned char *page = team->p + i * team->page;

		if (load_byte(page + 2048 + me->number) != team->fill)
			team->bad++;
		store_byte(page + me->number, 1 + me->number);
	}
	return NULL;
}

TEST_F_TIMEOUT(region, four_threads_make_each_page_once_and_lose_no_write, LIMIT_SLOW)
{
	struct member members[THREADS];
	struct team team;

	for (int round = 0; round < 4; round++) {
		team_init(&team, self, THREADS);
		team_start(&team, members, THREADS, write_own_lane);
		team_join(members, THREADS);
		EXPECT_EQ(0, team.bad);
		EXPECT_EQ((long)(self->len / 1024), region_kb(self));
		for (size_t i = 0; i < self->pages; i++) {
			unsigned char *page = self->p + i * self->page;

			for (int t = 0; t < THREADS; t++)
				ASSERT_EQ(1 + t, page[t]);
			ASSERT_EQ(self->page - THREADS,
				  first_bad(page + THREADS, self->page - THREADS, self->fill));
		}
		ASSERT_EQ(0, madvise(self->p, self->len, MADV_DONTNEED));
	}
}

/* A reader and a writer of the same page: the reader sees fill or the written byte. */
static void *read_or_write(void *arg)
{
	const struct member *me = arg;
	struct team *team = me->team;

	pthread_barrier_wait(&team->start);
	for (size_t i = 0; i < team->pages; i++) {
		unsigned char *byte = team->p + i * team->page + 77;
		unsigned char seen;

		if (me->number % 2) {
			store_byte(byte, OTHER);
			seen = load_byte(byte);
			if (seen != OTHER)
				team->bad++;
		} else {
			seen = load_byte(byte);
			if (seen != OTHER && seen != team->fill)
				team->bad++;
		}
	}
	return NULL;
}

TEST_F_TIMEOUT(region, readers_beside_writers_see_fill_or_what_was_written, LIMIT_SLOW)
{
	struct member members[THREADS];
	struct team team;

	for (int round = 0; round < 4; round++) {
		team_init(&team, self, THREADS);
		team_start(&team, members, THREADS, read_or_write);
		team_join(members, THREADS);
		EXPECT_EQ(0, team.bad);
		for (size_t i = 0; i < self->pages; i++)
			ASSERT_EQ(77, first_bad(self->p + i * self->page, self->page, self->fill));
		ASSERT_EQ(0, madvise(self->p, self->len, MADV_DONTNEED));
	}
}

TEST_F_TIMEOUT(region, children_forked_beside_writers_see_fill_or_what_was_written, LIMIT_SLOW)
{
	struct member members[THREADS - 1];
	struct team team;
	int children = 0;

	team_init(&team, self, THREADS);
	team_start(&team, members, THREADS - 1, read_or_write);
	pthread_barrier_wait(&team.start);
	for (; children < 8; children++) {
		pid_t child = fork();

		if (!child) {
			int bad = 0;

			for (size_t i = 0; i < self->pages; i++) {
				unsigned char *page = self->p + i * self->page;
				unsigned char seen = page[77];

				bad += seen != OTHER && seen != self->fill;
				bad += page[0] != self->fill;
				page[0] = 1;
			}
			_exit(bad ? 1 : 0);
		}
		EXPECT_EQ(0, wait_status(child));
	}
	team_join(members, THREADS - 1);
	EXPECT_EQ(0, team.bad);
	for (size_t i = 0; i < self->pages; i++)
		ASSERT_EQ(77, first_bad(self->p + i * self->page, self->page, self->fill));
}

/* Reads everything over and over; only fill and OTHER may ever be seen. */
static void *watch(void *arg)
{
	const struct member *me = arg;
	struct team *team = me->team;

	pthread_barrier_wait(&team->start);
	while (!team->stop) {
		for (size_t i = me->number; i < team->pages; i += 7) {
			unsigned char seen = load_byte(team->p + i * team->page);

			if (seen != OTHER && seen != team->fill)
				team->bad++;
		}
	}
	return NULL;
}

TEST_F_TIMEOUT(region, pages_dropped_beside_readers_are_fill_again, LIMIT_SLOW)
{
	struct member members[THREADS - 1];
	struct team team;

	team_init(&team, self, THREADS);
	team_start(&team, members, THREADS - 1, watch);
	pthread_barrier_wait(&team.start);
	for (int round = 0; round < 12; round++) {
		memset(self->p, OTHER, self->len / 8);
		if (first_bad(self->p, self->len / 8, OTHER) != self->len / 8)
			team.bad++;
		madvise(self->p, self->len, MADV_DONTNEED);
	}
	team.stop = true;
	team_join(members, THREADS - 1);
	EXPECT_EQ(0, team.bad);
	EXPECT_FILL(self->p, self->len, self->fill);
}

TEST_F_TIMEOUT(region, protection_changed_beside_readers_changes_no_byte, LIMIT_SLOW)
{
	struct member members[THREADS - 1];
	struct team team;

	team_init(&team, self, THREADS);
	team_start(&team, members, THREADS - 1, watch);
	pthread_barrier_wait(&team.start);
	for (int round = 0; round < 24; round++) {
		size_t from = round % 8 * self->page;

		EXPECT_EQ(0, mprotect(self->p + from, self->len / 2, PROT_READ));
		EXPECT_EQ(0, mprotect(self->p, self->len, PROT_READ | PROT_WRITE));
	}
	team.stop = true;
	team_join(members, THREADS - 1);
	EXPECT_EQ(0, team.bad);
	EXPECT_FILL(self->p, self->len, self->fill);
	EXPECT_EQ(1, vma_count(self->p, self->len));
}

/* Mappings come and go in all threads at once; none may see another's bytes. */
static void *allocate_and_free(void *arg)
{
	const struct member *me = arg;
	struct team *team = me->team;
	const unsigned char fill = team->fill + me->number;

	pthread_barrier_wait(&team->start);
	for (int round = 0; round < 50; round++) {
		size_t len = (1 + round % 9) * team->page;
		unsigned char *p = tamalloc(len, fill, 0);

		if (p == MAP_FAILED || first_bad(p, len, fill) != len) {
			team->bad++;
			continue;
		}
		memset(p, ~fill, len);
		munmap(p, len);
	}
	return NULL;
}

TEST_F_TIMEOUT(region, threads_that_allocate_and_free_never_see_each_others_bytes, LIMIT_SLOW)
{
	struct member members[THREADS];
	struct team team;

	team_init(&team, self, THREADS);
	team_start(&team, members, THREADS, allocate_and_free);
	team_join(members, THREADS);
	EXPECT_EQ(0, team.bad);
}

/* Counts how often this thread, and those that it starts, take or try the mmap_lock; -1: cannot. */
static int mmap_lock_counter(void)
{
	static const char *const ids[] = {
		"/sys/kernel/tracing/events/mmap_lock/mmap_lock_acquire_returned/id",
		"/sys/kernel/debug/tracing/events/mmap_lock/mmap_lock_acquire_returned/id",
	};
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr), .inherit = 1,
	};
	long id = read_long(ids[0]);

	if (id < 0)
		id = read_long(ids[1]);
	if (id < 0)
		return -1;
	attr.config = id;
	return syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

static long counted(int counter)
{
	__u64 count;

	return read(counter, &count, sizeof(count)) == sizeof(count) ? (long)count : -1;
}

/* First a part of its own, then every other page of all of it, at the same time as the others. */
static void *fault_in_both_ways(void *arg)
{
	const struct member *me = arg;
	struct team *team = me->team;
	const size_t half = team->pages / 2, part = half / THREADS;

	make_stack_resident();
	pthread_barrier_wait(&team->start);	/* all are there: the count begins */
	pthread_barrier_wait(&team->start);
	write_pages(team->p + me->number * part * team->page, part, 1, OTHER);
	write_pages(team->p + half * team->page, half, 1, OTHER);
	pthread_barrier_wait(&team->start);	/* all are through: it ends */
	pthread_barrier_wait(&team->start);
	return NULL;
}

TEST_F_TIMEOUT(region, faults_of_four_threads_need_no_mmap_lock, LIMIT_SLOW)
{
	struct member members[THREADS];
	struct team team;
	long before, after;
	int counter;

	counter = mmap_lock_counter();
	if (counter < 0)
		SKIP(return, "no perf events of the mmap_lock (CONFIG_PERF_EVENTS, tracefs, root)");
	make_own_pages_resident();
	/* The first fault of a VMA makes its anon_vma, under the mmap_lock: it counts. */
	before = counted(counter);
	write_pages(self->p, 1, 1, OTHER);
	EXPECT_LT(before, counted(counter));
	team_init(&team, self, THREADS + 1);
	team_start(&team, members, THREADS, fault_in_both_ways);
	pthread_barrier_wait(&team.start);
	before = counted(counter);
	pthread_barrier_wait(&team.start);
	pthread_barrier_wait(&team.start);
	after = counted(counter);
	pthread_barrier_wait(&team.start);
	team_join(members, THREADS);
	EXPECT_EQ(0, after - before);
	EXPECT_EQ((long)(self->len / 1024), region_kb(self));
}

TEST_HARNESS_MAIN
