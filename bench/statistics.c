// SPDX-License-Identifier: MIT
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../kernel/src/include/uapi/linux/tamalloc.h"
#include "plan.h"
#include "statistics.h"

#define NR_TAMSTAT    552
#define MAX_PROCESSES 4096
#define MAX_FILES     3
#define READS	      40000 /* processes asked for in a measurement, at least */

unsigned statistics_processes(unsigned i)
{
	static const unsigned processes[] = {100, 1000, 0};

	return processes[i];
}

/* ---- what is measured: reserved, committed, OOM score of every process ---- */

struct entry {
	uint64_t reserved_bytes, committed_bytes;
	long oom_score;
};

struct reader {
	unsigned n; /* processes */
	pid_t idle[MAX_PROCESSES];
	unsigned n_idle;
	pid_t pids[MAX_PROCESSES];
	int fds[MAX_PROCESSES][MAX_FILES];
	struct entry entries[MAX_PROCESSES];
	struct tamstat stats[MAX_PROCESSES];
};

static struct reader reader; /* of the measurer */

static const char *const no_files[MAX_FILES];
static const char *const statm_files[MAX_FILES] = {"statm", "oom_score"};
static const char *const status_files[MAX_FILES] = {"status", "oom_score", "oom_score_adj"};

/* A process that has ended meanwhile (kernel threads come and go) is left out. */
static int open_files(const char *const *files)
{
	struct rlimit limit = {MAX_PROCESSES * MAX_FILES + 64, MAX_PROCESSES * MAX_FILES + 64};

	setrlimit(RLIMIT_NOFILE, &limit);
	for (unsigned i = 0; i < reader.n; i++)
		for (unsigned f = 0; f < MAX_FILES && files[f]; f++) {
			char path[64];

			snprintf(path, sizeof(path), "/proc/%d/%s", (int)reader.pids[i], files[f]);
			reader.fds[i][f] = open(path, O_RDONLY | O_CLOEXEC);
			if (reader.fds[i][f] < 0 && errno != ENOENT)
				return -errno;
		}
	return 0;
}

static int read_file(int fd, char *text, size_t bytes)
{
	ssize_t got = pread(fd, text, bytes - 1, 0);

	if (got < 0 && errno != ESRCH && errno != EBADF) /* it has ended */
		return -errno;
	text[got < 0 ? 0 : got] = 0;
	return 0;
}

static int by_tamstat(void)
{
	unsigned done = 0;
	pid_t next = 1;

	while (done < reader.n) {
		long got = syscall(NR_TAMSTAT, next, TAMSTAT_ALL, reader.stats + done,
				   reader.n - done, sizeof(*reader.stats));

		if (got <= 0)
			return got ? -errno : 0;
		done += (unsigned)got;
		next = reader.stats[done - 1].pid + 1;
	}
	return 0;
}

static int by_statm(void)
{
	static uint64_t page_bytes;
	char text[256], *at;

	if (!page_bytes)
		page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
	for (unsigned i = 0; i < reader.n; i++) {
		struct entry *entry = &reader.entries[i];
		int error = read_file(reader.fds[i][0], text, sizeof(text));

		if (error)
			return error;
		entry->reserved_bytes = strtoull(text, &at, 10) * page_bytes;
		entry->committed_bytes = strtoull(at, NULL, 10) * page_bytes;
		error = read_file(reader.fds[i][1], text, sizeof(text));
		if (error)
			return error;
		entry->oom_score = strtol(text, NULL, 10);
	}
	return 0;
}

/* "VmSize:	  1234 kB" */
static uint64_t kib_line(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? strtoull(at + strlen(name), NULL, 10) * 1024 : 0;
}

static int by_status(void)
{
	char text[4096];

	for (unsigned i = 0; i < reader.n; i++) {
		struct entry *entry = &reader.entries[i];
		int error = read_file(reader.fds[i][0], text, sizeof(text));

		if (error)
			return error;
		entry->reserved_bytes = kib_line(text, "\nVmSize:");
		entry->committed_bytes = kib_line(text, "\nVmRSS:");
		for (unsigned f = 1; f < MAX_FILES; f++) {
			error = read_file(reader.fds[i][f], text, sizeof(text));
			if (error)
				return error;
			entry->oom_score = strtol(text, NULL, 10);
		}
	}
	return 0;
}

static const struct {
	const char *name;
	const char *const *files;
	int (*read)(void);
} subjects[] = {
	{"tamstat/syscall", no_files, by_tamstat},
	{"proc/statm+oom_score", statm_files, by_statm},
	{"proc/status+oom_score+oom_score_adj", status_files, by_status},
};

const char *statistics_subject(unsigned i)
{
	return i < sizeof(subjects) / sizeof(*subjects) ? subjects[i].name : NULL;
}

/* ---- the measurer ---- */

struct finding {
	int error;
	unsigned processes, rounds;
	uint64_t cost, reserved_bytes;
	bool verified;
};

static int list_processes(void)
{
	DIR *directory = opendir("/proc");
	struct dirent *entry;

	reader.n = 0;
	if (!directory)
		return -errno;
	while ((entry = readdir(directory)))
		if (isdigit((unsigned char)entry->d_name[0]) && reader.n < MAX_PROCESSES)
			reader.pids[reader.n++] = atoi(entry->d_name);
	closedir(directory);
	return 0;
}

/* Idle processes until n exist. */
static int populate(unsigned n)
{
	int error = list_processes();

	for (unsigned i = reader.n; i < n && !error; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return -errno;
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;)
				pause();
		}
		reader.idle[reader.n_idle++] = pid;
	}
	return error ? error : list_processes();
}

static void depopulate(void)
{
	for (unsigned i = 0; i < reader.n_idle; i++)
		kill(reader.idle[i], SIGKILL);
	for (unsigned i = 0; i < reader.n_idle; i++)
		waitpid(reader.idle[i], NULL, 0);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Every way must see the same address space, to the byte. */
static bool same_as_statm(int (*read)(void))
{
	uint64_t sum = 0, expected = 0;

	if (open_files(statm_files) || by_statm())
		return false;
	for (unsigned i = 0; i < reader.n; i++) {
		sum += read == by_tamstat ? reader.stats[i].reserved_bytes : 0;
		expected += reader.entries[i].reserved_bytes;
	}
	return read != by_tamstat || sum == expected;
}

static void find(unsigned subject, unsigned processes, struct finding *finding)
{
	int (*read)(void) = subjects[subject].read;
	uint64_t begin_ns;

	finding->rounds = READS / processes;
	finding->error = populate(processes);
	finding->processes = reader.n;
	if (!finding->error)
		finding->error = open_files(subjects[subject].files);
	if (!finding->error)
		finding->error = read(); /* what the first time costs is not what is asked */
	begin_ns = now_ns();
	for (unsigned i = 0; i < finding->rounds && !finding->error; i++)
		finding->error = read();
	finding->cost = now_ns() - begin_ns;
	finding->verified = !finding->error && same_as_statm(read);
}

static struct finding measure(unsigned subject, unsigned processes)
{
	struct finding finding = {.error = -EIO};
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return (struct finding){.error = -errno};
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		find(subject, processes, &finding);
		if (write(fds[1], &finding, sizeof(finding)) != sizeof(finding))
			_exit(1);
		depopulate();
		_exit(0);
	}
	close(fds[1]);
	if (pid > 0) {
		setpgid(pid, pid);
		if (read(fds[0], &finding, sizeof(finding)) != sizeof(finding))
			finding.error = -EIO;
		waitpid(pid, NULL, 0);
	}
	close(fds[0]);
	return finding;
}

/* ---- the sample ---- */

void statistics_cell_id(unsigned subject, unsigned processes, bool guest, char id[CELL_ID_CHARS])
{
	const struct cell cell = {.guest = guest};
	char identity[CELL_IDENTITY_CHARS];

	snprintf(identity, sizeof(identity), "%s|%s|" STATISTICS_WORKLOAD "|%zu|1|0|processes=%u",
		 cell_target(&cell), statistics_subject(subject),
		 processes * sizeof(struct tamstat), processes);
	cell_id(identity, id);
}

json_t *statistics_sample(unsigned subject, unsigned processes, unsigned rep, const char *run_id,
			  bool guest)
{
	const struct cell cell = {.guest = guest};
	const char *name = statistics_subject(subject), *unit = cell_cost_unit(&cell);
	struct timespec now;
	struct finding f;
	char id[CELL_ID_CHARS], metric[64];
	json_t *sample, *metrics;

	clock_gettime(CLOCK_REALTIME, &now);
	f = measure(subject, processes);
	statistics_cell_id(subject, processes, guest, id);
	metrics = json_object();
	if (!f.error) {
		snprintf(metric, sizeof(metric), "cost_%s", unit);
		json_object_set_new(metrics, metric, json_integer((json_int_t)f.cost));
		snprintf(metric, sizeof(metric), "cost_per_process_%s", unit);
		json_object_set_new(metrics, metric,
				    json_real((double)f.cost / f.rounds / f.processes));
		json_object_set_new(metrics, "operations",
				    json_integer((json_int_t)f.rounds * f.processes));
	}
	sample = json_pack(
		"{s:i, s:s, s:s, s:s, s:i, s:i, s:i, s:I, s:s, s:s, s:s, s:s, s:n, s:s, s:I, s:i, "
		"s:i, s:{s:i}, s:s, s:o, s:n, s:[], s:n, s:n, s:n, s:{s:n, s:n, s:n, s:n, s:n}, "
		"s:n, s:n, s:n, s:n, s:n, s:n, s:{s:n, s:n}, s:{}, s:o, s:o}",
		"schema", 1, "kind", "micro", "run_id", run_id, "cell_id", id, "block", rep,
		"order", subject, "rep", rep, "started_ns",
		(json_int_t)now.tv_sec * 1000000000 + now.tv_nsec, "purpose", "measure", "target",
		cell_target(&cell), "clock", cell_clock(&cell), "subject", name, "backend",
		"workload", STATISTICS_WORKLOAD, "size_bytes",
		(json_int_t)(processes * sizeof(struct tamstat)), "threads", 1, "fill", 0, "params",
		"processes", processes, "outcome",
		!f.error	     ? "ok"
		: f.error == -ENOSYS ? "unsupported"
				     : "failed",
		"reason",
		!f.error ? json_null()
			 : json_string(f.error == -ENOSYS ? "needs the tamalloc kernel"
							  : strerror(-f.error)),
		"signal", "phases", "touched_pages", "reserved_bytes", "committed_bytes",
		"committed_parts", "anon", "swap", "hugetlb", "shmem_or_memfd", "driver",
		"page_table_bytes", "vma_count", "huge_bytes", "peak_rss_bytes",
		"rss_after_free_bytes", "latency", "hw", "cycles", "dtlb_misses", "probe_source",
		"verified", f.error ? json_null() : json_boolean(f.verified), "metrics", metrics);
	return sample;
}
