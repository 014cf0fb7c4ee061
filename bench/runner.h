/* SPDX-License-Identifier: MIT */
/*
 * Runs one worker: a fresh process in a process group of its own, its record from a pipe, a time
 * limit. Whatever becomes of the worker is a result: nothing that it does ends the run.
 */
#ifndef TA_RUNNER_H
#define TA_RUNNER_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "plan.h"
#include "record.h"

enum outcome {
	OUTCOME_OK,
	OUTCOME_UNSUPPORTED,
	OUTCOME_ENOMEM,
	OUTCOME_KILLED,
	OUTCOME_TIMEOUT,
	OUTCOME_FAILED,
	OUTCOME_COUNT
};

const char *outcome_name(enum outcome outcome); /* as in samples.jsonl */

/* One worker to run. */
struct worker_job {
	const char *worker_path;
	const struct cell *cell;
	bool verify;
	uint64_t seed;
	unsigned timeout_s;
	/* Command that the worker's own command line is appended to (perf stat ...),
	 * NULL-terminated, or NULL; it inherits every descriptor that is not close-on-exec. */
	const char *const *wrapper;
	/* Called in the runner right after the start and right after the end, if not NULL. */
	void (*on_start)(pid_t pid, void *arg);
	void (*on_end)(void *arg);
	void *arg;
};

struct worker_result {
	enum outcome outcome;
	char reason[256]; /* of any outcome but ok; one sentence */
	int signal;	  /* that ended the worker, or 0 */
	bool interrupted; /* the user ended the run meanwhile: this is no result */
	bool has_record;
	struct record record;
	uint64_t started_ns; /* CLOCK_REALTIME */
	double elapsed_s;
};

/*
 * Blocks SIGCHLD, SIGINT, SIGTERM and SIGHUP except while a worker is waited for, and catches them;
 * the first of the latter three sets the flag that runner_interrupted() returns, a second one ends
 * the process at once. Call once, before worker_run(). runner_signals_end() restores what was
 * before.
 */
void runner_signals_begin(void);
void runner_signals_end(void);
bool runner_interrupted(void);
/* The flag itself, for what runs after runner_signals_end(). */
const volatile sig_atomic_t *runner_interrupt_flag(void);

/* Runs job and fills result. Not thread-safe: one worker at a time. */
void worker_run(const struct worker_job *job, struct worker_result *result);

#endif
