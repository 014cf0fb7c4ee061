/* SPDX-License-Identifier: MIT */
/*
 * Memory of a process over time, watched from outside.
 *
 * Contract. reserved_bytes is the process's address space (VmSize), committed_bytes its resident
 * set (anonymous, file and shared-memory pages; the zero page, hugetlb pages and page tables count
 * 0). Times are CLOCK_MONOTONIC in ns; in a CSV they count from the program's exec. Two sources:
 *
 *  - sampled: /proc/PID/statm and stat, read with pread(2) on descriptors opened once, on
 *    absolute deadlines, by a thread that allocates nothing and preempts no one: on a busy
 *    machine deadlines are missed, and counted. The kernel keeps these counters per CPU, and many
 *    versions leave the CPUs' parts out: a sample may be off by timeline_batch_bytes().
 *  - exact: the tracepoint kmem:rss_stat through perf_event_open(2): each change of the main
 *    thread, with its total. Needs CAP_PERFMON (or root), tracefs and Linux 6.2 or newer.
 *
 * A program marks its phases by writing lines "CLOCK_MONOTONIC_ns name\n" to the descriptor whose
 * number is in the environment variable TA_MARKS_FD (always TIMELINE_MARKS_FD). Memory that the
 * program caused to be held outside of any resident set (a driver's) it tells with
 * "CLOCK_MONOTONIC_ns name held=BYTES\n": in the samples from that mark to the next,
 * committed_bytes is then at least the resident set at the first mark plus BYTES (pages of the
 * driver that are mapped count in both).
 */
#ifndef TA_TIMELINE_H
#define TA_TIMELINE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "allocator.h"

#define TIMELINE_UNKNOWN    UINT64_MAX
#define TIMELINE_MARKS_FD   100
#define TIMELINE_PERIOD_NS  1000000ull /* 1 kHz */
#define TIMELINE_MARK_BYTES 24

struct timeline_row {
	uint64_t t_ns, end_ns; /* clock before and after the reads: the values hold in between */
	uint64_t reserved_bytes, committed_bytes;
	uint64_t minor_faults,
		major_faults; /* since the process began, its exited children not counted */
};

struct timeline_mark {
	uint64_t t_ns;
	char name[TIMELINE_MARK_BYTES];
	uint64_t held_bytes; /* 0 if the mark does not say */
};

struct timeline_event { /* exact mode */
	uint64_t t_ns, committed_bytes;
};

/* ---- The sampler alone (also for measuring what sampling costs) ---- */

struct sampler;

/*
 * Starts sampling process pid each period_ns, in a thread of the caller's process. At most 65,536
 * rows are kept: when they are full, every second one is dropped and the period doubles. NULL with
 * errno set where the process cannot be watched.
 */
struct sampler *sampler_start(pid_t pid, uint64_t period_ns);
/* Stops and joins the thread. The rows stay valid until sampler_free(). */
void sampler_stop(struct sampler *sampler);
const struct timeline_row *sampler_rows(const struct sampler *sampler, size_t *n_rows);
uint64_t
sampler_missed_ticks(const struct sampler *sampler); /* deadlines passed without a sample */
void sampler_free(struct sampler *sampler);	     /* NULL is fine */

/* How far a sample may be from the truth, in bytes: the kernel's counter batch over all CPUs. */
uint64_t timeline_batch_bytes(void);

/* ---- A program's timeline ---- */

struct timeline_options {
	char *const *argv;   /* the program (searched in PATH) and its arguments, NULL-terminated */
	const char *preload; /* LD_PRELOAD of the program, or NULL */
	bool exact;
	uint64_t period_ns;  /* of samples; 0: TIMELINE_PERIOD_NS */
	uint64_t timeout_ns; /* the program is killed after that; 0: never */
	int stdout_fd;	     /* becomes the program's standard output; -1: unchanged */
	const volatile sig_atomic_t
		*interrupt; /* the program is killed once it is not 0; or NULL */
};

enum timeline_outcome {
	TIMELINE_OK,
	TIMELINE_UNSUPPORTED, /* exact mode refused: reason says by what and what would help */
	TIMELINE_FAILED, /* not started, not watched, killed or ended by a signal: see reason */
};

struct timeline {
	enum timeline_outcome outcome;
	char reason[200];  /* one sentence where outcome is not ok */
	int exit_status;   /* of the program, -1 where it has none */
	uint64_t start_ns; /* just before its exec */
	bool exact;
	struct timeline_row *rows;
	struct timeline_mark *marks;
	struct timeline_event *events;
	size_t n_rows, n_marks, n_events;
	uint64_t missed_ticks;
	uint64_t lost_records; /* exact: records the kernel could not store */
	/* exact: at each mark the total is compared with Rss of smaps_rollup while the program
	 * stands still; the last such pair, how many there were, and how many differed. */
	uint64_t final_bytes, smaps_bytes;
	unsigned smaps_checks, smaps_differences;
};

/*
 * Runs the program under watch until it ends. Always fills *timeline (free it with
 * timeline_clear()); what was seen before a failure is kept. Returns 0 if timeline->outcome is ok,
 * else -1. Uses the caller's process for one thread; not to be called from several threads at once.
 */
int timeline_record(const struct timeline_options *options, struct timeline *timeline);
void timeline_clear(struct timeline *timeline);

/*
 * CSV with a header: t_ns,reserved_bytes,committed_bytes,minor_faults,major_faults,mark. A mark is
 * a row of its own; unknown values are empty (exact: a change between two samples gives
 * committed_bytes only). Changes closer than min_gap_ns are merged into the last of them. 0 or
 * -errno.
 */
int timeline_write_csv(FILE *file, const struct timeline *timeline, uint64_t min_gap_ns);

/* ---- Every subject of a run ---- */

struct timeline_run {
	const char *run_dir; /* must exist */
	const char *worker;  /* path of taworker */
	const struct allocator *const *subjects;
	size_t n_subjects;
	uint64_t size_bytes;
	unsigned char fill;
	uint64_t timeout_ns;			/* of one worker; 0: 60 s */
	const volatile sig_atomic_t *interrupt; /* or NULL */
};

/*
 * Runs the worker's workload "timeline" for each subject, sampled and exact, and writes
 * run_dir/timeline/<slug>.csv, <slug>-exact.csv and, one line for each of them, index.csv:
 * subject,mode,outcome,reason,csv,rows,missed_ticks,lost_records,final_bytes,smaps_bytes.
 * (index.csv appears when all are done.) One line on stderr for what failed; exact mode refused is
 * said once. Returns the number of subjects whose sampled timeline failed, or -errno where nothing
 * could be written.
 */
int timeline_run_all(const struct timeline_run *run);

#endif
