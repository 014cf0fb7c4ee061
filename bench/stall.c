// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "micro.h"
#include "process.h"
#include "stall.h"

#define ROUNDS		 500u
#define FAULTS_PER_ROUND 10u
#define FAULTS		 (ROUNDS * FAULTS_PER_ROUND)
#define PACE_NS		 100000
#define TIMEOUT_S	 120

/* ---- ways of reading ---- */

static int begin_nothing(pid_t pid)
{
	(void)pid;
	return 0;
}

static int read_nothing(pid_t pid)
{
	(void)pid;
	return getppid() > 0 ? 0 : -ESRCH;
}

static int begin_syscall(pid_t pid)
{
	(void)pid;
	return source_syscall.open(true);
}

static int read_syscall(pid_t pid)
{
	struct process process;

	return source_syscall.read_one(pid, &process);
}

static int file_fd;

static int begin_file(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	file_fd = open(path, O_RDONLY | O_CLOEXEC);
	return file_fd < 0 ? -errno : 0;
}

static int begin_statm(pid_t pid)
{
	return begin_file(pid, "statm");
}

static int begin_status(pid_t pid)
{
	return begin_file(pid, "status");
}

static int begin_smaps_rollup(pid_t pid)
{
	return begin_file(pid, "smaps_rollup");
}

static int begin_smaps(pid_t pid)
{
	return begin_file(pid, "smaps");
}

/* From begin to end: pread(2) of what follows would make the kernel begin anew. */
static int read_file(pid_t pid)
{
	static char text[65536];
	ssize_t n, total = 0;

	(void)pid;
	if (lseek(file_fd, 0, SEEK_SET))
		return -errno;
	while ((n = read(file_fd, text, sizeof(text))) > 0)
		total += n;
	return n < 0 ? -errno : total ? 0 : -ESRCH;
}

static const struct way {
	const char *name;
	int (*begin)(pid_t pid);
	int (*read)(pid_t pid);
} ways[] = {
	{"none", begin_nothing, read_nothing},
	{"tamstat/syscall", begin_syscall, read_syscall},
	{"proc/statm", begin_statm, read_file},
	{"proc/status", begin_status, read_file},
	{"proc/smaps_rollup", begin_smaps_rollup, read_file},
	{"proc/smaps", begin_smaps, read_file},
};

const char *stall_way(unsigned i)
{
	return i < sizeof(ways) / sizeof(*ways) ? ways[i].name : NULL;
}

/* ---- what target and reader share ---- */

struct shared {
	atomic_int ready, go; /* the target stands with its memory; a reader is under way */
	_Atomic uint64_t reads;
	uint64_t reads_begin, reads_end, begin_ns, end_ns; /* of the timed part */
	uint32_t faults_ns[FAULTS], maps_ns[ROUNDS];
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* fork(2); the child does not outlive its parent, nor TIMEOUT_S. */
static pid_t fork_bound(void)
{
	pid_t parent = getpid(), pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(TIMEOUT_S);
		if (getppid() != parent)
			_exit(1);
	}
	return pid;
}

/* Onto the n-th of the CPUs that we may use, so that the two do not take turns on one. */
static void pin(int n)
{
	cpu_set_t allowed, one;

	if (sched_getaffinity(0, sizeof(allowed), &allowed))
		return;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &allowed) || n--)
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		sched_setaffinity(0, sizeof(one), &one);
		return;
	}
}

static void *map(size_t bytes)
{
	return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static uint32_t since(uint64_t begin_ns)
{
	uint64_t ns = now_ns() - begin_ns;

	return ns > UINT32_MAX ? UINT32_MAX : (uint32_t)ns;
}

/* Busy until then: to sleep would time the scheduler. */
static void spin_until(uint64_t t_ns)
{
	while (now_ns() < t_ns)
		;
}

/* Random pages of the resident ones, given back before: the reader walks by them. */
static void time_faults(volatile char *resident, size_t pages, size_t page, uint32_t *ns)
{
	for (unsigned i = 0; i < FAULTS_PER_ROUND; i++) {
		volatile char *at = resident + (size_t)rand() % pages * page;
		uint64_t begin_ns;

		if (madvise((void *)at, page, MADV_DONTNEED))
			_exit(2);
		begin_ns = now_ns();
		*at = 1;
		ns[i] = since(begin_ns);
	}
}

static uint32_t time_map(size_t page)
{
	uint64_t begin_ns = now_ns();
	void *one = map(page);

	if (one == MAP_FAILED || munmap(one, page))
		_exit(2);
	return since(begin_ns);
}

/* Rounds at a pace of their own, so that each comes at any time of a reading. */
__attribute__((noreturn)) static void target(struct shared *s, size_t resident_bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *resident;

	pin(0);
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	resident = map(resident_bytes);
	if (resident == MAP_FAILED)
		_exit(2);
	memset(resident, 1, resident_bytes);
	s->ready = 1;
	while (!s->go)
		sched_yield();
	s->reads_begin = s->reads;
	s->begin_ns = now_ns();
	for (unsigned round = 0; round < ROUNDS; round++) {
		spin_until(now_ns() + PACE_NS);
		time_faults(resident, resident_bytes / page, page,
			    &s->faults_ns[round * FAULTS_PER_ROUND]);
		spin_until(now_ns() + PACE_NS);
		s->maps_ns[round] = time_map(page);
	}
	s->end_ns = now_ns();
	s->reads_end = s->reads;
	_exit(0);
}

__attribute__((noreturn)) static void reader(struct shared *s, const struct way *way, pid_t pid)
{
	int error;

	pin(1);
	error = way->begin(pid);
	if (!error)
		error = way->read(pid);
	if (error)
		_exit(error == -ENOSYS ? 4 : 1);
	for (s->go = 1; !error; error = way->read(pid)) /* until the target is gone */
		s->reads++;
	_exit(0);
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static struct stall_times times_of(uint32_t *values, size_t n)
{
	qsort(values, n, sizeof(*values), by_value);
	return (struct stall_times){.p50_ns = values[n / 2],
				    .p99_ns = values[n - 1 - n / 100],
				    .max_ns = values[n - 1]};
}

/* Waits until the target has ended, or the reader has failed, as *reader_status says. */
static int await(pid_t target_pid, pid_t reader_pid, int *reader_status)
{
	int status;

	for (;;) {
		pid_t pid = wait(&status);

		if (pid == target_pid)
			return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
		if (pid == reader_pid) {
			*reader_status = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
			if (*reader_status) /* else it saw the target go */
				return -EIO;
		}
		if (pid < 0 && errno != EINTR)
			return -errno;
	}
}

/* In a process of its own, which has no other children. */
static void measure(const struct way *way, size_t resident_bytes, struct shared *s,
		    struct stall *stall)
{
	pid_t target_pid = fork_bound(), reader_pid;
	int reader_status = 0;

	if (target_pid == 0)
		target(s, resident_bytes);
	while (target_pid > 0 && !s->ready && !waitpid(target_pid, NULL, WNOHANG))
		usleep(1000);
	reader_pid = fork_bound();
	if (reader_pid == 0)
		reader(s, way, target_pid);
	stall->error = await(target_pid, reader_pid, &reader_status);
	if (reader_status == 4) {
		stall->error = -ENOSYS;
		snprintf(stall->reason, sizeof(stall->reason), "needs the tamalloc kernel");
	}
	kill(target_pid, SIGKILL);
	kill(reader_pid, SIGKILL);
	if (stall->error)
		return;
	stall->fault = times_of(s->faults_ns, FAULTS);
	stall->map = times_of(s->maps_ns, ROUNDS);
	stall->reads = s->reads_end - s->reads_begin;
	stall->read_ns = (s->end_ns - s->begin_ns) / (stall->reads ? stall->reads : 1);
}

void stall_measure(unsigned way, uint64_t resident_bytes, struct stall *stall)
{
	size_t shared_bytes = sizeof(struct shared) + sizeof(*stall);
	struct shared *s = mmap(NULL, shared_bytes, PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	cpu_set_t allowed;
	pid_t pid;

	*stall = (struct stall){.error = -ENOMEM};
	if (s == MAP_FAILED)
		return;
	if (sched_getaffinity(0, sizeof(allowed), &allowed) || CPU_COUNT(&allowed) < 2) {
		stall->error = -ENOSYS;
		snprintf(stall->reason, sizeof(stall->reason),
			 "needs two CPUs: on one, a reader and its target take turns");
	} else {
		*(struct stall *)(s + 1) = (struct stall){.error = -EIO};
		pid = fork_bound();
		if (pid == 0) {
			measure(&ways[way], resident_bytes, s, (struct stall *)(s + 1));
			_exit(0);
		}
		if (pid > 0 && waitpid(pid, NULL, 0) == pid)
			*stall = *(struct stall *)(s + 1);
	}
	munmap(s, shared_bytes);
}

/* ---- as samples ---- */

static struct micro describe(unsigned way)
{
	return (struct micro){.subject = stall_way(way),
			      .workload = STALL_WORKLOAD,
			      .params = "",
			      .size_bytes = STALL_RESIDENT_BYTES};
}

void stall_cell_id(unsigned way, char id[CELL_ID_CHARS])
{
	struct micro micro = describe(way);

	micro_cell_id(&micro, id);
}

static json_t *metrics_of(const struct stall *s)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "fault_p50_ns",
			 (json_int_t)s->fault.p50_ns, "fault_p99_ns", (json_int_t)s->fault.p99_ns,
			 "fault_max_ns", (json_int_t)s->fault.max_ns, "map_p50_ns",
			 (json_int_t)s->map.p50_ns, "map_p99_ns", (json_int_t)s->map.p99_ns,
			 "map_max_ns", (json_int_t)s->map.max_ns, "read_ns", (json_int_t)s->read_ns,
			 "reads", (json_int_t)s->reads);
}

json_t *stall_sample(unsigned way, unsigned rep, const char *run_id)
{
	struct micro micro = describe(way);
	struct stall stall;

	stall_measure(way, STALL_RESIDENT_BYTES, &stall);
	if (stall.error && !*stall.reason)
		snprintf(stall.reason, sizeof(stall.reason), "%s", strerror(-stall.error));
	micro.run_id = run_id;
	micro.rep = rep;
	micro.order = way;
	micro.error = stall.error;
	micro.reason = stall.reason;
	micro.verified = true;
	micro.metrics = stall.error ? json_object() : metrics_of(&stall);
	return micro_sample(&micro);
}
