// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/tamstat/processes: a line for each process, with the total RAM above.
 * /proc/tamstat/total: the sums over all of them, each address space counted once.
 *
 * A PID written to the open file "processes" makes it show that process only, 0
 * all again; other numbers give EINVAL. The filter belongs to the open file, and
 * setting it also goes back to the start. A PID that nobody has: no line.
 *
 * PIDs are those of the PID namespace of the procfs mount, and only its processes
 * are shown and summed. A mount with hidepid= shows to each user what it would in
 * its own directories: root everything, others their own processes.
 *
 * Sizes are those of /proc/PID/status: reserved is VmSize, committed is VmRSS.
 * pct_of_ram is committed of the total RAM, pct_of_reserved committed of reserved.
 * Kernel threads and zombies have no memory: zeros. A name is escaped as in
 * /proc/mounts: "\040" is a space, "\012" a newline; an empty one is "\000".
 *
 * oom_score equals /proc/PID/oom_score where the kernel exports oom_score(), which
 * those with tamalloc do. Elsewhere it is "-": the total of swap, part of the
 * formula, is not open to modules, and a number that sometimes differs from /proc
 * is worth less than none.
 */
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/oom.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/proc_fs.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/seq_file.h>
#include <linux/string_helpers.h>
#include <linux/threads.h>
#include <linux/uaccess.h>
#include <linux/xarray.h>

#define PAGES_TO_KB(pages)	((pages) << (PAGE_SHIFT - 10))

/* Anybody may write to it: a filter concerns nobody but the one who opened the file. */
#define PROCESSES_MODE		0666

/* What an open "processes" shows. */
struct view {
	struct proc_fs_info *proc;	/* the mount it was opened in */
	pid_t only;			/* 0: all */
	struct task_struct *p;		/* between start() and stop(): the process, */
	pid_t nr;			/* and its PID in the mount's namespace */
};

/* In pages, if the name says nothing else. */
struct mm_usage {
	unsigned long reserved;
	unsigned long anon;
	unsigned long file;
	unsigned long shmem;
	unsigned long committed;
	unsigned long swap;
	unsigned long page_table_bytes;
};

/*
 * /proc/PID/status sums what each CPU has counted where the kernel can do that; the
 * quick reading may lag behind by some pages per CPU.
 */
#ifdef HAVE_GET_MM_COUNTER_SUM
#define mm_counter_as_proc	get_mm_counter_sum
#else
#define mm_counter_as_proc	get_mm_counter
#endif

static void read_mm_usage(struct mm_struct *mm, struct mm_usage *u)
{
	u->reserved = READ_ONCE(mm->total_vm);
	u->anon = mm_counter_as_proc(mm, MM_ANONPAGES);
	u->file = mm_counter_as_proc(mm, MM_FILEPAGES);
	u->shmem = mm_counter_as_proc(mm, MM_SHMEMPAGES);
	u->committed = u->anon + u->file + u->shmem;
	u->swap = mm_counter_as_proc(mm, MM_SWAPENTS);
	u->page_table_bytes = mm_pgtables_bytes(mm);
}

/*
 * The mm of process @p, with a reference that mmdrop() gives back, or NULL. Any
 * thread's will do: the leader may have exited before the others. A reference on
 * the mm_struct alone never makes us the one who tears the address space down.
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

/* May the reader know of @p? As has_pid_permissions() of procfs decides. */
static bool may_see(struct proc_fs_info *proc, struct task_struct *p)
{
	if (proc->hide_pid == HIDEPID_OFF)
		return true;
	if (proc->hide_pid != HIDEPID_NOT_PTRACEABLE && in_group_p(proc->pid_gid))
		return true;
	return uid_eq(current_fsuid(), task_uid(p)) || capable(CAP_SYS_PTRACE);
}

/*
 * The first process, with a reference, that the reader may see and whose PID is
 * *@nr or above; *@nr becomes that PID. NULL if there is none. (find_ge_pid() is
 * not exported.)
 */
static struct task_struct *get_process_from(struct proc_fs_info *proc, int *nr)
{
	struct task_struct *p;
	struct pid *pid;

	for (;; (*nr)++) {
		rcu_read_lock();
		pid = idr_get_next(&proc->pid_ns->idr, nr);
		p = pid ? pid_task(pid, PIDTYPE_TGID) : NULL;
		if (p)
			get_task_struct(p);
		rcu_read_unlock();

		if (!pid)
			return NULL;
		if (p) {
			if (may_see(proc, p))
				return p;
			put_task_struct(p);
		}
		cond_resched();
	}
}

/* The position is the PID to go on with: what forks and exits meanwhile cannot upset it. */
static void *get_row(struct view *view, loff_t *pos)
{
	pid_t only = READ_ONCE(view->only);
	int nr = max_t(loff_t, *pos, only);

	view->p = NULL;
	if (*pos > PID_MAX_LIMIT || (only && *pos > only))
		return NULL;
	view->p = get_process_from(view->proc, &nr);
	if (!view->p || (only && nr != only))
		return NULL;
	view->nr = nr;
	*pos = nr;
	return view->p;
}

static void *processes_start(struct seq_file *m, loff_t *pos)
{
	return *pos ? get_row(m->private, pos) : SEQ_START_TOKEN;
}

static void put_row(struct view *view)
{
	if (view->p)
		put_task_struct(view->p);
	view->p = NULL;
}

static void *processes_next(struct seq_file *m, void *v, loff_t *pos)
{
	struct view *view = m->private;

	put_row(view);
	(*pos)++;
	return get_row(view, pos);
}

static void processes_stop(struct seq_file *m, void *v)
{
	put_row(m->private);
}

static void show_name(struct seq_file *m, struct task_struct *p)
{
	char comm[TASK_COMM_LEN], name[4 * TASK_COMM_LEN + 1];
	int len;

	get_task_comm(comm, p);
	len = string_escape_mem(comm, max_t(size_t, strlen(comm), 1), name, sizeof(name) - 1,
				ESCAPE_OCTAL | ESCAPE_NAP | ESCAPE_APPEND, " \\");
	name[len] = '\0';
	seq_printf(m, " %-15s", name);
}

static void show_pct(struct seq_file *m, unsigned long part, unsigned long whole)
{
	unsigned long pct_x100 = whole ? mult_frac(10000UL, part, whole) : 0;

	seq_printf(m, " %12lu.%02lu", pct_x100 / 100, pct_x100 % 100);
}

static void show_oom_score(struct seq_file *m, struct task_struct *p)
{
#ifdef CONFIG_TAMALLOC
	seq_printf(m, " %9lu", oom_score(p));
#else
	seq_printf(m, " %9s", "-");
#endif
}

static int processes_show(struct seq_file *m, void *v)
{
	struct task_struct *p = v;
	struct view *view = m->private;
	struct mm_usage u = {};
	struct mm_struct *mm;

	if (v == SEQ_START_TOKEN) {
		seq_printf(m, "total_ram_kb: %lu\n", PAGES_TO_KB(totalram_pages()));
		seq_printf(m, "%7s %-15s %15s %15s %15s %15s %9s %13s\n", "pid", "name",
			   "reserved_kb", "committed_kb", "pct_of_ram", "pct_of_reserved",
			   "oom_score", "oom_score_adj");
		return 0;
	}

	mm = grab_process_mm(p);
	if (mm) {
		read_mm_usage(mm, &u);
		mmdrop(mm);
	}
	seq_printf(m, "%7d", view->nr);
	show_name(m, p);
	seq_printf(m, " %15lu %15lu", PAGES_TO_KB(u.reserved), PAGES_TO_KB(u.committed));
	show_pct(m, u.committed, totalram_pages());
	show_pct(m, u.committed, u.reserved);
	show_oom_score(m, p);
	seq_printf(m, " %13d\n", p->signal->oom_score_adj);
	return 0;
}

static const struct seq_operations processes_seq_ops = {
	.start	= processes_start,
	.next	= processes_next,
	.stop	= processes_stop,
	.show	= processes_show,
};

static int processes_open(struct inode *inode, struct file *file)
{
	struct view *view = __seq_open_private(file, &processes_seq_ops, sizeof(*view));

	if (!view)
		return -ENOMEM;
	view->proc = proc_sb_info(inode->i_sb);
	return 0;
}

static ssize_t processes_write(struct file *file, const char __user *buf, size_t bytes,
			       loff_t *pos)
{
	struct seq_file *m = file->private_data;
	struct view *view = m->private;
	unsigned int only;
	int error = kstrtouint_from_user(buf, bytes, 10, &only);

	if (error == -EFAULT)
		return error;
	if (error || only > PID_MAX_LIMIT)
		return -EINVAL;

	WRITE_ONCE(view->only, only);
	seq_lseek(file, 0, SEEK_SET);
	*pos = 0;
	return bytes;
}

static const struct proc_ops processes_proc_ops = {
	.proc_open	= processes_open,
	.proc_read_iter	= seq_read_iter,
	.proc_write	= processes_write,
	.proc_lseek	= seq_lseek,
	.proc_release	= seq_release_private,
};

struct total {
	unsigned long processes;
	unsigned long mms;
	struct mm_usage usage;
};

/* Add @mm to the sums, unless it is in them; takes over the reference on it. */
static int add_mm(struct total *total, struct xarray *mms, struct mm_struct *mm)
{
	struct mm_usage u;
	/* We keep the reference, so no other mm can get its address meanwhile. */
	int error = xa_insert(mms, (unsigned long)mm / L1_CACHE_BYTES, mm, GFP_KERNEL);

	if (error) {
		mmdrop(mm);
		return error == -EBUSY ? 0 : error;
	}

	read_mm_usage(mm, &u);
	total->mms++;
	total->usage.reserved += u.reserved;
	total->usage.anon += u.anon;
	total->usage.file += u.file;
	total->usage.shmem += u.shmem;
	total->usage.committed += u.committed;
	total->usage.swap += u.swap;
	total->usage.page_table_bytes += u.page_table_bytes;
	return 0;
}

static int sum_processes(struct proc_fs_info *proc, struct total *total, struct xarray *mms)
{
	struct task_struct *p;
	struct mm_struct *mm;
	int error, nr;

	for (nr = 1; (p = get_process_from(proc, &nr)); nr++) {
		total->processes++;
		mm = grab_process_mm(p);
		put_task_struct(p);
		if (mm) {
			error = add_mm(total, mms, mm);
			if (error)
				return error;
		}
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	return 0;
}

static int total_show(struct seq_file *m, void *v)
{
	struct total total = {};
	struct mm_struct *mm;
	struct xarray mms;
	unsigned long index;
	int error;

	/* The index is charged to the reader, who may ask as often as it likes. */
	xa_init_flags(&mms, XA_FLAGS_ACCOUNT);
	error = sum_processes(proc_sb_info(file_inode(m->file)->i_sb), &total, &mms);
	xa_for_each(&mms, index, mm)
		mmdrop(mm);
	xa_destroy(&mms);
	if (error)
		return error;

	seq_printf(m, "total_ram_kb: %lu\n", PAGES_TO_KB(totalram_pages()));
	seq_printf(m, "processes: %lu\n", total.processes);
	seq_printf(m, "address_spaces: %lu\n", total.mms);
	seq_printf(m, "reserved_kb: %lu\n", PAGES_TO_KB(total.usage.reserved));
	seq_printf(m, "committed_kb: %lu\n", PAGES_TO_KB(total.usage.committed));
	seq_printf(m, "anon_kb: %lu\n", PAGES_TO_KB(total.usage.anon));
	seq_printf(m, "file_kb: %lu\n", PAGES_TO_KB(total.usage.file));
	seq_printf(m, "shmem_kb: %lu\n", PAGES_TO_KB(total.usage.shmem));
	seq_printf(m, "swap_kb: %lu\n", PAGES_TO_KB(total.usage.swap));
	seq_printf(m, "page_table_kb: %lu\n", total.usage.page_table_bytes >> 10);
	return 0;
}

static int __init tamstat_proc_init(void)
{
	struct proc_dir_entry *dir = proc_mkdir("tamstat", NULL);

	if (dir && proc_create("processes", PROCESSES_MODE, dir, &processes_proc_ops) &&
	    proc_create_single("total", 0444, dir, total_show))
		return 0;
	proc_remove(dir);
	return -ENOMEM;
}

static void __exit tamstat_proc_exit(void)
{
	remove_proc_subtree("tamstat", NULL);
}

module_init(tamstat_proc_init);
module_exit(tamstat_proc_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("/proc/tamstat: memory that processes have reserved and committed");
