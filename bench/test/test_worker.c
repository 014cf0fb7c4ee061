// SPDX-License-Identifier: MIT
/*
 * The worker itself: the order in which it calls what, its numbers under the mock clock and probe,
 * and that each workload's checksum and verification see a single wrong byte.
 */
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

/* ---- tests ---- */

static void hooks_run_in_order(void **state)
{
	struct worker_options options = options_of("test/logging", "test-logging");
	const char *run;

	(void)state;
	logging = true;
	sample_run(&options, &record);
	logging = false;

	assert_memory_equal(call_log, "supported open ", 15);
	assert_non_null(strstr(call_log, "setup prepare "));
	run = strstr(call_log, "run ");
	assert_non_null(run);
	/* The baseline is the last thing before the run, the clock innermost at each edge. */
	assert_memory_equal(run - strlen("gauges held "), "gauges held ", strlen("gauges held "));
	assert_string_equal(run, "run "
				 "counters clock alloc clock counters gauges held "
				 "counters clock touch clock counters gauges held "
				 "counters clock touch clock counters gauges held "
				 "gauges peaks held check "
				 "counters clock release clock counters gauges held "
				 "counters gauges reset teardown close ");
	assert_int_equal(record.outcome, RECORD_OK);
	assert_string_equal(record.backend, "a-backend");
}

static void probes_have_run_before_the_baseline(void **state)
{
	struct worker_options options = options_of("test/logging", "test-logging");
	unsigned reads = 0;
	const char *at = call_log;

	(void)state;
	logging = true;
	sample_run(&options, &record);
	logging = false;
	*strstr(call_log, "run ") = 0;
	while ((at = strstr(at, "counters "))) {
		reads++;
		at++;
	}
	assert_true(reads >= 2);
}

static void verify_takes_the_place_of_check(void **state)
{
	struct worker_options options = options_of("test/logging", "test-logging");

	(void)state;
	options.verify = true;
	logging = true;
	sample_run(&options, &record);
	assert_non_null(strstr(call_log, "gauges peaks held verify "));
	assert_null(strstr(call_log, "check"));
}

static void counters_are_differences_and_unknown_stays_unknown(void **state)
{
	struct worker_options options = options_of("test/logging", "test-logging");
	int counter = probe_field_index("test_counter"),
	    unknown = probe_field_index("test_unknown");

	(void)state;
	sample_run(&options, &record);
	assert_int_equal(record.phases[PHASE_ALLOC].values[counter], 10);
	assert_int_equal(record.phases[PHASE_TOUCH].values[counter], 20);
	assert_true(record.phases[PHASE_ALLOC].values[unknown] == PROBE_UNKNOWN);
	assert_true(record.phases[PHASE_TOUCH].values[unknown] == PROBE_UNKNOWN);
	assert_int_equal(record.phases[PHASE_REUSE].present, 0);
	assert_true(record.phases[PHASE_REUSE].values[counter] == PROBE_UNKNOWN);
	/* held() counts its calls in pages: growth since the baseline's call */
	assert_int_equal(record.phases[PHASE_ALLOC].driver_bytes, 4096);
	assert_int_equal(record.settled_driver_bytes, 4 * 4096);
}

static void mock_gives_fixed_numbers(void **state)
{
	struct worker_options options = options_of("test/logging", "test-logging");
	uint64_t minor = (uint64_t)probe_field_index("minor_faults");
	uint64_t anon = (uint64_t)probe_field_index("anon_bytes");
	uint64_t peak = (uint64_t)probe_field_index("peak_rss_bytes");

	(void)state;
	options.mock = true;
	sample_run(&options, &record);
	assert_int_equal(record.phases[PHASE_ALLOC].cost, WORKER_MOCK_STEP_NS);
	assert_int_equal(record.phases[PHASE_TOUCH].cost, 2 * WORKER_MOCK_STEP_NS);
	assert_int_equal(record.phases[PHASE_FREE].cost, WORKER_MOCK_STEP_NS);
	/* Readings: 1 baseline; 2, 3, 4 alloc; 5, 6, 7 and 8, 9, 10 touch; 11 settled, with the
	 * peaks; 12, 13, 14 free; 15 the last gauges. */
	assert_int_equal(record.phases[PHASE_ALLOC].values[minor], minor + 1);
	assert_int_equal(record.phases[PHASE_TOUCH].values[minor], 2 * (minor + 1));
	assert_int_equal(record.phases[PHASE_TOUCH].values[anon], 9 * (anon + 1));
	assert_int_equal(record.settled[anon], 10 * (anon + 1));
	assert_int_equal(record.settled[peak], 11 * (peak + 1));
	assert_string_equal(record.probe_source[0], "mock");
}

static void failures_are_outcomes(void **state)
{
	static const struct {
		int error;
		enum record_outcome outcome;
	} table[] = {
		{-ENOMEM, RECORD_ENOMEM}, {-EOPNOTSUPP, RECORD_UNSUPPORTED}, {-EIO, RECORD_FAILED}};
	struct worker_options options = options_of("test/logging", "test-logging");

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		alloc_error = table[i].error;
		sample_run(&options, &record);
		assert_int_equal(record.outcome, table[i].outcome);
		assert_int_equal(record.error, -table[i].error);
		assert_string_equal(strstr(record.reason, ": ") + 2, strerror(-table[i].error));
	}
	alloc_error = 0;
	release_error = -EINVAL;
	sample_run(&options, &record);
	assert_int_equal(record.outcome, RECORD_FAILED);
}

static void settling_once_is_required(void **state)
{
	struct worker_options options = options_of("test/logging", "test-logging");

	(void)state;
	for (settle_calls = 0; settle_calls <= 2; settle_calls++) {
		sample_run(&options, &record);
		assert_int_equal(record.outcome, settle_calls == 1 ? RECORD_OK : RECORD_FAILED);
	}
}

static void a_fill_that_cannot_be_is_unsupported(void **state)
{
	struct worker_options options = options_of("glibc/calloc", "dense-up");

	(void)state;
	options.fill = 171;
	sample_run(&options, &record);
	assert_int_equal(record.outcome, RECORD_UNSUPPORTED);
	assert_string_equal(record.reason, "glibc/calloc gives zeros only");
}

static void each_workload(void (*test)(const struct worker_options *options))
{
	for (const struct workload *w = workload_first(); w; w = w->next) {
		struct worker_options options = options_of("test/logging", w->name);

		if (w != &logging_workload)
			test(&options);
	}
}

/* Sizes with a last page of one byte, of all its bytes; all seeds give a permutation (verify sees a
 * page that is touched twice). */
static void pass_at_any_size(const struct worker_options *base)
{
	static const size_t sizes[] = {1,	   4095,	4096,	 4097,
				       100 * 4096, 1000 * 4096, 1 << 20, (3 << 20) + 1};

	for (unsigned i = 0; i < 2 * 2 * sizeof(sizes) / sizeof(*sizes); i++) {
		struct worker_options options = *base;
		uint64_t pages;

		options.size_bytes = sizes[i / 4];
		options.verify = i & 1;
		options.fill = i & 2 ? 171 : 0;
		options.seed = i;
		sample_run(&options, &record);
		if (options.size_bytes < options.workload->min_bytes) {
			assert_int_equal(record.outcome, RECORD_UNSUPPORTED);
			continue;
		}
		pages = options.workload->pages(options.size_bytes, 4096, options.params);
		assert_int_equal(record.outcome, RECORD_OK);
		assert_int_equal(record.wrong_bytes, 0);
		assert_true(record.checksum == record.expected);
		assert_int_equal(record.verified, 1);
		if (!strcmp(options.workload->unit, "page") && !options.workload->computes)
			assert_int_equal(record.touched_pages, pages);
		assert_true(record.touched_pages <= pages);
	}
}

static void workloads_pass_at_any_size(void **state)
{
	(void)state;
	each_workload(pass_at_any_size);
}

/* Offsets that no workload writes: anywhere but the first byte of a page. */
static void see_one_wrong_byte(const struct worker_options *base)
{
	static const size_t offsets[] = {1, 2, 4095, 4097, 33 * 4096 + 17, 64 * 4096 - 1};

	for (unsigned i = 0; i < 2 * sizeof(offsets) / sizeof(*offsets); i++) {
		struct worker_options options = *base;

		options.verify = true;
		options.fill = i & 1 ? 171 : 0;
		wrong_offset = offsets[i / 2];
		/* A computation writes where it wants; the last byte of the block none does. */
		if (options.workload->computes && i < 10)
			continue;
		sample_run(&options, &record);
		assert_int_equal(record.outcome, RECORD_OK);
		assert_int_equal(record.verified, 0);
		if (options.workload->several_blocks) /* it is in each of them */
			assert_true(record.wrong_bytes > 1);
		else
			assert_int_equal(record.wrong_bytes, 1);
		assert_int_equal(record.first_wrong, wrong_offset);
	}
}

static void verify_sees_one_wrong_byte(void **state)
{
	(void)state;
	each_workload(see_one_wrong_byte);
}

/* Of all single wrong last bytes of pages, the checksum must see as many as pages are touched. */
static void see_wrong_touched_pages(const struct worker_options *base)
{
	struct worker_options options = *base;
	uint64_t seen = 0;

	if (options.workload->computes) /* not every byte has a part in a result */
		return;
	for (size_t page = 0; page < 64; page++) {
		wrong_offset = page * 4096 + 4095;
		sample_run(&options, &record);
		assert_int_equal(record.outcome, RECORD_OK);
		assert_int_equal(record.verified, record.checksum == record.expected);
		seen += !record.verified;
	}
	assert_int_equal(seen, record.touched_pages);
}

static void checksum_sees_wrong_touched_pages(void **state)
{
	(void)state;
	each_workload(see_wrong_touched_pages);
}

static void max_touched_bytes_bounds(void **state)
{
	static const char *const names[] = {"sparse-1pct", "read-sparse", "stride-4", "stride-16",
					    "stride-64"};

	(void)state;
	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct worker_options options = options_of("test/logging", names[i]);

		options.size_bytes = 10000 * 4096;
		options.params[0] = 7 * 4096 + 5;
		options.verify = true;
		sample_run(&options, &record);
		assert_int_equal(record.touched_pages, 7);
		assert_int_equal(record.verified, 1);
	}
}

/* Chunks are bounded as a whole. */
static void max_touched_bytes_bounds_chunks(void **state)
{
	struct worker_options options = options_of("test/logging", "chunks-1m");

	(void)state;
	options.size_bytes = 64 << 20;
	options.verify = true;
	sample_run(&options, &record);
	assert_int_equal(record.touched_pages, 16 * 256);
	options.params[0] = (5 << 20) + 12345;
	sample_run(&options, &record);
	assert_int_equal(record.touched_pages, 5 * 256);
	assert_int_equal(record.verified, 1);
}

/* Memory that did not hold the fill comes out as a wrong result. */
static void result_depends_on_the_fill_being_there(void **state)
{
	unsigned workloads = 0;

	(void)state;
	wrong_step = 24; /* of eight bytes: every other word, and not always the same of two */
	for (const struct workload *w = workload_first(); w; w = w->next) {
		struct worker_options options = options_of("test/logging", w->name);

		if (!w->computes)
			continue;
		workloads++;
		sample_run(&options, &record);
		assert_int_equal(record.outcome, RECORD_OK);
		if (record.verified)
			fail_msg("%s does not see it", w->name);
	}
	assert_int_equal(workloads, 5);
}

static void result_is_the_same_for_every_fill_and_seed_counts(void **state)
{
	(void)state;
	for (const struct workload *w = workload_first(); w; w = w->next) {
		struct worker_options options = options_of("test/logging", w->name);
		uint64_t result;

		if (!w->computes)
			continue;
		sample_run(&options, &record);
		result = record.checksum;
		options.fill = 171;
		sample_run(&options, &record);
		assert_true(record.checksum == result);
		assert_int_equal(record.verified, 1);
		options.seed++;
		sample_run(&options, &record);
		if (strcmp(w->name, "bitmap")) /* counts its bits, wherever they are */
			assert_true(record.checksum != result);
	}
}

static void threads_share_the_pages(void **state)
{
	struct worker_options options = options_of("test/logging", "threads");

	(void)state;
	for (options.threads = 1; options.threads <= 7; options.threads++)
		for (options.size_bytes = 1; options.size_bytes < 40000;
		     options.size_bytes += 4095) {
			options.verify = true;
			sample_run(&options, &record);
			assert_int_equal(record.outcome, RECORD_OK);
			assert_int_equal(record.verified, 1);
		}
}

/* The crew of threads is let go where its memory cannot be had. */
static void threads_end_without_memory(void **state)
{
	struct worker_options options = options_of("test/logging", "threads");

	(void)state;
	alloc_error = -ENOMEM;
	options.threads = 4;
	sample_run(&options, &record);
	assert_int_equal(record.outcome, RECORD_ENOMEM);
}

static void a_child_must_not_share_the_memory(void **state)
{
	struct worker_options options = options_of("test/logging", "fork");

	(void)state;
	sample_run(&options, &record);
	assert_int_equal(record.outcome, RECORD_OK);
	logging_subject.flags |= ALLOC_SHARED;
	sample_run(&options, &record);
	logging_subject.flags &= ~(unsigned)ALLOC_SHARED;
	assert_int_equal(record.outcome, RECORD_UNSUPPORTED);
	assert_string_equal(record.reason, "a forked child shares the memory of test/logging");
}

/* Were the flag missing, the workload would tell. */
static void a_child_that_shares_the_memory_is_noticed(void **state)
{
	struct worker_options options = options_of("test/logging", "fork");

	(void)state;
	map_kind = MAP_SHARED;
	for (int verify = 0; verify < 2; verify++) {
		options.verify = verify;
		sample_run(&options, &record);
		assert_int_equal(record.outcome, RECORD_OK);
		assert_int_equal(record.verified, 0);
	}
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup(function, restore)
	const struct CMUnitTest tests[] = {
		TEST(hooks_run_in_order),
		TEST(probes_have_run_before_the_baseline),
		TEST(verify_takes_the_place_of_check),
		TEST(counters_are_differences_and_unknown_stays_unknown),
		TEST(mock_gives_fixed_numbers),
		TEST(failures_are_outcomes),
		TEST(settling_once_is_required),
		TEST(a_fill_that_cannot_be_is_unsupported),
		TEST(workloads_pass_at_any_size),
		TEST(verify_sees_one_wrong_byte),
		TEST(checksum_sees_wrong_touched_pages),
		TEST(max_touched_bytes_bounds),
		TEST(max_touched_bytes_bounds_chunks),
		TEST(result_depends_on_the_fill_being_there),
		TEST(result_is_the_same_for_every_fill_and_seed_counts),
		TEST(threads_share_the_pages),
		TEST(threads_end_without_memory),
		TEST(a_child_must_not_share_the_memory),
		TEST(a_child_that_shares_the_memory_is_noticed),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
