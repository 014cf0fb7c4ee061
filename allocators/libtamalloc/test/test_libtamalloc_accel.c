// SPDX-License-Identifier: MIT
/*
 * The accelerator, on: memory is right whatever is refused to it, what is touched in order is made
 * ahead, what is not is not. Counts of pages and faults, never times.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define TA_TEST_KEEPS_HUGE_PAGES
#include "child.h"

#define SIZE	    (64 * MIB)
#define PAGES	    (SIZE / 4096)
#define POPULATE    23 /* MADV_POPULATE_WRITE */
#define COLLAPSE    25 /* MADV_COLLAPSE */
#define CHUNK_PAGES ((size_t)256)

static void turn_on(void)
{
	EXPECT(!setenv("TAMALLOC_ACCEL", "1", 1));
}

static unsigned char *take_watched(size_t size_bytes, unsigned char fill)
{
	unsigned char *block;

	turn_on();
	block = take(size_bytes, fill);
	if (!stats().accel_is_on)
		skip_child(
			"no fault event with a signal here: perf refuses it, or before Linux 5.14");
	return block;
}

static unsigned long faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (unsigned long)usage.ru_minflt;
}

/* Sum of "AnonHugePages:": the kernel may have none to give just now. */
static uint64_t huge_bytes(void)
{
	char line[256];
	unsigned long long kib, sum = 0;
	FILE *file = fopen("/proc/self/smaps", "re");

	EXPECT(file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "AnonHugePages: %llu", &kib) == 1)
			sum += kib;
	fclose(file);
	return sum * 1024;
}

static void expect_touched(const unsigned char *block, size_t pages, unsigned char fill)
{
	for (size_t i = 0; i < pages; i++) {
		EXPECT(block[i * 4096] == 0x77);
		EXPECT(block[i * 4096 + 1] == fill && block[i * 4096 + 4095] == fill);
	}
}

/* Without the sanitiser's look-ups, whose own faults come between. */
__attribute__((no_sanitize("address"))) static void mark(unsigned char *block, size_t page)
{
	((volatile unsigned char *)block)[page * 4096] = 0x77;
}

static void dense(unsigned char fill, bool descends)
{
	unsigned char *block = take_watched(SIZE, fill);
	unsigned long before = faults(), after;
	struct tamalloc_stats now;
	bool huge;

	for (size_t i = 0; i < PAGES; i++)
		mark(block, descends ? PAGES - 1 - i : i);
	after = faults();
	now = stats();
	EXPECT(now.accel_runs >= 1 && now.accel_ahead_pages > PAGES / 2);
	huge = huge_bytes() > SIZE / 4 * 3;
	if (huge) /* populating counts a fault for each page, as touching does */
		EXPECT(after - before < PAGES / 4);
	EXPECT(now.accel_used_pages > now.accel_ahead_pages / 10 * 9);
	expect_touched(block, PAGES, fill);
	expect_bytes(block, SIZE - 4095, SIZE, fill);
	tafree(block);
}

/* Huge pages are hoped for, and the kernel has none: runs go on in single ones. */
static void no_huge_pages_to_be_had(unsigned char fill)
{
	dense(fill, false); /* it is asked once whether there are any */
	EXPECT(!prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
	dense(fill, false);
	dense(fill, true);
}

static void ascending(unsigned char fill)
{
	dense(fill, false);
}

static void descending(unsigned char fill)
{
	dense(fill, true);
}

/* A stride, and no order at all: only what is touched is committed. */
static void apart(unsigned char fill)
{
	static const size_t strides[] = {2, 4, 7, 16, 64};

	for (size_t k = 0; k < sizeof(strides) / sizeof(*strides); k++) {
		unsigned char *block = take_watched(SIZE, fill);
		size_t touched = 0;

		for (size_t i = 0; i < PAGES; i += strides[k], touched++)
			block[i * 4096] = 0x77;
		EXPECT(committed_pages(block, SIZE) == touched);
		tafree(block);
	}
	EXPECT(stats().accel_ahead_pages == 0);
}

static void chunks(unsigned char fill)
{
	unsigned char *block = take_watched(4 * SIZE, fill);
	size_t n = 4 * PAGES / CHUNK_PAGES, touched = 0;

	for (size_t i = 0; i < n; i++) {
		size_t chunk = i * 37 % n;

		if (chunk % 4 != 1)
			continue;
		for (size_t k = 0; k < CHUNK_PAGES; k++, touched++)
			mark(block, chunk * CHUNK_PAGES + k);
	}
	EXPECT(stats().accel_ahead_pages > 0);
	EXPECT(committed_pages(block, 4 * SIZE) <= touched + touched / 100 * 15);
	tafree(block);
}

static void reading_commits_nothing(unsigned char fill)
{
	unsigned char *block = take_watched(SIZE, fill);

	expect_bytes(block, 0, SIZE, fill);
	EXPECT(committed_pages(block, SIZE) == 0);
	tafree(block);
}

/* After huge pages, single ones again; and a block grows as lazily. */
static void emptied_is_single_pages(unsigned char fill)
{
	unsigned char *block = take_watched(SIZE, fill);
	size_t page = 4096, committed;

	memset(block, 0x77, SIZE);
	tamalloc_discard(block, 0, SIZE_MAX);
	for (size_t i = 0; i < 20; i++)
		block[i * 3 * MIB] = 0x77;
	EXPECT(committed_pages(block, SIZE) == 20);
	for (size_t i = 0; i < SIZE / 2; i += page)
		block[i] = 0x77;
	committed = committed_pages(block, SIZE);
	block = tarealloc(block, 4 * SIZE);
	EXPECT(block && committed_pages(block, 4 * SIZE) == committed);
	expect_bytes(block, SIZE + 1, 4 * SIZE, fill);
	tafree(block);
}

static volatile sig_atomic_t traps;

static void count_trap(int signal)
{
	(void)signal;
	traps++;
}

static void write_in_order(unsigned char *block, unsigned char fill)
{
	for (size_t i = 0; i < PAGES; i++)
		block[i * 4096] = 0x77;
	expect_touched(block, PAGES, fill);
	tafree(block);
}

static void programs_own_handler(unsigned char fill)
{
	turn_on();
	signal(SIGTRAP, count_trap);
	write_in_order(take(SIZE, fill), fill);
	EXPECT(traps == 0 && !stats().accel_is_on && stats().accel_ahead_pages == 0);
	raise(SIGTRAP);
	EXPECT(traps == 1);
}

static void traps_ignored(unsigned char fill)
{
	turn_on();
	signal(SIGTRAP, SIG_IGN);
	write_in_order(take(SIZE, fill), fill);
	EXPECT(!stats().accel_is_on);
	raise(SIGTRAP);
}

static void traps_by_default_first(unsigned char fill)
{
	signal(SIGTRAP, SIG_DFL);
	write_in_order(take_watched(SIZE, fill), fill);
	EXPECT(stats().accel_ahead_pages > PAGES / 2); /* as if the program had not said so */
}

static void traps_ignored_later(unsigned char fill)
{
	unsigned char *block = take_watched(SIZE, fill);

	signal(SIGTRAP, SIG_IGN);
	write_in_order(block, fill);
	write_in_order(take(SIZE, fill), fill);
	EXPECT(!stats().accel_is_on); /* known since the second block */
}

/* A block made after the program took SIGTRAP back is not watched, and no trap comes. */
static void traps_by_default_later(unsigned char fill)
{
	tafree(take_watched(SIZE, fill));
	signal(SIGTRAP, SIG_DFL);
	write_in_order(take(SIZE, fill), fill);
	EXPECT(!stats().accel_is_on);
}

static void expect_status(pid_t pid, bool (*right)(int status))
{
	int status = -1;

	EXPECT(pid > 0 && waitpid(pid, &status, 0) == pid);
	if (!right(status))
		wrong("the child ended with status %#x", status);
}

static bool is_trapped(int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGTRAP;
}

static bool is_ok(int status)
{
	return status == 0;
}

static void a_foreign_trap_kills(unsigned char fill)
{
	pid_t pid;

	take_watched(SIZE, fill)[0] = 1;
	pid = fork();
	if (!pid) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
		take_watched(SIZE, fill)[0] = 1;
		raise(SIGTRAP);
		_exit(0);
	}
	expect_status(pid, is_trapped);
}

static void signals_blocked(unsigned char fill)
{
	unsigned char *block = take_watched(SIZE, fill);
	sigset_t all;

	sigfillset(&all);
	EXPECT(!sigprocmask(SIG_SETMASK, &all, NULL));
	write_in_order(block, fill);
	EXPECT(!sigprocmask(SIG_UNBLOCK, &all,
			    NULL)); /* one that waited is taken, and does nothing */
}

static void signals_blocked_before(unsigned char fill)
{
	sigset_t all;

	sigfillset(&all);
	EXPECT(!sigprocmask(SIG_SETMASK, &all, NULL));
	write_in_order(take_watched(SIZE, fill), fill);
	EXPECT(stats().accel_ahead_pages == 0);
	EXPECT(!sigprocmask(SIG_UNBLOCK, &all, NULL));
	write_in_order(take(SIZE, fill), fill);
}

static void forked(unsigned char fill)
{
	unsigned char *block = take_watched(SIZE, fill), *own;
	pid_t pid;

	for (size_t i = 0; i < PAGES / 2; i++)
		block[i * 4096] = 0x77;
	pid = fork();
	if (!pid) {
		EXPECT(!stats().accel_is_on);
		for (size_t i = PAGES / 2; i < PAGES; i++)
			block[i * 4096] = 0x77;
		expect_touched(block, PAGES, fill);
		own = take_watched(SIZE, fill);
		write_in_order(own, fill);
		EXPECT(stats().accel_ahead_pages > PAGES / 2);
		_exit(0);
	}
	expect_status(pid, is_ok);
	expect_bytes(block, (PAGES / 2 + 1024) * 4096, SIZE, fill);
	tafree(block);
}

static void executed(unsigned char fill)
{
	pid_t pid;

	take_watched(SIZE, fill)[0] = 1;
	pid = fork();
	if (!pid) {
		unsigned char *block = take_watched(SIZE, fill);

		for (size_t i = 0; i < PAGES / 2; i++)
			block[i * 4096] = 0x77;
		/* a program of many faults, without a handler */
		execl("/bin/sh", "sh", "-c",
		      "x=a; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18; do x=$x$x; done",
		      NULL);
		_exit(2);
	}
	expect_status(pid, is_ok);
}

#define N_THREADS 4

static unsigned char *common;

static void *write_own_part(void *argument)
{
	size_t part = (uintptr_t)argument;

	for (size_t i = 0; i < PAGES / N_THREADS; i++)
		common[(part * PAGES / N_THREADS + i) * 4096] = 0x77;
	return NULL;
}

static void *add_to_own_bytes(void *argument)
{
	for (size_t at = (uintptr_t)argument; at < SIZE; at += 512)
		common[at]++;
	return NULL;
}

static void in_threads(void *(*body)(void *))
{
	pthread_t threads[N_THREADS];

	for (uintptr_t i = 0; i < N_THREADS; i++)
		EXPECT(!pthread_create(&threads[i], NULL, body, (void *)i));
	for (unsigned i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
}

/* Threads that were made after the block and never call the library. */
static void threads_in_their_parts(unsigned char fill)
{
	common = take_watched(SIZE, fill);
	in_threads(write_own_part);
	EXPECT(stats().accel_runs >= 2 && stats().accel_ahead_pages > PAGES / 2);
	expect_touched(common, PAGES, fill);
	tafree(common);
}

static void threads_on_the_same_pages(unsigned char fill)
{
	common = take_watched(SIZE, fill);
	in_threads(add_to_own_bytes);
	for (size_t at = 0; at < SIZE; at++)
		EXPECT(common[at] == (unsigned char)(fill + (at % 512 < N_THREADS)));
	tafree(common);
}

/* More threads, one after another, than may be watched at once. */
static void many_threads(unsigned char fill)
{
	common = take_watched(SIZE, fill);
	for (unsigned i = 0; i < 40; i++) {
		tamalloc_discard(common, 0, SIZE_MAX);
		in_threads(write_own_part);
	}
	expect_touched(common, PAGES, fill);
	tafree(common);
}

static void refuse_saying(unsigned call, unsigned argument, unsigned value, bool any,
			  unsigned error)
{
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, args) + argument * 8),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, any ? 0 : 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = {sizeof(program) / sizeof(*program), program};

	EXPECT(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	EXPECT(!prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter));
}

static void refuse(unsigned call, unsigned argument, unsigned value, bool any)
{
	refuse_saying(call, argument, value, any, EPERM);
}

static void perf_refused_saying(unsigned error, unsigned char fill)
{
	turn_on();
	refuse_saying(SYS_perf_event_open, 0, 0, true, error);
	write_in_order(take(SIZE, fill), fill);
	EXPECT(!stats().accel_is_on && stats().accel_ahead_pages == 0);
}

/* As in containers. */
static void perf_refused(unsigned char fill)
{
	perf_refused_saying(EPERM, fill);
}

/* kernel.perf_event_paranoid 3 and 4, of distributions' kernels, to users. */
static void perf_paranoid(unsigned char fill)
{
	perf_refused_saying(EACCES, fill);
}

/* A kernel that does not know attr.sigtrap: before 5.13. */
static void sigtrap_refused(unsigned char fill)
{
	perf_refused_saying(EINVAL, fill);
}

/* Seccomp sees no paths: the file of pages cannot be opened because nothing can. */
static void pagemap_cannot_be_opened(unsigned char fill)
{
	struct rlimit limit;
	int lowest = dup(STDERR_FILENO);

	turn_on();
	tafree(take(100000, fill)); /* its pattern */
	close(lowest);
	while (fcntl(lowest, F_GETFD) >= 0)
		lowest++;
	EXPECT(!getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = (rlim_t)lowest;
	EXPECT(!setrlimit(RLIMIT_NOFILE, &limit));
	write_in_order(take(SIZE, fill), fill);
	EXPECT(!stats().accel_is_on && stats().accel_ahead_pages == 0);
}

static void populate_refused(unsigned char fill)
{
	refuse(SYS_madvise, 2, POPULATE, false);
	write_in_order(take_watched(SIZE, fill), fill);
	EXPECT(stats().accel_ahead_pages == 0 || !fill);
}

static void huge_pages_refused(unsigned char fill)
{
	refuse(SYS_madvise, 2, MADV_HUGEPAGE, false);
	write_in_order(take_watched(SIZE, fill), fill);
	EXPECT(stats().accel_ahead_pages > PAGES / 2);
}

/* As before Linux 6.1. */
static void collapse_refused(unsigned char fill)
{
	refuse_saying(SYS_madvise, 2, COLLAPSE, false, EINVAL);
	write_in_order(take_watched(SIZE, fill), fill);
	EXPECT(stats().accel_ahead_pages > PAGES / 2);
}

static void pagemap_refused(unsigned char fill)
{
	refuse(SYS_pread64, 0, 0, true);
	write_in_order(take_watched(SIZE, fill), fill);
	EXPECT(stats().accel_ahead_pages == 0);
}

/* Daemons close all descriptors, and get the same numbers for files of their own. */
static void descriptors_closed_and_reused(unsigned char fill)
{
	unsigned char *block = take_watched(SIZE, fill);

	for (size_t i = 0; i < PAGES / 2; i++)
		block[i * 4096] = 0x77;
	for (int fd = 3; fd < 64; fd++)
		close(fd);
	for (int fd = 3; fd < 20; fd++)
		file_with(0x11, MIB / 16);
	for (size_t i = PAGES / 2; i < PAGES; i++)
		block[i * 4096] = 0x77;
	expect_touched(block, PAGES, fill);
	tafree(block);
	write_in_order(take(SIZE, fill), fill);
	for (int fd = 3; fd < 20; fd++)
		EXPECT(fcntl(fd, F_GETFD) >= 0); /* not closed for the program */
}

static void traced(unsigned char fill)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
			_exit(SKIPPED);
		turn_on();
		write_in_order(take(SIZE, fill), fill);
		_exit(stats().accel_is_on);
	}
	EXPECT(waitpid(pid, &status, 0) == pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED)
		skip_child("ptrace is refused here");
	if (status)
		wrong("watched under a tracer, which got a signal: status %#x", status);
}

static void off(unsigned char fill)
{
	EXPECT(!setenv("TAMALLOC_ACCEL", "0", 1));
	write_in_order(take(SIZE, fill), fill);
	EXPECT(!stats().accel_is_on);
}

static const struct test_case cases[] = {
	CASE(ascending),
	CASE(descending),
	CASE(no_huge_pages_to_be_had),
	CASE(apart),
	CASE(chunks),
	CASE(reading_commits_nothing),
	CASE(emptied_is_single_pages),
	CASE(programs_own_handler),
	CASE(traps_by_default_first),
	CASE(traps_ignored),
	CASE(traps_ignored_later),
	CASE(traps_by_default_later),
	CASE(a_foreign_trap_kills),
	CASE(signals_blocked),
	CASE(signals_blocked_before),
	CASE(forked),
	CASE(executed),
	CASE(threads_in_their_parts),
	CASE(threads_on_the_same_pages),
	CASE(many_threads),
	CASE(perf_refused),
	CASE(perf_paranoid),
	CASE(sigtrap_refused),
	CASE(pagemap_cannot_be_opened),
	CASE(populate_refused),
	CASE(huge_pages_refused),
	CASE(collapse_refused),
	CASE(pagemap_refused),
	CASE(descriptors_closed_and_reused),
	CASE(traced),
	CASE(off),
};

int main(void)
{
	return run_cases("libtamalloc_accel", cases, N_CASES(cases));
}
