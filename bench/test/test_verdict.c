// SPDX-License-Identifier: MIT
/* Verdicts, ratios, crossings and checks over runs whose truth is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <sys/stat.h>

#include "crosscheck.h"
#include "crossover.h"
#include "synthetic.h"
#include "verdict.h"

#define BYTES ((double)SYN_PAGES * SYN_PAGE)

struct fixture {
	struct syn_run run;
	struct samples samples;
	struct results results;
	struct verdicts verdicts;
	struct crossings crossings;
};

static struct fixture f;

static int set_up(void **state)
{
	(void)state;
	memset(&f, 0, sizeof(f));
	syn_begin(&f.run);
	return 0;
}

static void evaluate(void)
{
	syn_end(&f.run);
	assert_int_equal(samples_read(&f.samples, f.run.dir), 0);
	assert_int_equal(results_build(&f.results, &f.samples, SYN_PAGE), 0);
	assert_int_equal(verdicts_build(&f.verdicts, &f.results), 0);
	assert_int_equal(crossings_build(&f.crossings, &f.results), 0);
}

static int tear_down(void **state)
{
	(void)state;
	crossings_free(&f.crossings);
	verdicts_free(&f.verdicts);
	results_free(&f.results);
	samples_free(&f.samples);
	syn_remove(&f.run);
	return 0;
}

static struct result *cell_of(const char *subject)
{
	for (size_t i = 0; i < f.results.n; i++)
		if (!strcmp(f.results.cells[i].identity->subject, subject))
			return &f.results.cells[i];
	fail_msg("no cell of %s", subject);
	return NULL;
}

static bool near(double value, double truth, double share)
{
	return fabs(value - truth) <= share * fabs(truth);
}

static void known_medians_and_regrets(void **state)
{
	const struct syn_cell quick = {.subject = "mmap/thp",
				       .alloc = 1000,
				       .touch = 90000,
				       .free = 9000,
				       .noise = 0.01,
				       .committed_bytes = 2 * BYTES};
	const struct syn_cell slow = {.subject = "mmap",
				      .alloc = 1000,
				      .touch = 145000,
				      .free = 4000,
				      .noise = 0.01,
				      .committed_bytes = BYTES};
	const struct syn_cell null = {.subject = "null", .touch = 10};

	(void)state;
	syn_cell(&f.run, &quick, 9);
	syn_cell(&f.run, &slow, 9);
	syn_cell(&f.run, &null, 9);
	evaluate();
	assert_int_equal(f.verdicts.n, 1);
	const struct verdict *v = &f.verdicts.groups[0];

	assert_string_equal(v->fastest->identity->subject, "mmap/thp");
	assert_string_equal(v->leanest->identity->subject, "mmap");
	assert_true(v->repetitions == 9 && !v->too_few);
	/* 100 ns a page times the blocks' median factor, 1.10. */
	assert_true(near(cell_of("mmap/thp")->of[CELL_TOTAL_COST_PER_PAGE].value, 110, 0.03));
	/* The blocks differ by 40 %, the ratio inside a block does not. */
	const struct result *r = cell_of("mmap");

	assert_true(near(r->regret_time.value, 1.5, 0.01));
	assert_true(r->regret_time.lo > 1.47 && r->regret_time.hi < 1.53 && !r->tied_time);
	assert_true(r->regret_memory == 1 && r->tied_memory);
	assert_true(cell_of("mmap/thp")->regret_memory == 2);
	assert_true(cell_of("mmap/thp")->regret_time.value == 1);
	/* null is cheapest and commits nothing, and is not ranked. */
	assert_true(isnan(cell_of("null")->regret_time.value));
	assert_true(isnan(cell_of("null")->regret_memory));
}

static void equals_are_tied(void **state)
{
	const struct syn_cell a = {
		.subject = "a", .touch = 1000, .noise = 0.1, .committed_bytes = BYTES};
	struct syn_cell b = a;

	(void)state;
	b.subject = "b";
	b.committed_bytes = BYTES * 1.001;
	syn_cell(&f.run, &a, 9);
	syn_cell(&f.run, &b, 9);
	evaluate();
	assert_true(cell_of("a")->tied_time && cell_of("b")->tied_time);
	assert_true(cell_of("a")->tied_memory && cell_of("b")->tied_memory);
	assert_int_equal(f.verdicts.groups[0].tied_fastest, 1);
	assert_int_equal(f.verdicts.groups[0].tied_leanest, 1);
}

static void icount_has_a_tolerance_and_no_interval(void **state)
{
	struct syn_cell a = {.subject = "a",
			     .touch = 100000,
			     .target = "vm",
			     .clock = "icount",
			     .unit = "instructions",
			     .committed_bytes = BYTES};

	(void)state;
	for (int i = 0; i < 3; i++) {
		a.subject = (const char *[]){"a", "b", "c"}[i];
		a.touch = (const double[]){100000, 100400, 100600}[i];
		syn_sample(&f.run, &a, 0, 1);
		syn_sample(&f.run, &a, 1, 1);
	}
	evaluate();
	assert_string_equal(f.verdicts.groups[0].fastest->identity->subject, "a");
	assert_true(cell_of("b")->tied_time && !cell_of("c")->tied_time);
	assert_false(f.verdicts.groups[0].too_few); /* two exact runs are enough */
	assert_true(cell_of("c")->regret_time.value == 1.006);
}

/* One repetition says dearer, the other cheaper: no difference is claimed. */
static void icount_repetitions_that_contradict_each_other_tie(void **state)
{
	struct syn_cell cell = {.target = "vm", .clock = "icount", .unit = "instructions"};
	static const double costs[2][3] = {{100000, 99000, 103000}, {101000, 105000, 104000}};

	(void)state;
	for (int block = 0; block < 2; block++)
		for (int i = 0; i < 3; i++) {
			cell.subject = (const char *[]){"a", "b", "c"}[i];
			cell.touch = costs[block][i];
			syn_sample(&f.run, &cell, block, 1);
		}
	evaluate();
	assert_string_equal(f.verdicts.groups[0].fastest->identity->subject, "a");
	assert_true(cell_of("b")->regret_time.value > 1.01);
	assert_true(cell_of("b")->tied_time && !cell_of("c")->tied_time);
}

static void what_may_not_win(void **state)
{
	struct syn_cell good = {.subject = "good", .touch = 1000, .committed_bytes = BYTES};
	struct syn_cell other = {.touch = 10, .committed_bytes = 0};
	const char *why;

	(void)state;
	syn_cell(&f.run, &good, 9);
	other.subject = "unverified-bytes";
	for (int block = 0; block < 9; block++)
		syn_sample(&f.run, &other, block, 1);
	other.purpose = "verify";
	other.wrong = true;
	syn_sample(&f.run, &other, 0, 1);
	other = (struct syn_cell){.subject = "wrong-checksum", .touch = 10, .wrong = true};
	syn_sample(&f.run, &other, 0, 1);
	other = (struct syn_cell){
		.subject = "unsupported", .outcome = "unsupported", .reason = "needs Linux 7"};
	syn_sample(&f.run, &other, 0, 1);
	evaluate();
	assert_string_equal(f.verdicts.groups[0].fastest->identity->subject, "good");
	assert_string_equal(f.verdicts.groups[0].leanest->identity->subject, "good");
	assert_false(result_ranked(cell_of("unverified-bytes"), &why));
	assert_non_null(strstr(why, "verify failed"));
	assert_string_equal(cell_of("wrong-checksum")->outcome, "failed");
	assert_string_equal(cell_of("unsupported")->outcome, "unsupported");
	assert_string_equal(cell_of("unsupported")->reason, "needs Linux 7");
	struct verified verified = verified_count(&f.results);

	assert_true(verified.ok == 2 && verified.passed == 1 && verified.failed == 1);
}

static void outcomes_in_part_are_counted(void **state)
{
	struct syn_cell cell = {.subject = "a", .touch = 1000};

	(void)state;
	for (int block = 0; block < 7; block++)
		syn_sample(&f.run, &cell, block, 1);
	cell.outcome = "killed";
	cell.reason = "signal 9";
	syn_sample(&f.run, &cell, 7, 1);
	syn_sample(&f.run, &cell, 8, 1);
	evaluate();
	assert_int_equal(cell_of("a")->n, 7);
	assert_string_equal(cell_of("a")->outcome, "ok");
	assert_string_equal(cell_of("a")->reason, "2 of 9 samples killed: signal 9");
	assert_true(f.verdicts.groups[0].too_few);
}

/* A block that one side lacks is left out on both sides. */
static void ratios_use_common_blocks(void **state)
{
	const struct syn_cell a = {.subject = "a", .touch = 1000};
	const struct syn_cell b = {.subject = "b", .touch = 2000};
	struct estimate ratio;
	const char *why;

	(void)state;
	for (int block = 0; block < 10; block++) {
		double factor = block < 5 ? 1 : 100;

		if (block != 2)
			syn_sample(&f.run, &a, block, factor);
		if (block != 7)
			syn_sample(&f.run, &b, block, factor);
	}
	evaluate();
	assert_int_equal(result_ratio(cell_of("b"), cell_of("a"), CELL_TOTAL_COST, &ratio, &why),
			 0);
	assert_true(ratio.n == 8 && ratio.lo == 2 && ratio.value == 2 && ratio.hi == 2);
}

static void nothing_mixed_is_divided(void **state)
{
	const struct syn_cell host = {.subject = "host", .touch = 1000};
	const struct syn_cell vm = {.subject = "vm", .touch = 1000, .target = "vm"};
	const struct syn_cell counted = {
		.subject = "counted", .touch = 1000, .unit = "instructions"};
	const struct syn_cell missing = {.subject = "missing", .outcome = "failed"};
	struct estimate ratio;
	const char *why;

	(void)state;
	syn_cell(&f.run, &host, 9);
	syn_cell(&f.run, &vm, 9);
	syn_cell(&f.run, &counted, 9);
	syn_cell(&f.run, &missing, 9);
	evaluate();
	assert_int_equal(
		result_ratio(cell_of("vm"), cell_of("host"), CELL_TOTAL_COST, &ratio, &why),
		-EINVAL);
	assert_true(isnan(ratio.value));
	assert_non_null(strstr(why, "host and vm"));
	assert_int_equal(
		result_ratio(cell_of("counted"), cell_of("host"), CELL_TOTAL_COST, &ratio, &why),
		-EINVAL);
	assert_non_null(strstr(why, "units"));
	assert_int_equal(
		result_ratio(cell_of("missing"), cell_of("host"), CELL_TOTAL_COST, &ratio, &why),
		-EINVAL);
	/* The vm is a group of its own. */
	assert_int_equal(f.verdicts.n, 2);
}

static void nothing_committed_is_no_denominator(void **state)
{
	const struct syn_cell lazy = {.subject = "lazy", .touch = 1000, .committed_bytes = 4096};
	const struct syn_cell eager = {.subject = "eager", .touch = 1000, .committed_bytes = BYTES};

	(void)state;
	syn_cell(&f.run, &lazy, 9);
	syn_cell(&f.run, &eager, 9);
	evaluate();
	assert_true(cell_of("lazy")->regret_memory == 1);
	assert_true(isnan(cell_of("eager")->regret_memory));
	assert_false(cell_of("eager")->tied_memory);
}

static void crossing_is_found(void **state)
{
	char text[320];

	(void)state;
	syn_fractions(&f.run, 40, 9);
	evaluate();
	assert_int_equal(f.crossings.n, 1); /* null is neither lazy nor eager */
	const struct crossing *c = &f.crossings.pairs[0];

	assert_int_equal(c->kind, CROSSING_AT);
	assert_string_equal(c->lazy->subject, "mmap");
	assert_string_equal(c->eager->subject, "glibc/malloc+memset");
	assert_true(near(c->touched_pct.value, 40, 0.03));
	assert_true(c->touched_pct.lo <= 40 && c->touched_pct.hi >= 40);
	assert_true(c->touched_pct.hi - c->touched_pct.lo < 5);
	assert_false(c->repeated);
	crossing_text(c, text, sizeof(text));
	assert_non_null(strstr(text, "% touched (95 % interval "));
	assert_non_null(strstr(text, "glibc/malloc+memset is cheaper than mmap here"));
}

static void lazy_wins_everywhere(void **state)
{
	char text[320];

	(void)state;
	syn_fractions(&f.run, 0, 9);
	evaluate();
	assert_int_equal(f.crossings.n, 1);
	assert_int_equal(f.crossings.pairs[0].kind, CROSSING_LAZY_WINS);
	assert_string_equal(crossing_text(&f.crossings.pairs[0], text, sizeof(text)),
			    "mmap is cheaper than glibc/malloc+memset at every fraction measured "
			    "(1 to 100 %)");
}

static void eager_wins_everywhere(void **state)
{
	(void)state;
	syn_fractions(&f.run, 0.5, 9);
	evaluate();
	assert_int_equal(f.crossings.n, 1);
	assert_int_equal(f.crossings.pairs[0].kind, CROSSING_EAGER_WINS);
}

static void sampler_overhead_is_paired(void **state)
{
	struct syn_cell cell = {.purpose = "overhead", .touch = 1000, .committed_bytes = BYTES};
	struct overhead overhead;
	char text[200];

	(void)state;
	for (int block = 0; block < 25; block++) {
		double factor = syn_block_factor(block);

		cell.sampler = "on";
		syn_sample(&f.run, &cell, block, 1.01 * factor);
		cell.sampler = "off";
		syn_sample(&f.run, &cell, block, factor);
	}
	cell.sampler = "on";
	syn_sample(&f.run, &cell, 25, 9); /* its partner was never taken */
	evaluate();
	assert_int_equal(overhead_measure(&overhead, &f.samples), 0);
	assert_true(overhead.slowdown.n == 25 && overhead.unpaired == 1);
	assert_true(near(overhead.slowdown.value, 1.01, 1e-6));
	assert_true(overhead_within(&overhead));
	assert_string_equal(overhead_text(&overhead, text, sizeof(text)),
			    "median slow-down 1.010 (95 % interval 1.010 to 1.010) over 25 "
			    "interleaved pairs");
	overhead.slowdown = (struct estimate){1.05, 1.03, 1.07, 25};
	assert_false(overhead_within(&overhead));
	overhead.slowdown.lo = 1.01;
	assert_true(overhead_within(&overhead));
	assert_int_equal(f.results.n, 0); /* and none of it is a measured cell */
}

static void exact_timelines_are_summed_up(void **state)
{
	char path[128], text[200];
	struct timelines timelines;

	(void)state;
	evaluate();
	timelines = timelines_read(f.run.dir);
	assert_int_equal(timelines.recorded, 0);
	assert_string_equal(timelines_text(&timelines, text, sizeof(text)), "");
	snprintf(path, sizeof(path), "%s/timeline", f.run.dir);
	assert_int_equal(mkdir(path, 0700), 0);
	strcat(path, "/index.csv");
	FILE *out = fopen(path, "we");

	fputs("subject,mode,outcome,reason,csv,rows,missed_ticks,lost_records,final_bytes,"
	      "smaps_bytes\n"
	      "mmap,sampled,ok,\"\",mmap.csv,9,0,,,\n"
	      "mmap,exact,ok,\"\",mmap-exact.csv,9,0,0,4096,4096\n"
	      "\"a,\"\"b\"\"\",exact,ok,\"\",a.csv,9,0,3,4096,8192\n"
	      "c,exact,unsupported,\"refused\",,,,,,\n"
	      "d,sampled,failed,\"killed\",,,,,,\n",
	      out);
	fclose(out);
	timelines = timelines_read(f.run.dir);
	assert_true(timelines.recorded == 3 && timelines.failed == 1 && timelines.exact == 2);
	assert_true(timelines.lost_records == 3 && timelines.equal == 1);
	assert_string_equal(timelines_text(&timelines, text, sizeof(text)),
			    "2 exact timelines: 3 records lost, the last total equals smaps in 1");
}

static void perf_stat_is_compared(void **state)
{
	struct syn_cell cell = {.touch = 1000, .faults_touch = 65536};
	struct stat_rows rows;

	(void)state;
	syn_cell(&f.run, &cell, 9);
	cell.kind = "stat";
	cell.perf_faults = 65536 + 900; /* 1 % + 300 allow 955 */
	syn_sample(&f.run, &cell, 0, 1);
	cell.perf_faults = 65536 + 1000;
	syn_sample(&f.run, &cell, 1, 1);
	evaluate();
	assert_int_equal(stat_rows_build(&rows, &f.samples, &f.results), 0);
	assert_true(rows.n == 2 && rows.n_within == 1);
	assert_true(rows.rows[0].cell_faults == 65536);
	assert_true(rows.rows[0].within && !rows.rows[1].within);
	stat_rows_free(&rows);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(known_medians_and_regrets),
		TEST(equals_are_tied),
		TEST(icount_has_a_tolerance_and_no_interval),
		TEST(icount_repetitions_that_contradict_each_other_tie),
		TEST(what_may_not_win),
		TEST(outcomes_in_part_are_counted),
		TEST(ratios_use_common_blocks),
		TEST(nothing_mixed_is_divided),
		TEST(nothing_committed_is_no_denominator),
		TEST(crossing_is_found),
		TEST(lazy_wins_everywhere),
		TEST(eager_wins_everywhere),
		TEST(sampler_overhead_is_paired),
		TEST(exact_timelines_are_summed_up),
		TEST(perf_stat_is_compared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
