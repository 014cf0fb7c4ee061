// SPDX-License-Identifier: MIT
/*
 * touch-latency: one byte of each page written, in ascending order, each write timed: what the
 * slowest of many first touches costs, which a sum hides.
 */
#define TOUCH_WRITES true
#include "touch.h"

static const uint64_t sizes_bytes[] = {64u << 20, 0};

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

static int setup(struct wl *w)
{
	return wl_laps_reserve(w, pages(w->size_bytes, w->page_bytes, w->params));
}

__attribute__((no_sanitize("address"))) static int run(struct wl *w)
{
	uint64_t count = pages(w->size_bytes, w->page_bytes, w->params);
	int error;

	wl_phase_begin(w, PHASE_ALLOC);
	error = wl_alloc(w, w->size_bytes, &w->block);
	wl_phase_end(w);
	if (error)
		return error;
	wl_phase_begin(w, PHASE_TOUCH);
	wl_laps_begin(w);
	for (uint64_t k = 0; k < count; k++) {
		*(volatile unsigned char *)page_address(w, k) = WL_TOUCH_BYTE;
		wl_lap(w);
	}
	wl_phase_end(w);
	w->touched_pages = w->operations = count;
	error = wl_settle(w);
	if (error)
		return error;
	wl_phase_begin(w, PHASE_FREE);
	error = wl_release(w, &w->block);
	wl_phase_end(w);
	return error;
}

static struct workload touch_latency = {
	.name = "touch-latency",
	.summary = "writes one byte of each page and times each: the distribution of first touches",
	.sizes_bytes = sizes_bytes,
	TOUCH_HOOKS_BUT_RUN,
	.setup = setup,
	.run = run,
};

REGISTER_WORKLOAD(touch_latency)
