/* SPDX-License-Identifier: MIT */
/*
 * The times of single operations, as a distribution: the worker fills buckets, the report adds up
 * those of several samples.
 *
 * Eight buckets to each power of two: a bucket's width is at most an eighth of its low edge, and
 * below 16 each value has its own. The last bucket also holds whatever is above it.
 */
#ifndef TA_LATENCY_H
#define TA_LATENCY_H

#include <stdint.h>

#define LATENCY_BUCKETS 240 /* up to 2^32 - 1 */

static inline unsigned latency_bucket(uint64_t value)
{
	unsigned exponent, bucket;

	if (value < 8)
		return (unsigned)value;
	exponent = 63 - (unsigned)__builtin_clzll(value);
	bucket = (exponent - 2) * 8 + (unsigned)(value >> (exponent - 3) & 7);
	return bucket < LATENCY_BUCKETS ? bucket : LATENCY_BUCKETS - 1;
}

/* The lowest value of a bucket; of the one past the last, the first value that has no bucket. */
static inline uint64_t latency_bucket_low(unsigned bucket)
{
	if (bucket < 8)
		return bucket;
	return (uint64_t)(8 + bucket % 8) << (bucket / 8 - 1);
}

#endif
