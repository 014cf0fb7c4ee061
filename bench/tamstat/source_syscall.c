// SPDX-License-Identifier: MIT
/* The system calls tamstat(2) and tamstat_total(2) of the tamalloc kernel. */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../kernel/src/include/uapi/linux/tamalloc.h"
#include "process.h"

#ifdef __x86_64__
#define NR_TAMSTAT	 552
#define NR_TAMSTAT_TOTAL 553
#else
#define NR_TAMSTAT	 -1 /* answers ENOSYS */
#define NR_TAMSTAT_TOTAL -1
#endif
#define BATCH 512 /* entries a call */

static struct tamstat entries[BATCH];

static long tamstat(pid_t pid, unsigned int flags, unsigned int count)
{
	long got = syscall(NR_TAMSTAT, pid, flags, entries, count, sizeof(*entries));

	return got < 0 ? -errno : got;
}

static void convert(const struct tamstat *st, struct process *process)
{
	_Static_assert(sizeof(st->comm) <= NAME_BYTES, "room for the name");
	*process = (struct process){
		.pid = st->pid,
		.uid = UID_UNKNOWN,
		.has_memory = !(st->flags & TAMSTAT_NO_MM),
		.oom_score = st->oom_score,
		.oom_score_adj = st->oom_score_adj,
		.sizes = {[SIZE_RESERVED] = st->reserved_bytes,
			  [SIZE_COMMITTED] = st->committed_bytes,
			  [SIZE_ANON] = st->anon_bytes,
			  [SIZE_FILE] = st->file_bytes,
			  [SIZE_SHMEM] = st->shmem_bytes,
			  [SIZE_SWAP] = st->swap_bytes,
			  [SIZE_PEAK] = st->peak_committed_bytes,
			  [SIZE_PAGE_TABLES] = st->page_table_bytes},
	};
	memcpy(process->name, st->comm, sizeof(st->comm));
}

/* The number might be another call's one day: the answer must be about us. */
static int syscall_open(bool keep)
{
	long got = tamstat(0, 0, 1);

	(void)keep; /* there is nothing to keep */
	return got == 1 && entries[0].pid == getpid() ? 0 : -ENOSYS;
}

static int syscall_read_all(struct process_list *list)
{
	pid_t next = 1;
	long got;

	list->n = list->hidden = 0;
	while ((got = tamstat(next, TAMSTAT_ALL, BATCH)) > 0) {
		for (long i = 0; i < got; i++) {
			struct process *process = process_list_add(list);

			if (!process)
				return -ENOMEM;
			convert(&entries[i], process);
		}
		next = entries[got - 1].pid + 1;
	}
	return (int)got;
}

static int syscall_read_one(pid_t pid, struct process *process)
{
	long got = tamstat(pid, 0, 1);

	if (got > 0)
		convert(&entries[0], process);
	return got > 0 ? 0 : (int)got;
}

static int syscall_read_total(struct total *total)
{
	struct tamstat_total sum;

	if (syscall(NR_TAMSTAT_TOTAL, &sum, sizeof(sum), 0))
		return -errno;
	*total = (struct total){
		.processes = sum.processes,
		.address_spaces = sum.mms,
		.sizes = {[SIZE_RESERVED] = sum.reserved_bytes,
			  [SIZE_COMMITTED] = sum.committed_bytes,
			  [SIZE_ANON] = sum.anon_bytes,
			  [SIZE_FILE] = sum.file_bytes,
			  [SIZE_SHMEM] = sum.shmem_bytes,
			  [SIZE_SWAP] = sum.swap_bytes,
			  [SIZE_PAGE_TABLES] = sum.page_table_bytes},
	};
	return 0;
}

static void syscall_close(void)
{
}

const struct source source_syscall = {
	.name = "syscall",
	.open = syscall_open,
	.read_all = syscall_read_all,
	.read_one = syscall_read_one,
	.read_total = syscall_read_total,
	.close = syscall_close,
};
