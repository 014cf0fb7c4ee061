// SPDX-License-Identifier: GPL-2.0-only
/* lazy: nothing at first; each page is made when it is first accessed. */
#include <linux/gfp.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "driver.h"

static int lazy_reserve(struct driver_buffer *buf, size_t bytes)
{
	struct xarray *made = kmalloc(sizeof(*made), GFP_KERNEL);

	if (!made)
		return -ENOMEM;
	xa_init(made);
	buf->memory = made;
	return 0;
}

static void lazy_release(struct driver_buffer *buf)
{
	struct xarray *made = buf->memory;
	unsigned long index;
	struct page *page;

	xa_for_each(made, index, page) {
		__free_page(page);
		cond_resched();
	}
	xa_destroy(made);
	kfree(made);
}

static struct page *lazy_page(struct driver_buffer *buf, pgoff_t index)
{
	struct xarray *made = buf->memory;
	struct page *page = xa_load(made, index);
	struct page *other;

	if (page)
		return page;

	if (!driver_charge(PAGE_SIZE))
		return ERR_PTR(-ENOSPC);
	page = driver_alloc_page(buf->fill);
	if (!page) {
		driver_uncharge(PAGE_SIZE);
		return ERR_PTR(-ENOMEM);
	}

	/* Of threads that access it at the same time, the first one's page counts. */
	other = xa_cmpxchg(made, index, NULL, page, GFP_KERNEL);
	if (!other) {
		atomic_long_add(PAGE_SIZE, &buf->held_bytes);
		return page;
	}
	driver_uncharge(PAGE_SIZE);
	__free_page(page);
	return xa_is_err(other) ? ERR_PTR(xa_err(other)) : other;
}

const struct driver_ops lazy_ops = {
	.lazy		= true,
	.reserve	= lazy_reserve,
	.release	= lazy_release,
	.page		= lazy_page,
};
