/* SPDX-License-Identifier: MIT */
/*
 * calloc and malloc + memset as hooks of a subject. The size and each pointer pass through
 * launder(): gcc would turn malloc+memset(0) into calloc, clang would delete a block that it sees
 * freed.
 */
#ifndef TA_CALLOC_H
#define TA_CALLOC_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "allocator.h"

/* The library's first call sets itself up: no part of what an allocation costs. */
static inline int calloc_prepare(struct alloc_ctx *ctx, size_t size_bytes, unsigned char fill)
{
	(void)ctx;
	(void)size_bytes;
	(void)fill;
	free(launder(malloc(1)));
	return 0;
}

static inline size_t launder_size(size_t bytes)
{
	__asm__ volatile("" : "+r"(bytes));
	return bytes;
}

static inline int calloc_give(void *addr, size_t size_bytes, struct block *block)
{
	if (!addr)
		return -ENOMEM;
	*block = (struct block){.addr = addr, .bytes = size_bytes, .holds_fill = true};
	return 0;
}

static inline int calloc_alloc(struct alloc_ctx *ctx, size_t size_bytes, unsigned char fill,
			       struct block *block)
{
	(void)ctx;
	if (fill)
		return -EOPNOTSUPP;
	return calloc_give(launder(calloc(1, launder_size(size_bytes))), size_bytes, block);
}

static inline int calloc_release(struct alloc_ctx *ctx, struct block *block)
{
	(void)ctx;
	free(launder(block->addr));
	return 0;
}

#endif
