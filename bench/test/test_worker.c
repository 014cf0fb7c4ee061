// SPDX-License-Identifier: MIT
/* The worker itself: the order in which it calls what, its numbers under the mock clock and probe.
 */
#include "logging_worker.h"

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
	/* The baseline is the last thing before the run, the clock innermost at each edge; the hook
	 * that only few subjects have is never the last before a phase. */
	assert_memory_equal(run - strlen("held gauges "), "held gauges ", strlen("held gauges "));
	assert_string_equal(run, "run "
				 "counters clock alloc clock counters held gauges "
				 "counters clock touch clock counters held gauges "
				 "counters clock touch clock counters held gauges "
				 "held gauges peaks check "
				 "counters clock release clock counters held gauges "
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
	assert_non_null(strstr(call_log, "held gauges peaks verify "));
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(hooks_run_in_order),
		TEST(probes_have_run_before_the_baseline),
		TEST(verify_takes_the_place_of_check),
		TEST(counters_are_differences_and_unknown_stays_unknown),
		TEST(mock_gives_fixed_numbers),
		TEST(failures_are_outcomes),
		TEST(settling_once_is_required),
		TEST(a_fill_that_cannot_be_is_unsupported),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
