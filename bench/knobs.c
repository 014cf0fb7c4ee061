// SPDX-License-Identifier: MIT
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "commands.h"
#include "knobs.h"

#define THP_DIR	  "/sys/kernel/mm/transparent_hugepage/"
#define MAX_KNOBS 16
#define POOL	  "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
#define POOL_PAGE ((uint64_t)2 << 20)

struct knob {
	char path[128], size[16]; /* size is empty for the setting above all sizes */
	char before[16];
};

static struct {
	struct knob knobs[MAX_KNOBS];
	unsigned n;
	const char *set; /* the size that is set, NULL: as before */
	bool has_pool;
	unsigned long long pool_before, pool; /* pages */
	pid_t watchdog;
	int watchdog_fd; /* the watchdog restores when nobody holds this end any more */
} state;

/* "always [madvise] never" -> "madvise" */
static int read_choice(const char *path, char out[16])
{
	char text[128] = "", *begin, *end;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	int error = got < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	if (error)
		return error;
	begin = strchr(text, '[');
	end = begin ? strchr(begin, ']') : NULL;
	if (!end || end - begin > 15)
		return -EINVAL;
	*end = 0;
	strcpy(out, begin + 1);
	return 0;
}

static int write_choice(const char *path, const char *choice)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t length = (ssize_t)strlen(choice);
	int error = fd < 0 || write(fd, choice, (size_t)length) != length ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return error;
}

static bool read_pool(unsigned long long *pages)
{
	FILE *file = fopen(POOL, "re");
	bool read = file && fscanf(file, "%llu", pages) == 1;

	if (file)
		fclose(file);
	return read;
}

/* The kernel takes fewer where it does not find as many. */
static int write_pool(unsigned long long pages)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", pages);
	return write_choice(POOL, text);
}

static void restore(void)
{
	if (state.has_pool)
		write_pool(state.pool_before);
	for (unsigned i = 0; i < state.n; i++)
		write_choice(state.knobs[i].path, state.knobs[i].before);
}

static int add_knob(const char *size)
{
	struct knob *knob = &state.knobs[state.n];
	int error;

	if (state.n == MAX_KNOBS)
		return -ENOSPC;
	snprintf(knob->size, sizeof(knob->size), "%.15s", size);
	snprintf(knob->path, sizeof(knob->path), THP_DIR "%s%.32s%senabled",
		 *size ? "hugepages-" : "", size, *size ? "/" : "");
	error = read_choice(knob->path, knob->before);
	if (error == -ENOENT) /* sizes for shared memory only */
		return 0;
	state.n += !error;
	return error;
}

static int save(void)
{
	DIR *directory = opendir(THP_DIR);
	struct dirent *entry;
	int error;

	state.has_pool = read_pool(&state.pool_before);
	state.pool = state.pool_before;
	state.n = 0;
	if (!directory) /* a kernel without transparent huge pages */
		return state.has_pool ? 0 : -errno;
	error = add_knob("");
	while (!error && (entry = readdir(directory)))
		if (!strncmp(entry->d_name, "hugepages-", 10))
			error = add_knob(entry->d_name + 10);
	closedir(directory);
	return error;
}

__attribute__((noreturn)) static void watch(int fd)
{
	char byte;

	setsid(); /* a signal to the group of the run is none to it */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	while (read(fd, &byte, 1) < 0 && errno == EINTR)
		;
	restore();
	_exit(0);
}

bool knobs_needed(const struct plan *plan)
{
	for (unsigned i = 0; i < plan->n_cells; i++)
		if (plan->cells[i].supported && (plan->cells[i].subject->mthp_size ||
						 plan->cells[i].subject->flags & ALLOC_POOL))
			return true;
	return false;
}

int knobs_begin(void)
{
	int fds[2], error = save();

	if (!error && pipe2(fds, O_CLOEXEC))
		error = -errno;
	if (error)
		goto say;
	state.watchdog = fork();
	if (state.watchdog == 0) {
		close(fds[1]);
		watch(fds[0]);
	}
	close(fds[0]);
	state.watchdog_fd = fds[1];
	if (state.watchdog > 0)
		return 0;
	error = -errno;
	close(fds[1]);
	state.watchdog = 0;
say:
	failure("the settings of huge pages cannot be kept for restoring them: %s; nothing is "
		"changed",
		strerror(-error));
	return error;
}

static int set_size(const char *mthp_size)
{
	int error = 0;

	if (mthp_size == state.set)
		return 0;
	for (unsigned i = 0; i < state.n && !error; i++) {
		const struct knob *knob = &state.knobs[i];
		bool wanted = mthp_size && !strcmp(knob->size, mthp_size);

		if (!mthp_size)
			error = write_choice(knob->path, knob->before);
		else if (*knob->size)
			error = write_choice(knob->path, wanted ? "madvise" : "never");
	}
	state.set = error ? "" : mthp_size;
	return error;
}

static int set_pool(unsigned long long pages)
{
	int error = pages == state.pool ? 0 : write_pool(pages);

	state.pool = error ? ULLONG_MAX : pages;
	return error;
}

int knobs_set(const struct allocator *subject, uint64_t bytes)
{
	bool pool = subject->flags & ALLOC_POOL;
	int error;

	if (!state.watchdog) /* then nothing is set, and a pool may have pages of its own */
		return subject->mthp_size ? -EPERM : 0;
	error = set_size(subject->mthp_size);
	if (!error && state.has_pool)
		error = set_pool(state.pool_before +
				 (pool ? (bytes + POOL_PAGE - 1) / POOL_PAGE : 0));
	return error;
}

void knobs_end(void)
{
	if (!state.watchdog)
		return;
	restore();
	close(state.watchdog_fd);
	waitpid(state.watchdog, NULL, 0);
	state.watchdog = 0;
	state.set = NULL;
}
