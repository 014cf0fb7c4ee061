/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
#ifndef TAMALLOC_DRIVER_H
#define TAMALLOC_DRIVER_H

#include <linux/ioctl.h>
#include <linux/types.h>

/*
 * The devices of tamalloc_driver.ko: kernel memory handed to a process. What
 * they have in common with tamalloc(2) is the task, "N bytes in which each byte
 * reads as the fill byte"; when and how the memory is made differs:
 *
 * /dev/tamalloc/	made		by
 * kmalloc_memset	at once		kmalloc() of at most 4 MiB at a time, memset()
 * kzalloc		at once		kzalloc() of at most 4 MiB at a time; zeros only
 * vzalloc		at once		one vzalloc(); zeros only
 * pages		at once		alloc_page() and fill, page by page
 * lazy			page by page	alloc_page() and fill when a page is first accessed
 *
 * Use: open(), TAMALLOC_DRIVER_RESERVE, then mmap() or read() and write(). Memory
 * belongs to the open file; it is freed when the last descriptor is closed and the
 * last mapping, in whichever process, is gone. It cannot be reserved again through
 * the same open file. The module cannot be unloaded meanwhile.
 *
 * ioctl(fd, TAMALLOC_DRIVER_RESERVE, struct tamalloc_driver_reserve *)
 *	Reserves size_bytes, rounded up to whole pages. Returns 0, or an error:
 *	EINVAL		size_bytes is 0, fill is above 255, reserved is not 0
 *	EOPNOTSUPP	fill is not 0 and the device gives zeros only
 *	EBUSY		this open file has its memory already; of several calls at
 *			once, one succeeds
 *	ENOMEM		no such size can be addressed, or no memory; devices other
 *			than lazy: or all devices together would hold more than half
 *			of the machine's RAM
 *	EINTR		a fatal signal arrived
 *	EFAULT		bad pointer
 *
 * ioctl(fd, TAMALLOC_DRIVER_INFO, struct tamalloc_driver_info *)
 *	What the open file has. EFAULT: bad pointer.
 *
 * Other ioctls: ENOTTY.
 *
 * mmap(): MAP_SHARED, any part of the reserved range, one mapping at a time.
 *	EINVAL		MAP_PRIVATE; an offset that is no multiple of the page size
 *	ENXIO		offset + length is beyond what is reserved (nothing, if there
 *			was no TAMALLOC_DRIVER_RESERVE)
 *	EBUSY		this open file is mapped already (in a forked child as well)
 *	A child of fork() shares the mapping: both see the same memory. mremap() can
 *	move or shrink it, not grow it: EFAULT. lazy, first access: SIGBUS if the half
 *	of RAM is used up, the out-of-memory killer if there is none left at all.
 *
 * read(), write(), pread(), pwrite(), lseek(): as on a file of the reserved size.
 *	A read at or beyond its end returns 0, a write there: ENOSPC. On lazy,
 *	reading a page is an access that makes it.
 */
struct tamalloc_driver_reserve {
	__u64 size_bytes;
	__u32 fill;		/* 0 to 255 */
	__u32 reserved;		/* must be 0 */
};

struct tamalloc_driver_info {
	__u64 reserved_bytes;	/* whole pages; 0: nothing reserved yet */
	__u64 held_bytes;	/* memory held now, rounding by the allocator included */
	__u32 fill;
	__u32 mappings;		/* VMAs that map it, over all processes */
};

#define TAMALLOC_DRIVER_RESERVE	_IOW('T', 0xA0, struct tamalloc_driver_reserve)
#define TAMALLOC_DRIVER_INFO	_IOR('T', 0xA1, struct tamalloc_driver_info)

#endif /* TAMALLOC_DRIVER_H */
