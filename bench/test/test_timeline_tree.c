// SPDX-License-Identifier: MIT
/* A process and its descendants as sums: nothing here is timed, each step waits for the one before.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "timeline_tree.h"

#define MIB (1024ull * 1024)

/* The root writes here what it has to tell, and goes on when it is told. */
static int told[2], go[2];

static void tell(pid_t pid)
{
	if (write(told[1], &pid, sizeof(pid)) != sizeof(pid))
		_exit(9);
}

static pid_t hear(void)
{
	struct pollfd fd = {.fd = told[0], .events = POLLIN};
	pid_t pid;

	assert_int_equal(poll(&fd, 1, 60000), 1);
	assert_int_equal(read(told[0], &pid, sizeof(pid)), sizeof(pid));
	return pid;
}

static void let_go_on(void)
{
	assert_int_equal(write(go[1], "g", 1), 1);
}

static void wait_for_go(void)
{
	char byte;

	if (read(go[0], &byte, 1) != 1)
		_exit(9);
}

/* fork(2); the child does not outlive its parent. */
static pid_t fork_bound(void)
{
	pid_t parent = getpid(), pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
	}
	return pid;
}

__attribute__((noreturn)) static void stay(void)
{
	for (;;)
		pause();
}

static void *touch(size_t bytes)
{
	char *memory =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED || (madvise(memory, bytes, MADV_NOHUGEPAGE) && errno != EINVAL))
		_exit(9);
	memset(memory, 1, bytes);
	return memory;
}

static pid_t start(void (*root)(void))
{
	pid_t pid;

	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	pid = fork_bound();
	if (pid == 0) {
		root();
		stay();
	}
	assert_true(pid > 0);
	return pid;
}

static void end(struct tree *tree, pid_t root)
{
	tree_close(tree);
	kill(root, SIGKILL);
	assert_int_equal(waitpid(root, NULL, 0), root);
	for (int i = 0; i < 2; i++) {
		close(told[i]);
		close(go[i]);
	}
}

static uint64_t proc_bytes(pid_t pid, const char *file, const char *name)
{
	char path[64], text[4096], *at;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	at = strstr(text, name);
	assert_non_null(at);
	return strtoull(at + strlen(name), NULL, 10) * 1024;
}

static uint64_t rss(pid_t pid)
{
	return proc_bytes(pid, "smaps_rollup", "\nRss:");
}

static struct tree *open_tree(pid_t root)
{
	struct tree *tree = tree_open(root);

	assert_non_null(tree);
	return tree;
}

static struct timeline_row sample(struct tree *tree)
{
	struct timeline_row row;

	assert_true(tree_sample(tree, &row));
	assert_true(row.t_ns < row.end_ns);
	return row;
}

static void assert_near(uint64_t a, uint64_t b, uint64_t processes)
{
	uint64_t allowed = processes * timeline_batch_bytes();

	if (a + allowed < b || b + allowed < a)
		fail_msg("%llu is not %llu", (unsigned long long)a, (unsigned long long)b);
}

/* ---- three generations ---- */

static void three_generations(void)
{
	touch(4 * MIB);
	if (!fork_bound()) {
		touch(8 * MIB);
		if (!fork_bound())
			touch(16 * MIB);
	}
	tell(getpid());
}

static void children_and_theirs_are_summed(void **state)
{
	pid_t root = start(three_generations), pids[3] = {hear(), hear(), hear()};
	uint64_t committed = 0, reserved = 0;
	struct tree *tree = open_tree(root);
	struct timeline_row row = sample(tree);

	(void)state;
	for (int i = 0; i < 3; i++) {
		committed += rss(pids[i]);
		reserved += proc_bytes(pids[i], "status", "\nVmSize:");
	}
	assert_int_equal(row.processes, 3);
	assert_int_equal(tree_processes(tree), 3);
	assert_int_equal(tree_unwatched(tree), 0);
	assert_int_equal(row.reserved_bytes, reserved);
	assert_near(row.committed_bytes, committed, 3);
	assert_true(committed > (3 * 4 + 2 * 8 + 16) * MIB); /* fork shares, and both count */
	assert_true(row.minor_faults >= (4 + 8 + 16) * MIB / (uint64_t)sysconf(_SC_PAGESIZE));
	end(tree, root);
}

static void all_are_killed(void **state)
{
	pid_t root = start(three_generations), pids[3] = {hear(), hear(), hear()};
	struct tree *tree = open_tree(root);
	struct pollfd fds[3];
	struct timeline_row row;

	(void)state;
	for (int i = 0; i < 3; i++)
		fds[i] = (struct pollfd){.fd = pidfd_open(pids[i], 0), .events = POLLIN};
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	tree_kill(tree);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(poll(&fds[i], 1, 60000), 1);
		close(fds[i].fd);
	}
	assert_false(tree_sample(tree, &row)); /* the root is a zombie */
	end(tree, root);
}

/* ---- an address space that two share ---- */

static int sharer(void *parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != *(pid_t *)parent)
		_exit(1);
	stay();
}

static void share_with_child(void)
{
	static char stack[65536] __attribute__((aligned(16)));
	static pid_t self;

	self = getpid();
	touch(32 * MIB);
	tell(clone(sharer, stack + sizeof(stack), CLONE_VM | SIGCHLD, &self));
}

static void a_shared_address_space_counts_once(void **state)
{
	pid_t root, child;
	struct tree *tree;
	struct timeline_row row;

	(void)state;
	if (syscall(SYS_kcmp, getpid(), getpid(), KCMP_VM, 0, 0))
		skip();
	root = start(share_with_child);
	child = hear();
	assert_true(child > 0);
	tree = open_tree(root);
	row = sample(tree);
	assert_int_equal(row.processes, 2);
	assert_int_equal(row.reserved_bytes, proc_bytes(root, "status", "\nVmSize:"));
	assert_near(row.committed_bytes, rss(root), 1);
	end(tree, root);
}

/* ---- faults of those that have ended ---- */

static void short_lives(void)
{
	tell(0);
	wait_for_go();
	for (int i = 0; i < 20; i++) {
		pid_t pid = fork_bound();

		if (pid == 0) {
			touch(MIB);
			_exit(0);
		}
		waitpid(pid, NULL, 0);
	}
	tell(0);
}

static void faults_of_children_that_nobody_met_count(void **state)
{
	uint64_t pages = MIB / (uint64_t)sysconf(_SC_PAGESIZE), before;
	pid_t root = start(short_lives);
	struct tree *tree = open_tree(root);

	(void)state;
	hear();
	before = sample(tree).minor_faults;
	let_go_on();
	hear();
	assert_in_range(sample(tree).minor_faults - before, 20 * pages, 40 * pages + 20000);
	assert_int_equal(tree_processes(tree), 1);
	end(tree, root);
}

static void zombie(void)
{
	pid_t pid = fork_bound();

	if (pid == 0) {
		touch(16 * MIB);
		_exit(0);
	}
	waitid(P_PID, (id_t)pid, &(siginfo_t){.si_pid = 0}, WEXITED | WNOWAIT);
	tell(pid);
	wait_for_go();
	waitpid(pid, NULL, 0);
	tell(pid);
}

static void a_zombie_counts_its_faults_once(void **state)
{
	uint64_t pages = 16 * MIB / (uint64_t)sysconf(_SC_PAGESIZE);
	pid_t root = start(zombie);
	struct tree *tree = open_tree(root);
	struct timeline_row with, without;

	(void)state;
	hear();
	with = sample(tree);
	assert_int_equal(with.processes, 1);
	assert_true(with.minor_faults >= pages);
	assert_true(with.committed_bytes < 16 * MIB);
	let_go_on();
	hear();
	without = sample(tree);
	assert_in_range(without.minor_faults, with.minor_faults, with.minor_faults + pages / 2);
	end(tree, root);
}

/* ---- those whom it is hard to find ---- */

static pid_t test_pid;

static void orphan(void)
{
	pid_t pid;

	wait_for_go(); /* what is ours before the tree is opened is none of its */
	pid = fork_bound();
	if (pid == 0) {
		pid = fork();
		if (pid == 0) {
			while (getppid() != test_pid) /* an orphan by then */
				sched_yield();
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (getppid() != test_pid)
				_exit(1);
			touch(8 * MIB);
			tell(getpid());
			stay();
		}
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	tell(0);
}

static void orphans_are_followed_and_waited_for(void **state)
{
	uint64_t pages = 8 * MIB / (uint64_t)sysconf(_SC_PAGESIZE), before;
	pid_t stranger = fork_bound(), root, pid;
	struct tree *tree;
	struct timeline_row row;

	(void)state;
	if (stranger == 0)
		stay();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	test_pid = getpid();
	root = start(orphan);
	tree = open_tree(root);
	let_go_on();
	pid = hear();
	pid += hear(); /* whichever comes first: the other is 0 */
	row = sample(tree);
	assert_int_equal(row.processes, 2);
	assert_true(row.committed_bytes > 8 * MIB);
	before = row.minor_faults;
	assert_true(before >= pages);
	kill(pid, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)pid, &(siginfo_t){.si_pid = 0}, WEXITED | WNOWAIT), 0);
	row = sample(tree);
	assert_int_equal(waitpid(pid, NULL, 0), -1); /* it was waited for */
	assert_in_range(row.minor_faults, before, before + pages / 2);
	assert_int_equal(sample(tree).processes, 1);
	end(tree, root);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	assert_int_equal(kill(stranger, 0), 0);
	kill(stranger, SIGKILL);
	assert_int_equal(waitpid(stranger, NULL, 0), stranger); /* ours was left alone */
}

static void *fork_in_thread(void *unused)
{
	(void)unused;
	if (!fork_bound())
		touch(8 * MIB);
	tell(getpid());
	stay();
}

static void thread_forks(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, fork_in_thread, NULL))
		_exit(9);
}

static void children_of_threads_are_found(void **state)
{
	pid_t root = start(thread_forks);
	struct tree *tree = open_tree(root);

	(void)state;
	hear();
	hear();
	assert_int_equal(sample(tree).processes, 2);
	end(tree, root);
}

static void *outlive_leader(void *unused)
{
	char path[64], text[256] = "";

	(void)unused;
	touch(8 * MIB);
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)getpid());
	while (!strstr(text, ") Z")) { /* until the leader is a zombie */
		int fd = open(path, O_RDONLY);

		if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
			_exit(9);
		close(fd);
		sched_yield();
	}
	tell(0);
	stay();
}

static void leader_ends(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, outlive_leader, NULL))
		_exit(9);
	pthread_exit(NULL);
}

static void a_process_whose_leader_has_ended_goes_on(void **state)
{
	pid_t root = start(leader_ends);
	struct tree *tree = open_tree(root);

	(void)state;
	hear();
	assert_true(sample(tree).committed_bytes > 8 * MIB);
	end(tree, root);
}

static void execs(void)
{
	pid_t pid = fork_bound();

	if (pid == 0) {
		touch(32 * MIB);
		tell(getpid());
		wait_for_go();
		execlp("sleep", "sleep", "1000", NULL);
		_exit(9);
	}
}

static void an_exec_is_followed(void **state)
{
	pid_t root = start(execs), child = hear();
	struct tree *tree = open_tree(root);
	uint64_t before = sample(tree).committed_bytes;
	char path[64], exe[64] = "";
	struct timeline_row row;

	(void)state;
	assert_true(before > 32 * MIB);
	let_go_on();
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)child);
	while (strcmp(exe, "sleep\n") != 0) {
		int fd = open(path, O_RDONLY);
		ssize_t n = read(fd, exe, sizeof(exe) - 1);

		close(fd);
		exe[n > 0 ? n : 0] = 0;
		sched_yield();
	}
	row = sample(tree);
	assert_int_equal(row.processes, 2);
	assert_true(row.committed_bytes + 24 * MIB < before);
	end(tree, root);
}

static void who_is_not_there_cannot_be_watched(void **state)
{
	(void)state;
	assert_null(tree_open(4194304)); /* above any PID */
	assert_int_equal(errno, ESRCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(children_and_theirs_are_summed),
		cmocka_unit_test(all_are_killed),
		cmocka_unit_test(a_shared_address_space_counts_once),
		cmocka_unit_test(faults_of_children_that_nobody_met_count),
		cmocka_unit_test(a_zombie_counts_its_faults_once),
		cmocka_unit_test(orphans_are_followed_and_waited_for),
		cmocka_unit_test(children_of_threads_are_found),
		cmocka_unit_test(a_process_whose_leader_has_ended_goes_on),
		cmocka_unit_test(an_exec_is_followed),
		cmocka_unit_test(who_is_not_there_cannot_be_watched),
	};

	return cmocka_run_group_tests_name("timeline_tree", tests, NULL, NULL);
}
