/* SPDX-License-Identifier: MIT */
/*
 * Sealed files whose every byte is the same, one for each byte value in use, made on demand. Large
 * blocks are tiled with private views of them: the kernel's own copy-on-write is the lazy fill.
 *
 * A file never changes. A byte value whose blocks need a larger one gets a new file; the old lives
 * until its last block is gone.
 */
#ifndef TA_PATTERN_H
#define TA_PATTERN_H

#include <stddef.h>
#include <stdint.h>

#include "prim.h"

#define TA__PATTERN_MIN_BYTES ((size_t)64 << 10)
#define TA__PATTERN_BYTES     ((size_t)2 << 20) /* kept for later blocks, if not larger */

struct ta__pattern {
	struct ta__pattern *next; /* of the same byte value, or free */
	struct prim_file_id id;
	size_t bytes; /* also the length of a tile */
	uint64_t blocks;
	int fd;
	unsigned char fill;
};

/* A file of at least bytes, for one block more. NULL: none can be made here (errno). */
struct ta__pattern *ta__pattern_get(unsigned char fill, size_t bytes);
void ta__pattern_put(struct ta__pattern *pattern);

/* Makes sure that the descriptor is still ours. false: the program closed it. */
bool ta__pattern_is_open(const struct ta__pattern *pattern);

void ta__pattern_count(uint64_t *files, uint64_t *bytes);

#endif
