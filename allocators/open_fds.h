/* SPDX-License-Identifier: MIT */
/* The open files of a subject that has one for each block: what its held() asks. */
#ifndef TA_OPEN_FDS_H
#define TA_OPEN_FDS_H

#include <limits.h>
#include <stdatomic.h>
#include <sys/resource.h>

#include "mapping.h"

#define FDS_MAX	 65536
#define FDS_WORD (sizeof(unsigned long) * CHAR_BIT)

static _Atomic unsigned long open_fds[FDS_MAX / FDS_WORD]; /* a bit each */

/* The hook prepare(): many blocks are many open files, as many as we may have. */
static int open_fds_prepare(struct alloc_ctx *ctx, size_t size_bytes, unsigned char fill)
{
	struct rlimit limit;

	(void)ctx;
	(void)size_bytes;
	(void)fill;
	if (!getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max < FDS_MAX ? limit.rlim_max : FDS_MAX;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	/* Written once here, so that no later write to it faults. */
	for (size_t i = 0; i < FDS_MAX / FDS_WORD; i++)
		atomic_fetch_and(&open_fds[i], atomic_load(&open_fds[i]));
	return 0;
}

/* The block is a mapping of this file, below FDS_MAX, which belongs to it from now on. */
static inline void open_fds_add(int fd, struct block *block)
{
	block->handle = (uintptr_t)fd;
	atomic_fetch_or(&open_fds[fd / FDS_WORD], 1ul << fd % FDS_WORD);
}

/* The hook release(). */
static inline int open_fds_release(struct alloc_ctx *ctx, struct block *block)
{
	int fd = (int)block->handle, error = mapping_release(ctx, block);

	atomic_fetch_and(&open_fds[fd / FDS_WORD], ~(1ul << fd % FDS_WORD));
	return close(fd) && !error ? -errno : error;
}

/* The sum of what bytes() says of each. */
static inline uint64_t open_fds_sum(uint64_t (*bytes)(int fd))
{
	uint64_t sum = 0;

	for (size_t i = 0; i < FDS_MAX / FDS_WORD; i++)
		for (unsigned long bits = atomic_load(&open_fds[i]); bits; bits &= bits - 1)
			sum += bytes((int)(i * FDS_WORD) + __builtin_ctzl(bits));
	return sum;
}

#endif
