/* SPDX-License-Identifier: MIT */
/*
 * Workloads that allocate one block and touch some of its pages once: included by one wl_<name>.c,
 * which defines TOUCH_WRITES (true or false; also TOUCH_READS_FIRST true where each page is read
 * before) before and, after it, page_at() and pages(), and puts TOUCH_HOOKS into its struct
 * workload. page_at() is static, so that it ends up inside the loop.
 *
 * Page k of a block begins at its address + k pages. A writing touch stores WL_TOUCH_BYTE at its
 * first byte, a reading one loads that byte.
 */
#ifndef TA_TOUCH_H
#define TA_TOUCH_H

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "workload.h"

#ifndef TOUCH_READS_FIRST
#define TOUCH_READS_FIRST false
#endif

#define VERIFY_WHOLE_BYTES   ((uint64_t)4 << 30) /* above that, untouched pages are sampled */
#define VERIFY_SAMPLED_PAGES 65536

/* The k-th page touched, 0 <= k < pages(). Each page at most once. */
static inline uint64_t page_at(const struct wl *w, uint64_t k);
/* How many pages are touched. */
static uint64_t pages(size_t size_bytes, size_t page_bytes, const int64_t *params);

static inline uint64_t region_pages(size_t size_bytes, size_t page_bytes)
{
	return (size_bytes + page_bytes - 1) / page_bytes;
}

/* At least one page, so that each cell has a cost per page. */
static inline uint64_t at_least_one(uint64_t count)
{
	return count ? count : 1;
}

/* For workloads that touch little of a block which may be larger than memory. */
static inline uint64_t at_most(uint64_t count, size_t page_bytes, int64_t max_touched_bytes)
{
	uint64_t max = (uint64_t)max_touched_bytes / page_bytes;

	return at_least_one(max_touched_bytes && count > max ? max : count);
}

__attribute__((unused)) static const struct wl_param max_touched_params[] = {
	{"max_touched_bytes", "bytes", 0, 0, INT64_MAX, "touch at most this much; 0: no limit"},
	{0},
};

static inline unsigned char *page_address(const struct wl *w, uint64_t page)
{
	return (unsigned char *)w->block.addr + page * w->page_bytes;
}

/* What follows the last phase that touches: settling, and giving the block back. */
static inline int touch_finish(struct wl *w)
{
	int error = wl_settle(w);

	if (error)
		return error;
	wl_phase_begin(w, PHASE_FREE);
	error = wl_release(w, &w->block);
	wl_phase_end(w);
	return error;
}

/* Without the sanitiser's look-ups, whose own page faults would be counted as the subject's. */
#define NO_LOOK_UPS __attribute__((no_sanitize("address")))

/* The pages in their order, once. */
NO_LOOK_UPS static inline __attribute__((always_inline)) void touch_pass(const struct wl *w,
									 uint64_t count, bool write)
{
	const struct wl view = *w; /* no store can alias it: it stays in registers */

	for (uint64_t k = 0; k < count; k++) {
		volatile unsigned char *byte = page_address(&view, page_at(&view, k));

		if (write)
			*byte = WL_TOUCH_BYTE;
		else
			(void)*byte;
	}
}

NO_LOOK_UPS static inline int touch_run(struct wl *w)
{
	uint64_t count = pages(w->size_bytes, w->page_bytes, w->params);
	int error;

	wl_phase_begin(w, PHASE_ALLOC);
	error = wl_alloc(w, w->size_bytes, &w->block);
	wl_phase_end(w);
	if (error)
		return error;

	wl_phase_begin(w, PHASE_TOUCH);
	if (TOUCH_READS_FIRST)
		touch_pass(w, count, false);
	touch_pass(w, count, TOUCH_WRITES);
	wl_phase_end(w);
	w->touched_pages = count;
	w->operations = count;
	return touch_finish(w);
}

/* The last byte of the touched page of memory in which the block's page begins. */
static inline size_t last_offset(const struct wl *w, uint64_t page)
{
	size_t in_page = w->page_bytes - (uintptr_t)w->block.addr % w->page_bytes;
	size_t in_block = w->size_bytes - page * w->page_bytes;

	return (in_page < in_block ? in_page : in_block) - 1;
}

/* First and last byte of each touched page. */
static int touch_check(struct wl *w)
{
	uint64_t count = pages(w->size_bytes, w->page_bytes, w->params);
	unsigned char first = TOUCH_WRITES ? WL_TOUCH_BYTE : w->fill;

	for (uint64_t k = 0; k < count; k++) {
		uint64_t page = page_at(w, k);
		const unsigned char *byte = page_address(w, page);
		size_t last = last_offset(w, page);

		w->checksum = w->checksum * 31 + byte[0] + 257u * byte[last];
		w->expected = w->expected * 31 + first + 257u * (last ? w->fill : first);
	}
	return 0;
}

static void verify_page(struct wl *w, uint64_t page, unsigned char first)
{
	const unsigned char *byte = page_address(w, page);
	uint64_t left = w->size_bytes - page * w->page_bytes;
	size_t bytes = left < w->page_bytes ? left : w->page_bytes;

	if (byte[0] == first &&
	    (bytes < 2 || (byte[1] == w->fill && !memcmp(byte + 1, byte + 2, bytes - 2))))
		return;
	for (size_t i = 0; i < bytes; i++)
		if (byte[i] != (i ? w->fill : first) && !w->wrong_bytes++)
			w->first_wrong = page * w->page_bytes + i;
}

/*
 * Every byte of a block of up to VERIFY_WHOLE_BYTES; of a larger one the touched pages, and
 * VERIFY_SAMPLED_PAGES untouched ones spread evenly.
 */
static int touch_verify(struct wl *w)
{
	uint64_t count = pages(w->size_bytes, w->page_bytes, w->params);
	uint64_t all = region_pages(w->size_bytes, w->page_bytes), step = 1;
	size_t map_bytes = all / 8 + 1;
	unsigned char *touched = mmap(NULL, map_bytes, PROT_READ | PROT_WRITE,
				      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (touched == MAP_FAILED)
		return -errno;
	for (uint64_t k = 0; k < count; k++) {
		uint64_t page = page_at(w, k);

		if (touched[page / 8] & 1u << page % 8)
			w->wrong_bytes++; /* a page twice: the workload is wrong */
		touched[page / 8] |= (unsigned char)(1u << page % 8);
		verify_page(w, page, TOUCH_WRITES ? WL_TOUCH_BYTE : w->fill);
	}
	if (w->size_bytes > VERIFY_WHOLE_BYTES)
		step = all / VERIFY_SAMPLED_PAGES;
	for (uint64_t page = 0; page < all; page += step)
		if (!(touched[page / 8] & 1u << page % 8))
			verify_page(w, page, w->fill);
	munmap(touched, map_bytes);
	return 0;
}

#define TOUCH_HOOKS_BUT_RUN                                                                \
	.unit = "page", .pages = pages, .reads_only = !TOUCH_WRITES, .check = touch_check, \
	.verify = touch_verify
#define TOUCH_HOOKS TOUCH_HOOKS_BUT_RUN, .run = touch_run

#endif
