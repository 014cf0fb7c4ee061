/* SPDX-License-Identifier: MIT */
/* One program under one malloc library, run to be checked, counted or timed; private to apps*.c. */
#ifndef TA_APPS_TAKE_H
#define TA_APPS_TAKE_H

#include "apps_recipe.h"

#define APPS_MAX_SUBJECTS 8

struct app_subject {
	const char *name;
	const char *allocator;	   /* whose library it is; NULL: no library, or our own */
	const char *library;	   /* for LD_PRELOAD; NULL: none */
	char reason[RECIPE_CHARS]; /* why it cannot be had, or empty */
};

struct app_result {
	enum outcome outcome;
	char reason[RECIPE_CHARS]; /* unless ok */
	json_t *metrics;	   /* unless ok: NULL */
};

/* Once, watched; what it prints is compared. (runs is 1.) */
void app_verify(const struct apps *apps, const struct recipe *recipe,
		const struct app_subject *subject, unsigned runs, struct app_result *result);
/* Under perf stat, the mean of so many runs. */
void app_count_faults(const struct apps *apps, const struct recipe *recipe,
		      const struct app_subject *subject, unsigned runs, struct app_result *result);
/*
 * One call of hyperfine: each of n subjects, at most APPS_MAX_SUBJECTS, one run, in that order;
 * warm_up: and another before, untimed. The JSON goes to json_path. 0, results filled; or -EINTR.
 */
int app_time(const struct apps *apps, const struct recipe *recipe,
	     const struct app_subject *const *subjects, unsigned n, bool warm_up,
	     const char *json_path, struct app_result *results);
/* Does hyperfine work here? If not, one sentence into reason. */
bool app_hyperfine_works(const struct apps *apps, char reason[RECIPE_CHARS]);

#endif
