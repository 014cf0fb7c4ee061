/* SPDX-License-Identifier: MIT */
/*
 * Each change of the resident sets of a process and its descendants, from the tracepoint
 * kmem:rss_stat through perf: one ring a CPU, filled by events that children and threads inherit.
 *
 * Contract. Not thread-safe. Errors are -errno with a sentence in reason that says what refused and
 * what would help.
 */
#ifndef TA_TIMELINE_EXACT_H
#define TA_TIMELINE_EXACT_H

#include "timeline.h"
#include "timeline_mms.h"
#include "timeline_parse.h"

struct exact_ring {
	int fd;	   /* that the others of this CPU write to */
	void *map; /* struct perf_event_mmap_page, then the data; NULL: this CPU has none */
};

struct exact_record; /* in timeline_exact.c */

struct exact {
	struct rss_stat_format format;
	size_t page_bytes, ring_bytes;
	struct exact_ring *rings;
	unsigned n_cpus;
	int *fds; /* all events */
	size_t n_fds, max_fds;
	struct exact_record
		*pending; /* read, not yet applied: another ring may hold earlier ones */
	size_t n_pending, max_pending, n_taken;
	struct mms mms;
	struct timeline_event *events;
	size_t n_events, max_events;
};

/* Of all rings together; a quarter of a million records: none lost at any rate seen. */
#define EXACT_RING_BYTES (8u << 20)

/* Prepares; ring_bytes of all rings together. After a refusal exact_close() need not be called. */
int exact_open(struct exact *e, size_t ring_bytes, char *reason, size_t reason_bytes);
/* Watches thread tid and what it will make; on_exec: from its next exec on, else from now on. */
int exact_watch(struct exact *e, pid_t tid, bool on_exec, char *reason, size_t reason_bytes);
/* What a process that is watched from now on has. 0 or -ENOMEM. */
int exact_attach(struct exact *e, pid_t pid, const int64_t bytes[MM_PARTS]);
/*
 * Takes what the rings hold into e->events. all: also the latest, which a record of another CPU
 * might precede. 0 or -ENOMEM.
 */
int exact_drain(struct exact *e, bool all);
uint64_t exact_total_bytes(const struct exact *e);  /* TIMELINE_UNKNOWN before the first event */
uint64_t exact_lost_records(const struct exact *e); /* that the rings had no room for */
void exact_close(struct exact *e);		    /* events stay: they are the caller's to free */

/* One raw record of the tracepoint; apart so that a test can feed it. 0 or -ENOMEM. */
int exact_record(struct exact *e, uint64_t t_ns, pid_t pid, pid_t tid, const void *raw,
		 size_t raw_bytes);

#endif
