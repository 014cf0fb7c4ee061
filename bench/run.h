/* SPDX-License-Identifier: MIT */
/* A run: the plan's samples in their stages, each written as it is taken. */
#ifndef TA_RUN_H
#define TA_RUN_H

#include "plan.h"
#include "run_dir.h"
#include "vm.h"

struct run_tally {
	unsigned outcomes[8];		      /* by enum outcome, of this session */
	unsigned earlier;		      /* samples that an earlier session had taken */
	unsigned verify_passed, verify_cells; /* of the whole run */
	unsigned failed_timelines;	      /* subjects */
	unsigned failed_gbench;		      /* subjects */
	enum vm_outcome vm_outcome;	      /* of the virtual machine's part */
	char vm_reason[256];		      /* unless VM_OK */
	double elapsed_s;
};

/*
 * Takes every sample of plan that samples.jsonl does not hold yet: unsupported cells, verify,
 * measure in interleaved blocks, pairs with and without the timeline's sampler, perf stat where
 * asked for; then the timelines. Returns 0; -EINTR if the user ended it; another -errno after one
 * line on stderr where a sample could not be written. What was taken is kept in every case.
 */
int run_plan(const struct plan *plan, struct run_dir *dir, bool timelines, struct run_tally *tally);

/* Private to run*.c. */
struct run;
int run_write_sample(struct run *run, json_t *sample);
void run_tally_sample(struct run *run, const json_t *sample);
/* Boots the virtual machine and writes what it measures. 0 or -errno as above; what became of it is
 * in the tally. */
int run_vm(struct run *run, const struct plan *plan, struct run_dir *dir, bool timelines,
	   struct run_tally *tally);

#endif
