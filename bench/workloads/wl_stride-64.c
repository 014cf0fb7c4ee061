// SPDX-License-Identifier: MIT
/* stride-64: see stride.h. */
#define STRIDE 64
#include "stride.h"

static struct workload stride_64 = {
	.name = "stride-64",
	.summary = "writes each 64th page, ascending",
	.params = max_touched_params,
	TOUCH_HOOKS,
};

REGISTER_WORKLOAD(stride_64)
