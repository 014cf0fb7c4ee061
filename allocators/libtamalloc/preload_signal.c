// SPDX-License-Identifier: MIT
/*
 * The shim's sigaction(), signal() and their kin: a program that sets what SIGTRAP does ends the
 * accelerator first, so that no trap of ours meets what it set. All else goes straight on.
 */
#include <dlfcn.h>
#include <signal.h>
#include <stddef.h>

#include "accel.h"
#include "prim.h"

#define EXPORT __attribute__((visibility("default")))

typedef void (*handler)(int);

static void *look_up(const char *name)
{
	void *address = dlsym(RTLD_NEXT, name);

	if (!address)
		prim_die("preload: the program has no %s()", name);
	return address;
}

static void before_setting(int number)
{
	if (number == SIGTRAP)
		ta__accel_yield();
}

EXPORT int sigaction(int number, const struct sigaction *restrict action,
		     struct sigaction *restrict old)
{
	static int (*next)(int, const struct sigaction *, struct sigaction *);

	if (!__atomic_load_n(&next, __ATOMIC_RELAXED))
		__atomic_store_n(&next, look_up("sigaction"), __ATOMIC_RELAXED);
	if (action)
		before_setting(number);
	return next(number, action, old);
}

/* glibc's own do not call the sigaction() above. */
#define FORWARD(type, name, parameters, ...)                                       \
	EXPORT type name parameters;                                               \
	EXPORT type name parameters                                                \
	{                                                                          \
		static type(*next) parameters;                                     \
                                                                                   \
		if (!__atomic_load_n(&next, __ATOMIC_RELAXED))                     \
			__atomic_store_n(&next, look_up(#name), __ATOMIC_RELAXED); \
		before_setting(number);                                            \
		return next(__VA_ARGS__);                                          \
	}

FORWARD(handler, signal, (int number, handler set), number, set)
FORWARD(handler, __sysv_signal, (int number, handler set), number, set)
FORWARD(handler, sysv_signal, (int number, handler set), number, set)
FORWARD(handler, bsd_signal, (int number, handler set), number, set)
FORWARD(handler, ssignal, (int number, handler set), number, set)
FORWARD(handler, sigset, (int number, handler set), number, set)
FORWARD(int, sigignore, (int number), number)

/* dlsym() is no function for signal handlers. The others are not worth a look-up in every program.
 */
__attribute__((constructor)) static void look_up_at_start(void)
{
	struct sigaction now;

	sigaction(SIGTRAP, NULL, &now);
	signal(0, SIG_DFL); /* EINVAL: there is no such signal */
}
