/* SPDX-License-Identifier: MIT */
/* Samples of kind "micro" and "app": what is measured without a worker; figures are in metrics. */
#ifndef TA_MICRO_H
#define TA_MICRO_H

#include <jansson.h>
#include <stdbool.h>

#include "plan.h"

struct micro {
	const char *kind, *purpose; /* NULL: "micro", "measure" */
	const char *run_id, *subject, *workload;
	const char *params;  /* "name=value", one number, or "" */
	uint64_t size_bytes; /* 0: of no one size */
	unsigned order, rep;
	bool guest;
	int error;	    /* 0, or -errno; -ENOSYS: unsupported */
	const char *reason; /* where error is not 0 */
	bool verified;	    /* unknown where error is not 0, or unverified */
	bool unverified;
	json_t *metrics; /* becomes the sample's */
};

/* By identity and parameters; run_id, order, rep and what was measured do not matter. */
void micro_cell_id(const struct micro *micro, char id[CELL_ID_CHARS]);

/* A new sample. NULL: no memory. */
json_t *micro_sample(const struct micro *micro);

#endif
