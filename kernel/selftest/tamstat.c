// SPDX-License-Identifier: GPL-2.0-only
/*
 * tamstat and tamstat_total as system calls: arguments, buffers, PID
 * namespaces, processes that come, go or have no memory. That the numbers are
 * those of /proc is tamstat_proc's business.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "tam_test.h"

#define ENTRY	sizeof(struct tamstat)
#define NO_PID	0x3fffffff	/* above PID_MAX_LIMIT */

FIXTURE(call)
{
};

FIXTURE_SETUP(call)
{
	const char *reason = tam_unsupported();

	if (reason)
		SKIP(return, "%s", reason);
}

FIXTURE_TEARDOWN(call)
{
}

/* A child that does nothing until it is killed. */
static pid_t idle_child(void)
{
	pid_t child = fork();

	if (!child) {
		for (;;)
			pause();
	}
	return child;
}

static void end_child(pid_t child)
{
	kill(child, SIGKILL);
	wait_status(child);
}

/* A child that is the first process of a PID namespace of its own; -1 if that is not allowed. */
static pid_t fork_alone(void)
{
	return unshare(CLONE_NEWPID) ? -1 : fork();
}

#define NO_NAMESPACE "no PID namespace (CONFIG_PID_NS, root)"

/* Every entry from PID 1 on, per_call at a time; how many, or -1. */
static int all_entries(struct tamstat *to, int room, int per_call)
{
	int count = 0;
	pid_t next = 1;

	while (count < room) {
		int wanted = room - count < per_call ? room - count : per_call;
		long got = tamstat(next, TAMSTAT_ALL, to + count, wanted, ENTRY);

		if (got < 0)
			return -1;
		if (!got)
			break;
		count += got;
		next = to[count - 1].pid + 1;
	}
	return count;
}

static const struct tamstat *entry_of(const struct tamstat *entries, int count, pid_t pid)
{
	for (int i = 0; i < count; i++)
		if (entries[i].pid == pid)
			return &entries[i];
	return NULL;
}

TEST_F(call, pid_0_is_the_caller)
{
	struct tamstat zero, own;

	ASSERT_EQ(1, tamstat(0, 0, &zero, 1, ENTRY));
	ASSERT_EQ(1, tamstat(getpid(), 0, &own, 1, ENTRY));
	EXPECT_EQ(getpid(), zero.pid);
	EXPECT_EQ(getpid(), own.pid);
	EXPECT_EQ(0, strcmp("tamstat", own.comm));
	EXPECT_EQ(zero.reserved_bytes, own.reserved_bytes);
	EXPECT_EQ(0, own.flags);
	EXPECT_EQ(0, own.__pad);
}

TEST_F(call, reserved_and_committed_grow_by_what_is_reserved_and_touched)
{
	struct tamstat before, reserved, touched, freed;
	char *p;

	ASSERT_EQ(1, tamstat(0, 0, &before, 1, ENTRY));
	p = tamalloc(64 * MB, 0xab, 0);
	ASSERT_NE(MAP_FAILED, p);
	ASSERT_EQ(1, tamstat(0, 0, &reserved, 1, ENTRY));
	write_pages(p, 4096, 1, 1);
	ASSERT_EQ(1, tamstat(0, 0, &touched, 1, ENTRY));
	ASSERT_EQ(0, munmap(p, 64 * MB));
	ASSERT_EQ(1, tamstat(0, 0, &freed, 1, ENTRY));

	EXPECT_EQ(64 * MB, reserved.reserved_bytes - before.reserved_bytes);
	EXPECT_EQ(0, reserved.anon_bytes - before.anon_bytes);
	EXPECT_EQ(16 * MB, touched.anon_bytes - reserved.anon_bytes);
	EXPECT_EQ(reserved.reserved_bytes, touched.reserved_bytes);
	EXPECT_EQ(before.anon_bytes, freed.anon_bytes);
	EXPECT_EQ(before.reserved_bytes, freed.reserved_bytes);
	EXPECT_LE(touched.committed_bytes, freed.peak_committed_bytes + 256 * 1024);
	EXPECT_LE(8 * 4096, touched.page_table_bytes - reserved.page_table_bytes);
	EXPECT_EQ(touched.anon_bytes + touched.file_bytes + touched.shmem_bytes,
		  touched.committed_bytes);
	EXPECT_EQ(touched.committed_bytes * 10000 / touched.reserved_bytes,
		  touched.committed_pct_x100);
}

TEST_F(call, bad_arguments_are_einval)
{
	struct tamstat entry;

	EXPECT_EQ(-1, tamstat(0, 0, &entry, 0, ENTRY));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, tamstat(1, TAMSTAT_ALL, &entry, 0, ENTRY));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, tamstat(-1, 0, &entry, 1, ENTRY));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, tamstat(-1, TAMSTAT_ALL, &entry, 1, ENTRY));
	EXPECT_EQ(EINVAL, errno);
	for (int bit = 1; bit < 32; bit++) {
		EXPECT_EQ(-1, tamstat(0, 1U << bit, &entry, 1, ENTRY));
		EXPECT_EQ(EINVAL, errno);
	}
	for (size_t bytes = 0; bytes < TAMSTAT_SIZE_VER0; bytes++) {
		EXPECT_EQ(-1, tamstat(0, 0, &entry, 1, bytes));
		EXPECT_EQ(EINVAL, errno);
	}
}

TEST_F(call, unknown_pids_and_thread_ids_are_esrch)
{
	struct tamstat entry;
	pid_t child = idle_child();

	ASSERT_EQ(1, tamstat(child, 0, &entry, 1, ENTRY));
	end_child(child);
	EXPECT_EQ(-1, tamstat(child, 0, &entry, 1, ENTRY));
	EXPECT_EQ(ESRCH, errno);
	EXPECT_EQ(-1, tamstat(NO_PID, 0, &entry, 1, ENTRY));
	EXPECT_EQ(ESRCH, errno);
	EXPECT_EQ(0, tamstat(NO_PID, TAMSTAT_ALL, &entry, 1, ENTRY));
	EXPECT_EQ(0, tamstat(0x7fffffff, TAMSTAT_ALL, &entry, 1, ENTRY));
}

static void *asked_thread(void *arg)
{
	struct tamstat entry;
	pid_t tid = syscall(SYS_gettid);

	*(int *)arg = tamstat(tid, 0, &entry, 1, ENTRY) == -1 ? errno : 0;
	return NULL;
}

TEST_F(call, a_thread_id_is_no_process)
{
	pthread_t thread;
	int err = 0;

	ASSERT_EQ(0, pthread_create(&thread, NULL, asked_thread, &err));
	pthread_join(thread, NULL);
	EXPECT_EQ(ESRCH, err);
}

TEST_F(call, a_struct_of_the_future_is_served_with_a_zeroed_tail)
{
	enum { BYTES = 136 };
	unsigned char buf[4 * BYTES];
	struct tamstat entry;
	long got;

	memset(buf, 0xee, sizeof(buf));
	got = tamstat(1, TAMSTAT_ALL, buf, 3, BYTES);
	ASSERT_EQ(3, got);
	for (int i = 0; i < 3; i++) {
		memcpy(&entry, buf + i * BYTES, ENTRY);
		EXPECT_LT(0, entry.pid);
		EXPECT_FILL(buf + i * BYTES + ENTRY, BYTES - ENTRY, 0);
	}
	EXPECT_FILL(buf + 3 * BYTES, BYTES, 0xee);
	EXPECT_EQ(1, tamstat(0, 0, buf, 1, BYTES));
	memcpy(&entry, buf, ENTRY);
	EXPECT_EQ(getpid(), entry.pid);
}

TEST_F(call, a_struct_above_a_page_is_e2big)
{
	unsigned char *buf = calloc(2, page_bytes());

	EXPECT_EQ(1, tamstat(0, 0, buf, 1, page_bytes()));
	EXPECT_EQ(-1, tamstat(0, 0, buf, 1, page_bytes() + 1));
	EXPECT_EQ(E2BIG, errno);
	EXPECT_EQ(-1, tamstat(0, 0, buf, 1, -1UL));
	EXPECT_EQ(E2BIG, errno);
	EXPECT_EQ(-1, tamstat_total(buf, page_bytes() + 1, 0));
	EXPECT_EQ(E2BIG, errno);
}

/* A page with nothing behind it: its end. */
static unsigned char *page_edge(void)
{
	unsigned char *p = mmap(NULL, 2 * page_bytes(), PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || munmap(p + page_bytes(), page_bytes()))
		exit(1);
	return p + page_bytes();
}

TEST_F(call, bad_pointers_are_efault)
{
	unsigned char *edge = page_edge();
	void *read_only = mmap(NULL, page_bytes(), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *const bad[] = {
		NULL, (void *)1, edge, edge - ENTRY / 2, read_only, (void *)-1UL,
		(void *)0xffff888000000000UL,
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		EXPECT_EQ(-1, tamstat(0, 0, bad[i], 1, ENTRY));
		EXPECT_EQ(EFAULT, errno);
		EXPECT_EQ(-1, tamstat(1, TAMSTAT_ALL, bad[i], 1000, ENTRY));
		EXPECT_EQ(EFAULT, errno);
		EXPECT_EQ(-1, tamstat_total(bad[i], sizeof(struct tamstat_total), 0));
		EXPECT_EQ(EFAULT, errno);
	}
}

TEST_F(call, a_buffer_that_ends_inside_is_used_up_to_the_last_whole_entry)
{
	struct tamstat whole[2], cut[2];
	unsigned char *edge = page_edge();

	ASSERT_EQ(2, tamstat(1, TAMSTAT_ALL, whole, 2, ENTRY));
	EXPECT_EQ(2, tamstat(1, TAMSTAT_ALL, edge - 2 * ENTRY, 1000, ENTRY));
	memcpy(cut, edge - 2 * ENTRY, sizeof(cut));
	EXPECT_EQ(whole[0].pid, cut[0].pid);
	EXPECT_EQ(whole[1].pid, cut[1].pid);
	EXPECT_EQ(1, tamstat(1, TAMSTAT_ALL, edge - 2 * ENTRY + 8, 1000, ENTRY));
	/* And one goes on where that ended. */
	EXPECT_EQ(1, tamstat(cut[0].pid + 1, TAMSTAT_ALL, &cut[1], 1, ENTRY));
	EXPECT_EQ(whole[1].pid, cut[1].pid);
}

TEST_F(call, a_huge_count_does_not_overflow)
{
	static struct tamstat entries[4096];
	long few = tamstat(1, TAMSTAT_ALL, entries, ARRAY_LEN(entries), ENTRY);

	ASSERT_LT(0, few);
	ASSERT_GT(4096, few);
	EXPECT_EQ(few, tamstat(1, TAMSTAT_ALL, entries, 0xffffffff, ENTRY));
}

TEST_F(call, kernel_threads_have_no_memory)
{
	struct tamstat entry;

	ASSERT_EQ(1, tamstat(2, 0, &entry, 1, ENTRY));
	EXPECT_EQ(0, strcmp("kthreadd", entry.comm)) {
		TH_LOG("PID 2 is %s: are we in a PID namespace?", entry.comm);
	}
	EXPECT_EQ(TAMSTAT_NO_MM, entry.flags);
	EXPECT_EQ(0, entry.reserved_bytes | entry.committed_bytes | entry.page_table_bytes |
		     entry.peak_committed_bytes | entry.swap_bytes | entry.committed_pct_x100);
}

TEST_F(call, a_zombie_is_listed_without_memory)
{
	struct tamstat entry;
	pid_t child = fork();
	siginfo_t info;

	if (!child)
		_exit(0);
	ASSERT_EQ(0, waitid(P_PID, child, &info, WEXITED | WNOWAIT));
	ASSERT_EQ(1, tamstat(child, 0, &entry, 1, ENTRY));
	EXPECT_EQ(child, entry.pid);
	EXPECT_EQ(TAMSTAT_NO_MM, entry.flags);
	EXPECT_EQ(0, strcmp("tamstat", entry.comm));
	EXPECT_EQ(0, entry.reserved_bytes | entry.committed_bytes | entry.page_table_bytes);
	EXPECT_EQ(0, wait_status(child));
	EXPECT_EQ(-1, tamstat(child, 0, &entry, 1, ENTRY));
}

static void *outlive_the_leader(void *arg)
{
	pid_t tid = syscall(SYS_gettid);

	if (write(*(int *)arg, &tid, sizeof(tid)) != sizeof(tid))
		exit(1);
	for (;;)
		pause();
}

static bool is_zombie(pid_t pid)
{
	char path[32], text[512], *state;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (read_text(path, text, sizeof(text)) < 0)
		return false;
	state = strrchr(text, ')');
	return state && state[2] == 'Z';
}

TEST_F(call, a_process_whose_leader_has_exited_still_has_its_memory)
{
	struct tamstat entry;
	pid_t child, tid;
	char path[64];
	int fds[2];

	ASSERT_EQ(0, pipe(fds));
	child = fork();
	if (!child) {
		pthread_t thread;

		pthread_create(&thread, NULL, outlive_the_leader, &fds[1]);
		syscall(SYS_exit, 0);
	}
	ASSERT_EQ((ssize_t)sizeof(tid), read(fds[0], &tid, sizeof(tid)));
	while (!is_zombie(child))
		usleep(1000);
	ASSERT_EQ(1, tamstat(child, 0, &entry, 1, ENTRY));
	EXPECT_EQ(0, entry.flags);
	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", child, tid);
	EXPECT_EQ(file_kb(path, "VmSize:") * 1024, (long)entry.reserved_bytes);
	EXPECT_EQ(file_kb(path, "VmRSS:") * 1024, (long)entry.committed_bytes);
	snprintf(path, sizeof(path), "/proc/%d/oom_score", child);
	EXPECT_EQ(read_long(path), entry.oom_score);
	end_child(child);
}

TEST_F(call, oom_score_adj_is_reported_and_moves_the_score)
{
	struct tamstat entry;
	int scores[3];
	static const char *const adj[] = { "-1000", "0", "1000" };

	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, write_text("/proc/self/oom_score_adj", adj[i]));
		ASSERT_EQ(1, tamstat(0, 0, &entry, 1, ENTRY));
		EXPECT_EQ(atoi(adj[i]), entry.oom_score_adj);
		EXPECT_EQ(read_long("/proc/self/oom_score"), entry.oom_score);
		scores[i] = entry.oom_score;
	}
	EXPECT_EQ(0, scores[0]);
	EXPECT_LT(scores[1], scores[2]);
}

TEST_F(call, all_processes_come_in_ascending_order_whatever_the_count)
{
	static struct tamstat whole[512], parts[512];
	static const int per_call[] = { 1, 3, 7, 512 };
	pid_t child = fork_alone();

	if (child < 0)
		SKIP(return, NO_NAMESPACE);
	if (!child) {
		for (int i = 0; i < 19; i++)
			idle_child();
		EXPECT_EQ(20, all_entries(whole, ARRAY_LEN(whole), 512));
		for (int i = 1; i < 20; i++)
			EXPECT_LT(whole[i - 1].pid, whole[i].pid);
		for (size_t way = 0; way < ARRAY_LEN(per_call); way++) {
			EXPECT_EQ(20, all_entries(parts, ARRAY_LEN(parts), per_call[way]));
			for (int i = 0; i < 20; i++)
				EXPECT_EQ(whole[i].pid, parts[i].pid);
		}
		_exit(0);	/* and with it the namespace */
	}
	EXPECT_EQ(0, wait_status(child));
}

TEST_F(call, a_pid_namespace_shows_its_own_processes_by_its_own_numbers)
{
	static struct tamstat entries[512];
	pid_t outer = getpid(), child, inner;
	struct tamstat entry;
	int fds[2];
	char c;

	ASSERT_EQ(0, pipe(fds));
	child = fork_alone();
	if (child < 0)
		SKIP(return, NO_NAMESPACE);
	if (!child) {
		EXPECT_EQ(2, inner = idle_child());
		EXPECT_EQ(2, all_entries(entries, ARRAY_LEN(entries), 100));
		EXPECT_EQ(1, entries[0].pid);
		EXPECT_EQ(2, entries[1].pid);
		EXPECT_EQ(1, tamstat(0, 0, &entry, 1, ENTRY));
		EXPECT_EQ(1, entry.pid);
		if (outer > 2) {
			EXPECT_EQ(-1, tamstat(outer, 0, &entry, 1, ENTRY));
			EXPECT_EQ(ESRCH, errno);
		}
		EXPECT_EQ(1, write(fds[1], "x", 1));
		pause();
	}
	ASSERT_EQ(1, read(fds[0], &c, 1));
	/* From outside they are there too, by the numbers that count here. */
	ASSERT_EQ(1, tamstat(child, 0, &entry, 1, ENTRY));
	EXPECT_EQ(child, entry.pid);
	EXPECT_NE(NULL, entry_of(entries, all_entries(entries, ARRAY_LEN(entries), 100), child));
	end_child(child);
}

static int shares_memory(void *arg)
{
	for (;;)
		pause();
	return 0;
}

TEST_F(call, total_is_the_sum_and_counts_a_shared_mm_once)
{
	static max_align_t stack[1024];
	struct tamstat_total total, sum = {};
	static struct tamstat entries[16];
	pid_t child = fork_alone(), twin, zombie;

	if (child < 0)
		SKIP(return, NO_NAMESPACE);
	if (!child) {
		siginfo_t info;
		int count;

		for (int i = 0; i < 3; i++)
			idle_child();
		zombie = fork();
		if (!zombie)
			_exit(0);
		waitid(P_PID, zombie, &info, WEXITED | WNOWAIT);
		twin = clone(shares_memory, stack + ARRAY_LEN(stack), CLONE_VM | SIGCHLD, NULL);
		EXPECT_LT(0, twin);
		usleep(100000);		/* let the children touch what they touch */
		/* Twice, so that what the calls themselves touch is there. */
		for (int i = 0; i < 2; i++) {
			EXPECT_EQ(0, tamstat_total(&total, sizeof(total), 0));
			count = all_entries(entries, ARRAY_LEN(entries), 16);
		}
		EXPECT_EQ(0, tamstat_total(&total, sizeof(total), 0));
		EXPECT_EQ(6, count);
		EXPECT_EQ(6, total.processes);
		EXPECT_EQ(4, total.mms);
		for (int i = 0; i < count; i++) {
			if (entries[i].pid == twin)
				continue;
			sum.reserved_bytes += entries[i].reserved_bytes;
			sum.committed_bytes += entries[i].committed_bytes;
			sum.anon_bytes += entries[i].anon_bytes;
			sum.file_bytes += entries[i].file_bytes;
			sum.shmem_bytes += entries[i].shmem_bytes;
			sum.swap_bytes += entries[i].swap_bytes;
			sum.page_table_bytes += entries[i].page_table_bytes;
		}
		EXPECT_EQ(sum.reserved_bytes, total.reserved_bytes);
		EXPECT_EQ(sum.committed_bytes, total.committed_bytes);
		EXPECT_EQ(sum.anon_bytes, total.anon_bytes);
		EXPECT_EQ(sum.file_bytes, total.file_bytes);
		EXPECT_EQ(sum.shmem_bytes, total.shmem_bytes);
		EXPECT_EQ(sum.swap_bytes, total.swap_bytes);
		EXPECT_EQ(sum.page_table_bytes, total.page_table_bytes);
		EXPECT_EQ(entry_of(entries, count, 1)->reserved_bytes,
			  entry_of(entries, count, twin)->reserved_bytes);
		_exit(0);
	}
	EXPECT_EQ(0, wait_status(child));
}

TEST_F(call, total_grows_by_what_is_reserved_and_committed)
{
	struct tamstat_total before, after;
	pid_t child = fork_alone();

	if (child < 0)
		SKIP(return, NO_NAMESPACE);
	if (!child) {
		char *p;

		make_own_pages_resident();
		for (int i = 0; i < 2; i++)
			EXPECT_EQ(0, tamstat_total(&before, sizeof(before), 0));
		p = tamalloc(100 * MB, 0xab, TAMALLOC_SINGLE);
		write_pages(p, 1000, 1, 1);
		EXPECT_EQ(0, tamstat_total(&after, sizeof(after), 0));
		EXPECT_EQ(100 * MB, after.reserved_bytes - before.reserved_bytes);
		EXPECT_EQ(1000 * 4096, after.anon_bytes - before.anon_bytes);
		_exit(0);
	}
	EXPECT_EQ(0, wait_status(child));
}

TEST_F(call, total_checks_its_arguments)
{
	unsigned char buf[sizeof(struct tamstat_total) + 64];
	struct tamstat_total total;

	EXPECT_EQ(-1, tamstat_total(&total, sizeof(total), 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, tamstat_total(&total, TAMSTAT_TOTAL_SIZE_VER0 - 1, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, tamstat_total(&total, 0, 0));
	EXPECT_EQ(EINVAL, errno);
	memset(buf, 0xee, sizeof(buf));
	EXPECT_EQ(0, tamstat_total((void *)buf, sizeof(total) + 32, 0));
	EXPECT_FILL(buf + sizeof(total), 32, 0);
	EXPECT_FILL(buf + sizeof(total) + 32, 32, 0xee);
}

TEST_F(call, an_unprivileged_caller_sees_the_same)
{
	static struct tamstat before[4096], entries[4096];
	pid_t child, other = idle_child();
	int count;

	usleep(50000);
	count = all_entries(before, ARRAY_LEN(before), 4096);
	child = fork();
	if (!child) {
		struct tamstat_total total;
		struct tamstat entry;
		const struct tamstat *known = entry_of(before, count, other);

		if (setgid(65534) || setuid(65534))
			_exit(KSFT_SKIP);
		EXPECT_EQ(1, tamstat(other, 0, &entry, 1, ENTRY));
		EXPECT_EQ(0, memcmp(known, &entry, ENTRY));
		EXPECT_EQ(1, tamstat(1, 0, &entry, 1, ENTRY));
		EXPECT_LE(count, all_entries(entries, ARRAY_LEN(entries), 4096));
		EXPECT_EQ(0, tamstat_total(&total, sizeof(total), 0));
		_exit(0);
	}
	EXPECT_EQ(0, wait_status(child));
	end_child(other);
}

static void fork_storm(void)
{
	for (;;) {
		pid_t child = fork();

		if (!child)
			_exit(0);
		waitpid(child, NULL, 0);
	}
}

TEST_F_TIMEOUT(call, a_fork_storm_beside_hides_nobody, LIMIT_SLOW)
{
	static struct tamstat entries[512];
	pid_t child = fork_alone();

	if (child < 0)
		SKIP(return, NO_NAMESPACE);
	if (!child) {
		struct tamstat_total total;
		pid_t idle[8];

		for (int i = 0; i < 3; i++)
			if (!fork())
				fork_storm();
		for (int i = 0; i < 8; i++)
			idle[i] = idle_child();
		for (int round = 0; round < 100; round++) {
			int count = all_entries(entries, ARRAY_LEN(entries), 1 + round % 5);

			EXPECT_LE(12, count);
			EXPECT_GE(20, count);
			for (int i = 1; i < count; i++)
				EXPECT_LT(entries[i - 1].pid, entries[i].pid);
			for (int i = 0; i < 8; i++)
				EXPECT_NE(NULL, entry_of(entries, count, idle[i]));
			EXPECT_EQ(0, tamstat_total(&total, sizeof(total), 0));
			EXPECT_LE(12, total.processes);
			EXPECT_GE(20, total.processes);
		}
		_exit(0);
	}
	EXPECT_EQ(0, wait_status(child));
}

TEST_HARNESS_MAIN
