// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "environment.h"
#include "run_dir.h"
#include "slug.h"

#define RUN_SCHEMA 1

/* ---- plan options as JSON ---- */

json_t *plan_options_json(const struct plan_options *options)
{
	json_t *subjects = json_array(), *workloads = json_array();
	json_t *sizes = json_array(), *fills = json_array(), *threads = json_array();
	json_t *preload = json_object();

	for (unsigned i = 0; i < options->n_subjects; i++) {
		const struct allocator *subject = options->subjects[i];

		json_array_append_new(subjects, json_string(subject->name));
		if (subject->preload)
			json_object_set_new(preload, subject->name, json_string(subject->preload));
	}
	for (unsigned i = 0; i < options->n_workloads; i++)
		json_array_append_new(workloads, json_string(options->workloads[i]->name));
	for (unsigned i = 0; i < options->n_sizes; i++)
		json_array_append_new(sizes, json_integer((json_int_t)options->sizes_bytes[i]));
	for (unsigned i = 0; i < options->n_fills; i++)
		json_array_append_new(fills, json_integer(options->fills[i]));
	for (unsigned i = 0; i < options->n_threads; i++)
		json_array_append_new(threads, json_integer(options->threads[i]));
	return json_pack("{s:s, s:s, s:o, s:o, s:b, s:o, s:b, s:o, s:o, s:o, s:i, s:i, s:I, s:b, "
			 "s:b, s:I, s:I, "
			 "s:b, s:b, s:f, s:i, s:b}",
			 "profile", options->profile->name, "targets",
			 targets_name(options->targets), "subjects", subjects, "preload", preload,
			 "default_subjects", options->default_subjects, "workloads", workloads,
			 "default_workloads", options->default_workloads, "sizes_bytes", sizes,
			 "fills", fills, "threads", threads, "repetitions", options->repetitions,
			 "timeout_s", options->timeout_s, "seed", (json_int_t)options->seed,
			 "percents_for_fills", options->percents_for_fills, "perf_stat",
			 options->perf_stat, "memory_available_bytes",
			 (json_int_t)options->memory_available_bytes, "huge_page_bytes",
			 (json_int_t)options->huge_page_bytes, "thp_always", options->thp_always,
			 "statistics", options->statistics, "precision", options->precision,
			 "precision_s", options->precision_s, "warm", options->warm);
}

static int lists_from_json(const json_t *json, struct plan_options *options)
{
	size_t i;
	json_t *item;

	json_array_foreach(json_object_get(json, "subjects"), i, item)
	{
		const char *name = json_string_value(item);
		const struct allocator *subject = name ? allocator_find(name) : NULL;
		const char *library =
			json_string_value(json_object_get(json_object_get(json, "preload"), name));

		if (!subject && library) /* the user's own */
			subject = allocator_preload(name, library);
		if (!subject || options->n_subjects == PLAN_MAX_LIST)
			return -ENOENT;
		options->subjects[options->n_subjects++] = subject;
	}
	json_array_foreach(json_object_get(json, "workloads"), i, item)
	{
		const char *name = json_string_value(item);
		const struct workload *workload = name ? workload_find(name) : NULL;

		if (!workload || options->n_workloads == PLAN_MAX_LIST)
			return -ENOENT;
		options->workloads[options->n_workloads++] = workload;
	}
	json_array_foreach(json_object_get(json, "sizes_bytes"), i,
			   item) if (options->n_sizes < PLAN_MAX_LIST)
		options->sizes_bytes[options->n_sizes++] = (uint64_t)json_integer_value(item);
	json_array_foreach(json_object_get(json, "fills"), i,
			   item) if (options->n_fills < PLAN_MAX_LIST)
		options->fills[options->n_fills++] = (unsigned char)json_integer_value(item);
	json_array_foreach(json_object_get(json, "threads"), i,
			   item) if (options->n_threads < PLAN_MAX_LIST)
		options->threads[options->n_threads++] = (unsigned)json_integer_value(item);
	return options->n_subjects && options->n_workloads && options->n_fills ? 0 : -EINVAL;
}

int plan_options_from_json(const json_t *json, struct plan_options *options)
{
	const char *profile, *targets = "host";
	json_int_t seed, memory, huge;
	int repetitions, timeout_s, percents, perf_stat, thp_always;
	int default_subjects = 0, default_workloads = 0, statistics = 0, precision_s = 0, warm = 0;
	double precision = 0;
	json_error_t error;

	*options = (struct plan_options){0};
	if (json_unpack_ex((json_t *)json, &error, 0,
			   "{s:s, s?s, s?b, s?b, s:i, s:i, s:I, s:b, s:b, s:I, s:I, s:b, s?b, s?F, "
			   "s?i, s?b}",
			   "profile", &profile, "targets", &targets, "default_subjects",
			   &default_subjects, "default_workloads", &default_workloads,
			   "repetitions", &repetitions, "timeout_s", &timeout_s, "seed", &seed,
			   "percents_for_fills", &percents, "perf_stat", &perf_stat,
			   "memory_available_bytes", &memory, "huge_page_bytes", &huge,
			   "thp_always", &thp_always, "statistics", &statistics, "precision",
			   &precision, "precision_s", &precision_s, "warm", &warm)) {
		failure("the plan in run.json cannot be read: %s", error.text);
		return -EINVAL;
	}
	options->profile = profile_find(profile);
	if (!options->profile || lists_from_json(json, options)) {
		failure("the plan in run.json names what this build does not have; resume it with "
			"the build that began it");
		return -EINVAL;
	}
	options->targets = targets_parse(targets);
	options->default_subjects = default_subjects;
	options->default_workloads = default_workloads;
	options->repetitions = (unsigned)repetitions;
	options->timeout_s = (unsigned)timeout_s;
	options->seed = (uint64_t)seed;
	options->percents_for_fills = percents;
	options->perf_stat = perf_stat;
	options->memory_available_bytes = (uint64_t)memory;
	options->huge_page_bytes = (uint64_t)huge;
	options->thp_always = thp_always;
	options->statistics = statistics;
	options->precision = precision;
	options->precision_s = (unsigned)precision_s;
	options->warm = warm;
	return 0;
}

/* ---- the directory ---- */

static void utc_now(const char *format, char *out, size_t out_bytes)
{
	time_t now = time(NULL);
	struct tm utc;

	gmtime_r(&now, &utc);
	strftime(out, out_bytes, format, &utc);
}

char *run_dir_file(const struct run_dir *dir, const char *name, char out[4200])
{
	snprintf(out, 4200, "%s/%s", dir->path, name);
	return out;
}

/* Written beside and renamed, so that run.json is always whole. */
int run_dir_save(const struct run_dir *dir)
{
	char path[4200], beside[4200];
	int error;

	run_dir_file(dir, "run.json", path);
	run_dir_file(dir, "run.json.tmp", beside);
	errno = ENOSPC;
	if (json_dump_file(dir->record, beside, JSON_INDENT(2)) || rename(beside, path)) {
		error = -errno;
		failure("cannot write %s: %s", path, strerror(errno));
		unlink(beside);
		return error;
	}
	return 0;
}

/* mkdir -p of everything above the last component, then the last one, which must be new. */
static int make_directories(const char *path)
{
	char above[4096];

	snprintf(above, sizeof(above), "%s", path);
	for (char *slash = strchr(above + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		if (mkdir(above, 0755) && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return mkdir(path, 0755) ? -errno : 0;
}

static int make_default_directory(char path[4096])
{
	struct utsname host;
	char when[64], name[80];
	int error = -EEXIST;

	uname(&host);
	slug(host.nodename, name, sizeof(name));
	utc_now("%Y%m%dT%H%M%SZ", when, sizeof(when));
	for (int n = 1; error == -EEXIST && n < 100; n++) {
		if (n == 1)
			snprintf(path, 4096, "results/%s-%s", when, name);
		else
			snprintf(path, 4096, "results/%s-%s-%d", when, name, n);
		error = make_directories(path);
	}
	return error;
}

/* results/latest -> the run. Without it everything else works: a warning. */
static void point_latest_to(const char *run_id)
{
	unlink("results/latest.tmp");
	if (symlink(run_id, "results/latest.tmp") || rename("results/latest.tmp", "results/latest"))
		failure("results/latest cannot be set to %s: %s; use the run's own path", run_id,
			strerror(errno));
}

static void name_run(struct run_dir *dir)
{
	char real[4096];
	const char *slash;

	if (!realpath(dir->path, real))
		snprintf(real, sizeof(real), "%s", dir->path);
	slash = strrchr(real, '/');
	snprintf(dir->run_id, sizeof(dir->run_id), "%.255s", slash && slash[1] ? slash + 1 : real);
}

static json_t *command_json(char **argv)
{
	json_t *words = json_array();

	while (*argv)
		json_array_append_new(words, json_string(*argv++));
	return words;
}

int run_dir_create(struct run_dir *dir, const char *out, const struct plan *plan, char **argv)
{
	char started[64];
	int error;

	*dir = (struct run_dir){.record = NULL};
	if (out) {
		size_t length = strlen(out);

		while (length > 1 && out[length - 1] == '/')
			length--;
		snprintf(dir->path, sizeof(dir->path), "%.*s", (int)length, out);
		error = make_directories(dir->path);
	} else {
		error = make_default_directory(dir->path);
	}
	if (error) {
		failure("cannot create the run directory %s: %s; %s", dir->path, strerror(-error),
			error == -EEXIST ? "continue that run with --resume, or name another one"
					 : "name another place with --out");
		return error;
	}
	name_run(dir);
	utc_now("%Y-%m-%dT%H:%M:%SZ", started, sizeof(started));
	dir->record = json_pack("{s:i, s:s, s:s, s:s, s:I, s:o, s:o, s:i, s:i, s:f, s:o, s:[]}",
				"schema", RUN_SCHEMA, "run_id", dir->run_id, "started_utc", started,
				"profile", plan->options.profile->name, "seed",
				(json_int_t)plan->options.seed, "command", command_json(argv),
				"plan", plan_options_json(&plan->options), "cells", plan->n_cells,
				"supported_cells", plan->n_supported, "estimate_s",
				plan->estimate_s, "environment", environment_json(), "sessions");
	json_object_set_new(json_object_get(dir->record, "environment"), "memory_warmed",
			    json_boolean(plan->options.warm));
	error = run_dir_save(dir);
	if (!error && !out)
		point_latest_to(dir->run_id);
	return error;
}

/* Samples of two machines do not belong into one run. */
static int check_same_machine(const struct run_dir *dir)
{
	struct utsname now;
	const json_t *environment = json_object_get(dir->record, "environment");
	const char *then = json_string_value(
		json_object_get(json_object_get(environment, "kernel"), "release"));

	uname(&now);
	if (then && strcmp(then, now.release)) {
		failure("%s was begun under kernel %s, this is %s: start a new run instead",
			dir->path, then, now.release);
		return -EXDEV;
	}
	return 0;
}

int run_dir_open(struct run_dir *dir, const char *path)
{
	char file[4200];
	json_error_t error;

	*dir = (struct run_dir){.record = NULL};
	snprintf(dir->path, sizeof(dir->path), "%s", path);
	name_run(dir);
	dir->record = json_load_file(run_dir_file(dir, "run.json", file), 0, &error);
	if (!json_is_object(dir->record)) {
		failure("cannot resume %s: run.json: %s", path, error.text);
		return -ENOENT;
	}
	return check_same_machine(dir);
}

int run_dir_session_begin(struct run_dir *dir)
{
	char now[64];

	utc_now("%Y-%m-%dT%H:%M:%SZ", now, sizeof(now));
	json_array_append_new(
		json_object_get(dir->record, "sessions"),
		json_pack("{s:s, s:s, s:n}", "started_utc", now, "ended", "killed", "elapsed_s"));
	return run_dir_save(dir);
}

int run_dir_session_end(struct run_dir *dir, const char *how, double elapsed_s)
{
	json_t *sessions = json_object_get(dir->record, "sessions");
	json_t *last = json_array_get(sessions, json_array_size(sessions) - 1);

	json_object_set_new(last, "ended", json_string(how));
	json_object_set_new(last, "elapsed_s", json_real(elapsed_s));
	return run_dir_save(dir);
}

void run_dir_close(struct run_dir *dir)
{
	json_decref(dir->record);
	dir->record = NULL;
}
