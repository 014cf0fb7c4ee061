// SPDX-License-Identifier: MIT
#include "report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apps_rows.h"
#include "commands.h"
#include "distribution.h"
#include "environment.h"
#include "report_model.h"

typedef int write_file(const struct report *report, FILE *out);

/* Writes beside the file and renames, so that a reader never sees half of it. 0 or -errno, told. */
static int write_whole(const struct report *report, const char *name, write_file *write)
{
	char *path = NULL, *beside = NULL;
	int err = -ENOMEM;

	if (asprintf(&path, "%s/%s", report->run_dir, name) < 0)
		return -ENOMEM;
	if (asprintf(&beside, "%s.tmp", path) >= 0) {
		FILE *out = fopen(beside, "we");

		err = out ? write(report, out) : -errno;
		if (out) {
			if (err == 0 && ferror(out))
				err = -EIO;
			if (fclose(out) && err == 0)
				err = -errno;
		}
		if (err == 0 && rename(beside, path))
			err = -errno;
		if (err)
			unlink(beside);
	}
	if (err)
		failure("report: cannot write %s: %s", path, strerror(-err));
	free(beside);
	free(path);
	return err;
}

static int write_samples(const struct report *report, FILE *out)
{
	samples_write_csv(&report->samples, out);
	return 0;
}

static int write_cells(const struct report *report, FILE *out)
{
	results_write_csv(&report->results, out);
	return 0;
}

static int write_latency(const struct report *report, FILE *out)
{
	distribution_write_csv(&report->results, &report->samples, out);
	return 0;
}

static int write_crossover(const struct report *report, FILE *out)
{
	crossover_write_csv(&report->results, out);
	return 0;
}

static int write_crossings(const struct report *report, FILE *out)
{
	crossings_write_csv(&report->crossings, out);
	return 0;
}

static int write_apps(const struct report *report, FILE *out)
{
	struct app_rows rows;
	int error = app_rows_build(&rows, &report->samples);

	app_rows_write_csv(&rows, out);
	app_rows_free(&rows);
	return error;
}

static int write_markdown(const struct report *report, FILE *out)
{
	report_write_markdown(report, out);
	return 0;
}

static bool in_path(const char *program)
{
	const char *at = getenv("PATH");
	bool found = false;

	while (at && *at && !found) {
		size_t length = strcspn(at, ":");
		char *path;

		if (asprintf(&path, "%.*s/%s", (int)length, at, program) >= 0) {
			found = access(path, X_OK) == 0;
			free(path);
		}
		at += length;
		at += *at == ':';
	}
	return found;
}

/* Runs scripts/plots.sh on the run; a sentence on stderr and in the report where it cannot. */
static void draw_charts(struct report *report)
{
	char script[4200];
	int status = 0;

	if (!in_path("gnuplot")) {
		samples_note(&report->samples,
			     "no charts: gnuplot is not installed (Debian package gnuplot-nox)");
		return;
	}
	if (path_beside_program("../scripts/plots.sh", script, sizeof(script)) ||
	    access(script, R_OK)) {
		samples_note(&report->samples,
			     "no charts: scripts/plots.sh is not beside this build");
		return;
	}
	fflush(NULL);
	pid_t child = fork();

	if (child == 0) {
		dup2(STDERR_FILENO, STDOUT_FILENO); /* stdout is for the verdict */
		execlp("bash", "bash", script, report->run_dir, (char *)NULL);
		_exit(127);
	}
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (child < 0 || status)
		samples_note(
			&report->samples,
			"some charts are missing: scripts/plots.sh failed; run it by hand to see "
			"why");
}

static int write_everything(struct report *report, bool plots)
{
	int err = write_whole(report, "samples.csv", write_samples);

	if (err == 0)
		err = write_whole(report, "cells.csv", write_cells);
	if (err == 0)
		err = write_whole(report, "latency.csv", write_latency);
	if (err == 0)
		err = write_whole(report, "crossover.csv", write_crossover);
	if (err == 0)
		err = write_whole(report, "crossings.csv", write_crossings);
	if (err == 0)
		err = write_whole(report, "apps.csv", write_apps);
	if (err)
		return err;
	if (plots)
		draw_charts(report);
	err = report_load_charts(report);
	if (err)
		failure("report: cannot read %s/charts: %s", report->run_dir, strerror(-err));
	if (err == 0)
		err = write_whole(report, "summary.json", report_write_json);
	if (err == 0)
		err = write_whole(report, "report.md", write_markdown);
	if (err == 0)
		err = write_whole(report, "report.html", report_write_html);
	return err;
}

int report_run_with(const char *run_dir, bool plots)
{
	struct report report;
	int err = report_build(&report, run_dir);

	if (err == -ENOENT)
		failure("report: %s holds no samples.jsonl; give the directory of a run, such as "
			"results/latest",
			run_dir);
	else if (err)
		failure("report: cannot read %s: %s", run_dir, strerror(-err));
	else
		err = write_everything(&report, plots);
	for (size_t i = 0; i < report.samples.n_notes; i++)
		failure("%s", report.samples.notes[i]);
	if (err == 0) {
		report_print_terminal(&report, stdout);
		printf("\nreport: %s/report.html\n", run_dir);
		fflush(stdout);
	}
	report_free(&report);
	return err;
}

int report_run(const char *run_dir)
{
	return report_run_with(run_dir, true);
}
