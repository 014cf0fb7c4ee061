// SPDX-License-Identifier: MIT
/* Runs of whole programs: checked and watched, counted, timed. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "apps_take.h"
#include "child.h"
#include "perf_stat.h"
#include "timeline.h"

#define TIMEOUT_S   120 /* of one run of a program */
#define MAX_COMMAND (RECIPE_MAX_WORDS + 8)

/* env -C DIRECTORY LD_PRELOAD=LIBRARY COMMAND...; assignment is room for its text. */
static void command_of(const struct recipe *recipe, const struct app_subject *subject,
		       char assignment[4200], const char *argv[MAX_COMMAND])
{
	unsigned n = 0;

	argv[n++] = "env";
	argv[n++] = "-C";
	argv[n++] = recipe->directory;
	argv[n++] = "-u"; /* whatever the caller's is */
	argv[n++] = "LD_PRELOAD";
	if (subject->library) {
		snprintf(assignment, 4200, "LD_PRELOAD=%s", subject->library);
		argv[n++] = assignment;
	}
	for (const char *const *word = recipe->command; *word; word++)
		argv[n++] = *word;
	argv[n] = NULL;
}

/* ---- verify: what it prints, and its memory ---- */

/* The last line of what was said into fd; did the loader leave the library out? */
static bool left_out(int fd, char *said, size_t said_bytes)
{
	char text[8192];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	char *line;

	text[n > 0 ? n : 0] = 0;
	line = strstr(text, "ERROR: ld.so: object");
	if (line)
		line[strcspn(line, "\n")] = 0;
	snprintf(said, said_bytes, "%s", line ? line : "");
	return line != NULL;
}

static json_t *memory_metrics(const struct timeline *t)
{
	uint64_t peak = 0, peak_reserved = 0;
	double sum = 0, duration = 0;

	for (size_t i = 0; i < t->n_rows; i++) {
		const struct timeline_row *row = &t->rows[i];
		double last = i + 1 < t->n_rows ? (double)(t->rows[i + 1].t_ns - row->t_ns) : 0;

		peak = row->committed_bytes > peak ? row->committed_bytes : peak;
		if (row->reserved_bytes > peak_reserved)
			peak_reserved = row->reserved_bytes;
		sum += (double)row->committed_bytes * last;
		duration += last;
	}
	/* A program that ended before the first sample has no known memory. */
	return json_pack(
		"{s:o, s:o, s:o, s:I, s:I}", "peak_committed_bytes",
		peak ? json_integer((json_int_t)peak) : json_null(), "average_committed_bytes",
		duration > 0 ? json_real(sum / duration) : json_null(), "peak_reserved_bytes",
		peak ? json_integer((json_int_t)peak_reserved) : json_null(), "timeline_samples",
		(json_int_t)t->n_rows, "missed_ticks", (json_int_t)t->missed_ticks);
}

/* Under watch, with standard error in a file of its own meanwhile. */
static void watch(const struct apps *apps, const char *const *argv, int out_fd, int said_fd,
		  struct timeline *timeline)
{
	const struct timeline_options options = {.argv = (char *const *)argv,
						 .timeout_ns = TIMEOUT_S * 1000000000ull,
						 .stdout_fd = out_fd,
						 .interrupt = apps->interrupt};
	int kept_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);

	fflush(stderr);
	dup2(said_fd, STDERR_FILENO);
	timeline_record(&options, timeline);
	dup2(kept_fd, STDERR_FILENO);
	close(kept_fd);
}

void app_verify(const struct apps *apps, const struct recipe *recipe,
		const struct app_subject *subject, unsigned runs, struct app_result *result)
{
	const char *argv[MAX_COMMAND];
	char assignment[4200], output[4300], said[RECIPE_CHARS];
	int out_fd, said_fd = memfd_create("said", MFD_CLOEXEC);
	struct timeline timeline;

	(void)runs;
	command_of(recipe, subject, assignment, argv);
	snprintf(output, sizeof(output), "%s/output", recipe->directory);
	out_fd = open(output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (out_fd < 0 || said_fd < 0) {
		result->outcome = OUTCOME_FAILED;
		snprintf(result->reason, sizeof(result->reason), "its output cannot be kept: %s",
			 strerror(errno));
		return;
	}
	watch(apps, argv, out_fd, said_fd, &timeline);
	child_last_line(said_fd, said, sizeof(said));
	result->outcome = OUTCOME_FAILED;
	if (timeline.outcome != TIMELINE_OK)
		snprintf(result->reason, sizeof(result->reason), "%.150s", timeline.reason);
	else if (timeline.exit_status)
		snprintf(result->reason, sizeof(result->reason),
			 "it ended with exit status %d%s%.150s", timeline.exit_status,
			 *said ? ": " : "", said);
	else if (left_out(said_fd, said, sizeof(said)))
		snprintf(result->reason, sizeof(result->reason), "%s", said);
	else if (recipe_output_is_right(recipe, output, result->reason))
		result->outcome = OUTCOME_OK;
	if (result->outcome == OUTCOME_OK)
		result->metrics = memory_metrics(&timeline);
	timeline_clear(&timeline);
	close(said_fd);
	close(out_fd);
}

/* ---- faults ---- */

void app_count_faults(const struct apps *apps, const struct recipe *recipe,
		      const struct app_subject *subject, unsigned runs, struct app_result *result)
{
	const char *argv[MAX_COMMAND + 10] = {"perf", "stat", "-x,"};
	char assignment[4200], log_path[4300], times[16], said[100];
	const struct child_job job = {
		.argv = argv, .timeout_s = runs * TIMEOUT_S, .interrupt = apps->interrupt};
	FILE *log;
	int status;

	snprintf(log_path, sizeof(log_path), "%s/perf-stat", recipe->directory);
	snprintf(times, sizeof(times), "%u", runs);
	argv[3] = "-r";
	argv[4] = times;
	argv[5] = "-e";
	argv[6] = PERF_STAT_EVENTS;
	argv[7] = "-o";
	argv[8] = log_path;
	argv[9] = "--";
	command_of(recipe, subject, assignment, argv + 10);
	status = child_run(&job, said, sizeof(said));
	log = fopen(log_path, "re");
	if (status || !log) {
		result->outcome = OUTCOME_FAILED;
		snprintf(result->reason, sizeof(result->reason), "perf stat ended with %d: %s",
			 status, said);
	} else {
		result->metrics = perf_stat_metrics(log);
		json_object_set_new(result->metrics, "runs", json_integer((json_int_t)runs));
	}
	if (log)
		fclose(log);
}

/* ---- time ---- */

/* Words as hyperfine -N splits them again. The caller frees; NULL: no memory. */
static char *quoted(const char *const *argv)
{
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	if (!out)
		return NULL;
	for (; *argv; argv++) {
		fputc('\'', out);
		for (const char *c = *argv; *c; c++)
			fputs(*c == '\'' ? "'\\''" : (char[2]){*c, 0}, out);
		fputs(argv[1] ? "' " : "'", out);
	}
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

/* What hyperfine's JSON says of its i-th command. */
static void read_time(const json_t *file, unsigned i, struct app_result *result)
{
	const json_t *row = json_array_get(json_object_get(file, "results"), i);
	const json_t *times = json_object_get(row, "times");
	const json_t *codes = json_object_get(row, "exit_codes");
	json_int_t code = json_integer_value(json_array_get(codes, 0));

	if (json_array_size(times) != 1 || code) {
		snprintf(result->reason, sizeof(result->reason),
			 "it ended with exit status %d under hyperfine", (int)code);
		return;
	}
	result->outcome = OUTCOME_OK;
	result->metrics = json_pack(
		"{s:f, s:f, s:f}", "time_ns", json_number_value(json_array_get(times, 0)) * 1e9,
		"user_time_ns", json_number_value(json_object_get(row, "user")) * 1e9,
		"system_time_ns", json_number_value(json_object_get(row, "system")) * 1e9);
}

static int call_hyperfine(const struct apps *apps, const struct recipe *recipe,
			  const struct app_subject *const *subjects, unsigned n, bool warm_up,
			  const char *json_path, char *said, size_t said_bytes)
{
	const char *argv[9 + 3 * APPS_MAX_SUBJECTS] = {"hyperfine", "-N", "--ignore-failure",
						       "--runs", "1"};
	char *commands[APPS_MAX_SUBJECTS] = {NULL};
	struct child_job job = {.argv = argv,
				.timeout_s = 2 * APPS_MAX_SUBJECTS * TIMEOUT_S,
				.interrupt = apps->interrupt};
	unsigned words = 5;
	int status = 0;

	argv[words++] = warm_up ? "--warmup=1" : "--warmup=0";
	argv[words++] = "--export-json";
	argv[words++] = json_path;
	for (unsigned i = 0; i < n && !status; i++) {
		const char *command[MAX_COMMAND];
		char assignment[4200];

		command_of(recipe, subjects[i], assignment, command);
		commands[i] = quoted(command);
		status = commands[i] ? 0 : -ENOMEM;
		argv[words++] = "--command-name";
		argv[words++] = subjects[i]->name;
		argv[words++] = commands[i];
	}
	argv[words] = NULL;
	if (!status)
		status = child_run(&job, said, said_bytes);
	for (unsigned i = 0; i < n; i++)
		free(commands[i]);
	return status;
}

int app_time(const struct apps *apps, const struct recipe *recipe,
	     const struct app_subject *const *subjects, unsigned n, bool warm_up,
	     const char *json_path, struct app_result *results)
{
	char said[100] = "";
	int status =
		call_hyperfine(apps, recipe, subjects, n, warm_up, json_path, said, sizeof(said));
	json_t *file;

	if (status == -EINTR)
		return status;
	file = status ? NULL : json_load_file(json_path, 0, NULL);
	for (unsigned i = 0; i < n; i++) {
		results[i] = (struct app_result){.outcome = OUTCOME_FAILED};
		if (file)
			read_time(file, i, &results[i]);
		else
			snprintf(results[i].reason, sizeof(results[i].reason),
				 "hyperfine ended with %d: %s", status, said);
	}
	json_decref(file);
	return 0;
}

bool app_hyperfine_works(const struct apps *apps, char reason[RECIPE_CHARS])
{
	static const char *const argv[] = {"hyperfine", "-N", "--runs", "1", "true", NULL};
	const struct child_job job = {
		.argv = argv, .timeout_s = TIMEOUT_S, .interrupt = apps->interrupt};
	char said[100];
	int status = child_run(&job, said, sizeof(said));

	if (status == -ENOENT)
		snprintf(reason, RECIPE_CHARS,
			 "hyperfine is not installed; apt-get install hyperfine");
	else if (status)
		snprintf(reason, RECIPE_CHARS,
			 "hyperfine does not work here, it needs version 1.13 (%s)",
			 status < 0 ? strerror(-status) : said);
	return status == 0;
}
