// SPDX-License-Identifier: MIT
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "cache.h"
#include "lock.h"
#include "prim.h"
#include "slab.h"

#define MAX_BLOCKS  64	  /* of a class */
#define CLASS_BYTES 65536 /* the same in bytes; but at least MIN_BLOCKS */
#define MIN_BLOCKS  4

struct cache {
	struct cache *next; /* while unused */
	unsigned counts[TA__N_CLASSES];
	void *blocks[TA__N_CLASSES][MAX_BLOCKS];
};

static __thread struct cache *mine __attribute__((tls_model("initial-exec")));
static struct cache *unused; /* of threads that ended */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool has_key;

static unsigned capacity(unsigned class)
{
	size_t count = CLASS_BYTES / ta__class_bytes(class);

	return count > MAX_BLOCKS ? MAX_BLOCKS : count < MIN_BLOCKS ? MIN_BLOCKS : (unsigned)count;
}

/* At a thread's end. Another of its destructors may call the library again: a new cache then. */
static void thread_ends(void *argument)
{
	struct cache *cache = argument;

	mine = NULL;
	for (unsigned class = 0; class < TA__N_CLASSES; class ++) {
		ta__slab_give(class, cache->blocks[class], cache->counts[class]);
		cache->counts[class] = 0;
	}
	ta__lock(TA__LOCK_CACHES);
	cache->next = unused;
	unused = cache;
	ta__unlock(TA__LOCK_CACHES);
}

static void make_key(void)
{
	has_key = !pthread_key_create(&key, thread_ends);
}

static size_t cache_bytes(void)
{
	size_t page_bytes = prim_page_bytes();

	return (sizeof(struct cache) + page_bytes - 1) & ~(page_bytes - 1);
}

/* Without a key (the program used them all) a thread's cache is lost at its end: then none. */
static struct cache *make_cache(void)
{
	struct cache *cache;

	pthread_once(&once, make_key);
	if (!has_key)
		return NULL;
	ta__lock(TA__LOCK_CACHES);
	cache = unused;
	if (cache)
		unused = cache->next;
	ta__unlock(TA__LOCK_CACHES);
	if (!cache)
		cache = prim_map(cache_bytes(), false);
	if (!cache)
		return NULL;
	mine = cache;
	if (pthread_setspecific(key, cache))
		thread_ends(cache);
	return mine;
}

/* The cache of the class is empty, or there is none. */
__attribute__((noinline)) static void *take_from_slab(unsigned class)
{
	int error = errno;
	struct cache *cache = mine ? mine : make_cache();
	void *block = NULL;

	if (!cache) {
		ta__slab_take(class, &block, 1);
	} else {
		cache->counts[class] =
			ta__slab_take(class, cache->blocks[class], capacity(class) / 2);
		if (cache->counts[class])
			block = cache->blocks[class][--cache->counts[class]];
	}
	errno = error;
	return block;
}

void *ta__cache_take(unsigned class)
{
	struct cache *cache = mine;

	if (!cache || !cache->counts[class])
		return take_from_slab(class);
	return cache->blocks[class][--cache->counts[class]];
}

/* The cache of the class is full: its older half goes back. */
__attribute__((noinline)) static void give_to_slab(struct cache *cache, unsigned class)
{
	unsigned half = capacity(class) / 2;
	int error = errno;

	ta__slab_give(class, cache->blocks[class], half);
	errno = error;
	cache->counts[class] -= half;
	memmove(cache->blocks[class], cache->blocks[class] + half,
		cache->counts[class] * sizeof(void *));
}

void ta__cache_give(unsigned class, void *block)
{
	struct cache *cache = mine;

	if (!cache) {
		int error = errno;

		cache = make_cache();
		if (!cache)
			ta__slab_give(class, &block, 1);
		errno = error;
		if (!cache)
			return;
	}
	if (cache->counts[class] == capacity(class))
		give_to_slab(cache, class);
	cache->blocks[class][cache->counts[class]++] = block;
}
