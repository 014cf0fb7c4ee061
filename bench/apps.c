// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "allocator.h"
#include "apps_take.h"
#include "child.h"
#include "micro.h"
#include "perf_stat.h"
#include "stats.h"

#define REMOVE_TIMEOUT_S 60
#define N_SUBJECTS	 5

/* How often each is taken. */
struct form {
	unsigned verify, faults, rounds;
};
static const struct form long_form = {.verify = 3, .faults = 3, .rounds = 12};
static const struct form short_form = {.verify = 1, .faults = 2, .rounds = 9};

struct session {
	const struct apps *apps;
	struct form form;
	struct recipe *recipes;
	unsigned n_recipes;
	struct app_subject subjects[N_SUBJECTS];
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
		     unsigned rep, unsigned order, struct app_result *result)
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
	static const struct app_subject subjects[N_SUBJECTS] = {
		{.name = APPS_BASELINE},
		{.name = "jemalloc", .allocator = "jemalloc/calloc"},
		{.name = "mimalloc", .allocator = "mimalloc/calloc"},
		{.name = "tcmalloc", .allocator = "tcmalloc/calloc"},
		{.name = APPS_TAMALLOC}};

	memcpy(s->subjects, subjects, sizeof(subjects));
	for (unsigned i = 0; i < N_SUBJECTS; i++) {
		struct app_subject *subject = &s->subjects[i];
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

/* ---- time ---- */

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

static int time_program(struct session *s, unsigned recipe, unsigned round)
{
	const struct app_subject *subjects[N_SUBJECTS];
	struct app_result results[N_SUBJECTS];
	unsigned all[N_SUBJECTS], chosen[N_SUBJECTS], n = 0;
	char path[4300];
	int error;

	shuffle(s, all, N_SUBJECTS);
	for (unsigned i = 0; i < N_SUBJECTS; i++)
		if (!s->wrong[recipe * N_SUBJECTS + all[i]] &&
		    !taken(s, recipe, all[i], "measure", round)) {
			subjects[n] = &s->subjects[all[i]];
			chosen[n++] = all[i];
		}
	if (!n)
		return 0;
	snprintf(path, sizeof(path), "%s/apps/%s-%02u.json", s->apps->run_dir,
		 s->recipes[recipe].name, round);
	error = app_time(s->apps, &s->recipes[recipe], subjects, n, round == 0, path, results);
	if (error)
		return error;
	for (unsigned i = 0; i < n; i++) {
		if (!error)
			error = write_row(s, recipe, chosen[i], "measure", round, i, &results[i]);
		else
			json_decref(results[i].metrics);
	}
	return error;
}

/* ---- the whole ---- */

/* Of each program and subject, reps times, what take() does of so many runs; or that it is refused.
 */
static int take_each(struct session *s, const char *purpose, unsigned reps, const char *refused,
		     unsigned runs,
		     void (*take)(const struct apps *, const struct recipe *,
				  const struct app_subject *, unsigned, struct app_result *))
{
	unsigned order[N_SUBJECTS];
	int error = 0;

	for (unsigned rep = 0; rep < reps; rep++)
		for (unsigned r = 0; r < s->n_recipes; r++) {
			shuffle(s, order, N_SUBJECTS);
			for (unsigned i = 0; i < N_SUBJECTS && !error; i++) {
				bool *wrong = &s->wrong[r * N_SUBJECTS + order[i]];
				const char *before = taken(s, r, order[i], purpose, rep);
				struct app_result result = {.outcome = OUTCOME_OK};

				if (before && !strcmp(purpose, "verify"))
					*wrong |= strcmp(before, "ok") != 0;
				if (before || *wrong)
					continue;
				if (*refused) {
					result.outcome = OUTCOME_UNSUPPORTED;
					snprintf(result.reason, sizeof(result.reason), "%s",
						 refused);
				} else {
					take(s->apps, &s->recipes[r], &s->subjects[order[i]], runs,
					     &result);
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
		return take_each(s, "measure", 1, s->hyperfine_refused, 0, NULL);
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
			const struct app_subject *subject = &s->subjects[i];
			struct app_result result = {.outcome = recipe->outcome};

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
	app_hyperfine_works(s->apps, s->hyperfine_refused);
	perf_stat_works(s->perf_refused, sizeof(s->perf_refused));
	for (unsigned i = 0; i < s->n_recipes; i++)
		recipe_prepare(s->apps, &s->recipes[i], s->work);
	return interrupted(s) ? -EINTR : 0;
}

static void end(struct session *s)
{
	const char *const argv[] = {"rm", "-rf", "--", s->work, NULL};
	const struct child_job job = {.argv = argv, .timeout_s = REMOVE_TIMEOUT_S};
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
		error = take_each(&s, "verify", s.form.verify, "", 1, app_verify);
	if (!error)
		error = take_each(&s, "faults", 1, s.perf_refused, s.form.faults, app_count_faults);
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
