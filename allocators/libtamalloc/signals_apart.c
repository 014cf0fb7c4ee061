// SPDX-License-Identifier: MIT
/* libtamalloc.so: what signals.c does is in a library of its own, if the program was linked so. */
#include "signals.h"

#pragma weak tamalloc_signals_watch

bool ta__signals_watch(void (*before_sigtrap)(void))
{
	return tamalloc_signals_watch && tamalloc_signals_watch(before_sigtrap);
}
