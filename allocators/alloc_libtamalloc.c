// SPDX-License-Identifier: MIT
/*
 * tamalloc/lib-plain, tamalloc/lib-accel, tamalloc/lib-syscall: libtamalloc
 * (allocators/libtamalloc), held to one of its layers; accel is the plain one with the accelerator
 * on. Pattern files are made by the allocation that needs them: they are part of its cost, and
 * their memory is reported as shmem_or_memfd.
 */
#include <errno.h>
#include <stdio.h>

#include "allocator.h"
#include "libtamalloc/accel.h"
#include "libtamalloc/backend.h"
#include "libtamalloc/prim.h"
#include "tamalloc.h"

static bool kernel_has_it(char *reason, size_t reason_bytes)
{
	if (prim_has_tamalloc())
		return true;
	snprintf(reason, reason_bytes,
		 "needs the tamalloc kernel: make vm, or make bench TARGETS=vm");
	return false;
}

/* Before the library's first use, so that the environment has no say. */
static int prepare(struct alloc_ctx *ctx, enum ta__backend backend, bool accel)
{
	ta__accel_force(accel);
	if (!ta__backend_force(backend))
		return -ENOSYS;
	snprintf(ctx->backend, sizeof(ctx->backend), "%s", ta__backend_name(ta__backend()));
	return 0;
}

static int prepare_plain(struct alloc_ctx *ctx, size_t size_bytes, unsigned char fill)
{
	(void)size_bytes;
	(void)fill;
	return prepare(ctx, TA__PLAIN, false);
}

static int prepare_accel(struct alloc_ctx *ctx, size_t size_bytes, unsigned char fill)
{
	(void)size_bytes;
	(void)fill;
	return prepare(ctx, TA__PLAIN, true);
}

static int prepare_syscall(struct alloc_ctx *ctx, size_t size_bytes, unsigned char fill)
{
	(void)size_bytes;
	(void)fill;
	return prepare(ctx, TA__SYSCALL, false);
}

static int alloc(struct alloc_ctx *ctx, size_t size_bytes, unsigned char fill, struct block *block)
{
	void *addr = launder(tamalloc_fill(size_bytes, fill));

	(void)ctx;
	if (!addr)
		return -errno;
	*block = (struct block){.addr = addr, .bytes = size_bytes, .holds_fill = true};
	return 0;
}

static int release(struct alloc_ctx *ctx, struct block *block)
{
	(void)ctx;
	tafree(block->addr);
	return 0;
}

static void held(struct alloc_ctx *ctx, struct alloc_held *held)
{
	struct tamalloc_stats stats;

	(void)ctx;
	tamalloc_stats(&stats, sizeof(stats));
	*held = (struct alloc_held){.shmem_or_memfd_bytes = stats.pattern_bytes};
}

static struct allocator subjects[] = {
	{
		.name = "tamalloc/lib-plain",
		.summary = "libtamalloc on any Linux: anonymous mappings, other bytes by private "
			   "views of a memfd",
		.flags = ALLOC_LAZY | ALLOC_LAZY_FILL | ALLOC_FILL_ANY,
		.prepare = prepare_plain,
		.alloc = alloc,
		.release = release,
		.held = held,
	},
	{
		.name = "tamalloc/lib-accel",
		.summary =
			"libtamalloc's plain layer, which makes memory ahead of sequential first "
			"touches, huge pages too",
		.flags = ALLOC_LAZY | ALLOC_LAZY_FILL | ALLOC_FILL_ANY | ALLOC_HUGE_RUNS,
		.prepare = prepare_accel,
		.alloc = alloc,
		.release = release,
		.held = held,
	},
	{
		.name = "tamalloc/lib-syscall",
		.summary = "libtamalloc on the kernel with tamalloc: the system call",
		.flags = ALLOC_LAZY | ALLOC_LAZY_FILL | ALLOC_FILL_ANY | ALLOC_NEEDS_KERNEL,
		.supported = kernel_has_it,
		.prepare = prepare_syscall,
		.alloc = alloc,
		.release = release,
		.held = held,
	},
};

REGISTER_ALLOCATORS(subjects)
