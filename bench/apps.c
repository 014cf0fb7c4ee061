// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "allocator.h"
#include "apps_recipe.h"
#include "child.h"
#include "micro.h"
#include "perf_stat.h"
#include "stats.h"
#include "timeline.h"

#define TIMEOUT_S   120 /* of one run of a program */
#define N_SUBJECTS  5
#define MAX_COMMAND (RECIPE_MAX_WORDS + 8)

/* How often each is taken. */
struct form {
	unsigned verify, faults, rounds;
};
static const struct form long_form = {.verify = 3, .faults = 3, .rounds = 12};
static const struct form short_form = {.verify = 1, .faults = 2, .rounds = 9};

struct subject {
	const char *name;
	const char *allocator;	   /* whose library it is; NULL: no library, or our own */
	const char *library;	   /* for LD_PRELOAD; NULL: none */
	char reason[RECIPE_CHARS]; /* why it cannot be had, or empty */
};

struct session {
	const struct apps *apps;
	struct form form;
	struct recipe *recipes;
	unsigned n_recipes;
	struct subject subjects[N_SUBJECTS];
	char work[4096]; /* directory of the programs' directories */
	char perf_refused[RECIPE_CHARS], hyperfine_refused[RECIPE_CHARS];
	bool *wrong; /* of recipe * N_SUBJECTS + subject: nothing more is taken of it */
	struct stats_rng rng;
};

/* ---- rows ---- */

void apps_key(const char *purpose, const char *cell_id, unsigned rep, char key[APPS_KEY_CHARS])
{
	snprintf(key, APPS_KEY_CHARS, "%.8s %.16s %u", purpose, cell_id, rep);
}

struct result {
	enum outcome outcome;
	char reason[RECIPE_CHARS];
	json_t *metrics; /* NULL: none */
};

static struct micro identity(const struct session *s, unsigned recipe, unsigned subject)
{
	return (struct micro){.kind = "app",
			      .run_id = s->apps->run_id,
			      .subject = s->subjects[subject].name,
			      .workload = s->recipes[recipe].name,
			      .params = ""};
}

/* Its outcome in the run, or NULL. */
static const char *taken(const struct session *s, unsigned recipe, unsigned subject,
			 const char *purpose, unsigned rep)
{
	const struct micro micro = identity(s, recipe, subject);
	char id[CELL_ID_CHARS], key[APPS_KEY_CHARS];

	micro_cell_id(&micro, id);
	apps_key(purpose, id, rep, key);
	return json_string_value(json_object_get(s->apps->taken, key));
}

static int write_row(struct session *s, unsigned recipe, unsigned subject, const char *purpose,
		     unsigned rep, unsigned order, struct result *result)
{
	struct micro micro = identity(s, recipe, subject);
	json_t *row;
	int error;

	micro.purpose = purpose;
	micro.rep = rep;
	micro.order = order;
	micro.error = result->outcome == OUTCOME_OK	       ? 0
		      : result->outcome == OUTCOME_UNSUPPORTED ? -ENOSYS
							       : -EIO;
	micro.reason = result->reason;
	micro.unverified = strcmp(purpose, "verify") != 0;
	micro.verified = true;
	micro.metrics = result->metrics ? result->metrics : json_object();
	row = micro_sample(&micro);
	if (!row)
		return -ENOMEM;
	error = s->apps->write(row, s->apps->arg);
	json_decref(row);
	return error;
}

static bool interrupted(const struct session *s)
{
	return s->apps->interrupt && *s->apps->interrupt;
}

/* ---- what can be had ---- */

static void find_subjects(struct session *s)
{
	static const struct subject subjects[N_SUBJECTS] = {
		{.name = APPS_BASELINE},
		{.name = "jemalloc", .allocator = "jemalloc/calloc"},
		{.name = "mimalloc", .allocator = "mimalloc/calloc"},
		{.name = "tcmalloc", .allocator = "tcmalloc/calloc"},
		{.name = APPS_TAMALLOC}};

	memcpy(s->subjects, subjects, sizeof(subjects));
	for (unsigned i = 0; i < N_SUBJECTS; i++) {
		struct subject *subject = &s->subjects[i];
		const struct allocator *a =
			subject->allocator ? allocator_find(subject->allocator) : NULL;

		if (a)
			subject->library = a->preload;
		else if (!strcmp(subject->name, APPS_TAMALLOC))
			subject->library = s->apps->preload;
		if (subject->library && access(subject->library, R_OK))
			snprintf(subject->reason, sizeof(subject->reason), "%s is not there; %s%s",
				 subject->library,
				 a && a->package ? "apt-get install " : "build again",
				 a && a->package ? a->package : "");
	}
}

static void find_hyperfine(struct session *s)
{
	static const char *const argv[] = {"hyperfine", "-N", "--runs", "1", "true", NULL};
	const struct child_job job = {
		.argv = argv, .timeout_s = TIMEOUT_S, .interrupt = s->apps->interrupt};
	char said[100];
	int status = child_run(&job, said, sizeof(said));

	if (status == -ENOENT)
		snprintf(s->hyperfine_refused, sizeof(s->hyperfine_refused),
			 "hyperfine is not installed; apt-get install hyperfine");
	else if (status)
		snprintf(s->hyperfine_refused, sizeof(s->hyperfine_refused),
			 "hyperfine does not work here, it needs version 1.13 (%s)",
			 status < 0 ? strerror(-status) : said);
}

/* env -C DIRECTORY LD_PRELOAD=LIBRARY COMMAND...; assignment is room for its text. */
static void command_of(const struct recipe *recipe, const struct subject *subject,
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
static void watch(struct session *s, const char *const *argv, int out_fd, int said_fd,
		  struct timeline *timeline)
{
	const struct timeline_options options = {.argv = (char *const *)argv,
						 .timeout_ns = TIMEOUT_S * 1000000000ull,
						 .stdout_fd = out_fd,
						 .interrupt = s->apps->interrupt};
	int kept_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);

	fflush(stderr);
	dup2(said_fd, STDERR_FILENO);
	timeline_record(&options, timeline);
	dup2(kept_fd, STDERR_FILENO);
	close(kept_fd);
}

static void verify(struct session *s, const struct recipe *recipe, const struct subject *subject,
		   struct result *result)
{
	const char *argv[MAX_COMMAND];
	char assignment[4200], output[4300], said[RECIPE_CHARS];
	int out_fd, said_fd = memfd_create("said", MFD_CLOEXEC);
	struct timeline timeline;

	command_of(recipe, subject, assignment, argv);
	snprintf(output, sizeof(output), "%s/output", recipe->directory);
	out_fd = open(output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (out_fd < 0 || said_fd < 0) {
		result->outcome = OUTCOME_FAILED;
		snprintf(result->reason, sizeof(result->reason), "its output cannot be kept: %s",
			 strerror(errno));
		return;
	}
	watch(s, argv, out_fd, said_fd, &timeline);
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

static void count_faults(struct session *s, const struct recipe *recipe,
			 const struct subject *subject, struct result *result)
{
	const char *argv[MAX_COMMAND + 10] = {"perf", "stat", "-x,"};
	char assignment[4200], log_path[4300], runs[16], said[100];
	const struct child_job job = {.argv = argv,
				      .timeout_s = s->form.faults * TIMEOUT_S,
				      .interrupt = s->apps->interrupt};
	FILE *log;
	int status;

	snprintf(log_path, sizeof(log_path), "%s/perf-stat", recipe->directory);
	snprintf(runs, sizeof(runs), "%u", s->form.faults);
	argv[3] = "-r";
	argv[4] = runs;
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
		json_object_set_new(result->metrics, "runs",
				    json_integer((json_int_t)s->form.faults));
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

static void shuffle(struct session *s, unsigned *order, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		order[i] = i;
	for (unsigned i = n; i > 1; i--) {
		unsigned k = (unsigned)(stats_random(&s->rng) % i), swap = order[i - 1];

		order[i - 1] = order[k];
		order[k] = swap;
	}
}

/* What hyperfine's JSON says of its i-th command. */
static void read_time(const json_t *file, unsigned i, struct result *result)
{
	const json_t *row = json_array_get(json_object_get(file, "results"), i);
	const json_t *times = json_object_get(row, "times");
	const json_t *codes = json_object_get(row, "exit_codes");
	json_int_t code = json_integer_value(json_array_get(codes, 0));

	if (json_array_size(times) != 1 || code) {
		result->outcome = OUTCOME_FAILED;
		snprintf(result->reason, sizeof(result->reason),
			 "it ended with exit status %d under hyperfine", (int)code);
		return;
	}
	result->metrics = json_pack(
		"{s:f, s:f, s:f}", "time_ns", json_number_value(json_array_get(times, 0)) * 1e9,
		"user_time_ns", json_number_value(json_object_get(row, "user")) * 1e9,
		"system_time_ns", json_number_value(json_object_get(row, "system")) * 1e9);
}

/* Before the first round each program runs once more, untimed. */
static int call_hyperfine(struct session *s, unsigned recipe, unsigned round,
			  const unsigned *subjects, unsigned n, const char *json_path, char *said,
			  size_t said_bytes)
{
	const char *argv[8 + 3 * N_SUBJECTS] = {"hyperfine", "-N", "--ignore-failure", "--runs",
						"1"};
	char *commands[N_SUBJECTS] = {NULL};
	struct child_job job = {.argv = argv,
				.timeout_s = 2 * N_SUBJECTS * TIMEOUT_S,
				.interrupt = s->apps->interrupt};
	unsigned words = 5;
	int status = 0;

	argv[words++] = round ? "--warmup=0" : "--warmup=1";
	argv[words++] = "--export-json";
	argv[words++] = json_path;
	for (unsigned i = 0; i < n && !status; i++) {
		const struct subject *subject = &s->subjects[subjects[i]];
		const char *command[MAX_COMMAND];
		char assignment[4200];

		command_of(&s->recipes[recipe], subject, assignment, command);
		commands[i] = quoted(command);
		status = commands[i] ? 0 : -ENOMEM;
		argv[words++] = "--command-name";
		argv[words++] = subject->name;
		argv[words++] = commands[i];
	}
	argv[words] = NULL;
	if (!status)
		status = child_run(&job, said, said_bytes);
	for (unsigned i = 0; i < n; i++)
		free(commands[i]);
	return status;
}

static int time_program(struct session *s, unsigned recipe, unsigned round)
{
	unsigned all[N_SUBJECTS], subjects[N_SUBJECTS], n = 0;
	char path[4300], said[100] = "";
	int status, error = 0;
	json_t *file;

	shuffle(s, all, N_SUBJECTS);
	for (unsigned i = 0; i < N_SUBJECTS; i++)
		if (!s->wrong[recipe * N_SUBJECTS + all[i]] &&
		    !taken(s, recipe, all[i], "measure", round))
			subjects[n++] = all[i];
	if (!n)
		return 0;
	snprintf(path, sizeof(path), "%s/apps/%s-%02u.json", s->apps->run_dir,
		 s->recipes[recipe].name, round);
	status = call_hyperfine(s, recipe, round, subjects, n, path, said, sizeof(said));
	if (status == -EINTR || interrupted(s))
		return -EINTR;
	file = json_load_file(path, 0, NULL);
	for (unsigned i = 0; i < n && !error; i++) {
		struct result result = {.outcome = OUTCOME_OK};

		if (status || !file) {
			result.outcome = OUTCOME_FAILED;
			snprintf(result.reason, sizeof(result.reason),
				 "hyperfine ended with %d: %s", status, said);
		} else {
			read_time(file, i, &result);
		}
		error = write_row(s, recipe, subjects[i], "measure", round, i, &result);
	}
	json_decref(file);
	return error;
}

/* ---- the whole ---- */

/* Of one program and subject, rep times, what take() does. */
static int take_each(struct session *s, const char *purpose, unsigned reps, const char *refused,
		     void (*take)(struct session *, const struct recipe *, const struct subject *,
				  struct result *))
{
	unsigned order[N_SUBJECTS];
	int error = 0;

	for (unsigned rep = 0; rep < reps; rep++)
		for (unsigned r = 0; r < s->n_recipes; r++) {
			shuffle(s, order, N_SUBJECTS);
			for (unsigned i = 0; i < N_SUBJECTS && !error; i++) {
				bool *wrong = &s->wrong[r * N_SUBJECTS + order[i]];
				const char *before = taken(s, r, order[i], purpose, rep);
				struct result result = {.outcome = OUTCOME_OK};

				if (before && !strcmp(purpose, "verify"))
					*wrong |= strcmp(before, "ok") != 0;
				if (before || *wrong)
					continue;
				if (*refused) {
					result.outcome = OUTCOME_UNSUPPORTED;
					snprintf(result.reason, sizeof(result.reason), "%s",
						 refused);
				} else {
					take(s, &s->recipes[r], &s->subjects[order[i]], &result);
				}
				if (interrupted(s)) {
					json_decref(result.metrics);
					return -EINTR;
				}
				if (!strcmp(purpose, "verify"))
					*wrong |= result.outcome != OUTCOME_OK;
				error = write_row(s, r, order[i], purpose, rep, i, &result);
			}
		}
	return error;
}

static int take_times(struct session *s)
{
	unsigned *order = calloc(s->n_recipes + 1, sizeof(*order));
	int error = order ? 0 : -ENOMEM;

	if (*s->hyperfine_refused) {
		free(order);
		return take_each(s, "measure", 1, s->hyperfine_refused, NULL);
	}
	for (unsigned round = 0; round < s->form.rounds && !error; round++) {
		shuffle(s, order, s->n_recipes);
		for (unsigned i = 0; i < s->n_recipes && !error; i++)
			error = time_program(s, order[i], round);
	}
	free(order);
	return error;
}

/* One row for what cannot be had, or cannot be prepared. */
static int note_missing(struct session *s)
{
	int error = 0;

	for (unsigned r = 0; r < s->n_recipes; r++)
		for (unsigned i = 0; i < N_SUBJECTS && !error; i++) {
			const struct recipe *recipe = &s->recipes[r];
			const struct subject *subject = &s->subjects[i];
			struct result result = {.outcome = recipe->outcome};

			if (recipe->outcome == OUTCOME_OK && !*subject->reason)
				continue;
			s->wrong[r * N_SUBJECTS + i] = true;
			if (recipe->outcome == OUTCOME_OK)
				result.outcome = OUTCOME_UNSUPPORTED;
			snprintf(result.reason, sizeof(result.reason), "%s",
				 recipe->outcome == OUTCOME_OK ? subject->reason : recipe->reason);
			if (!taken(s, r, i, "verify", 0))
				error = write_row(s, r, i, "verify", 0, i, &result);
		}
	return error;
}

static bool wanted(const struct apps *apps, const struct recipe *recipe)
{
	char *const *name = apps->programs;

	if (!name || !*name)
		return recipe->is_short || !apps->short_form;
	while (*name && strcmp(*name, recipe->name))
		name++;
	return *name != NULL;
}

/* Leaves only what is wanted. -ENOENT where something is that has no recipe, or nothing is. */
static int choose(struct session *s)
{
	unsigned named = 0, n = 0;

	for (char *const *name = s->apps->programs; name && *name; name++)
		named++;
	for (unsigned i = 0; i < s->n_recipes; i++)
		if (wanted(s->apps, &s->recipes[i]))
			s->recipes[n++] = s->recipes[i];
	s->n_recipes = n;
	return n && (!named || named == n) ? 0 : -ENOENT;
}

static int begin(struct session *s)
{
	const char *above = getenv("TMPDIR");
	char path[4300];

	snprintf(s->work, sizeof(s->work), "%s/tabench-apps-XXXXXX",
		 above && *above ? above : "/tmp");
	if (!mkdtemp(s->work))
		return -errno;
	snprintf(path, sizeof(path), "%s/apps", s->apps->run_dir);
	if (mkdir(path, 0777) && errno != EEXIST)
		return -errno;
	s->wrong = calloc(s->n_recipes * N_SUBJECTS, sizeof(*s->wrong));
	if (!s->wrong)
		return -ENOMEM;
	find_subjects(s);
	find_hyperfine(s);
	perf_stat_works(s->perf_refused, sizeof(s->perf_refused));
	for (unsigned i = 0; i < s->n_recipes; i++)
		recipe_prepare(s->apps, &s->recipes[i], s->work);
	return interrupted(s) ? -EINTR : 0;
}

static void end(struct session *s)
{
	const char *const argv[] = {"rm", "-rf", "--", s->work, NULL};
	const struct child_job job = {.argv = argv, .timeout_s = TIMEOUT_S};
	char said[100];

	if (*s->work && !access(s->work, F_OK))
		child_run(&job, said, sizeof(said));
	free(s->wrong);
	free(s->recipes);
}

int apps_run(const struct apps *apps)
{
	struct session s = {.apps = apps,
			    .form = apps->short_form ? short_form : long_form,
			    .rng = {apps->seed}};
	int error = recipes_find(apps, &s.recipes, &s.n_recipes);

	if (apps->rounds)
		s.form.rounds = apps->rounds;
	if (!error)
		error = choose(&s);
	if (!error)
		error = begin(&s);
	if (!error)
		error = note_missing(&s);
	if (!error)
		error = take_each(&s, "verify", s.form.verify, "", verify);
	if (!error)
		error = take_each(&s, "faults", 1, s.perf_refused, count_faults);
	if (!error)
		error = take_times(&s);
	end(&s);
	return error;
}

int apps_list(const struct apps *apps)
{
	struct recipe *recipes = NULL;
	unsigned n;
	int error = recipes_find(apps, &recipes, &n);

	for (unsigned i = 0; i < n && !error; i++)
		printf("%-14s %-6s %s\n", recipes[i].name, recipes[i].is_short ? "short" : "",
		       recipes[i].outcome == OUTCOME_OK ? recipes[i].summary : recipes[i].reason);
	free(recipes);
	return error;
}
