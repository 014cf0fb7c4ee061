/* SPDX-License-Identifier: MIT */
/*
 * What tabench compare and tabench merge read: a run's directory, or a JSON file of
 * google-benchmark or hyperfine, as series of values.
 *
 * Contract. Series of one group are of the same target, metric and conditions and differ in their
 * subject. Values of a run carry the block that they were taken in, ascending; those of the files
 * carry none, since both programs measure one subject after the other. All that a series points to
 * belongs to its source.
 */
#ifndef TA_SOURCE_H
#define TA_SOURCE_H

#include <jansson.h>
#include <stdbool.h>

#include "cells.h"

struct series {
	char *target;  /* "host" or "vm" */
	char *group;   /* "dense-up, 256 MiB, 1 thread, fill 0"; of a file: which program */
	char *subject; /* of a file: the benchmark's or command's name */
	const char *metric;
	char *unit;	/* "ns", "instructions", "bytes per byte" */
	bool exact;	/* counted: nothing is inferred, differences are what they are */
	bool too_small; /* instructions, too few for a comparison of runs */
	char *why;	/* why there is no value, or NULL */
	bool broken;	/* it ran, and failed */
	size_t n;
	double *values;
	double *block; /* n, or NULL */
};

struct source {
	const char *path;
	char *title; /* "results/a: 2024-01-01T00:00:00Z, Linux 6.1.0, CPU" */
	struct series *series;
	size_t n, capacity;
	double floor;	     /* noise floor as in controls.h; NaN: unknown */
	size_t floor_pairs;  /* A/A pairs behind it */
	json_t *environment; /* run.json's, or NULL */
};

struct source_filter {
	const char *workload;	 /* NULL: any */
	double fill;		 /* NaN: any */
	enum cell_metric metric; /* of the costs; CELL_METRICS: each cell's headline */
};

#define SOURCE_MEMORY "committed_per_touched" /* the metric that stands beside the costs */

/* 0, or -errno with a sentence in why; source is freed by source_free() in any case. path must
 * outlive it. */
int source_read(struct source *source, const char *path, const struct source_filter *filter,
		char *why, size_t why_bytes);
void source_free(struct source *source);

/* The series of a group and metric for a subject (NULL: any), or NULL. */
const struct series *source_find(const struct source *source, const struct series *like,
				 const char *subject);
/* The values of a and b in the blocks that both hold: room for a->n each. Returns how many; 0 where
 * one has no blocks. */
size_t series_common(const struct series *a, const struct series *b, double *of_a, double *of_b);
/* s over the baseline, block by block, or over its median where there are no blocks: room for s->n.
 * Returns how many. */
size_t series_over(const struct series *s, const struct series *baseline, double *out);
/* Are a and b of one target, group and metric? */
bool series_alike(const struct series *a, const struct series *b);

#endif
