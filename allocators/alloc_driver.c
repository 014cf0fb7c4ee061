// SPDX-License-Identifier: MIT
/*
 * driver/...: kernel memory that the character devices of kernel/modules/tamalloc_driver.ko hand
 * over, one open file for each block. All but driver/lazy hold the whole block from the allocation
 * on; the device says how many bytes it holds, because smaps does not show them as ours.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "../kernel/modules/tamalloc_driver.h"
#include "open_fds.h"

#define DIR "/dev/tamalloc/"

static bool supported(const char *path, char *reason, size_t reason_bytes)
{
	if (access(path, R_OK | W_OK) == 0)
		return true;
	if (errno == EACCES)
		snprintf(reason, reason_bytes, "%s is not yours to open; run as root", path);
	else
		snprintf(reason, reason_bytes,
			 "no %s; build kernel/modules and load tamalloc_driver.ko", path);
	return false;
}

static int alloc(const char *path, size_t size_bytes, unsigned char fill, struct block *block)
{
	struct tamalloc_driver_reserve wish = {.size_bytes = size_bytes, .fill = fill};
	size_t bytes;
	int fd, error = mapping_bytes(size_bytes, page_bytes(), &bytes);
	void *addr;

	if (error)
		return error;
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	error = -EMFILE;
	if (fd >= FDS_MAX)
		goto close;
	if (ioctl(fd, TAMALLOC_DRIVER_RESERVE, &wish)) {
		error = -errno;
		goto close;
	}
	addr = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (addr == MAP_FAILED) {
		error = -errno;
		goto close;
	}
	mapping_give(launder(addr), bytes, 0, block); /* the device has filled it, or will */
	open_fds_add(fd, block);
	return 0;

close:
	close(fd);
	return error;
}

static uint64_t held_bytes(int fd)
{
	struct tamalloc_driver_info info;

	return ioctl(fd, TAMALLOC_DRIVER_INFO, &info) ? 0 : info.held_bytes;
}

static void held(struct alloc_ctx *ctx, struct alloc_held *held)
{
	(void)ctx;
	held->driver_bytes = open_fds_sum(held_bytes);
}

/* The hooks do not say for which subject they are called: one pair for each device. */
#define DEVICE(device)                                                                          \
	static bool supported_##device(char *reason, size_t reason_bytes)                       \
	{                                                                                       \
		return supported(DIR #device, reason, reason_bytes);                            \
	}                                                                                       \
	static int alloc_##device(struct alloc_ctx *ctx, size_t size_bytes, unsigned char fill, \
				  struct block *block)                                          \
	{                                                                                       \
		(void)ctx;                                                                      \
		return alloc(DIR #device, size_bytes, fill, block);                             \
	}

DEVICE(kmalloc_memset)
DEVICE(kzalloc)
DEVICE(vzalloc)
DEVICE(pages)
DEVICE(lazy)

#define SUBJECT(device, text, what, can)                                               \
	{                                                                              \
		.name = "driver/" text, .summary = what,                               \
		.flags = ALLOC_NEEDS_KERNEL | ALLOC_NEEDS_ROOT | ALLOC_SHARED | (can), \
		.supported = supported_##device, .prepare = open_fds_prepare,          \
		.alloc = alloc_##device, .release = open_fds_release, .held = held,    \
	}

static struct allocator subjects[] = {
	SUBJECT(kmalloc_memset, "kmalloc+memset", "driver: kmalloc of 4 MiB at a time, memset",
		ALLOC_FILL_ANY),
	SUBJECT(kzalloc, "kzalloc", "driver: kzalloc of 4 MiB at a time", 0),
	SUBJECT(vzalloc, "vzalloc", "driver: one vzalloc", 0),
	SUBJECT(pages, "pages", "driver: alloc_page and fill, all pages at once", ALLOC_FILL_ANY),
	SUBJECT(lazy, "lazy", "driver: a fault handler makes each page on its first access",
		ALLOC_LAZY | ALLOC_LAZY_FILL | ALLOC_FILL_ANY),
};

REGISTER_ALLOCATORS(subjects)
