// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "accel.h"
#include "backend.h"
#include "cache.h"
#include "large.h"
#include "pattern.h"
#include "prim.h"
#include "runs.h"
#include "size_class.h"
#include "slab.h"
#include "tamalloc.h"

#define EXPORT		  __attribute__((visibility("default")))
#define INLINE_FILL_BYTES 64

/* A block in use, small or large, as the program's pointer names it. */
struct found {
	size_t usable_bytes;
	unsigned char fill;
	uint16_t *state; /* of a small one */
	unsigned class;
	struct ta__block large;
};

__attribute__((noreturn)) static void not_a_block(const char *function, const void *ptr)
{
	prim_die("%s(%p): not a block of tamalloc in use; was it freed before, or got from another "
		 "allocator?",
		 function, ptr);
}

/* The state of the small block at ptr, known to be in a slab. */
static uint16_t *live_state(const char *function, const void *ptr, unsigned *class)
{
	uint16_t *state = ta__slab_state(ptr, class);

	if (!state)
		prim_die("%s(%p): not the start of a block", function, ptr);
	if (!(__atomic_load_n(state, __ATOMIC_RELAXED) & TA__LIVE))
		prim_die("%s(%p): this block was freed before", function, ptr);
	return state;
}

static void look_up(const char *function, const void *ptr, struct found *found)
{
	if (ta__is_small(ptr)) {
		found->state = live_state(function, ptr, &found->class);
		found->usable_bytes = ta__class_bytes(found->class);
		found->fill = (unsigned char)*found->state;
	} else if (ta__table_find(ptr, &found->large)) {
		found->state = NULL;
		found->usable_bytes = found->large.bytes;
		found->fill = found->large.fill;
	} else {
		not_a_block(function, ptr);
	}
}

/* A call of memset takes longer than filling the smallest blocks: bytes is a multiple of 16. */
static inline void fill_block(char *block, unsigned char fill, size_t bytes)
{
	if (bytes > INLINE_FILL_BYTES)
		memset(block, fill, bytes);
	else
		for (size_t at = 0; at < bytes; at += 16)
			memset(block + at, fill, 16);
}

/*
 * Blocks whose pages the program may never have touched: one call for several pages takes half the
 * time of their faults, one by one. A filter of system calls may not know this one.
 */
__attribute__((noinline)) static void make_resident(uintptr_t from, uintptr_t to)
{
	int error = errno;

	if (!prim_is_filtered())
		prim_populate((void *)from, to - from); /* or memset does it */
	errno = error;
}

static void *small_alloc(size_t size_bytes, unsigned char fill)
{
	unsigned class = ta__class_of(size_bytes ? size_bytes : 1);
	void *block = ta__cache_take(class);
	uintptr_t from, to;
	uint16_t *state;
	size_t bytes;

	if (!block) {
		errno = ENOMEM;
		return NULL;
	}
	state = ta__slab_state(block, &class);
	if (!fill && *state == TA__FRESH) {
		__atomic_store_n(state, TA__LIVE | TA__UNFILLED, __ATOMIC_RELAXED);
		return block;
	}
	bytes = ta__class_bytes(class);
	if (bytes > prim_page_bytes() && *state != TA__FREE &&
	    ta__slab_populate(block, *state & TA__UNFILLED, &from, &to))
		make_resident(from, to);
	fill_block(block, fill, bytes);
	__atomic_store_n(state, TA__LIVE | fill, __ATOMIC_RELAXED);
	return block;
}

static void *alloc(size_t size_bytes, unsigned char fill)
{
	int error;
	void *ptr;

	if (size_bytes <= TAMALLOC_SMALL_BYTES)
		return small_alloc(size_bytes, fill);
	error = errno;
	ptr = ta__large_alloc(size_bytes, fill);
	errno = ptr ? error : ENOMEM;
	return ptr;
}

static void give_back(const char *function, void *ptr)
{
	int error;
	uint16_t *state;
	unsigned class;

	if (ta__is_small(ptr)) {
		state = live_state(function, ptr, &class);
		__atomic_store_n(state, TA__FREE | (*state & TA__UNFILLED), __ATOMIC_RELAXED);
		ta__cache_give(class, ptr);
		return;
	}
	error = errno;
	if (!ta__large_free(ptr))
		not_a_block(function, ptr);
	errno = error;
}

/* ---- public ---- */

EXPORT void *tamalloc(size_t size_bytes)
{
	return alloc(size_bytes, 0);
}

EXPORT void *tamalloc_fill(size_t size_bytes, unsigned char byte)
{
	return alloc(size_bytes, byte);
}

EXPORT void *tacalloc(size_t n, size_t size_bytes)
{
	size_t product;

	if (__builtin_mul_overflow(n, size_bytes, &product)) {
		errno = ENOMEM;
		return NULL;
	}
	return alloc(product, 0);
}

EXPORT void tafree(void *ptr)
{
	if (ptr)
		give_back("tafree", ptr);
}

EXPORT void *tarealloc(void *ptr, size_t size_bytes)
{
	struct found found;
	void *resized;
	int error = errno;

	if (!ptr)
		return alloc(size_bytes, 0);
	look_up("tarealloc", ptr, &found);
	if (!found.state && size_bytes > TAMALLOC_SMALL_BYTES) {
		if (!ta__large_resize(ptr, size_bytes, &resized))
			not_a_block("tarealloc", ptr);
		errno = resized ? error : ENOMEM;
		return resized;
	}
	if (found.state && size_bytes <= TAMALLOC_SMALL_BYTES &&
	    ta__class_of(size_bytes ? size_bytes : 1) == found.class)
		return ptr;
	resized = alloc(size_bytes, found.fill);
	if (resized) {
		size_t usable_bytes = tamalloc_usable_size(resized);

		if (usable_bytes > found.usable_bytes)
			usable_bytes = found.usable_bytes;
		memcpy(resized, ptr, usable_bytes);
		give_back("tarealloc", ptr);
	}
	return resized;
}

EXPORT size_t tamalloc_usable_size(const void *ptr)
{
	struct found found;

	if (!ptr)
		return 0;
	look_up("tamalloc_usable_size", ptr, &found);
	return found.usable_bytes;
}

EXPORT void tamalloc_discard(void *ptr, size_t offset_bytes, size_t length_bytes)
{
	struct found found;
	int error = errno;

	if (!ptr)
		return;
	look_up("tamalloc_discard", ptr, &found);
	if (offset_bytes >= found.usable_bytes)
		return;
	if (length_bytes > found.usable_bytes - offset_bytes)
		length_bytes = found.usable_bytes - offset_bytes;
	if (found.state)
		memset((char *)ptr + offset_bytes, found.fill, length_bytes);
	else
		ta__large_discard(&found.large, offset_bytes, length_bytes);
	errno = error;
}

EXPORT void tamalloc_stats(struct tamalloc_stats *stats, size_t stats_bytes)
{
	struct tamalloc_stats now = {0};
	struct ta__runs_count runs;
	int error = errno;

	strcpy(now.backend, ta__backend_name(ta__backend()));
	ta__table_count(&now.large_blocks, &now.large_bytes, &now.eager_blocks);
	now.slab_bytes = ta__slab_bytes();
	ta__pattern_count(&now.pattern_files, &now.pattern_bytes);
	ta__runs_get_count(&runs);
	now.accel_is_on = ta__accel_is_on();
	now.accel_runs = runs.runs;
	now.accel_ahead_pages = runs.ahead_pages;
	now.accel_used_pages = runs.used_pages;
	memset(stats, 0, stats_bytes);
	memcpy(stats, &now, stats_bytes < sizeof(now) ? stats_bytes : sizeof(now));
	errno = error;
}

/*
 * When the library is loaded: a large block comes and goes, so that the program's first takes no
 * page faults of the library's own.
 */
__attribute__((constructor)) static void begin(void)
{
	tafree(tamalloc(TAMALLOC_SMALL_BYTES + 1));
}
