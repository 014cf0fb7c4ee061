/* SPDX-License-Identifier: MIT */
/* Sizes of small blocks: each 16 bytes up to 128, then four for each doubling, up to 32 KiB. */
#ifndef TA_SIZE_CLASS_H
#define TA_SIZE_CLASS_H

#include <stddef.h>

#define TA__N_CLASSES 40

/* size_bytes: 1 to TAMALLOC_SMALL_BYTES. */
static inline unsigned ta__class_of(size_t size_bytes)
{
	unsigned log2;

	if (size_bytes <= 128)
		return (unsigned)((size_bytes + 15) / 16 - 1);
	log2 = 63 - (unsigned)__builtin_clzll(size_bytes - 1); /* 7 to 14 */
	return 8 + (log2 - 7) * 4 + (((size_bytes - 1) >> (log2 - 2)) & 3);
}

static inline size_t ta__class_bytes(unsigned class)
{
	unsigned doubling, quarter;

	if (class < 8)
		return (class + 1) * (size_t)16;
	doubling = (class - 8) / 4;
	quarter = (class - 8) % 4;
	return ((size_t)128 << doubling) + ((quarter + 1) * (size_t)32 << doubling);
}

#endif
