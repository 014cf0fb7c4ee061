// SPDX-License-Identifier: GPL-2.0-only
/*
 * kmalloc_memset and kzalloc: one kmalloc() for each 4 MiB, the most that it
 * gives, and the pages mapped by their numbers, as a driver does with buffers of
 * its device. Nothing here is counted in a process's resident set.
 */
#include <linux/err.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "driver.h"

#define CHUNK_BYTES	min_t(size_t, SZ_4M, KMALLOC_MAX_SIZE)

static size_t chunk_count(size_t bytes)
{
	return DIV_ROUND_UP(bytes, CHUNK_BYTES);
}

static void free_chunks(void **chunks, size_t count)
{
	while (count)
		kfree(chunks[--count]);
	kvfree(chunks);
}

static int reserve_chunks(struct driver_buffer *buf, size_t bytes, bool zero)
{
	size_t i, chunk, count = chunk_count(bytes);
	void **chunks = kvcalloc(count, sizeof(*chunks), GFP_KERNEL);
	int error = -ENOMEM;
	long held = 0;

	if (!chunks)
		return -ENOMEM;

	for (i = 0; i < count; i++) {
		chunk = min(bytes - i * CHUNK_BYTES, CHUNK_BYTES);
		chunks[i] = zero ? kzalloc(chunk, GFP_KERNEL | __GFP_NOWARN) :
				   kmalloc(chunk, GFP_KERNEL | __GFP_NOWARN);
		if (!chunks[i])
			goto free;
		if (!zero)
			memset(chunks[i], buf->fill, chunk);
		held += ksize(chunks[i]);
		if (fatal_signal_pending(current)) {
			i++;
			error = -EINTR;
			goto free;
		}
		cond_resched();
	}
	buf->memory = chunks;
	atomic_long_set(&buf->held_bytes, held);
	return 0;

free:
	free_chunks(chunks, i);
	return error;
}

static int kmalloc_memset_reserve(struct driver_buffer *buf, size_t bytes)
{
	return reserve_chunks(buf, bytes, false);
}

static int kzalloc_reserve(struct driver_buffer *buf, size_t bytes)
{
	return reserve_chunks(buf, bytes, true);
}

static void kmalloc_release(struct driver_buffer *buf)
{
	free_chunks(buf->memory, chunk_count(buf->size_bytes));
}

static void *chunk_address(struct driver_buffer *buf, size_t offset)
{
	void **chunks = buf->memory;

	return chunks[offset / CHUNK_BYTES] + offset % CHUNK_BYTES;
}

static struct page *kmalloc_page(struct driver_buffer *buf, pgoff_t index)
{
	return virt_to_page(chunk_address(buf, index << PAGE_SHIFT));
}

static int kmalloc_map(struct driver_buffer *buf, struct vm_area_struct *vma)
{
	size_t offset = vma->vm_pgoff << PAGE_SHIFT;
	unsigned long addr = vma->vm_start;
	size_t run;
	int error;

	while (addr < vma->vm_end) {
		run = min(CHUNK_BYTES - offset % CHUNK_BYTES, vma->vm_end - addr);
		error = remap_pfn_range(vma, addr,
					page_to_pfn(kmalloc_page(buf, offset >> PAGE_SHIFT)),
					run, vma->vm_page_prot);
		if (error)
			return error;
		addr += run;
		offset += run;
	}
	return 0;
}

const struct driver_ops kmalloc_memset_ops = {
	.reserve	= kmalloc_memset_reserve,
	.release	= kmalloc_release,
	.page		= kmalloc_page,
	.map		= kmalloc_map,
	.pfn_map	= true,
};

const struct driver_ops kzalloc_ops = {
	.zeros_only	= true,
	.reserve	= kzalloc_reserve,
	.release	= kmalloc_release,
	.page		= kmalloc_page,
	.map		= kmalloc_map,
	.pfn_map	= true,
};
