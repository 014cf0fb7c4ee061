/* SPDX-License-Identifier: MIT */
/*
 * One page in a hundred: the block falls into stretches of 100 pages; a random page of each is
 * touched, the stretches in random order. With max_touched_bytes the stretches become as long as
 * that needs. Included after TOUCH_WRITES is defined.
 */
#ifndef TA_SPARSE_H
#define TA_SPARSE_H

#include "permute.h"
#include "touch.h"

static uint64_t pages(size_t size_bytes, size_t page_bytes, const int64_t *params)
{
	return at_most(region_pages(size_bytes, page_bytes) / 100, page_bytes, params[0]);
}

static inline uint64_t page_at(const struct wl *w, uint64_t k)
{
	uint64_t count = pages(w->size_bytes, w->page_bytes, w->params);
	uint64_t stretch = region_pages(w->size_bytes, w->page_bytes) / count;

	k = permute(k, count, w->seed);
	return k * stretch + mix(w->seed + k) % stretch;
}

#endif
