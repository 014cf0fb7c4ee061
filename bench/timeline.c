// SPDX-License-Identifier: MIT
/* A program under watch: started behind a gate, its marks read, its memory sampled, its events
 * drained. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "timeline.h"
#include "timeline_exact.h"

#define DRAIN_PERIOD_MS 5 /* 8 MiB hold more records than 5 ms of faults can make */

struct recording {
	const struct timeline_options *options;
	struct timeline *timeline;
	pid_t pid;
	int pidfd;
	int go_fd;    /* write: the child may exec */
	int sync_fd;  /* read: end of file = exec done, else the errno of a failed exec */
	int marks_fd; /* read */
	char line[128];
	size_t line_bytes;
	size_t max_marks;
	uint64_t exec_ns; /* samples before it show the memory of our own copy */
	struct sampler *sampler;
	struct exact exact;
	bool exact_open;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

__attribute__((format(printf, 3, 4))) static int
end_as(struct timeline *t, enum timeline_outcome outcome, const char *format, ...)
{
	va_list arguments;

	if (t->outcome == TIMELINE_OK) { /* the first reason is the one to tell */
		t->outcome = outcome;
		va_start(arguments, format);
		vsnprintf(t->reason, sizeof(t->reason), format, arguments);
		va_end(arguments);
	}
	return -1;
}

__attribute__((noreturn)) static void child(const struct timeline_options *o, int go_fd,
					    int sync_fd, int marks_fd)
{
	char text[16], byte;
	int error;

	prctl(PR_SET_PDEATHSIG, SIGKILL); /* no program outlives the one that watches it */
	if (read(go_fd, &byte, 1) != 1)
		_exit(127);
	snprintf(text, sizeof(text), "%d", TIMELINE_MARKS_FD);
	if (dup2(marks_fd, TIMELINE_MARKS_FD) < 0 || fcntl(TIMELINE_MARKS_FD, F_SETFD, 0) ||
	    (o->stdout_fd >= 0 && dup2(o->stdout_fd, STDOUT_FILENO) < 0) ||
	    setenv("TA_MARKS_FD", text, 1) || (o->preload && setenv("LD_PRELOAD", o->preload, 1)))
		error = errno;
	else {
		execvp(o->argv[0], o->argv);
		error = errno;
	}
	if (write(sync_fd, &error, sizeof(error)) < 0)
		_exit(126);
	_exit(127);
}

/* Forks the child, which waits for go. */
static int start(struct recording *r)
{
	int go[2] = {-1, -1}, sync[2] = {-1, -1}, marks[2] = {-1, -1};
	int ok = pipe2(go, O_CLOEXEC) == 0 && pipe2(sync, O_CLOEXEC) == 0 &&
		 pipe2(marks, O_CLOEXEC) == 0;

	if (ok)
		r->pid = fork();
	if (ok && r->pid == 0)
		child(r->options, go[0], sync[1], marks[1]);
	if (!ok || r->pid < 0)
		end_as(r->timeline, TIMELINE_FAILED, "cannot start a process: %s", strerror(errno));
	if (go[0] >= 0)
		close(go[0]);
	if (sync[1] >= 0)
		close(sync[1]);
	if (marks[1] >= 0)
		close(marks[1]);
	r->go_fd = go[1];
	r->sync_fd = sync[0];
	r->marks_fd = marks[0];
	if (r->pid <= 0)
		return -1;
	fcntl(r->marks_fd, F_SETFL, O_NONBLOCK);
	r->pidfd = pidfd_open(r->pid, 0);
	if (r->pidfd < 0)
		return end_as(r->timeline, TIMELINE_FAILED, "pidfd_open: %s", strerror(errno));
	return 0;
}

/* Lets the child exec, under the sampler's eyes. */
static int release(struct recording *r)
{
	struct timeline *t = r->timeline;
	int error = 0;

	r->sampler = sampler_start(r->pid, r->options->period_ns);
	if (!r->sampler)
		return end_as(t, TIMELINE_FAILED, "cannot watch process %d: %s", (int)r->pid,
			      strerror(errno));
	t->start_ns = now_ns();
	if (write(r->go_fd, "g", 1) != 1)
		return end_as(t, TIMELINE_FAILED, "the program's process died before it started");
	if (read(r->sync_fd, &error, sizeof(error)) == (ssize_t)sizeof(error))
		return end_as(t, TIMELINE_FAILED, "cannot run '%s': %s", r->options->argv[0],
			      strerror(error));
	r->exec_ns = now_ns();
	return 0;
}

/* The text of /proc/PID/file; false where it cannot be read (the process is gone). */
static bool read_proc(pid_t pid, const char *file, char *text, size_t text_bytes)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, text_bytes - 1);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	return n > 0;
}

static uint64_t smaps_rss_bytes(pid_t pid)
{
	unsigned long long kilobytes;
	const char *rss;
	char text[4096];

	if (!read_proc(pid, "smaps_rollup", text, sizeof(text)))
		return TIMELINE_UNKNOWN;
	rss = strstr(text, "\nRss:");
	if (!rss || sscanf(rss, "\nRss: %llu kB", &kilobytes) != 1)
		return TIMELINE_UNKNOWN;
	return kilobytes * 1024;
}

static bool is_asleep(pid_t pid)
{
	const char *state;
	char text[512];

	if (!read_proc(pid, "stat", text, sizeof(text)))
		return false;
	state = strrchr(text, ')');
	return state && !strncmp(state, ") S", 3);
}

static void drain(struct recording *r)
{
	if (r->exact_open && exact_drain(&r->exact))
		end_as(r->timeline, TIMELINE_FAILED, "no memory for the tracepoint's records");
}

/*
 * Holds the total against smaps, if the program stands still: it sleeps, and nothing happens
 * meanwhile. (A program inside munmap, say, shows its mapping gone from smaps before the counters
 * follow.)
 */
static bool compare_total(struct recording *r)
{
	struct timeline *t = r->timeline;
	bool asleep = is_asleep(r->pid);
	uint64_t before, smaps;

	drain(r);
	before = exact_total_bytes(&r->exact);
	smaps = smaps_rss_bytes(r->pid);
	asleep = asleep && is_asleep(r->pid);
	drain(r);
	if (!asleep || smaps == TIMELINE_UNKNOWN || before != exact_total_bytes(&r->exact))
		return false;
	t->final_bytes = before;
	t->smaps_bytes = smaps;
	t->smaps_checks++;
	t->smaps_differences += before != smaps;
	return true;
}

/* After a mark: a program that waits there does so a moment later. */
static void check_total(struct recording *r)
{
	struct timespec pause = {.tv_nsec = 1000000};

	for (int attempt = 0; attempt < 5 && !compare_total(r); attempt++)
		nanosleep(&pause, NULL);
}

static void keep_mark(struct recording *r, const char *line)
{
	struct timeline *t = r->timeline;
	struct timeline_mark mark;

	if (!timeline_parse_mark(line, &mark))
		return;
	if (t->n_marks == r->max_marks) {
		size_t max = r->max_marks ? 2 * r->max_marks : 64;
		struct timeline_mark *marks = realloc(t->marks, max * sizeof(*marks));

		if (!marks)
			return;
		t->marks = marks;
		r->max_marks = max;
	}
	t->marks[t->n_marks++] = mark;
}

/* Reads what marks there are. True if there was one. */
static bool read_marks(struct recording *r)
{
	char text[4096];
	bool any = false;
	ssize_t n;

	while ((n = read(r->marks_fd, text, sizeof(text))) > 0) {
		for (ssize_t i = 0; i < n; i++) {
			if (text[i] != '\n') {
				if (r->line_bytes < sizeof(r->line) - 1)
					r->line[r->line_bytes++] = text[i];
				continue;
			}
			r->line[r->line_bytes] = 0;
			r->line_bytes = 0;
			keep_mark(r, r->line);
			any = true;
		}
	}
	if (n == 0) { /* closed by the program: nothing more to wait for */
		close(r->marks_fd);
		r->marks_fd = -1;
	}
	return any;
}

static void watch(struct recording *r)
{
	const struct timeline_options *o = r->options;
	uint64_t timeout_ns = o->timeout_ns;
	bool ended = false;

	while (!ended) {
		struct pollfd fds[] = {{.fd = r->pidfd, .events = POLLIN},
				       {.fd = r->marks_fd, .events = POLLIN}};

		poll(fds, 2, r->exact_open ? DRAIN_PERIOD_MS : 100);
		ended = fds[0].revents != 0;
		drain(r);
		if (r->marks_fd >= 0 && read_marks(r) && r->exact_open && !ended)
			check_total(r);
		if (o->interrupt && *o->interrupt) {
			end_as(r->timeline, TIMELINE_FAILED, "interrupted");
			return;
		}
		if (timeout_ns && now_ns() - r->timeline->start_ns > timeout_ns) {
			end_as(r->timeline, TIMELINE_FAILED, "still running after %llu s: killed",
			       (unsigned long long)(timeout_ns / 1000000000u));
			return;
		}
	}
}

/* What marks say is held outside of the resident set. */
static void add_held(struct timeline *t)
{
	uint64_t base_bytes = 0;
	size_t mark = 0;

	for (size_t i = 0; i < t->n_rows; i++) {
		struct timeline_row *row = &t->rows[i];

		while (mark < t->n_marks && t->marks[mark].t_ns <= row->t_ns)
			mark++;
		if (!mark)
			base_bytes = row->committed_bytes;
		else if (t->marks[mark - 1].held_bytes &&
			 row->committed_bytes < base_bytes + t->marks[mark - 1].held_bytes)
			row->committed_bytes = base_bytes + t->marks[mark - 1].held_bytes;
	}
}

static void take_rows(struct recording *r)
{
	struct timeline *t = r->timeline;
	const struct timeline_row *rows;
	size_t n, first = 0;

	sampler_stop(r->sampler);
	rows = sampler_rows(r->sampler, &n);
	while (first < n && rows[first].t_ns < r->exec_ns)
		first++;
	t->rows = malloc((n - first + 1) * sizeof(*rows));
	if (t->rows) {
		t->n_rows = n - first;
		memcpy(t->rows, rows + first, t->n_rows * sizeof(*rows));
	}
	add_held(t);
	t->missed_ticks = sampler_missed_ticks(r->sampler);
	sampler_free(r->sampler);
}

static void finish(struct recording *r)
{
	struct timeline *t = r->timeline;
	int status = 0;

	if (r->sampler)
		take_rows(r);
	if (r->pid > 0) {
		if (t->outcome != TIMELINE_OK)
			kill(r->pid, SIGKILL);
		while (waitpid(r->pid, &status, 0) < 0 && errno == EINTR)
			;
		if (WIFEXITED(status))
			t->exit_status = WEXITSTATUS(status);
		else
			end_as(t, TIMELINE_FAILED, "the program was ended by signal %d (%s)",
			       WTERMSIG(status), strsignal(WTERMSIG(status)));
	}
	if (r->exact_open) {
		drain(r);
		t->lost_records = exact_lost_records(&r->exact);
		t->events = r->exact.events;
		t->n_events = r->exact.n_events;
		exact_close(&r->exact);
	}
	if (r->pidfd >= 0)
		close(r->pidfd);
	if (r->go_fd >= 0)
		close(r->go_fd);
	if (r->sync_fd >= 0)
		close(r->sync_fd);
	if (r->marks_fd >= 0)
		close(r->marks_fd);
}

int timeline_record(const struct timeline_options *options, struct timeline *t)
{
	struct recording r = {.options = options,
			      .timeline = t,
			      .pidfd = -1,
			      .go_fd = -1,
			      .sync_fd = -1,
			      .marks_fd = -1};
	char reason[sizeof(t->reason)];

	*t = (struct timeline){.exact = options->exact,
			       .exit_status = -1,
			       .final_bytes = TIMELINE_UNKNOWN,
			       .smaps_bytes = TIMELINE_UNKNOWN};
	if (start(&r))
		goto out;
	if (options->exact) {
		if (exact_open(&r.exact, r.pid, EXACT_RING_BYTES, reason, sizeof(reason))) {
			end_as(t, TIMELINE_UNSUPPORTED, "%s", reason);
			goto out;
		}
		r.exact_open = true;
	}
	if (release(&r) == 0)
		watch(&r);
out:
	finish(&r);
	return t->outcome == TIMELINE_OK ? 0 : -1;
}

void timeline_clear(struct timeline *t)
{
	free(t->rows);
	free(t->marks);
	free(t->events);
	*t = (struct timeline){0};
}
