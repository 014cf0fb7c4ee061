/* SPDX-License-Identifier: MIT */
/*
 * The cases that every subject must pass, with fill 0 and 171. A case runs in a process of its own:
 * it says on stderr what is wrong and ends with 1.
 */
#ifndef TA_CONFORMANCE_H
#define TA_CONFORMANCE_H

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

struct test_case {
	char name[112];
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

	if (!strncmp(name, "mmap", 4) || !strncmp(name, "numa/", 5) || !strcmp(name, "brk") ||
	    !strcmp(name, "memfd"))
		align = (size_t)sysconf(_SC_PAGESIZE);
	if (!strcmp(name, "mmap/thp") || !strcmp(name, "mmap/hugetlb"))
		align = HUGE_BYTES;
	for (size_t size = 1; size <= (size_t)4 << 20; size = size * 3 + 1) {
		struct block block = take(test, ctx, size);
		/* What has no room for an object of that alignment needs none (C11, DR 075). */
		size_t needed = align == MALLOC_ALIGN && size < MALLOC_ALIGN ? 8 : align;

		if ((uintptr_t)block.addr % needed)
			wrong("%p (%zu bytes) is not at a multiple of %zu", block.addr, size,
			      needed);
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

__attribute__((noreturn)) static void conformance_run(const struct test_case *test)
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

static struct test_case cases[MAX_TESTS];
static size_t n_cases;

#define ADD(allocator, fill, body) add_case(allocator, fill, body, #body)

static void add_case(const struct allocator *allocator, unsigned char fill,
		     void (*body)(const struct test_case *, struct alloc_ctx *), const char *what)
{
	struct test_case *test = &cases[n_cases++];

	if (n_cases > MAX_TESTS)
		wrong("more than %d cases: raise MAX_TESTS", MAX_TESTS);
	*test = (struct test_case){.allocator = allocator, .fill = fill, .body = body};
	snprintf(test->name, sizeof(test->name), "%s fill %u %s", allocator->name, fill, what);
}

static void conformance_add_all(void)
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
}

static const struct test_case *conformance_find(const char *name)
{
	for (size_t i = 0; i < n_cases; i++)
		if (!strcmp(cases[i].name, name))
			return &cases[i];
	return NULL;
}

#endif
