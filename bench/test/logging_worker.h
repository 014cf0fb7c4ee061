/* SPDX-License-Identifier: MIT */
/*
 * A subject, a probe and a workload that log what is called, and that can be made to fail; the
 * clock, seen. For one test program each.
 */
#ifndef TA_LOGGING_WORKER_H
#define TA_LOGGING_WORKER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "worker.h"

#define NO_OFFSET SIZE_MAX

/* ---- what was called, in order ---- */

static char call_log[8192];
static bool logging;

static void log_call(const char *what)
{
	size_t used = strlen(call_log);

	if (logging)
		snprintf(call_log + used, sizeof(call_log) - used, "%s ", what);
}

/* Takes the place of the C library's function in this program: the clock, seen. */
int clock_gettime(clockid_t clock, struct timespec *now)
{
	log_call("clock");
	return (int)syscall(SYS_clock_gettime, clock, now);
}

/* ---- a subject, a probe and a workload that log, and that can be made to fail ---- */

static size_t wrong_offset = NO_OFFSET; /* where the subject puts a wrong byte */
static size_t wrong_step;		/* and at every so manyth, unless 0 */
static int alloc_error, release_error, settle_calls = 1, map_kind = MAP_PRIVATE;

static bool logging_supported(char *reason, size_t reason_bytes)
{
	(void)reason;
	(void)reason_bytes;
	log_call("supported");
	return true;
}

static int logging_prepare(struct alloc_ctx *ctx, size_t size_bytes, unsigned char fill)
{
	(void)size_bytes;
	(void)fill;
	log_call("prepare");
	strcpy(ctx->backend, "a-backend");
	return 0;
}

static int logging_alloc(struct alloc_ctx *ctx, size_t size_bytes, unsigned char fill,
			 struct block *block)
{
	void *addr;

	(void)ctx;
	log_call("alloc");
	if (alloc_error)
		return alloc_error;
	addr = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, map_kind | MAP_ANONYMOUS, -1, 0);
	if (addr == MAP_FAILED)
		return -errno;
	memset(addr, fill, size_bytes);
	if (wrong_offset < size_bytes)
		((unsigned char *)addr)[wrong_offset] ^= 1;
	for (size_t i = 0; wrong_step && i < size_bytes; i += wrong_step)
		((unsigned char *)addr)[i] ^= 1;
	*block = (struct block){.addr = addr, .bytes = size_bytes, .holds_fill = true};
	return 0;
}

static int logging_release(struct alloc_ctx *ctx, struct block *block)
{
	(void)ctx;
	log_call("release");
	return release_error ? release_error : munmap(block->addr, block->bytes);
}

static void logging_reset(struct alloc_ctx *ctx)
{
	(void)ctx;
	log_call("reset");
}

static void logging_held(struct alloc_ctx *ctx, struct alloc_held *held)
{
	static uint64_t calls;

	(void)ctx;
	log_call("held");
	held->driver_bytes = 4096 * calls++;
}

static struct allocator logging_subject = {
	.name = "test/logging",
	.summary = "logs its calls",
	.flags = ALLOC_FILL_ANY,
	.supported = logging_supported,
	.prepare = logging_prepare,
	.alloc = logging_alloc,
	.release = logging_release,
	.reset = logging_reset,
	.held = logging_held,
};

static const struct probe_field logging_fields[] = {
	{"test_counter", "calls", PROBE_COUNTER, BETTER_NEITHER},
	{"test_unknown", "calls", PROBE_COUNTER, BETTER_NEITHER},
};

static int probe_open(char *source, size_t source_bytes)
{
	log_call("open");
	snprintf(source, source_bytes, "test");
	return 0;
}

static void probe_read(uint64_t *values, unsigned kinds)
{
	static uint64_t reads;

	if (kinds & 1u << PROBE_COUNTER)
		log_call("counters");
	if (kinds & 1u << PROBE_GAUGE)
		log_call("gauges");
	if (kinds & 1u << PROBE_PEAK)
		log_call("peaks");
	if (!(kinds & 1u << PROBE_COUNTER))
		return;
	values[0] = reads += 10;
	values[1] = PROBE_UNKNOWN;
}

static void probe_close(void)
{
	log_call("close");
}

static struct probe logging_probe = {
	.name = "test",
	.summary = "logs its calls",
	.fields = logging_fields,
	.n_fields = 2,
	.open = probe_open,
	.read = probe_read,
	.close = probe_close,
};

static uint64_t logging_pages(size_t size_bytes, size_t page_bytes, const int64_t *params)
{
	(void)params;
	return size_bytes / page_bytes;
}

static int logging_setup(struct wl *w)
{
	(void)w;
	log_call("setup");
	return 0;
}

static int logging_run(struct wl *w)
{
	int error;

	log_call("run");
	wl_phase_begin(w, PHASE_ALLOC);
	error = wl_alloc(w, w->size_bytes, &w->block);
	wl_phase_end(w);
	if (error)
		return error;
	for (unsigned i = 0; i < 2; i++) { /* twice: phases add up */
		wl_phase_begin(w, PHASE_TOUCH);
		log_call("touch");
		wl_phase_end(w);
	}
	for (int i = 0; i < settle_calls && !error; i++)
		error = wl_settle(w);
	if (error)
		return error;
	wl_phase_begin(w, PHASE_FREE);
	error = wl_release(w, &w->block);
	wl_phase_end(w);
	return error;
}

static int logging_check(struct wl *w)
{
	(void)w;
	log_call("check");
	return 0;
}

static int logging_verify(struct wl *w)
{
	(void)w;
	log_call("verify");
	return 0;
}

static void logging_teardown(struct wl *w)
{
	(void)w;
	log_call("teardown");
}

static struct workload logging_workload = {
	.name = "test-logging",
	.summary = "logs its calls",
	.unit = "page",
	.pages = logging_pages,
	.setup = logging_setup,
	.run = logging_run,
	.check = logging_check,
	.verify = logging_verify,
	.teardown = logging_teardown,
};

REGISTER_ALLOCATOR(logging_subject)
REGISTER_PROBE(logging_probe)
REGISTER_WORKLOAD(logging_workload)

/* ---- helpers ---- */

static struct record record;

static struct worker_options options_of(const char *subject, const char *workload)
{
	struct worker_options options = {
		.allocator = allocator_find(subject),
		.workload = workload_find(workload),
		.size_bytes = 64 * 4096,
		.threads = 1,
		.seed = 1,
		.marks_fd = -1,
	};
	const struct wl_param *param = options.workload->params;

	for (unsigned i = 0; param && i < WL_MAX_PARAMS && param[i].name; i++)
		options.params[i] = strcmp(param[i].name, "max_exchanges") ? param[i].fallback
									   : 100; /* quick */
	return options;
}

static int restore(void **state)
{
	(void)state;
	wrong_offset = NO_OFFSET;
	wrong_step = 0;
	alloc_error = release_error = 0;
	settle_calls = 1;
	map_kind = MAP_PRIVATE;
	logging = false;
	call_log[0] = 0;
	return 0;
}

#define TEST(function) cmocka_unit_test_setup(function, restore)

#endif
