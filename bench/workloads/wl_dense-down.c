// SPDX-License-Identifier: MIT
/* dense-down: each page written once, in descending order. */
#define TOUCH_WRITES true
#include "touch.h"

static inline uint64_t page_at(const struct wl *w, uint64_t k)
{
	return region_pages(w->size_bytes, w->page_bytes) - 1 - k;
}

static uint64_t pages(size_t size_bytes, size_t page_bytes, const int64_t *params)
{
	(void)params;
	return region_pages(size_bytes, page_bytes);
}

static struct workload dense_down = {
	.name = "dense-down",
	.summary = "writes each page once, descending",
	TOUCH_HOOKS,
};

REGISTER_WORKLOAD(dense_down)
