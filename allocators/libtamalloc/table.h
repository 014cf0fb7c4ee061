/* SPDX-License-Identifier: MIT */
/* Which large blocks are in use: a hash table by address. */
#ifndef TA_TABLE_H
#define TA_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pattern.h"

enum ta__kind {
	TA__ANON = 1, /* one anonymous mapping, fill 0 */
	TA__TILES,    /* views of a pattern file */
	TA__KERNEL,   /* from the system call */
	TA__EAGER,    /* anonymous, filled at once */
};

struct ta__block {
	char *addr; /* NULL: an empty slot */
	size_t bytes;
	struct ta__pattern *pattern; /* TA__TILES */
	unsigned char fill, kind;
};

/*
 * Adds a block. has_slot: one was kept for it, and this cannot fail. false: ENOMEM.
 */
bool ta__table_put(const struct ta__block *block, bool has_slot);
/* Takes the block at exactly addr out; keep_slot: to be put again. false: there is none. */
bool ta__table_take(const void *addr, struct ta__block *block, bool keep_slot);
bool ta__table_find(const void *addr, struct ta__block *block);

void ta__table_count(uint64_t *blocks, uint64_t *bytes, uint64_t *eager);

#endif
