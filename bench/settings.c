// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "commands.h"
#include "settings.h"

#define MAX_SETTINGS   2048
#define PATH_CHARS     256
#define POLL_US	       100000
#define LOCK_POLLS     6000 /* ten minutes */
#define RESTORE_ROUNDS 20   /* a file may be busy for a moment */

struct setting {
	char path[PATH_CHARS], before[SETTINGS_VALUE_CHARS];
	bool changed;
};

/* Shared with the watchdog, which is started before anything is set. */
struct shared {
	unsigned n;
	struct setting settings[MAX_SETTINGS];
};

static struct {
	struct shared *shared; /* NULL: nothing has begun */
	pid_t watchdog;
	int watchdog_fd; /* the watchdog restores when nobody holds this end any more */
	int lock_fd;	 /* -1: the caller has the lock */
} state;

bool settings_begun(void)
{
	return state.shared;
}

int settings_read(const char *path, char value[SETTINGS_VALUE_CHARS])
{
	char text[256], *begin, *end;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	int error = got < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	if (error)
		return error;
	text[got] = 0;
	text[strcspn(text, "\n")] = 0;
	begin = strchr(text, '[');
	end = begin ? strchr(begin, ']') : NULL;
	if (end) {
		*end = 0;
		begin++;
	} else {
		begin = text;
	}
	if (strlen(begin) >= SETTINGS_VALUE_CHARS)
		return -EINVAL;
	strcpy(value, begin);
	return 0;
}

static int write_value(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	ssize_t length = (ssize_t)strlen(value);
	int error = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, value, (size_t)length) != length)
		error = errno ? -errno : -EIO;
	close(fd);
	return error;
}

/* ---- restoring ---- */

static bool restore_once(void)
{
	bool all = true;

	for (unsigned i = state.shared->n; i--;) {
		struct setting *setting = &state.shared->settings[i];
		char now[SETTINGS_VALUE_CHARS];

		if (!setting->changed)
			continue;
		if (!write_value(setting->path, setting->before) ||
		    (!settings_read(setting->path, now) && !strcmp(now, setting->before)))
			setting->changed = false;
		else
			all = false;
	}
	return all;
}

static void restore(void)
{
	for (int i = 0; i < RESTORE_ROUNDS && !restore_once(); i++)
		usleep(POLL_US);
}

/* Keeps nothing open but the lock and the pipe: who waits for the end of our output must not wait
 * for this process. */
__attribute__((noreturn)) static void watch(int fd)
{
	int null_fd = open("/dev/null", O_RDWR), pipe_fd = fcntl(fd, F_DUPFD, 10), lock_fd;
	char byte;

	lock_fd = fcntl(state.lock_fd < 0 ? null_fd : state.lock_fd, F_DUPFD, 10);
	setsid(); /* a signal to the group of the run is none to it */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	for (int i = 0; i < 3; i++)
		dup2(null_fd, i);
	dup2(pipe_fd, 3);
	dup2(lock_fd, 4);
	close_range(5, ~0u, 0);
	if (chdir("/"))
		_exit(1);
	while (read(3, &byte, 1) < 0 && errno == EINTR)
		;
	restore();
	_exit(0);
}

/* ---- the lock ---- */

static bool caller_has_lock(const char *area)
{
	const char *at = getenv("TABENCH_LOCKED");
	size_t length = strlen(area);

	while (at && *at) {
		size_t n = strcspn(at, ",");

		if (n == length && !strncmp(at, area, n))
			return true;
		at += n + (at[n] == ',');
	}
	return false;
}

static bool signal_is_pending(void)
{
	sigset_t pending;

	return !sigpending(&pending) &&
	       (sigismember(&pending, SIGINT) || sigismember(&pending, SIGTERM) ||
		sigismember(&pending, SIGHUP) || sigismember(&pending, SIGQUIT));
}

static void say_who_has_it(int fd, const char *area)
{
	char text[32] = "";
	ssize_t got = pread(fd, text, sizeof(text) - 1, 0);

	fprintf(stderr, "tabench: waiting for process %s, which has the settings '%s' changed\n",
		got > 0 ? text : "?", area);
}

/* Waits for the lock; its descriptor is in the state. 0 or -errno. */
static int lock(const char *area)
{
	char path[128], text[32];
	int fd, error = 0;

	state.lock_fd = -1;
	if (caller_has_lock(area))
		return 0;
	snprintf(path, sizeof(path), "%s/tabench-%s",
		 access("/run/lock", W_OK) ? "/tmp" : "/run/lock", area);
	fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0) /* of another user, in a sticky directory */
		fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fchmod(fd, 0666)) /* whoever may change the settings may lock them */
		errno = 0;
	for (int i = 0; flock(fd, LOCK_EX | LOCK_NB); i++) {
		error = errno != EWOULDBLOCK  ? -errno
			: signal_is_pending() ? -EINTR
			: i == LOCK_POLLS     ? -EBUSY
					      : 0;
		if (error) {
			close(fd);
			return error;
		}
		if (!i)
			say_who_has_it(fd, area);
		usleep(POLL_US);
	}
	state.lock_fd = fd;
	snprintf(text, sizeof(text), "%d", (int)getpid());
	if (ftruncate(fd, 0) || pwrite(fd, text, strlen(text), 0) < 0)
		return 0; /* then the message lacks the number */
	return 0;
}

static void clean_up(void)
{
	if (state.lock_fd >= 0)
		close(state.lock_fd);
	if (state.shared)
		munmap(state.shared, sizeof(*state.shared));
	state.shared = NULL;
	state.watchdog = 0;
}

int settings_begin(const char *area)
{
	int fds[2], error = lock(area);

	if (error)
		goto say;
	state.shared = mmap(NULL, sizeof(*state.shared), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (state.shared == MAP_FAILED) {
		state.shared = NULL;
		error = -ENOMEM;
	} else if (pipe2(fds, O_CLOEXEC)) {
		error = -errno;
	}
	if (error)
		goto give_up;
	state.watchdog = fork();
	if (state.watchdog == 0)
		watch(fds[0]);
	close(fds[0]);
	state.watchdog_fd = fds[1];
	if (state.watchdog > 0)
		return 0;
	error = -errno;
	close(fds[1]);
give_up:
	clean_up();
say:
	if (error != -EINTR)
		failure("the settings '%s' cannot be kept for restoring them: %s; nothing is "
			"changed",
			area,
			error == -EBUSY ? "another tabench has had them for ten minutes"
					: strerror(-error));
	return error;
}

/* The setting of that path, remembered now if it is new; NULL where it cannot be. */
static struct setting *remember(const char *path, const char *before)
{
	struct setting *setting;

	for (unsigned i = 0; i < state.shared->n; i++)
		if (!strcmp(state.shared->settings[i].path, path))
			return &state.shared->settings[i];
	if (state.shared->n == MAX_SETTINGS || strlen(path) >= PATH_CHARS)
		return NULL;
	setting = &state.shared->settings[state.shared->n];
	strcpy(setting->path, path);
	strcpy(setting->before, before);
	setting->changed = false;
	__atomic_store_n(&state.shared->n, state.shared->n + 1, __ATOMIC_RELEASE);
	return setting;
}

int settings_set(const char *path, const char *value)
{
	char now[SETTINGS_VALUE_CHARS];
	struct setting *setting;
	int error = state.shared ? settings_read(path, now) : -EPERM;

	if (error || !strcmp(now, value))
		return error;
	setting = remember(path, now);
	if (!setting)
		return -ENOSPC;
	setting->changed = true; /* before it is: the watchdog may have to act in between */
	error = write_value(path, value);
	if (!settings_read(path, now) && !strcmp(now, setting->before))
		setting->changed = false;
	return error;
}

unsigned settings_changed(void)
{
	unsigned n = 0;

	for (unsigned i = 0; state.shared && i < state.shared->n; i++)
		n += state.shared->settings[i].changed;
	return n;
}

void settings_end(void)
{
	if (!state.shared)
		return;
	restore();
	close(state.watchdog_fd);
	while (waitpid(state.watchdog, NULL, 0) < 0 && errno == EINTR)
		;
	clean_up();
}
