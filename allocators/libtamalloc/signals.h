/* SPDX-License-Identifier: MIT */
/*
 * A program that sets what SIGTRAP does, while traps of ours may come, would be killed by them or
 * handle them as its own. So sigaction(), signal() and their kin stand before the C library's: in
 * the shim, in libtamalloc.a, and in libtamalloc-signals.so, since libtamalloc.so exports its own
 * names only.
 */
#ifndef TA_SIGNALS_H
#define TA_SIGNALS_H

#include <stdbool.h>

/*
 * before_sigtrap is called from here on before the program sets what SIGTRAP does, in any thread
 * and in signal handlers. false: the program's calls do not come here.
 */
bool ta__signals_watch(void (*before_sigtrap)(void));

/* The same for libtamalloc.so, which knows this one weakly. */
bool tamalloc_signals_watch(void (*before_sigtrap)(void));

#endif
