// SPDX-License-Identifier: MIT
/* Two made-up runs whose agreements and disagreements are known; and limits on ratios. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "agreement.h"
#include "synthetic.h"

#define REPETITIONS 9

struct one {
	struct syn_run run;
	struct samples samples;
	struct results results;
	struct verdicts verdicts;
};

static struct one runs[2];
static struct agreement agreement;

static int set_up(void **state)
{
	(void)state;
	memset(runs, 0, sizeof(runs));
	memset(&agreement, 0, sizeof(agreement));
	for (int i = 0; i < 2; i++) {
		syn_begin(&runs[i].run);
		runs[i].run.rng.state = 100 + (uint64_t)i;
	}
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	agreement_free(&agreement);
	for (int i = 0; i < 2; i++) {
		verdicts_free(&runs[i].verdicts);
		results_free(&runs[i].results);
		samples_free(&runs[i].samples);
		syn_remove(&runs[i].run);
	}
	return 0;
}

/* What a subject costs in the first run and in the second; 0: it was not measured. */
static void measured(const char *subject, const char *workload, double first, double second)
{
	const double costs[2] = {first, second};

	for (int i = 0; i < 2; i++) {
		const struct syn_cell cell = {.subject = subject,
					      .workload = workload,
					      .touch = costs[i],
					      .noise = 0.01,
					      .committed_bytes = 4096};

		if (costs[i] > 0)
			syn_cell(&runs[i].run, &cell, REPETITIONS);
	}
}

static void evaluate(void)
{
	for (int i = 0; i < 2; i++) {
		syn_end(&runs[i].run);
		assert_int_equal(samples_read(&runs[i].samples, runs[i].run.dir), 0);
		assert_int_equal(results_build(&runs[i].results, &runs[i].samples, SYN_PAGE), 0);
		assert_int_equal(verdicts_build(&runs[i].verdicts, &runs[i].results), 0);
	}
	assert_int_equal(agreement_build(&agreement, &runs[0].verdicts, &runs[1].verdicts), 0);
}

static void pairs_of_equal_direction_agree(void **state)
{
	(void)state;
	measured("a", "dense-up", 100000, 140000); /* the machine was slower: all were */
	measured("b", "dense-up", 130000, 180000);
	measured("c", "dense-up", 101000, 141000); /* too close to a to count */
	measured("null", "dense-up", 10, 10);
	evaluate();
	assert_int_equal(agreement.groups, 1);
	assert_int_equal(agreement.compared, 3);
	assert_int_equal(agreement.counted, 2);
	assert_int_equal(agreement.n, 0);
	assert_true(agreement_holds(&agreement));
}

static void opposite_directions_are_told(void **state)
{
	(void)state;
	measured("a", "dense-up", 100000, 130000);
	measured("b", "dense-up", 130000, 100000);
	evaluate();
	assert_int_equal(agreement.counted, 1);
	assert_int_equal(agreement.n, 1);
	assert_string_equal(agreement.pairs[0].first->identity->subject, "a");
	assert_string_equal(agreement.pairs[0].second->identity->subject, "b");
	assert_true(agreement.pairs[0].ratio[0].hi < 0.95);
	assert_true(agreement.pairs[0].ratio[1].lo > 1.05);
	assert_false(agreement_holds(&agreement));
}

static void a_difference_in_one_run_only_does_not_count(void **state)
{
	(void)state;
	measured("a", "dense-up", 100000, 100000);
	measured("b", "dense-up", 130000, 101000);
	measured("c", "sparse-1pct", 100000, 0); /* not in the second run */
	evaluate();
	assert_int_equal(agreement.groups, 1);
	assert_int_equal(agreement.compared, 1);
	assert_int_equal(agreement.counted, 0);
	assert_false(agreement_holds(&agreement)); /* nothing was shown */
}

static void one_in_a_hundred_may_disagree(void **state)
{
	(void)state;
	assert_true(agreement_holds(&(struct agreement){.counted = 100, .n = 1}));
	assert_false(agreement_holds(&(struct agreement){.counted = 99, .n = 1}));
}

static void a_limit_is_kept_by_the_median_or_by_a_narrow_interval(void **state)
{
	(void)state;
	assert_true(stats_at_most(&(struct estimate){1.50, 1.2, 1.9, 9}, 1.5));
	assert_true(stats_at_most(&(struct estimate){1.52, 1.49, 1.55, 9}, 1.5));
	assert_false(stats_at_most(&(struct estimate){1.52, 1.45, 1.60, 9}, 1.5)); /* wide */
	assert_false(stats_at_most(&(struct estimate){1.55, 1.52, 1.58, 9}, 1.5));
	assert_false(stats_at_most(&stats_unknown, 1.5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(pairs_of_equal_direction_agree),
		TEST(opposite_directions_are_told),
		TEST(a_difference_in_one_run_only_does_not_count),
		cmocka_unit_test(one_in_a_hundred_may_disagree),
		cmocka_unit_test(a_limit_is_kept_by_the_median_or_by_a_narrow_interval),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
