// SPDX-License-Identifier: MIT
/*
 * reuse: what it costs to use memory that is resident. Each page is written once, ascending (phase
 * touch); then bytes at random places, eight times as many as there are pages, are read and written
 * back (phase reuse): larger pages miss the TLB less often.
 */
#define TOUCH_WRITES true
#include "permute.h"
#include "touch.h"

#define ACCESSES_PER_PAGE 8

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

NO_LOOK_UPS static void use_again(const struct wl *w, uint64_t accesses)
{
	const struct wl view = *w;

	for (uint64_t k = 0; k < accesses; k++) {
		unsigned __int128 place = (unsigned __int128)mix(view.seed + k) * view.size_bytes;
		volatile unsigned char *byte =
			(unsigned char *)view.block.addr + (size_t)(place >> 64);

		*byte = *byte;
	}
}

NO_LOOK_UPS static int run(struct wl *w)
{
	uint64_t all = pages(w->size_bytes, w->page_bytes, w->params);
	int error;

	wl_phase_begin(w, PHASE_ALLOC);
	error = wl_alloc(w, w->size_bytes, &w->block);
	wl_phase_end(w);
	if (error)
		return error;
	wl_phase_begin(w, PHASE_TOUCH);
	touch_pass(w, all, true);
	wl_phase_end(w);
	wl_phase_begin(w, PHASE_REUSE);
	use_again(w, all * ACCESSES_PER_PAGE);
	wl_phase_end(w);
	w->touched_pages = all;
	w->operations = all * ACCESSES_PER_PAGE;
	return touch_finish(w);
}

static struct workload reuse = {
	.name = "reuse",
	.summary = "writes each page once, then uses random bytes again and again (phase reuse)",
	.effort = 1.3,
	TOUCH_HOOKS_BUT_RUN,
	.run = run,
};

REGISTER_WORKLOAD(reuse)
