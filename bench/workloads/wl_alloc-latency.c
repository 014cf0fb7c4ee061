// SPDX-License-Identifier: MIT
/*
 * alloc-latency: blocks of the given size, each allocation timed, none touched; then all are freed.
 * As many blocks as make TOTAL_BYTES, from 1 to MAX_BLOCKS.
 */
#include <string.h>

#include "workload.h"

#define TOTAL_BYTES ((size_t)64 << 20)
#define MAX_BLOCKS  1000

static const uint64_t sizes_bytes[] = {16,	  256,	      4096,	   64u << 10, 1u << 20,
				       16u << 20, 128u << 20, 1024u << 20, 0};

static struct block blocks[MAX_BLOCKS];

static unsigned block_count(const struct wl *w)
{
	size_t count = TOTAL_BYTES / w->size_bytes;

	return count < 1 ? 1 : count > MAX_BLOCKS ? MAX_BLOCKS : (unsigned)count;
}

static uint64_t pages(size_t size_bytes, size_t page_bytes, const int64_t *params)
{
	(void)params;
	return (size_bytes + page_bytes - 1) / page_bytes;
}

static int setup(struct wl *w)
{
	memset(blocks, 1, sizeof(blocks));
	return wl_laps_reserve(w, block_count(w));
}

static int run(struct wl *w)
{
	unsigned count = block_count(w);
	int error = 0;

	wl_phase_begin(w, PHASE_ALLOC);
	wl_laps_begin(w);
	for (unsigned i = 0; i < count && !error; i++) {
		error = wl_alloc(w, w->size_bytes, &blocks[i]);
		wl_lap(w);
	}
	wl_phase_end(w);
	if (error)
		return error;
	w->operations = count;
	error = wl_settle(w);
	if (error)
		return error;
	wl_phase_begin(w, PHASE_FREE);
	for (unsigned i = 0; i < count && !error; i++)
		error = wl_release(w, &blocks[i]);
	wl_phase_end(w);
	return error;
}

/* Nothing was touched. */
static int check(struct wl *w)
{
	w->checksum = w->expected = 0;
	return 0;
}

static int verify(struct wl *w)
{
	for (unsigned i = 0; i < block_count(w); i++)
		for (size_t k = 0; k < w->size_bytes; k++)
			if (((unsigned char *)blocks[i].addr)[k] != w->fill && !w->wrong_bytes++)
				w->first_wrong = k;
	return 0;
}

static struct workload alloc_latency = {
	.name = "alloc-latency",
	.summary = "times each of many allocations of the size, touches none",
	.unit = "allocation",
	.several_blocks = true,
	.reads_only = true, /* verify reads, nothing writes */
	.sizes_bytes = sizes_bytes,
	.pages = pages,
	.setup = setup,
	.run = run,
	.check = check,
	.verify = verify,
};

REGISTER_WORKLOAD(alloc_latency)
