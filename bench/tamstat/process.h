/* SPDX-License-Identifier: MIT */
/*
 * Memory of processes, and where its numbers come from.
 *
 * Contract. Sizes are in bytes: those of /proc/PID/status, whichever source is asked. A source
 * finds each process that is there all the time exactly once; those that come and go meanwhile may
 * or may not be met. Not thread-safe; errors are -errno.
 */
#ifndef TA_PROCESS_H
#define TA_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum size {
	SIZE_RESERVED,	/* VmSize: address space obtained */
	SIZE_COMMITTED, /* VmRSS: anon + file + shmem */
	SIZE_ANON,
	SIZE_FILE,
	SIZE_SHMEM,
	SIZE_SWAP,
	SIZE_PEAK, /* VmHWM: the most that was committed; no total */
	SIZE_PAGE_TABLES,
	SIZE_COUNT,
};

#define NAME_BYTES    64
#define UID_UNKNOWN   ((uid_t)-1)
#define COUNT_UNKNOWN UINT64_MAX

struct process {
	pid_t pid;
	uid_t uid;	 /* effective; UID_UNKNOWN where the source does not tell */
	bool has_memory; /* false: kernel thread or zombie, sizes are 0 */
	int oom_score, oom_score_adj;
	uint64_t sizes[SIZE_COUNT];
	char name[NAME_BYTES]; /* any bytes but 0; not escaped */
};

struct process_list {
	struct process *items;
	size_t n, room;
	size_t hidden; /* processes that are there but may not be read (hidepid) */
};

struct total {
	uint64_t processes;
	uint64_t address_spaces; /* shared ones once; COUNT_UNKNOWN: they count in each process */
	uint64_t hidden;
	uint64_t sizes[SIZE_COUNT];
};

struct source {
	const char *name;
	/*
	 * keep: the same processes will be read again and again, so keep files open. -ENOSYS where
	 * this machine has no such source.
	 */
	int (*open)(bool keep);
	/* Every process in ascending order of PID, in place of what list holds. */
	int (*read_all)(struct process_list *list);
	/* -ESRCH: no such process; -EACCES: it may not be read. */
	int (*read_one)(pid_t pid, struct process *process);
	/* Over all processes. */
	int (*read_total)(struct total *total);
	void (*close)(void);
};

extern const struct source source_syscall, source_proc;

/* A new last item of list, all 0; NULL: no memory. */
struct process *process_list_add(struct process_list *list);
void process_list_clear(struct process_list *list);

/* Committed in % of reserved; 0 where nothing is reserved. */
double process_pct(const struct process *process);

/*
 * Reads the text of /proc/PID/status into *process (which is all 0 before), its Tgid as the PID:
 * that of a thread names its process. other_threads becomes true where the leading thread has ended
 * and others live on, whose status holds the memory. False where text is none.
 */
bool parse_status(const char *text, struct process *process, bool *other_threads);

/* Raises the limit of open files as far as it may go and returns it. */
size_t raise_descriptor_limit(void);

/* The effective user of pid by /proc; UID_UNKNOWN where it does not tell. */
uid_t process_uid(pid_t pid);

#endif
