// SPDX-License-Identifier: MIT
/*
 * Every registered subject under the same cases, with fill 0 and 171. Each case runs in a child of
 * its own with a time limit; the child says on stderr what is wrong and exits with 1.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "allocator.h"
#include "probe.h"
#include "probes/proc.h"
#define TIME_LIMIT_S   60
#define MAX_TESTS      1024
#define PREPARED_BYTES ((size_t)8 << 20)
#define CYCLES	       1000
#define CYCLE_BYTES    ((size_t)256 << 10)
#define GROWTH_MAX_KIB 64 /* of 1,000 cycles: less than one block in a hundred */
#define MALLOC_ALIGN   16
#define HUGE_BYTES     ((size_t)2 << 20)

/* A sanitiser's malloc answers a size that cannot be with NULL, and keeps no freed blocks. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1:quarantine_size_mb=0:thread_local_quarantine_size_kb=0";
}

struct test_case {
	char name[96];
	const struct allocator *allocator;
	unsigned char fill;
	void (*body)(const struct test_case *test, struct alloc_ctx *ctx);
};

__attribute__((format(printf, 1, 2), noreturn)) static void wrong(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	_exit(1);
}

static struct block take(const struct test_case *test, struct alloc_ctx *ctx, size_t size_bytes)
{
	struct block block = {0};
	int error = test->allocator->alloc(ctx, size_bytes, test->fill, &block);

	if (error)
		wrong("alloc of %zu bytes: %s", size_bytes, strerror(-error));
	if (!block.addr || block.bytes < size_bytes)
		wrong("alloc of %zu bytes gave %zu at %p", size_bytes, block.bytes, block.addr);
	return block;
}

static void give_back(const struct test_case *test, struct alloc_ctx *ctx, struct block *block)
{
	int error = test->allocator->release(ctx, block);

	if (error)
		wrong("release: %s", strerror(-error));
}

static void expect_fill(const struct block *block, size_t size_bytes, unsigned char fill)
{
	const unsigned char *byte = block->addr;

	if (!block->holds_fill)
		return;
	for (size_t i = 0; i < size_bytes; i++)
		if (byte[i] != fill)
			wrong("byte %zu of %zu is %u, not %u", i, size_bytes, byte[i], fill);
}

/* Also when the memory was used and given back before. */
static void every_byte_is_the_fill(const struct test_case *test, struct alloc_ctx *ctx)
{
	static const size_t sizes[] = {1, 24, 4095, 4096, 4097, 100000, (1 << 20) + 1, 4 << 20};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		for (unsigned round = 0; round < 3; round++) {
			struct block block = take(test, ctx, sizes[i]);

			expect_fill(&block, sizes[i], test->fill);
			memset(launder(block.addr), 0x77, sizes[i]);
			give_back(test, ctx, &block);
		}
}

static void memory_is_aligned(const struct test_case *test, struct alloc_ctx *ctx)
{
	const char *name = test->allocator->name;
	size_t align = MALLOC_ALIGN;

	if (!strncmp(name, "mmap", 4))
		align = (size_t)sysconf(_SC_PAGESIZE);
	if (!strcmp(name, "mmap/thp"))
		align = HUGE_BYTES;
	for (size_t size = 1; size <= (size_t)4 << 20; size = size * 3 + 1) {
		struct block block = take(test, ctx, size);

		if ((uintptr_t)block.addr % align)
			wrong("%p (%zu bytes) is not at a multiple of %zu", block.addr, size,
			      align);
		give_back(test, ctx, &block);
	}
}

static void size_zero_is_refused_or_empty(const struct test_case *test, struct alloc_ctx *ctx)
{
	struct block block = {0};
	int error = test->allocator->alloc(ctx, 0, test->fill, &block);

	if (!error)
		error = test->allocator->release(ctx, &block);
	else if (error == -EINVAL)
		error = 0;
	if (error)
		wrong("size 0: %s", strerror(-error));
}

static void too_large_is_enomem(const struct test_case *test, struct alloc_ctx *ctx)
{
	static const size_t sizes[] = {(size_t)1 << 57, PTRDIFF_MAX - 4095, PTRDIFF_MAX,
				       SIZE_MAX - 8191, SIZE_MAX - 4095,    SIZE_MAX};
	struct block block = {0};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		int error = test->allocator->alloc(ctx, sizes[i], test->fill, &block);

		if (error != -ENOMEM)
			wrong("size %zu gave %s, not ENOMEM", sizes[i],
			      error ? strerror(-error) : "memory");
	}
	block = take(test, ctx, 4096); /* and it still works */
	give_back(test, ctx, &block);
}

static uint64_t anonymous_bytes(void)
{
	static const char *const keys[] = {"Anonymous:"};
	uint64_t bytes;
	int fd = open("/proc/self/smaps", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || proc_sum_kib_lines(fd, keys, 1, &bytes))
		wrong("/proc/self/smaps: %s", strerror(errno));
	close(fd);
	return bytes;
}

static uint64_t vma_count(void)
{
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	uint64_t count = proc_count_lines(fd);

	close(fd);
	return count;
}

static void cycle(const struct test_case *test, struct alloc_ctx *ctx, unsigned cycles)
{
	while (cycles--) {
		struct block block = take(test, ctx, CYCLE_BYTES);

		memset(launder(block.addr), 0x77, CYCLE_BYTES);
		give_back(test, ctx, &block);
	}
}

static void cycles_do_not_grow(const struct test_case *test, struct alloc_ctx *ctx)
{
	uint64_t anonymous, vmas;

	anonymous_bytes();
	cycle(test, ctx, 10);
	anonymous = anonymous_bytes();
	vmas = vma_count();
	cycle(test, ctx, CYCLES);
	if (anonymous_bytes() > anonymous + GROWTH_MAX_KIB * 1024)
		wrong("after %u cycles %llu bytes more are committed", CYCLES,
		      (unsigned long long)(anonymous_bytes() - anonymous));
	if (vma_count() > vmas + 1)
		wrong("after %u cycles there are %llu VMAs instead of %llu", CYCLES,
		      (unsigned long long)vma_count(), (unsigned long long)vmas);
}

static void other_fills_are_refused(const struct test_case *test, struct alloc_ctx *ctx)
{
	struct block block = {0};
	int error = test->allocator->alloc(ctx, 4096, test->fill, &block);

	if (error != -EOPNOTSUPP)
		wrong("fill %u gave %d, not -EOPNOTSUPP", test->fill, error);
}

/* ---- one child for each case ---- */

__attribute__((noreturn)) static void child(const struct test_case *test)
{
	static struct alloc_ctx ctx;
	int error;

	alarm(TIME_LIMIT_S);
	error = test->allocator->prepare
			? test->allocator->prepare(&ctx, PREPARED_BYTES, test->fill)
			: 0;
	if (error)
		wrong("prepare: %s", strerror(-error));
	test->body(test, &ctx);
	if (test->allocator->reset)
		test->allocator->reset(&ctx);
	_exit(0);
}

static void run_case(void **state)
{
	const struct test_case *test = *state;
	char reason[160] = "";
	int status;
	pid_t pid;

	if (test->allocator->supported && !test->allocator->supported(reason, sizeof(reason))) {
		print_message("# %s: %s\n", test->name, reason);
		skip();
	}
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		child(test);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		fail_msg("ended by signal %d%s", WTERMSIG(status),
			 WTERMSIG(status) == SIGALRM ? " (time limit)" : "");
	assert_int_equal(WEXITSTATUS(status), 0);
}

static struct test_case cases[MAX_TESTS];
static struct CMUnitTest tests[MAX_TESTS];
static size_t n_tests;

#define ADD(allocator, fill, body) add(allocator, fill, body, #body)

static void add(const struct allocator *allocator, unsigned char fill,
		void (*body)(const struct test_case *, struct alloc_ctx *), const char *what)
{
	struct test_case *test = &cases[n_tests];

	if (n_tests == MAX_TESTS)
		wrong("more than %d cases: raise MAX_TESTS", MAX_TESTS);
	*test = (struct test_case){.allocator = allocator, .fill = fill, .body = body};
	snprintf(test->name, sizeof(test->name), "%s fill %u %s", allocator->name, fill, what);
	tests[n_tests++] = (struct CMUnitTest){
		.name = test->name, .test_func = run_case, .initial_state = test};
}

int main(void)
{
	static const unsigned char fills[] = {0, 171};

	for (const struct allocator *a = allocator_first(); a; a = a->next)
		for (unsigned i = 0; i < 2; i++) {
			if (fills[i] && !(a->flags & (ALLOC_FILL_ANY | ALLOC_LAZY_FILL))) {
				ADD(a, fills[i], other_fills_are_refused);
				continue;
			}
			ADD(a, fills[i], every_byte_is_the_fill);
			ADD(a, fills[i], memory_is_aligned);
			ADD(a, fills[i], size_zero_is_refused_or_empty);
			ADD(a, fills[i], too_large_is_enomem);
			ADD(a, fills[i], cycles_do_not_grow);
		}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return _cmocka_run_group_tests("conformance", tests, n_tests, NULL, NULL);
}
