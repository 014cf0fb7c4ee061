/* SPDX-License-Identifier: MIT */
/*
 * Blocks of whole pages, each a mapping of its own. Sizes are those asked for, above
 * TAMALLOC_SMALL_BYTES or not; they are rounded up to pages here.
 */
#ifndef TA_LARGE_H
#define TA_LARGE_H

#include <stdbool.h>
#include <stddef.h>

#include "table.h"

/* NULL: ENOMEM. */
void *ta__large_alloc(size_t size_bytes, unsigned char fill);
/* false: no large block starts there. */
bool ta__large_free(void *addr);
/* *resized is the block's new address, NULL: ENOMEM. false: no large block starts there. */
bool ta__large_resize(void *addr, size_t size_bytes, void **resized);
/* Any part of the block reads as its fill byte again. */
void ta__large_discard(const struct ta__block *block, size_t offset, size_t bytes);

#endif
