/* SPDX-License-Identifier: MIT */
/* A run's directory and its run.json: what was asked, on what machine, and how each session ended.
 */
#ifndef TA_RUN_DIR_H
#define TA_RUN_DIR_H

#include <jansson.h>

#include "plan.h"

struct run_dir {
	char path[4096];
	char run_id[256]; /* the directory's name */
	json_t *record;	  /* run.json */
};

/*
 * Makes the directory out, or results/<UTC time>-<host> where out is NULL (and then points
 * results/latest to it), and writes run.json. 0, or -errno after one line on stderr.
 */
int run_dir_create(struct run_dir *dir, const char *out, const struct plan *plan, char **argv);

/* Reads run.json of an earlier run. 0, or -errno after one line on stderr. */
int run_dir_open(struct run_dir *dir, const char *path);

/* Notes in run.json that a session begins, or how it ended ("complete", "interrupted", "failed").
 */
int run_dir_session_begin(struct run_dir *dir);
int run_dir_session_end(struct run_dir *dir, const char *how, double elapsed_s);

/* The directory's file name as a path. Returns out. */
char *run_dir_file(const struct run_dir *dir, const char *name, char out[4200]);

/* Writes run.json again, with what was set in record. 0, or -errno after one line on stderr. */
int run_dir_save(const struct run_dir *dir);

void run_dir_close(struct run_dir *dir);

/* What a plan was expanded from, both ways. From: 0, or -errno after one line on stderr. */
json_t *plan_options_json(const struct plan_options *options);
int plan_options_from_json(const json_t *json, struct plan_options *options);

#endif
