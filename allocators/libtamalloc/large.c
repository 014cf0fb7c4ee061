// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "accel.h"
#include "backend.h"
#include "large.h"
#include "pattern.h"
#include "prim.h"
#include "table.h"

#define MAX_TILE_BYTES	   ((size_t)64 << 20)
#define TILES_WORTH_A_LOOK 4096 /* fewer are far from any vm.max_map_count */

static size_t tiles_in_use;

/* 0: too large. */
static size_t round_to_pages(size_t size_bytes)
{
	size_t page_bytes = prim_page_bytes();

	if (size_bytes > PTRDIFF_MAX - page_bytes)
		return 0;
	return (size_bytes + page_bytes - 1) & ~(page_bytes - 1);
}

/* ---- tiles ---- */

static size_t tiles_of(const struct ta__block *block)
{
	return block->bytes / block->pattern->bytes + 1;
}

static void count_tiles(const struct ta__block *block, bool add)
{
	size_t tiles = tiles_of(block);

	__atomic_fetch_add(&tiles_in_use, add ? tiles : -tiles, __ATOMIC_RELAXED);
}

/*
 * The length of tiles for a block: where writing the file (a page of it costs about as much as a
 * mapping) takes as long as mapping it over the block; at most 2 MiB, but more where the block
 * would take over a half of the mappings that the process may have, a quarter of all left to the
 * program.
 */
static size_t tile_bytes(size_t bytes)
{
	size_t used = __atomic_load_n(&tiles_in_use, __ATOMIC_RELAXED), limit;
	size_t tile = TA__PATTERN_MIN_BYTES;

	while (tile < TA__PATTERN_BYTES && tile / 4096 < bytes / tile)
		tile *= 2;
	if (bytes / tile + used < TILES_WORTH_A_LOOK)
		return tile;
	limit = prim_max_maps() / 4 * 3;
	limit = limit > used ? (limit - used) / 2 : 0;
	while (tile < MAX_TILE_BYTES && bytes / tile > limit)
		tile *= 2;
	return tile;
}

/*
 * Views of the file over [from, to) of the block; each starts at a multiple of the file's size.
 * over: what is mapped there is replaced. Else the range must be free, and is again after failure.
 */
static bool map_tiles(char *addr, size_t from, size_t to, const struct ta__pattern *pattern,
		      bool over)
{
	size_t at = from;

	while (at < to) {
		size_t offset = at % pattern->bytes, length = pattern->bytes - offset;

		if (length > to - at)
			length = to - at;
		if (!prim_map_file(addr + at, length, pattern->fd, offset, over))
			break;
		at += length;
	}
	if (at < to && !over && at > from) {
		int error = errno;

		prim_unmap(addr + from, at - from);
		errno = error;
	}
	return at >= to;
}

/*
 * New address space covered with tiles. Mapping into a hole takes a third less time than over a
 * reservation; if another thread maps something into the hole meanwhile, it is done over one.
 */
static char *map_all_tiles(size_t bytes, const struct ta__pattern *pattern)
{
	char *addr = prim_reserve(bytes);
	int error;

	if (!addr)
		return NULL;
	prim_unmap(addr, bytes);
	if (map_tiles(addr, 0, bytes, pattern, false))
		return addr;
	if (errno != EEXIST)
		return NULL;
	addr = prim_reserve(bytes);
	if (!addr || map_tiles(addr, 0, bytes, pattern, true))
		return addr;
	error = errno;
	prim_unmap(addr, bytes);
	errno = error;
	return NULL;
}

/* false without a pattern: no file can be made. */
static bool alloc_tiles(struct ta__block *block)
{
	size_t tile = tile_bytes(block->bytes);
	size_t page_bytes = prim_page_bytes();
	int error;

	tile = tile < page_bytes ? page_bytes : tile;
	for (;;) {
		block->pattern = ta__pattern_get(block->fill, tile);
		if (!block->pattern)
			return false;
		tile = block->pattern->bytes;
		block->addr = map_all_tiles(block->bytes, block->pattern);
		if (block->addr) {
			count_tiles(block, true);
			return true;
		}
		error = errno;
		ta__pattern_put(block->pattern);
		/* The program's own mappings may leave room for fewer, longer tiles. */
		if (error != ENOMEM || tile >= MAX_TILE_BYTES || tile >= block->bytes)
			return false;
		tile = tile < MAX_TILE_BYTES / 4 ? tile * 4 : MAX_TILE_BYTES;
	}
}

/* ---- making ---- */

static bool alloc_eager(struct ta__block *block)
{
	block->kind = TA__EAGER;
	block->addr = prim_map(block->bytes, true);
	if (block->addr)
		memset(block->addr, block->fill, block->bytes);
	return block->addr;
}

static bool make(struct ta__block *block)
{
	if (ta__backend() == TA__SYSCALL) {
		block->kind = TA__KERNEL;
		block->addr = prim_tamalloc(block->bytes, block->fill);
		return block->addr;
	}
	if (!block->fill) {
		block->kind = TA__ANON;
		block->addr = prim_map(block->bytes, false);
		return block->addr;
	}
	block->kind = TA__TILES;
	if (alloc_tiles(block))
		return true;
	return !block->pattern && alloc_eager(block);
}

static void unmake(const struct ta__block *block)
{
	if (block->kind == TA__TILES)
		count_tiles(block, false);
	prim_unmap(block->addr, block->bytes);
	if (block->kind == TA__TILES)
		ta__pattern_put(block->pattern);
}

void *ta__large_alloc(size_t size_bytes, unsigned char fill)
{
	struct ta__block block = {.bytes = round_to_pages(size_bytes), .fill = fill};

	if (block.bytes && make(&block)) {
		if (ta__table_put(&block, false)) {
			ta__accel_add(&block);
			return block.addr;
		}
		unmake(&block);
	}
	errno = ENOMEM;
	return NULL;
}

bool ta__large_free(void *addr)
{
	struct ta__block block;

	if (!ta__table_take(addr, &block, false))
		return false;
	ta__accel_remove(&block);
	unmake(&block);
	return true;
}

/* ---- resizing ---- */

/* Another block, the old one's bytes copied: works for every kind, but touches what it copies. */
static bool resize_by_copy(struct ta__block *block, size_t bytes)
{
	struct ta__block other = {.bytes = bytes, .fill = block->fill};

	if (!make(&other))
		return false;
	memcpy(other.addr, block->addr, block->bytes < bytes ? block->bytes : bytes);
	unmake(block);
	*block = other;
	return true;
}

static void shrink(struct ta__block *block, size_t bytes)
{
	if (block->kind == TA__TILES)
		count_tiles(block, false);
	prim_unmap(block->addr + bytes, block->bytes - bytes);
	block->bytes = bytes;
	if (block->kind == TA__TILES)
		count_tiles(block, true);
}

static bool grow_mapping(struct ta__block *block, size_t bytes)
{
	char *addr = prim_resize(block->addr, block->bytes, bytes);

	/* Advice has made several mappings of it. */
	if (!addr && ta__accel_make_small(block, 0, block->bytes))
		addr = prim_resize(block->addr, block->bytes, bytes);
	if (!addr)
		return resize_by_copy(block, bytes);
	if (block->kind == TA__EAGER)
		memset(addr + block->bytes, block->fill, bytes - block->bytes);
	block->addr = addr;
	block->bytes = bytes;
	return true;
}

/* New address space, tiled as a whole, over which the old tiles are moved page tables and all. */
static bool grow_tiles(struct ta__block *block, size_t bytes)
{
	struct ta__block old = *block;
	size_t tile = old.pattern->bytes;
	char *addr;

	/* Far too short a tile: a copy, as a rule of less than a 16th of the new size. */
	if (tile * 8 < tile_bytes(bytes) || !ta__pattern_is_open(old.pattern))
		return resize_by_copy(block, bytes);
	addr = map_all_tiles(bytes, old.pattern);
	if (!addr)
		return resize_by_copy(block, bytes);
	for (size_t at = 0; at < old.bytes; at += tile) {
		size_t length = old.bytes - at < tile ? old.bytes - at : tile;

		/* Several mappings, because the program changed a part of it: copy. */
		if (!prim_is_one_mapping(old.addr + at, length) ||
		    !prim_move(old.addr + at, length, addr + at)) {
			memcpy(addr + at, old.addr + at, length);
			prim_unmap(old.addr + at, length);
		}
		/* What moved left a hole that may be another thread's mapping by now. */
	}
	count_tiles(block, false);
	block->addr = addr;
	block->bytes = bytes;
	count_tiles(block, true);
	return true;
}

bool ta__large_resize(void *addr, size_t size_bytes, void **resized)
{
	size_t bytes = round_to_pages(size_bytes);
	struct ta__block block;
	bool done = true;

	if (!ta__table_take(addr, &block, true))
		return false;
	ta__accel_remove(&block);
	if (!bytes)
		done = false;
	else if (bytes < block.bytes)
		shrink(&block, bytes);
	else if (bytes > block.bytes && block.kind == TA__TILES)
		done = grow_tiles(&block, bytes);
	else if (bytes > block.bytes)
		done = grow_mapping(&block, bytes);
	ta__accel_add(&block);
	ta__table_put(&block, true);
	*resized = done ? block.addr : NULL;
	if (!done)
		errno = ENOMEM;
	return true;
}

/* ---- discarding ---- */

static void refill(const struct ta__block *block, size_t from, size_t to)
{
	memset(block->addr + from, block->fill, to - from);
}

void ta__large_discard(const struct ta__block *block, size_t offset, size_t bytes)
{
	size_t page_bytes = prim_page_bytes(), end = offset + bytes;
	size_t first = round_to_pages(offset), last = end & ~(page_bytes - 1);

	if (block->kind == TA__EAGER || first >= last ||
	    !prim_discard(block->addr + first, last - first)) {
		refill(block, offset, end);
		return;
	}
	ta__accel_make_small(block, first, last);
	refill(block, offset, first);
	refill(block, last, end);
}
