// SPDX-License-Identifier: MIT
/* Times of single operations: buckets, ranks in the worker, the distribution over samples. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "csv.h"
#include "distribution.h"
#include "latency.h"
#include "synthetic.h"
#include "verdict.h"
#include "worker.h"

#define OPERATIONS 2000

/* ---- buckets ---- */

static void buckets_are_contiguous_and_narrow(void **state)
{
	(void)state;
	for (unsigned b = 0; b < LATENCY_BUCKETS; b++) {
		uint64_t low = latency_bucket_low(b), next = latency_bucket_low(b + 1);

		assert_true(next > low);
		assert_int_equal(latency_bucket(low), b);
		assert_int_equal(latency_bucket(next - 1), b);
		assert_true(low < 8 || (next - low) * 8 <= low);
	}
	assert_int_equal(latency_bucket_low(LATENCY_BUCKETS), (uint64_t)1 << 32);
	assert_int_equal(latency_bucket(UINT64_MAX), LATENCY_BUCKETS - 1);
}

/* ---- the worker: a workload that lets time pass as it likes ---- */

static unsigned slow_laps; /* the i-th of so many laps takes i steps of the clock, others one */
static uint64_t room = OPERATIONS;

static uint64_t no_pages(size_t size_bytes, size_t page_bytes, const int64_t *params)
{
	(void)params;
	return size_bytes / page_bytes;
}

static int setup(struct wl *w)
{
	return wl_laps_reserve(w, room);
}

/* The mock clock advances by one step at each reading. */
static int run(struct wl *w)
{
	wl_phase_begin(w, PHASE_ALLOC);
	for (unsigned i = 1; i <= OPERATIONS; i++) {
		wl_laps_begin(w);
		for (unsigned step = 1; step < i && i <= slow_laps; step++)
			wl_phase_begin(w, PHASE_ALLOC); /* one reading */
		wl_lap(w);
	}
	wl_phase_end(w);
	return wl_settle(w);
}

static int nothing(struct wl *w)
{
	(void)w;
	return 0;
}

static struct workload test_laps = {
	.name = "test-laps",
	.summary = "laps of known lengths",
	.unit = "lap",
	.pages = no_pages,
	.setup = setup,
	.run = run,
	.check = nothing,
	.verify = nothing,
};

REGISTER_WORKLOAD(test_laps)

static struct record record;

static void take(void)
{
	struct worker_options options = {
		.allocator = allocator_find("null"),
		.workload = &test_laps,
		.size_bytes = 4096,
		.threads = 1,
		.seed = 1,
		.mock = true,
		.marks_fd = -1,
	};

	sample_run(&options, &record);
	assert_int_equal(record.outcome, RECORD_OK);
}

static void each_lap_is_kept(void **state)
{
	uint64_t sum = 0;

	(void)state;
	slow_laps = 0;
	take();
	assert_int_equal(record.latency.count, OPERATIONS);
	assert_int_equal(record.latency.p50, WORKER_MOCK_STEP_NS);
	assert_int_equal(record.latency.max, WORKER_MOCK_STEP_NS);
	assert_int_equal(record.latency.clock_cost, WORKER_MOCK_STEP_NS);
	for (unsigned b = 0; b < LATENCY_BUCKETS; b++)
		sum += record.latency.buckets[b];
	assert_int_equal(sum, OPERATIONS);
	assert_int_equal(record.latency.buckets[latency_bucket(WORKER_MOCK_STEP_NS)], OPERATIONS);
}

static void slow_laps_are_the_tail(void **state)
{
	(void)state;
	slow_laps = 30;
	take();
	assert_int_equal(record.latency.p50, WORKER_MOCK_STEP_NS);
	assert_int_equal(record.latency.p99, 10 * WORKER_MOCK_STEP_NS);	 /* the 21st slowest */
	assert_int_equal(record.latency.p999, 28 * WORKER_MOCK_STEP_NS); /* the 3rd */
	assert_int_equal(record.latency.max, 30 * WORKER_MOCK_STEP_NS);
}

static void what_has_no_room_is_left_out(void **state)
{
	(void)state;
	slow_laps = 0;
	room = 10;
	take();
	room = OPERATIONS;
	assert_int_equal(record.latency.count, 10);
}

/* ---- the distribution over samples ---- */

static void distribution_adds_up_samples(void **state)
{
	const struct syn_cell cell = {
		.workload = "touch-latency",
		.touch = 1000,
		.latency = "{\"count\":100,\"p50\":8,\"p99\":64,\"p999\":1024,\"max\":1024,"
			   "\"clock_cost\":5,\"histogram\":[[8,97],[64,2],[1024,1]]}"};
	static const char *const expected[] = {"8 1", "64 0.03", "1024 0.01"};
	struct syn_run run;
	struct samples samples;
	struct results results;
	struct verdicts verdicts;
	char *line = NULL, *text = NULL;
	size_t capacity = 0, bytes = 0, rows = 0;
	FILE *file;

	(void)state;
	syn_begin(&run);
	syn_cell(&run, &cell, 3); /* and a verify, which does not count */
	syn_end(&run);
	assert_int_equal(samples_read(&samples, run.dir), 0);
	assert_int_equal(results_build(&results, &samples, SYN_PAGE), 0);
	assert_int_equal(verdicts_build(&verdicts, &results), 0);
	assert_true(results.cells[0].of[CELL_LATENCY_P99].value == 64);
	file = open_memstream(&text, &bytes);
	distribution_write_csv(&results, &samples, file);
	fclose(file);
	file = fmemopen(text, bytes, "r");
	while (getline(&line, &capacity, file) > 0) {
		char *at = line, row[64], *fields[13];

		for (int i = 0; i < 13; i++)
			fields[i] = csv_field(&at);
		snprintf(row, sizeof(row), "%s %s", fields[11], fields[12]);
		if (rows) {
			assert_string_equal(fields[9], "3");
			assert_string_equal(fields[10], "300");
			assert_string_equal(row, expected[rows - 1]);
		}
		rows++;
	}
	assert_int_equal(rows, 4);
	fclose(file);
	free(line);
	free(text);
	verdicts_free(&verdicts);
	results_free(&results);
	samples_free(&samples);
	syn_remove(&run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buckets_are_contiguous_and_narrow),
		cmocka_unit_test(each_lap_is_kept),
		cmocka_unit_test(slow_laps_are_the_tail),
		cmocka_unit_test(what_has_no_room_is_left_out),
		cmocka_unit_test(distribution_adds_up_samples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
