// SPDX-License-Identifier: MIT
/* two-streams: two ascending streams, one from the block's begin and one from its middle, in turns.
 */
#define TOUCH_WRITES true
#include "touch.h"

static inline uint64_t page_at(const struct wl *w, uint64_t k)
{
	uint64_t half = (region_pages(w->size_bytes, w->page_bytes) + 1) / 2;

	return k / 2 + (k & 1 ? half : 0);
}

static uint64_t pages(size_t size_bytes, size_t page_bytes, const int64_t *params)
{
	(void)params;
	return region_pages(size_bytes, page_bytes);
}

static struct workload two_streams = {
	.name = "two-streams",
	.summary = "writes each page once, in two ascending streams that take turns",
	TOUCH_HOOKS,
};

REGISTER_WORKLOAD(two_streams)
