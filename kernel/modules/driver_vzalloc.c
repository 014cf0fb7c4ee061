// SPDX-License-Identifier: GPL-2.0-only
/* vzalloc: one area of the kernel's address space, made of single pages. */
#include <linux/vmalloc.h>

#include "driver.h"

static int vzalloc_reserve(struct driver_buffer *buf, size_t bytes)
{
	buf->memory = vzalloc(bytes);
	if (!buf->memory)
		return -ENOMEM;
	atomic_long_set(&buf->held_bytes, bytes);
	return 0;
}

static void vzalloc_release(struct driver_buffer *buf)
{
	vfree(buf->memory);
}

static struct page *vzalloc_page(struct driver_buffer *buf, pgoff_t index)
{
	return vmalloc_to_page(buf->memory + (index << PAGE_SHIFT));
}

static int vzalloc_map(struct driver_buffer *buf, struct vm_area_struct *vma)
{
	unsigned long i;
	int error;

	for (i = 0; i < vma_pages(vma); i++) {
		error = vm_insert_page(vma, vma->vm_start + (i << PAGE_SHIFT),
				       vzalloc_page(buf, vma->vm_pgoff + i));
		if (error)
			return error;
		cond_resched();
	}
	return 0;
}

const struct driver_ops vzalloc_ops = {
	.zeros_only	= true,
	.reserve	= vzalloc_reserve,
	.release	= vzalloc_release,
	.page		= vzalloc_page,
	.map		= vzalloc_map,
};
