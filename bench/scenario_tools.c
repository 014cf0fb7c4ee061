// SPDX-License-Identifier: MIT
/* What cases are made of: blocks of subjects, pages, members. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scenario.h"

int scenario_take(const struct scenario_case *c, struct scenario_result *r, size_t bytes,
		  struct block *block)
{
	static struct alloc_ctx ctx;
	static bool prepared;
	const struct allocator *subject = allocator_find(c->subject);
	char reason[200];
	int error;

	if (!subject || !subject_supported(subject, reason, sizeof(reason))) {
		scenario_unsupported(r, "%s", subject ? reason : "there is no such subject");
		return -ENOTSUP;
	}
	if (!prepared && subject->prepare) {
		error = subject->prepare(&ctx, bytes, 0);
		if (error) {
			scenario_unsupported(r, "the subject cannot be prepared: %s",
					     strerror(-error));
			return -ENOTSUP;
		}
	}
	prepared = true;
	return subject->alloc(&ctx, bytes, 0, block);
}

void scenario_write(void *addr, size_t bytes, size_t stride_pages, unsigned char value)
{
	size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);

	for (size_t i = 0; i < bytes; i += stride_pages * page_bytes)
		((volatile unsigned char *)addr)[i] = value;
}

size_t scenario_wrong(const void *addr, size_t bytes, size_t stride_pages, unsigned char value)
{
	size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE), wrong = 0;
	const volatile unsigned char *at = addr;

	for (size_t page = 0; page * page_bytes < bytes; page++)
		wrong += at[page * page_bytes] != (page % stride_pages ? 0 : value) ||
			 at[page * page_bytes + page_bytes - 1] != 0;
	return wrong;
}

uint64_t scenario_smaps_bytes(const void *addr, size_t bytes, const char *field)
{
	FILE *file = fopen("/proc/self/smaps", "re");
	uintptr_t low = (uintptr_t)addr, high = low + bytes, begin, end;
	size_t length = strlen(field);
	uint64_t sum_kib = 0;
	char line[4096];
	bool inside = false;

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &begin, &end) == 2 &&
		    strchr(line, '-') < strchr(line, ' '))
			inside = begin < high && end > low;
		else if (inside && !strncmp(line, field, length) && line[length] == ':')
			sum_kib += strtoull(line + length + 1, NULL, 10);
	}
	if (file)
		fclose(file);
	return sum_kib * 1024;
}

uint64_t scenario_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (uint64_t)usage.ru_minflt;
}

int scenario_oom_score_adj(int value)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC), error = 0;

	if (fd < 0 || dprintf(fd, "%d", value) < 0)
		error = -errno;
	if (fd >= 0)
		close(fd);
	return error;
}

/* ---- members ---- */

void member_start(struct member *member, int (*act)(int fd, void *arg), void *arg)
{
	pid_t parent = getpid();
	int fds[2];

	*member = (struct member){-1, -1};
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return;
	member->pid = fork();
	if (member->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(fds[0]);
		if (getppid() != parent)
			_exit(1);
		_exit(act(fds[1], arg));
	}
	close(fds[1]);
	member->fd = fds[0];
}

void member_ready(int fd)
{
	if (write(fd, "r", 1) != 1)
		_exit(1);
}

void member_wait(int fd)
{
	char byte;

	if (read(fd, &byte, 1) != 1)
		_exit(1);
}

bool member_is_ready(struct member *member)
{
	char byte;

	return member->fd >= 0 && read(member->fd, &byte, 1) == 1;
}

void member_go(struct member *member)
{
	if (write(member->fd, "g", 1) != 1)
		return; /* it has ended, which member_end() tells */
}

int member_end(struct member *member)
{
	int status = 0;

	if (member->pid <= 0)
		return -1;
	while (waitpid(member->pid, &status, 0) < 0 && errno == EINTR)
		;
	close(member->fd);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
