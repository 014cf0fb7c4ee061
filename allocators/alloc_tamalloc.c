// SPDX-License-Identifier: MIT
/*
 * The system call of our kernel, any fill byte. tamalloc/syscall: it decides how much a first
 * access makes. tamalloc/syscall-4k: one page at a time, each on its own first access.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../kernel/src/include/uapi/linux/tamalloc.h"
#include "allocator.h"

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
	size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	long addr = tamalloc(size_bytes, fill, flags);

	if (addr == -1)
		return -errno;
	*block = (struct block){
		.addr = launder((void *)addr),
		.bytes = (size_bytes + page_bytes - 1) & ~(page_bytes - 1),
		.holds_fill = true,
	};
	return 0;
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

static int release(struct alloc_ctx *ctx, struct block *block)
{
	(void)ctx;
	return munmap(block->addr, block->bytes) ? -errno : 0;
}

static struct allocator syscall_4k = {
	.name = "tamalloc/syscall-4k",
	.summary = "the system call tamalloc: any fill, each page on its first access",
	.flags = ALLOC_LAZY | ALLOC_LAZY_FILL | ALLOC_FILL_ANY | ALLOC_NEEDS_KERNEL,
	.supported = supported,
	.alloc = alloc_single,
	.release = release,
};

static struct allocator syscall_adaptive = {
	.name = "tamalloc/syscall",
	.summary = "the system call tamalloc: any fill, dense access makes up to 64 KiB at a time",
	.flags = ALLOC_LAZY | ALLOC_LAZY_FILL | ALLOC_FILL_ANY | ALLOC_NEEDS_KERNEL,
	.supported = supported,
	.alloc = alloc_adaptive,
	.release = release,
};

REGISTER_ALLOCATOR(syscall_4k)
REGISTER_ALLOCATOR(syscall_adaptive)
