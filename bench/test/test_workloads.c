// SPDX-License-Identifier: MIT
/* Each workload in the worker: any size, and its checksum and verification see a single wrong byte.
 */
#include "logging_worker.h"

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
	const struct CMUnitTest tests[] = {
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
