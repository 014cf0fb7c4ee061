// SPDX-License-Identifier: MIT
/*
 * timeline: the life of one block at a pace that can be watched from outside. Each mark stands
 * where a step begins: reserve, wait, touch-25, wait, touch-50, wait, touch-75, wait, touch-100,
 * wait, free, wait, end.
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

static void touch(struct wl *w, uint64_t from, uint64_t to)
{
	for (uint64_t k = from; k < to; k++)
		*(volatile unsigned char *)page_address(w, k) = WL_TOUCH_BYTE;
}

static void wait_marked(struct wl *w)
{
	wl_mark(w, "wait");
	wl_wait(w);
}

static int run(struct wl *w)
{
	static const char *const marks[] = {"touch-25", "touch-50", "touch-75", "touch-100"};
	uint64_t all = region_pages(w->size_bytes, w->page_bytes);
	int error;

	wl_wait(w); /* what there is before, to be seen too */
	wl_mark(w, "reserve");
	wl_phase_begin(w, PHASE_ALLOC);
	error = wl_alloc(w, w->size_bytes, &w->block);
	wl_phase_end(w);
	if (error)
		return error;
	wait_marked(w);
	for (unsigned quarter = 0; quarter < 4; quarter++) {
		wl_mark(w, marks[quarter]);
		wl_phase_begin(w, PHASE_TOUCH);
		touch(w, all * quarter / 4, all * (quarter + 1) / 4);
		wl_phase_end(w);
		wait_marked(w);
	}
	w->touched_pages = w->operations = all;
	error = wl_settle(w);
	if (error)
		return error;
	wl_mark(w, "free");
	wl_phase_begin(w, PHASE_FREE);
	error = wl_release(w, &w->block);
	wl_phase_end(w);
	wait_marked(w);
	wl_mark(w, "end");
	return error;
}

static struct workload timeline = {
	.name = "timeline",
	.summary = "reserve, wait, touch 25, 50, 75, 100 %, free: to be watched from outside",
	.special = true,
	TOUCH_HOOKS_BUT_RUN,
	.run = run,
};

REGISTER_WORKLOAD(timeline)
