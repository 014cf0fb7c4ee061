// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "environment.h"
#include "scenario_vm.h"

#define TIMEOUT_S 1200

enum vm_outcome scenario_vm(char **names, const char *directory,
			    const volatile sig_atomic_t *interrupt,
			    int (*line)(json_t *row, void *arg), void *arg, char *reason,
			    size_t reason_bytes)
{
	static const char *const machine[] = {"--smp", "2",	    "--numa", "2", "--mem",
					      "1G",    "--silence", "600",    NULL};
	char paths[5][4200], facts[4300], log[4300];
	static const char *const files[] = {"../scripts/vm.sh", "../scripts/vm-bench.sh", "tabench",
					    "taworker", "tamstat"};
	struct vm_job job = {
		.script = paths[0],
		.guest_script = paths[1],
		.program = paths[2],
		.worker = paths[3],
		.tamstat = paths[4],
		.machine = machine,
		.facts_path = facts,
		.log_path = log,
		.run_id = "scenario",
		.timeout_s = TIMEOUT_S,
		.interrupt = interrupt,
		.line = line,
		.arg = arg,
	};
	enum vm_outcome outcome;

	for (int i = 0; i < 5; i++) {
		int error = path_beside_program(files[i], paths[i], sizeof(paths[i]));

		if (error) {
			snprintf(reason, reason_bytes, "%s", strerror(-error));
			return VM_FAILED;
		}
	}
	if (getenv("TABENCH_VM"))
		job.script = getenv("TABENCH_VM");
	snprintf(facts, sizeof(facts), "%s/scenario-facts", directory);
	snprintf(log, sizeof(log), "%s/scenario-console.log", directory);
	job.arguments = json_pack("[s, s]", "scenario", "--guest");
	for (; *names; names++)
		json_array_append_new(job.arguments, json_string(*names));
	outcome = vm_run(&job, reason, reason_bytes);
	json_decref(job.arguments);
	return outcome;
}
