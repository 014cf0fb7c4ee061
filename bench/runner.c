// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runner.h"
#include "subject.h"

#define MAX_ARGUMENTS 64
#define SAID_BYTES    2048 /* of what the worker says on stderr, the beginning is kept */

static volatile sig_atomic_t interrupted;
static sigset_t blocked, unblocked;

const char *outcome_name(enum outcome outcome)
{
	static const char *const names[OUTCOME_COUNT] = {"ok",	   "unsupported", "enomem",
							 "killed", "timeout",	  "failed"};

	return names[outcome];
}

static void note_interrupt(int signal)
{
	(void)signal;
	interrupted = 1;
}

static void note_child(int signal)
{
	(void)signal; /* its arrival ends ppoll() */
}

bool runner_interrupted(void)
{
	sigset_t pending;

	if (!interrupted && !sigpending(&pending))
		interrupted = sigismember(&pending, SIGINT) == 1 ||
			      sigismember(&pending, SIGTERM) == 1 ||
			      sigismember(&pending, SIGHUP) == 1;
	return interrupted;
}

const volatile sig_atomic_t *runner_interrupt_flag(void)
{
	return &interrupted;
}

void runner_signals_begin(void)
{
	struct sigaction on_child = {.sa_handler = note_child};
	struct sigaction on_interrupt = {.sa_handler = note_interrupt, .sa_flags = SA_RESETHAND};

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGCHLD);
	sigaddset(&blocked, SIGINT);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGHUP);
	sigprocmask(SIG_BLOCK, &blocked, &unblocked);
	for (int s = 1; s < NSIG; s++)
		if (sigismember(&blocked, s) == 1)
			sigdelset(&unblocked, s);
	sigaction(SIGCHLD, &on_child, NULL);
	sigaction(SIGINT, &on_interrupt, NULL);
	sigaction(SIGTERM, &on_interrupt, NULL);
	sigaction(SIGHUP, &on_interrupt, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
}

void runner_signals_end(void)
{
	/* A pending interrupt has been noted by runner_interrupted(): its handler only sets the
	 * flag. */
	sigprocmask(SIG_UNBLOCK, &blocked, NULL);
	signal(SIGCHLD, SIG_DFL);
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Processes the kernel has killed for want of memory, by any limit. */
static uint64_t oom_kills(void)
{
	char line[128];
	uint64_t kills = 0;
	FILE *file = fopen("/proc/vmstat", "re");

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "oom_kill %" SCNu64, &kills) == 1)
			break;
	if (file)
		fclose(file);
	return kills;
}

struct command_line {
	const char *argv[MAX_ARGUMENTS];
	unsigned n;
	char text[1024]; /* where numbers are printed */
	size_t used;
};

static void add_argument(struct command_line *line, const char *argument)
{
	if (line->n + 1 < MAX_ARGUMENTS)
		line->argv[line->n++] = argument;
}

__attribute__((format(printf, 3, 4))) static void
add_option(struct command_line *line, const char *option, const char *format, ...)
{
	char *at = line->text + line->used;
	size_t room = sizeof(line->text) - line->used;
	va_list arguments;

	va_start(arguments, format);
	line->used += (size_t)vsnprintf(at, room, format, arguments) + 1;
	va_end(arguments);
	if (line->used > sizeof(line->text))
		abort(); /* numbers of a fixed set of options: cannot happen */
	add_argument(line, option);
	add_argument(line, at);
}

static void build_command_line(const struct worker_job *job, const char *program, int record_fd,
			       struct command_line *line)
{
	const struct cell *cell = job->cell;
	const struct wl_param *params = cell->workload->params;

	for (const char *const *word = job->wrapper; word && *word; word++)
		add_argument(line, *word);
	add_argument(line, program);
	add_option(line, "--subject", "%s", cell->subject->name);
	if (cell->subject->preload) {
		add_argument(line, "--preload");
		add_argument(line, cell->subject->preload);
	}
	add_option(line, "--workload", "%s", cell->workload->name);
	add_option(line, "--size", "%" PRIu64, cell->size_bytes);
	add_option(line, "--fill", "%u", cell->fill);
	add_option(line, "--threads", "%u", cell->threads);
	add_option(line, "--seed", "%" PRIu64, job->seed);
	for (unsigned i = 0; params && i < WL_MAX_PARAMS && params[i].name; i++)
		add_option(line, "--param", "%s=%" PRId64, params[i].name, cell->params[i]);
	add_option(line, "--purpose", "%s", job->verify ? "verify" : "measure");
	add_option(line, "--record-fd", "%d", record_fd);
	line->argv[line->n] = NULL;
}

static void prefer_as_oom_victim(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, "1000", 4) != 4) {
		/* Then the kernel chooses by size, which is the worker as well. */
	}
	close(fd);
}

/* In the child. Ends in exec or in exit status 127 with the reason on stderr. */
__attribute__((noreturn)) static void become_worker(const struct worker_job *job, pid_t parent,
						    const struct command_line *line, int record_fd,
						    int stderr_fd)
{
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	prefer_as_oom_victim();
	dup2(null_fd, STDIN_FILENO);
	dup2(null_fd, STDOUT_FILENO);
	dup2(stderr_fd, STDERR_FILENO);
	fcntl(record_fd, F_SETFD, 0);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	sigprocmask(SIG_SETMASK, &unblocked, NULL);
	if (job->cell->subject->preload)
		setenv("LD_PRELOAD", job->cell->subject->preload, 1);
	execvp(line->argv[0], (char *const *)line->argv);
	dprintf(STDERR_FILENO, "cannot execute %s: %s\n", line->argv[0], strerror(errno));
	_exit(127);
}

/* What has arrived from the worker so far. */
struct intake {
	struct pollfd fds[2]; /* record, stderr; fd -1 once at its end */
	unsigned char record[sizeof(struct record) + 1];
	size_t record_bytes;
	char said[SAID_BYTES];
	size_t said_bytes;
};

/* Reads what is there without waiting. */
static void take_in(struct intake *intake)
{
	for (int i = 0; i < 2; i++) {
		char spill[512];
		bool is_record = i == 0;
		size_t *used = is_record ? &intake->record_bytes : &intake->said_bytes;
		size_t room =
			(is_record ? sizeof(intake->record) : sizeof(intake->said) - 1) - *used;
		char *at = (is_record ? (char *)intake->record : intake->said) + *used;
		ssize_t got;

		if (intake->fds[i].fd < 0)
			continue;
		got = read(intake->fds[i].fd, room ? at : spill, room ? room : sizeof(spill));
		if (got > 0 && room)
			*used += (size_t)got;
		if (got == 0) {
			close(intake->fds[i].fd);
			intake->fds[i].fd = -1;
		}
	}
}

/* Is the process over? It stays a zombie, so that its process group keeps its id. */
static bool has_ended(pid_t pid)
{
	siginfo_t info = {.si_pid = 0};

	return !waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid == pid;
}

/* Waits for the worker to end, at most until deadline_ns; returns whether it ended by itself. */
static bool await_worker(pid_t pid, struct intake *intake, uint64_t deadline_ns)
{
	for (;;) {
		uint64_t now = clock_ns(CLOCK_MONOTONIC), left = deadline_ns - now;
		struct timespec wait = {.tv_sec = (time_t)(left / 1000000000u),
					.tv_nsec = (long)(left % 1000000000u)};

		if (has_ended(pid))
			return true;
		if (now >= deadline_ns || runner_interrupted())
			return false;
		if (ppoll(intake->fds, 2, &wait, &unblocked) > 0)
			take_in(intake);
	}
}

/* The first line that the worker said, without a newline. */
static const char *first_line(struct intake *intake)
{
	intake->said[intake->said_bytes] = 0;
	intake->said[strcspn(intake->said, "\n")] = 0;
	for (char *c = intake->said; *c; c++)
		if ((unsigned char)*c < ' ' || (unsigned char)*c > '~')
			*c = '?';
	return intake->said;
}

__attribute__((format(printf, 3, 4))) static void
set_outcome(struct worker_result *result, enum outcome outcome, const char *format, ...)
{
	va_list arguments;

	result->outcome = outcome;
	va_start(arguments, format);
	vsnprintf(result->reason, sizeof(result->reason), format, arguments);
	va_end(arguments);
}

static void judge_record(const struct worker_job *job, struct worker_result *result)
{
	static const enum outcome outcomes[] = {
		[RECORD_OK] = OUTCOME_OK,
		[RECORD_UNSUPPORTED] = OUTCOME_UNSUPPORTED,
		[RECORD_ENOMEM] = OUTCOME_ENOMEM,
		[RECORD_FAILED] = OUTCOME_FAILED,
	};
	struct record *record = &result->record;

	if (record->magic != RECORD_MAGIC || record->version != RECORD_VERSION ||
	    record->outcome > RECORD_FAILED) {
		result->has_record = false;
		set_outcome(result, OUTCOME_FAILED,
			    "the worker is of another build (its record has version %u, not %u); "
			    "build again",
			    record->version, RECORD_VERSION);
		return;
	}
	record->reason[sizeof(record->reason) - 1] = 0;
	record->backend[sizeof(record->backend) - 1] = 0;
	record->malloc_object[sizeof(record->malloc_object) - 1] = 0;
	result->outcome = outcomes[record->outcome];
	if (result->outcome != OUTCOME_OK)
		snprintf(result->reason, sizeof(result->reason), "%s",
			 record->reason[0] ? record->reason : "the worker gave no reason");
	else if (!subject_proved(job->cell->subject, job->worker_path, record->malloc_object,
				 result->reason, sizeof(result->reason))) {
		result->has_record = false; /* it measured something else */
		result->outcome = OUTCOME_FAILED;
	}
}

static void judge(const struct worker_job *job, struct worker_result *result, int status,
		  struct intake *intake, uint64_t kills_before)
{
	const char *said = first_line(intake), *colon = *said ? ": " : "";
	bool complete = intake->record_bytes == sizeof(struct record);

	if (WIFSIGNALED(status)) {
		bool oom = WTERMSIG(status) == SIGKILL && oom_kills() > kills_before;

		result->signal = WTERMSIG(status);
		set_outcome(result, OUTCOME_KILLED, "worker killed by signal %d (%s)%s%s%s",
			    result->signal, strsignal(result->signal),
			    oom ? ": the kernel ran out of memory or the cgroup reached its limit"
				: "",
			    colon, said);
	} else if (complete && WEXITSTATUS(status) == 0) {
		memcpy(&result->record, intake->record, sizeof(result->record));
		result->has_record = true;
		judge_record(job, result);
	} else if (complete) {
		set_outcome(result, OUTCOME_FAILED,
			    "worker delivered a record but ended with exit status %d%s%s",
			    WEXITSTATUS(status), colon, said);
	} else if (intake->record_bytes) {
		set_outcome(result, OUTCOME_FAILED,
			    "worker ended with exit status %d and a record of the wrong length "
			    "(%zu bytes, not %zu)%s%s",
			    WEXITSTATUS(status), intake->record_bytes, sizeof(struct record), colon,
			    said);
	} else {
		set_outcome(result, OUTCOME_FAILED,
			    "worker ended with exit status %d and no record%s%s",
			    WEXITSTATUS(status), colon, said);
	}
}

static int open_pipe(int fds[2])
{
	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	return 0;
}

void worker_run(const struct worker_job *job, struct worker_result *result)
{
	struct intake *intake = &(struct intake){.fds = {{.fd = -1}, {.fd = -1}}};
	struct command_line line = {.n = 0};
	int record_pipe[2], stderr_pipe[2], status = 0;
	char program[PATH_MAX];
	uint64_t begin_ns, kills_before = oom_kills();
	pid_t pid, parent = getpid();
	bool ended;

	*result = (struct worker_result){.started_ns = clock_ns(CLOCK_REALTIME)};
	if (open_pipe(record_pipe)) {
		set_outcome(result, OUTCOME_FAILED, "cannot open a pipe: %s", strerror(errno));
		return;
	}
	if (open_pipe(stderr_pipe)) {
		set_outcome(result, OUTCOME_FAILED, "cannot open a pipe: %s", strerror(errno));
		goto close_record_pipe;
	}
	subject_program(job->cell->subject, job->worker_path, program);
	build_command_line(job, program, record_pipe[1], &line);
	begin_ns = clock_ns(CLOCK_MONOTONIC);
	pid = fork();
	if (pid == 0)
		become_worker(job, parent, &line, record_pipe[1], stderr_pipe[1]);
	if (pid < 0) {
		set_outcome(result, OUTCOME_FAILED, "cannot start a process: %s", strerror(errno));
		close(stderr_pipe[0]);
		close(stderr_pipe[1]);
		goto close_record_pipe;
	}
	setpgid(pid, pid); /* the child does so too: whoever comes first */
	close(record_pipe[1]);
	close(stderr_pipe[1]);
	intake->fds[0] = (struct pollfd){.fd = record_pipe[0], .events = POLLIN};
	intake->fds[1] = (struct pollfd){.fd = stderr_pipe[0], .events = POLLIN};
	if (job->on_start)
		job->on_start(pid, job->arg);

	ended = await_worker(pid, intake, begin_ns + job->timeout_s * 1000000000ull);
	kill(-pid, SIGKILL); /* the worker, or whatever it has left behind */
	waitpid(pid, &status, 0);
	if (job->on_end)
		job->on_end(job->arg);
	take_in(intake);
	result->elapsed_s = (double)(clock_ns(CLOCK_MONOTONIC) - begin_ns) / 1e9;
	if (ended) {
		judge(job, result, status, intake, kills_before);
	} else if (runner_interrupted()) {
		result->interrupted = true;
	} else {
		result->signal = SIGKILL;
		set_outcome(result, OUTCOME_TIMEOUT,
			    "no end within %u s; killed (--timeout-s sets the limit)",
			    job->timeout_s);
	}
	for (int i = 0; i < 2; i++)
		if (intake->fds[i].fd >= 0)
			close(intake->fds[i].fd);
	return;

close_record_pipe:
	close(record_pipe[0]);
	close(record_pipe[1]);
}
