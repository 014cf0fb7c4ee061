// SPDX-License-Identifier: MIT
/* The virtual machine's part of a run: what it sends, into the run's directory. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "commands.h"
#include "environment.h"
#include "run.h"
#include "runner.h"

#define VM_TIMEOUT_S 3600

struct reception {
	struct run *run;
	struct run_dir *dir;
	json_t *vm; /* run.json's "vm" */
};

/* The guest's timelines stand beside the host's. */
static int write_timeline(struct run_dir *dir, const json_t *line)
{
	const char *name = json_string_value(json_object_get(line, "name"));
	const char *text = json_string_value(json_object_get(line, "text"));
	char file[300], path[4200];
	FILE *out;

	if (!name || !text || strchr(name, '/') || name[0] == '.')
		return -EPROTO;
	mkdir(run_dir_file(dir, "timeline-vm", path), 0777);
	snprintf(file, sizeof(file), "timeline-vm/%.250s", name);
	out = fopen(run_dir_file(dir, file, path), "we");
	if (!out)
		return -errno;
	fputs(text, out);
	return fclose(out) ? -errno : 0;
}

static int receive(json_t *line, void *arg)
{
	struct reception *reception = arg;
	const char *what = json_string_value(json_object_get(line, "guest"));
	const char *target = json_string_value(json_object_get(line, "target"));
	json_t *record = json_object_get(line, "record");
	int error;

	if (what && !strcmp(what, "run") && json_is_object(record)) {
		for (const char *const *key =
			     (const char *const[]){"environment", "plan", "seed", "cells",
						   "supported_cells", "command", NULL};
		     *key; key++)
			json_object_set(reception->vm, *key, json_object_get(record, *key));
		return run_dir_save(reception->dir);
	}
	if (what)
		return write_timeline(reception->dir, line);
	if (!target || strcmp(target, "vm"))
		return -EPROTO;
	error = run_write_sample(reception->run, line);
	if (!error)
		run_tally_sample(reception->run, line);
	return error;
}

/* The vm's samples of earlier sessions, which the guest need not take again. */
static int write_taken(struct run_dir *dir, const char *taken_path)
{
	char path[4200], *text = NULL;
	FILE *in = fopen(run_dir_file(dir, "samples.jsonl", path), "re");
	FILE *out = fopen(taken_path, "we");
	size_t room = 0;

	while (in && out && getline(&text, &room, in) > 0) {
		json_t *line = json_loads(text, 0, NULL);
		const char *target = json_string_value(json_object_get(line, "target"));

		if (target && !strcmp(target, "vm"))
			fputs(text, out);
		json_decref(line);
	}
	free(text);
	if (in)
		fclose(in);
	return !out || fclose(out) ? -errno : 0;
}

static json_t *guest_arguments(const struct run_dir *dir, bool timelines)
{
	json_t *arguments = json_deep_copy(json_object_get(dir->record, "vm_arguments"));

	if (!arguments)
		arguments = json_array();
	if (!timelines)
		json_array_append_new(arguments, json_string("--samples-only"));
	return arguments;
}

static int boot(struct run *run, const struct plan *plan, struct run_dir *dir, json_t *vm,
		bool timelines, struct run_tally *tally)
{
	struct reception reception = {.run = run, .dir = dir, .vm = vm};
	char script[4200], guest_script[4200], program[4200], tamstat[4200], taken[4200],
		facts[4200], log[4200], index[4200];
	struct stat unused;
	struct vm_job job = {
		.script = getenv("TABENCH_VM") ? getenv("TABENCH_VM") : script,
		.guest_script = guest_script,
		.program = program,
		.worker = plan->options.worker_path,
		.tamstat = tamstat,
		.taken_path = run_dir_file(dir, "vm/taken.jsonl", taken),
		.facts_path = run_dir_file(dir, "vm/facts", facts),
		.log_path = run_dir_file(dir, "vm/console.log", log),
		.run_id = dir->run_id,
		.timeout_s = VM_TIMEOUT_S,
		.interrupt = runner_interrupt_flag(),
		.line = receive,
		.arg = &reception,
	};
	int error;

	if (!stat(run_dir_file(dir, "timeline-vm/index.csv", index), &unused))
		timelines = false;
	error = path_beside_program("../scripts/vm.sh", script, sizeof(script));
	if (!error)
		error = path_beside_program("../scripts/vm-bench.sh", guest_script,
					    sizeof(guest_script));
	if (!error)
		error = path_beside_program("tabench", program, sizeof(program));
	if (!error)
		error = path_beside_program("tamstat", tamstat, sizeof(tamstat));
	mkdir(run_dir_file(dir, "vm", index), 0777);
	if (!error)
		error = write_taken(dir, taken);
	if (error) {
		failure("the virtual machine cannot be prepared: %s", strerror(-error));
		return error;
	}
	job.arguments = guest_arguments(dir, timelines);
	tally->vm_outcome = vm_run(&job, tally->vm_reason, sizeof(tally->vm_reason));
	json_decref(job.arguments);
	json_object_set_new(vm, "machine", vm_facts(facts));
	return 0;
}

int run_vm(struct run *run, const struct plan *plan, struct run_dir *dir, bool timelines,
	   struct run_tally *tally)
{
	static const char *const names[] = {"ok", "unsupported", "failed", "interrupted"};
	json_t *vm = json_object_get(dir->record, "vm");
	const char *before = json_string_value(json_object_get(vm, "outcome"));
	int error;

	if (before && !strcmp(before, names[VM_OK]))
		return 0;
	if (!vm) {
		vm = json_pack("{s:b}", "emulated", 1);
		json_object_set_new(dir->record, "vm", vm);
	}
	error = boot(run, plan, dir, vm, timelines, tally);
	if (error)
		return error;
	json_object_set_new(vm, "outcome", json_string(names[tally->vm_outcome]));
	json_object_set_new(vm, "reason",
			    tally->vm_outcome ? json_string(tally->vm_reason) : json_null());
	if (tally->vm_outcome == VM_UNSUPPORTED || tally->vm_outcome == VM_FAILED)
		failure("vm: %s: %s", names[tally->vm_outcome], tally->vm_reason);
	error = run_dir_save(dir);
	return tally->vm_outcome == VM_INTERRUPTED ? -EINTR : error;
}
