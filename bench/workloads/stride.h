/* SPDX-License-Identifier: MIT */
/* Each STRIDE-th page written, ascending; with max_touched_bytes it stops there. Included by one
 * wl_stride-<n>.c, which defines STRIDE before. */
#ifndef TA_STRIDE_H
#define TA_STRIDE_H

#define TOUCH_WRITES true
#include "touch.h"

static inline uint64_t page_at(const struct wl *w, uint64_t k)
{
	(void)w;
	return k * STRIDE;
}

static uint64_t pages(size_t size_bytes, size_t page_bytes, const int64_t *params)
{
	return at_most((region_pages(size_bytes, page_bytes) + STRIDE - 1) / STRIDE, page_bytes,
		       params[0]);
}

#endif
