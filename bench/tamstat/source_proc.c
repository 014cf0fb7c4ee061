// SPDX-License-Identifier: MIT
/*
 * /proc: status, oom_score and oom_score_adj of each process. Where the same processes are read
 * again and again, the files stay open: then a process costs three pread(2) and no open(2). A file
 * of a process that has ended answers ESRCH even if its PID is in use again.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "process.h"

#define FILES	  3
#define SPARE_FDS 64 /* left to the rest of the program */

static const char *const file_names[FILES] = {"status", "oom_score", "oom_score_adj"};

struct files {
	pid_t pid;
	int fds[FILES]; /* -1: not open */
};

static struct {
	DIR *dir;
	bool keep;
	size_t fds_left;
	struct files *kept; /* ascending by PID */
	size_t n_kept;
	char *text; /* what was read last */
	size_t room;
	pid_t *pids; /* what was listed last */
	size_t n_pids, pid_room;
} proc;

static void close_file(int *fd)
{
	if (*fd < 0)
		return;
	close(*fd);
	*fd = -1;
	proc.fds_left++;
}

static void close_files(struct files *files)
{
	for (int i = 0; i < FILES; i++)
		close_file(&files->fds[i]);
}

static int proc_open(bool keep)
{
	proc.dir = opendir("/proc");
	if (!proc.dir)
		return -errno;
	if (faccessat(dirfd(proc.dir), "self/status", R_OK, 0)) {
		closedir(proc.dir);
		proc.dir = NULL;
		return -ENOSYS;
	}
	proc.keep = keep;
	proc.fds_left = 0;
	if (keep) {
		size_t limit = raise_descriptor_limit();

		proc.fds_left = limit > SPARE_FDS ? limit - SPARE_FDS : 0;
	}
	return 0;
}

static void proc_close(void)
{
	for (size_t i = 0; i < proc.n_kept; i++)
		close_files(&proc.kept[i]);
	free(proc.kept);
	free(proc.text);
	free(proc.pids);
	closedir(proc.dir);
	memset(&proc, 0, sizeof(proc));
}

/* The whole file into proc.text. 0 or -errno. */
static int read_text(int fd)
{
	for (;;) {
		ssize_t n = proc.room ? pread(fd, proc.text, proc.room - 1, 0) : 0;
		char *grown;

		if (n < 0)
			return -errno;
		if (proc.room && (size_t)n < proc.room - 1) {
			proc.text[n] = 0;
			return n ? 0 : -ESRCH;
		}
		grown = realloc(proc.text, proc.room ? 2 * proc.room : 8192);
		if (!grown)
			return -ENOMEM;
		proc.text = grown;
		proc.room = proc.room ? 2 * proc.room : 8192;
	}
}

static int open_and_read(const char *path, int *kept_fd)
{
	int fd = openat(dirfd(proc.dir), path, O_RDONLY | O_CLOEXEC), error;

	if (fd < 0)
		return -errno;
	error = read_text(fd);
	if (!error && kept_fd && proc.fds_left) {
		*kept_fd = fd;
		proc.fds_left--;
	} else {
		close(fd);
	}
	return error;
}

/* File i of a process into proc.text. */
static int read_file(struct files *files, int i)
{
	char path[48];
	int error;

	if (files->fds[i] >= 0) {
		error = read_text(files->fds[i]);
		if (error != -ESRCH)
			return error;
		close_file(&files->fds[i]); /* that process is over, this may be another */
	}
	snprintf(path, sizeof(path), "%d/%s", (int)files->pid, file_names[i]);
	return open_and_read(path, proc.keep ? &files->fds[i] : NULL);
}

/* The memory of a process whose leading thread has ended is that of another thread. */
static void read_other_thread(struct process *process)
{
	struct process other;
	struct dirent *entry;
	char path[64];
	bool unused;
	DIR *tasks;
	int fd;

	snprintf(path, sizeof(path), "%d/task", (int)process->pid);
	fd = openat(dirfd(proc.dir), path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	tasks = fd < 0 ? NULL : fdopendir(fd);
	if (!tasks) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while (!process->has_memory && (entry = readdir(tasks))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%d/task/%.10s/status", (int)process->pid,
			 entry->d_name);
		memset(&other, 0, sizeof(other));
		if (open_and_read(path, NULL) || !parse_status(proc.text, &other, &unused))
			continue;
		process->has_memory = other.has_memory;
		memcpy(process->sizes, other.sizes, sizeof(other.sizes));
	}
	closedir(tasks);
}

static int read_process(struct files *files, struct process *process)
{
	bool other_threads;
	int error;

	memset(process, 0, sizeof(*process));
	error = read_file(files, 0);
	if (error)
		return error;
	if (!parse_status(proc.text, process, &other_threads))
		return -EPROTO;
	if (process->pid != files->pid) /* a thread, which is there though not listed */
		return -ESRCH;
	if (other_threads)
		read_other_thread(process);
	error = read_file(files, 1);
	if (error)
		return error;
	process->oom_score = atoi(proc.text);
	error = read_file(files, 2);
	if (error)
		return error;
	process->oom_score_adj = atoi(proc.text);
	return 0;
}

/* It has ended since it was listed. */
static bool is_gone(int error)
{
	return error == -ESRCH || error == -ENOENT;
}

static bool is_refused(int error)
{
	return error == -EACCES || error == -EPERM;
}

static int by_pid(const void *a, const void *b)
{
	pid_t x = ((const struct files *)a)->pid, y = ((const struct files *)b)->pid;

	return (x > y) - (x < y);
}

/* Takes the kept files of pid out of those of the round before. */
static struct files take_kept(pid_t pid)
{
	struct files wanted = {.pid = pid, .fds = {-1, -1, -1}};
	struct files *found =
		proc.n_kept ? bsearch(&wanted, proc.kept, proc.n_kept, sizeof(wanted), by_pid)
			    : NULL;

	if (found) {
		struct files taken = *found;

		for (int i = 0; i < FILES; i++)
			found->fds[i] = -1;
		return taken;
	}
	return wanted;
}

struct round {
	struct files *files;
	size_t n, room;
};

static int keep_files(struct round *round, const struct files *files)
{
	if (round->n == round->room) {
		size_t room = round->room ? 2 * round->room : 512;
		struct files *grown = realloc(round->files, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		round->files = grown;
		round->room = room;
	}
	round->files[round->n++] = *files;
	return 0;
}

static int read_listed(pid_t pid, struct process_list *list, struct round *round)
{
	struct files files = take_kept(pid);
	struct process *process = process_list_add(list);
	int error = process ? read_process(&files, process) : -ENOMEM;

	if (error)
		close_files(&files);
	else if (proc.keep)
		error = keep_files(round, &files);
	if (error && process)
		list->n--;
	list->hidden += is_refused(error);
	return is_gone(error) || is_refused(error) ? 0 : error;
}

/*
 * All PIDs, before any process is read: beside many forks, who reads while listing is led on by
 * ever higher PIDs.
 */
static int list_pids(void)
{
	struct dirent *entry;

	proc.n_pids = 0;
	rewinddir(proc.dir);
	while ((entry = readdir(proc.dir))) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		if (proc.n_pids == proc.pid_room) {
			size_t room = proc.pid_room ? 2 * proc.pid_room : 1024;
			pid_t *grown = realloc(proc.pids, room * sizeof(*grown));

			if (!grown)
				return -ENOMEM;
			proc.pids = grown;
			proc.pid_room = room;
		}
		proc.pids[proc.n_pids++] = atoi(entry->d_name);
	}
	return 0;
}

static int proc_read_all(struct process_list *list)
{
	struct round round = {.files = NULL};
	int error = list_pids();

	list->n = list->hidden = 0;
	for (size_t i = 0; i < proc.n_pids && !error; i++)
		error = read_listed(proc.pids[i], list, &round);
	for (size_t i = 0; i < proc.n_kept; i++)
		close_files(&proc.kept[i]); /* whose process is over */
	free(proc.kept);
	proc.kept = round.files;
	proc.n_kept = round.n;
	return error;
}

static int proc_read_one(pid_t pid, struct process *process)
{
	struct files files = {.pid = pid, .fds = {-1, -1, -1}};
	bool keep = proc.keep;
	int error;

	proc.keep = false;
	error = read_process(&files, process);
	proc.keep = keep;
	return is_gone(error) ? -ESRCH : is_refused(error) ? -EACCES : error;
}

/* ---- totals: an address space that several processes share counts once ---- */

static bool kcmp_refused;

static int by_address_space(const void *a, const void *b)
{
	const struct process *x = a, *y = b;
	long order;

	if (x->sizes[SIZE_RESERVED] != y->sizes[SIZE_RESERVED])
		return x->sizes[SIZE_RESERVED] > y->sizes[SIZE_RESERVED] ? 1 : -1;
	order = x->pid == y->pid ? 0 : syscall(SYS_kcmp, x->pid, y->pid, KCMP_VM, 0, 0);
	if (order == 0)
		return 0;
	if (order < 0 && errno != ESRCH)
		kcmp_refused = true;
	return order == 1 ? -1 : order == 2 ? 1 : (x->pid > y->pid) - (x->pid < y->pid);
}

static int proc_read_total(struct total *total)
{
	struct process_list list = {.items = NULL};
	int error = proc_read_all(&list);
	size_t n = 0;

	*total = (struct total){.processes = list.n, .hidden = list.hidden};
	kcmp_refused = false;
	for (size_t i = 0; !error && i < list.n; i++)
		if (list.items[i].has_memory)
			list.items[n++] = list.items[i];
	if (n)
		qsort(list.items, n, sizeof(*list.items), by_address_space);
	for (size_t i = 0; i < n; i++) {
		const struct process *process = &list.items[i];

		if (i && !kcmp_refused && !by_address_space(process - 1, process))
			continue;
		total->address_spaces++;
		for (int s = 0; s < SIZE_COUNT; s++)
			total->sizes[s] += process->sizes[s];
	}
	total->sizes[SIZE_PEAK] = 0;
	if (kcmp_refused)
		total->address_spaces = COUNT_UNKNOWN;
	process_list_clear(&list);
	return error;
}

const struct source source_proc = {
	.name = "proc",
	.open = proc_open,
	.read_all = proc_read_all,
	.read_one = proc_read_one,
	.read_total = proc_read_total,
	.close = proc_close,
};
