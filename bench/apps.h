/* SPDX-License-Identifier: MIT */
/*
 * Whole programs under several malloc libraries: what they print is checked, their memory watched
 * (the timeline's sampler), their page faults counted (perf stat), their time taken (hyperfine),
 * each in runs of its own.
 *
 * Contract. A recipe bench/apps/<name>.sh says what a program is, how it gets its input and what it
 * must print (scripts/app.sh is the reader); the name is the workload of its rows. Rows are samples
 * of kind "app": purpose "verify" holds the memory, "faults" the counts, "measure" one timed run.
 * Runs of all programs and subjects interleave: a round holds each pair once, in a random order of
 * programs and, within one, of subjects. The JSON of hyperfine stays in RUN/apps/.
 */
#ifndef TA_APPS_H
#define TA_APPS_H

#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#define APPS_BASELINE "glibc"
#define APPS_TAMALLOC "tamalloc/preload"

/* What the short form of a default run takes, about, on two cores. */
#define APPS_SHORT_S 35

struct apps {
	const char *run_dir, *run_id;
	const char *recipes;   /* directory of recipes */
	const char *script;    /* scripts/app.sh */
	const char *preload;   /* libtamalloc-preload.so */
	char *const *programs; /* only these, NULL-terminated; empty: all */
	bool short_form;       /* recipes that say so; fewer rounds */
	unsigned rounds;       /* 0: of the form */
	uint64_t seed;	       /* of the random order */
	const json_t *taken;   /* what the run has already: apps_key() -> outcome */
	int (*write)(json_t *sample, void *arg); /* 0 or -errno; arg is the caller's */
	void *arg;
	const volatile sig_atomic_t *interrupt;
};

#define APPS_KEY_CHARS 64
void apps_key(const char *purpose, const char *cell_id, unsigned rep, char key[APPS_KEY_CHARS]);

/*
 * Takes what is not taken yet. 0; -EINTR if interrupted; -ENOENT where a program has no recipe or
 * there is none; another -errno where a sample could not be written.
 */
int apps_run(const struct apps *apps);

/* Prints name, form and summary of each recipe. 0 or -errno. */
int apps_list(const struct apps *apps);

#endif
