// SPDX-License-Identifier: GPL-2.0-only
/*
 * tamstat(2) and tamstat_total(2): how much memory processes have reserved and
 * committed, in numbers that equal those of /proc.
 *
 * Everything here is in default /proc/PID/status and /proc/PID/oom_score too,
 * which every user may read; so may every caller here, of the processes in its
 * PID namespace.
 */
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/oom.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/syscalls.h>
#include <linux/uaccess.h>
#include <linux/xarray.h>
#include <uapi/linux/tamalloc.h>

static_assert(sizeof(struct tamstat) == TAMSTAT_SIZE_VER0);
static_assert(sizeof(struct tamstat_total) == TAMSTAT_TOTAL_SIZE_VER0);
static_assert(sizeof_field(struct tamstat, comm) == TASK_COMM_LEN);

/* In pages, if the name says nothing else. */
struct mm_usage {
	unsigned long reserved;
	unsigned long anon;
	unsigned long file;
	unsigned long shmem;
	unsigned long committed;
	unsigned long peak_committed;
	unsigned long swap;
	unsigned long page_table_bytes;
};

/* The same counters, summed in the same way, as in task_mem() of /proc. */
static void read_mm_usage(struct mm_struct *mm, struct mm_usage *u)
{
	u->reserved = READ_ONCE(mm->total_vm);
	u->anon = get_mm_counter_sum(mm, MM_ANONPAGES);
	u->file = get_mm_counter_sum(mm, MM_FILEPAGES);
	u->shmem = get_mm_counter_sum(mm, MM_SHMEMPAGES);
	u->committed = u->anon + u->file + u->shmem;
	u->peak_committed = max(u->committed, READ_ONCE(mm->hiwater_rss));
	u->swap = get_mm_counter_sum(mm, MM_SWAPENTS);
	u->page_table_bytes = mm_pgtables_bytes(mm);
}

/*
 * The mm of process @p, with a reference that mmdrop() gives back; NULL for a
 * kernel thread and where no thread has one any more. If the leader has exited
 * it is that of another thread, by which find_lock_task_mm() and so the OOM
 * score go as well.
 *
 * A reference on the mm_struct alone is enough for its counters, and unlike one
 * on the address space never makes us the one that has to tear it down.
 */
static struct mm_struct *grab_process_mm(struct task_struct *p)
{
	struct mm_struct *mm = NULL;
	struct task_struct *t;

	if (p->flags & PF_KTHREAD)
		return NULL;

	rcu_read_lock();
	for_each_thread(p, t) {
		task_lock(t);
		mm = t->mm;
		if (mm)
			mmgrab(mm);
		task_unlock(t);
		if (mm)
			break;
	}
	rcu_read_unlock();
	return mm;
}

/*
 * The first process, with a reference, whose PID in @ns is *@nr or above; *@nr
 * becomes that PID. NULL if there is none.
 */
static struct task_struct *get_process_from(struct pid_namespace *ns, pid_t *nr)
{
	struct task_struct *p = NULL;
	struct pid *pid;

	rcu_read_lock();
	while ((pid = find_ge_pid(*nr, ns))) {
		*nr = pid_nr_ns(pid, ns);
		p = pid_task(pid, PIDTYPE_TGID);
		if (p) {
			get_task_struct(p);
			break;
		}
		(*nr)++;
	}
	rcu_read_unlock();
	return p;
}

/* The process with the PID @nr in the caller's namespace, with a reference. */
static struct task_struct *get_process(pid_t nr)
{
	struct task_struct *p;

	rcu_read_lock();
	p = pid_task(nr ? find_vpid(nr) : task_tgid(current), PIDTYPE_TGID);
	if (p)
		get_task_struct(p);
	rcu_read_unlock();
	return p;
}

static void read_process(struct task_struct *p, pid_t nr, struct tamstat *st)
{
	struct mm_usage u = {};
	struct mm_struct *mm;

	memset(st, 0, sizeof(*st));
	st->pid = nr;
	get_task_comm(st->comm, p);
	st->oom_score = oom_score(p);
	st->oom_score_adj = p->signal->oom_score_adj;

	mm = grab_process_mm(p);
	if (!mm) {
		st->flags = TAMSTAT_NO_MM;
		return;
	}
	read_mm_usage(mm, &u);
	mmdrop(mm);

	st->reserved_bytes = (u64)u.reserved << PAGE_SHIFT;
	st->committed_bytes = (u64)u.committed << PAGE_SHIFT;
	st->anon_bytes = (u64)u.anon << PAGE_SHIFT;
	st->file_bytes = (u64)u.file << PAGE_SHIFT;
	st->shmem_bytes = (u64)u.shmem << PAGE_SHIFT;
	st->swap_bytes = (u64)u.swap << PAGE_SHIFT;
	st->peak_committed_bytes = (u64)u.peak_committed << PAGE_SHIFT;
	st->page_table_bytes = u.page_table_bytes;
	if (u.reserved)
		st->committed_pct_x100 = div64_u64((u64)u.committed * 10000,
						   u.reserved);
}

/* Is @bytes, the size of a structure as the caller knows it, one we can serve? */
static int check_struct_bytes(size_t bytes, size_t ver0_bytes)
{
	if (bytes < ver0_bytes)
		return -EINVAL;
	if (bytes > PAGE_SIZE)
		return -E2BIG;
	return 0;
}

/* Cut short or zero-extend the structure @from to the @to_bytes of the caller. */
static int put_struct(void __user *to, size_t to_bytes, const void *from,
		      size_t from_bytes)
{
	size_t common = min(to_bytes, from_bytes);

	if (copy_to_user(to, from, common) ||
	    clear_user(to + common, to_bytes - common))
		return -EFAULT;
	return 0;
}

static long tamstat_all(pid_t nr, void __user *buf, unsigned int count,
			size_t entry_bytes)
{
	struct pid_namespace *ns = task_active_pid_ns(current);
	struct task_struct *p;
	struct tamstat st;
	unsigned int n;
	int error = 0;

	for (n = 0; n < count; n++, nr++) {
		if (fatal_signal_pending(current)) {
			error = -EINTR;
			break;
		}
		p = get_process_from(ns, &nr);
		if (!p)
			break;
		read_process(p, nr, &st);
		put_task_struct(p);

		error = put_struct(buf + n * entry_bytes, entry_bytes, &st,
				   sizeof(st));
		if (error)
			break;
		cond_resched();
	}
	return n ? (long)n : error;
}

SYSCALL_DEFINE5(tamstat, pid_t, pid, unsigned int, flags,
		struct tamstat __user *, buf, unsigned int, count,
		size_t, entry_bytes)
{
	struct task_struct *p;
	struct tamstat st;
	int error;

	if (pid < 0 || !count || (flags & ~TAMSTAT_ALL))
		return -EINVAL;
	error = check_struct_bytes(entry_bytes, TAMSTAT_SIZE_VER0);
	if (error)
		return error;

	if (flags & TAMSTAT_ALL)
		return tamstat_all(pid, buf, count, entry_bytes);

	p = get_process(pid);
	if (!p)
		return -ESRCH;
	read_process(p, pid ? pid : task_tgid_vnr(current), &st);
	put_task_struct(p);

	error = put_struct(buf, entry_bytes, &st, sizeof(st));
	return error ? error : 1;
}

/* Remember @mm, taking over its reference. 1 if it was known, 0 if it is new. */
static int remember_mm(struct xarray *mms, struct mm_struct *mm)
{
	/* An address that another mm gets later cannot be mistaken: we keep it. */
	int error = xa_insert(mms, (unsigned long)mm / L1_CACHE_BYTES, mm,
			      GFP_KERNEL);

	if (error)
		mmdrop(mm);
	return error == -EBUSY ? 1 : error;
}

static int sum_processes(struct xarray *mms, struct tamstat_total *sum)
{
	struct pid_namespace *ns = task_active_pid_ns(current);
	struct task_struct *p;
	struct mm_struct *mm;
	struct mm_usage u;
	pid_t nr;
	int ret;

	for (nr = 1; (p = get_process_from(ns, &nr)); nr++) {
		mm = grab_process_mm(p);
		put_task_struct(p);
		sum->processes++;
		if (mm) {
			read_mm_usage(mm, &u);
			ret = remember_mm(mms, mm);
			if (ret < 0)
				return ret;
			if (!ret) {
				sum->mms++;
				sum->reserved_bytes += (u64)u.reserved << PAGE_SHIFT;
				sum->committed_bytes += (u64)u.committed << PAGE_SHIFT;
				sum->anon_bytes += (u64)u.anon << PAGE_SHIFT;
				sum->file_bytes += (u64)u.file << PAGE_SHIFT;
				sum->shmem_bytes += (u64)u.shmem << PAGE_SHIFT;
				sum->swap_bytes += (u64)u.swap << PAGE_SHIFT;
				sum->page_table_bytes += u.page_table_bytes;
			}
		}
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

SYSCALL_DEFINE3(tamstat_total, struct tamstat_total __user *, buf, size_t, bytes,
		unsigned int, flags)
{
	struct tamstat_total sum = {};
	struct mm_struct *mm;
	struct xarray mms;
	unsigned long index;
	int error;

	if (flags)
		return -EINVAL;
	error = check_struct_bytes(bytes, TAMSTAT_TOTAL_SIZE_VER0);
	if (error)
		return error;

	/* The index is charged to the caller, who may ask as often as it likes. */
	xa_init_flags(&mms, XA_FLAGS_ACCOUNT);
	error = sum_processes(&mms, &sum);
	xa_for_each(&mms, index, mm)
		mmdrop(mm);
	xa_destroy(&mms);
	if (error)
		return error;

	return put_struct(buf, bytes, &sum, sizeof(sum));
}
