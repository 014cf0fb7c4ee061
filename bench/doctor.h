/* SPDX-License-Identifier: MIT */
/*
 * What on this machine would spoil or colour results, each with its remedy.
 *
 * Contract. doctor_look() only reads, through system_files.h; it may be called again. Not
 * thread-safe.
 */
#ifndef TA_DOCTOR_H
#define TA_DOCTOR_H

#include <jansson.h>
#include <stddef.h>

enum doctor_state {
	DOCTOR_OK,
	DOCTOR_COLOURS, /* a part of the result: another machine, or this one set otherwise, differs
			 */
	DOCTOR_SPOILS,	/* results differ from one time to the next for no reason of their own */
	DOCTOR_UNKNOWN, /* cannot be told here */
	DOCTOR_STATES
};

const char *doctor_state_name(enum doctor_state state); /* "ok", "colours", "spoils", "unknown" */

struct doctor_finding {
	enum doctor_state state;
	char found[160];    /* what is set here */
	const char *effect; /* one sentence; NULL where the state is ok */
	const char *remedy; /* one sentence; NULL where the state is ok */
};

/* A setting that `tabench quiet` may change. */
struct doctor_setting {
	const char *pattern; /* of the paths, as glob(3) takes it; NULL ends the list */
	const char *wanted;
};

#define DOCTOR_MAX_SETTINGS 4

struct doctor_check {
	const char *name;
	void (*look)(struct doctor_finding *finding);
	const struct doctor_setting settings[DOCTOR_MAX_SETTINGS];
	const char *left; /* why `tabench quiet` leaves it, where it has no settings */
};

/* The i-th check; NULL past the end. */
const struct doctor_check *doctor_check(unsigned i);
void doctor_look(const struct doctor_check *check, struct doctor_finding *finding);

/* For the record of a run: a new object {name: {state, found, effect, remedy}} of all that is not
 * ok. */
json_t *doctor_json(void);

#endif
