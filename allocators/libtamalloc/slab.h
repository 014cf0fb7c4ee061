/* SPDX-License-Identifier: MIT */
/*
 * Small blocks. A slab is 1 MiB of address space at a multiple of 1 MiB, cut into blocks of one
 * size class; its head holds two bytes of state for each block. A slab's pages become resident as
 * its blocks are used, in ascending order. Blocks travel between slabs and the threads' caches in
 * batches; state changes are made by the thread that has the block.
 */
#ifndef TA_SLAB_H
#define TA_SLAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* States; a live block's is TA__LIVE | fill. TA__UNFILLED is added to that of a block, live or
 * free, that was never filled as a whole: some of its pages may not be resident. */
enum {
	TA__FRESH = 0,	  /* never handed out: reads as 0 */
	TA__FREE = 1,	  /* may be dirty */
	TA__LIVE = 0x100, /* in use by the program */
	TA__UNFILLED = 0x200,
};

/* Is the address in a slab? Safe for any address. */
bool ta__is_small(const void *addr);

/* Up to count blocks of a class; returns how many, 0: ENOMEM. Their states are FRESH or FREE. */
unsigned ta__slab_take(unsigned class, void **blocks, unsigned count);
/* Blocks of one class, FRESH or FREE. They are FREE afterwards. */
void ta__slab_give(unsigned class, void **blocks, unsigned count);

/* The state of the block that starts at addr, an address in a slab. NULL: none starts there. */
uint16_t *ta__slab_state(const void *addr, unsigned *class);

/*
 * The pages to be made resident for a block that was never filled: its own; if it is used again,
 * also those of up to 128 KiB around it, where all blocks were handed out, too. false: that was
 * done.
 */
bool ta__slab_populate(const void *block, bool again, uintptr_t *from, uintptr_t *to);

uint64_t ta__slab_bytes(void);

#endif
