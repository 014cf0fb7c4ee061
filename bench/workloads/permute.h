/* SPDX-License-Identifier: MIT */
/* Random choices that need no table: the same seed gives the same order everywhere. */
#ifndef TA_PERMUTE_H
#define TA_PERMUTE_H

#include <stdint.h>

/* Spreads the bits of x over all 64 (the finaliser of SplitMix64). */
static inline uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

/*
 * The k-th element of a permutation of 0 .. n-1 (k < n). Each step is a bijection on the numbers
 * below the power of two that covers n; results of n and above are sent round again until they fall
 * below.
 */
static inline uint64_t permute(uint64_t k, uint64_t n, uint64_t seed)
{
	unsigned bits = n > 2 ? 64 - (unsigned)__builtin_clzll(n - 1) : 1;
	uint64_t mask = ((uint64_t)1 << bits) - 1, key = mix(seed);

	do {
		k = (k + key) * 0x9e3779b97f4a7c15u & mask;
		k ^= k >> (bits / 2 + 1);
		k = k * 0xd1342543de82ef95u & mask;
		k ^= k >> (bits / 2 + 1);
		k = (k + (key >> 32)) * 0xaf251af3b0f025b5u & mask;
		k ^= k >> (bits / 2 + 1);
	} while (k >= n);
	return k;
}

#endif
