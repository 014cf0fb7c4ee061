// SPDX-License-Identifier: MIT
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "timeline_parse.h"
#include "timeline_tree.h"

#define MAX_MEMBERS 16384u
#define TRIES	    3	    /* to read all while nothing changes between them */
#define LIST_BYTES  65536u  /* of a list of children: some 8,000 */
#define SPARE_FDS   64u	    /* left to the rest of the program */
#define MAX_PID	    4194304 /* of any Linux */

enum file { STATM, STAT, CHILDREN, FILES };
enum relation { UNSEEN, MEMBER, STRANGER };

struct member {
	pid_t pid;
	int fds[FILES]; /* -1: not there */
	struct timeline_stat stat;
	uint64_t reserved_bytes, committed_bytes;
};

struct tree {
	struct member *members; /* parents before their children; [0] is the root */
	size_t n;
	size_t fds_left;
	uint64_t page_bytes;
	uint64_t processes, unwatched;
	uint64_t waited_minor, waited_major; /* of orphans that we have waited for */
	uint64_t last_minor, last_major;     /* told last: sums never fall */
	int orphans_fd;			     /* our own list of children; -1: not ours to watch */
	unsigned char *relations;	     /* by PID */
	char list[LIST_BYTES];
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static ssize_t read_text(int fd, char *text, size_t bytes)
{
	ssize_t n = pread(fd, text, bytes - 1, 0);

	text[n > 0 ? n : 0] = 0;
	return n;
}

/* Of the process, or of its thread tid. */
static int open_file(pid_t pid, pid_t tid, const char *file)
{
	char path[96];

	if (tid)
		snprintf(path, sizeof(path), "/proc/%d/task/%d/%.20s", (int)pid, (int)tid, file);
	else
		snprintf(path, sizeof(path), "/proc/%d/%.20s", (int)pid, file);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static bool read_stat(struct member *m)
{
	char text[512];

	return read_text(m->fds[STAT], text, sizeof(text)) > 0 &&
	       timeline_parse_stat(text, &m->stat);
}

static void drop_member(struct tree *t, struct member *m)
{
	t->relations[m->pid] = UNSEEN;
	for (int f = 0; f < FILES; f++)
		if (m->fds[f] >= 0)
			close(m->fds[f]);
	t->fds_left += FILES;
}

/* 0, -ESRCH where it is gone, or what opening its files refuses. */
static int add_member(struct tree *t, pid_t pid)
{
	struct member *m = &t->members[t->n];

	if (t->n == MAX_MEMBERS || t->fds_left < FILES)
		return -EMFILE;
	errno = 0;
	*m = (struct member){.pid = pid,
			     .fds = {open_file(pid, 0, "statm"), open_file(pid, 0, "stat"),
				     open_file(pid, pid, "children")}};
	t->fds_left -= FILES;
	if (m->fds[STATM] < 0 || m->fds[STAT] < 0 || !read_stat(m)) {
		int error = errno == EMFILE || errno == EACCES ? -errno : -ESRCH;

		drop_member(t, m);
		return error;
	}
	t->relations[pid] = MEMBER;
	t->n++;
	t->processes++;
	return 0;
}

/* A new child of `parent`, if it still is one: a PID may be in use again. */
static void consider(struct tree *t, pid_t pid, pid_t parent)
{
	int error = add_member(t, pid);

	if (error && error != -ESRCH) { /* and again at each sample, were it not set aside */
		t->unwatched++;
		t->relations[pid] = STRANGER;
	} else if (!error && t->members[t->n - 1].stat.parent != parent) {
		drop_member(t, &t->members[--t->n]);
		t->processes--;
	}
}

static void consider_listed(struct tree *t, int fd, pid_t parent)
{
	char *at = t->list;

	if (fd < 0 || read_text(fd, t->list, sizeof(t->list)) <= 0)
		return;
	while (isdigit((unsigned char)*at)) {
		pid_t pid = (pid_t)strtol(at, &at, 10);

		if (*at != ' ') /* the list did not fit, and this is half of a number */
			break;
		at++;
		if (pid > 0 && pid <= MAX_PID && t->relations[pid] == UNSEEN)
			consider(t, pid, parent);
	}
}

/* Each thread has a list of the children that it made. */
static void find_children(struct tree *t, size_t i)
{
	pid_t pid = t->members[i].pid;
	struct dirent *entry;
	char path[64];
	DIR *tasks;

	consider_listed(t, t->members[i].fds[CHILDREN], pid);
	if (t->members[i].stat.threads < 2)
		return;
	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	tasks = opendir(path);
	while (tasks && (entry = readdir(tasks))) {
		int fd;

		if (!isdigit((unsigned char)*entry->d_name) || atoi(entry->d_name) == pid)
			continue;
		fd = open_file(pid, atoi(entry->d_name), "children");
		consider_listed(t, fd, pid);
		if (fd >= 0)
			close(fd);
	}
	if (tasks)
		closedir(tasks);
}

static void find_new(struct tree *t)
{
	consider_listed(t, t->orphans_fd, getpid());
	for (size_t i = 0; i < t->n; i++) /* which grows */
		find_children(t, i);
}

/* The leading thread has ended, others live on: memory is read by one of these. */
static bool reopen_statm(struct member *m)
{
	struct dirent *entry;
	char path[64];
	DIR *tasks;
	int fd = -1;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)m->pid);
	tasks = opendir(path);
	while (tasks && fd < 0 && (entry = readdir(tasks))) {
		if (!isdigit((unsigned char)*entry->d_name) || atoi(entry->d_name) == m->pid)
			continue;
		fd = open_file(m->pid, atoi(entry->d_name), "statm");
	}
	if (tasks)
		closedir(tasks);
	if (fd < 0)
		return false;
	close(m->fds[STATM]);
	m->fds[STATM] = fd;
	return true;
}

static bool read_memory(struct tree *t, struct member *m)
{
	struct timeline_row row;
	char text[256];

	if (read_text(m->fds[STATM], text, sizeof(text)) <= 0 ||
	    !timeline_parse_statm(text, t->page_bytes, &row))
		return false;
	m->reserved_bytes = row.reserved_bytes;
	m->committed_bytes = row.committed_bytes;
	return true;
}

/* Asked before its memory is read: that of a child which execs meanwhile is its own then. */
static bool shares_with_parent(const struct tree *t, const struct member *m)
{
	return m != t->members && t->relations[m->stat.parent] == MEMBER &&
	       syscall(SYS_kcmp, m->pid, m->stat.parent, KCMP_VM, 0, 0) == 0;
}

/*
 * False: it has ended, and has been waited for. *again: it has waited for a child, or has other
 * threads, since it was read last.
 */
static bool read_member(struct tree *t, struct member *m, bool *again)
{
	struct timeline_stat last = m->stat;
	bool shared = shares_with_parent(t, m);

	if (!read_stat(m))
		return false;
	m->reserved_bytes = m->committed_bytes = 0;
	if (!shared && !read_memory(t, m) && m->stat.threads > 1 && reopen_statm(m))
		read_memory(t, m);
	*again |= m->stat.waited_minor_faults != last.waited_minor_faults ||
		  m->stat.waited_major_faults != last.waited_major_faults ||
		  m->stat.threads != last.threads;
	return true;
}

static bool has_ended(const struct member *m)
{
	return (m->stat.state == 'Z' || m->stat.state == 'X') && m->stat.threads <= 1;
}

/* An orphan that came to us and has ended. */
static bool wait_for(struct tree *t, const struct member *m)
{
	struct rusage usage;

	if (t->orphans_fd < 0 || m == t->members || m->stat.parent != getpid() || !has_ended(m) ||
	    wait4(m->pid, NULL, WNOHANG, &usage) != m->pid)
		return false;
	t->waited_minor += (uint64_t)usage.ru_minflt;
	t->waited_major += (uint64_t)usage.ru_majflt;
	return true;
}

/*
 * Once through all, children before their parents. *again says that faults may have been counted
 * twice, in one that was waited for meanwhile and in its parent, or that a new thread's children
 * were not looked for.
 */
static void read_all(struct tree *t, bool *again)
{
	size_t kept = 0;

	*again = false;
	for (size_t i = t->n; i > 0; i--) {
		struct member *m = &t->members[i - 1];

		if (!read_member(t, m, again) || wait_for(t, m)) {
			drop_member(t, m);
			m->pid = 0;
		}
	}
	for (size_t i = 0; i < t->n; i++)
		if (t->members[i].pid)
			t->members[kept++] = t->members[i];
	t->n = kept;
}

bool tree_sample(struct tree *t, struct timeline_row *row)
{
	pid_t root = t->n ? t->members[0].pid : 0;
	bool again = true;

	for (int attempt = 0; attempt < TRIES && again; attempt++) {
		row->t_ns = now_ns();
		find_new(t);
		read_all(t, &again);
		row->end_ns = now_ns();
	}
	if (!t->n || t->members[0].pid != root || has_ended(&t->members[0]))
		return false;
	row->reserved_bytes = row->committed_bytes = 0;
	row->minor_faults = t->waited_minor;
	row->major_faults = t->waited_major;
	row->processes = 0;
	for (size_t i = 0; i < t->n; i++) {
		const struct member *m = &t->members[i];

		row->reserved_bytes += m->reserved_bytes;
		row->committed_bytes += m->committed_bytes;
		row->minor_faults += m->stat.minor_faults + m->stat.waited_minor_faults;
		row->major_faults += m->stat.major_faults + m->stat.waited_major_faults;
		row->processes += !has_ended(m);
	}
	/* Children that nobody waits for take theirs with them. */
	if (row->minor_faults < t->last_minor)
		row->minor_faults = t->last_minor;
	if (row->major_faults < t->last_major)
		row->major_faults = t->last_major;
	t->last_minor = row->minor_faults;
	t->last_major = row->major_faults;
	return true;
}

int tree_each_thread(struct tree *t, int (*each)(pid_t pid, pid_t tid, void *arg), void *arg)
{
	int result = 0;

	find_new(t);
	for (size_t i = 0; i < t->n && !result; i++) {
		pid_t pid = t->members[i].pid;
		struct dirent *entry;
		char path[64];
		DIR *tasks;

		snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
		tasks = opendir(path);
		while (tasks && !result && (entry = readdir(tasks)))
			if (isdigit((unsigned char)*entry->d_name))
				result = each(pid, atoi(entry->d_name), arg);
		if (tasks)
			closedir(tasks);
	}
	return result;
}

void tree_kill(struct tree *t)
{
	bool unused;

	for (int round = 0; round < TRIES; round++) {
		find_new(t);
		read_all(t, &unused); /* whose PID may be in use again is no member any more */
		for (size_t i = 0; i < t->n; i++)
			kill(t->members[i].pid, SIGKILL);
	}
}

uint64_t tree_processes(const struct tree *t)
{
	return t->processes;
}

uint64_t tree_unwatched(const struct tree *t)
{
	return t->unwatched;
}

/* Our own children of before are none of root's. */
static void watch_orphans(struct tree *t, pid_t root)
{
	int adopts = 0;
	char *at = t->list;

	if (prctl(PR_GET_CHILD_SUBREAPER, &adopts) || !adopts)
		return;
	t->orphans_fd = open_file(getpid(), getpid(), "children");
	if (t->orphans_fd < 0 || read_text(t->orphans_fd, t->list, sizeof(t->list)) <= 0)
		return;
	while (isdigit((unsigned char)*at)) {
		pid_t pid = (pid_t)strtol(at, &at, 10);

		if (pid != root && pid > 0 && pid <= MAX_PID)
			t->relations[pid] = STRANGER;
		at += *at == ' ';
	}
}

struct tree *tree_open(pid_t root)
{
	struct tree *t = calloc(1, sizeof(*t));
	struct rlimit limit = {.rlim_cur = 0};
	int error;

	if (!t)
		return NULL;
	getrlimit(RLIMIT_NOFILE, &limit);
	t->page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
	t->fds_left = limit.rlim_cur > SPARE_FDS ? (size_t)limit.rlim_cur - SPARE_FDS : 0;
	t->orphans_fd = -1;
	t->members = calloc(MAX_MEMBERS, sizeof(*t->members));
	t->relations = calloc(MAX_PID + 1, 1);
	error = !t->members || !t->relations  ? -ENOMEM
		: root <= 0 || root > MAX_PID ? -ESRCH
					      : add_member(t, root);
	if (error) {
		tree_close(t);
		errno = -error;
		return NULL;
	}
	watch_orphans(t, root);
	return t;
}

void tree_close(struct tree *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n; i++)
		drop_member(t, &t->members[i]);
	if (t->orphans_fd >= 0)
		close(t->orphans_fd);
	free(t->members);
	free(t->relations);
	free(t);
}
