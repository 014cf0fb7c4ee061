// SPDX-License-Identifier: MIT
/* shuffled: each page written once, in an order that the seed determines. */
#define TOUCH_WRITES true
#include "permute.h"
#include "touch.h"

static inline uint64_t page_at(const struct wl *w, uint64_t k)
{
	return permute(k, region_pages(w->size_bytes, w->page_bytes), w->seed);
}

static uint64_t pages(size_t size_bytes, size_t page_bytes, const int64_t *params)
{
	(void)params;
	return region_pages(size_bytes, page_bytes);
}

static struct workload shuffled = {
	.name = "shuffled",
	.summary = "writes each page once, in random order",
	TOUCH_HOOKS,
};

REGISTER_WORKLOAD(shuffled)
