/* SPDX-License-Identifier: MIT */
/*
 * What a run is going to do: cells (one per target x subject x workload x size x fill x
 * parameters), and for each either the repetitions or the reason why it cannot run here.
 *
 * A plan is a pure function of its options, the registries and the memory available: the same
 * options give the same cells in the same order, which is what resuming relies on.
 */
#ifndef TA_PLAN_H
#define TA_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "allocator.h"
#include "workload.h"

#define PLAN_MAX_LIST	     64
#define PLAN_SIZE_LIMIT	     (1ull << 47) /* user address space of x86-64: sizes are below it */
#define PLAN_MAX_REPETITIONS 1000
#define PLAN_MAX_THREADS     1024
#define CELL_ID_CHARS	     17
#define CELL_IDENTITY_CHARS  256

/*
 * What is measured where the user names no subjects or no workloads. Lists are comma-separated;
 * NULL: all. Of the subjects and workloads, those of the core meet each other and all the others;
 * two that are both outside of the core do not meet. Fills other than 0: the core only, unless
 * percents_for_fills. What the user names counts as core.
 */
struct scope {
	const char *subjects, *workloads;
	const char *core_subjects, *core_workloads;
};

struct profile {
	const char *name, *summary;
	uint64_t size_bytes;
	unsigned repetitions;
	unsigned overhead_pairs;  /* of the timeline's sampler, on and off */
	double gbench_min_time_s; /* of each benchmark of google-benchmark */
	const int64_t *percents;  /* values of a workload's parameter touched_pct */
	unsigned n_percents;
	bool percents_for_fills; /* fills other than 0 as widely as 0 */
	/* Of a workload's own sizes, every so many-th, and none above; if all are, just this one.
	 */
	unsigned size_step;
	uint64_t size_max_bytes;
	uint64_t vm_size_bytes;
	unsigned vm_s; /* about how long the virtual machine takes under emulation; 0: unknown */
	struct scope host, vm;
};

/* Under instruction counting two repetitions are enough: they differ by what really differs. */
#define VM_REPETITIONS 2

enum { TARGET_HOST = 1u << 0, TARGET_VM = 1u << 1 };

const struct profile *profile_find(const char *name); /* NULL if unknown */
const struct profile *profile_at(unsigned index);     /* NULL past the end */

/* What the user asked for. Lists hold registered names; an empty list means all. */
struct plan_options {
	const struct profile *profile;
	const struct allocator *subjects[PLAN_MAX_LIST];
	const struct workload *workloads[PLAN_MAX_LIST];
	uint64_t sizes_bytes[PLAN_MAX_LIST]; /* empty: each workload's own, or the profile's */
	unsigned char fills[PLAN_MAX_LIST];
	unsigned threads[PLAN_MAX_LIST]; /* of workloads that have several; empty: 1, 2, 4 ... up to
					    as many as there are processors */
	unsigned n_subjects, n_workloads, n_sizes, n_fills, n_threads;
	unsigned repetitions; /* 0: the profile's */
	unsigned timeout_s;   /* per sample */
	double precision; /* go on until intervals are as narrow, as a share; 0: no (precision.h) */
	unsigned precision_s; /* but no longer than so, for all samples together */
	uint64_t seed;
	/* Set by plan_expand() where a list was empty: see struct scope. */
	bool default_subjects, default_workloads;
	bool percents_for_fills; /* fills other than 0 as widely as 0 */
	bool perf_stat;		 /* each cell once more under perf stat */
	bool warm;		 /* memory is touched and freed before each sample: backing.h */
	uint64_t memory_available_bytes; /* what rule 10 is applied to */
	uint64_t huge_page_bytes; /* what one touch may commit with ALLOC_HUGE; 0: no THP here */
	bool thp_always;	  /* every subject may get huge pages */
	double touch_s; /* what the first touch of a page takes here, for estimates; 0: unknown */
	const char *worker_path; /* the taworker binary */
	unsigned targets;	 /* what is measured: TARGET_HOST, TARGET_VM or both */
	bool statistics;	 /* the rows of statistics.h as well */
	bool guest; /* this is the virtual machine: cells are of target vm, costs are instructions
		     */
};

struct cell {
	char id[CELL_ID_CHARS]; /* FNV-1a 64 of identity, 16 hex digits */
	char identity
		[CELL_IDENTITY_CHARS]; /* target|subject|workload|size_bytes|threads|fill|params
					*/
	bool guest;		       /* target vm */
	const struct allocator *subject;
	const struct workload *workload;
	uint64_t size_bytes;
	unsigned threads;
	unsigned char fill;
	int64_t params[WL_MAX_PARAMS]; /* in the order of workload->params */
	bool supported;
	char reason[200];	  /* why not, one sentence */
	uint64_t committed_bytes; /* expected at the fullest, an upper bound */
	double estimate_s;	  /* of one sample */
};

struct plan {
	struct plan_options options; /* with the profile's values filled in */
	struct cell *cells;
	unsigned n_cells, n_supported;
	unsigned n_turns;	/* of one block, see plan_turns() */
	double estimate_s;	/* of the samples */
	double estimate_rest_s; /* of what follows them: timelines, google-benchmark, report */
};

/* Expands options into plan. 0 or -ENOMEM. The caller frees with plan_free(). */
int plan_expand(struct plan *plan, const struct plan_options *options);
void plan_free(struct plan *plan);

/*
 * Fills order[0..n_cells) with the indices of the supported cells in the random order of one block
 * and returns how many. Every block holds each supported cell once, so allocators interleave.
 */
unsigned plan_block_order(const struct plan *plan, unsigned block, unsigned *order);

/*
 * The turns of one block of measurements. Every supported cell once (purpose "measure"); at most
 * PLAN_TWINS of them (the reference and others that last as long, spread over the plan), once more
 * at a place of their own ("aa"), all in one random order; and in between the canary ("canary"):
 * the cell of plan_reference_cell() at the beginning and after each PLAN_CANARY_EVERY turns. No aa
 * and no canary in the guest, where nothing drifts and costs are counted. turns has room for
 * plan_most_turns(); returns how many there are.
 */
#define PLAN_TWINS	  4
#define PLAN_CANARY_EVERY 100
struct turn {
	unsigned cell; /* index */
	const char *purpose;
	unsigned rep; /* of that cell and purpose */
};
unsigned plan_most_turns(const struct plan *plan);
unsigned plan_turns(const struct plan *plan, unsigned block, struct turn *turns);

/* Is the subject of the core (see struct scope)? Timelines are recorded of these only. */
bool plan_core_subject(const struct plan_options *options, const struct allocator *subject);

/* What the machine's drift and the cost of the timeline's sampler are measured on: pages faulted in
 * one by one. NULL if none. */
const struct cell *plan_reference_cell(const struct plan *plan);

/* A coin thrown for the pair of that number, the same each time for one seed. */
bool plan_coin(const struct plan *plan, unsigned pair);

/* Writes cell's identity; extra ("sampler=on"), if not NULL, counts as one more parameter. */
void cell_identity(const struct cell *cell, const char *extra, char out[CELL_IDENTITY_CHARS]);

/* "host", "vm", "host,vm" and back; 0 for what is none of them. */
const char *targets_name(unsigned targets);
unsigned targets_parse(const char *text);

/* "host" or "vm"; "monotonic" or "icount"; "ns" or "instructions". */
const char *cell_target(const struct cell *cell);
const char *cell_clock(const struct cell *cell);
const char *cell_cost_unit(const struct cell *cell);

/* Can the subject run here at all? If not, one sentence into reason. */
bool subject_supported(const struct allocator *subject, char *reason, size_t reason_bytes);

/* FNV-1a 64 of identity as 16 hex digits into id. */
void cell_id(const char *identity, char id[CELL_ID_CHARS]);

#endif
