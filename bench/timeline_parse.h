/* SPDX-License-Identifier: MIT */
/* The texts that a timeline is read from, parsed. Pure functions; false (or -errno) on what they do
 * not know. */
#ifndef TA_TIMELINE_PARSE_H
#define TA_TIMELINE_PARSE_H

#include "timeline.h"

/* /proc/PID/statm: reserved_bytes and committed_bytes. False also where there is no memory left
 * (zombie). */
bool timeline_parse_statm(const char *text, uint64_t page_bytes, struct timeline_row *row);

struct timeline_stat {
	char state;
	pid_t parent;
	unsigned threads;
	uint64_t minor_faults, major_faults; /* of its threads, also of those that have ended */
	uint64_t waited_minor_faults,
		waited_major_faults; /* of the children that it has waited for */
};

/* /proc/PID/stat. The command name may hold spaces and parentheses. */
bool timeline_parse_stat(const char *text, struct timeline_stat *stat);

/* One line of a program's marks, "NS name" or "name" (then at now_ns), without its newline. */
bool timeline_parse_mark(const char *line, uint64_t now_ns, struct timeline_mark *mark);

#define RSS_STAT_MAX_BYTES 256u

/* Where the fields of kmem:rss_stat are in a raw record. */
struct rss_stat_format {
	unsigned id; /* of the event, for perf_event_open */
	unsigned mm_id_offset, curr_offset, member_offset, size_offset, record_bytes;
	int file_member, anon_member,
		shmem_member; /* values of the field "member"; shmem: -1 if unknown */
};

/* tracefs' events/kmem/rss_stat/format. 0, or -EPROTO where a field is missing or has another
 * width. */
int timeline_parse_format(const char *text, struct rss_stat_format *format);

#endif
