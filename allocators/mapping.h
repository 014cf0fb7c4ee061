/* SPDX-License-Identifier: MIT */
/*
 * Mappings as blocks of a subject: their size in whole pages, private anonymous memory, a fill that
 * is written over all of it, and the hook release().
 */
#ifndef TA_MAPPING_H
#define TA_MAPPING_H

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "allocator.h"

static inline size_t page_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* Rounds up; unit_bytes is a power of two. */
static inline size_t whole_units(size_t size_bytes, size_t unit_bytes)
{
	return (size_bytes + unit_bytes - 1) & ~(unit_bytes - 1);
}

/* The size of a mapping in whole units. 0; -EINVAL for size 0; -ENOMEM for what no address space
 * holds, so that a unit more still fits into ptrdiff_t. */
static inline int mapping_bytes(size_t size_bytes, size_t unit_bytes, size_t *bytes)
{
	if (!size_bytes)
		return -EINVAL;
	if (size_bytes > PTRDIFF_MAX - 2 * unit_bytes)
		return -ENOMEM;
	*bytes = whole_units(size_bytes, unit_bytes);
	return 0;
}

/* A private anonymous mapping; flags beside those two. NULL with errno. */
static inline void *mapping_new(size_t bytes, int flags)
{
	void *addr = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags,
			  -1, 0);

	return addr == MAP_FAILED ? NULL : launder(addr);
}

/* The block of memory that reads as zeros; a fill other than 0 is written at once. Returns 0. */
static inline int mapping_give(void *addr, size_t bytes, unsigned char fill, struct block *block)
{
	if (fill)
		memset(addr, fill, bytes);
	*block = (struct block){.addr = addr, .bytes = bytes, .holds_fill = true};
	return 0;
}

/* The hook release(). */
static inline int mapping_release(struct alloc_ctx *ctx, struct block *block)
{
	(void)ctx;
	return munmap(block->addr, block->bytes) ? -errno : 0;
}

#endif
