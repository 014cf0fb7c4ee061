// SPDX-License-Identifier: MIT
/*
 * small-blocks: what malloc is used for most. LIVE blocks of the size exist (fewer if they are
 * larger than 32 KiB, so that they make LIVE_BYTES); again and again one of them, chosen at random,
 * is freed, and a new one allocated and written to in its place.
 *
 * Phase alloc makes the first blocks, phase reuse is the exchange: its cost divided by the
 * operations is that of one free, one allocation and one write.
 */
#include <string.h>

#include "permute.h"
#include "workload.h"

#define LIVE		 256
#define EXCHANGES	 16384
#define EXCHANGES_MAPPED 2048 /* where each block has pages of its own: that takes microseconds */
#define LIVE_BYTES	 ((size_t)8 << 20)
#define EXCHANGED_BYTES	 ((size_t)512 << 20) /* at most, altogether */

static const uint64_t sizes_bytes[] = {16, 256, 4096, 32u << 10, 0};

static const struct wl_param params_table[] = {
	{"max_exchanges", "exchanges", 0, 0, INT64_MAX,
	 "at most so many; 0: 16384, or 2048 where each block has pages of its own"},
	{0},
};

static struct block blocks[LIVE];

static unsigned live(size_t size_bytes)
{
	size_t count = LIVE_BYTES / size_bytes;

	return count < 1 ? 1 : count > LIVE ? LIVE : (unsigned)count;
}

static uint64_t pages(size_t size_bytes, size_t page_bytes, const int64_t *params)
{
	(void)params;
	return (live(size_bytes) * size_bytes + page_bytes - 1) / page_bytes;
}

static int setup(struct wl *w)
{
	(void)w;
	memset(blocks, 1, sizeof(blocks));
	return 0;
}

/* The block's first byte counts into the checksum, then it is written, so that a block which comes
 * again must have been filled again. */
static inline int take(struct wl *w, struct block *block)
{
	int error = wl_alloc(w, w->size_bytes, block);
	volatile unsigned char *byte = block->addr;

	if (error)
		return error;
	w->checksum += *byte;
	w->expected += w->fill;
	*byte = WL_TOUCH_BYTE;
	return 0;
}

static int run(struct wl *w)
{
	uint64_t reserved_bytes, exchanges = (uint64_t)w->params[0];
	uint64_t most = EXCHANGED_BYTES / w->size_bytes + 1;
	unsigned n = live(w->size_bytes);
	int error = 0;

	wl_phase_begin(w, PHASE_ALLOC);
	for (unsigned i = 0; i < n && !error; i++)
		error = take(w, &blocks[i]);
	wl_phase_end(w);
	if (error)
		return error;
	reserved_bytes = w->reserved_bytes;
	if (!exchanges)
		exchanges = blocks[0].bytes < w->page_bytes ? EXCHANGES : EXCHANGES_MAPPED;
	exchanges = exchanges < most ? exchanges : most;
	wl_phase_begin(w, PHASE_REUSE);
	for (uint64_t k = 0; k < exchanges && !error; k++) {
		struct block *block = &blocks[mix(w->seed + k) % n];

		error = wl_release(w, block);
		if (!error)
			error = take(w, block);
	}
	wl_phase_end(w);
	if (error)
		return error;
	w->reserved_bytes = reserved_bytes; /* what exists, not what was asked for altogether */
	w->operations = exchanges;
	error = wl_settle(w);
	if (error)
		return error;
	wl_phase_begin(w, PHASE_FREE);
	for (unsigned i = 0; i < n && !error; i++)
		error = wl_release(w, &blocks[i]);
	wl_phase_end(w);
	return error;
}

/* take() has summed up. */
static int check(struct wl *w)
{
	(void)w;
	return 0;
}

static void verify_block(struct wl *w, const struct block *block, unsigned char first)
{
	for (size_t i = 0; i < w->size_bytes; i++)
		if (((unsigned char *)block->addr)[i] != (i ? w->fill : first) && !w->wrong_bytes++)
			w->first_wrong = i;
}

/* Every byte of each block, and of as many new ones that take the place of blocks full of other
 * bytes. */
static int verify(struct wl *w)
{
	uint64_t reserved_bytes = w->reserved_bytes;

	w->wrong_bytes = w->checksum != w->expected;
	for (unsigned i = 0; i < live(w->size_bytes); i++) {
		int error;

		verify_block(w, &blocks[i], WL_TOUCH_BYTE);
		memset(blocks[i].addr, ~w->fill, w->size_bytes);
		error = wl_release(w, &blocks[i]);
		if (!error)
			error = wl_alloc(w, w->size_bytes, &blocks[i]);
		if (error)
			return error;
		verify_block(w, &blocks[i], w->fill);
	}
	w->reserved_bytes = reserved_bytes;
	return 0;
}

static struct workload small_blocks = {
	.name = "small-blocks",
	.summary = "exchanges small blocks, freeing one and allocating another, as programs do",
	.unit = "exchange",
	.params = params_table,
	.warm = true,
	.several_blocks = true,
	.sizes_bytes = sizes_bytes,
	.pages = pages,
	.setup = setup,
	.run = run,
	.check = check,
	.verify = verify,
};

REGISTER_WORKLOAD(small_blocks)
