// SPDX-License-Identifier: MIT
/* What a workload computes is the same for every subject and fill that this machine has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plan.h"
#include "record.h"
#include "runner.h"

#define BYTES ((uint64_t)8 << 20)

static uint64_t result_of(const struct allocator *subject, const struct workload *workload,
			  unsigned char fill)
{
	struct cell cell = {.subject = subject,
			    .workload = workload,
			    .size_bytes = BYTES,
			    .threads = 1,
			    .fill = fill};
	struct worker_job job = {.worker_path = BUILD_DIR "/taworker",
				 .cell = &cell,
				 .verify = true,
				 .seed = 1,
				 .timeout_s = 60};
	struct worker_result result;

	for (unsigned i = 0; workload->params && workload->params[i].name; i++)
		cell.params[i] = workload->params[i].fallback;
	worker_run(&job, &result);
	if (result.outcome != OUTCOME_OK)
		fail_msg("%s %s: %s", subject->name, workload->name, result.reason);
	if (!result.record.verified)
		fail_msg("%s %s fill %u: verification failed", subject->name, workload->name, fill);
	return result.record.checksum;
}

static void compare_subjects(const struct workload *workload)
{
	uint64_t expected = result_of(allocator_find("null"), workload, 0);
	unsigned compared = 0;
	char reason[200];

	for (const struct allocator *a = allocator_first(); a; a = a->next)
		for (unsigned fill = 0; fill <= 171; fill += 171) {
			if (a->mthp_size || a->flags & ALLOC_POOL || /* what knobs.h sets */
			    !subject_supported(a, reason, sizeof(reason)) ||
			    !cell_possible(a, workload, BYTES, (unsigned char)fill, reason,
					   sizeof(reason)))
				continue;
			assert_true(result_of(a, workload, (unsigned char)fill) == expected);
			compared++;
		}
	print_message("# %s: %u subjects and fills give %016llx\n", workload->name, compared,
		      (unsigned long long)expected);
	assert_true(compared > 8);
}

static void results_are_equal_for_every_subject(void **state)
{
	(void)state;
	runner_signals_begin();
	for (const struct workload *w = workload_first(); w; w = w->next)
		if (w->computes)
			compare_subjects(w);
	runner_signals_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(results_are_equal_for_every_subject),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
