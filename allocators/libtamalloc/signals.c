// SPDX-License-Identifier: MIT
/*
 * sigaction(), signal() and their kin before the C library's own, which do not call each other by
 * these names. What goes on is reached by names that programs do not use, not by dlsym(): these
 * may be called in signal handlers, and dlsym() finds nothing in a static program.
 */
#include <errno.h>
#include <signal.h>
#include <stddef.h>

#include "signals.h"

#define EXPORT __attribute__((visibility("default")))

#ifdef __has_feature
#define HAS_FEATURE(feature) __has_feature(feature)
#else
#define HAS_FEATURE(feature) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
	HAS_FEATURE(address_sanitizer) || HAS_FEATURE(thread_sanitizer)
#define SANITIZER 1 /* has the same names, and must be the first */
#else
#define SANITIZER 0
#endif

static void (*before)(void);

static bool watch(void (*before_sigtrap)(void))
{
	void (*nobody)(void) = NULL;

	return __atomic_compare_exchange_n(&before, &nobody, before_sigtrap, false,
					   __ATOMIC_RELAXED, __ATOMIC_RELAXED) ||
	       nobody == before_sigtrap;
}

#if SANITIZER

bool ta__signals_watch(void (*before_sigtrap)(void))
{
	return watch(before_sigtrap);
}

#else

typedef void (*handler)(int);

int __sigaction(int number, const struct sigaction *action, struct sigaction *old);
handler bsd_signal(int number, handler set); /* the same as signal() */

static void before_setting(int number)
{
	void (*call)(void) = __atomic_load_n(&before, __ATOMIC_RELAXED);

	if (number == SIGTRAP && call)
		call();
}

static int set_action(int number, const struct sigaction *restrict action,
		      struct sigaction *restrict old)
{
	if (action)
		before_setting(number);
	return __sigaction(number, action, old);
}

static int set_handler(int number, handler set, int flags, handler *old)
{
	struct sigaction action = {.sa_handler = set, .sa_flags = flags}, before_it = {0};
	int result;

	sigemptyset(&action.sa_mask);
	result = set_action(number, &action, &before_it);
	*old = before_it.sa_handler;
	return result;
}

EXPORT int sigaction(int number, const struct sigaction *restrict action,
		     struct sigaction *restrict old)
{
	return set_action(number, action, old);
}

EXPORT handler signal(int number, handler set)
{
	before_setting(number);
	return bsd_signal(number, set);
}

EXPORT handler ssignal(int number, handler set)
{
	return signal(number, set);
}

EXPORT handler __sysv_signal(int number, handler set)
{
	handler old;

	if (set == SIG_ERR) {
		errno = EINVAL;
		return SIG_ERR;
	}
	return set_handler(number, set, (int)SA_RESETHAND | SA_NODEFER, &old) ? SIG_ERR : old;
}

EXPORT handler sysv_signal(int number, handler set)
{
	return __sysv_signal(number, set);
}

EXPORT int sigignore(int number)
{
	handler old;

	return set_handler(number, SIG_IGN, 0, &old);
}

/* POSIX.1-2008: SIG_HOLD blocks the signal, all else sets the handler and unblocks it. */
EXPORT handler sigset(int number, handler set)
{
	struct sigaction now;
	sigset_t mask, masked;

	sigemptyset(&mask);
	if (sigaddset(&mask, number))
		return SIG_ERR;
	if (set == SIG_HOLD ? set_action(number, NULL, &now)
			    : set_handler(number, set, 0, &now.sa_handler))
		return SIG_ERR;
	if (sigprocmask(set == SIG_HOLD ? SIG_BLOCK : SIG_UNBLOCK, &mask, &masked))
		return SIG_ERR;
	return sigismember(&masked, number) ? SIG_HOLD : now.sa_handler;
}

static __typeof__(sigaction) own_sigaction __attribute__((alias("sigaction"), nothrow));

EXPORT bool tamalloc_signals_watch(void (*before_sigtrap)(void))
{
	/* In a library that comes behind the C library, the name is not the one above. */
	int (*volatile first)(int, const struct sigaction *restrict, struct sigaction *restrict) =
		sigaction;

	return first == own_sigaction && watch(before_sigtrap);
}

bool ta__signals_watch(void (*before_sigtrap)(void))
{
	return tamalloc_signals_watch(before_sigtrap);
}

#endif
