// SPDX-License-Identifier: MIT
/* memfd: a shared mapping of a memfd, each page on its first touch; reading a page commits it, too.
 */
#include <sys/stat.h>

#include "open_fds.h"

static int alloc(struct alloc_ctx *ctx, size_t size_bytes, unsigned char fill, struct block *block)
{
	size_t bytes;
	int fd, error = mapping_bytes(size_bytes, page_bytes(), &bytes);
	void *addr;

	(void)ctx;
	if (error)
		return error;
	fd = memfd_create("tamalloc", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	error = -EMFILE;
	if (fd >= FDS_MAX)
		goto close;
	error = -ENOMEM; /* too large for a file */
	if (ftruncate(fd, (off_t)bytes))
		goto close;
	addr = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (addr == MAP_FAILED) {
		error = errno == EOVERFLOW ? -ENOMEM : -errno;
		goto close;
	}
	mapping_give(launder(addr), bytes, fill, block);
	open_fds_add(fd, block);
	return 0;

close:
	close(fd);
	return error;
}

static uint64_t blocks_bytes(int fd)
{
	struct stat file;

	return fstat(fd, &file) ? 0 : (uint64_t)file.st_blocks * 512;
}

static void held(struct alloc_ctx *ctx, struct alloc_held *held)
{
	(void)ctx;
	held->shmem_or_memfd_bytes = open_fds_sum(blocks_bytes);
}

static struct allocator memfd = {
	.name = "memfd",
	.summary = "shared mapping of a memfd, each page on its first touch, read or write",
	.flags = ALLOC_LAZY | ALLOC_FILL_ANY | ALLOC_SHARED,
	.prepare = open_fds_prepare,
	.alloc = alloc,
	.release = open_fds_release,
	.held = held,
};

REGISTER_ALLOCATOR(memfd)
