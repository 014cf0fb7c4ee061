// SPDX-License-Identifier: GPL-2.0-only
/* Memory control groups (version 2): what is charged, and what a limit does. */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include "kselftest_harness.h"
#include "tam_test.h"

static char root[64];
static char group[128];

static const char *group_make(void);
static void clean_up(void);

#define REGION_PAGES	(64 * MB / 4096)
#define REGION_PREPARE	group_make
#define REGION_CLEANUP	clean_up
#include "region.h"

/* What a child has besides: pages of its stack and data that it writes to. */
#define OWN_BYTES	(64 * 1024L)

#define TEMP_MOUNT	"/tmp/tamalloc-cgroup"

static int group_write(const char *dir, const char *file, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	return write_text(path, text);
}

/* A "name value" line of a file of the group; -1 if there is none. */
static long group_value(const char *file, const char *name)
{
	char path[256], text[8192], *line, *rest = text;

	/* memory.stat may lag by what each CPU holds back, cpu.stat never: it adds up all. */
	snprintf(path, sizeof(path), "%s/cpu.stat", group);
	read_text(path, text, sizeof(text));
	snprintf(path, sizeof(path), "%s/%s", group, file);
	if (read_text(path, text, sizeof(text)) < 0)
		return -1;
	while ((line = strsep(&rest, "\n")))
		if (!strncmp(line, name, strlen(name)) && line[strlen(name)] == ' ')
			return strtol(line + strlen(name), NULL, 10);
	return -1;
}

static bool use_root(const char *path)
{
	char file[128];

	snprintf(file, sizeof(file), "%s/cgroup.subtree_control", path);
	snprintf(root, sizeof(root), "%s", path);
	return access(file, W_OK) == 0;
}

static const char *group_make(void)
{
	char text[256], file[128];

	if (!use_root("/sys/fs/cgroup") && !use_root(TEMP_MOUNT)) {
		mkdir(TEMP_MOUNT, 0755);
		if (mount("none", TEMP_MOUNT, "cgroup2", 0, NULL) || !use_root(TEMP_MOUNT))
			return "no cgroup2 (CONFIG_CGROUPS, root)";
	}
	snprintf(file, sizeof(file), "%s/cgroup.controllers", root);
	if (read_text(file, text, sizeof(text)) < 0 || !strstr(text, "memory"))
		return "no memory controller in cgroup2 (CONFIG_MEMCG)";
	group_write(root, "cgroup.subtree_control", "+memory");
	snprintf(group, sizeof(group), "%s/tamalloc-test", root);
	if (mkdir(group, 0755) && errno != EEXIST)
		return "no control group can be made";
	return NULL;
}

/* Runs in the parent, which knows nothing of the names: the test's process made them. */
static void group_remove(void)
{
	static const char *const dirs[] = {
		"/sys/fs/cgroup/tamalloc-test", TEMP_MOUNT "/tamalloc-test",
	};

	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		if (access(dirs[i], F_OK))
			continue;
		/* A process that just ended leaves the group a moment later. */
		for (int tries = 0; tries < 500 && rmdir(dirs[i]); tries++)
			usleep(10000);
		if (!access(dirs[i], F_OK))
			printf("# %s stays: %s\n", dirs[i], strerror(errno));
	}
}

static void clean_up(void)
{
	group_remove();
	zram_swap_off();
}

/* A child in the group; returns in the child only once it is a member. */
static pid_t fork_into_group(void)
{
	pid_t child = fork();

	if (!child && group_write(group, "cgroup.procs", "0"))
		_exit(99);
	return child;
}

TEST_F_TIMEOUT(region, only_touched_pages_are_charged, LIMIT_SLOW)
{
	pid_t child = fork_into_group();

	if (!child) {
		long before = group_value("memory.stat", "anon"), charged;

		write_pages(self->p, self->pages, 16, OTHER);
		charged = group_value("memory.stat", "anon") - before;
		EXPECT_LE((long)self->len / 16, charged);
		EXPECT_GE((long)self->len / 16 + OWN_BYTES, charged);
		EXPECT_EQ(0, munmap(self->p, self->len));
		EXPECT_GE(before + OWN_BYTES, group_value("memory.stat", "anon"));
		_exit(0);
	}
	EXPECT_EQ(0, wait_status(child));
}

/* A limit of 16 MB: 64 MB may be reserved and 4 of them touched. */
TEST_F_TIMEOUT(region, sparse_use_stays_below_a_limit, LIMIT_SLOW)
{
	pid_t child;

	ASSERT_EQ(0, group_write(group, "memory.max", "16777216"));
	child = fork_into_group();
	if (!child) {
		write_pages(self->p, self->pages, 16, OTHER);
		_exit(first_bad(self->p + self->page, self->page, self->fill) != self->page);
	}
	EXPECT_EQ(0, wait_status(child));
	EXPECT_EQ(0, group_value("memory.events", "oom_kill"));
}

TEST_F_TIMEOUT(region, touching_more_than_the_limit_kills_in_the_group_only, LIMIT_SLOW)
{
	pid_t child;

	ASSERT_EQ(0, group_write(group, "memory.max", "8388608"));
	group_write(group, "memory.swap.max", "0");
	child = fork_into_group();
	if (!child) {
		write_pages(self->p, self->pages, 1, OTHER);
		_exit(0);
	}
	EXPECT_EQ(128 + SIGKILL, wait_status(child));
	EXPECT_LE(1, group_value("memory.events", "oom_kill"));
	/* Nothing is left behind, and the others are well. */
	EXPECT_EQ(0, group_value("memory.stat", "anon"));
	write_pages(self->p, 1024, 1, OTHER);
	EXPECT_FILL(self->p + 1024 * self->page, self->page, self->fill);
}

/* Also when the kernel makes the page on the process's behalf. */
TEST_F_TIMEOUT(region, populating_more_than_the_limit_is_no_crash, LIMIT_SLOW)
{
	pid_t child;
	int status;

	ASSERT_EQ(0, group_write(group, "memory.max", "8388608"));
	group_write(group, "memory.swap.max", "0");
	child = fork_into_group();
	if (!child)
		_exit(madvise(self->p, self->len, MADV_POPULATE_WRITE) ? 1 : 0);
	status = wait_status(child);
	EXPECT_TRUE(status == 128 + SIGKILL || status == 1);
	EXPECT_EQ(0, group_value("memory.stat", "anon"));
	EXPECT_FILL(self->p, self->page, self->fill);
}

static long group_number(const char *file)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", group, file);
	return read_long(path);
}

/*
 * Half of the region may be used, and is, densely up to the last pages: what is made
 * ahead of a touch must not be what is one too much, so nothing is reclaimed for it,
 * and nobody killed.
 */
TEST_F_TIMEOUT(region, dense_use_up_to_the_limit_reclaims_and_kills_nothing, LIMIT_SLOW)
{
	const long limit = self->len / 2, spare = 16;
	char text[32];
	pid_t child;

	snprintf(text, sizeof(text), "%ld", limit);
	ASSERT_EQ(0, group_write(group, "memory.max", text));
	group_write(group, "memory.swap.max", "0");
	child = fork_into_group();
	if (!child) {
		size_t at = 0, room;
		cpu_set_t cpu;

		/* Each CPU takes a stock of charges: one CPU, one stock. */
		CPU_ZERO(&cpu);
		CPU_SET(0, &cpu);
		sched_setaffinity(0, sizeof(cpu), &cpu);
		make_own_pages_resident();
		while ((room = (limit - group_number("memory.current")) / self->page) > spare) {
			write_pages(self->p + at * self->page, room - spare, 1, OTHER);
			at += room - spare;
		}
		_exit(at > self->pages * 7 / 16 ? 0 : 1);
	}
	EXPECT_EQ(0, wait_status(child));
	EXPECT_EQ(0, group_value("memory.events", "max"));
	EXPECT_EQ(0, group_value("memory.events", "oom_kill"));
}

/* With swap, twice the limit may be used. */
TEST_F_TIMEOUT(region, dense_use_beyond_the_limit_is_swapped, LIMIT_LONG)
{
	const char *reason = zram_swap_on(16 * MB);
	pid_t child;

	if (reason)
		SKIP(return, "%s", reason);
	ASSERT_EQ(0, group_write(group, "memory.max", "8388608"));
	child = fork_into_group();
	if (!child) {
		const size_t pages = 16 * MB / self->page;
		size_t bad = 0;

		write_pages(self->p, pages, 1, OTHER);
		for (size_t i = 0; i < pages; i++) {
			unsigned char *page = self->p + i * self->page;

			bad += page[0] != OTHER ||
			       first_bad(page + 1, self->page - 1, self->fill) != self->page - 1;
		}
		_exit(bad ? 1 : 0);
	}
	EXPECT_EQ(0, wait_status(child));
	EXPECT_EQ(0, group_value("memory.events", "oom_kill"));
}

TEST_HARNESS_MAIN
