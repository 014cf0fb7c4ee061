// SPDX-License-Identifier: MIT
/* stride-16: each 16th page written, ascending; with max_touched_bytes it stops there. */
#define TOUCH_WRITES true
#include "touch.h"

static inline uint64_t page_at(const struct wl *w, uint64_t k)
{
	(void)w;
	return k * 16;
}

static uint64_t pages(size_t size_bytes, size_t page_bytes, const int64_t *params)
{
	return at_most((region_pages(size_bytes, page_bytes) + 15) / 16, page_bytes, params[0]);
}

static struct workload stride_16 = {
	.name = "stride-16",
	.summary = "writes each 16th page, ascending",
	.params = max_touched_params,
	TOUCH_HOOKS,
};

REGISTER_WORKLOAD(stride_16)
