// SPDX-License-Identifier: MIT
/*
 * musl/calloc: calloc of musl, in a worker of its own that is linked statically with musl
 * (taworker-musl, built where musl-gcc is). In every other program it is only listed.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "calloc.h"

#define WORKER "taworker-musl"

static bool supported(char *reason, size_t reason_bytes)
{
#ifdef __GLIBC__
	char path[4096];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - sizeof(WORKER));

	path[length < 0 ? 0 : length] = 0;
	if (strrchr(path, '/'))
		strcpy(strrchr(path, '/') + 1, WORKER);
	if (!access(path, X_OK))
		return true;
	snprintf(reason, reason_bytes,
		 WORKER " is not built; install musl-tools, then: cmake build && make build");
	return false;
#else
	(void)reason;
	(void)reason_bytes;
	return true;
#endif
}

static struct allocator musl = {
	.name = "musl/calloc",
	.summary = "calloc of musl, in a worker linked statically with it",
	.flags = ALLOC_LAZY,
	.package = "musl-tools",
	.worker = WORKER,
	.supported = supported,
	.prepare = calloc_prepare,
	.alloc = calloc_alloc,
	.release = calloc_release,
};

REGISTER_ALLOCATOR(musl)
