/* SPDX-License-Identifier: MIT */
/*
 * Workloads shaped like a piece of an application: they compute something in one block of which
 * every byte must be the fill at first. Included by one wl_<name>.c, which defines compute() and
 * app_pages() after it (and before it SCRATCH_WORDS_PER_PAGE, if compute() needs memory for itself)
 * and puts APP_HOOKS into its struct workload.
 *
 * What is in the block is its difference (XOR) from the fill: result and pages touched depend on
 * size, seed and parameters alone, not on fill or subject. After the gauges are read, compute()
 * runs once more, on memory of the worker's own that was never used: that gives the result to
 * expect, the pages that were touched and, for purpose verify, each byte of the block.
 */
#ifndef TA_APP_H
#define TA_APP_H

#include <errno.h>
#include <sys/mman.h>

#include "workload.h"

#define APP_MIN_BYTES ((size_t)64 << 10)

#ifndef SCRATCH_WORDS_PER_PAGE
#define SCRATCH_WORDS_PER_PAGE 0
#endif

struct app {
	unsigned char *base;
	size_t size_bytes, page_bytes;
	uint64_t pattern; /* the fill byte, eight times */
	uint64_t seed;
	const int64_t *params;
	uint64_t *scratch;   /* resident, or NULL */
	uint64_t operations; /* set by compute() */
};

/* Returns the result. May be called several times. */
static uint64_t compute(struct app *app);
/* An upper bound of the pages that compute() touches. */
static uint64_t app_pages(size_t size_bytes, size_t page_bytes, const int64_t *params);

static inline uint64_t get64(const struct app *app, uint64_t index)
{
	return ((volatile uint64_t *)app->base)[index] ^ app->pattern;
}

static inline void put64(const struct app *app, uint64_t index, uint64_t value)
{
	((volatile uint64_t *)app->base)[index] = value ^ app->pattern;
}

static inline uint64_t at_most_all(uint64_t count, size_t size_bytes, size_t page_bytes)
{
	uint64_t all = (size_bytes + page_bytes - 1) / page_bytes;

	return count < all ? count : all;
}

static inline size_t scratch_bytes(const struct wl *w)
{
	return at_most_all(UINT64_MAX, w->size_bytes, w->page_bytes) * SCRATCH_WORDS_PER_PAGE *
	       sizeof(uint64_t);
}

static int app_setup(struct wl *w)
{
	void *scratch;

	if (!scratch_bytes(w))
		return 0;
	scratch = mmap(NULL, scratch_bytes(w), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (scratch == MAP_FAILED)
		return -errno;
	w->priv = scratch;
	return 0;
}

static void app_teardown(struct wl *w)
{
	if (w->priv)
		munmap(w->priv, scratch_bytes(w));
}

static struct app app_on(struct wl *w, void *base, unsigned char fill)
{
	return (struct app){
		.base = base,
		.size_bytes = w->size_bytes,
		.page_bytes = w->page_bytes,
		.pattern = fill * 0x0101010101010101u,
		.seed = w->seed,
		.params = w->params,
		.scratch = w->priv,
	};
}

static int app_run(struct wl *w)
{
	struct app app;
	int error;

	wl_phase_begin(w, PHASE_ALLOC);
	error = wl_alloc(w, w->size_bytes, &w->block);
	wl_phase_end(w);
	if (error)
		return error;

	app = app_on(w, w->block.addr, w->fill);
	wl_phase_begin(w, PHASE_TOUCH);
	w->checksum = compute(&app);
	wl_phase_end(w);
	w->operations = app.operations;

	error = wl_settle(w);
	if (error)
		return error;
	wl_phase_begin(w, PHASE_FREE);
	error = wl_release(w, &w->block);
	wl_phase_end(w);
	return error;
}

/* How many pages of a private anonymous mapping are mapped: read (the zero page) or written. */
static int mapped_pages(unsigned char *base, size_t bytes, size_t page_bytes, uint64_t *count)
{
	unsigned char map[4096];
	size_t step = sizeof(map) * page_bytes;

	*count = 0;
	for (size_t at = 0; at < bytes; at += step) {
		size_t part = bytes - at < step ? bytes - at : step;

		if (mincore(base + at, part, map))
			return -errno;
		for (size_t i = 0; i < (part + page_bytes - 1) / page_bytes; i++)
			*count += map[i] & 1;
	}
	return 0;
}

/* Both are whole pages long. */
static void compare(struct wl *w, const uint64_t *model)
{
	const uint64_t pattern = w->fill * 0x0101010101010101u, *block = w->block.addr;

	for (size_t i = 0; i < (w->size_bytes + 7) / 8; i++) {
		uint64_t off = block[i] ^ pattern ^ model[i];

		for (size_t byte = i * 8; off && byte < w->size_bytes; byte++, off >>= 8)
			if (off & 0xff && !w->wrong_bytes++)
				w->first_wrong = byte;
	}
}

/* The computation again in memory of our own; with every_byte, that memory against the block. */
static int app_repeat(struct wl *w, bool every_byte)
{
	unsigned char *model = mmap(NULL, w->size_bytes, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct app app;
	int error;

	if (model == MAP_FAILED)
		return -errno;
	madvise(model, w->size_bytes, MADV_NOHUGEPAGE); /* fails where there are none */
	app = app_on(w, model, 0);
	w->expected = compute(&app);
	error = mapped_pages(model, w->size_bytes, w->page_bytes, &w->touched_pages);
	if (!error && every_byte)
		compare(w, (const uint64_t *)model);
	munmap(model, w->size_bytes);
	return error;
}

static int app_check(struct wl *w)
{
	return app_repeat(w, false);
}

static int app_verify(struct wl *w)
{
	int error = app_repeat(w, true);

	if (!error && w->checksum != w->expected && !w->wrong_bytes)
		w->wrong_bytes = 1; /* read wrong, though nothing wrong is left */
	return error;
}

#define APP_HOOKS                                                                      \
	.computes = true, .effort = 3, .min_bytes = APP_MIN_BYTES, .pages = app_pages, \
	.setup = app_setup, .run = app_run, .check = app_check, .verify = app_verify,  \
	.teardown = app_teardown

#endif
