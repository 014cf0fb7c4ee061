// SPDX-License-Identifier: MIT
/*
 * recycle: what allocating, writing and freeing a block costs when one of the same size was
 * allocated, written and freed just before. That first round is not measured.
 */
#define TOUCH_WRITES true
#include "touch.h"

static inline uint64_t page_at(const struct wl *w, uint64_t k)
{
	(void)w;
	return k;
}

static uint64_t pages(size_t size_bytes, size_t page_bytes, const int64_t *params)
{
	(void)params;
	return region_pages(size_bytes, page_bytes);
}

NO_LOOK_UPS static int run(struct wl *w)
{
	int error = wl_alloc(w, w->size_bytes, &w->block);

	if (error)
		return error;
	touch_pass(w, pages(w->size_bytes, w->page_bytes, w->params), true);
	error = wl_release(w, &w->block);
	w->reserved_bytes = 0; /* given back */
	return error ? error : touch_run(w);
}

static struct workload recycle = {
	.name = "recycle",
	.summary = "allocates, writes and frees what was allocated, written and freed before",
	.effort = 2,
	.warm = true,
	TOUCH_HOOKS_BUT_RUN,
	.run = run,
};

REGISTER_WORKLOAD(recycle)
