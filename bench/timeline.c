// SPDX-License-Identifier: MIT
/*
 * A program under watch: started behind a gate, or met as it runs; its marks read, its memory
 * sampled, its events drained.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "process.h"
#include "timeline.h"
#include "timeline_exact.h"
#include "timeline_smaps.h"
#include "timeline_tree.h"

#define DRAIN_PERIOD_MS 5 /* 8 MiB hold more records than 5 ms of faults can make */
#define COMPARE_NS	1000000000ull
#define TRIES		20

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
	unsigned tries;		   /* to hold the total against smaps, left */
	uint64_t compared_ns;	   /* when the total was last held against smaps */
	bool left;		   /* attached: it goes on, the watch does not */
	int was_subreaper;	   /* to be restored */
	struct rlimit descriptors; /* the same */
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

static int begin_sampling(struct recording *r)
{
	r->sampler = sampler_start(r->pid, r->options->period_ns);
	if (!r->sampler)
		return end_as(r->timeline, TIMELINE_FAILED, "cannot watch process %d: %s",
			      (int)r->pid, strerror(errno));
	r->timeline->start_ns = r->compared_ns = now_ns();
	return 0;
}

/* Lets the child exec, under the sampler's eyes. */
static int release(struct recording *r)
{
	struct timeline *t = r->timeline;
	int error = 0;

	if (begin_sampling(r))
		return -1;
	if (write(r->go_fd, "g", 1) != 1)
		return end_as(t, TIMELINE_FAILED, "the program's process died before it started");
	if (read(r->sync_fd, &error, sizeof(error)) == (ssize_t)sizeof(error))
		return end_as(t, TIMELINE_FAILED, "cannot run '%s': %s", r->options->argv[0],
			      strerror(error));
	r->exec_ns = now_ns();
	return 0;
}

static void drain(struct recording *r, bool all)
{
	if (r->exact_open && exact_drain(&r->exact, all))
		end_as(r->timeline, TIMELINE_FAILED, "no memory for the tracepoint's records");
}

/*
 * Holds the total against smaps, if the program stands still: all sleep, and nothing happens
 * meanwhile. (A program inside munmap, say, shows its mapping gone from smaps before the counters
 * follow.)
 */
static bool compare_total(struct recording *r)
{
	struct timeline *t = r->timeline;
	size_t events;
	int64_t smaps;
	bool known;

	drain(r, true);
	events = r->exact.n_events;
	known = smaps_sum(&r->exact.mms, &smaps);
	drain(r, true);
	if (!known || events != r->exact.n_events)
		return false;
	t->final_bytes = exact_total_bytes(&r->exact);
	t->smaps_bytes = (uint64_t)smaps;
	t->smaps_checks++;
	t->smaps_differences += t->final_bytes != t->smaps_bytes;
	return true;
}

/* After a mark, and once a second: tries until the program stands still, or a few times in vain. */
static void compare_in_time(struct recording *r)
{
	if (!r->tries && now_ns() - r->compared_ns > COMPARE_NS)
		r->tries = 1;
	if (!r->tries)
		return;
	r->tries = compare_total(r) ? 0 : r->tries - 1;
	r->compared_ns = now_ns();
}

static void compare_at_the_end(struct recording *r)
{
	struct timespec pause = {.tv_nsec = 1000000};

	for (unsigned attempt = 0; attempt < TRIES && !compare_total(r); attempt++)
		nanosleep(&pause, NULL);
}

static void keep_mark(struct recording *r, const char *line)
{
	struct timeline *t = r->timeline;
	struct timeline_mark mark;

	if (!timeline_parse_mark(line, now_ns(), &mark))
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

/* Time, or a signal, ends the watch: of a program of ours that is a failure, and its end. */
static bool must_stop(struct recording *r)
{
	const struct timeline_options *o = r->options;
	bool interrupted = o->interrupt && *o->interrupt;

	if (!interrupted && (!o->timeout_ns || now_ns() - r->timeline->start_ns <= o->timeout_ns))
		return false;
	r->left = o->attach;
	if (interrupted && !r->left)
		end_as(r->timeline, TIMELINE_FAILED, "interrupted");
	else if (!r->left)
		end_as(r->timeline, TIMELINE_FAILED, "still running after %llu s: killed",
		       (unsigned long long)(o->timeout_ns / 1000000000u));
	return true;
}

static void watch(struct recording *r)
{
	bool ended = false;

	while (!ended && !must_stop(r)) {
		struct pollfd fds[] = {{.fd = r->pidfd, .events = POLLIN},
				       {.fd = r->marks_fd, .events = POLLIN}};

		poll(fds, 2, r->tries ? 1 : r->exact_open ? DRAIN_PERIOD_MS : 100);
		ended = fds[0].revents != 0;
		drain(r, false);
		if (r->marks_fd >= 0 && read_marks(r) && r->exact_open)
			r->tries = TRIES;
		if (r->exact_open && !ended)
			compare_in_time(r);
	}
	if (r->left && r->exact_open)
		compare_at_the_end(r);
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
	if (t->n_rows) {
		t->minor_faults = t->rows[t->n_rows - 1].minor_faults;
		t->major_faults = t->rows[t->n_rows - 1].major_faults;
	}
	add_held(t);
	t->missed_ticks = sampler_missed_ticks(r->sampler);
	t->processes = tree_processes(sampler_tree(r->sampler));
	t->unwatched = tree_unwatched(sampler_tree(r->sampler));
}

static void wait_for_program(struct recording *r)
{
	struct timeline *t = r->timeline;
	struct rusage usage = {.ru_minflt = 0};
	int status = 0;

	if (t->outcome != TIMELINE_OK) {
		if (r->sampler)
			tree_kill(sampler_tree(r->sampler));
		kill(r->pid, SIGKILL);
	}
	while (wait4(r->pid, &status, 0, &usage) < 0 && errno == EINTR)
		;
	if (t->minor_faults < (uint64_t)usage.ru_minflt)
		t->minor_faults = (uint64_t)usage.ru_minflt;
	if (t->major_faults < (uint64_t)usage.ru_majflt)
		t->major_faults = (uint64_t)usage.ru_majflt;
	if (WIFEXITED(status))
		t->exit_status = WEXITSTATUS(status);
	else
		end_as(t, TIMELINE_FAILED, "the program was ended by signal %d (%s)",
		       WTERMSIG(status), strsignal(WTERMSIG(status)));
}

static int by_time(const void *a, const void *b)
{
	const struct timeline_mark *x = a, *y = b;

	return (x->t_ns > y->t_ns) - (x->t_ns < y->t_ns);
}

static void close_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void finish(struct recording *r)
{
	struct timeline *t = r->timeline;

	if (t->n_marks)
		qsort(t->marks, t->n_marks, sizeof(*t->marks), by_time);
	if (r->sampler)
		take_rows(r);
	if (r->pid > 0 && !r->options->attach)
		wait_for_program(r);
	sampler_free(r->sampler);
	if (r->exact_open) {
		drain(r, true);
		t->lost_records = exact_lost_records(&r->exact);
		t->events = r->exact.events;
		t->n_events = r->exact.n_events;
		exact_close(&r->exact);
	}
	close_open(r->pidfd);
	close_open(r->go_fd);
	close_open(r->sync_fd);
	close_open(r->marks_fd);
}

static int refuse_exact(struct recording *r, const char *reason)
{
	exact_close(&r->exact);
	free(r->exact.events);
	return end_as(r->timeline, TIMELINE_UNSUPPORTED, "%s", reason);
}

/* ---- a program of our own ---- */

static void launch(struct recording *r)
{
	char reason[sizeof(r->timeline->reason)];

	prctl(PR_GET_CHILD_SUBREAPER, &r->was_subreaper);
	prctl(PR_SET_CHILD_SUBREAPER, 1); /* orphans come to us, where they are found */
	if (start(r))
		return;
	raise_descriptor_limit(); /* ours: the program has its own by now */
	if (r->options->exact) {
		if (exact_open(&r->exact, EXACT_RING_BYTES, reason, sizeof(reason))) {
			end_as(r->timeline, TIMELINE_UNSUPPORTED, "%s", reason);
			return;
		}
		if (exact_watch(&r->exact, r->pid, true, reason, sizeof(reason))) {
			refuse_exact(r, reason);
			return;
		}
		r->exact_open = true;
	}
	if (release(r) == 0)
		watch(r);
}

/* ---- a process that runs ---- */

struct attaching {
	struct exact *exact;
	char *reason;
	size_t reason_bytes;
	pid_t *known; /* threads that are watched */
	size_t n, room;
};

static int watch_thread(pid_t pid, pid_t tid, void *arg)
{
	struct attaching *a = arg;

	(void)pid;
	for (size_t i = 0; i < a->n; i++)
		if (a->known[i] == tid)
			return 0;
	if (a->n == a->room) {
		size_t room = a->room ? 2 * a->room : 64;
		pid_t *grown = realloc(a->known, room * sizeof(*grown));

		if (!grown)
			return snprintf(a->reason, a->reason_bytes, "no memory"), -ENOMEM;
		a->known = grown;
		a->room = room;
	}
	a->known[a->n++] = tid;
	return exact_watch(a->exact, tid, false, a->reason, a->reason_bytes);
}

static int take_stock(pid_t pid, pid_t tid, void *arg)
{
	struct attaching *a = arg;
	int64_t bytes[MM_PARTS];

	if (pid != tid || !smaps_parts(pid, bytes))
		return 0; /* it has ended, or has no memory */
	return exact_attach(a->exact, pid, bytes);
}

/* Twice over the threads: one that was made while the first pass went by its maker is met then. */
static int attach_exact(struct recording *r, struct tree *tree)
{
	char reason[sizeof(r->timeline->reason)] = "no memory";
	struct attaching a = {.exact = &r->exact, .reason = reason, .reason_bytes = sizeof(reason)};
	int error = exact_open(&r->exact, EXACT_RING_BYTES, reason, sizeof(reason));

	if (error)
		return end_as(r->timeline, TIMELINE_UNSUPPORTED, "%s", reason);
	for (int pass = 0; pass < 2 && !error; pass++)
		error = tree_each_thread(tree, watch_thread, &a);
	if (!error)
		error = tree_each_thread(tree, take_stock, &a);
	free(a.known);
	if (error)
		return refuse_exact(r, reason);
	r->exact_open = true;
	return 0;
}

static void attach(struct recording *r)
{
	struct tree *tree;

	raise_descriptor_limit();
	r->pid = r->options->attach;
	r->pidfd = pidfd_open(r->pid, 0);
	tree = r->pidfd < 0 ? NULL : tree_open(r->pid);
	if (!tree) {
		end_as(r->timeline, TIMELINE_FAILED, "cannot watch process %d: %s%s", (int)r->pid,
		       strerror(errno),
		       errno == EINVAL ? "; it must be a process, not a thread" : "");
		return;
	}
	if ((!r->options->exact || !attach_exact(r, tree)) && !begin_sampling(r))
		watch(r);
	tree_close(tree);
}

int timeline_record(const struct timeline_options *options, struct timeline *t)
{
	struct recording r = {.options = options,
			      .timeline = t,
			      .pidfd = -1,
			      .go_fd = -1,
			      .sync_fd = -1,
			      .marks_fd = -1};

	*t = (struct timeline){.exact = options->exact,
			       .exit_status = -1,
			       .final_bytes = TIMELINE_UNKNOWN,
			       .smaps_bytes = TIMELINE_UNKNOWN};
	getrlimit(RLIMIT_NOFILE, &r.descriptors);
	if (options->attach)
		attach(&r);
	else
		launch(&r);
	finish(&r);
	setrlimit(RLIMIT_NOFILE, &r.descriptors);
	if (!options->attach)
		prctl(PR_SET_CHILD_SUBREAPER, r.was_subreaper);
	return t->outcome == TIMELINE_OK ? 0 : -1;
}

void timeline_clear(struct timeline *t)
{
	free(t->rows);
	free(t->marks);
	free(t->events);
	*t = (struct timeline){0};
}
