/* SPDX-License-Identifier: MIT */
/*
 * One way of getting initialised memory ("subject").
 *
 * Contract. A file allocators/alloc_<name>.c defines one strategy (or one family that shares its
 * code) and registers it with REGISTER_ALLOCATOR(); the build globs the files, no list is edited.
 * The name says the whole subject and never changes its meaning. The same objects are linked into
 * the worker, which calls them, and into tabench, which only lists them and asks supported().
 *
 * The worker is single-threaded while it calls these hooks, except that alloc/release of the
 * "threads" workloads may be called from several threads at once: keep no unlocked state in
 * statics. Hooks return 0 or -errno, print nothing, and use libc only. A subject other than a
 * malloc must not call malloc. Every pointer passes through launder() so that the compiler cannot
 * fold malloc+memset into calloc or drop an allocation it sees freed.
 */
#ifndef TA_ALLOCATOR_H
#define TA_ALLOCATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	ALLOC_LAZY = 1u << 0,	      /* fill 0: nothing becomes resident at allocation */
	ALLOC_LAZY_FILL = 1u << 1,    /* the same for a fill byte other than 0 */
	ALLOC_FILL_ANY = 1u << 2,     /* can give any fill byte (eagerly, unless ALLOC_LAZY_FILL) */
	ALLOC_NEEDS_KERNEL = 1u << 3, /* needs the kernel with tamalloc, or one of its modules */
	ALLOC_NEEDS_ROOT = 1u << 4,
	ALLOC_NO_FREE = 1u << 5,   /* release gives nothing back (null, arenas) */
	ALLOC_HUGE = 1u << 6,	   /* asks for huge pages: one touch may commit a whole one */
	ALLOC_ONE_BLOCK = 1u << 7, /* holds one block at a time */
	ALLOC_SHARED = 1u << 8,	   /* a forked child has the same memory, not a copy */
	ALLOC_POOL = 1u << 9,	   /* takes its pages from the pool of vm.nr_hugepages */
	ALLOC_HUGE_RUNS =
		1u << 10, /* asks for huge pages where touches come in order, only there */
};

/* Built with AddressSanitizer, whose malloc and new cannot be replaced? */
#ifdef __SANITIZE_ADDRESS__
#define TA_SANITISED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TA_SANITISED true
#endif
#endif
#ifndef TA_SANITISED
#define TA_SANITISED false
#endif

/* State of one worker's use of an allocator. priv belongs to the allocator. */
struct alloc_ctx {
	void *priv;
	char backend[32]; /* which layer served, if the subject has several; else empty */
};

/* One allocation. */
struct block {
	void *addr;
	size_t bytes;	 /* address space obtained, at least the size asked for */
	bool holds_fill; /* every byte reads as the fill byte now (false: may be dirty) */
	uintptr_t handle;
};

/* Bytes the subject's blocks hold that smaps' Anonymous, Swap and Hugetlb lines do not show. */
struct alloc_held {
	uint64_t shmem_or_memfd_bytes;
	uint64_t driver_bytes;
};

struct allocator {
	const char *name;    /* required: as typed, e.g. "mmap/noreserve" */
	const char *summary; /* required: one line */
	unsigned flags;
	/* A malloc library: the file that the worker is started under by LD_PRELOAD and that calloc
	 * must then come from; or NULL. */
	const char *preload;
	const char *library; /* one that it opens at run time, or NULL */
	const char *package; /* Debian's, that has what it needs beside the C library, or NULL */
	/* The program beside tabench that is started in the worker's place, or NULL. */
	const char *worker;
	/* The size of huge pages in sysfs ("64kB") that alone may be given while the worker runs,
	 * a setting of the whole machine (bench/knobs.h); or NULL. */
	const char *mthp_size;

	/* Optional: what else it needs to run here. If not, one sentence into reason (what is
	 * missing, what would help). Call allocator_supported(). */
	bool (*supported)(char *reason, size_t reason_bytes);
	/* Optional: called once before the baseline, unmeasured. */
	int (*prepare)(struct alloc_ctx *ctx, size_t size_bytes, unsigned char fill);
	/* Required: size_bytes of memory in which each byte reads as fill. -ENOMEM where it cannot
	 * be had; size 0: -EINVAL, or a block of 0 bytes that release takes. */
	int (*alloc)(struct alloc_ctx *ctx, size_t size_bytes, unsigned char fill,
		     struct block *block);
	/* Required: gives the block back. */
	int (*release)(struct alloc_ctx *ctx, struct block *block);
	/* Optional: gives everything back, also what a library caches. */
	void (*reset)(struct alloc_ctx *ctx);
	/* Optional: see struct alloc_held. */
	void (*held)(struct alloc_ctx *ctx, struct alloc_held *held);

	struct allocator *next; /* set by the registry */
};

/* The registry: sorted by name, "null" first. Built by constructors before main(). */
void allocator_register(struct allocator *allocator);
const struct allocator *allocator_first(void);
const struct allocator *allocator_find(const char *name); /* NULL if unknown */
/*
 * Can the subject run on this machine, as far as can be told without trying? If not, one sentence
 * into reason.
 */
bool allocator_supported(const struct allocator *allocator, char *reason, size_t reason_bytes);
/* Registers calloc of the user's library at path (absolute) under that name: once in a process. */
const struct allocator *allocator_preload(const char *name, const char *path);

#define REGISTER_ALLOCATOR(variable)                                       \
	__attribute__((constructor)) static void register_##variable(void) \
	{                                                                  \
		allocator_register(&(variable));                           \
	}

#define REGISTER_ALLOCATORS(array)                                            \
	__attribute__((constructor)) static void register_##array(void)       \
	{                                                                     \
		for (size_t i = 0; i < sizeof(array) / sizeof(*(array)); i++) \
			allocator_register(&(array)[i]);                      \
	}

/* The compiler loses sight of where the pointer came from. */
static inline void *launder(void *pointer)
{
	__asm__ volatile("" : "+r"(pointer) : : "memory");
	return pointer;
}

#endif
