/* SPDX-License-Identifier: MIT */
/*
 * tamalloc: memory in which every byte reads as a byte of your choice, filled when it is touched.
 *
 * Contract
 *
 * - A block of N bytes reads as its fill byte (0 unless tamalloc_fill() said otherwise) in all of
 *   tamalloc_usable_size() bytes, until written. Blocks of more than TAMALLOC_SMALL_BYTES are
 *   reserved only: each page becomes resident on its own first access, by the program or by a
 *   system call on its behalf, also in a child after fork(). Smaller blocks come from slabs and
 *   cost no page of their own; one whose fill byte is not 0 is filled at once. Where transparent
 *   huge pages are set to "always", an access may make a huge page resident, as for mmap.
 * - Sizes are in bytes. 0 is taken as 1: a block that can be freed, as glibc's malloc(0).
 * - Every block starts at a multiple of 16; those above TAMALLOC_SMALL_BYTES at that of a page.
 * - Memory is private and not charged to the commit limit (MAP_NORESERVE), except where
 *   vm.overcommit_memory is 2.
 * - A function that returns NULL has set errno to ENOMEM, and changed nothing. There is no other
 *   error. Functions that succeed, and tafree(), leave errno as it was.
 * - A pointer that is no block, or was freed before, ends the program: one line on stderr, then
 *   abort(). NULL is taken where the function's comment says so.
 * - All functions may be called from any thread at the same time. A block may be freed by a thread
 *   other than the one that made it. After fork() the child may call all of them. They are not
 *   async-signal-safe, as malloc is not.
 * - Blocks are freed by tafree() or tarealloc() only, never free(). Do not munmap() or mremap()
 *   them: to resize, tarealloc(); to empty, tamalloc_discard(). mprotect(), madvise(), mlock() of
 *   parts are allowed; MADV_DONTNEED makes pages read as the fill byte again, but for the blocks
 *   that tamalloc_stats() counts as eager.
 *
 * Environment (ignored in set-user-ID programs): TAMALLOC_BACKEND=plain|syscall forces the layer.
 * TAMALLOC_ACCEL=1 turns the accelerator of the plain layer on: what is written in order is made
 * ahead, in huge pages where a run is long. It takes SIGTRAP for itself, unless the program handles
 * or ignores it when the first block of 2 MiB or more is made, until the program sets it. To know
 * that, libtamalloc.so needs libtamalloc-signals.so linked or preloaded before the C library, as
 * `pkg-config --libs tamalloc` does; else it stays off, with a line. A program that turns it on
 * must not wait for SIGTRAP by sigwait().
 */
#ifndef TAMALLOC_H
#define TAMALLOC_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Blocks up to this size come from slabs. */
#define TAMALLOC_SMALL_BYTES 32768

#if defined(__GNUC__)
#define TAMALLOC_RESULT_(...) __attribute__((warn_unused_result, ##__VA_ARGS__))
#else
#define TAMALLOC_RESULT_(...)
#endif

/* Frees the block. NULL is allowed. Keeps errno. */
void tafree(void *ptr);

/* A block of size_bytes that reads as 0. NULL: ENOMEM. The caller owns it, and tafree()s it. */
void *tamalloc(size_t size_bytes) TAMALLOC_RESULT_(malloc, alloc_size(1));

/* The same, reading as byte. */
void *tamalloc_fill(size_t size_bytes, unsigned char byte) TAMALLOC_RESULT_(malloc, alloc_size(1));

/* A block of n * size_bytes that reads as 0. NULL: ENOMEM, also when the product overflows. */
void *tacalloc(size_t n, size_t size_bytes) TAMALLOC_RESULT_(malloc, alloc_size(1, 2));

/*
 * The block with at least size_bytes, at the same address or another (then the old is freed).
 * What it held is kept up to the smaller of both usable sizes; what lies beyond the old usable size
 * reads as the fill byte the block was made with, and is as lazy. ptr NULL: as tamalloc().
 * NULL: ENOMEM, and the block stays as it was.
 */
void *tarealloc(void *ptr, size_t size_bytes) TAMALLOC_RESULT_(alloc_size(2));

/* Bytes that may be used in the block: at least those asked for. NULL: 0. */
size_t tamalloc_usable_size(const void *ptr);

/*
 * Bytes [offset_bytes, offset_bytes + length_bytes) of the block read as its fill byte again; whole
 * pages of them are given back to the system. The part beyond the usable size is ignored, so that
 * (ptr, 0, SIZE_MAX) is the whole block. Pages that are locked in memory are refilled and stay.
 * NULL: nothing happens.
 */
void tamalloc_discard(void *ptr, size_t offset_bytes, size_t length_bytes);

struct tamalloc_stats {
	char backend[16];	/* "plain" or "syscall": what large blocks are made by */
	uint64_t large_blocks;	/* blocks above TAMALLOC_SMALL_BYTES that are in use */
	uint64_t large_bytes;	/* address space of theirs */
	uint64_t eager_blocks;	/* of them, those filled at once, because no file could be made */
	uint64_t slab_bytes;	/* address space of the slabs of smaller blocks */
	uint64_t pattern_files; /* memfds in use (backend plain, fill bytes other than 0) */
	uint64_t pattern_bytes; /* memory of theirs: no mapping shows it as anonymous */
	/* Of the accelerator, since the program began: */
	uint64_t accel_is_on;	    /* 1: first touches are watched */
	uint64_t accel_runs;	    /* sequential runs seen */
	uint64_t accel_ahead_pages; /* made ahead of them, or left to huge pages; */
	uint64_t accel_used_pages;  /* of those, reached by their run */
};

/*
 * Writes the present state into *stats, of which the caller knows stats_bytes (sizeof *stats): a
 * later library cuts a longer structure short, an earlier one leaves the rest 0.
 */
void tamalloc_stats(struct tamalloc_stats *stats, size_t stats_bytes);

#ifdef __cplusplus
}
#endif

#endif
