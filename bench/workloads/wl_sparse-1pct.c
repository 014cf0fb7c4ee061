// SPDX-License-Identifier: MIT
/* sparse-1pct: see sparse.h. */
#define TOUCH_WRITES true
#include "sparse.h"

static struct workload sparse_1pct = {
	.name = "sparse-1pct",
	.summary = "writes one page in a hundred, in random order",
	.params = max_touched_params,
	TOUCH_HOOKS,
};

REGISTER_WORKLOAD(sparse_1pct)
