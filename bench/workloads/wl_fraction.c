// SPDX-License-Identifier: MIT
/* fraction: touched_pct percent of the pages written, spread evenly, ascending: where eager pays
 * off. */
#define TOUCH_WRITES true
#include "touch.h"

static const struct wl_param params_table[] = {
	{"touched_pct", "percent", 100, 1, 100, "how many of the pages are written"},
	{0},
};

static inline uint64_t page_at(const struct wl *w, uint64_t k)
{
	return k * 100 / (uint64_t)w->params[0];
}

static uint64_t pages(size_t size_bytes, size_t page_bytes, const int64_t *params)
{
	return at_least_one(region_pages(size_bytes, page_bytes) * (uint64_t)params[0] / 100);
}

static struct workload fraction = {
	.name = "fraction",
	.summary = "writes the given percentage of the pages, spread evenly",
	.params = params_table,
	TOUCH_HOOKS,
};

REGISTER_WORKLOAD(fraction)
