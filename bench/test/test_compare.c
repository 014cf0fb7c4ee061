// SPDX-License-Identifier: MIT
/* Made-up runs whose differences are known: what compare finds, and what it refuses to judge. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "compare.h"
#include "controls.h"
#include "synthetic.h"

#define NOISE 0.02

static struct syn_run runs[2];
static struct source sources[2];
static struct comparison comparison;
static struct compare_options options;
static double speed[2]; /* of the whole machine during each run */

static int set_up(void **state)
{
	(void)state;
	memset(sources, 0, sizeof(sources));
	memset(&comparison, 0, sizeof(comparison));
	options = (struct compare_options){.floor = NAN, .limit = NAN};
	for (int i = 0; i < 2; i++) {
		syn_begin(&runs[i]);
		runs[i].rng.state = 31 + (uint64_t)i;
		speed[i] = i ? 1.4 : 1; /* raw times say that everything got slower */
	}
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	comparison_free(&comparison);
	for (int i = 0; i < 2; i++) {
		source_free(&sources[i]);
		syn_remove(&runs[i]);
	}
	return 0;
}

/* n blocks of a cell in run i, at the machine's speed then. */
static void cell(int i, struct syn_cell c, double touch, int n)
{
	c.touch = touch * speed[i];
	c.noise = c.noise > 0 ? c.noise : NOISE;
	c.committed_bytes = c.committed_bytes > 0 ? c.committed_bytes : 4096000;
	syn_cell(&runs[i], &c, n);
}

static void named(int i, const char *subject, double touch)
{
	cell(i, (struct syn_cell){.subject = subject}, touch, 9);
}

static void twin(int i, const char *subject, double touch, double noise, int n)
{
	cell(i, (struct syn_cell){.subject = subject, .purpose = "aa", .noise = noise}, touch, n);
}

static void read_runs(int n)
{
	const struct source_filter filter = {.fill = NAN, .metric = CELL_METRICS};
	char why[512];

	for (int i = 0; i < n; i++) {
		syn_end(&runs[i]);
		assert_int_equal(source_read(&sources[i], runs[i].dir, &filter, why, sizeof(why)),
				 0);
	}
}

static void evaluate(void)
{
	read_runs(2);
	assert_int_equal(compare_runs(&comparison, &sources[0], &sources[1], &options), 0);
}

static const struct compare_row *row_of(const char *subject, const char *metric)
{
	for (size_t i = 0; i < comparison.n; i++)
		if (!strcmp(comparison.rows[i].base->subject, subject) &&
		    !strcmp(comparison.rows[i].base->metric, metric))
			return &comparison.rows[i];
	fail_msg("no row of %s, %s", subject, metric);
	return NULL;
}

#define TIME "total_cost_per_page"

static bool undecided(const char *part)
{
	char why[256];
	const char *said = comparison_undecided(&comparison, why, sizeof(why));

	return said && strstr(said, part);
}

/* Three subjects and A/A twins of mmap in both runs; b costs b[i] in run i. */
static void three_subjects(double b_base, double b_new)
{
	const double b[2] = {b_base, b_new};

	for (int i = 0; i < 2; i++) {
		named(i, "mmap", 1000000);
		twin(i, "mmap", 1000000, NOISE, 9);
		named(i, "a", 500000);
		named(i, "b", b[i]);
	}
}

static void a_slower_machine_is_no_change(void **state)
{
	(void)state;
	three_subjects(2000000, 2000000);
	evaluate();
	/* Times of a and b over mmap's, and the memory of all three. */
	assert_int_equal(comparison.n, 5);
	assert_int_equal(comparison.tested, 2);
	assert_int_equal(comparison.count[FINDING_NONE], 5);
	assert_true(comparison.floor > 0.001 && comparison.floor < 0.08);
	assert_null(comparison_undecided(&comparison, (char[256]){0}, 256));
}

static void what_changed_is_found_and_stands_first(void **state)
{
	(void)state;
	three_subjects(2000000, 2400000);
	evaluate();
	assert_int_equal(comparison.count[FINDING_WORSE], 1);
	assert_int_equal(comparison.count[FINDING_NONE], 4);
	assert_string_equal(comparison.rows[0].base->subject, "b");
	assert_string_equal(comparison.rows[0].baseline->subject, "mmap");
	assert_int_equal(comparison.rows[0].finding, FINDING_WORSE);
	assert_true(fabs(comparison.rows[0].ratio.value - 1.2) < 0.03);
	assert_true(comparison.rows[0].ratio.lo < 1.2 && comparison.rows[0].ratio.hi > 1.2);
	assert_true(comparison.rows[0].delta > 0.9);
	/* 9 against 9 without overlap: 2 / C(18, 9), times the 2 rows tested. */
	assert_true(fabs(comparison.rows[0].p - 2 * 2 / 48620.0) < 1e-9);
}

static void what_got_cheaper_is_better(void **state)
{
	(void)state;
	three_subjects(2000000, 1600000);
	evaluate();
	assert_int_equal(comparison.count[FINDING_BETTER], 1);
	assert_int_equal(comparison.count[FINDING_WORSE], 0);
	assert_false(comparison.baseline_suspect);
}

static void a_change_below_the_floor_is_none(void **state)
{
	(void)state;
	three_subjects(2000000, 2400000);
	options.floor = 0.5;
	evaluate();
	assert_int_equal(comparison.count[FINDING_WORSE], 0);
	assert_true(undecided("too noisy: the noise floor is 50.0 %"));
	comparison_free(&comparison);
	options.floor = 0.14;
	assert_int_equal(compare_runs(&comparison, &sources[0], &sources[1], &options), 0);
	assert_int_equal(comparison.count[FINDING_WORSE], 1);
	comparison_free(&comparison);
	options.floor = CONTROLS_TOO_NOISY;
	speed[0] = 1;
	assert_int_equal(compare_runs(&comparison, &sources[0], &sources[1], &options), 0);
	assert_null(comparison_undecided(&comparison, (char[256]){0}, 256));
}

static void a_noisy_machine_is_called_so(void **state)
{
	(void)state;
	three_subjects(2000000, 2000000);
	twin(1, "a", 500000, 0.5, 9);
	evaluate();
	assert_true(comparison.floor > CONTROLS_TOO_NOISY);
	assert_true(undecided("too noisy"));
	assert_int_equal(row_of("a", TIME)->finding, FINDING_NOT_JUDGED);
	/* Memory does not depend on it. */
	assert_int_equal(row_of("a", SOURCE_MEMORY)->finding, FINDING_NONE);
}

static void without_twins_or_repetitions_nothing_is_judged(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		cell(i, (struct syn_cell){.subject = "mmap"}, 1000000, 3);
		cell(i, (struct syn_cell){.subject = "a"}, i ? 900000 : 500000, 3);
		twin(i, "mmap", 1000000, NOISE, 3);
	}
	evaluate();
	assert_true(isnan(comparison.floor));
	assert_true(undecided("the noise floor is unknown"));
	comparison_free(&comparison);
	options.floor = 0.05;
	assert_int_equal(compare_runs(&comparison, &sources[0], &sources[1], &options), 0);
	assert_int_equal(comparison.count[FINDING_WORSE], 0);
	assert_string_equal(row_of("a", TIME)->why, "fewer than 9 repetitions");
}

static void a_baseline_that_got_worse_is_suspected(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		named(i, "mmap", i ? 1300000 : 1000000);
		twin(i, "mmap", i ? 1300000 : 1000000, NOISE, 9);
		named(i, "a", 500000);
		named(i, "b", 2000000);
	}
	evaluate();
	assert_int_equal(comparison.count[FINDING_BETTER], 2);
	assert_true(comparison.baseline_suspect);
	assert_int_equal(comparison.n_notes, 1);
	comparison_free(&comparison);
	options.baseline = "a";
	assert_int_equal(compare_runs(&comparison, &sources[0], &sources[1], &options), 0);
	assert_int_equal(row_of("mmap", TIME)->finding, FINDING_WORSE);
	assert_int_equal(row_of("b", TIME)->finding, FINDING_NONE);
	assert_false(comparison.baseline_suspect);
}

static void instructions_are_compared_exactly(void **state)
{
	static const struct syn_cell vm = {
		.target = "vm", .clock = "icount", .unit = "instructions", .noise = 1e-9};
	static const struct {
		const char *subject;
		double base, new;
	} cells[] = {{"close", 20000000, 20090000},
		     {"dearer", 20000000, 20120000},
		     {"cheaper", 20120000, 20000000},
		     {"small", 8000000, 8200000}};

	(void)state;
	speed[1] = 1;
	for (size_t k = 0; k < sizeof(cells) / sizeof(*cells); k++)
		for (int i = 0; i < 2; i++) {
			struct syn_cell c = vm;

			c.subject = cells[k].subject;
			/* Two blocks, whose factors are 1.00 and 1.38: the same in both runs. */
			cell(i, c, i ? cells[k].new : cells[k].base, 2);
		}
	evaluate();
	assert_int_equal(comparison.tested, 0);
	assert_false(comparison.floor_needed);
	assert_int_equal(row_of("close", TIME)->finding, FINDING_NONE);
	assert_int_equal(row_of("dearer", TIME)->finding, FINDING_WORSE);
	assert_int_equal(row_of("cheaper", TIME)->finding, FINDING_BETTER);
	assert_int_equal(row_of("small", TIME)->finding, FINDING_NOT_JUDGED);
	assert_null(comparison_undecided(&comparison, (char[256]){0}, 256));
}

static void memory_and_failures_count(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		named(i, "mmap", 1000000);
		twin(i, "mmap", 1000000, NOISE, 9);
		cell(i,
		     (struct syn_cell){.subject = "fat", .committed_bytes = i ? 4196000 : 4096000},
		     500000, 9);
		cell(i,
		     (struct syn_cell){.subject = "broken",
				       .outcome = i ? "killed" : "ok",
				       .reason = i ? "signal 9" : NULL},
		     500000, 9);
		cell(i,
		     (struct syn_cell){.subject = "gone",
				       .outcome = i ? "unsupported" : "ok",
				       .reason = i ? "no such library" : NULL},
		     500000, 9);
	}
	evaluate();
	assert_int_equal(row_of("fat", SOURCE_MEMORY)->finding, FINDING_WORSE);
	assert_int_equal(row_of("fat", TIME)->finding, FINDING_NONE);
	assert_int_equal(row_of("broken", TIME)->finding, FINDING_WORSE);
	assert_int_equal(row_of("gone", TIME)->finding, FINDING_NOT_JUDGED);
}

static void two_subjects_of_one_run(void **state)
{
	(void)state;
	named(0, "mmap", 1000000);
	twin(0, "mmap", 1000000, NOISE, 9);
	named(0, "a", 2000000);
	named(0, "b", 2010000);
	read_runs(1);
	assert_int_equal(compare_subjects(&comparison, &sources[0], "mmap", "a", &options), 0);
	assert_int_equal(row_of("mmap", TIME)->finding, FINDING_WORSE);
	assert_true(fabs(comparison.rows[0].ratio.value - 2) < 0.05);
	comparison_free(&comparison);
	assert_int_equal(compare_subjects(&comparison, &sources[0], "a", "b", &options), 0);
	assert_int_equal(row_of("a", TIME)->finding, FINDING_NONE);
	comparison_free(&comparison);
	options.limit = 1.9;
	assert_int_equal(compare_subjects(&comparison, &sources[0], "mmap", "a", &options), 0);
	assert_int_equal(comparison.n, 1);
	assert_int_equal(comparison.count[FINDING_WORSE], 1);
	comparison_free(&comparison);
	options.limit = 2.1;
	assert_int_equal(compare_subjects(&comparison, &sources[0], "mmap", "a", &options), 0);
	assert_int_equal(comparison.count[FINDING_NONE], 1);
	comparison_free(&comparison);
	assert_int_equal(compare_subjects(&comparison, &sources[0], "mmap", "nobody", &options), 0);
	assert_int_equal(comparison.n, 0);
	assert_true(undecided("nothing is in both"));
}

/* A run of six cells with four A/A twins; chunks-1m of a is dearer by factor. */
static void six_cells(int i, double factor)
{
	static const char *const workloads[] = {"dense-up", "chunks-1m"};
	static const char *const subjects[] = {"mmap", "a", "b"};

	for (int w = 0; w < 2; w++)
		for (int s = 0; s < 3; s++) {
			struct syn_cell c = {.workload = workloads[w], .subject = subjects[s]};
			double touch = 1e6 * (1 + w) * (1 + s);

			touch *= w && s == 1 ? factor : 1;
			if (w + s > 0 && w + s < 3) { /* four of them */
				c.purpose = "aa";
				cell(i, c, touch, 9);
				c.purpose = NULL;
			}
			cell(i, c, touch, 9);
		}
}

/* A pair of runs, the second dearer in one cell; how many findings. Its floor in *floor. */
static size_t findings_of_pair(unsigned pair, double factor, double *floor, bool *found)
{
	size_t findings;

	tear_down(NULL);
	set_up(NULL);
	for (unsigned i = 0; i < 2; i++) {
		runs[i].rng.state = 1000 + 2 * pair + i;
		six_cells((int)i, i ? factor : 1);
	}
	evaluate();
	findings = comparison.count[FINDING_WORSE] + comparison.count[FINDING_BETTER];
	*floor = comparison.floor;
	*found = comparison.rows[0].finding == FINDING_WORSE &&
		 !strcmp(comparison.rows[0].base->subject, "a") &&
		 !strncmp(comparison.rows[0].base->group, "chunks-1m,", 10);
	return findings;
}

/* The same pairs with and without a slow-down of twice their noise floor. */
static void pairs_of_the_same_and_with_a_slowdown(void **state)
{
	enum { PAIRS = 20 };
	unsigned flagged = 0, found_in = 0;

	(void)state;
	for (unsigned pair = 0; pair < PAIRS; pair++) {
		double floor, unused;
		bool found;

		flagged += findings_of_pair(pair, 1, &floor, &found) > 0;
		assert_true(floor > 0.01 && floor < CONTROLS_TOO_NOISY);
		findings_of_pair(pair, 1 + 2 * floor, &unused, &found);
		found_in += found;
	}
	printf("# of %d simulated pairs: %u flag anything, a slow-down of twice the floor is found "
	       "in %u\n",
	       PAIRS, flagged, found_in);
	assert_true(flagged <= 3);
	assert_true(found_in >= 18);
}

static void the_canary_shows_drift(void **state)
{
	struct samples samples;
	struct results results;
	struct controls controls;
	char text[400];

	(void)state;
	named(0, "mmap", 1000000);
	for (int block = 0; block < 20; block++) {
		struct syn_cell c = {.purpose = "canary", .touch = 1000000, .noise = NOISE};

		syn_sample(&runs[0], &c, block, block < 10 ? 1 : 1.3);
	}
	syn_end(&runs[0]);
	assert_int_equal(samples_read(&samples, runs[0].dir), 0);
	assert_int_equal(results_build(&results, &samples, SYN_PAGE), 0);
	assert_int_equal(controls_measure(&controls, &samples, &results), 0);
	assert_int_equal(controls.canary.n, 20);
	assert_true(fabs(controls.canary.drift.value - 1.3) < 0.03);
	assert_true(controls.canary.slowest > 1.1 && controls.canary.fastest < 0.9);
	assert_true(controls_drifted(&controls));
	assert_non_null(strstr(controls_canary_text(&controls, text, sizeof(text)),
			       "canary (mmap, dense-up): 20 samples"));
	assert_non_null(strstr(controls_floor_text(&controls, text, sizeof(text)), "unknown"));
	results_free(&results);
	samples_free(&samples);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(a_slower_machine_is_no_change),
		TEST(what_changed_is_found_and_stands_first),
		TEST(what_got_cheaper_is_better),
		TEST(a_change_below_the_floor_is_none),
		TEST(a_noisy_machine_is_called_so),
		TEST(without_twins_or_repetitions_nothing_is_judged),
		TEST(a_baseline_that_got_worse_is_suspected),
		TEST(instructions_are_compared_exactly),
		TEST(memory_and_failures_count),
		TEST(two_subjects_of_one_run),
		TEST(pairs_of_the_same_and_with_a_slowdown),
		TEST(the_canary_shows_drift),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
