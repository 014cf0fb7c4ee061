// SPDX-License-Identifier: MIT
#include "google_benchmark.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "knobs.h"
#include "slug.h"

#define PATH_CHARS   4300
#define REASON_CHARS 200
#define POLL_NS	     10000000
#define NOT_BUILT                                                                                \
	"google-benchmark or a C++ compiler was missing at the build: install libbenchmark-dev " \
	"and g++, then build again"
#define POOL_BYTES	 ((uint64_t)64 << 20) /* more than tagbench ever holds */
#define EXIT_UNSUPPORTED 4		      /* of tagbench */

struct result_of {
	const char *outcome; /* "ok", "unsupported", "timeout" or "failed" */
	char reason[REASON_CHARS];
};

__attribute__((format(printf, 3, 4))) static void set(struct result_of *result, const char *outcome,
						      const char *format, ...)
{
	va_list arguments;

	result->outcome = outcome;
	va_start(arguments, format);
	vsnprintf(result->reason, sizeof(result->reason), format, arguments);
	va_end(arguments);
}

/* In the child. */
__attribute__((noreturn)) static void become_tagbench(const struct google_benchmark *job,
						      const struct allocator *subject,
						      const char *json, int said_fd)
{
	char name[128], out[PATH_CHARS + 32], min_time[64], preload[PATH_CHARS + 16];
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(name, sizeof(name), "--subject=%s", subject->name);
	snprintf(out, sizeof(out), "--benchmark_out=%s", json);
	snprintf(min_time, sizeof(min_time), "--benchmark_min_time=%g", job->min_time_s);
	dup2(null_fd, STDIN_FILENO);
	dup2(null_fd, STDOUT_FILENO);
	dup2(said_fd, STDERR_FILENO);
	if (subject->preload)
		setenv("LD_PRELOAD", subject->preload, 1);
	snprintf(preload, sizeof(preload), "--preload=%s",
		 subject->preload ? subject->preload : "");
	execl(job->program, "tagbench", preload, name, out, "--benchmark_out_format=json", min_time,
	      (char *)NULL);
	dprintf(STDERR_FILENO, "cannot execute %s: %s\n", job->program, strerror(errno));
	_exit(127);
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Waits until it ends; -ETIMEDOUT, -EINTR: then it is killed. */
static int await(const struct google_benchmark *job, pid_t pid, int *status)
{
	const struct timespec pause = {.tv_nsec = POLL_NS};
	double deadline_s = now_s() + job->timeout_s;
	int error = 0;

	while (waitpid(pid, status, WNOHANG) == 0) {
		if (job->interrupt && *job->interrupt)
			error = -EINTR;
		else if (now_s() > deadline_s)
			error = -ETIMEDOUT;
		if (error) {
			kill(-pid, SIGKILL);
			waitpid(pid, status, 0);
			return error;
		}
		nanosleep(&pause, NULL);
	}
	return 0;
}

/* What tagbench itself said ("tagbench: ..."), else the first line. */
static void read_said(int fd, char *line, size_t bytes)
{
	char text[4096], *at;
	ssize_t got = pread(fd, text, sizeof(text) - 1, 0);

	text[got > 0 ? got : 0] = 0;
	at = strstr(text, "tagbench: ");
	at = at ? at + strlen("tagbench: ") : text;
	at[strcspn(at, "\n")] = 0;
	for (char *c = at; *c; c++)
		if ((unsigned char)*c < ' ' || *c == '"' || (unsigned char)*c > '~')
			*c = ' ';
	snprintf(line, bytes, "%.*s", (int)bytes - 1, at);
}

static int judge(int error, int status, const char *said, struct result_of *result)
{
	if (error == -ETIMEDOUT)
		set(result, "timeout", "no end within the time limit; killed");
	else if (error)
		return error;
	else if (WIFSIGNALED(status))
		set(result, "failed", "killed by signal %d: %.150s", WTERMSIG(status), said);
	else if (WEXITSTATUS(status) == EXIT_UNSUPPORTED)
		set(result, "unsupported", "%s", said);
	else if (WEXITSTATUS(status))
		set(result, "failed", "exit status %d: %.150s", WEXITSTATUS(status), said);
	else
		set(result, "ok", "%s", "");
	return 0;
}

/* 0, or -EINTR. */
static int run_one(const struct google_benchmark *job, const struct allocator *subject,
		   const char *json, struct result_of *result)
{
	char said[REASON_CHARS] = "", template[] = "/tmp/tagbench-XXXXXX";
	int said_fd, status = 0, error = knobs_set(subject, POOL_BYTES);
	pid_t pid;

	if (error) {
		set(result, "failed", "the huge pages that it needs cannot be set: %s",
		    strerror(-error));
		return 0;
	}
	said_fd = mkostemp(template, O_CLOEXEC);
	if (said_fd >= 0)
		unlink(template);
	pid = fork();
	if (pid == 0)
		become_tagbench(job, subject, json, said_fd);
	if (pid < 0) {
		set(result, "failed", "cannot start a process: %s", strerror(errno));
	} else {
		setpgid(pid, pid);
		error = await(job, pid, &status);
		if (said_fd >= 0)
			read_said(said_fd, said, sizeof(said));
		error = judge(error, status, said, result);
	}
	if (said_fd >= 0)
		close(said_fd);
	return error;
}

static int one_subject(const struct google_benchmark *job, const struct allocator *subject,
		       bool built, FILE *index, int *failed)
{
	struct result_of result = {.outcome = "unsupported", .reason = NOT_BUILT};
	char name[128], file[160], json[PATH_CHARS], reason[REASON_CHARS];
	int error = 0;

	if (subject->flags & ALLOC_ONE_BLOCK)
		return 0;
	snprintf(file, sizeof(file), "%s.json", slug(subject->name, name, sizeof(name)));
	snprintf(json, sizeof(json), "%s/gbench/%s", job->run_dir, file);
	if (built && subject->worker)
		set(&result, "unsupported", "runs in a worker of its own only, %s",
		    subject->worker);
	else if (built && !subject_supported(subject, reason, sizeof(reason)))
		set(&result, "unsupported", "%s", reason);
	else if (built)
		error = run_one(job, subject, json, &result);
	if (error)
		return error;
	if (strcmp(result.outcome, "ok"))
		unlink(json); /* half a file */
	*failed += !strcmp(result.outcome, "failed") || !strcmp(result.outcome, "timeout");
	for (char *c = result.reason; *c; c++)
		if (*c == '"')
			*c = '\'';
	fprintf(index, "%s,%s,\"%s\",%s\n", subject->name, result.outcome, result.reason,
		strcmp(result.outcome, "ok") ? "" : file);
	return 0;
}

int google_benchmark_run(const struct google_benchmark *job)
{
	bool built = access(job->program, X_OK) == 0;
	char path[PATH_CHARS], part[PATH_CHARS + 8];
	int failed = 0, error = 0;
	FILE *index;

	snprintf(path, sizeof(path), "%s/gbench", job->run_dir);
	if (mkdir(path, 0777) && errno != EEXIST)
		return -errno;
	snprintf(path, sizeof(path), "%s/gbench/index.csv", job->run_dir);
	if (!access(path, F_OK))
		return 0;
	snprintf(part, sizeof(part), "%s.part", path);
	index = fopen(part, "we");
	if (!index)
		return -errno;
	fputs("subject,outcome,reason,file\n", index);
	for (unsigned i = 0; i < job->n_subjects && !error; i++)
		error = one_subject(job, job->subjects[i], built, index, &failed);
	if (fclose(index) && !error)
		error = -errno;
	if (!error && rename(part, path))
		error = -errno;
	return error ? error : failed;
}
