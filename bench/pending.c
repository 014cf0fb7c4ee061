// SPDX-License-Identifier: MIT
/* Stand-ins for parts that are not in the tree yet; the real definitions take precedence. */
#include <errno.h>

#include "report.h"
#include "timeline.h"

#define WEAK __attribute__((weak))

WEAK int report_run(const char *run_dir)
{
	(void)run_dir;
	return 0;
}

WEAK int timeline_run_all(const struct timeline_run *run)
{
	(void)run;
	return 0;
}

WEAK struct sampler *sampler_start(pid_t pid, uint64_t period_ns)
{
	(void)pid;
	(void)period_ns;
	errno = ENOSYS;
	return 0;
}

WEAK void sampler_stop(struct sampler *sampler)
{
	(void)sampler;
}

WEAK void sampler_free(struct sampler *sampler)
{
	(void)sampler;
}
