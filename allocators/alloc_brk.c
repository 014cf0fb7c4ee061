// SPDX-License-Identifier: MIT
/*
 * brk: the heap grown by sbrk. Given back is what lies at its end; of other blocks only the pages
 * are (MADV_DONTNEED), the addresses when all is. Malloc must not be called meanwhile: it grows the
 * same heap.
 */
#include <stdatomic.h>

#include "mapping.h"

static atomic_flag busy = ATOMIC_FLAG_INIT; /* the hooks of several threads */

static void enter(void)
{
	while (atomic_flag_test_and_set_explicit(&busy, memory_order_acquire))
		;
}

static void leave(void)
{
	atomic_flag_clear_explicit(&busy, memory_order_release);
}

static int alloc(struct alloc_ctx *ctx, size_t size_bytes, unsigned char fill, struct block *block)
{
	size_t bytes, gap;
	int error = mapping_bytes(size_bytes, page_bytes(), &bytes);
	char *addr;

	(void)ctx;
	if (error)
		return error;
	enter();
	addr = sbrk(0);
	gap = -(uintptr_t)addr & (page_bytes() - 1);
	addr = sbrk((intptr_t)(gap + bytes));
	leave();
	if (addr == (void *)-1)
		return -ENOMEM;
	return mapping_give(launder(addr + gap), bytes, fill, block);
}

static int release(struct alloc_ctx *ctx, struct block *block)
{
	char *addr = block->addr;
	int error = 0;

	(void)ctx;
	enter();
	if (sbrk(0) == addr + block->bytes)
		error = brk(addr);
	else
		error = madvise(addr, block->bytes, MADV_DONTNEED);
	leave();
	return error ? -errno : 0;
}

static struct allocator heap = {
	.name = "brk",
	.summary = "the heap grown by sbrk, each page on its first touch",
	.flags = ALLOC_LAZY | ALLOC_FILL_ANY,
	.alloc = alloc,
	.release = release,
};

REGISTER_ALLOCATOR(heap)
