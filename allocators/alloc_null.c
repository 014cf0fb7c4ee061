// SPDX-License-Identifier: MIT
/*
 * null: memory that is already there, mapped, resident and filled before the first phase. What a
 * workload costs on it is the cost of the workload's own loop.
 */
#include "mapping.h"

/* One area, handed out whole to one block at a time. */
static struct {
	void *addr;
	size_t bytes;
	unsigned char fill;
	bool in_use, dirty;
} area;

static int prepare(struct alloc_ctx *ctx, size_t size_bytes, unsigned char fill)
{
	void *addr;

	(void)ctx;
	addr = mapping_new(size_bytes, MAP_POPULATE);
	if (!addr)
		return -errno;
	area.addr = addr;
	area.bytes = size_bytes;
	area.fill = fill;
	memset(area.addr, fill, size_bytes);
	return 0;
}

static int alloc(struct alloc_ctx *ctx, size_t size_bytes, unsigned char fill, struct block *block)
{
	(void)ctx;
	if (!size_bytes)
		return -EINVAL;
	if (area.in_use || size_bytes > area.bytes)
		return -ENOMEM;
	if (area.dirty || fill != area.fill)
		memset(area.addr, fill, area.bytes);
	area.in_use = true;
	area.fill = fill;
	*block = (struct block){.addr = area.addr, .bytes = area.bytes, .holds_fill = true};
	return 0;
}

static int release(struct alloc_ctx *ctx, struct block *block)
{
	(void)ctx;
	(void)block;
	area.in_use = false;
	area.dirty = true;
	return 0;
}

static struct allocator null_subject = {
	.name = "null",
	.summary = "memory resident and filled beforehand: the cost of the workload alone",
	.flags = ALLOC_FILL_ANY | ALLOC_NO_FREE | ALLOC_ONE_BLOCK,
	.prepare = prepare,
	.alloc = alloc,
	.release = release,
};

REGISTER_ALLOCATOR(null_subject)
