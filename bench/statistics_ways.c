// SPDX-License-Identifier: MIT
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef TA_LIBPROC2
#include <libproc2/pids.h>
#endif

#include "environment.h"
#include "process.h"
#include "statistics_ways.h"

/* ---- tamstat's own readers ---- */

static struct process_list list;

static int refuse(char *reason, size_t reason_bytes, const char *text)
{
	snprintf(reason, reason_bytes, "%s", text);
	return -ENOSYS;
}

static int begin_syscall(char *reason, size_t reason_bytes)
{
	if (source_syscall.open(true))
		return refuse(reason, reason_bytes, "needs the tamalloc kernel");
	return 0;
}

static int begin_proc_kept(char *reason, size_t reason_bytes)
{
	(void)reason, (void)reason_bytes;
	return source_proc.open(true);
}

static int begin_proc(char *reason, size_t reason_bytes)
{
	(void)reason, (void)reason_bytes;
	return source_proc.open(false);
}

static int ask_syscall(void)
{
	return source_syscall.read_all(&list);
}

static int ask_proc(void)
{
	return source_proc.read_all(&list);
}

static int seen_in_list(size_t *processes, uint64_t *reserved_bytes)
{
	*processes = list.n;
	*reserved_bytes = 0;
	for (size_t i = 0; i < list.n; i++)
		*reserved_bytes += list.items[i].sizes[SIZE_RESERVED];
	return 0;
}

/* ---- the least of /proc: reserved, committed and OOM score, files that stay open ---- */

#define MAX_PROCESSES 16384

static struct {
	int fds[MAX_PROCESSES][2];
	uint64_t reserved_bytes[MAX_PROCESSES], committed_bytes[MAX_PROCESSES];
	long oom_scores[MAX_PROCESSES];
	unsigned n;
} least;

static int begin_least(char *reason, size_t reason_bytes)
{
	struct dirent *entry;
	DIR *directory = opendir("/proc");

	if (!directory)
		return -errno;
	raise_descriptor_limit();
	while ((entry = readdir(directory)) && least.n < MAX_PROCESSES) {
		static const char *const names[] = {"statm", "oom_score"};
		int *fds = least.fds[least.n];
		char path[300];

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		for (int f = 0; f < 2; f++) {
			snprintf(path, sizeof(path), "%s/%s", entry->d_name, names[f]);
			fds[f] = openat(dirfd(directory), path, O_RDONLY | O_CLOEXEC);
			if (fds[f] < 0 && errno == EMFILE)
				return refuse(reason, reason_bytes,
					      "the limit of open files (ulimit -n) is too low");
		}
		least.n += fds[0] >= 0 && fds[1] >= 0;
	}
	closedir(directory);
	return 0;
}

static int ask_least(void)
{
	uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
	char text[256], *at;

	for (unsigned i = 0; i < least.n; i++) {
		ssize_t n = pread(least.fds[i][0], text, sizeof(text) - 1, 0);

		text[n < 0 ? 0 : n] = 0; /* it may have ended */
		least.reserved_bytes[i] = strtoull(text, &at, 10) * page_bytes;
		least.committed_bytes[i] = strtoull(at, NULL, 10) * page_bytes;
		n = pread(least.fds[i][1], text, sizeof(text) - 1, 0);
		text[n < 0 ? 0 : n] = 0;
		least.oom_scores[i] = strtol(text, NULL, 10);
	}
	return 0;
}

static int seen_by_least(size_t *processes, uint64_t *reserved_bytes)
{
	*processes = least.n;
	*reserved_bytes = 0;
	for (unsigned i = 0; i < least.n; i++)
		*reserved_bytes += least.reserved_bytes[i];
	return 0;
}

/* ---- libproc2, the library behind ps and top ---- */

#ifdef TA_LIBPROC2
static struct pids_info *pids;
static struct pids_fetch *fetched;

static int begin_libproc2(char *reason, size_t reason_bytes)
{
	/* What tamstat shows. */
	static enum pids_item items[] = {PIDS_VM_SIZE,	     PIDS_ID_TGID,     PIDS_CMD,
					 PIDS_VM_RSS,	     PIDS_VM_RSS_ANON, PIDS_VM_RSS_FILE,
					 PIDS_VM_RSS_SHARED, PIDS_VM_SWAP,     PIDS_OOM_SCORE,
					 PIDS_OOM_ADJ};

	(void)reason, (void)reason_bytes;
	return procps_pids_new(&pids, items, (int)(sizeof(items) / sizeof(*items)));
}

static int ask_libproc2(void)
{
	fetched = procps_pids_reap(pids, PIDS_FETCH_TASKS_ONLY);
	return fetched ? 0 : -errno;
}

static int seen_by_libproc2(size_t *processes, uint64_t *reserved_bytes)
{
	*processes = (size_t)fetched->counts->total;
	*reserved_bytes = 0;
	for (size_t i = 0; i < *processes; i++)
		*reserved_bytes += PIDS_VAL(0, ul_int, fetched->stacks[i], pids) * 1024;
	return 0;
}
#else
static int begin_libproc2(char *reason, size_t reason_bytes)
{
	return refuse(reason, reason_bytes,
		      "built without libproc2; install libproc2-dev and build again");
}

#define ask_libproc2	 NULL
#define seen_by_libproc2 NULL
#endif

/* ---- programs, whole: started, read, printed ---- */

static char program[4096];
static const char *const *arguments;

static int run_program(int out_fd)
{
	pid_t pid = vfork();
	int status;

	if (pid == 0) {
		dup2(out_fd, STDOUT_FILENO);
		execv(program, (char *const *)arguments);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -errno;
	return status ? -EIO : 0;
}

static int begin_ps(char *reason, size_t reason_bytes)
{
	static const char *const ps[] = {"ps", "-eo", "pid,rss,vsz,oom,comm", NULL};

	arguments = ps;
	strcpy(program, "/usr/bin/ps");
	return access(program, X_OK) ? refuse(reason, reason_bytes, "install procps") : 0;
}

static int begin_tamstat(char *reason, size_t reason_bytes)
{
	static const char *const tamstat[] = {"tamstat", NULL};

	arguments = tamstat;
	if (path_beside_program("tamstat", program, sizeof(program)) || access(program, X_OK))
		return refuse(reason, reason_bytes, "there is no tamstat beside tabench");
	return 0;
}

static int ask_program(void)
{
	static int null_fd = -1;

	if (null_fd < 0)
		null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	return run_program(null_fd);
}

static int seen_by_program(size_t *processes, uint64_t *reserved_bytes)
{
	int fd = memfd_create("output", MFD_CLOEXEC), error = run_program(fd);
	char text[4096];
	ssize_t n;

	*processes = 0;
	*reserved_bytes = UINT64_MAX;
	for (off_t at = 0; (n = pread(fd, text, sizeof(text), at)) > 0; at += n)
		for (ssize_t i = 0; i < n; i++)
			*processes += text[i] == '\n';
	close(fd);
	*processes -= *processes > 0; /* the header */
	return error;
}

static const struct statistics_way ways[] = {
	{"tamstat/syscall", 40000, begin_syscall, ask_syscall, seen_in_list},
	{"tamstat/proc-cached", 5000, begin_proc_kept, ask_proc, seen_in_list},
	{"tamstat/proc", 1000, begin_proc, ask_proc, seen_in_list},
	{"proc/statm+oom_score", 10000, begin_least, ask_least, seen_by_least},
	{"libproc2", 1000, begin_libproc2, ask_libproc2, seen_by_libproc2},
	{"program/tamstat", 1000, begin_tamstat, ask_program, seen_by_program},
	{"program/ps", 1000, begin_ps, ask_program, seen_by_program},
};

const struct statistics_way *statistics_way(unsigned i)
{
	return i < sizeof(ways) / sizeof(*ways) ? &ways[i] : NULL;
}
