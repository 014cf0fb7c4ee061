// SPDX-License-Identifier: MIT
/* The host's side of the virtual machine: starts it, reads what comes out. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "allocator.h"
#include "commands.h"
#include "subject.h"
#include "vm.h"

#define MAX_WORDS 192

struct words {
	const char *argv[MAX_WORDS];
	char *owned[MAX_WORDS];
	unsigned n, n_owned;
};

static void add(struct words *words, const char *word)
{
	if (words->n + 1 < MAX_WORDS)
		words->argv[words->n++] = word;
}

/* --add FILE[:PLACE] */
static void add_file(struct words *words, const char *file, const char *place)
{
	char *text;

	if (words->n_owned == MAX_WORDS ||
	    asprintf(&text, "%s%s%s", file, place ? ":" : "", place ? place : "") < 0)
		return;
	words->owned[words->n_owned++] = text;
	add(words, "--add");
	add(words, text);
}

/* The libraries that subjects are started under, or open; what this machine does not have, the
 * guest has not. */
static void add_preloads(struct words *words)
{
	for (const struct allocator *a = allocator_first(); a; a = a->next) {
		const char *library = a->preload ? a->preload : a->library;

		if (library) {
			add(words, "--preload");
			add(words, library);
		}
	}
}

/* Programs that subjects have in the worker's place. */
static void add_own_workers(struct words *words)
{
	char program[PATH_MAX], place[PATH_MAX];

	for (const struct allocator *a = allocator_first(); a; a = a->next) {
		if (!a->worker)
			continue;
		subject_program(a, "", program);
		snprintf(place, sizeof(place), "/bin/%s", a->worker);
		if (!access(program, X_OK))
			add_file(words, program, place);
	}
}

static void command_line(const struct vm_job *job, struct words *words, char timeout[16],
			 char out[512])
{
	static const char *const counting[] = {"--icount", "--mem", "1G", NULL};
	const json_t *argument;
	size_t i;

	snprintf(timeout, 16, "%u", job->timeout_s);
	snprintf(out, 512, "/run-dir/%s", job->run_id);
	for (const char *const *word =
		     (const char *const[]){job->script, "run", "--timeout", timeout, "--facts",
					   job->facts_path, "--log", job->log_path, NULL};
	     *word; word++)
		add(words, *word);
	for (const char *const *word = job->machine ? job->machine : counting; *word; word++)
		add(words, *word);
	add_file(words, job->program, "/bin/tabench");
	add_file(words, job->worker, "/bin/taworker");
	add_own_workers(words);
	add_file(words, job->tamstat, "/bin/tamstat");
	if (!access("/usr/bin/ps", X_OK)) /* of the rows statistics */
		add_file(words, "/usr/bin/ps", "/usr/bin/ps");
	add_file(words, job->guest_script, "/bin/vm-bench.sh");
	if (job->taken_path)
		add_file(words, job->taken_path, "/taken");
	add_preloads(words);
	for (const char *const *word =
		     (const char *const[]){"--", "sh", "/bin/vm-bench.sh", "tabench", NULL};
	     *word; word++)
		add(words, *word);
	for (const char *const *word =
		     (const char *const[]){"run", "--guest", "/taken", "--out", out, NULL};
	     *word && job->taken_path; word++)
		add(words, *word);
	json_array_foreach(job->arguments, i, argument) add(words, json_string_value(argument));
	words->argv[words->n] = NULL;
}

/* Lines out of a pipe. */
struct lines {
	int fd;
	char *text;
	size_t used, room;
};

/* Reads once and calls each() for every whole line. False at the end. */
static bool read_lines(struct lines *lines, int (*each)(char *line, void *arg), void *arg,
		       int *error)
{
	ssize_t got;
	char *end;

	if (lines->room - lines->used < 65536) {
		char *grown = realloc(lines->text, lines->used + 131072);

		if (!grown) {
			*error = -ENOMEM;
			return false;
		}
		lines->text = grown;
		lines->room = lines->used + 131072;
	}
	got = read(lines->fd, lines->text + lines->used, lines->room - lines->used - 1);
	if (got < 0 && errno == EINTR)
		return true;
	if (got <= 0)
		return false;
	lines->used += (size_t)got;
	lines->text[lines->used] = 0;
	while ((end = memchr(lines->text, '\n', lines->used))) {
		size_t length = (size_t)(end - lines->text) + 1;

		*end = 0;
		if (!*error)
			*error = each(lines->text, arg);
		lines->used -= length;
		memmove(lines->text, end + 1, lines->used + 1);
	}
	return true;
}

struct intake {
	const struct vm_job *job;
	char said[256]; /* the last line of vm.sh or kernel.sh themselves */
};

static int take_line(char *line, void *arg)
{
	struct intake *intake = arg;
	json_t *json = json_loads(line, 0, NULL);
	int error;

	if (!json) {
		fprintf(stderr, "vm: %s\n", line); /* no line of ours: let it be seen */
		return 0;
	}
	error = intake->job->line(json, intake->job->arg);
	json_decref(json);
	return error;
}

static int pass_on(char *line, void *arg)
{
	struct intake *intake = arg;

	fprintf(stderr, "%s\n", line);
	if (!strncmp(line, "vm: ", 4) || !strncmp(line, "kernel: ", 8) ||
	    !strncmp(line, "setup: ", 7))
		snprintf(intake->said, sizeof(intake->said), "%.255s", line);
	return 0;
}

static pid_t start(const struct vm_job *job, int out_fd, int err_fd)
{
	struct words words = {.n = 0};
	char timeout[16], out[512];
	pid_t parent = getpid(), pid;

	command_line(job, &words, timeout, out);
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0); /* Ctrl-C reaches us; we end the machine */
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != parent)
			_exit(127);
		dup2(out_fd, STDOUT_FILENO);
		dup2(err_fd, STDERR_FILENO);
		for (int s = 1; s < NSIG; s++)
			signal(s, SIG_DFL);
		execvp(words.argv[0], (char *const *)words.argv);
		dprintf(STDERR_FILENO, "vm: cannot start %s: %s\n", job->script, strerror(errno));
		_exit(127);
	}
	while (words.n_owned)
		free(words.owned[--words.n_owned]);
	return pid;
}

/* Until both pipes are at their end. 0, or what job->line() returned. */
static int read_all(const struct vm_job *job, pid_t pid, struct lines *lines, struct intake *intake)
{
	struct pollfd fds[2] = {{.fd = lines[0].fd, .events = POLLIN},
				{.fd = lines[1].fd, .events = POLLIN}};
	int error = 0;
	bool ended = false;

	while (fds[0].fd >= 0 || fds[1].fd >= 0) {
		if (!ended && ((job->interrupt && *job->interrupt) || error)) {
			kill(pid, SIGTERM);
			ended = true;
		}
		if (poll(fds, 2, 500) <= 0)
			continue;
		for (int i = 0; i < 2; i++)
			if (fds[i].fd >= 0 && fds[i].revents &&
			    !read_lines(&lines[i], i ? pass_on : take_line, intake, &error))
				fds[i].fd = -1;
	}
	return error;
}

enum vm_outcome vm_run(const struct vm_job *job, char *reason, size_t reason_bytes)
{
	struct intake intake = {.job = job};
	struct lines lines[2] = {{.fd = -1}, {.fd = -1}};
	int pipes[2][2], status = 0, error;
	const char *said;
	pid_t pid;

	unlink(job->facts_path);
	if (pipe2(pipes[0], O_CLOEXEC) || pipe2(pipes[1], O_CLOEXEC)) {
		snprintf(reason, reason_bytes, "no pipe: %s", strerror(errno));
		return VM_FAILED;
	}
	pid = start(job, pipes[0][1], pipes[1][1]);
	close(pipes[0][1]);
	close(pipes[1][1]);
	lines[0].fd = pipes[0][0];
	lines[1].fd = pipes[1][0];
	error = pid < 0 ? -errno : read_all(job, pid, lines, &intake);
	for (int i = 0; i < 2; i++) {
		close(lines[i].fd);
		free(lines[i].text);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	said = intake.said;
	for (const char *colon; (colon = strstr(said, ": ")) && colon - said < 8;)
		said = colon + 2;
	snprintf(reason, reason_bytes, "%s", *said ? said : "scripts/vm.sh gave no reason");
	if (job->interrupt && *job->interrupt)
		return VM_INTERRUPTED;
	if (error) {
		snprintf(reason, reason_bytes, "%s", strerror(-error));
		return VM_FAILED;
	}
	if (access(job->facts_path, F_OK)) /* it did not come as far as booting */
		return VM_UNSUPPORTED;
	return status ? VM_FAILED : VM_OK;
}

json_t *vm_facts(const char *path)
{
	json_t *facts = json_object();
	FILE *file = fopen(path, "re");
	char *line = NULL, *equals;
	size_t room = 0;

	while (file && getline(&line, &room, file) > 0) {
		line[strcspn(line, "\n")] = 0;
		if (!(equals = strchr(line, '=')))
			continue;
		*equals = 0;
		json_object_set_new(facts, line, json_string(equals + 1));
	}
	free(line);
	if (file)
		fclose(file);
	return facts;
}
