// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "backing.h"
#include "commands.h"
#include "environment.h"
#include "google_benchmark.h"
#include "knobs.h"
#include "perf_stat.h"
#include "precision.h"
#include "progress.h"
#include "run.h"
#include "runner.h"
#include "sample.h"
#include "sink.h"
#include "stall.h"
#include "statistics.h"
#include "timeline.h"

struct run {
	const struct plan *plan;
	struct run_dir *dir;
	struct run_tally *tally;
	struct sink sink;
	struct progress progress;
	double started_s;
	json_t *taken;	       /* set of the samples in the file: keys as sample_key() makes them */
	char perf_reason[200]; /* why perf stat cannot be used, or empty */
};

#define KEY_CHARS 96

/* What makes a sample the same as one of an earlier session. */
static void sample_key(char key[KEY_CHARS], const char *kind, const char *purpose,
		       const char *cell_id, json_int_t rep)
{
	snprintf(key, KEY_CHARS, "%.8s %.8s %.16s %lld", kind, purpose, cell_id, (long long)rep);
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- what earlier sessions have taken ---- */

static void tally_verify(struct run *run, const json_t *sample)
{
	const char *purpose = json_string_value(json_object_get(sample, "purpose"));
	const char *outcome = json_string_value(json_object_get(sample, "outcome"));

	if (!purpose || strcmp(purpose, "verify") || !outcome || !strcmp(outcome, "enomem") ||
	    !strcmp(outcome, "unsupported"))
		return;
	run->tally->verify_cells++;
	run->tally->verify_passed +=
		!strcmp(outcome, "ok") && json_is_true(json_object_get(sample, "verified"));
}

static void note_taken(json_t *sample, void *arg)
{
	struct run *run = arg;
	const char *kind = json_string_value(json_object_get(sample, "kind"));
	const char *purpose = json_string_value(json_object_get(sample, "purpose"));
	const char *cell = json_string_value(json_object_get(sample, "cell_id"));
	char key[KEY_CHARS];

	if (!kind || !purpose || !cell)
		return;
	sample_key(key, kind, purpose, cell, json_integer_value(json_object_get(sample, "rep")));
	json_object_set_new(run->taken, key, json_true());
	run->tally->earlier++;
	tally_verify(run, sample);
}

static int open_samples(struct run *run)
{
	char path[4200];
	size_t cut_bytes, damaged;
	int error = sink_open(&run->sink, run_dir_file(run->dir, "samples.jsonl", path));

	if (!error)
		error = sink_resume(&run->sink, note_taken, run, &cut_bytes, &damaged);
	if (error) {
		failure("cannot open %s: %s", path, strerror(-error));
		return error;
	}
	if (cut_bytes)
		failure("%s: cut %zu bytes of a last line that was never finished; that sample is "
			"taken again",
			path, cut_bytes);
	if (damaged)
		failure("%s: %zu lines are no samples; they are left alone and counted as absent",
			path, damaged);
	return 0;
}

void run_tally_sample(struct run *run, const json_t *sample)
{
	const char *outcome = json_string_value(json_object_get(sample, "outcome"));

	for (unsigned i = 0; outcome && i < OUTCOME_COUNT; i++)
		run->tally->outcomes[i] += !strcmp(outcome, outcome_name(i));
	tally_verify(run, sample);
}

/* ---- one sample ---- */

int run_write_sample(struct run *run, json_t *sample)
{
	int error = sink_append(&run->sink, sample);

	if (!error && run->plan->options.guest)
		error = guest_send(sample);
	if (error) {
		progress_end(&run->progress);
		failure("cannot write %s: %s; what was measured is kept: make room, then continue "
			"with --resume %s",
			run->sink.path, strerror(-error), run->dir->path);
	}
	return error;
}

static bool already_taken(struct run *run, const struct placement *placement)
{
	char id[CELL_ID_CHARS], key[KEY_CHARS];

	placement_cell_id(placement, id);
	sample_key(key, placement->kind, placement->purpose, id, placement->rep);
	return json_object_get(run->taken, key) != NULL;
}

static void begin_sampling(pid_t pid, void *arg)
{
	struct sampler **sampler = arg;

	*sampler = sampler_start(pid, TIMELINE_PERIOD_NS);
}

static void end_sampling(void *arg)
{
	struct sampler **sampler = arg;

	if (*sampler)
		sampler_stop(*sampler);
	sampler_free(*sampler);
}

/* Runs the worker as the placement says. */
static void take(struct run *run, const struct placement *placement, struct worker_result *result,
		 json_t **metrics)
{
	const struct cell *cell = placement->cell;
	struct sampler *sampler = NULL;
	int error;
	struct worker_job job = {
		.worker_path = run->plan->options.worker_path,
		.cell = placement->cell,
		.verify = !strcmp(placement->purpose, "verify"),
		.seed = run->plan->options.seed + placement->rep,
		.timeout_s = run->plan->options.timeout_s,
	};

	if (placement->sampler && !strcmp(placement->sampler, "on")) {
		job.on_start = begin_sampling;
		job.on_end = end_sampling;
		job.arg = &sampler;
	}
	if (run->plan->options.warm && !job.verify)
		backing_warm(backing_bytes(cell->committed_bytes));
	/* A pool must hold what is reserved, too. */
	error = knobs_set(cell->subject, cell->committed_bytes > cell->size_bytes
						 ? cell->committed_bytes
						 : cell->size_bytes);
	if (error) {
		*result = (struct worker_result){.outcome = OUTCOME_FAILED};
		snprintf(result->reason, sizeof(result->reason),
			 "the huge pages that it needs cannot be set: %s", strerror(-error));
	} else if (strcmp(placement->kind, "stat")) {
		worker_run(&job, result);
		if (job.on_start && !sampler) {
			result->outcome = OUTCOME_FAILED;
			result->has_record = false;
			snprintf(result->reason, sizeof(result->reason),
				 "the timeline's sampler could not be started");
		}
	} else if (run->perf_reason[0]) {
		*result = (struct worker_result){.outcome = OUTCOME_UNSUPPORTED};
		snprintf(result->reason, sizeof(result->reason), "%s", run->perf_reason);
	} else {
		perf_stat_run(job, result, metrics);
	}
}

static int take_and_write(struct run *run, const struct placement *placement)
{
	const struct cell *cell = placement->cell;
	struct worker_result result;
	json_t *sample, *metrics = NULL;
	char label[128];
	int error;

	if (already_taken(run, placement)) {
		progress_skip(&run->progress, cell->estimate_s);
		return 0;
	}
	if (runner_interrupted())
		return -EINTR;
	take(run, placement, &result, &metrics);
	if (result.interrupted) {
		json_decref(metrics);
		return -EINTR;
	}
	sample = sample_json(placement, &result);
	if (metrics)
		json_object_update_new(json_object_get(sample, "metrics"), metrics);
	error = run_write_sample(run, sample);
	run_tally_sample(run, sample);
	json_decref(sample);
	if (error)
		return error;
	snprintf(label, sizeof(label), "%s %s fill %u", cell->subject->name, cell->workload->name,
		 cell->fill);
	progress_step(&run->progress, cell->estimate_s, label);
	return 0;
}

/* ---- stages ---- */

/* One line for each cell that cannot run here. */
static int note_unsupported(struct run *run)
{
	for (unsigned i = 0; i < run->plan->n_cells; i++) {
		struct placement placement = {.run_id = run->dir->run_id,
					      .cell = &run->plan->cells[i],
					      .kind = "sample",
					      .purpose = "measure",
					      .order = i};
		struct worker_result result = {.outcome = OUTCOME_UNSUPPORTED};
		struct timespec now;
		json_t *sample;
		int error;

		if (placement.cell->supported || already_taken(run, &placement))
			continue;
		clock_gettime(CLOCK_REALTIME, &now);
		result.started_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
		snprintf(result.reason, sizeof(result.reason), "%s", placement.cell->reason);
		sample = sample_json(&placement, &result);
		error = run_write_sample(run, sample);
		json_decref(sample);
		if (error)
			return error;
		run->tally->outcomes[OUTCOME_UNSUPPORTED]++;
	}
	return 0;
}

static bool time_is_up(const struct run *run)
{
	return now_s() - run->started_s > run->plan->options.precision_s;
}

/* Every supported cell once, in a random order. */
static int take_each_once(struct run *run, const char *kind, const char *purpose)
{
	unsigned *order = malloc((run->plan->n_cells + 1) * sizeof(*order)), n;
	int error = 0;

	if (!order)
		return -ENOMEM;
	n = plan_block_order(run->plan, 0, order);
	for (unsigned i = 0; i < n && !error; i++) {
		struct placement placement = {.run_id = run->dir->run_id,
					      .cell = &run->plan->cells[order[i]],
					      .kind = kind,
					      .purpose = purpose,
					      .order = i};

		error = take_and_write(run, &placement);
	}
	free(order);
	return error;
}

/* One block; with wanted only its cells, and only while there is time. */
static int take_block(struct run *run, unsigned block, const bool *wanted)
{
	struct turn *turns = calloc(plan_most_turns(run->plan), sizeof(*turns));
	unsigned n = turns ? plan_turns(run->plan, block, turns) : 0;
	int error = turns ? 0 : -ENOMEM;

	for (unsigned i = 0; i < n && !error; i++) {
		struct placement placement = {.run_id = run->dir->run_id,
					      .cell = &run->plan->cells[turns[i].cell],
					      .kind = "sample",
					      .purpose = turns[i].purpose,
					      .block = block,
					      .order = i,
					      .rep = turns[i].rep};

		if (wanted && time_is_up(run))
			break;
		if (!wanted || wanted[turns[i].cell])
			error = take_and_write(run, &placement);
	}
	free(turns);
	return error;
}

static int take_all_blocks(struct run *run)
{
	int error = 0;

	for (unsigned block = 0; block < run->plan->options.repetitions && !error; block++)
		error = take_block(run, block, NULL);
	return error;
}

/* What one more block of the wanted cells takes, for the progress. */
static void announce_block(struct run *run, const bool *wanted, int wide)
{
	double estimate_s = 0;
	unsigned n = 0;

	for (unsigned i = 0; i < run->plan->n_cells; i++)
		if (wanted[i] && run->plan->cells[i].supported) {
			estimate_s += run->plan->cells[i].estimate_s;
			n++;
		}
	progress_end(&run->progress);
	fprintf(stderr,
		"tabench: %d workloads are not within %.3g %% yet: one more repetition of %u "
		"cells\n",
		wide, 100 * run->plan->options.precision, n);
	progress_begin(&run->progress, n, estimate_s);
}

/* More repetitions of what is not narrow enough, while there is time. */
static int take_more_blocks(struct run *run)
{
	const struct plan_options *options = &run->plan->options;
	bool *wanted = calloc(run->plan->n_cells + 1, sizeof(*wanted));
	int wide = 0, error = wanted ? 0 : -ENOMEM;
	unsigned block = options->repetitions;

	while (!error) {
		wide = precision_wanted(run->plan, run->dir->path, wanted);
		if (wide <= 0 || time_is_up(run) || block == PLAN_MAX_REPETITIONS)
			break;
		announce_block(run, wanted, wide);
		error = take_block(run, block++, wanted);
	}
	free(wanted);
	if (error || wide < 0)
		return error ? error : wide;
	json_object_set_new(run->dir->record, "not_precise", json_integer(wide));
	return run_dir_save(run->dir);
}

/* Pairs of a sample with and one without the timeline's sampler, which goes first by chance. */
static int take_overhead_pairs(struct run *run)
{
	const struct cell *cell = plan_reference_cell(run->plan);
	unsigned pairs = run->plan->options.profile->overhead_pairs;
	int error = 0;

	for (unsigned i = 0; i < 2 * pairs && cell && !error; i++) {
		bool on_first = plan_coin(run->plan, i / 2), on = (i % 2 == 0) == on_first;
		struct placement placement = {.run_id = run->dir->run_id,
					      .cell = cell,
					      .kind = "sample",
					      .purpose = "overhead",
					      .block = i / 2,
					      .order = i % 2,
					      .rep = i / 2,
					      .sampler = on ? "on" : "off"};

		error = take_and_write(run, &placement);
	}
	return error;
}

/* Has repetition rep of the cell been taken? -EINTR: nothing is to be taken any more. */
static int is_taken(struct run *run, const char *id, unsigned rep)
{
	char key[KEY_CHARS];

	sample_key(key, "micro", "measure", id, rep);
	if (json_object_get(run->taken, key))
		return 1;
	return runner_interrupted() ? -EINTR : 0;
}

static int write_micro(struct run *run, json_t *sample)
{
	int error = run_write_sample(run, sample);

	run_tally_sample(run, sample);
	json_decref(sample);
	return error;
}

static int take_statistic(struct run *run, unsigned subject, unsigned processes, unsigned rep,
			  const char *refused)
{
	bool guest = run->plan->options.guest;
	char id[CELL_ID_CHARS];
	int taken;

	statistics_cell_id(subject, processes, guest, id);
	taken = is_taken(run, id, rep);
	if (taken)
		return taken < 0 ? taken : 0;
	return write_micro(
		run, statistics_sample(subject, processes, rep, run->dir->run_id, guest, refused));
}

static int take_stalls(struct run *run)
{
	char id[CELL_ID_CHARS];
	int error = 0;

	for (unsigned rep = 0; rep < run->plan->options.repetitions; rep++) {
		for (unsigned way = 0; stall_way(way) && !error; way++) {
			stall_cell_id(way, id);
			error = is_taken(run, id, rep);
			if (!error)
				error = write_micro(run, stall_sample(way, rep, run->dir->run_id));
			else if (error > 0)
				error = 0;
		}
	}
	return error;
}

/* Every way of asking for all processes, one after the other, for one number of them after the
 * other. */
static int take_statistics(struct run *run)
{
	const struct plan_options *options = &run->plan->options;
	bool smoke = !strcmp(options->profile->name, "smoke");
	int error = 0;

	for (unsigned i = 0; statistics_processes(i) && !(i && smoke) && !error; i++) {
		unsigned processes = statistics_processes(i);
		char reason[200];
		bool refused = statistics_begin(processes, options->memory_available_bytes, reason,
						sizeof(reason));

		for (unsigned rep = 0; rep < (refused ? 1 : options->repetitions); rep++)
			for (unsigned k = 0; statistics_subject(k) && !error; k++)
				error = take_statistic(run, k, processes, rep,
						       refused ? reason : NULL);
	}
	statistics_end();
	if (!error && !options->guest) /* its one CPU would make reader and target take turns */
		error = take_stalls(run);
	return error;
}

static int take_samples(struct run *run)
{
	int error = note_unsupported(run);

	if (!error)
		error = take_each_once(run, "sample", "verify");
	if (!error)
		error = take_all_blocks(run);
	if (!error && run->plan->options.precision > 0 && !run->plan->options.guest)
		error = take_more_blocks(run);
	if (!error)
		error = take_overhead_pairs(run);
	if (!error && run->plan->options.statistics &&
	    (run->plan->options.guest || run->plan->options.targets & TARGET_HOST))
		error = take_statistics(run);
	if (!error && run->plan->options.perf_stat)
		error = take_each_once(run, "stat", "measure");
	return error;
}

static void begin_progress(struct run *run)
{
	const struct plan *plan = run->plan;
	const struct cell *overhead = plan_reference_cell(plan);
	unsigned pairs = overhead ? plan->options.profile->overhead_pairs : 0;
	unsigned samples = plan->options.repetitions * plan->n_turns +
			   plan->n_supported * (1 + plan->options.perf_stat) + 2 * pairs;

	progress_begin(&run->progress, samples, plan->estimate_s);
}

/* The timelines of all subjects, once a run. */
static int record_timelines(struct run *run)
{
	const struct plan_options *options = &run->plan->options;
	const struct allocator *subjects[PLAN_MAX_LIST];
	char index[4200], reason[200];
	struct stat unused;
	struct timeline_run timelines = {
		.run_dir = run->dir->path,
		.worker = options->worker_path,
		.subjects = subjects,
		.size_bytes = options->guest ? options->profile->vm_size_bytes
					     : options->profile->size_bytes,
		.timeout_ns = options->timeout_s * 1000000000ull,
		.interrupt = runner_interrupt_flag(),
	};
	int failed;

	if (!stat(run_dir_file(run->dir, "timeline/index.csv", index), &unused))
		return 0;
	for (unsigned i = 0; i < options->n_subjects; i++)
		if (plan_core_subject(options, options->subjects[i]) &&
		    subject_supported(options->subjects[i], reason, sizeof(reason)))
			subjects[timelines.n_subjects++] = options->subjects[i];
	failed = timeline_run_all(&timelines);
	run->tally->failed_timelines = failed > 0 ? (unsigned)failed : 0;
	return runner_interrupted() ? -EINTR : failed < 0 ? failed : 0;
}

/* The subjects under google-benchmark, once a run. */
static int run_google_benchmark(struct run *run)
{
	const struct plan_options *options = &run->plan->options;
	char program[4200] = "";
	struct google_benchmark job = {
		.run_dir = run->dir->path,
		.program = program,
		.subjects = options->subjects,
		.n_subjects = options->n_subjects,
		.min_time_s = options->profile->gbench_min_time_s,
		.timeout_s = options->timeout_s,
		.interrupt = runner_interrupt_flag(),
	};
	int failed;

	path_beside_program("tagbench", program, sizeof(program));
	failed = google_benchmark_run(&job);
	if (failed < 0 && failed != -EINTR)
		failure("google-benchmark: cannot write %s/gbench: %s", run->dir->path,
			strerror(-failed));
	run->tally->failed_gbench = failed > 0 ? (unsigned)failed : 0;
	return failed < 0 ? failed : 0;
}

int run_plan(const struct plan *plan, struct run_dir *dir, bool timelines, struct run_tally *tally)
{
	struct run run = {.plan = plan,
			  .dir = dir,
			  .tally = tally,
			  .started_s = now_s(),
			  .taken = json_object()};
	int error;

	*tally = (struct run_tally){.earlier = 0};
	if (plan->options.perf_stat && !perf_stat_works(run.perf_reason, sizeof(run.perf_reason)))
		failure("perf stat: %s", run.perf_reason);
	error = open_samples(&run);
	if (error)
		goto free_taken;
	error = run_dir_session_begin(dir);
	if (error)
		goto close_samples;
	begin_progress(&run);
	runner_signals_begin();
	if (knobs_needed(plan))
		knobs_begin(); /* where that fails, the cells that need it fail */
	error = take_samples(&run);
	progress_end(&run.progress);
	runner_signals_end();
	if (!error && timelines && plan->n_supported)
		error = record_timelines(&run);
	if (!error && timelines && plan->n_supported && plan->options.default_workloads &&
	    !plan->options.guest)
		error = run_google_benchmark(&run);
	knobs_end();
	if (!error && plan->options.targets & TARGET_VM)
		error = run_vm(&run, plan, dir, timelines, tally);
	tally->elapsed_s = now_s() - run.started_s;
	if (!error || error == -EINTR) {
		int unwritten = run_dir_session_end(dir, error ? "interrupted" : "complete",
						    tally->elapsed_s);

		error = error ? error : unwritten;
	}
close_samples:
	sink_close(&run.sink);
free_taken:
	json_decref(run.taken);
	return error;
}
