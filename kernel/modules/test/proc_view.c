// SPDX-License-Identifier: GPL-2.0-only
/* /proc/tamstat/processes and /proc/tamstat/total against /proc and against themselves. */
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <pthread.h>
#include "kselftest_harness.h"
#include "module.h"
#include "proc_table.h"
#include "tam_test.h"

#define MODULE		"tamstat_proc"
#define PROCESSES	"/proc/tamstat/processes"
#define TOTAL		"/proc/tamstat/total"

/* No memory there; not static, so that the compiler does not see it coming. */
void *nowhere = (void *)8;

/* 0 or -errno */
static int filter(int fd, const char *text)
{
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

static int filter_pid(int fd, int pid)
{
	char text[16];

	snprintf(text, sizeof(text), "%d\n", pid);
	return filter(fd, text);
}

/* A child that has touched pages of reserved, and sleeps. */
static pid_t start_child(const char *name, size_t reserved, size_t touched)
{
	pid_t child;
	int ready[2];
	char c;

	if (pipe(ready))
		return -1;
	child = fork();
	if (!child) {
		unsigned char *p = mmap(NULL, reserved, PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (name)
			prctl(PR_SET_NAME, name);
		write_pages(p, touched / page_bytes(), 1, 1);
		close(ready[0]);
		write(ready[1], "x", 1);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], &c, 1) != 1)
		child = -1;
	close(ready[0]);
	return child;
}

static void end_child(pid_t child)
{
	kill(child, SIGKILL);
	wait_status(child);
}

/* Become nobody, in no group that sees more. */
static int become_nobody(void)
{
	return setgroups(0, NULL) || setresgid(65534, 65534, 65534) ||
	       setresuid(65534, 65534, 65534);
}

FIXTURE(view) {
	int fd;
};

FIXTURE_SETUP(view)
{
	int error = module_load(MODULE);

	if (error == -ENOENT || error == -EPERM)
		SKIP(return, "no " MODULE ".ko here, or not root");
	ASSERT_EQ(0, error);
	self->fd = open(PROCESSES, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(view)
{
}

TEST_F(view, a_row_equals_proc)
{
	pid_t children[3];
	struct table *table;

	children[0] = start_child("small", 1 * MB, 0);
	children[1] = start_child("medium", 100 * MB, 30 * MB);
	children[2] = start_child("large", 5000 * MB, 3 * MB);
	write_text("/proc/self/oom_score_adj", "0");
	for (int i = 0; i < 3; i++) {
		char path[64], adj[16];

		snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", children[i]);
		snprintf(adj, sizeof(adj), "%d", 400 * i - 300);
		ASSERT_EQ(0, write_text(path, adj));
		kill(children[i], SIGSTOP);
	}
	table = read_table(self->fd);
	EXPECT_EQ(file_kb("/proc/meminfo", "MemTotal:"), table->total_ram_kb);
	for (int i = 0; i < 3; i++) {
		const struct row *row = find_row(table, children[i]);

		ASSERT_NE(NULL, row);
		EXPECT_TRUE(row_equals_proc(row, table->total_ram_kb));
		EXPECT_EQ(400 * i - 300, row->oom_score_adj);
	}
	EXPECT_STREQ("medium", find_row(table, children[1])->name);
	EXPECT_LE(30 * 1024, find_row(table, children[1])->committed_kb);
	for (int i = 0; i < 3; i++)
		end_child(children[i]);
}

TEST_F(view, two_readers_have_their_own_filters)
{
	pid_t a = start_child("a", MB, 0), b = start_child("b", MB, 0);
	int other = open(PROCESSES, O_RDWR), all = open(PROCESSES, O_RDONLY);
	char from_a[2048] = "", from_b[2048] = "";
	ssize_t got_a = 0, got_b = 0, n, m;
	struct table *table;
	char pid[16];

	ASSERT_EQ(0, filter_pid(self->fd, a));
	ASSERT_EQ(0, filter_pid(other, b));
	/* A few bytes from each in turn. */
	do {
		n = read(self->fd, from_a + got_a, 7);
		m = read(other, from_b + got_b, 5);
		got_a += n;
		got_b += m;
	} while (n > 0 || m > 0);
	snprintf(pid, sizeof(pid), "%7d ", a);
	EXPECT_NE(NULL, strstr(from_a, pid));
	EXPECT_EQ(NULL, strstr(from_b, pid));
	snprintf(pid, sizeof(pid), "%7d ", b);
	EXPECT_EQ(NULL, strstr(from_a, pid));
	EXPECT_NE(NULL, strstr(from_b, pid));

	table = read_table(all);
	EXPECT_LT(3, table->count);
	EXPECT_EQ(1, read_table(self->fd)->count);
	EXPECT_EQ(a, table->row[0].pid);
	ASSERT_EQ(0, filter(self->fd, "0"));
	table = read_table(self->fd);
	EXPECT_NE(NULL, find_row(table, a));
	EXPECT_NE(NULL, find_row(table, b));
	EXPECT_NE(NULL, find_row(table, 1));
	EXPECT_EQ(1, read_table(other)->count);
	EXPECT_EQ(b, table->row[0].pid);
	end_child(a);
	end_child(b);
}

TEST_F(view, a_filter_goes_back_to_the_start)
{
	struct table *table = read_table(self->fd);
	char c;

	EXPECT_EQ(0, read(self->fd, &c, 1));
	ASSERT_EQ(0, filter_pid(self->fd, getpid()));
	read_table_in_steps(self->fd, table, 1 << 16);
	ASSERT_EQ(1, table->count);
	EXPECT_EQ(getpid(), table->row[0].pid);
}

TEST_F(view, only_a_number_is_a_filter)
{
	static const char *const wrong[] = {
		"x", "\n", "-1", "4194305", "99999999999999999999", "1 2", "1x",
		"0x10", " 1", "1\n\n", "1,2",
	};

	ASSERT_EQ(0, filter_pid(self->fd, getpid()));
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		int error = filter(self->fd, wrong[i]);

		EXPECT_EQ(-EINVAL, error)
			printf("# \"%s\" was taken\n", wrong[i]);
	}
	EXPECT_EQ(-1, write(self->fd, nowhere, 4));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(1, read_table(self->fd)->count);
	EXPECT_EQ(0, filter(self->fd, "4194304"));
	EXPECT_EQ(0, read_table(self->fd)->count);
	EXPECT_EQ(0, filter(self->fd, "0007"));
	EXPECT_EQ(-1, write(open(PROCESSES, O_RDONLY), "1", 1));
	EXPECT_EQ(EBADF, errno);
}

TEST_F(view, nobody_has_the_pid)
{
	pid_t gone = start_child(NULL, MB, 0);

	end_child(gone);
	ASSERT_EQ(0, filter_pid(self->fd, gone));
	EXPECT_EQ(0, read_table(self->fd)->count);
	EXPECT_LT(0, read_table(self->fd)->total_ram_kb);
}

static void *sleep_forever(void *arg)
{
	for (;;)
		pause();
	return NULL;
}

TEST_F(view, a_thread_is_no_process)
{
	pthread_t thread;
	pid_t tid = getpid() + 1;

	ASSERT_EQ(0, pthread_create(&thread, NULL, sleep_forever, NULL));
	for (tid = getpid() + 1; tid < getpid() + 50; tid++) {
		ASSERT_EQ(0, filter_pid(self->fd, tid));
		EXPECT_EQ(0, read_table(self->fd)->count);
	}
}

TEST_F(view, names_stay_one_word)
{
	static const char *const names[][2] = {
		{ "a b", "a\\040b" }, { "new\nline", "new\\012line" }, { "\033[31m", "\\033[31m" },
		{ "back\\slash", "back\\134slash" }, { "", "\\000" },
		{ "\xc3\xa9t\xc3\xa9", "\\303\\251t\\303\\251" },
		{ "123456789012345", "123456789012345" }, { "%s%n", "%s%n" },
		{ "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n",
		  "\\012\\012\\012\\012\\012\\012\\012\\012\\012\\012\\012\\012\\012\\012\\012" },
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		pid_t child = start_child(names[i][0], MB, 0);
		struct table *table = read_table(self->fd);
		const struct row *row;

		ASSERT_NE(-1, table->total_ram_kb);
		row = find_row(table, child);
		ASSERT_NE(NULL, row);
		EXPECT_STREQ(names[i][1], row->name);
		end_child(child);
	}
}

TEST_F(view, kernel_threads_and_zombies_have_no_memory)
{
	pid_t zombie = start_child(NULL, 10 * MB, 5 * MB);
	const struct table *table;
	siginfo_t siginfo;

	kill(zombie, SIGKILL);
	waitid(P_PID, zombie, &siginfo, WEXITED | WNOWAIT);
	table = read_table(self->fd);
	for (int i = 0; i < 2; i++) {
		const struct row *row = find_row(table, i ? zombie : 2);

		ASSERT_NE(NULL, row);
		EXPECT_EQ(0, row->reserved_kb);
		EXPECT_EQ(0, row->committed_kb);
		EXPECT_EQ(0, row->pct_of_reserved);
		EXPECT_TRUE(!strcmp(row->oom_score, "0") || tam_unsupported());
	}
	EXPECT_STREQ("kthreadd", find_row(table, 2)->name);
	wait_status(zombie);
}

static void *outlive_leader(void *arg)
{
	int *ready = arg;

	write(ready[1], "x", 1);
	return sleep_forever(NULL);
}

TEST_F(view, a_leader_that_exited_leaves_memory_to_its_threads)
{
	const struct row *row;
	int ready[2];
	pid_t child;
	char c;

	ASSERT_EQ(0, pipe(ready));
	child = fork();
	if (!child) {
		pthread_t thread;

		pthread_create(&thread, NULL, outlive_leader, ready);
		pthread_exit(NULL);
	}
	ASSERT_EQ(1, read(ready[0], &c, 1));
	/* It says State: Z (zombie) as soon as the leader is gone. */
	for (int i = 0; i < 1000; i++) {
		char path[64], text[4096];

		snprintf(path, sizeof(path), "/proc/%d/stat", child);
		read_text(path, text, sizeof(text));
		if (strstr(text, ") Z "))
			break;
		usleep(10000);
	}
	row = find_row(read_table(self->fd), child);
	ASSERT_NE(NULL, row);
	EXPECT_LT(0, row->reserved_kb);
	EXPECT_LT(0, row->committed_kb);
	end_child(child);
}

TEST_F(view, shows_the_namespace_of_the_mount)
{
	pid_t outside = start_child("outside", MB, 0);
	pid_t child = fork();

	if (!child) {
		ASSERT_EQ(0, unshare(CLONE_NEWPID | CLONE_NEWNS));
		child = fork();
		if (!child) {
			const struct table *table;

			mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
			ASSERT_EQ(0, mount("proc", "/proc", "proc", 0, NULL));
			table = read_table(open(PROCESSES, O_RDONLY));
			EXPECT_EQ(1, table->count);
			EXPECT_EQ(1, table->row[0].pid);
			EXPECT_EQ(1, file_kb(TOTAL, "processes:"));
			/* The outer mount's file shows the outer world still. */
			table = read_table(self->fd);
			EXPECT_NE(NULL, find_row(table, outside));
			/* Its PID out there: unknown in here. */
			self->fd = open(PROCESSES, O_RDWR);
			EXPECT_EQ(0, filter_pid(self->fd, outside));
			EXPECT_EQ(0, read_table(self->fd)->count);
			_exit(_metadata->exit_code);
		}
		_exit(wait_status(child));
	}
	EXPECT_EQ(0, wait_status(child));
	end_child(outside);
}

TEST_F(view, hidepid_hides_what_it_hides_in_proc)
{
	pid_t hidden = start_child("hidden", MB, 0);
	pid_t child = fork();

	if (!child) {
		const struct table *table;
		pid_t own;
		int fd;

		ASSERT_EQ(0, unshare(CLONE_NEWNS));
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
		ASSERT_EQ(0, mount("proc", "/proc", "proc", 0, "hidepid=2"));
		fd = open(PROCESSES, O_RDONLY);
		EXPECT_NE(NULL, find_row(read_table(fd), hidden));
		ASSERT_EQ(0, become_nobody());
		own = start_child("own", MB, 0);
		table = read_table(fd);
		EXPECT_EQ(2, table->count);
		EXPECT_NE(NULL, find_row(table, getpid()));
		EXPECT_NE(NULL, find_row(table, own));
		EXPECT_EQ(2, file_kb(TOTAL, "processes:"));
		end_child(own);
		_exit(_metadata->exit_code);
	}
	EXPECT_EQ(0, wait_status(child));
	end_child(hidden);
}

TEST_F(view, every_user_may_read_and_filter)
{
	pid_t child = fork();

	if (!child) {
		ASSERT_EQ(0, become_nobody());
		self->fd = open(PROCESSES, O_RDWR);
		ASSERT_LE(0, self->fd);
		EXPECT_EQ(0, filter(self->fd, "1"));
		EXPECT_EQ(1, read_table(self->fd)->count);
		EXPECT_LT(0, file_kb(TOTAL, "committed_kb:"));
		_exit(_metadata->exit_code);
	}
	EXPECT_EQ(0, wait_status(child));
}

TEST_F(view, small_reads_and_seeks_show_the_same)
{
	static struct table small;
	char piece[64], again[64];
	struct table *table;

	ASSERT_EQ(0, filter(self->fd, "1"));
	table = read_table(self->fd);
	lseek(self->fd, 0, SEEK_SET);
	read_table_in_steps(self->fd, &small, 1);
	ASSERT_EQ(1, small.count);
	EXPECT_EQ(table->row[0].reserved_kb, small.row[0].reserved_kb);
	EXPECT_STREQ(table->row[0].name, small.row[0].name);
	ASSERT_EQ(100, lseek(self->fd, 100, SEEK_SET));
	ASSERT_EQ(sizeof(piece), read(self->fd, piece, sizeof(piece)));
	ASSERT_EQ(sizeof(again), pread(self->fd, again, sizeof(again), 100));
	EXPECT_EQ(0, memcmp(piece, again, sizeof(piece)));
}

static int sleep_in_clone(void *arg)
{
	sleep_forever(arg);
	return 0;
}

TEST_F(view, total_counts_a_shared_address_space_once)
{
	long mms = file_kb(TOTAL, "address_spaces:"), processes = file_kb(TOTAL, "processes:");
	long reserved = file_kb(TOTAL, "reserved_kb:"), more;
	static char stacks[4][65536];
	pid_t children[4];

	for (size_t i = 0; i < ARRAY_LEN(children); i++) {
		children[i] = clone(sleep_in_clone, stacks[i] + sizeof(stacks[i]),
				    CLONE_VM | SIGCHLD, NULL);
		ASSERT_LT(0, children[i]);
	}
	more = file_kb(TOTAL, "reserved_kb:") - reserved;
	EXPECT_EQ(processes + 4, file_kb(TOTAL, "processes:"));
	EXPECT_EQ(mms, file_kb(TOTAL, "address_spaces:"));
	EXPECT_EQ(0, more);
	for (size_t i = 0; i < ARRAY_LEN(children); i++)
		end_child(children[i]);
}

TEST_F(view, total_is_the_sum_of_the_rows)
{
	pid_t child = start_child("much", 3000 * MB, 50 * MB);
	long reserved = 0, committed = 0, sum_reserved, sum_committed;
	const struct table *table;
	int with_mm = 0;

	kill(child, SIGSTOP);
	/* Only we run. Reading may fault in a page of ours, once. */
	read_table(self->fd);
	file_kb(TOTAL, "committed_kb:");
	table = read_table(self->fd);
	for (int i = 0; i < table->count; i++) {
		reserved += table->row[i].reserved_kb;
		committed += table->row[i].committed_kb;
		with_mm += table->row[i].reserved_kb > 0;
	}
	sum_reserved = file_kb(TOTAL, "reserved_kb:");
	sum_committed = file_kb(TOTAL, "committed_kb:");
	EXPECT_EQ(table->count, file_kb(TOTAL, "processes:"));
	EXPECT_EQ(with_mm, file_kb(TOTAL, "address_spaces:"));
	/* The buffer for the table's text is given back and got again: 4 MiB. */
	EXPECT_GE(4096 + 64, labs(sum_reserved - reserved));
	EXPECT_GE(4096 + 64, labs(sum_committed - committed));
	EXPECT_LE(3000 * 1024, sum_reserved);
	EXPECT_LE(50 * 1024, sum_committed);
	EXPECT_EQ(sum_committed, file_kb(TOTAL, "anon_kb:") + file_kb(TOTAL, "file_kb:") +
				 file_kb(TOTAL, "shmem_kb:"));
	end_child(child);
}

TEST_F_TIMEOUT(view, shows_thousands_of_processes_once_each, LIMIT_LONG)
{
	static pid_t children[5000];
	const size_t count = repeat(ARRAY_LEN(children));
	const struct table *table;
	size_t at = 0;

	for (size_t i = 0; i < count; i++) {
		children[i] = fork();
		if (!children[i]) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;)
				pause();
		}
		ASSERT_LT(0, children[i]);
	}
	table = read_table(self->fd);
	EXPECT_LE(count, table->count);
	for (int i = 0; i < table->count; i++) {
		if (i)
			ASSERT_LT(table->row[i - 1].pid, table->row[i].pid);
		if (at < count && table->row[i].pid == children[at])
			at++;
	}
	EXPECT_EQ(count, at);
	EXPECT_EQ(table->count, file_kb(TOTAL, "processes:"));
	EXPECT_LE(count, file_kb(TOTAL, "address_spaces:"));
	for (size_t i = 0; i < count; i++)
		kill(children[i], SIGKILL);
	for (size_t i = 0; i < count; i++)
		wait_status(children[i]);
}

TEST_F_TIMEOUT(view, a_fork_storm_hides_nobody, LIMIT_LONG)
{
	pid_t stormers[4], stable[20];
	int readings = repeat(50);

	for (size_t i = 0; i < ARRAY_LEN(stable); i++)
		stable[i] = start_child("stable", MB, 0);
	for (size_t i = 0; i < ARRAY_LEN(stormers); i++) {
		stormers[i] = fork();
		while (!stormers[i]) {
			pid_t child = fork();

			if (!child)
				_exit(0);
			wait_status(child);
		}
	}
	for (int r = 0; r < readings; r++) {
		const struct table *table = read_table(self->fd);
		size_t at = 0;

		ASSERT_NE(-1, table->total_ram_kb);
		for (int i = 0; i < table->count; i++) {
			if (i)
				ASSERT_LT(table->row[i - 1].pid, table->row[i].pid);
			if (at < ARRAY_LEN(stable) && table->row[i].pid == stable[at])
				at++;
		}
		ASSERT_EQ(ARRAY_LEN(stable), at);
		ASSERT_LE(ARRAY_LEN(stable), file_kb(TOTAL, "processes:"));
	}
	for (size_t i = 0; i < ARRAY_LEN(stormers); i++)
		end_child(stormers[i]);
	for (size_t i = 0; i < ARRAY_LEN(stable); i++)
		end_child(stable[i]);
}

TEST_F(view, the_module_can_go_while_a_file_is_open)
{
	char c;

	ASSERT_EQ(1, read(self->fd, &c, 1));
	EXPECT_EQ(0, module_unload(MODULE));
	EXPECT_EQ(-1, read(self->fd, &c, 1));
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ(-1, access(PROCESSES, F_OK));
	EXPECT_EQ(0, module_load(MODULE));
	EXPECT_EQ(0, access(PROCESSES, F_OK));
	EXPECT_EQ(0, module_unload(MODULE));
}

TEST_HARNESS_MAIN
