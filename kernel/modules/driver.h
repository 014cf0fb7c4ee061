/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DRIVER_H
#define DRIVER_H

#include <linux/atomic.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/types.h>

/* The memory of one open file. */
struct driver_buffer {
	const struct driver_ops *ops;
	struct mutex lock;		/* one reserve() at a time */
	size_t size_bytes;		/* whole pages; 0 until reserve() has succeeded */
	u8 fill;
	atomic_t mappings;		/* VMAs, over all processes */
	atomic_long_t held_bytes;
	void *memory;			/* belongs to the ops */
};

/* One way of making memory: what /dev/tamalloc/<name> does is <name>_ops. */
struct driver_ops {
	bool zeros_only;
	bool lazy;			/* holds nothing until pages are accessed */

	/*
	 * Make @bytes (whole pages) of memory that reads as buf->fill and set
	 * buf->memory and buf->held_bytes. 0 or -errno, with nothing left behind.
	 */
	int (*reserve)(struct driver_buffer *buf, size_t bytes);
	/* Undo reserve(); nobody uses the memory any more. */
	void (*release)(struct driver_buffer *buf);
	/* Page @index of the buffer, which stays until release(), or ERR_PTR. */
	struct page *(*page)(struct driver_buffer *buf, pgoff_t index);
	/*
	 * Optional: map all of @vma, whose pages exist, at mmap(). 0 or -errno.
	 */
	int (*map)(struct driver_buffer *buf, struct vm_area_struct *vma);
	/* The pages carry no reference count of their own: no faults, PFNs only. */
	bool pfn_map;
};

extern const struct driver_ops kmalloc_memset_ops;
extern const struct driver_ops kzalloc_ops;
extern const struct driver_ops vzalloc_ops;
extern const struct driver_ops pages_ops;
extern const struct driver_ops lazy_ops;

/* A page that reads as @fill, or NULL. __free_page() gives it back. */
struct page *driver_alloc_page(u8 fill);

/*
 * Take @bytes of what all devices together may hold: false if that is used up.
 * driver_uncharge() gives it back.
 */
bool driver_charge(size_t bytes);
void driver_uncharge(size_t bytes);

#endif /* DRIVER_H */
