/* SPDX-License-Identifier: MIT */
/*
 * The sum of resident sets, kept up by the records of the tracepoint kmem:rss_stat and by those of
 * forks and exits.
 *
 * Contract. A record tells an address space (mm_id, a hash) and its new total of one kind. Tasks of
 * the tree also raise records about others' address spaces (reclaim, writing into another process):
 * an address space counts once a task of the tree runs in it (curr), or has made it by fork. It
 * leaves when it is torn down, or its last process has ended. Records must come in the order of
 * time. Pure but for is_gone; not thread-safe.
 */
#ifndef TA_TIMELINE_MMS_H
#define TA_TIMELINE_MMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum mm_part { MM_FILE, MM_ANON, MM_SHMEM, MM_PARTS };

struct mm {
	uint32_t id;
	bool counts, id_known;
	bool exiting;  /* a thread of pid ended, and no record came since */
	pid_t pid;     /* that runs in it; 0: none has yet */
	pid_t made_by; /* thread whose record was the first of it */
	int64_t bytes[MM_PARTS];
};

struct mms {
	struct mm *items;
	size_t n, room, last;
	int64_t sum_bytes;
	bool any; /* a record has counted: the sum is known */
	/* Has every thread of the process ended? */
	bool (*is_gone)(pid_t pid);
};

/* All return 0 or -ENOMEM. */
int mms_change(struct mms *mms, uint32_t id, bool curr, pid_t pid, pid_t tid, enum mm_part part,
	       int64_t bytes);
/* A process that is there already, with what it has. */
int mms_attach(struct mms *mms, pid_t pid, const int64_t bytes[MM_PARTS]);
/* Thread parent_tid made process (or, with the same pid as its own process, thread) pid. */
void mms_fork(struct mms *mms, pid_t pid, pid_t parent_pid, pid_t parent_tid);
void mms_exit(struct mms *mms, pid_t pid, pid_t tid);
/* Drops what nobody told of the end of: who looks at a process as it ends has to tear it down. */
void mms_sweep(struct mms *mms);
void mms_clear(struct mms *mms);

#endif
