// SPDX-License-Identifier: MIT
/*
 * Says what sigaction(), signal() and their kin do to SIGUSR1 and to numbers that are no signals:
 * with the library in front and without, the same.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

typedef void (*handler)(int);

static volatile sig_atomic_t calls;

static void count(int number)
{
	calls += number == SIGUSR1;
}

static const char *name(handler of)
{
	return of == SIG_DFL	? "default"
	       : of == SIG_IGN	? "ignore"
	       : of == SIG_ERR	? "error"
	       : of == SIG_HOLD ? "hold"
	       : of == count	? "count"
				: "?";
}

static void say(const char *what, handler old, int error)
{
	struct sigaction now;
	sigset_t blocked;

	sigaction(SIGUSR1, NULL, &now);
	sigprocmask(SIG_BLOCK, NULL, &blocked);
	printf("%s: %s %s, now %s flags %#x mask %d blocked %d calls %d\n", what, name(old),
	       old == SIG_ERR ? strerror(error) : "", name(now.sa_handler),
	       (unsigned)now.sa_flags & ~0x04000000u, sigismember(&now.sa_mask, SIGUSR1),
	       sigismember(&blocked, SIGUSR1), (int)calls);
}

#define SAY(call)                       \
	do {                            \
		handler old;            \
                                        \
		errno = 0;              \
		old = (call);           \
		say(#call, old, errno); \
	} while (0)
#define AS_HANDLER(call) ((call) ? SIG_ERR : SIG_DFL)

int main(void)
{
	struct sigaction action = {.sa_handler = count, .sa_flags = SA_NODEFER};

	SAY(signal(SIGUSR1, count));
	raise(SIGUSR1);
	SAY(ssignal(SIGUSR1, SIG_IGN));
	SAY(sysv_signal(SIGUSR1, count));
	raise(SIGUSR1);
	SAY(sigset(SIGUSR1, count));
	SAY(sigset(SIGUSR1, SIG_HOLD));
	SAY(sigset(SIGUSR1, SIG_HOLD));
	raise(SIGUSR1);
	SAY(sigset(SIGUSR1, count));
	SAY(sigset(SIGUSR1, SIG_IGN));
	SAY(AS_HANDLER(sigaction(SIGUSR1, &action, NULL)));
	SAY(AS_HANDLER(sigignore(SIGUSR1)));
	siginterrupt(SIGUSR1, 1);
	SAY(signal(SIGUSR1, count));
	for (int number = -1; number <= 65; number += number ? 65 : 1) {
		SAY(signal(number, count));
		SAY(sysv_signal(number, count));
		SAY(sigset(number, count));
		SAY(sigset(number, SIG_HOLD));
		SAY(AS_HANDLER(sigignore(number)));
		SAY(AS_HANDLER(sigaction(number, &action, NULL)));
	}
	SAY(signal(SIGKILL, count));
	SAY(sigset(SIGKILL, count));
	SAY(signal(SIGUSR1, SIG_ERR));
	SAY(sysv_signal(SIGUSR1, SIG_ERR));
	SAY(sigset(SIGUSR1, SIG_ERR));
	return 0;
}
