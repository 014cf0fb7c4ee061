/* SPDX-License-Identifier: MIT */
/* What machine this is: the record in run.json, and what the plan must know of it. */
#ifndef TA_ENVIRONMENT_H
#define TA_ENVIRONMENT_H

#include <jansson.h>
#include <stddef.h>

#include "plan.h"

/*
 * A new object: CPU, caches, kernel, memory, NUMA, THP and mTHP, overcommit, swap, ASLR, governor,
 * hypervisor, load, what doctor.h finds, page size, libc, compiler, versions, git revision,
 * emulated or not. What cannot be told is null.
 */
json_t *environment_json(void);

/* Sets memory_available_bytes, huge_page_bytes and thp_always of options to those of this machine.
 */
void environment_for_plan(struct plan_options *options);

/* The signature of the hypervisor ("KVMKVMKVM"), false where the machine is not virtual or will not
 * say. */
bool environment_hypervisor(char signature[13]);

/* Writes the path of file beside the running program into out. 0 or -errno. */
int path_beside_program(const char *file, char *out, size_t out_bytes);

#endif
