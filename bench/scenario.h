/* SPDX-License-Identifier: MIT */
/*
 * Scenarios: what becomes of a way of getting memory, and of its neighbours, where something is
 * short, shared or shaped: limits, overcommit, OOM, swap, fork, fragmentation, NUMA. They ask for
 * behaviour, never for speed. What must happen is a sentence and is asserted.
 *
 * Contract. A file scenarios/sc_<name>.c defines an array of cases and registers it with
 * REGISTER_SCENARIO(); the build globs the files, no list is edited. run() is called in a process
 * of its own, which leads a process group that is killed after it, or when its time is up; it says
 * what it saw through the functions below and returns. A case with needs_guest disturbs whatever
 * else runs on the machine: it is run in the virtual machine only.
 */
#ifndef TA_SCENARIO_H
#define TA_SCENARIO_H

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "allocator.h"
#include "plan.h"

#define SCENARIO_MAX_METRICS 8

struct scenario_result {
	enum { SCENARIO_HELD, SCENARIO_UNSUPPORTED, SCENARIO_BROKEN } state;
	char reason[256];   /* unless held: what is missing, or what was otherwise */
	char observed[256]; /* what happened, one sentence */
	struct {
		char name[32]; /* with its unit */
		double value;
	} metrics[SCENARIO_MAX_METRICS];
	unsigned n_metrics;
	bool guest;	      /* this is the virtual machine: it may be disturbed */
	char cleanup[2][400]; /* control groups to remove afterwards, "" for none */
};

struct scenario_case {
	const char *scenario, *name; /* of the rows: workload, and parameter case */
	const char *subject;	     /* an allocator's name */
	const char *expected;	     /* what must happen, a sentence without a full stop */
	uint64_t size_bytes;	     /* of its largest block */
	int64_t value;		     /* the scenario's own */
	bool needs_guest;
	void (*run)(const struct scenario_case *c, struct scenario_result *r);
};

struct scenario {
	const struct scenario_case *cases;
	unsigned n;
	struct scenario *next;
};

void scenario_register(struct scenario *scenario);
const struct scenario *scenario_first(void); /* sorted by name */

#define REGISTER_SCENARIO(array)                                                             \
	static struct scenario scenario_##array = {.cases = array,                           \
						   .n = sizeof(array) / sizeof((array)[0])}; \
	__attribute__((constructor)) static void register_scenario_##array(void)             \
	{                                                                                    \
		scenario_register(&scenario_##array);                                        \
	}

/* ---- for those who run cases ---- */

/*
 * Runs c and returns its row: a line of samples.jsonl of kind "scenario". Returns NULL where
 * *interrupt became set meanwhile, or memory ran out.
 */
json_t *scenario_row(const struct scenario_case *c, const char *run_id, bool guest,
		     const volatile sig_atomic_t *interrupt);
void scenario_cell_id(const struct scenario_case *c, bool guest, char id[CELL_ID_CHARS]);

/* ---- for cases ---- */

/* One sentence each; the first reason stands. */
void scenario_unsupported(struct scenario_result *r, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void scenario_broken(struct scenario_result *r, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void scenario_observed(struct scenario_result *r, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void scenario_metric(struct scenario_result *r, const char *name, double value);

/* The subject's block of so many bytes that read as 0. 0 or -errno; a subject that cannot run here
 * is -ENOTSUP and the reason is in r. */
int scenario_take(const struct scenario_case *c, struct scenario_result *r, size_t bytes,
		  struct block *block);

/* Writes one byte to each stride-th page. */
void scenario_write(void *addr, size_t bytes, size_t stride_pages, unsigned char value);
/* How many of these pages do not begin with the byte, and of the pages between, with 0. */
size_t scenario_wrong(const void *addr, size_t bytes, size_t stride_pages, unsigned char value);

/* Of the mappings in that range, the sum of a field of smaps ("Private_Dirty"). */
uint64_t scenario_smaps_bytes(const void *addr, size_t bytes, const char *field);
/* Minor faults of this process up to now. */
uint64_t scenario_faults(void);
/* How this process weighs for the out-of-memory killer. 0 or -errno. */
int scenario_oom_score_adj(int value);

/*
 * A member: a child that runs act(), which calls member_ready() and then member_wait(). Its exit
 * status is what act() returns.
 */
struct member {
	pid_t pid;
	int fd;
};

void member_start(struct member *member, int (*act)(int fd, void *arg), void *arg);
void member_ready(int fd);
void member_wait(int fd);
/* Until it has called member_ready(); false if it ended before. */
bool member_is_ready(struct member *member);
void member_go(struct member *member);
/* Its exit status, 128 + N if signal N ended it. */
int member_end(struct member *member);

#endif
