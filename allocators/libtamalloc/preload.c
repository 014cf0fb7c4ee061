// SPDX-License-Identifier: MIT
/*
 * libtamalloc-preload.so: LD_PRELOAD it, and the large callocs of an unmodified program come from
 * tamalloc, lazily; all else stays with the program's own allocator, whichever that is.
 *
 * Blocks of ours start at a page boundary, are larger than TAMALLOC_SMALL_BYTES, and are in the
 * library's table: that is how free() and the others know them. What they do not know goes to the
 * next allocator, wrong pointers included.
 *
 * TAMALLOC_PRELOAD_MIN_BYTES is the size from which callocs are ours (default 128 KiB, glibc's own
 * threshold for mappings).
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "prim.h"
#include "table.h"
#include "tamalloc.h"

#define EXPORT		  __attribute__((visibility("default")))
#define VARIABLE	  "TAMALLOC_PRELOAD_MIN_BYTES"
#define DEFAULT_MIN_BYTES ((size_t)128 << 10)
#define EARLY_BYTES	  ((size_t)64 << 10)

static struct {
	void *(*malloc)(size_t);
	void *(*calloc)(size_t, size_t);
	void *(*realloc)(void *, size_t);
	void (*free)(void *);
	size_t (*usable_size)(void *);
	size_t min_bytes;
} next;

/* dlsym() itself may allocate: what it asks for meanwhile comes from here, and is never freed. */
static _Alignas(16) char early[EARLY_BYTES];
static size_t early_used;
static __thread bool resolving __attribute__((tls_model("initial-exec")));

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static bool is_early(const void *ptr)
{
	return (const char *)ptr >= early && (const char *)ptr < early + EARLY_BYTES;
}

/* A size before each, for realloc. */
static void *early_alloc(size_t size_bytes)
{
	size_t need =
		size_bytes <= EARLY_BYTES ? (size_bytes + 16 + 15) & ~(size_t)15 : EARLY_BYTES + 1;
	size_t at = __atomic_fetch_add(&early_used, need, __ATOMIC_RELAXED);

	if (need > EARLY_BYTES || at > EARLY_BYTES - need) {
		errno = ENOMEM;
		return NULL;
	}
	*(size_t *)(early + at) = size_bytes;
	return early + at + 16;
}

static size_t early_size(const void *ptr)
{
	return *(const size_t *)((const char *)ptr - 16);
}

static void *symbol(const char *name)
{
	void *address = dlsym(RTLD_NEXT, name);

	if (!address)
		prim_die("preload: the program has no %s()", name);
	return address;
}

static size_t choose_min_bytes(void)
{
	const char *text = prim_getenv(VARIABLE);
	char *end;
	unsigned long long value;

	if (!text || !*text)
		return DEFAULT_MIN_BYTES;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || value <= TAMALLOC_SMALL_BYTES) {
		prim_warn(VARIABLE "='%s' is not a number of bytes above %d; %zu is used", text,
			  TAMALLOC_SMALL_BYTES, DEFAULT_MIN_BYTES);
		return DEFAULT_MIN_BYTES;
	}
	return value;
}

/* Two threads at once find the same. calloc is last: it says that all are there. */
static void resolve(void)
{
	int error = errno;

	resolving = true;
	next.malloc = symbol("malloc");
	next.realloc = symbol("realloc");
	next.free = symbol("free");
	next.usable_size = symbol("malloc_usable_size");
	next.min_bytes = choose_min_bytes();
	__atomic_store_n(&next.calloc, symbol("calloc"), __ATOMIC_RELEASE);
	resolving = false;
	errno = error;
}

/* false: this thread is looking for them just now. */
static bool ready(void)
{
	if (__builtin_expect(!__atomic_load_n(&next.calloc, __ATOMIC_ACQUIRE), 0)) {
		if (resolving)
			return false;
		resolve();
	}
	return true;
}

__attribute__((constructor)) static void resolve_at_start(void)
{
	ready();
}

static bool is_ours(const void *ptr, struct ta__block *block)
{
	return ptr && (uintptr_t)ptr % prim_page_bytes() == 0 && ta__table_find(ptr, block);
}

EXPORT void *calloc(size_t n, size_t size_bytes)
{
	size_t product;

	if (__builtin_mul_overflow(n, size_bytes, &product)) {
		errno = ENOMEM;
		return NULL;
	}
	if (!ready())
		return early_alloc(product);
	if (product < next.min_bytes)
		return next.calloc(n, size_bytes);
	return tamalloc(product);
}

EXPORT void free(void *ptr)
{
	struct ta__block block;

	if (!ptr || is_early(ptr) || !ready())
		return;
	if (is_ours(ptr, &block))
		tafree(ptr);
	else
		next.free(ptr);
}

/* C23: glibc's own would not know ours. */
EXPORT void free_sized(void *ptr, size_t size_bytes);
EXPORT void free_sized(void *ptr, size_t size_bytes)
{
	(void)size_bytes;
	free(ptr);
}

EXPORT void free_aligned_sized(void *ptr, size_t align_bytes, size_t size_bytes);
EXPORT void free_aligned_sized(void *ptr, size_t align_bytes, size_t size_bytes)
{
	(void)align_bytes;
	(void)size_bytes;
	free(ptr);
}

/* A block of ours that becomes small goes to the next allocator: none of ours is small. */
static void *leave(void *ptr, size_t old_bytes, size_t new_bytes)
{
	void *moved = next.malloc(new_bytes);

	if (moved)
		memcpy(moved, ptr, smaller(old_bytes, new_bytes));
	return moved;
}

EXPORT void *realloc(void *ptr, size_t size_bytes)
{
	struct ta__block block;
	void *moved;

	if (!ready()) {
		moved = early_alloc(size_bytes);
		if (ptr && moved && is_early(ptr))
			memcpy(moved, ptr, smaller(early_size(ptr), size_bytes));
		return moved;
	}
	if (ptr && is_early(ptr))
		return leave(ptr, early_size(ptr), size_bytes);
	if (!is_ours(ptr, &block))
		return next.realloc(ptr, size_bytes);
	if (size_bytes >= next.min_bytes)
		return tarealloc(ptr, size_bytes);
	if (!size_bytes) { /* as glibc does */
		tafree(ptr);
		return NULL;
	}
	moved = leave(ptr, block.bytes, size_bytes);
	if (moved)
		tafree(ptr);
	return moved;
}

EXPORT void *reallocarray(void *ptr, size_t n, size_t size_bytes)
{
	size_t product;

	if (__builtin_mul_overflow(n, size_bytes, &product)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(ptr, product);
}

EXPORT size_t malloc_usable_size(void *ptr)
{
	struct ta__block block;

	if (!ptr || !ready())
		return 0;
	if (is_early(ptr))
		return early_size(ptr);
	return is_ours(ptr, &block) ? block.bytes : next.usable_size(ptr);
}
