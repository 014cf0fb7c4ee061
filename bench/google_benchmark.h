/* SPDX-License-Identifier: MIT */
/*
 * The subjects under google-benchmark (bench/gbench, program tagbench), one process each.
 *
 * Contract. RUN/gbench/<slug>.json is what google-benchmark wrote, untouched; RUN/gbench/index.csv
 * says what became of each subject (subject,outcome,reason,file) and is there only when all are
 * done. Subjects that hold one block only are left out. Where tagbench was not built, the index
 * says so in one row of each subject.
 */
#ifndef TA_GOOGLE_BENCHMARK_H
#define TA_GOOGLE_BENCHMARK_H

#include <signal.h>
#include <stdbool.h>

#include "plan.h"

struct google_benchmark {
	const char *run_dir;
	const char *program; /* tagbench */
	const struct allocator *const *subjects;
	unsigned n_subjects;
	double min_time_s;			/* of each benchmark */
	unsigned timeout_s;			/* of each subject */
	const volatile sig_atomic_t *interrupt; /* ends it where it is set; or NULL */
};

/* Does nothing where the index is there. Returns how many subjects failed; -EINTR; or another
 * -errno of the files. */
int google_benchmark_run(const struct google_benchmark *job);

#endif
