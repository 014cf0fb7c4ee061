// SPDX-License-Identifier: MIT
#include <stdint.h>

#include "lock.h"
#include "prim.h"
#include "table.h"

#define FIRST_SLOTS 64	/* part of the library */
#define FIRST_MADE  512 /* mapped when they do not suffice */

/* Within a page, which is resident after the first use. */
static struct ta__block first_slots[FIRST_SLOTS] __attribute__((aligned(2048)));
_Static_assert(sizeof(first_slots) <= 2048, "first_slots may cross pages");
static struct ta__block *slots;
static size_t n_slots; /* a power of 2 */
static size_t n_used;  /* at most n_slots - 1: a search ends at an empty one. Kept ones count. */
static uint64_t total_bytes, eager_blocks;

static size_t home(const void *addr)
{
	return ((uintptr_t)addr / 4096 * UINT64_C(0x9E3779B97F4A7C15) >> 20) & (n_slots - 1);
}

/* The slot of the block at addr, or the empty one where it would be. */
static size_t slot_of(const void *addr)
{
	size_t i = home(addr);

	while (slots[i].addr && slots[i].addr != addr)
		i = (i + 1) & (n_slots - 1);
	return i;
}

static bool grow(void)
{
	struct ta__block *old = slots, *larger = first_slots;
	size_t old_slots = n_slots;
	size_t count = !n_slots ? FIRST_SLOTS : n_slots < FIRST_MADE ? FIRST_MADE : n_slots * 2;

	if (n_slots)
		larger = prim_map(count * sizeof(*slots), false);
	if (!larger)
		return false;
	slots = larger;
	n_slots = count;
	for (size_t i = 0; i < old_slots; i++)
		if (old[i].addr)
			slots[slot_of(old[i].addr)] = old[i];
	if (old && old != first_slots)
		prim_unmap(old, old_slots * sizeof(*slots));
	return true;
}

/* Moves up those behind that would not be found past the hole. */
static void empty_slot(size_t hole)
{
	size_t mask = n_slots - 1;

	for (size_t i = (hole + 1) & mask; slots[i].addr; i = (i + 1) & mask)
		if (((i - home(slots[i].addr)) & mask) >= ((i - hole) & mask)) {
			slots[hole] = slots[i];
			hole = i;
		}
	slots[hole].addr = NULL;
}

bool ta__table_put(const struct ta__block *block, bool has_slot)
{
	bool done = true;

	ta__lock(TA__LOCK_TABLE);
	if (!has_slot && n_used * 2 >= n_slots && !grow() && n_used + 1 >= n_slots)
		done = false;
	if (done) {
		slots[slot_of(block->addr)] = *block;
		n_used += !has_slot;
		total_bytes += block->bytes;
		eager_blocks += block->kind == TA__EAGER;
	}
	ta__unlock(TA__LOCK_TABLE);
	return done;
}

static bool find(const void *addr, struct ta__block *block, bool take, bool keep_slot)
{
	size_t i;
	bool found = false;

	ta__lock(TA__LOCK_TABLE);
	if (n_slots && addr) {
		i = slot_of(addr);
		found = slots[i].addr;
		if (found)
			*block = slots[i];
		if (found && take) {
			empty_slot(i);
			n_used -= !keep_slot;
			total_bytes -= block->bytes;
			eager_blocks -= block->kind == TA__EAGER;
		}
	}
	ta__unlock(TA__LOCK_TABLE);
	return found;
}

bool ta__table_take(const void *addr, struct ta__block *block, bool keep_slot)
{
	return find(addr, block, true, keep_slot);
}

bool ta__table_find(const void *addr, struct ta__block *block)
{
	return find(addr, block, false, false);
}

void ta__table_count(uint64_t *blocks, uint64_t *bytes, uint64_t *eager)
{
	ta__lock(TA__LOCK_TABLE);
	*blocks = n_used;
	*bytes = total_bytes;
	*eager = eager_blocks;
	ta__unlock(TA__LOCK_TABLE);
}
