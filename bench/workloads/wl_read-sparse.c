// SPDX-License-Identifier: MIT
/* read-sparse: see sparse.h. */
#define TOUCH_WRITES false
#include "sparse.h"

static struct workload read_sparse = {
	.name = "read-sparse",
	.summary = "reads one page in a hundred, in random order",
	.params = max_touched_params,
	TOUCH_HOOKS,
};

REGISTER_WORKLOAD(read_sparse)
