// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "micro.h"
#include "process.h"
#include "statistics.h"
#include "statistics_ways.h"

#define MAX_PROCESSES	  5000
#define ENTRY_BYTES	  104	       /* struct tamstat: what is asked for of a process */
#define BYTES_PER_PROCESS (160u << 10) /* of an idle one, what the kernel holds for it included */

unsigned statistics_processes(unsigned i)
{
	static const unsigned processes[] = {100, 1000, MAX_PROCESSES, 0};

	return processes[i];
}

const char *statistics_subject(unsigned i)
{
	return statistics_way(i) ? statistics_way(i)->name : NULL;
}

/* ---- idle processes ---- */

static pid_t idle[MAX_PROCESSES];
static unsigned n_idle;

/* How many processes there are, and the address space of all. */
static int count_all(size_t *processes, uint64_t *reserved_bytes)
{
	struct process_list list = {.items = NULL};
	int error = source_proc.open(false);

	if (error)
		return error;
	error = source_proc.read_all(&list);
	source_proc.close();
	*processes = list.n;
	*reserved_bytes = 0;
	for (size_t i = 0; i < list.n; i++)
		*reserved_bytes += list.items[i].sizes[SIZE_RESERVED];
	process_list_clear(&list);
	return error;
}

void statistics_end(void)
{
	for (unsigned i = 0; i < n_idle; i++)
		kill(idle[i], SIGKILL);
	for (unsigned i = 0; i < n_idle; i++)
		waitpid(idle[i], NULL, 0);
	n_idle = 0;
}

int statistics_begin(unsigned processes, uint64_t memory_available_bytes, char *reason,
		     size_t reason_bytes)
{
	uint64_t unused;
	size_t n;
	int error = count_all(&n, &unused);

	if (!error && n < processes &&
	    (processes - n) * (uint64_t)BYTES_PER_PROCESS > memory_available_bytes)
		error = -ENOMEM;
	for (; !error && n < processes && n_idle < MAX_PROCESSES; n++) {
		pid_t parent = getpid(), pid = fork();

		if (pid < 0) {
			error = -errno;
			break;
		}
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (getppid() != parent)
				_exit(1);
			for (;;)
				pause();
		}
		idle[n_idle++] = pid;
	}
	if (error)
		snprintf(reason, reason_bytes, "%u processes cannot be had: %s", processes,
			 strerror(-error));
	return error;
}

/* ---- the measurer ---- */

struct finding {
	int error;
	unsigned processes, rounds;
	uint64_t cost;
	bool verified;
	char reason[200];
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static bool near(uint64_t a, uint64_t b, uint64_t allowed)
{
	return a > b ? a - b <= allowed : b - a <= allowed;
}

/* Others come and go meanwhile, and the measurer itself grows. */
static bool sees_all(const struct statistics_way *way, struct finding *finding)
{
	uint64_t reserved_bytes, all_bytes;
	size_t processes, all;

	if (way->seen(&processes, &reserved_bytes) || count_all(&all, &all_bytes))
		return false;
	finding->processes = (unsigned)processes;
	return near(processes, all, 10 + all / 100) &&
	       (reserved_bytes == UINT64_MAX ||
		near(reserved_bytes, all_bytes, (64u << 20) + all_bytes / 100));
}

static void find(const struct statistics_way *way, unsigned processes, struct finding *finding)
{
	uint64_t begin_ns;

	finding->rounds = way->reads > processes ? way->reads / processes : 1;
	finding->error = way->begin(finding->reason, sizeof(finding->reason));
	if (!finding->error)
		finding->error = way->ask(); /* the first time opens what is kept open */
	begin_ns = now_ns();
	for (unsigned i = 0; i < finding->rounds && !finding->error; i++)
		finding->error = way->ask();
	finding->cost = now_ns() - begin_ns;
	if (!finding->error)
		finding->verified = sees_all(way, finding);
}

/* In a process of its own: descriptors and libraries are gone with it. */
static void measure(const struct statistics_way *way, unsigned processes, struct finding *finding)
{
	int fds[2];
	pid_t pid;

	*finding = (struct finding){.error = -EIO};
	if (pipe2(fds, O_CLOEXEC)) {
		finding->error = -errno;
		return;
	}
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		find(way, processes, finding);
		_exit(write(fds[1], finding, sizeof(*finding)) != sizeof(*finding));
	}
	close(fds[1]);
	if (pid < 0 || read(fds[0], finding, sizeof(*finding)) != sizeof(*finding))
		finding->error = -EIO;
	if (pid > 0)
		waitpid(pid, NULL, 0);
	close(fds[0]);
}

/* ---- the sample ---- */

static struct micro describe(unsigned subject, unsigned processes, bool guest, char params[32])
{
	snprintf(params, 32, "processes=%u", processes);
	return (struct micro){.subject = statistics_subject(subject),
			      .workload = STATISTICS_WORKLOAD,
			      .params = params,
			      .size_bytes = (uint64_t)processes * ENTRY_BYTES,
			      .guest = guest};
}

void statistics_cell_id(unsigned subject, unsigned processes, bool guest, char id[CELL_ID_CHARS])
{
	char params[32];
	struct micro micro = describe(subject, processes, guest, params);

	micro_cell_id(&micro, id);
}

json_t *statistics_sample(unsigned subject, unsigned processes, unsigned rep, const char *run_id,
			  bool guest, const char *refused)
{
	const struct cell cell = {.guest = guest};
	struct finding f = {.error = -ENOSYS};
	char params[32], metric[64];
	struct micro micro = describe(subject, processes, guest, params);

	if (refused)
		snprintf(f.reason, sizeof(f.reason), "%s", refused);
	else
		measure(statistics_way(subject), processes, &f);
	if (f.error && !*f.reason)
		snprintf(f.reason, sizeof(f.reason), "%s", strerror(-f.error));
	micro.run_id = run_id;
	micro.rep = rep;
	micro.order = subject;
	micro.error = f.error;
	micro.reason = f.reason;
	micro.verified = f.verified;
	micro.metrics = json_object();
	if (!f.error) {
		snprintf(metric, sizeof(metric), "cost_%s", cell_cost_unit(&cell));
		json_object_set_new(micro.metrics, metric, json_integer((json_int_t)f.cost));
		snprintf(metric, sizeof(metric), "cost_per_process_%s", cell_cost_unit(&cell));
		json_object_set_new(micro.metrics, metric,
				    json_real((double)f.cost / f.rounds / f.processes));
		json_object_set_new(micro.metrics, "operations",
				    json_integer((json_int_t)f.rounds * f.processes));
	}
	return micro_sample(&micro);
}
