// SPDX-License-Identifier: MIT
/* glibc/calloc and glibc/malloc+memset. */
#include "calloc.h"

static int alloc_malloc(struct alloc_ctx *ctx, size_t size_bytes, unsigned char fill,
			struct block *block)
{
	void *addr = launder(malloc(launder_size(size_bytes)));

	(void)ctx;
	if (addr)
		addr = launder(memset(addr, fill, size_bytes));
	return calloc_give(addr, size_bytes, block);
}

static struct allocator glibc_calloc = {
	.name = "glibc/calloc",
	.summary = "calloc of the C library",
	.flags = ALLOC_LAZY,
	.prepare = calloc_prepare,
	.alloc = calloc_alloc,
	.release = calloc_release,
};

static struct allocator glibc_malloc = {
	.name = "glibc/malloc+memset",
	.summary = "malloc of the C library, every byte written by memset",
	.flags = ALLOC_FILL_ANY,
	.prepare = calloc_prepare,
	.alloc = alloc_malloc,
	.release = calloc_release,
};

REGISTER_ALLOCATOR(glibc_calloc)
REGISTER_ALLOCATOR(glibc_malloc)
