/* SPDX-License-Identifier: MIT */
/* Scenarios in the virtual machine: two NUMA nodes, two CPUs, our kernel, memory that may be used
 * up. */
#ifndef TA_SCENARIO_VM_H
#define TA_SCENARIO_VM_H

#include "vm.h"

/*
 * Boots it and runs the named scenarios there (none: all). Calls line() for each row. directory:
 * for what it writes (console log, facts). What a case leaves out is in reason unless VM_OK.
 */
enum vm_outcome scenario_vm(char **names, const char *directory,
			    const volatile sig_atomic_t *interrupt,
			    int (*line)(json_t *row, void *arg), void *arg, char *reason,
			    size_t reason_bytes);

#endif
