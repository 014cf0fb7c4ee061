/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
#ifndef _UAPI_LINUX_TAMALLOC_H
#define _UAPI_LINUX_TAMALLOC_H

#include <linux/types.h>

/*
 * void *tamalloc(size_t size, unsigned int fill, unsigned int flags);
 *
 * Reserve size bytes (rounded up to whole pages) of private anonymous memory,
 * readable and writable, in which every byte reads as fill until written.
 * Nothing is resident afterwards. A page is made on its first access, and along
 * with it neighbours, if what was accessed before is evidence that they will be:
 * fault-ahead. Freed by munmap(2).
 *
 * Errors: EINVAL (size is 0, fill above 255, unknown flags), ENOMEM (size
 * overflows when rounded, does not fit in the address space, or a limit is
 * reached), EAGAIN (mlockall(MCL_FUTURE) and RLIMIT_MEMLOCK reached).
 */
#define TAMALLOC_ACCOUNT	(1U << 0)	/* charge against the overcommit limit */
#define TAMALLOC_SINGLE		(1U << 1)	/* no fault-ahead: a page at a time */

/*
 * Fault-ahead up to a size, log2 of it in the six highest bits: 16 KiB to 2 MiB,
 * or less if the administrator says so. 0: no limit of its own. Not with
 * TAMALLOC_SINGLE.
 */
#define TAMALLOC_MAX_SHIFT	26
#define TAMALLOC_MAX_16KB	(14U << TAMALLOC_MAX_SHIFT)
#define TAMALLOC_MAX_64KB	(16U << TAMALLOC_MAX_SHIFT)
#define TAMALLOC_MAX_1MB	(20U << TAMALLOC_MAX_SHIFT)
#define TAMALLOC_MAX_2MB	(21U << TAMALLOC_MAX_SHIFT)

/*
 * long tamstat(pid_t pid, unsigned int flags, struct tamstat *buf,
 *		unsigned int count, size_t entry_bytes);
 *
 * Without flags: the process pid (0: the caller) into buf[0]; returns 1.
 * TAMSTAT_ALL: every visible process with a PID >= pid, in ascending order, at
 * most count of them; returns the number written, 0 when none is left.
 * Continue at the last pid + 1.
 *
 * entry_bytes is sizeof(struct tamstat) as the caller knows it, and the stride
 * of buf: smaller than the kernel's, the entries are cut short; larger, their
 * tails are zeroed.
 *
 * Errors: EINVAL (pid negative, count 0, unknown flags, entry_bytes below
 * TAMSTAT_SIZE_VER0), E2BIG (entry_bytes above the page size), ESRCH (without
 * TAMSTAT_ALL: no process has that PID; a thread's ID is none), EFAULT (buf;
 * when entries were already written, their number is returned instead).
 */
#define TAMSTAT_ALL		(1U << 0)	/* every visible process with PID >= pid */

/* In struct tamstat.flags: no memory (kernel thread, zombie); those fields are 0. */
#define TAMSTAT_NO_MM		(1U << 0)

struct tamstat {
	__s32	pid;			/* in the caller's PID namespace */
	__u32	flags;			/* TAMSTAT_NO_MM */
	__s32	oom_score;		/* as /proc/PID/oom_score */
	__s32	oom_score_adj;		/* as /proc/PID/oom_score_adj */
	__u64	reserved_bytes;		/* VmSize: address space obtained */
	__u64	committed_bytes;	/* VmRSS: anon + file + shmem */
	__u64	anon_bytes;		/* RssAnon */
	__u64	file_bytes;		/* RssFile */
	__u64	shmem_bytes;		/* RssShmem */
	__u64	swap_bytes;		/* VmSwap */
	__u64	peak_committed_bytes;	/* VmHWM */
	__u64	page_table_bytes;	/* VmPTE */
	__u32	committed_pct_x100;	/* committed / reserved in 0.01 %; 0 if none reserved */
	__u32	__pad;			/* 0 */
	char	comm[16];		/* name, NUL-terminated */
};

#define TAMSTAT_SIZE_VER0	104	/* sizeof(struct tamstat) when first published */

/*
 * long tamstat_total(struct tamstat_total *buf, size_t bytes, unsigned int flags);
 *
 * Sums over every visible process. An mm that several processes share (vfork,
 * CLONE_VM) counts once; a page that several mms map counts in each. The sizes
 * are exact sums of pages, not sums of rounded values. bytes is handled as
 * tamstat's entry_bytes is; flags must be 0. Returns 0.
 *
 * Errors: EINVAL, E2BIG, EFAULT as above; ENOMEM.
 */
struct tamstat_total {
	__u64	processes;		/* kernel threads and zombies included */
	__u64	mms;			/* distinct address spaces */
	__u64	reserved_bytes;
	__u64	committed_bytes;
	__u64	anon_bytes;
	__u64	file_bytes;
	__u64	shmem_bytes;
	__u64	swap_bytes;
	__u64	page_table_bytes;
};

#define TAMSTAT_TOTAL_SIZE_VER0	72	/* sizeof(struct tamstat_total), first published */

#endif /* _UAPI_LINUX_TAMALLOC_H */
