// SPDX-License-Identifier: MIT
/*
 * chunks-1m: the block falls into stretches of 4 MiB; in each a run of 1 MiB, which begins at a
 * random page, is written in ascending order, the stretches in random order. With max_touched_bytes
 * the stretches become as long as that needs.
 */
#define TOUCH_WRITES true
#include "permute.h"
#include "touch.h"

#define CHUNK_BYTES   ((size_t)1 << 20)
#define STRETCH_BYTES ((size_t)4 << 20)

/* Both at least 1. */
static inline uint64_t chunk_pages(uint64_t all, size_t page_bytes)
{
	return at_least_one(CHUNK_BYTES / page_bytes < all ? CHUNK_BYTES / page_bytes : all);
}

static inline uint64_t chunks(size_t size_bytes, const int64_t *params)
{
	return at_most(size_bytes / STRETCH_BYTES, CHUNK_BYTES, params[0]);
}

static uint64_t pages(size_t size_bytes, size_t page_bytes, const int64_t *params)
{
	return chunks(size_bytes, params) *
	       chunk_pages(region_pages(size_bytes, page_bytes), page_bytes);
}

static inline uint64_t page_at(const struct wl *w, uint64_t k)
{
	uint64_t all = region_pages(w->size_bytes, w->page_bytes);
	uint64_t length = chunk_pages(all, w->page_bytes);
	uint64_t count = chunks(w->size_bytes, w->params), stretch = all / count;
	uint64_t chunk = permute(k / length, count, w->seed);

	return chunk * stretch + mix(w->seed + chunk) % (stretch - length + 1) + k % length;
}

static struct workload chunks_1m = {
	.name = "chunks-1m",
	.summary = "writes runs of 1 MiB that begin at a random page, one in each 4 MiB",
	.params = max_touched_params,
	TOUCH_HOOKS,
};

REGISTER_WORKLOAD(chunks_1m)
