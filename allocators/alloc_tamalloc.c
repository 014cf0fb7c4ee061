// SPDX-License-Identifier: MIT
/*
 * The system call of our kernel, any fill byte. tamalloc/syscall: it decides how much a first
 * access makes. tamalloc/syscall-4k: one page at a time, each on its own first access.
 */
#include <stdio.h>
#include <sys/syscall.h>

#include "../kernel/src/include/uapi/linux/tamalloc.h"
#include "mapping.h"

#ifndef __NR_tamalloc
#define __NR_tamalloc 551 /* x86-64; no other architecture has it */
#endif

static long tamalloc(size_t size_bytes, unsigned fill, unsigned flags)
{
#ifdef __x86_64__
	return syscall(__NR_tamalloc, size_bytes, fill, flags);
#else
	(void)size_bytes;
	(void)fill;
	(void)flags;
	errno = ENOSYS;
	return -1;
#endif
}

/* Size 0 is EINVAL where the call is, and allocates nothing. */
static bool supported(char *reason, size_t reason_bytes)
{
	if (tamalloc(0, 0, 0) == -1 && errno == EINVAL)
		return true;
	snprintf(reason, reason_bytes,
		 "needs the tamalloc kernel: make vm, or make bench TARGETS=vm");
	return false;
}

static int alloc_flags(size_t size_bytes, unsigned char fill, unsigned flags, struct block *block)
{
	long addr = tamalloc(size_bytes, fill, flags);

	if (addr == -1)
		return -errno;
	/* The kernel fills it. */
	return mapping_give(launder((void *)addr), whole_units(size_bytes, page_bytes()), 0, block);
}

static int alloc_single(struct alloc_ctx *ctx, size_t size_bytes, unsigned char fill,
			struct block *block)
{
	(void)ctx;
	return alloc_flags(size_bytes, fill, TAMALLOC_SINGLE, block);
}

static int alloc_adaptive(struct alloc_ctx *ctx, size_t size_bytes, unsigned char fill,
			  struct block *block)
{
	(void)ctx;
	return alloc_flags(size_bytes, fill, 0, block);
}

static struct allocator syscall_4k = {
	.name = "tamalloc/syscall-4k",
	.summary = "the system call tamalloc: any fill, each page on its first access",
	.flags = ALLOC_LAZY | ALLOC_LAZY_FILL | ALLOC_FILL_ANY | ALLOC_NEEDS_KERNEL,
	.supported = supported,
	.alloc = alloc_single,
	.release = mapping_release,
};

static struct allocator syscall_adaptive = {
	.name = "tamalloc/syscall",
	.summary = "the system call tamalloc: any fill, dense access makes up to 2 MiB at a time",
	.flags = ALLOC_LAZY | ALLOC_LAZY_FILL | ALLOC_FILL_ANY | ALLOC_NEEDS_KERNEL,
	.supported = supported,
	.alloc = alloc_adaptive,
	.release = mapping_release,
};

REGISTER_ALLOCATOR(syscall_4k)
REGISTER_ALLOCATOR(syscall_adaptive)
