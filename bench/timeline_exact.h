/* SPDX-License-Identifier: MIT */
/* Each change of a process's resident set, from the tracepoint kmem:rss_stat through perf. */
#ifndef TA_TIMELINE_EXACT_H
#define TA_TIMELINE_EXACT_H

#include "timeline.h"
#include "timeline_parse.h"

struct exact {
	int fd;
	struct rss_stat_format format;
	void *ring; /* struct perf_event_mmap_page, then the data */
	size_t page_bytes, ring_bytes;
	uint32_t mm_id;
	int64_t file_bytes, anon_bytes, shmem_bytes; /* last known totals */
	struct timeline_event *events;
	size_t n_events, max_events;
};

#define EXACT_RING_BYTES                                                         \
	(8u << 20) /* a quarter of a million records: none lost at any rate seen \
		    */

/*
 * Watches process pid from its next exec on (its main thread); ring_bytes is a power of two of
 * pages. 0, or -errno with a sentence in reason that says what refused and what would help; then
 * exact_close() need not be called.
 */
int exact_open(struct exact *e, pid_t pid, size_t ring_bytes, char *reason, size_t reason_bytes);
/* Takes what the ring holds into e->events. 0 or -ENOMEM. */
int exact_drain(struct exact *e);
uint64_t exact_total_bytes(const struct exact *e);  /* TIMELINE_UNKNOWN before the first event */
uint64_t exact_lost_records(const struct exact *e); /* that the ring had no room for */
void exact_close(struct exact *e);		    /* events stay: they are the caller's to free */

/* One raw record of the tracepoint at time t_ns; apart so that a test can feed it. 0 or -ENOMEM. */
int exact_record(struct exact *e, uint64_t t_ns, const void *raw, size_t raw_bytes);

#endif
