// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "child.h"

#define POLL_NS 5000000

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* In the child. The errno of an exec that failed goes into the pipe, which exec closes. */
__attribute__((noreturn)) static void become(const struct child_job *job, pid_t parent, int said_fd,
					     int error_fd)
{
	const char *out = job->stdout_path ? job->stdout_path : "/dev/null";
	int in_fd = open("/dev/null", O_RDONLY | O_CLOEXEC), error;
	int out_fd = open(out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	if (in_fd >= 0 && out_fd >= 0 && dup2(in_fd, STDIN_FILENO) >= 0 &&
	    dup2(out_fd, STDOUT_FILENO) >= 0 && dup2(said_fd, STDERR_FILENO) >= 0)
		execvp(job->argv[0], (char *const *)job->argv);
	error = errno;
	if (write(error_fd, &error, sizeof(error)) < 0)
		_exit(126);
	_exit(127);
}

void child_last_line(int fd, char *said, size_t said_bytes)
{
	char text[4096];
	off_t end = lseek(fd, 0, SEEK_END);
	off_t from = end > (off_t)sizeof(text) - 1 ? end - (off_t)sizeof(text) + 1 : 0;
	ssize_t n = pread(fd, text, sizeof(text) - 1, from);
	char *line;

	n = n > 0 ? n : 0;
	while (n && text[n - 1] == '\n')
		n--;
	text[n] = 0;
	line = strrchr(text, '\n');
	snprintf(said, said_bytes, "%s", line ? line + 1 : text);
	for (char *c = said; *c; c++)
		if ((unsigned char)*c < ' ' || (unsigned char)*c > '~' || *c == '"')
			*c = ' ';
}

static int await(const struct child_job *job, pid_t pid, int *status)
{
	const struct timespec pause = {.tv_nsec = POLL_NS};
	double deadline_s = now_s() + job->timeout_s;
	siginfo_t info = {.si_pid = 0};
	int error = 0;

	/* It stays a zombie until its group has been killed, so that the group's number is its. */
	while (!error && (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) ||
			  info.si_pid != pid)) {
		if (job->interrupt && *job->interrupt)
			error = -EINTR;
		else if (now_s() > deadline_s)
			error = -ETIMEDOUT;
		else
			nanosleep(&pause, NULL);
	}
	kill(-pid, SIGKILL);
	while (waitpid(pid, status, 0) < 0 && errno == EINTR)
		;
	return error;
}

int child_run(const struct child_job *job, char *said, size_t said_bytes)
{
	int said_fd = memfd_create("said", MFD_CLOEXEC), fds[2], status = 0, error, refused = 0;
	pid_t parent = getpid(), pid;

	said[0] = 0;
	if (said_fd < 0)
		return -errno;
	if (pipe2(fds, O_CLOEXEC)) {
		error = -errno;
		goto close_said;
	}
	pid = fork();
	if (pid == 0)
		become(job, parent, said_fd, fds[1]);
	error = pid < 0 ? -errno : 0;
	close(fds[1]);
	if (pid > 0) {
		setpgid(pid, pid); /* the child does so too: whoever comes first */
		if (read(fds[0], &refused, sizeof(refused)) != (ssize_t)sizeof(refused))
			refused = 0;
		error = await(job, pid, &status);
	}
	close(fds[0]);
	child_last_line(said_fd, said, said_bytes);
	if (!error && refused)
		error = -refused;
	else if (!error)
		error = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
close_said:
	close(said_fd);
	return error;
}
