// SPDX-License-Identifier: MIT
/*
 * fork: a process that forks with half of its block written. The child writes every page and ends;
 * then the parent writes every page. Neither may see what the other wrote. All of that, with fork
 * and the child's page faults, is the phase touch.
 */
#define TOUCH_WRITES true
#include "touch.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_BYTE 0xc3

static inline uint64_t page_at(const struct wl *w, uint64_t k)
{
	(void)w;
	return k;
}

static uint64_t pages(size_t size_bytes, size_t page_bytes, const int64_t *params)
{
	(void)params;
	return region_pages(size_bytes, page_bytes);
}

/* Writes each page. True if one of those that this process had written held something else. */
NO_LOOK_UPS static bool write_all(const struct wl *w, uint64_t written, uint64_t all,
				  unsigned char value)
{
	bool wrong = false;

	for (uint64_t page = 0; page < all; page++) {
		volatile unsigned char *byte = page_address(w, page);

		wrong |= page < written && *byte != WL_TOUCH_BYTE;
		*byte = value;
	}
	return wrong;
}

/* 0 or -errno; *wrong: the child saw something else than was written before. */
static int fork_and_wait(const struct wl *w, uint64_t written, uint64_t all, bool *wrong)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid)
		_exit(write_all(w, written, all, CHILD_BYTE));
	if (waitpid(pid, &status, 0) != pid)
		return -errno;
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGBUS ? -ENOMEM : -EINTR;
	*wrong = WEXITSTATUS(status);
	return 0;
}

static int run(struct wl *w)
{
	uint64_t all = pages(w->size_bytes, w->page_bytes, w->params), written = all / 2;
	bool wrong = false;
	int error;

	wl_phase_begin(w, PHASE_ALLOC);
	error = wl_alloc(w, w->size_bytes, &w->block);
	wl_phase_end(w);
	if (error)
		return error;
	wl_phase_begin(w, PHASE_TOUCH);
	write_all(w, 0, written, WL_TOUCH_BYTE);
	error = fork_and_wait(w, written, all, &wrong);
	wrong |= write_all(w, written, all, WL_TOUCH_BYTE);
	wl_phase_end(w);
	if (error)
		return error;
	w->checksum = w->wrong_bytes = wrong; /* both must be 0 here to come out right */
	w->touched_pages = w->operations = all;
	return touch_finish(w);
}

static struct workload fork_half = {
	.name = "fork",
	.summary = "writes half, forks; the child writes each page, then the parent does",
	.effort = 3.3,
	.forks = true,
	TOUCH_HOOKS_BUT_RUN,
	.run = run,
};

REGISTER_WORKLOAD(fork_half)
