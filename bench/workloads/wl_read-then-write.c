// SPDX-License-Identifier: MIT
/* read-then-write: each page read in ascending order, then each written in the same order. */
#define TOUCH_WRITES	  true
#define TOUCH_READS_FIRST true
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

static struct workload read_then_write = {
	.name = "read-then-write",
	.summary = "reads each page once, then writes each once, both ascending",
	.effort = 1.7,
	TOUCH_HOOKS,
};

REGISTER_WORKLOAD(read_then_write)
