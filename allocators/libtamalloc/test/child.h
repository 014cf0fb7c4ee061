/* SPDX-License-Identifier: MIT */
/*
 * One forked child for each case, with a time limit. The child says on stderr what is wrong and
 * exits with 1, or with SKIPPED after a sentence on stderr.
 */
#ifndef TA_TEST_CHILD_H
#define TA_TEST_CHILD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tamalloc.h"

#define TIME_LIMIT_S 60 /* else TA_TEST_TIME_LIMIT_S, where a machine is emulated */
#define SKIPPED	     77
#define MIB	     ((size_t)1 << 20)
#define BLOCK_BYTES  (((size_t)8 << 20) + 12345) /* several tiles, the last not a whole one */

#ifdef __SANITIZE_ADDRESS__
#define UNDER_ASAN true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ASAN true
#endif
#endif
#ifndef UNDER_ASAN
#define UNDER_ASAN false
#endif

/* The search for leaks needs descriptors and address space that some cases take away; the library's
 * blocks it does not know. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

#ifdef TA_TEST_KEEPS_HUGE_PAGES
#define KEEPS_HUGE_PAGES true
#else
#define KEEPS_HUGE_PAGES false
#endif

struct test_case {
	const char *name;
	void (*body)(unsigned char fill);
	unsigned char fill;
	const char *dies_saying; /* by abort(), with this on stderr */
};

__attribute__((format(printf, 1, 2), noreturn)) static inline void wrong(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	_exit(1);
}

/* What a skip needs is said in scripts/skips.txt too. */
__attribute__((noreturn)) static inline void skip_child(const char *reason)
{
	fprintf(stderr, "# %s\n", reason);
	_exit(SKIPPED);
}

#define EXPECT(condition)                                                                      \
	do {                                                                                   \
		if (!(condition))                                                              \
			wrong("%s:%d: not so: %s (errno: %s)", __FILE__, __LINE__, #condition, \
			      strerror(errno));                                                \
	} while (0)

/* The compiler loses sight of a value, and so of what is wrong with it. */
static inline void *launder(void *pointer)
{
	__asm__ volatile("" : "+r"(pointer) : : "memory");
	return pointer;
}

static inline size_t launder_size(size_t size)
{
	return (size_t)launder((void *)size);
}

static inline void expect_bytes(const void *addr, size_t from, size_t to, unsigned char byte)
{
	const unsigned char *bytes = addr;

	for (size_t i = from; i < to; i++)
		if (bytes[i] != byte)
			wrong("byte %zu is %u, not %u", i, bytes[i], byte);
}

static inline unsigned char *take(size_t size_bytes, unsigned char fill)
{
	unsigned char *block = fill ? tamalloc_fill(size_bytes, fill) : tamalloc(size_bytes);

	if (!block)
		wrong("no block of %zu bytes: %s", size_bytes, strerror(errno));
	return block;
}

/* Sum of "Anonymous:" over /proc/self/smaps: what the process has committed. */
static inline uint64_t anonymous_bytes(void)
{
	char line[256];
	unsigned long long kib, sum = 0;
	FILE *file = fopen("/proc/self/smaps", "re");

	EXPECT(file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "Anonymous: %llu", &kib) == 1)
			sum += kib;
	fclose(file);
	return sum * 1024;
}

/* Pages of the range that the process has made its own: present or swapped out, anonymous, and not
 * the zero page (which no process has exclusively). */
static inline size_t committed_pages(const void *addr, size_t bytes)
{
	const uint64_t present = UINT64_C(1) << 63, swapped = UINT64_C(1) << 62,
		       file = UINT64_C(1) << 61, exclusive = UINT64_C(1) << 56;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entries[512];
	size_t pages = (bytes + 4095) / 4096, committed = 0;

	EXPECT(fd >= 0);
	for (size_t done = 0; done < pages;) {
		size_t count = pages - done < 512 ? pages - done : 512;

		EXPECT(pread(fd, entries, count * 8,
			     ((off_t)((uintptr_t)addr / 4096 + done)) * 8) == (ssize_t)(count * 8));
		for (size_t i = 0; i < count; i++)
			committed += (entries[i] & swapped) ||
				     (entries[i] & present && entries[i] & exclusive &&
				      !(entries[i] & file));
		done += count;
	}
	close(fd);
	return committed;
}

/* An unlinked file of one byte over and over. */
static inline int file_with(unsigned char byte, size_t bytes)
{
	char path[] = "/var/tmp/tamalloc-XXXXXX", *buffer = malloc(bytes);
	int fd = mkostemp(path, O_CLOEXEC);

	EXPECT(fd >= 0 && buffer);
	unlink(path);
	memset(buffer, byte, bytes);
	EXPECT(write(fd, buffer, bytes) == (ssize_t)bytes);
	EXPECT(lseek(fd, 0, SEEK_SET) == 0);
	free(buffer);
	return fd;
}

static inline struct tamalloc_stats stats(void)
{
	struct tamalloc_stats now;

	tamalloc_stats(&now, sizeof(now));
	return now;
}

/* TA_TEST_SKIP: names of cases that a checker cannot run (scripts/libtamalloc-checkers.sh). */
static inline bool is_left_out(const char *name)
{
	const char *list = getenv("TA_TEST_SKIP"), *at = list ? strstr(list, name) : NULL;
	size_t length = strlen(name);

	return at && (at == list || at[-1] == ' ') && (!at[length] || at[length] == ' ');
}

static inline unsigned time_limit_s(void)
{
	const char *text = getenv("TA_TEST_TIME_LIMIT_S");

	return text ? (unsigned)atoi(text) : TIME_LIMIT_S;
}

static inline void run_case(void **state)
{
	const struct test_case *test = *state;
	char said[4096];
	size_t length = 0;
	ssize_t got;
	int status, fds[2];
	pid_t pid;

	if (is_left_out(test->name))
		skip();
	fflush(NULL);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		alarm(time_limit_s());
		/* Pages are counted, not huge ones. */
		if (!KEEPS_HUGE_PAGES)
			prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
		dup2(fds[1], STDERR_FILENO);
		test->body(test->fill);
		exit(0); /* not _exit: valgrind and sanitisers report at the end */
	}
	close(fds[1]);
	while ((got = read(fds[0], said + length, sizeof(said) - 1 - length)) > 0)
		length += (size_t)got;
	said[length] = 0;
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (test->dies_saying) {
		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT ||
		    !strstr(said, test->dies_saying))
			fail_msg("should abort and say '%s'; status %#x, said: %s",
				 test->dies_saying, status, said);
		return;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED) {
		print_message("%s", said);
		skip();
	}
	if (status)
		fail_msg("status %#x: %s", status, said);
}

/* TA_TEST_BACKEND: the layer that must be chosen here. Asked in a child, for each case chooses
 * anew. */
static inline bool layer_is_as_wanted(void)
{
	const char *wanted = getenv("TA_TEST_BACKEND");
	int status = -1;
	pid_t pid;

	if (!wanted)
		return true;
	pid = fork();
	if (!pid)
		_exit(!!strcmp(stats().backend, wanted));
	if (waitpid(pid, &status, 0) == pid && !status)
		return true;
	fprintf(stderr, "the layer should be %s here, and is not\n", wanted);
	return false;
}

/* Each case with fill 0 and 171; those that die once. */
static inline int run_cases(const char *group, const struct test_case *cases, size_t count)
{
	static struct test_case with_fill[256];
	static struct CMUnitTest tests[256];
	static char names[256][96];
	size_t n = 0;

	if (!layer_is_as_wanted())
		return 1;
	for (size_t i = 0; i < count; i++)
		for (unsigned k = 0; k < (cases[i].dies_saying ? 1 : 2); k++, n++) {
			with_fill[n] = cases[i];
			with_fill[n].fill = k ? 171 : 0;
			snprintf(names[n], sizeof(names[n]), "%s fill %u", cases[i].name,
				 with_fill[n].fill);
			tests[n] = (struct CMUnitTest){.name = names[n],
						       .test_func = run_case,
						       .initial_state = &with_fill[n]};
		}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return _cmocka_run_group_tests(group, tests, n, NULL, NULL);
}

#define CASE(body)                   \
	{                            \
#body, body, 0, NULL \
	}
#define DEATH(body, sentence)            \
	{                                \
#body, body, 0, sentence \
	}
#define N_CASES(cases) (sizeof(cases) / sizeof(*(cases)))

#endif
