// SPDX-License-Identifier: MIT
/* Medians and quantiles against values worked out by hand; intervals against simulated truth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

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

static bool near(double x, double wanted)
{
	return fabs(x - wanted) < 1e-9;
}

static void mann_whitney_of_known_sets(void **state)
{
	const double low[] = {1, 2, 3}, high[] = {4, 5, 6}, odd[] = {1, 3, 5}, even[] = {2, 4, 6};
	const double tied[] = {1, 2, 2, 3}, with[] = {2, 3, 4, 4}, same[] = {7, 7, 7};
	struct rank_test t = stats_mann_whitney(low, 3, high, 3);

	(void)state;
	/* 20 orderings; of their U, 0 once, and at most 3 seven times. */
	assert_true(t.u == 0 && near(t.p, 0.1) && t.delta == -1);
	t = stats_mann_whitney(high, 3, low, 3);
	assert_true(t.u == 9 && near(t.p, 0.1) && t.delta == 1);
	t = stats_mann_whitney(odd, 3, even, 3);
	assert_true(t.u == 3 && near(t.p, 0.7));
	/* Ties of 3, 2 and 2: z = 5 / sqrt(16 / 12 * (9 - 36 / 56)). */
	t = stats_mann_whitney(tied, 4, with, 4);
	assert_true(t.u == 2.5 && near(t.p, erfc(5 / sqrt(16. / 12 * (9 - 36. / 56)) / sqrt(2))));
	t = stats_mann_whitney(same, 3, same, 3);
	assert_true(t.u == 4.5 && t.p == 1 && t.delta == 0);
}

static void holm_of_known_values(void **state)
{
	double p[] = {0.01, 0.04, NAN, 0.03, 0.005}, large[] = {0.9, 0.5};

	(void)state;
	stats_holm(p, 5);
	assert_true(near(p[0], 0.03) && near(p[1], 0.06) && isnan(p[2]) && near(p[3], 0.06) &&
		    near(p[4], 0.02));
	stats_holm(large, 2);
	assert_true(large[0] == 1 && large[1] == 1);
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

/* Shares of simulated intervals that hold the truth, percent. */
struct coverage {
	double median; /* of one set's median, which a ratio inside a run is as well */
	double ratio;  /* of the ratio of two sets, as between runs */
};

#define MOST 64

static void draw_set(double (*draw)(struct stats_rng *), struct stats_rng *rng, double *values,
		     size_t n)
{
	for (size_t i = 0; i < n; i++)
		values[i] = draw(rng);
}

static struct coverage coverage(double (*draw)(struct stats_rng *), double truth, size_t n,
				int runs)
{
	struct stats_rng rng = {20240917};
	double base[MOST], new[MOST];
	int median = 0, ratio = 0;

	for (int r = 0; r < runs; r++) {
		struct estimate e;

		draw_set(draw, &rng, base, n);
		draw_set(draw, &rng, new, n);
		e = stats_median_interval(base, n);
		median += e.lo <= truth && truth <= e.hi;
		e = stats_ratio_between(new, n, base, n);
		ratio += e.lo <= 1 && 1 <= e.hi;
	}
	return (struct coverage){100.0 * median / runs, 100.0 * ratio / runs};
}

static double true_median(double (*draw)(struct stats_rng *))
{
	enum { N = 200001 };
	static double values[N];
	struct stats_rng rng = {99};

	draw_set(draw, &rng, values, N);
	return stats_median(values, N);
}

static const struct {
	const char *name;
	double (*draw)(struct stats_rng *);
} distributions[] = {
	{"normal", draw_normal}, {"lognormal", draw_lognormal}, {"disturbed", draw_disturbed}};

static const struct {
	size_t n;
	double least, most;
} sizes[] = {{9, 93, 99}, {25, 93, 97}};

/* Prints each; returns how many are out of their limits. */
static int out_of_limits(int runs)
{
	int out = 0;

	for (size_t d = 0; d < 3; d++) {
		double truth = true_median(distributions[d].draw);

		for (size_t s = 0; s < 2; s++) {
			struct coverage pct =
				coverage(distributions[d].draw, truth, sizes[s].n, runs);

			printf("# coverage of the 95 %% interval, %s, n = %zu: median %.1f %%, "
			       "ratio of two sets %.1f %%; %.0f to %.0f %% wanted\n",
			       distributions[d].name, sizes[s].n, pct.median, pct.ratio,
			       sizes[s].least, sizes[s].most);
			out += pct.median < sizes[s].least || pct.median > sizes[s].most;
			out += pct.ratio < sizes[s].least || pct.ratio > sizes[s].most;
		}
	}
	return out;
}

static void intervals_cover_the_truth(void **state)
{
	(void)state;
	assert_int_equal(out_of_limits(500), 0);
}

static void print_values(const char *name, const double *values, size_t n)
{
	printf("%s <- c(", name);
	for (size_t i = 0; i < n; i++)
		printf("%s%.17g", i ? ", " : "", values[i]);
	printf(")\n");
}

/* A program in R that computes the same of 100 random pairs of sets, and of their p-values. */
static int print_r_program(void)
{
	enum { SETS = 100 };
	struct stats_rng rng = {424242};
	double a[MOST], b[MOST], p[SETS];

	printf("off <- 0\nall <- c()\nsee <- function(x, y) off <<- max(off, abs(x - y))\n");
	for (int set = 0; set < SETS; set++) {
		/* 3 to 60 values: on both sides of R's limit of the exact test. */
		size_t n = 3 + (size_t)(stats_uniform(&rng) * 58);
		size_t m = 3 + (size_t)(stats_uniform(&rng) * 58);
		double shift = 1 + 0.2 * stats_uniform(&rng);

		draw_set(distributions[set % 3].draw, &rng, a, n);
		draw_set(distributions[set % 3].draw, &rng, b, m);
		for (size_t i = 0; i < n; i++)
			a[i] *= shift;
		for (size_t i = 0; i < n && set % 4 == 3; i++) /* with ties */
			a[i] = round(a[i] / 5);
		for (size_t i = 0; i < m && set % 4 == 3; i++)
			b[i] = round(b[i] / 5);
		struct rank_test t = stats_mann_whitney(a, n, b, m);

		p[set] = t.p;
		print_values("a", a, n);
		print_values("b", b, m);
		printf("t <- suppressWarnings(wilcox.test(a, b))\nsee(t$statistic, %.17g)\n"
		       "see(t$p.value, %.17g)\nall <- c(all, t$p.value)\n",
		       t.u, t.p);
	}
	stats_holm(p, SETS);
	print_values("holm", p, SETS);
	printf("see(p.adjust(all, 'holm'), holm)\n"
	       "cat(sprintf('%%d sets: the most by which U, p or adjusted p differ: %%g\\n', "
	       "length(all), off))\nquit(status = !(length(all) == %d && off < 1e-9))\n",
	       SETS);
	return 0;
}

/* scripts/compare-check.sh: "coverage" simulates more, "r" prints the program for R. */
int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "coverage"))
		return out_of_limits(4000) > 0;
	if (argc == 2 && !strcmp(argv[1], "r"))
		return print_r_program();

	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quantiles_of_known_values),
		cmocka_unit_test(infinite_values_give_no_nan),
		cmocka_unit_test(sorts_short_and_long),
		cmocka_unit_test(tails_are_the_expanded_ones),
		cmocka_unit_test(intervals_are_ordered_and_repeatable),
		cmocka_unit_test(few_values_give_their_range),
		cmocka_unit_test(ratios_cancel_the_block),
		cmocka_unit_test(mann_whitney_of_known_sets),
		cmocka_unit_test(holm_of_known_values),
		cmocka_unit_test(intervals_cover_the_truth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
