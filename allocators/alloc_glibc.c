// SPDX-License-Identifier: MIT
/*
 * glibc/calloc and glibc/malloc+memset. The size and each pointer pass through launder(): gcc would
 * turn malloc+memset(0) into calloc, clang would delete a block that it sees freed.
 */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "allocator.h"

/* The allocator's first call sets itself up: no part of what an allocation costs. */
static int prepare(struct alloc_ctx *ctx, size_t size_bytes, unsigned char fill)
{
	(void)ctx;
	(void)size_bytes;
	(void)fill;
	free(launder(malloc(1)));
	return 0;
}

static size_t launder_size(size_t bytes)
{
	__asm__ volatile("" : "+r"(bytes));
	return bytes;
}

static int give(void *addr, struct block *block)
{
	if (!addr)
		return -ENOMEM;
	*block =
		(struct block){.addr = addr, .bytes = malloc_usable_size(addr), .holds_fill = true};
	return 0;
}

static int alloc_calloc(struct alloc_ctx *ctx, size_t size_bytes, unsigned char fill,
			struct block *block)
{
	(void)ctx;
	if (fill)
		return -EOPNOTSUPP;
	return give(launder(calloc(1, launder_size(size_bytes))), block);
}

static int alloc_malloc(struct alloc_ctx *ctx, size_t size_bytes, unsigned char fill,
			struct block *block)
{
	void *addr = launder(malloc(launder_size(size_bytes)));

	(void)ctx;
	if (addr)
		addr = launder(memset(addr, fill, size_bytes));
	return give(addr, block);
}

static int release(struct alloc_ctx *ctx, struct block *block)
{
	(void)ctx;
	free(launder(block->addr));
	return 0;
}

static struct allocator glibc_calloc = {
	.name = "glibc/calloc",
	.summary = "calloc of the C library",
	.flags = ALLOC_LAZY,
	.prepare = prepare,
	.alloc = alloc_calloc,
	.release = release,
};

static struct allocator glibc_malloc = {
	.name = "glibc/malloc+memset",
	.summary = "malloc of the C library, every byte written by memset",
	.flags = ALLOC_FILL_ANY,
	.prepare = prepare,
	.alloc = alloc_malloc,
	.release = release,
};

REGISTER_ALLOCATOR(glibc_calloc)
REGISTER_ALLOCATOR(glibc_malloc)
