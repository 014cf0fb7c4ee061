// SPDX-License-Identifier: MIT
/*
 * traps HOW: sets what SIGTRAP does, half-way through blocks that are watched, and says how many
 * traps it got: none, since the accelerator's are its own. With -DLINKED the blocks are
 * tamalloc()'s, and it says whether they were watched before and after; else calloc()'s, under the
 * shim.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef LINKED
#include "tamalloc.h"
#define calloc tacalloc
#endif

static volatile sig_atomic_t traps;

static void count(int number)
{
	traps += number == SIGTRAP;
}

static int set(const char *how)
{
	struct sigaction action = {.sa_handler = SIG_DFL};
	pid_t pid;

	if (!strcmp(how, "handler")) {
		action.sa_handler = count;
		return sigaction(SIGTRAP, &action, NULL);
	}
	if (!strcmp(how, "action"))
		return sigaction(SIGTRAP, &action, NULL);
	if (!strcmp(how, "default"))
		return signal(SIGTRAP, SIG_DFL) == SIG_ERR;
	if (!strcmp(how, "ignore"))
		return signal(SIGTRAP, SIG_IGN) == SIG_ERR;
	if (!strcmp(how, "sysv"))
		return sysv_signal(SIGTRAP, SIG_DFL) == SIG_ERR;
	if (!strcmp(how, "ssignal"))
		return ssignal(SIGTRAP, SIG_DFL) == SIG_ERR;
	if (!strcmp(how, "sigset"))
		return sigset(SIGTRAP, SIG_DFL) == SIG_ERR;
	if (!strcmp(how, "sigignore"))
		return sigignore(SIGTRAP);
	if (strcmp(how, "vfork"))
		return -1;
	pid = vfork();
	if (!pid) {
		signal(SIGTRAP, SIG_DFL);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	return signal(SIGTRAP, SIG_DFL) == SIG_ERR;
}

static void say_watched(const char *when)
{
#ifdef LINKED
	struct tamalloc_stats stats;

	tamalloc_stats(&stats, sizeof(stats));
	printf("%s %d, ", when, (int)stats.accel_is_on);
#else
	(void)when;
#endif
}

int main(int argc, char **argv)
{
	size_t size = 64 << 20, half = size / 2;
	volatile char *block = calloc(1, size), *other;

	for (size_t at = 0; at < half; at += 4096)
		block[at] = 1;
	say_watched("before");
	if (set(argv[argc - 1]))
		return 2;
	for (size_t at = half; at < half + half / 2; at += 4096) /* before the library is called */
		block[at] = 1;
	other = calloc(1, size);
	for (size_t at = half; at < size; at += 4096)
		block[at] = other[at] = 1;
	for (size_t at = 0; at < size; at++)
		if (block[at] != (at % 4096 == 0))
			return 1;
	say_watched("after");
	printf("%d traps\n", (int)traps);
	return 0;
}
