// SPDX-License-Identifier: MIT
/*
 * Subjects that are calloc of a malloc library: the worker is started with it in LD_PRELOAD, and
 * the record says which file calloc's code was in, which the runner compares. Only zeros: a
 * library's malloc + memset is glibc/malloc+memset with another malloc.
 */
#include <stdio.h>
#include <unistd.h>

#include "calloc.h"

#if defined(__x86_64__)
#define TUPLE "x86_64-linux-gnu"
#define ARCH  "x86_64"
#elif defined(__aarch64__)
#define TUPLE "aarch64-linux-gnu"
#define ARCH  "aarch64"
#else
#define TUPLE ""
#define ARCH  ""
#endif

/* Where distributions put libraries. */
static const char *const places[] = {
	"/usr/lib/" TUPLE "/", "/usr/lib64/", "/usr/lib/",
	"/lib/" TUPLE "/",     "/lib64/",     "/usr/local/lib/",
};

#define SCUDO "linux/libclang_rt.scudo_standalone-" ARCH ".so"

static struct library {
	struct allocator allocator;
	const char *names[9]; /* of the file, or whole paths; the first one that is there */
	char path[128];
} libraries[] = {
	{
		.allocator = {.name = "jemalloc/calloc",
			      .summary = "calloc of jemalloc",
			      .flags = ALLOC_LAZY,
			      .package = "libjemalloc2"},
		.names = {"libjemalloc.so.2"},
	},
	{
		.allocator = {.name = "mimalloc/calloc",
			      .summary = "calloc of mimalloc",
			      .package = "libmimalloc2.0"},
		.names = {"libmimalloc.so.2", "libmimalloc.so.3"},
	},
	{
		.allocator = {.name = "tcmalloc/calloc",
			      .summary = "calloc of gperftools' tcmalloc",
			      .package = "libtcmalloc-minimal4"},
		.names = {"libtcmalloc_minimal.so.4", "libtcmalloc.so.4"},
	},
	{
		.allocator = {.name = "tbb/calloc",
			      .summary = "calloc of oneTBB's scalable allocator",
			      .package = "libtbbmalloc2"},
		.names = {"libtbbmalloc_proxy.so.2"},
	},
	{
		.allocator = {.name = "scudo/calloc",
			      .summary = "calloc of LLVM's hardened allocator Scudo",
			      .flags = ALLOC_LAZY,
			      .package = "libclang-rt-14-dev"},
		.names = {"/usr/lib/llvm-14/lib/clang/14.0.6/lib/" SCUDO,
			  "/usr/lib/llvm-15/lib/clang/15.0.6/lib/" SCUDO,
			  "/usr/lib/llvm-16/lib/clang/16/lib/" SCUDO,
			  "/usr/lib/llvm-17/lib/clang/17/lib/" SCUDO,
			  "/usr/lib/llvm-18/lib/clang/18/lib/" SCUDO,
			  "/usr/lib/llvm-19/lib/clang/19/lib/" SCUDO,
			  "/usr/lib/llvm-20/lib/clang/20/lib/" SCUDO,
			  "/usr/lib/llvm-21/lib/clang/21/lib/" SCUDO},
	},
};

static bool find(struct library *library, const char *name)
{
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		snprintf(library->path, sizeof(library->path), "%s%s",
			 *name == '/' ? "" : places[i], name);
		if (!access(library->path, R_OK))
			return true;
	}
	return false;
}

static void add(struct allocator *allocator, const char *path)
{
	allocator->preload = path;
	allocator->prepare = calloc_prepare;
	allocator->alloc = calloc_alloc;
	allocator->release = calloc_release;
	allocator_register(allocator);
}

const struct allocator *allocator_preload(const char *name, const char *path)
{
	static char own_name[64], own_path[4096];
	static struct allocator own = {.summary = "calloc of a library of your own"};

	snprintf(own_name, sizeof(own_name), "%s", name);
	snprintf(own_path, sizeof(own_path), "%s", path);
	own.name = own_name;
	add(&own, own_path);
	return &own;
}

__attribute__((constructor)) static void register_libraries(void)
{
	for (size_t i = 0; i < sizeof(libraries) / sizeof(*libraries); i++) {
		struct library *library = &libraries[i];
		bool found = false;

		for (const char *const *name = library->names; *name && !found; name++)
			found = find(library, *name);
		if (!found) /* to be named in the reason */
			snprintf(library->path, sizeof(library->path), "%s", library->names[0]);
		add(&library->allocator, library->path);
	}
}
