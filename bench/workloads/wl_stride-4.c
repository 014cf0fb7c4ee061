// SPDX-License-Identifier: MIT
/* stride-4: see stride.h. */
#define STRIDE 4
#include "stride.h"

static struct workload stride_4 = {
	.name = "stride-4",
	.summary = "writes each 4th page, ascending",
	.params = max_touched_params,
	TOUCH_HOOKS,
};

REGISTER_WORKLOAD(stride_4)
