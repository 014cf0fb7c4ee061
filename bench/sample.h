/* SPDX-License-Identifier: MIT */
/* From a worker's result to its line in samples.jsonl (results/schema.json). */
#ifndef TA_SAMPLE_H
#define TA_SAMPLE_H

#include <jansson.h>

#include "plan.h"
#include "runner.h"

/* Where in a run a sample belongs. */
struct placement {
	const char *run_id;
	const struct cell *cell;
	const char *kind;    /* "sample" or "stat" */
	const char *purpose; /* "measure", "verify", "aa", "canary" or "overhead" */
	unsigned block, order, rep;
	const char *sampler; /* "on", "off": one more parameter of the cell; or NULL */
};

/* The id of the cell that the sample counts for: the cell's own, or that with the sampler
 * parameter. */
void placement_cell_id(const struct placement *placement, char id[CELL_ID_CHARS]);

/* A new object, every required field present, null where unknown. */
json_t *sample_json(const struct placement *placement, const struct worker_result *result);

#endif
