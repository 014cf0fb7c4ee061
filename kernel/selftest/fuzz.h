/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fuzzer's model: what every byte of every mapping must be. A page is one
 * byte throughout (as the fill is), or data kept in a shadow.
 */
#ifndef TAM_FUZZ_H
#define TAM_FUZZ_H

#include "kselftest.h"
#include "tam_test.h"

#define FUZZ_PAGE	4096UL
#define MAX_PAGES	1200u		/* two huge pages and what is needed to align them */
#define SLOTS		16
#define TRACE_LINES	64

struct page_model {
	__u8 has_data;		/* in the shadow; else all bytes are .byte */
	__u8 byte;
	__u8 prot;
	__u8 freed : 1;		/* MADV_FREE: may turn into fill until it is written */
	__u8 locked : 1;
	__u8 wiped : 1;		/* MADV_WIPEONFORK */
};

/* One mapping; its parts may differ in protection and advice. */
struct slot {
	unsigned char *addr;		/* NULL: no mapping */
	unsigned char *shadow;
	unsigned int pages;
	unsigned char fill;
	struct page_model page[MAX_PAGES];
};

/* How the bytes of a page are read or written. */
enum via { VIA_USER, VIA_PIPE, VIA_PROCESS_VM, VIA_PROC_MEM, VIA_COUNT };

/* One stream of operations: a thread has one of its own, and a child a copy. */
struct fuzzer {
	__u64 rng;
	__u64 seed;
	int thread;			/* -1 in a child */
	bool alone;			/* no other thread in this process */
	bool plain;			/* mmap in the place of tamalloc, no tamstat */
	bool loud;			/* print each operation before it is done */
	unsigned long op;
	int pipe[2];
	int mem_fd;			/* /proc/self/mem */
	__u64 base_bytes;		/* reserved by what is not in a slot; 0: not known */
	struct slot slot[SLOTS];
	char trace[TRACE_LINES][96];
};

/* Uniform in [0, below). */
unsigned int pick(struct fuzzer *f, unsigned int below);

/* The next line of the trace, numbered by the operation. */
void tell(struct fuzzer *f, const char *format, ...) __printf(2, 3);

/* Print what is wrong and how it came about; ends the process with status 1. */
void fail(struct fuzzer *f, const char *format, ...) __printf(2, 3) __noreturn;

void fuzzer_init(struct fuzzer *f, __u64 seed, int thread, bool alone);
/* In a child, after fork: what it inherits. */
void fuzzer_became_child(struct fuzzer *f);

struct slot *slot_used(struct fuzzer *f);	/* a random one; NULL: none */
struct slot *slot_free(struct fuzzer *f);	/* NULL: none */
void slot_start(struct slot *s, unsigned char *addr, unsigned int pages, unsigned char fill);
void slot_extend(struct slot *s, unsigned int pages);
/* The pages from at on become a slot of their own; false if there is no room for it. */
bool slot_split(struct fuzzer *f, struct slot *s, unsigned int at);

/* The page is as if never touched. */
void page_fresh(struct slot *s, unsigned int i);
/* Compare with memory; fails if it is not as it must be. */
void page_check(struct fuzzer *f, struct slot *s, unsigned int i, enum via via);
/* Write to memory and model; the page must be writable (or via VIA_PROC_MEM). */
void page_write(struct fuzzer *f, struct slot *s, unsigned int i, unsigned int offset,
		unsigned int len, unsigned char value, enum via via);
void slots_check(struct fuzzer *f);

/* That many operations more. */
void some_operations(struct fuzzer *f, unsigned long count);
/* Wait for children, as waitpid with these flags; fails if one did not end well. */
void reap_children(struct fuzzer *f, int flags);

#endif /* TAM_FUZZ_H */
