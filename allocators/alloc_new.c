// SPDX-License-Identifier: MIT
/*
 * glibc/new: new[] of C++ (nothrow), every byte written by memset, as in new char[n]{}; libstdc++
 * is opened at run time, so that the worker links the C library only.
 */
#include <dlfcn.h>
#include <stdio.h>

#include "calloc.h"

#define LIBRARY "libstdc++.so.6"

static void *(*new_array)(size_t size_bytes, const void *nothrow);
static void (*delete_array)(void *addr);
static const void *nothrow;

static bool open_library(void)
{
	void *library = dlopen(LIBRARY, RTLD_NOW);

	if (!library)
		return false;
	new_array = (void *(*)(size_t, const void *))dlsym(library, "_ZnamRKSt9nothrow_t");
	delete_array = (void (*)(void *))dlsym(library, "_ZdaPv");
	nothrow = dlsym(library, "_ZSt7nothrow");
	return new_array && delete_array && nothrow;
}

static bool supported(char *reason, size_t reason_bytes)
{
	if (TA_SANITISED) {
		snprintf(reason, reason_bytes, "new[] is a sanitiser's; use a build without");
		return false;
	}
	if (open_library())
		return true;
	snprintf(reason, reason_bytes, LIBRARY " is not there; install libstdc++6");
	return false;
}

static int alloc(struct alloc_ctx *ctx, size_t size_bytes, unsigned char fill, struct block *block)
{
	void *addr = launder(new_array(launder_size(size_bytes), nothrow));

	(void)ctx;
	if (addr)
		addr = launder(memset(addr, fill, size_bytes));
	return calloc_give(addr, size_bytes, block);
}

static int release(struct alloc_ctx *ctx, struct block *block)
{
	(void)ctx;
	delete_array(launder(block->addr));
	return 0;
}

static int prepare(struct alloc_ctx *ctx, size_t size_bytes, unsigned char fill)
{
	struct block block;
	int error = open_library() ? alloc(ctx, 1, fill, &block) : -ELIBACC;

	(void)size_bytes;
	return error ? error : release(ctx, &block);
}

static struct allocator new_subject = {
	.name = "glibc/new",
	.summary = "new[] of C++ with the C library's malloc, every byte written by memset",
	.flags = ALLOC_FILL_ANY,
	.library = LIBRARY,
	.package = "libstdc++6",
	.supported = supported,
	.prepare = prepare,
	.alloc = alloc,
	.release = release,
};

REGISTER_ALLOCATOR(new_subject)
