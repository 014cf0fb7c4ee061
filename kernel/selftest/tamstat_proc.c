// SPDX-License-Identifier: GPL-2.0-only
/*
 * tamstat against /proc, over every process of a busy machine, 1,000 rounds: a
 * stopped process equals /proc in every field, a running one lies between a
 * reading of /proc before and one after.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "kselftest_harness.h"
#include "tam_test.h"

#define ENTRY		sizeof(struct tamstat)
#define ROUNDS		1000
#define STOPPED		8
#define RUNNING		2
#define RETRIES		3

static const char *const field_names[] = {
	"oom_score", "oom_score_adj", "VmSize", "VmRSS", "RssAnon", "RssFile", "RssShmem",
	"VmSwap", "VmHWM", "VmPTE",
};

#define FIELDS ARRAY_LEN(field_names)

/* One process as /proc or tamstat tells it, in the units of /proc (KB). */
struct reading {
	char comm[16];
	long field[FIELDS];
};

/* /proc's files of a process, kept open: reading again from the start makes them anew. */
struct proc {
	pid_t pid;
	int status_fd;
	int score_fd;
	int adj_fd;
};

static int proc_file(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static bool proc_open(struct proc *proc, pid_t pid)
{
	proc->pid = pid;
	proc->status_fd = proc_file(pid, "status");
	proc->score_fd = proc_file(pid, "oom_score");
	proc->adj_fd = proc_file(pid, "oom_score_adj");
	return proc->status_fd >= 0 && proc->score_fd >= 0 && proc->adj_fd >= 0;
}

static void proc_close(struct proc *proc)
{
	close(proc->status_fd);
	close(proc->score_fd);
	close(proc->adj_fd);
}

static bool again(int fd, char *text, size_t size)
{
	ssize_t got = pread(fd, text, size - 1, 0);

	text[got > 0 ? got : 0] = '\0';
	return got > 0;
}

/* The number after "name:" at the start of a line; 0 if there is no such line. */
static long status_kb(const char *text, const char *name)
{
	size_t len = strlen(name);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, name, len) && line[len] == ':')
			return strtol(line + len + 1, NULL, 10);
	}
	return 0;
}

/* False if the process is gone. */
static bool read_proc(const struct proc *proc, struct reading *r)
{
	char text[4096];

	memset(r, 0, sizeof(*r));
	if (!again(proc->score_fd, text, sizeof(text)))
		return false;
	r->field[0] = strtol(text, NULL, 10);
	if (!again(proc->adj_fd, text, sizeof(text)))
		return false;
	r->field[1] = strtol(text, NULL, 10);
	if (!again(proc->status_fd, text, sizeof(text)))
		return false;
	if (sscanf(text, "Name:\t%15[^\n]", r->comm) != 1)
		return false;
	for (size_t i = 2; i < FIELDS; i++)
		r->field[i] = status_kb(text, field_names[i]);
	return true;
}

static void from_entry(const struct tamstat *entry, struct reading *r)
{
	memset(r, 0, sizeof(*r));
	memcpy(r->comm, entry->comm, sizeof(r->comm));
	r->field[0] = entry->oom_score;
	r->field[1] = entry->oom_score_adj;
	r->field[2] = entry->reserved_bytes / 1024;
	r->field[3] = entry->committed_bytes / 1024;
	r->field[4] = entry->anon_bytes / 1024;
	r->field[5] = entry->file_bytes / 1024;
	r->field[6] = entry->shmem_bytes / 1024;
	r->field[7] = entry->swap_bytes / 1024;
	r->field[8] = entry->peak_committed_bytes / 1024;
	r->field[9] = entry->page_table_bytes / 1024;
}

/* The index of the first field of r outside [a, b] (or [b, a]); FIELDS if there is none. */
static size_t first_outside(const struct reading *r, const struct reading *a,
			    const struct reading *b)
{
	for (size_t i = 0; i < FIELDS; i++) {
		long low = a->field[i] < b->field[i] ? a->field[i] : b->field[i];
		long high = a->field[i] < b->field[i] ? b->field[i] : a->field[i];

		if (r->field[i] < low || r->field[i] > high)
			return i;
	}
	return FIELDS;
}

/*
 * One comparison; 0 if right, else 1 with the reason printed. Without retries the
 * process is stopped, and one reading of /proc does for both. A process that is
 * gone meanwhile is right. A name longer than 15 characters and a kernel
 * worker's, which /proc embellishes, are compared as far as tamstat has them.
 */
static int compare(const struct proc *proc, int retries)
{
	const bool stopped = !retries;
	struct reading before, now, after;
	struct tamstat entry;
	size_t bad = FIELDS;

	for (int attempt = 0; attempt <= retries; attempt++) {
		if (!read_proc(proc, &before) ||
		    tamstat(proc->pid, 0, &entry, 1, ENTRY) != 1)
			return 0;
		if (stopped)
			after = before;
		else if (!read_proc(proc, &after))
			return 0;
		from_entry(&entry, &now);
		if (entry.pid != proc->pid || (!(entry.flags & TAMSTAT_NO_MM) &&
					       strncmp(now.comm, before.comm, 15))) {
			printf("# PID %d (%s): tamstat says PID %d (%s)\n", proc->pid, before.comm,
			       entry.pid, now.comm);
			return 1;
		}
		bad = first_outside(&now, &before, &after);
		if (bad == FIELDS)
			return 0;
		printf("# PID %d (%s): %s %ld is not within %ld and %ld of /proc%s\n", proc->pid,
		       before.comm, field_names[bad], now.field[bad], before.field[bad],
		       after.field[bad], attempt < retries ? "; again" : "");
	}
	return 1;
}

/* The kinds of stopped process: what each holds when it stops. */
static void hold(int kind)
{
	size_t bytes = (1 + kind) * 64 * 1024;
	char *p = tamalloc(bytes * 4, kind * 17, 0), adj[8];
	int fd;

	write_pages(p, bytes / 4096, 1 + kind % 3, 1);
	if (kind % 4 == 1) {
		fd = memfd_create("held", 0);
		if (ftruncate(fd, bytes))
			exit(1);
		p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		write_pages(p, bytes / 4096, 2, 1);
	}
	if (kind % 4 == 2)
		madvise(p, bytes, MADV_PAGEOUT);
	if (kind % 4 == 3) {
		snprintf(adj, sizeof(adj), "%d", kind * 60 - 400);
		write_text("/proc/self/oom_score_adj", adj);
		munmap(p, bytes / 2);	/* a peak above what is left */
	}
}

/* Grows page by page, drops all, grows again; sleeps in between to leave the CPU to the others. */
static void run_up_and_down(int kind)
{
	const size_t pages = 8192;
	char *p = tamalloc(pages * 4096, kind, 0);

	for (;;) {
		for (size_t i = 0; i < pages; i++) {
			store_byte(p + i * 4096, 1);
			if (i % 8 == 0)
				usleep(50);
		}
		madvise(p, pages * 4096, MADV_DONTNEED);
	}
}

static pid_t make_stopped(int kind)
{
	pid_t child = fork();
	int status;

	if (!child) {
		hold(kind);
		raise(SIGSTOP);
		_exit(0);
	}
	waitpid(child, &status, WUNTRACED);
	return child;
}

static pid_t make_running(int kind)
{
	pid_t child = fork();

	if (!child)
		run_up_and_down(kind);
	return child;
}

/* All the others that are there now: the machine's own, kernel threads included. */
static int compare_others(pid_t *pids, int known)
{
	static struct tamstat entries[1024];
	long count = tamstat(1, TAMSTAT_ALL, entries, ARRAY_LEN(entries), ENTRY);
	int bad = 0;

	for (long i = 0; i < count; i++) {
		struct proc proc;
		bool ours = false;

		for (int k = 0; k < known; k++)
			ours |= pids[k] == entries[i].pid;
		if (!ours && proc_open(&proc, entries[i].pid))
			bad += compare(&proc, RETRIES);
		proc_close(&proc);
	}
	return count > known ? bad : 1;
}

FIXTURE(busy)
{
	pid_t pid[STOPPED + RUNNING];
};

FIXTURE_SETUP(busy)
{
	const char *reason = tam_unsupported();

	if (!reason)
		reason = zram_swap_on(32 * MB);
	if (reason)
		SKIP(return, "%s", reason);
	for (int i = 0; i < STOPPED; i++)
		self->pid[i] = make_stopped(i);
	for (int i = 0; i < RUNNING; i++)
		self->pid[STOPPED + i] = make_running(i);
}

FIXTURE_TEARDOWN_PARENT(busy)
{
	for (int i = 0; i < STOPPED + RUNNING; i++)
		if (self->pid[i] > 0)
			kill(self->pid[i], SIGKILL);
	zram_swap_off();
}

TEST_F_TIMEOUT(busy, every_process_equals_proc_for_1000_rounds, LIMIT_LONG)
{
	struct proc proc[STOPPED + RUNNING];
	long swapped = 0, adjusted = 0;
	struct reading first;
	int bad = 0;

	for (int i = 0; i < STOPPED + RUNNING; i++)
		ASSERT_TRUE(proc_open(&proc[i], self->pid[i]));
	for (int i = 0; i < STOPPED; i++) {
		ASSERT_TRUE(read_proc(&proc[i], &first));
		swapped += first.field[7];
		adjusted += first.field[1] != 0;
	}
	/* What is to be compared is there. */
	EXPECT_LT(0, swapped);
	EXPECT_LT(0, adjusted);
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < STOPPED + RUNNING; i++)
			bad += compare(&proc[i], i < STOPPED ? 0 : RETRIES);
		if (round % 100 == 0) {
			TH_LOG("round %d", round);
			bad += compare_others(self->pid, STOPPED + RUNNING);
		}
		ASSERT_GE(10, bad);
	}
	EXPECT_EQ(0, bad);
}

TEST_HARNESS_MAIN
