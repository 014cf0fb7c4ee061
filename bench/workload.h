/* SPDX-License-Identifier: MIT */
/*
 * One way of using memory ("workload").
 *
 * Contract. A file bench/workloads/wl_<name>.c registers one workload; the build globs the files.
 * run() marks phases and never reads a clock: the worker does that at the marks. What is called in
 * a worker, in this order:
 *
 *	setup, (baseline), run { phase alloc, phase touch, ..., wl_settle, phase free }, teardown
 *
 * run() must call wl_settle() exactly once, outside any phase, when its memory is at its fullest:
 * there the worker reads the gauges and peaks and then calls check() (purpose measure: a checksum
 * over touched pages only) or verify() (purpose verify: every byte). setup() allocates and
 *prefaults whatever run() needs with mmap, never malloc; between setup and teardown a workload
 *takes memory only by wl_alloc().
 */
#ifndef TA_WORKLOAD_H
#define TA_WORKLOAD_H

#include "allocator.h"
#include "phase.h"

#define WL_TOUCH_BYTE 0x5a /* what a writing touch stores at the first byte of a page */
#define WL_MAX_PARAMS 4

struct wl_param {
	const char *name; /* NULL ends the table */
	const char *unit;
	int64_t fallback, min, max;
	const char *summary;
};

struct worker; /* private to worker.c */

/* What a workload sees. Fields above the line are set before setup(); the workload fills those
 * below. */
struct wl {
	size_t size_bytes;
	size_t page_bytes; /* base page size */
	unsigned char fill;
	unsigned threads;
	uint64_t seed;
	int64_t params[WL_MAX_PARAMS]; /* in the order of workload->params */
	struct worker *worker;
	/* ---- */
	struct block block;	 /* the main block, where there is one */
	uint64_t reserved_bytes; /* kept by wl_alloc */
	uint64_t touched_pages;
	uint64_t operations;  /* of workload->unit */
	uint64_t checksum;    /* set by check() */
	uint64_t expected;    /* what checksum must be */
	uint64_t wrong_bytes; /* set by verify(): 0 = right */
	uint64_t first_wrong; /* offset of the first wrong byte */
	void *priv;
};

struct workload {
	const char *name;    /* required */
	const char *summary; /* required: one line */
	const char *unit;    /* required: one operation, e.g. "page" */
	const struct wl_param *params;
	bool warm;	 /* measures recycled, not fresh, memory */
	bool reads_only; /* commits nothing on a lazy subject of fill 0 */
	bool special;	 /* runs only where it is named: no plan takes it by itself */
	bool computes; /* checksum and expected are a result, the same for every subject and fill */
	bool forks;    /* needs memory that a child has a copy of; commits up to twice as much */
	bool threaded; /* touches with as many threads as the cell says; others with one */
	size_t min_bytes; /* of the block */
	/* For time estimates: the time of one sample in that of touching pages() once; 0: 1. */
	double effort;
	bool several_blocks; /* holds more than one block at a time */
	/* Sizes at which it is measured where the user names none, ended by 0; NULL: the profile's.
	 */
	const uint64_t *sizes_bytes;
	/* Pages touched, for the plan's memory check and time estimate. Required. */
	uint64_t (*pages)(size_t size_bytes, size_t page_bytes, const int64_t *params);
	int (*setup)(struct wl *w);	/* optional */
	int (*run)(struct wl *w);	/* required */
	int (*check)(struct wl *w);	/* required */
	int (*verify)(struct wl *w);	/* required */
	void (*teardown)(struct wl *w); /* optional */
	struct workload *next;
};

void workload_register(struct workload *workload);
const struct workload *workload_first(void);
const struct workload *workload_find(const char *name);

/*
 * Can the subject, where it runs at all, be given that block by the workload? If not, one sentence
 * into reason.
 */
bool cell_possible(const struct allocator *allocator, const struct workload *workload,
		   size_t size_bytes, unsigned char fill, char *reason, size_t reason_bytes);

#define REGISTER_WORKLOAD(variable)                                        \
	__attribute__((constructor)) static void register_##variable(void) \
	{                                                                  \
		workload_register(&(variable));                            \
	}

/* Services of the worker. */
int wl_alloc(struct wl *w, size_t size_bytes,
	     struct block *block); /* by the subject; 0 or -errno */
int wl_release(struct wl *w, struct block *block);
void wl_phase_begin(struct wl *w, enum phase phase);
void wl_phase_end(struct wl *w);
int wl_settle(struct wl *w); /* gauges, then check() or verify(); 0 or -errno */

/*
 * Times of single operations, for workloads that exist for that. wl_laps_reserve() (in setup) makes
 * room for count of them; inside a phase, wl_laps_begin() starts the clock and each wl_lap() keeps
 * the time since the one before. What the clock costs is in each of them, and measured.
 */
int wl_laps_reserve(struct wl *w, uint64_t count); /* 0 or -errno */
void wl_laps_begin(struct wl *w);
void wl_lap(struct wl *w);

/* For "timeline", outside of phases. wl_mark() writes the line "CLOCK_MONOTONIC_ns name\n" to the
 * worker's
 * --marks-fd (nothing without one); wl_wait() sleeps for its --wait-ms. */
void wl_mark(struct wl *w, const char *name);
void wl_wait(struct wl *w);

#endif
