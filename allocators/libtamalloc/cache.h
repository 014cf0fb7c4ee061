/* SPDX-License-Identifier: MIT */
/* Small blocks at hand in each thread: most allocations take no lock. errno stays as it was. */
#ifndef TA_CACHE_H
#define TA_CACHE_H

/* A block of the class, FRESH or FREE. NULL: ENOMEM. */
void *ta__cache_take(unsigned class);
/* A FREE block. */
void ta__cache_give(unsigned class, void *block);

#endif
