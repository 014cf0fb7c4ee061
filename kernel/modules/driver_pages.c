// SPDX-License-Identifier: GPL-2.0-only
/* pages: single pages from the page allocator, all at once. */
#include <linux/gfp.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "driver.h"

static void free_pages_array(struct page **pages, size_t count)
{
	while (count)
		__free_page(pages[--count]);
	kvfree(pages);
}

static int pages_reserve(struct driver_buffer *buf, size_t bytes)
{
	size_t i, count = bytes >> PAGE_SHIFT;
	struct page **pages = kvcalloc(count, sizeof(*pages), GFP_KERNEL);
	int error = -ENOMEM;

	if (!pages)
		return -ENOMEM;

	for (i = 0; i < count; i++) {
		pages[i] = driver_alloc_page(buf->fill);
		if (!pages[i])
			goto free;
		if (fatal_signal_pending(current)) {
			i++;
			error = -EINTR;
			goto free;
		}
		cond_resched();
	}
	buf->memory = pages;
	atomic_long_set(&buf->held_bytes, bytes);
	return 0;

free:
	free_pages_array(pages, i);
	return error;
}

static void pages_release(struct driver_buffer *buf)
{
	free_pages_array(buf->memory, buf->size_bytes >> PAGE_SHIFT);
}

static struct page *pages_page(struct driver_buffer *buf, pgoff_t index)
{
	struct page **pages = buf->memory;

	return pages[index];
}

static int pages_map(struct driver_buffer *buf, struct vm_area_struct *vma)
{
	struct page **pages = buf->memory;
	unsigned long count = vma_pages(vma);

	return vm_insert_pages(vma, vma->vm_start, pages + vma->vm_pgoff, &count);
}

const struct driver_ops pages_ops = {
	.reserve	= pages_reserve,
	.release	= pages_release,
	.page		= pages_page,
	.map		= pages_map,
};
