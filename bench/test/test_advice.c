// SPDX-License-Identifier: MIT
/* "What to use when" over made-up runs in which the right advice is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "advice.h"
#include "synthetic.h"

#define BYTES	    ((double)SYN_PAGES * SYN_PAGE)
#define MAX_GROUPS  8
#define REPETITIONS 9

struct fixture {
	struct syn_run run;
	struct samples samples;
	struct results results;
	struct verdicts verdicts;
	struct advice advice;
};

static struct fixture f;

static int set_up(void **state)
{
	(void)state;
	memset(&f, 0, sizeof(f));
	syn_begin(&f.run);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	advice_free(&f.advice);
	verdicts_free(&f.verdicts);
	results_free(&f.results);
	samples_free(&f.samples);
	syn_remove(&f.run);
	return 0;
}

static void measured(const char *subject, const char *workload, double cost, double committed)
{
	const struct syn_cell cell = {.subject = subject,
				      .workload = workload,
				      .touch = cost,
				      .noise = 0.002,
				      .committed_bytes = committed * BYTES};

	syn_cell(&f.run, &cell, REPETITIONS);
}

static void evaluate(void)
{
	syn_end(&f.run);
	assert_int_equal(samples_read(&f.samples, f.run.dir), 0);
	assert_int_equal(results_build(&f.results, &f.samples, SYN_PAGE), 0);
	assert_int_equal(verdicts_build(&f.verdicts, &f.results), 0);
}

static size_t groups(const struct verdict *out[MAX_GROUPS])
{
	for (size_t i = 0; i < f.verdicts.n && i < MAX_GROUPS; i++)
		out[i] = &f.verdicts.groups[i];
	return f.verdicts.n;
}

static void both_where_something_is_fast_and_lean(void **state)
{
	(void)state;
	measured("best", "dense-up", 100000, 1);
	measured("nearly", "dense-up", 103000, 1.02);
	measured("slow", "dense-up", 120000, 1);
	measured("fat", "dense-up", 101000, 1.2);
	evaluate();
	assert_int_equal(advice_for(&f.advice, &f.verdicts.groups[0]), 0);
	assert_int_equal(f.advice.kind, ADVICE_BOTH);
	assert_int_equal(f.advice.n_use, 2);
	assert_string_equal(f.advice.use[0]->identity->subject, "best");
	assert_string_equal(f.advice.use[1]->identity->subject, "nearly");
}

static void trade_where_nothing_is_both(void **state)
{
	(void)state;
	measured("eager", "sparse-1pct", 100000, 100);
	measured("lazy", "sparse-1pct", 300000, 1);
	measured("lazy-and-slow", "sparse-1pct", 400000, 1);
	evaluate();
	assert_int_equal(advice_for(&f.advice, &f.verdicts.groups[0]), 0);
	assert_int_equal(f.advice.kind, ADVICE_TRADE);
	assert_string_equal(f.advice.fast->identity->subject, "eager");
	assert_string_equal(f.advice.lean->identity->subject, "lazy");
}

static void what_commits_where_the_leanest_commits_nothing_is_not_lean(void **state)
{
	(void)state;
	measured("zero-page", "read-dense", 300000, 0);
	measured("eager", "read-dense", 100000, 1);
	evaluate();
	assert_int_equal(advice_for(&f.advice, &f.verdicts.groups[0]), 0);
	assert_int_equal(f.advice.kind, ADVICE_TRADE);
	assert_true(isinf(advice_memory(f.advice.verdict, f.advice.fast)));
	assert_string_equal(f.advice.lean->identity->subject, "zero-page");
}

static void one_subject_alone_is_no_advice(void **state)
{
	(void)state;
	measured("only", "dense-up", 100000, 1);
	measured("null", "dense-up", 1000, 1); /* the baseline is never ranked */
	evaluate();
	assert_int_equal(advice_for(&f.advice, &f.verdicts.groups[0]), 0);
	assert_int_equal(f.advice.kind, ADVICE_NONE);
}

static void all_round_has_the_smallest_worst_regret(void **state)
{
	const struct verdict *verdicts[MAX_GROUPS];
	struct all_round best;
	size_t n;

	(void)state;
	measured("sprinter", "dense-up", 100000, 1);
	measured("sprinter", "sparse-1pct", 500000, 1);
	measured("steady", "dense-up", 150000, 1);
	measured("steady", "sparse-1pct", 130000, 1.3);
	measured("absent", "dense-up", 90000, 1); /* not in the other workload */
	measured("fat", "dense-up", 100000, 3);
	measured("fat", "sparse-1pct", 100000, 3);
	evaluate();
	n = groups(verdicts);
	best = advice_all_round(verdicts, n, true);
	assert_string_equal(best.subject, "steady");
	assert_false(best.in_memory);
	assert_string_equal(best.where->group->workload, "dense-up");
	assert_true(best.worst > 1.6 && best.worst < 1.75);
	best = advice_all_round(verdicts, n, false);
	assert_string_equal(best.subject, "fat");
}

static void never_first_choice_is_beaten_everywhere(void **state)
{
	const struct verdict *verdicts[MAX_GROUPS];
	size_t n;

	(void)state;
	measured("a", "dense-up", 100000, 1);
	measured("a", "sparse-1pct", 200000, 1);
	measured("b", "dense-up", 200000, 2);	 /* beaten by a */
	measured("b", "sparse-1pct", 100000, 2); /* faster than a */
	measured("c", "dense-up", 150000, 1);	 /* beaten by a */
	measured("c", "sparse-1pct", 250000, 2); /* beaten by b */
	measured("d", "dense-up", 102000, 1);	 /* beaten by a, but not by more than 5 % */
	evaluate();
	n = groups(verdicts);
	assert_int_equal(n, 2);
	assert_false(advice_never_first(verdicts, n, "a"));
	assert_false(advice_never_first(verdicts, n, "b"));
	assert_true(advice_never_first(verdicts, n, "c"));
	assert_false(advice_never_first(verdicts, n, "d"));
	assert_false(advice_never_first(verdicts, n, "unknown"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(both_where_something_is_fast_and_lean),
		TEST(trade_where_nothing_is_both),
		TEST(what_commits_where_the_leanest_commits_nothing_is_not_lean),
		TEST(one_subject_alone_is_no_advice),
		TEST(all_round_has_the_smallest_worst_regret),
		TEST(never_first_choice_is_beaten_everywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
