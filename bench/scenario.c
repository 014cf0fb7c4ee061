// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runner.h"
#include "scenario.h"
#include "scenarios/group.h"

#define TIMEOUT_S 180
#define POLL_US	  5000

static struct scenario *scenarios;

void scenario_register(struct scenario *scenario)
{
	struct scenario **at = &scenarios;

	while (*at && strcmp((*at)->cases->scenario, scenario->cases->scenario) < 0)
		at = &(*at)->next;
	scenario->next = *at;
	*at = scenario;
}

const struct scenario *scenario_first(void)
{
	return scenarios;
}

/* ---- what a case says ---- */

static void say(char *out, size_t out_bytes, const char *format, va_list arguments)
{
	if (!*out)
		vsnprintf(out, out_bytes, format, arguments);
}

void scenario_unsupported(struct scenario_result *r, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(r->reason, sizeof(r->reason), format, arguments);
	va_end(arguments);
	if (r->state == SCENARIO_HELD)
		r->state = SCENARIO_UNSUPPORTED;
}

void scenario_broken(struct scenario_result *r, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(r->reason, sizeof(r->reason), format, arguments);
	va_end(arguments);
	if (r->state == SCENARIO_HELD)
		r->state = SCENARIO_BROKEN;
}

void scenario_observed(struct scenario_result *r, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(r->observed, sizeof(r->observed), format, arguments);
	va_end(arguments);
}

void scenario_metric(struct scenario_result *r, const char *name, double value)
{
	if (r->n_metrics == SCENARIO_MAX_METRICS)
		return;
	snprintf(r->metrics[r->n_metrics].name, sizeof(r->metrics[0].name), "%s", name);
	r->metrics[r->n_metrics++].value = value;
}

/* ---- running a case ---- */

__attribute__((noreturn)) static void direct(const struct scenario_case *c,
					     struct scenario_result *r, pid_t parent)
{
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	setpgid(0, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int s = 1; s < NSIG; s++)
		signal(s, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);	       /* a member may be killed while it is spoken to */
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0); /* counts are of base pages */
	c->run(c, r);
	_exit(0);
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Waits until the director has ended or its time is up, then ends its whole group. */
static bool wait_for(pid_t pid, struct scenario_result *r, const volatile sig_atomic_t *interrupt)
{
	double begin_s = now_s();
	int status = 0;
	bool late = false, interrupted = false;

	for (;;) {
		siginfo_t info = {.si_pid = 0};

		if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) || info.si_pid)
			break;
		late = now_s() - begin_s > TIMEOUT_S;
		interrupted = interrupt && *interrupt;
		if (late || interrupted)
			break;
		usleep(POLL_US);
	}
	kill(-pid, SIGKILL); /* its members */
	kill(pid, SIGKILL);  /* where it does not lead its group yet */
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (late)
		scenario_broken(r, "not finished after %d s", TIMEOUT_S);
	else if (WIFSIGNALED(status))
		scenario_broken(r, "the process that watches it was killed by signal %d",
				WTERMSIG(status));
	else if (WEXITSTATUS(status))
		scenario_broken(r, "the process that watches it ended with exit status %d",
				WEXITSTATUS(status));
	else if (r->state == SCENARIO_HELD && !*r->observed)
		scenario_broken(r, "it ended without a word");
	return !interrupted;
}

void scenario_cell_id(const struct scenario_case *c, bool guest, char id[CELL_ID_CHARS])
{
	char identity[CELL_IDENTITY_CHARS];

	snprintf(identity, sizeof(identity), "%s|%s|%s|%llu|1|0|case=%s", guest ? "vm" : "host",
		 c->subject, c->scenario, (unsigned long long)c->size_bytes, c->name);
	cell_id(identity, id);
}

static json_t *row_json(const struct scenario_case *c, const struct scenario_result *r,
			const char *run_id, bool guest, uint64_t started_ns)
{
	static const char *const outcomes[] = {"ok", "unsupported", "failed"};
	json_t *metrics = json_object();
	char id[CELL_ID_CHARS];

	for (unsigned i = 0; i < r->n_metrics; i++)
		json_object_set_new(metrics, r->metrics[i].name, json_real(r->metrics[i].value));
	scenario_cell_id(c, guest, id);
	return json_pack(
		"{s:i, s:s, s:s, s:s, s:i, s:i, s:i, s:I, s:s, s:s, s:s, s:s, s:n, s:s, s:I, s:i, "
		"s:i, s:{s:s}, s:s, s:s?, s:n, s:[], s:n, s:n, s:n, s:{s:n, s:n, s:n, s:n, s:n}, "
		"s:n, s:n, s:n, s:n, s:n, s:n, s:{s:n, s:n}, s:{}, s:o, s:o, s:s, s:s?}",
		"schema", 1, "kind", "scenario", "run_id", run_id, "cell_id", id, "block", 0,
		"order", 0, "rep", 0, "started_ns", (json_int_t)started_ns, "purpose", "measure",
		"target", guest ? "vm" : "host", "clock", "monotonic", "subject", c->subject,
		"backend", "workload", c->scenario, "size_bytes", (json_int_t)c->size_bytes,
		"threads", 1, "fill", 0, "params", "case", c->name, "outcome", outcomes[r->state],
		"reason", *r->reason ? r->reason : NULL, "signal", "phases", "touched_pages",
		"reserved_bytes", "committed_bytes", "committed_parts", "anon", "swap", "hugetlb",
		"shmem_or_memfd", "driver", "page_table_bytes", "vma_count", "huge_bytes",
		"peak_rss_bytes", "rss_after_free_bytes", "latency", "hw", "cycles", "dtlb_misses",
		"probe_source", "verified",
		r->state == SCENARIO_UNSUPPORTED ? json_null()
						 : json_boolean(r->state == SCENARIO_HELD),
		"metrics", metrics, "expected", c->expected, "observed",
		*r->observed ? r->observed : NULL);
}

json_t *scenario_row(const struct scenario_case *c, const char *run_id, bool guest,
		     const volatile sig_atomic_t *interrupt)
{
	struct scenario_result *r =
		mmap(NULL, sizeof(*r), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct timespec now;
	json_t *row = NULL;
	bool finished = true;
	pid_t parent = getpid(), pid;

	if (r == MAP_FAILED)
		return NULL;
	r->guest = guest;
	clock_gettime(CLOCK_REALTIME, &now);
	fflush(NULL);
	if (c->needs_guest && !guest) {
		scenario_unsupported(r, "it would disturb the whole machine; the virtual machine "
					"has this row");
	} else {
		pid = fork();
		if (pid == 0)
			direct(c, r, parent);
		if (pid < 0)
			scenario_broken(r, "no process: %s", strerror(errno));
		else
			finished = wait_for(pid, r, interrupt);
	}
	for (unsigned i = 0; i < 2; i++)
		if (*r->cleanup[i])
			group_remove(r->cleanup[i]);
	if (finished)
		row = row_json(c, r, run_id, guest,
			       (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec);
	munmap(r, sizeof(*r));
	return row;
}
