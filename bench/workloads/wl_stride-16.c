// SPDX-License-Identifier: MIT
/* stride-16: see stride.h. */
#define STRIDE 16
#include "stride.h"

static struct workload stride_16 = {
	.name = "stride-16",
	.summary = "writes each 16th page, ascending",
	.params = max_touched_params,
	TOUCH_HOOKS,
};

REGISTER_WORKLOAD(stride_16)
