/* SPDX-License-Identifier: MIT */
/*
 * Every call to the operating system that the library makes, but for threads (lock.c, cache.c).
 *
 * Contract: sizes and offsets are multiples of the page size. What returns a pointer returns NULL
 * on failure, what returns bool false, what returns a descriptor -1; errno is then the kernel's.
 */
#ifndef TA_PRIM_H
#define TA_PRIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Identity of an open file: a descriptor's number alone may have been closed and used again. */
struct prim_file_id {
	uint64_t dev, ino;
};

size_t prim_page_bytes(void);
/* How many mappings a process may have (vm.max_map_count). */
size_t prim_max_maps(void);

/* Private anonymous memory, reading as 0. charged: counted against the commit limit. */
void *prim_map(size_t bytes, bool charged);
/* Address space without access, to be covered by prim_map_file(). */
void *prim_reserve(size_t bytes);
/* Private view of a file at exactly this address; over what is there, or EEXIST if there is. */
bool prim_map_file(void *at, size_t bytes, int fd, size_t offset, bool over);
void prim_unmap(void *addr, size_t bytes);
/* mremap: larger or smaller, perhaps elsewhere. Fails where the range is several mappings. */
void *prim_resize(void *addr, size_t bytes, size_t new_bytes);
/* Is the range one mapping, or a part of one? It never is where mremap is refused. */
bool prim_is_one_mapping(void *addr, size_t bytes);
/* mremap: the pages to exactly another address, over what is there. Before Linux 6.17 a range of
 * several mappings fails, when what was there is gone already. */
bool prim_move(void *from, size_t bytes, void *to);
/* Forgets the pages: they read as a fresh mapping does. Fails if they are locked. */
bool prim_discard(void *addr, size_t bytes);

/* The tamalloc system call: not to be tried where a filter may kill the process for an unknown
 * call. */
bool prim_is_filtered(void);
bool prim_has_tamalloc(void);
void *prim_tamalloc(size_t bytes, unsigned char fill);

/* A sealed file of bytes, in memory, each being fill. */
int prim_pattern_file(size_t bytes, unsigned char fill, struct prim_file_id *id);
bool prim_is_file(int fd, const struct prim_file_id *id);
void prim_close(int fd);

/* Makes the pages, as writing to them would. Linux 5.14. */
bool prim_populate(void *addr, size_t bytes);

/* ---- for the accelerator ---- */

/* Did it fail because this kernel cannot? */
bool prim_kernel_cannot(void);
/* Faults there shall make huge pages. */
bool prim_advise_huge(void *addr, size_t bytes);
/*
 * A huge page in place of the single ones that are there and of those that are not; [addr,
 * addr + bytes) is one's, and single pages are made there afterwards as before. Linux 6.1.
 */
bool prim_make_huge(void *addr, size_t bytes);
/* Faults there shall make single pages. */
bool prim_advise_small(void *addr, size_t bytes);
/* Does this machine make huge pages for anonymous memory where they are asked for? */
bool prim_has_huge_pages(void);

/* /proc/self/pagemap. -1: cannot be read. */
int prim_open_pagemap(void);
/* Which of count pages from addr on (at most 64) the process has made its own by writing. */
bool prim_own_pages(int pagemap, uintptr_t addr, size_t count, bool *own);

/* Is a debugger or tracer attached? */
bool prim_is_traced(void);
/* Known for certain; false: perhaps. */
bool prim_is_single_threaded(void);
int prim_process_id(void);
int prim_thread_id(void);
/* Processor time of the calling thread. */
uint64_t prim_thread_ns(void);
bool prim_thread_is_alive(int thread_id);
/* Calls visit for each thread of the process but the calling one. false: they cannot be listed. */
bool prim_other_threads(void (*visit)(int thread_id));

/*
 * An event that sends SIGTRAP to a thread (0: the calling one) on every period-th page fault in
 * user mode, with the address and the cookie (prim_trap()). It is off. shared: threads made later
 * have it too. *id tells it from other files under its number.
 */
int prim_fault_event(int thread_id, uint64_t period, bool shared, uint64_t cookie, uint64_t *id);
bool prim_event_switch(int fd, bool on);
/* Of the event itself, not of those that threads made later have of it. The next fault counts. */
void prim_event_period(int fd, uint64_t id, uint64_t period);
/* Closes it, if the number still is that event. */
void prim_event_close(int fd, uint64_t id);

enum prim_disposition { PRIM_DEFAULT, PRIM_OURS, PRIM_OTHER };

struct prim_trap {
	uintptr_t addr;
	uint64_t cookie;
	bool late; /* the signal was blocked: the fault is long past */
};

/* Who handles SIGTRAP. handler returns false for a trap that is not its own: as by default then. */
enum prim_disposition prim_trap_disposition(void);
bool prim_trap_install(bool (*handler)(const struct prim_trap *trap));

const char *prim_getenv(const char *name);
/* One line on stderr. */
void prim_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same, and abort(). */
void prim_die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
