// SPDX-License-Identifier: MIT
/*
 * Skeleton of a subject. Copy to alloc_<name>.c, change the name and the two required hooks, delete
 * what you do not need, build: it is listed, measured and tested. The contract is in allocator.h.
 * (This file itself is not part of the build; a test compiles a copy.)
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "allocator.h"

/* Optional. Without it the subject can always run. Write one sentence: what is missing, what would
 * help. */
static bool supported(char *reason, size_t reason_bytes)
{
	if (sysconf(_SC_PAGESIZE) > 0)
		return true;
	snprintf(reason, reason_bytes, "this system has no pages; use one that has");
	return false;
}

/* Optional. Unmeasured, before the baseline: open devices, warm what is no part of an allocation's
 * cost. size_bytes and fill are those of the allocations to come. Keep state in ctx->priv. */
static int prepare(struct alloc_ctx *ctx, size_t size_bytes, unsigned char fill)
{
	(void)size_bytes;
	(void)fill;
	ctx->priv = NULL;
	snprintf(ctx->backend, sizeof(ctx->backend), "mmap"); /* only if the subject has several */
	return 0;
}

/* Required. size_bytes in which every byte reads as fill, at once or when it is first touched. */
static int alloc(struct alloc_ctx *ctx, size_t size_bytes, unsigned char fill, struct block *block)
{
	void *addr;

	(void)ctx;
	if (!size_bytes)
		return -EINVAL;
	addr = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (addr == MAP_FAILED)
		return -errno;
	addr = launder(addr); /* every pointer, see allocator.h */
	if (fill)
		memset(addr, fill, size_bytes);
	*block = (struct block){
		.addr = addr,
		.bytes = size_bytes, /* what was really obtained, if that is more */
		.holds_fill = true,  /* false: may be dirty, the fill is not checked */
		.handle = 0,	     /* yours, for release */
	};
	return 0;
}

/* Required. Gives the block back. */
static int release(struct alloc_ctx *ctx, struct block *block)
{
	(void)ctx;
	return munmap(block->addr, block->bytes) ? -errno : 0;
}

/* Optional. Gives back everything, also what is cached; ends what prepare began. */
static void reset(struct alloc_ctx *ctx)
{
	ctx->priv = NULL;
}

/* Optional. Memory of the blocks that smaps does not show as anonymous, swap or hugetlb. */
static void held(struct alloc_ctx *ctx, struct alloc_held *held)
{
	(void)ctx;
	*held = (struct alloc_held){.shmem_or_memfd_bytes = 0, .driver_bytes = 0};
}

static struct allocator skeleton = {
	.name = "skeleton",		      /* required; as typed, says the whole subject */
	.summary = "mmap, to be changed",     /* required; one line */
	.flags = ALLOC_LAZY | ALLOC_FILL_ANY, /* what it can, see allocator.h */
	.preload = NULL,		      /* library to start the worker under */
	.supported = supported,
	.prepare = prepare,
	.alloc = alloc,
	.release = release,
	.reset = reset,
	.held = held,
};

REGISTER_ALLOCATOR(skeleton)
