/* SPDX-License-Identifier: MIT */
/*
 * Memory of a program over time, watched from outside: of a process and all its descendants.
 *
 * Contract. reserved_bytes is address space (VmSize), committed_bytes resident sets (anonymous,
 * file and shared-memory pages; the zero page, hugetlb pages and page tables count 0), each summed
 * over the processes: a page that several map counts in each, an address space that several share
 * (vfork) once. Faults are those of the processes since each began, and of the children that they
 * have waited for. Times are CLOCK_MONOTONIC in ns; in a CSV they count from the program's exec, or
 * from the beginning of the watch. Two sources:
 *
 *  - sampled: /proc/PID/statm and stat, read with pread(2) on descriptors opened once, on
 *    absolute deadlines, by a thread that preempts no one: on a busy machine deadlines are
 *    missed, and counted. The kernel keeps these counters per CPU, and many versions leave the
 *    CPUs' parts out: a sample may be off by timeline_batch_bytes() for each process.
 *  - exact: the tracepoint kmem:rss_stat through perf_event_open(2): each change, with the new
 *    total of its address space. Needs CAP_PERFMON (or root), tracefs and Linux 6.2 or newer.
 *
 * A program marks its phases by writing lines "CLOCK_MONOTONIC_ns name\n", or "name\n" for now, to
 * the descriptor whose number is in the environment variable TA_MARKS_FD (always
 * TIMELINE_MARKS_FD). Memory that the program caused to be held outside of any resident set (a
 * driver's) it tells with "CLOCK_MONOTONIC_ns name held=BYTES\n": in the samples from that mark to
 * the next, committed_bytes is then at least the resident set at the first mark plus BYTES (pages
 * of the driver that are mapped count in both).
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
	uint64_t minor_faults, major_faults;
	uint64_t processes;
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
 * Starts sampling process pid and its descendants each period_ns, in a thread of the caller's
 * process. At most 16,384 rows are kept: when they are full, every second one is dropped and the
 * period doubles. NULL with errno set where the process cannot be watched.
 */
struct sampler *sampler_start(pid_t pid, uint64_t period_ns);
/* Stops and joins the thread. The rows stay valid until sampler_free(). */
void sampler_stop(struct sampler *sampler);
const struct timeline_row *sampler_rows(const struct sampler *sampler, size_t *n_rows);
uint64_t
sampler_missed_ticks(const struct sampler *sampler); /* deadlines passed without a sample */
/* What it reads, while it is stopped. */
struct tree *sampler_tree(const struct sampler *sampler);
void sampler_free(struct sampler *sampler); /* NULL is fine */

/*
 * How far a sample may be from the truth, in bytes for each process: the kernel's counter batch
 * over all CPUs.
 */
uint64_t timeline_batch_bytes(void);

/* ---- A program's timeline ---- */

struct timeline_options {
	char *const *argv;   /* the program (searched in PATH) and its arguments, NULL-terminated */
	pid_t attach;	     /* or this process, which goes on afterwards; 0: none */
	const char *preload; /* LD_PRELOAD of the program, or NULL */
	bool exact;
	uint64_t period_ns;  /* of samples; 0: TIMELINE_PERIOD_NS */
	uint64_t timeout_ns; /* the program is killed, or left, after that; 0: never */
	int stdout_fd;	     /* becomes the program's standard output; -1: unchanged */
	const volatile sig_atomic_t
		*interrupt; /* the program is killed, or left, once it is not 0; or NULL */
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
	uint64_t start_ns; /* just before its exec, or when the watch began */
	bool exact;
	/* In all: also of what no sample met. Attached: as of the last sample. */
	uint64_t minor_faults, major_faults;
	uint64_t processes; /* that were met */
	uint64_t unwatched; /* not, for want of descriptors or rights */
	struct timeline_row *rows;
	struct timeline_mark *marks;
	struct timeline_event *events;
	size_t n_rows, n_marks, n_events;
	uint64_t missed_ticks;
	uint64_t lost_records; /* exact: records the kernel could not store */
	/* exact: at each mark, once a second, and before an attached process is left, the total is
	 * compared with Rss of smaps_rollup while all processes stand still; the last such pair,
	 * how many there were, and how many differed. */
	uint64_t final_bytes, smaps_bytes;
	unsigned smaps_checks, smaps_differences;
};

/*
 * Watches the program until it ends; its descendants may live on. Always fills *timeline (free it
 * with timeline_clear()); what was seen before a failure is kept. Returns 0 if timeline->outcome is
 * ok, else -1. Uses the caller's process for one thread, and as the one that orphans come to; not
 * to be called from several threads at once.
 */
int timeline_record(const struct timeline_options *options, struct timeline *timeline);
void timeline_clear(struct timeline *timeline);

/*
 * CSV with a header: t_ns,reserved_bytes,committed_bytes,minor_faults,major_faults,mark,end_ns,
 * processes. A sample was taken between t_ns and end_ns. A mark is a row of its own; unknown values
 * are empty (exact: a change between two samples gives committed_bytes only). Changes closer than
 * min_gap_ns are merged into the last of them. 0 or -errno.
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
