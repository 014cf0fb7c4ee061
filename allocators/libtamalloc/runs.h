/* SPDX-License-Identifier: MIT */
/*
 * Recognises sequential runs of first writes among a thread's page faults, and makes memory ahead
 * of them: pages, or huge pages where a run is long and the fill byte 0.
 *
 * What is made ahead and never used is bounded: at most a fifth of what is known to be written by
 * the thread; with huge pages 27 per cent, whatever the thread does next. Advice and populating
 * never change what memory reads as, so that a wrong guess costs memory or time, never a byte.
 *
 * Called from a signal handler: nothing here takes a lock or allocates.
 */
#ifndef TA_RUNS_H
#define TA_RUNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TA__N_RUNS 4 /* that a thread may have at once */

struct ta__region {
	uintptr_t lo, hi; /* lo 0: none */
	bool may_be_huge;
};

struct ta__run {
	uintptr_t next;	      /* the page whose fault continues it */
	uintptr_t advised[2]; /* [lo, hi) has been advised to be huge */
	size_t pages;	      /* written so far; 0: no run */
	size_t ahead;	      /* pages made, or to be huge, between the last fault and next */
	size_t made;	      /* those of ahead that the last fault did not make itself */
	size_t unproved;      /* such pages, whose end was reached: by the run, or by chance */
	size_t others;	      /* of ahead and unproved, those that other threads had made */
	size_t huge_from;     /* pages: until then no huge ones; they did not come, or were dear */
	size_t small_pages;   /* made one by one while every fault was seen, */
	uint64_t small_ns;    /* and the thread's time until they were written */
	unsigned long stamp;  /* when it was last continued */
	bool descends;
	bool made_huge; /* a huge page of single ones is the last that was made */
};

struct ta__runs {
	struct ta__run runs[TA__N_RUNS];
	uintptr_t last; /* page of the fault before */
	size_t written; /* pages known to be written, */
	size_t typical; /* length of the last run that ended, in pages */
	size_t wasted;	/* and pages made ahead in vain, as far as known */
	uint64_t at_ns; /* the thread's time at the last fault */
	int credit;	/* what watching every fault is still worth */
	bool watches;	/* every fault is seen, else one in many */
	unsigned long now;
};

/* Since the program began, of all threads. */
struct ta__runs_count {
	uint64_t runs, ahead_pages, used_pages;
};

/* How the pages of the process are known. -1: closed. */
void ta__runs_begin(int pagemap);
/*
 * A fault of this thread at page, in the region, that the kernel has resolved. every: all faults
 * are reported now. Returns whether they should be from here on.
 */
bool ta__runs_fault(struct ta__runs *runs, const struct ta__region *region, uintptr_t page,
		    bool every);
/* A fault outside of all regions, while all are reported. */
bool ta__runs_other_fault(struct ta__runs *runs);
/* Were huge pages ever asked for? */
bool ta__runs_has_advised(void);
void ta__runs_get_count(struct ta__runs_count *count);

#endif
