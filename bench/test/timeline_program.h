/* SPDX-License-Identifier: MIT */
/* What the timeline's tests watch: themselves, started anew as a program with a known schedule. */
#ifndef TIMELINE_PROGRAM_H
#define TIMELINE_PROGRAM_H

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "timeline.h"

#define MIB	   (1024ull * 1024)
#define STEPS	   8
#define STEP_BYTES (4 * MIB)
#define SLACK_BYTES                                                                   \
	(64 * 1024ull) /* stack and library pages that the program touches as it goes \
			*/

static char *self;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void mark(const char *name, uint64_t value)
{
	char line[64];
	int n = snprintf(line, sizeof(line), "%" PRIu64 " %s-%" PRIu64 "\n", now_ns(), name, value);

	if (write(TIMELINE_MARKS_FD, line, (size_t)n) != n)
		_exit(9);
}

static uint64_t own_rss_bytes(void)
{
	char text[2048];
	int fd = open("/proc/self/smaps_rollup", O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	text[n > 0 ? n : 0] = 0;
	return strtoull(strstr(text, "\nRss:") + 5, NULL, 10) * 1024;
}

static int steps(void)
{
	struct timespec pause = {.tv_nsec = 8000000};
	char *memory;

	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	memory = mmap(NULL, STEPS * STEP_BYTES, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	own_rss_bytes(); /* once for its own pages */
	mark("warm", 0);
	mark("base", own_rss_bytes());
	for (uint64_t i = 0; i < STEPS; i++) {
		nanosleep(&pause, NULL);
		mark("begin", i * STEP_BYTES); /* until here that much is touched */
		for (size_t at = i * STEP_BYTES; at < (i + 1) * STEP_BYTES; at += 4096)
			((volatile char *)memory)[at] = 1;
		mark("end", (i + 1) * STEP_BYTES); /* from here on this much */
	}
	nanosleep(&pause, NULL);
	mark("begin", STEPS * STEP_BYTES);
	munmap(memory, STEPS * STEP_BYTES);
	mark("end", 0);
	nanosleep(&pause, NULL);
	mark("exit", 0); /* from here on all of it goes away */
	return 0;
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

static void touch(size_t bytes)
{
	char *memory =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (size_t at = 0; at < bytes; at += 4096)
		((volatile char *)memory)[at] = 1;
}

/* A program with a child that forks one more and then execs, and a vfork: each touches its own. */
static int family(void)
{
	struct timespec pause_s = {.tv_nsec = 300000000};
	int ready[2];
	char byte;
	pid_t pid;

	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	if (pipe(ready))
		return 9;
	mark("base", own_rss_bytes());
	touch(4 * MIB);
	pid = fork_bound();
	if (pid == 0) {
		touch(8 * MIB);
		if (fork_bound() == 0) {
			touch(16 * MIB);
			if (write(ready[1], "r", 1) == 1)
				for (;;)
					pause();
		}
		if (write(ready[1], "r", 1) == 1)
			execl(self, self, "pauses", NULL);
		_exit(9);
	}
	if (system("true") || read(ready[0], &byte, 1) != 1 || read(ready[0], &byte, 1) != 1)
		return 9;
	nanosleep(&pause_s, NULL); /* until the exec is over */
	mark("all", 0);
	nanosleep(&pause_s, NULL);
	kill(pid, SIGKILL); /* and its child with it */
	waitpid(pid, NULL, 0);
	mark("one", 0);
	nanosleep(&pause_s, NULL);
	return 0;
}

/* Lives for 50 ms, or not even that. */
static int brief(bool is_killed)
{
	struct timespec pause_s = {.tv_nsec = 50000000};

	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	touch(4 * MIB);
	if (is_killed)
		kill(getpid(), SIGKILL);
	nanosleep(&pause_s, NULL);
	return 0;
}

static int pauses(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (pause())
		;
	return 0;
}

static uint64_t mark_value(const struct timeline_mark *m)
{
	return strtoull(strrchr(m->name, '-') + 1, NULL, 10);
}

/* In main(), first: does what the program is asked for. */
static void be_program(int argc, char **argv)
{
	self = realpath("/proc/self/exe", NULL);
	if (argc > 1 && !strcmp(argv[1], "steps"))
		exit(steps());
	if (argc > 1 && !strcmp(argv[1], "family"))
		exit(family());
	if (argc > 1 && !strcmp(argv[1], "pauses"))
		exit(pauses());
	if (argc > 1 && !strcmp(argv[1], "brief"))
		exit(brief(false));
	if (argc > 1 && !strcmp(argv[1], "killed"))
		exit(brief(true));
}

static void record_steps(bool exact, struct timeline *t)
{
	char *argv[] = {self, "steps", NULL};
	struct timeline_options options = {
		.argv = argv, .exact = exact, .stdout_fd = -1, .timeout_ns = 60000000000ull};

	timeline_record(&options, t);
	if (t->outcome == TIMELINE_UNSUPPORTED) {
		print_message("# %s\n", t->reason);
		timeline_clear(t);
		skip();
	}
	if (t->outcome != TIMELINE_OK)
		print_message("# %s\n", t->reason);
	assert_int_equal(t->outcome, TIMELINE_OK);
	assert_int_equal(t->exit_status, 0);
	assert_int_equal(t->n_marks, 2 + 2 * STEPS + 3);
}

/* A process that touches a page every now and then, until it is killed. */
static pid_t toucher(void)
{
	struct timespec pause_s = {.tv_nsec = 2000000};
	pid_t pid = fork_bound();

	if (pid == 0) {
		char *memory = mmap(NULL, 64 * MIB, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		madvise(memory, 64 * MIB, MADV_NOHUGEPAGE);
		for (size_t at = 0;; at = (at + 4096) % (64 * MIB)) {
			memory[at] = 1;
			nanosleep(&pause_s, NULL);
		}
	}
	return pid;
}

static void watch_toucher(bool exact)
{
	struct timeline_options options = {
		.attach = toucher(), .exact = exact, .stdout_fd = -1, .timeout_ns = 500000000};
	struct timeline t;

	timeline_record(&options, &t);
	assert_int_equal(waitpid(options.attach, NULL, WNOHANG), 0); /* it goes on */
	kill(options.attach, SIGKILL);
	assert_int_equal(waitpid(options.attach, NULL, 0), options.attach);
	if (t.outcome == TIMELINE_UNSUPPORTED) {
		print_message("# %s\n", t.reason);
		timeline_clear(&t);
		skip();
	}
	assert_int_equal(t.outcome, TIMELINE_OK);
	assert_int_equal(t.exit_status, -1);
	assert_true(t.n_rows >= 1);
	assert_int_equal(t.rows[0].processes, 1);
	if (exact) {
		assert_int_equal(t.lost_records, 0);
		assert_true(t.smaps_checks >= 1);
		assert_int_equal(t.smaps_differences, 0);
		assert_true(t.events[0].committed_bytes > 0); /* what it had before */
		assert_true(t.final_bytes >= t.events[0].committed_bytes);
	}
	timeline_clear(&t);
}

#endif
