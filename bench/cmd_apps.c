// SPDX-License-Identifier: MIT
/* tabench apps: whole programs under several malloc libraries. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "apps.h"
#include "arguments.h"
#include "commands.h"
#include "environment.h"
#include "report.h"
#include "run_dir.h"
#include "runner.h"
#include "sink.h"

COMMAND(apps, "whole programs under several malloc libraries: time, memory, faults")

static const char help[] =
	"usage: tabench apps --out DIR|--run DIR [OPTION...] [PROGRAM...]\n"
	"\n"
	"Runs the named programs, or all, under glibc, jemalloc, mimalloc, tcmalloc and\n"
	"libtamalloc-preload.so: checks what they print, watches their memory, counts their faults "
	"(perf\n"
	"stat) and takes their time (hyperfine), each in runs of its own, interleaved.\n"
	"\n"
	"  --out DIR       a new run\n"
	"  --run DIR       add the rows to this run, those that it does not have yet\n"
	"  --short         programs of the short form, fewer runs: about half a minute\n"
	"  --rounds N      timed runs of each program under each library, 1 to 1000 (default: 12, "
	"short 9)\n"
	"  --seed N        of the random order (default: chance)\n"
	"  --no-report     tabench report DIR writes it later\n"
	"  --list          what the programs are; measures nothing\n"
	"  --recipes DIR   where they are described (default: bench/apps of the source tree)\n"
	"\n"
	"Exit status: 0 done; 1 a program failed or printed what is wrong; 2 wrong usage; 4 "
	"nothing "
	"could run.";

struct rows {
	struct sink sink;
	json_t *taken;
	unsigned ok, unsupported, failed;
};

static const char *text(const json_t *row, const char *key)
{
	const char *value = json_string_value(json_object_get(row, key));

	return value ? value : "";
}

static int write_row(json_t *row, void *arg)
{
	struct rows *rows = arg;
	const char *outcome = text(row, "outcome");
	int error = sink_append(&rows->sink, row);

	rows->ok += !strcmp(outcome, "ok");
	rows->unsupported += !strcmp(outcome, "unsupported");
	if (strcmp(outcome, "ok") && strcmp(outcome, "unsupported")) {
		rows->failed++;
		failure("apps: %s under %s: %s", text(row, "workload"), text(row, "subject"),
			text(row, "reason"));
	}
	if (error)
		failure("apps: cannot write %s: %s; what was measured is kept", rows->sink.path,
			strerror(-error));
	return error;
}

static void note_taken(json_t *row, void *arg)
{
	struct rows *rows = arg;
	char key[APPS_KEY_CHARS];

	if (strcmp(text(row, "kind"), "app"))
		return;
	apps_key(text(row, "purpose"), text(row, "cell_id"),
		 (unsigned)json_integer_value(json_object_get(row, "rep")), key);
	json_object_set_new(rows->taken, key, json_string(text(row, "outcome")));
}

static int carry_out(struct apps *apps, struct run_dir *dir, bool report)
{
	struct rows rows = {.taken = json_object()};
	size_t cut_bytes, damaged;
	char path[4200];
	int error = sink_open(&rows.sink, run_dir_file(dir, "samples.jsonl", path));

	if (!error)
		error = sink_resume(&rows.sink, note_taken, &rows, &cut_bytes, &damaged);
	if (error) {
		json_decref(rows.taken);
		return failure("cannot open %s: %s", path, strerror(-error));
	}
	apps->run_dir = dir->path;
	apps->run_id = dir->run_id;
	apps->taken = rows.taken;
	apps->write = write_row;
	apps->arg = &rows;
	error = apps_run(apps);
	sink_close(&rows.sink);
	json_decref(rows.taken);
	fprintf(stderr, "tabench: apps: %s: %u ok, %u unsupported, %u failed\n", dir->path, rows.ok,
		rows.unsupported, rows.failed);
	if (error == -EINTR)
		failure("apps: interrupted; continue with --run %s", dir->path);
	else if (error == -ENOENT)
		failure("apps: no recipe of that name in %s; tabench apps --list shows all",
			apps->recipes);
	else if (error)
		failure("apps: %s", strerror(-error));
	if ((report && report_run(dir->path)) || error || rows.failed)
		return EXIT_FAILED;
	return rows.ok || !rows.unsupported ? EXIT_DONE : EXIT_NOTHING_COULD_RUN;
}

/* A run of programs alone. */
static int create(struct run_dir *dir, const char *out, uint64_t seed, char **argv)
{
	const struct plan plan = {.options = {.profile = profile_find("default"),
					      .targets = TARGET_HOST,
					      .seed = seed}};

	return run_dir_create(dir, out, &plan, argv);
}

static int check_programs(const struct apps *apps)
{
	char path[4200];

	for (char *const *name = apps->programs; *name; name++) {
		snprintf(path, sizeof(path), "%.4000s/%.100s.sh", apps->recipes, *name);
		if (strchr(*name, '/') || access(path, R_OK))
			return usage_error("unknown program '%s'; tabench apps --list shows all",
					   *name);
	}
	return 0;
}

/* Beside this program, in a source tree. */
static void find_files(struct apps *apps, char recipes[4200], char script[4200], char preload[4200])
{
	path_beside_program("../bench/apps", recipes, 4200);
	path_beside_program("../scripts/app.sh", script, 4200);
	path_beside_program("allocators/libtamalloc/libtamalloc-preload.so", preload, 4200);
	apps->script = script;
	apps->preload = preload;
	if (!apps->recipes)
		apps->recipes = recipes;
}

static int cmd_apps(int argc, char **argv)
{
	enum { OUT, RUN, SHORT, ROUNDS, SEED, NO_REPORT, LIST, RECIPES, HELP };
	static const struct option options[] = {
		{"out", required_argument, NULL, OUT},
		{"run", required_argument, NULL, RUN},
		{"short", no_argument, NULL, SHORT},
		{"rounds", required_argument, NULL, ROUNDS},
		{"seed", required_argument, NULL, SEED},
		{"no-report", no_argument, NULL, NO_REPORT},
		{"list", no_argument, NULL, LIST},
		{"recipes", required_argument, NULL, RECIPES},
		{"help", no_argument, NULL, HELP},
		{0},
	};
	struct apps apps = {.interrupt = runner_interrupt_flag()};
	struct run_dir dir = {.record = NULL};
	const char *out = NULL, *run = NULL;
	char recipes[4200], script[4200], preload[4200];
	bool only_list = false, report = true;
	uint64_t rounds = 0;
	int option, code;

	if (getrandom(&apps.seed, sizeof(apps.seed), 0) > 0)
		apps.seed >>= 33;
	opterr = 0;
	optind = 1;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case OUT:
			out = optarg;
			break;
		case RUN:
			run = optarg;
			break;
		case SHORT:
			apps.short_form = true;
			break;
		case ROUNDS:
			if (parse_count("--rounds", optarg, 1, 1000, &rounds))
				return EXIT_USAGE;
			apps.rounds = (unsigned)rounds;
			break;
		case SEED:
			if (parse_count("--seed", optarg, 0, INT64_MAX, &apps.seed))
				return EXIT_USAGE;
			break;
		case NO_REPORT:
			report = false;
			break;
		case LIST:
			only_list = true;
			break;
		case RECIPES:
			apps.recipes = optarg;
			break;
		case HELP:
			puts(help);
			return EXIT_DONE;
		default:
			return usage_error("apps: unknown option or missing value: '%s'; see "
					   "tabench apps --help",
					   argv[optind - 1]);
		}
	}
	apps.programs = argv + optind;
	find_files(&apps, recipes, script, preload);
	if (only_list)
		return apps_list(&apps) ? failure("apps: no recipes in %s", apps.recipes)
					: EXIT_DONE;
	if (!out == !run)
		return usage_error("apps: name either a new run (--out DIR) or one that the rows "
				   "are added to (--run DIR)");
	if (check_programs(&apps))
		return EXIT_USAGE;
	if (run ? run_dir_open(&dir, run) : create(&dir, out, apps.seed, argv))
		return EXIT_FAILED;
	runner_signals_begin();
	runner_signals_end(); /* leaves the handlers, which set the flag */
	code = carry_out(&apps, &dir, report);
	run_dir_close(&dir);
	return code;
}
