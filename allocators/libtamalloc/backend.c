// SPDX-License-Identifier: MIT
#include <string.h>

#include "backend.h"
#include "prim.h"

#define VARIABLE "TAMALLOC_BACKEND"

static enum ta__backend chosen;

const char *ta__backend_name(enum ta__backend backend)
{
	return backend == TA__SYSCALL ? "syscall" : "plain";
}

static enum ta__backend choose(void)
{
	const char *wanted = prim_getenv(VARIABLE);

	if (!wanted || !*wanted)
		return prim_has_tamalloc() ? TA__SYSCALL : TA__PLAIN;
	if (!strcmp(wanted, "plain"))
		return TA__PLAIN;
	if (strcmp(wanted, "syscall"))
		prim_warn(VARIABLE "='%s' is unknown: say plain or syscall; plain is used", wanted);
	else if (prim_has_tamalloc())
		return TA__SYSCALL;
	else
		prim_warn(VARIABLE "=syscall: this kernel has no tamalloc; plain is used");
	return TA__PLAIN;
}

/*
 * Two threads at the same time choose the same. A filter of system calls may come at any time, and
 * kill for one that it does not know.
 */
enum ta__backend ta__backend(void)
{
	enum ta__backend backend = __atomic_load_n(&chosen, __ATOMIC_RELAXED);

	if (!backend) {
		backend = choose();
		__atomic_store_n(&chosen, backend, __ATOMIC_RELAXED);
	}
	return backend == TA__SYSCALL && prim_is_filtered() ? TA__PLAIN : backend;
}

bool ta__backend_force(enum ta__backend backend)
{
	if (backend == TA__SYSCALL && !prim_has_tamalloc())
		return false;
	__atomic_store_n(&chosen, backend, __ATOMIC_RELAXED);
	return true;
}
