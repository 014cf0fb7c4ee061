// SPDX-License-Identifier: MIT
/* Medians and quantiles against values worked out by hand; intervals against simulated truth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>

#include "stats.h"

static void quantiles_of_known_values(void **state)
{
	const double odd[] = {9, 1, 5}, even[] = {4, 1, 3, 2};
	double sorted[] = {10, 20, 30, 40, 50};

	(void)state;
	assert_true(stats_median(odd, 3) == 5);
	assert_true(stats_median(even, 4) == 2.5);
	assert_true(stats_quantile_sorted(sorted, 5, 0) == 10);
	assert_true(stats_quantile_sorted(sorted, 5, 1) == 50);
	assert_true(stats_quantile_sorted(sorted, 5, 0.25) == 20);
	assert_true(fabs(stats_quantile_sorted(sorted, 5, 0.1) - 14) < 1e-12);
	assert_true(isnan(stats_median(odd, 0)));
}

static void infinite_values_give_no_nan(void **state)
{
	double sorted[] = {-INFINITY, 1, INFINITY, INFINITY};

	(void)state;
	assert_true(stats_quantile_sorted(sorted, 4, 0.9) == INFINITY);
	assert_true(stats_quantile_sorted(sorted, 4, 0) == -INFINITY);
}

static void sorts_short_and_long(void **state)
{
	struct stats_rng rng = {7};
	double values[200];

	(void)state;
	for (size_t n = 1; n <= 200; n += 33) {
		for (size_t i = 0; i < n; i++)
			values[i] = stats_uniform(&rng);
		stats_sort(values, n);
		for (size_t i = 1; i < n; i++)
			assert_true(values[i - 1] <= values[i]);
	}
}

/* Hesterberg 2015: Phi(-sqrt(n / (n - 1)) t(0.975, n - 1)). */
static void tails_are_the_expanded_ones(void **state)
{
	(void)state;
	assert_true(stats_tail(1) == 0);
	assert_true(fabs(stats_tail(9) - 0.00722) < 2e-5);
	assert_true(fabs(stats_tail(25) - 0.01758) < 2e-5);
	assert_true(stats_tail(1000) > 0.0245 && stats_tail(1000) < 0.025);
}

static void intervals_are_ordered_and_repeatable(void **state)
{
	const double values[] = {3, 8, 1, 9, 4, 7, 2, 100, 6};
	struct estimate a = stats_median_interval(values, 9), b = stats_median_interval(values, 9);

	(void)state;
	assert_true(a.value == 6 && a.n == 9);
	assert_true(a.lo <= a.value && a.value <= a.hi);
	assert_true(a.lo == b.lo && a.hi == b.hi);
	/* The second and the eighth: one wild value does not widen it to the whole range. */
	assert_true(a.lo >= 1 && a.lo <= 2 && a.hi >= 9 && a.hi < 100);
	assert_true(isnan(stats_median_interval(values, 0).value));
	assert_true(stats_median_interval(values, 1).lo == 3);
}

static void few_values_give_their_range(void **state)
{
	const double values[] = {5, 3, 11};
	struct estimate e = stats_median_interval(values, 3), r = stats_range(values, 3);

	(void)state;
	assert_true(e.lo == 3 && e.value == 5 && e.hi == 11);
	assert_true(r.lo == 3 && r.value == 5 && r.hi == 11 && r.n == 3);
}

/* What slows down a whole block cancels in a ratio. */
static void ratios_cancel_the_block(void **state)
{
	double a[9], b[9];

	(void)state;
	for (int i = 0; i < 9; i++) {
		a[i] = 130.0 * (i + 1);
		b[i] = 100.0 * (i + 1);
	}
	struct estimate e = stats_ratio_interval(a, b, 9);

	assert_true(fabs(e.value - 1.3) < 1e-12 && fabs(e.lo - 1.3) < 1e-12 &&
		    fabs(e.hi - 1.3) < 1e-12);
}

static double normal(struct stats_rng *rng)
{
	double u = 1 - stats_uniform(rng), v = stats_uniform(rng);

	return sqrt(-2 * log(u)) * cos(2 * M_PI * v);
}

static double draw_normal(struct stats_rng *rng)
{
	return 100 + 10 * normal(rng);
}

static double draw_lognormal(struct stats_rng *rng)
{
	return 100 * exp(0.5 * normal(rng));
}

/* Nine of ten quick, the tenth disturbed, as times are. */
static double draw_disturbed(struct stats_rng *rng)
{
	double quick = 100 + 5 * normal(rng);

	return stats_uniform(rng) < 0.1 ? quick + 100 * stats_uniform(rng) : quick;
}

static double coverage(double (*draw)(struct stats_rng *), double truth, size_t n, int runs)
{
	struct stats_rng rng = {20240917};
	double values[64];
	int covered = 0;

	for (int r = 0; r < runs; r++) {
		for (size_t i = 0; i < n; i++)
			values[i] = draw(&rng);
		struct estimate e = stats_median_interval(values, n);

		covered += e.lo <= truth && truth <= e.hi;
	}
	return 100.0 * covered / runs;
}

static double true_median(double (*draw)(struct stats_rng *))
{
	enum { N = 200001 };
	static double values[N];
	struct stats_rng rng = {99};

	for (int i = 0; i < N; i++)
		values[i] = draw(&rng);
	return stats_median(values, N);
}

static void intervals_cover_the_truth(void **state)
{
	static const struct {
		const char *name;
		double (*draw)(struct stats_rng *);
	} distributions[] = {{"normal", draw_normal},
			     {"lognormal", draw_lognormal},
			     {"disturbed", draw_disturbed}};
	static const struct {
		size_t n;
		double least, most;
	} sizes[] = {{9, 93, 99}, {25, 93, 97}};

	(void)state;
	for (size_t d = 0; d < 3; d++) {
		double truth = true_median(distributions[d].draw);

		for (size_t s = 0; s < 2; s++) {
			double pct = coverage(distributions[d].draw, truth, sizes[s].n, 500);

			printf("# coverage of the 95 %% interval, %s, n = %zu: %.1f %%\n",
			       distributions[d].name, sizes[s].n, pct);
			assert_true(pct >= sizes[s].least && pct <= sizes[s].most);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quantiles_of_known_values),
		cmocka_unit_test(infinite_values_give_no_nan),
		cmocka_unit_test(sorts_short_and_long),
		cmocka_unit_test(tails_are_the_expanded_ones),
		cmocka_unit_test(intervals_are_ordered_and_repeatable),
		cmocka_unit_test(few_values_give_their_range),
		cmocka_unit_test(ratios_cancel_the_block),
		cmocka_unit_test(intervals_cover_the_truth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
