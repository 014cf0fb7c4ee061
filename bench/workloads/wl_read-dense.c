// SPDX-License-Identifier: MIT
/* read-dense: each page read once, in ascending order. */
#define TOUCH_WRITES false
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

static struct workload read_dense = {
	.name = "read-dense",
	.summary = "reads each page once, ascending",
	TOUCH_HOOKS,
};

REGISTER_WORKLOAD(read_dense)
