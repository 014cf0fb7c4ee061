/* SPDX-License-Identifier: MIT */
/*
 * The virtual machine's part of a run. The host boots our kernel (scripts/vm.sh) with tabench and
 * taworker in it; there `tabench run --guest`, under scripts/vm-bench.sh, takes the samples and
 *writes JSON lines to its standard output, which come out here one by one, so that a panic loses
 *none:
 *
 *	{"guest": "run", "record": {...}}		 its run.json, first
 *	{"schema": 1, "kind": "sample", ...}		 a sample, as samples.jsonl holds it
 *	{"guest": "file", "name": ..., "text": ...}	 a file of its run directory
 */
#ifndef TA_VM_H
#define TA_VM_H

#include <jansson.h>
#include <signal.h>

#include "plan.h"
#include "run_dir.h"

/* ---- in the guest ---- */

/* Writes one line to standard output. 0 or -errno. */
int guest_send(const json_t *line);
int guest_send_run(const struct run_dir *dir);
/* Every file in the run's directory timeline/. */
int guest_send_timelines(const struct run_dir *dir);

/* ---- on the host ---- */

enum vm_outcome { VM_OK, VM_UNSUPPORTED, VM_FAILED, VM_INTERRUPTED };

struct vm_job {
	const char *script;	    /* scripts/vm.sh */
	const char *guest_script;   /* scripts/vm-bench.sh */
	const char *program;	    /* this program */
	const char *worker;	    /* taworker */
	const char *tamstat;	    /* build/tamstat */
	const char *taken_path;	    /* samples.jsonl of what need not be taken again; NULL: the
				       arguments are a whole command, not those of tabench run */
	const char *const *machine; /* options of scripts/vm.sh, NULL-terminated; NULL: one CPU that
				       counts instructions, 1 GiB */
	const char *facts_path;	    /* vm.sh writes there what it boots */
	const char *log_path;	    /* and there the console's log */
	const char *run_id;
	json_t *arguments; /* array of strings for the guest: the plan's options as typed */
	unsigned timeout_s;
	const volatile sig_atomic_t *interrupt;
	int (*line)(json_t *line, void *arg); /* each JSON line; an error ends the guest */
	void *arg;
};

/* Boots, and returns when the guest has ended. reason is one sentence unless VM_OK. */
enum vm_outcome vm_run(const struct vm_job *job, char *reason, size_t reason_bytes);

/* The facts file ("name=value" lines) as an object; empty if there is none. */
json_t *vm_facts(const char *path);

#endif
