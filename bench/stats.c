// SPDX-License-Identifier: MIT
/*
 * Intervals: percentile bootstrap (Efron 1979) at the level of the "expanded percentile interval"
 * of Hesterberg, "What Teachers Should Know About the Bootstrap", The American Statistician 69(4),
 * 2015. The plain interval is too narrow for small n: for the median of 9 values it ends at the
 * second or at the third value from either side, as the resamples fall, and covers 96 or 82 %. So
 * each tail is taken at Phi(-sqrt(n / (n - 1)) * t(0.975, n - 1)) in place of 2.5 %.
 * bench/test/test_stats.c simulates it.
 */
#include "stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SEED   0x7461626e63680001u
#define Z_TAIL 1.959963984540054 /* normal quantile at 0.975 */

const struct estimate stats_unknown = {NAN, NAN, NAN, 0};

uint64_t stats_random(struct stats_rng *rng)
{
	uint64_t z = rng->state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

double stats_uniform(struct stats_rng *rng)
{
	return (double)(stats_random(rng) >> 11) * 0x1p-53;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void stats_sort(double *values, size_t n)
{
	if (n > 48) {
		qsort(values, n, sizeof(*values), ascending);
		return;
	}
	for (size_t i = 1; i < n; i++) {
		double v = values[i];
		size_t j = i;

		for (; j > 0 && values[j - 1] > v; j--)
			values[j] = values[j - 1];
		values[j] = v;
	}
}

double stats_quantile_sorted(const double *sorted, size_t n, double p)
{
	if (n == 0)
		return NAN;
	double h = p * (double)(n - 1);
	size_t i = (size_t)h;

	if (i + 1 >= n)
		return sorted[n - 1];
	/* Not interpolated where it need not be: infinity - infinity is no number. */
	if (h == (double)i || sorted[i] == sorted[i + 1])
		return sorted[i];
	return sorted[i] + (h - (double)i) * (sorted[i + 1] - sorted[i]);
}

/* Sorts values. */
static double median_of(double *values, size_t n)
{
	stats_sort(values, n);
	return stats_quantile_sorted(values, n, 0.5);
}

double stats_median(const double *values, size_t n)
{
	double *copy = calloc(n ? n : 1, sizeof(*copy));

	if (!copy)
		return NAN;
	if (n)
		memcpy(copy, values, n * sizeof(*copy));
	double median = median_of(copy, n);

	free(copy);
	return median;
}

/* Student's t at 0.975 (Abramowitz and Stegun 26.7.5): within 0.1 % from 5 degrees of freedom on.
 */
static double t_quantile(double df)
{
	const double z = Z_TAIL, z3 = z * z * z, z5 = z3 * z * z, z7 = z5 * z * z, z9 = z7 * z * z;

	return z + (z3 + z) / (4 * df) + (5 * z5 + 16 * z3 + 3 * z) / (96 * df * df) +
	       (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * df * df * df) +
	       (79 * z9 + 776 * z7 + 1482 * z5 - 1920 * z3 - 945 * z) / (92160 * df * df * df * df);
}

double stats_tail(size_t n)
{
	if (n < 2)
		return 0;
	double df = (double)n - 1;

	return 0.5 * erfc(sqrt((double)n / df) * t_quantile(df) / sqrt(2));
}

struct estimate stats_bootstrap(size_t n, stats_statistic *statistic, void *data)
{
	struct stats_rng rng = {SEED};
	struct estimate e = stats_unknown;

	if (n == 0)
		return e;
	size_t *index = calloc(n, sizeof(*index));
	double *draws = calloc(STATS_RESAMPLES, sizeof(*draws));

	if (index && draws) {
		for (size_t i = 0; i < n; i++)
			index[i] = i;
		e.value = statistic(index, n, data);
		e.n = n;
		for (size_t r = 0; r < STATS_RESAMPLES; r++) {
			for (size_t i = 0; i < n; i++)
				index[i] = (size_t)(stats_uniform(&rng) * (double)n);
			draws[r] = statistic(index, n, data);
		}
		stats_sort(draws, STATS_RESAMPLES);
		e.lo = stats_quantile_sorted(draws, STATS_RESAMPLES, stats_tail(n));
		e.hi = stats_quantile_sorted(draws, STATS_RESAMPLES, 1 - stats_tail(n));
	}
	free(index);
	free(draws);
	return e;
}

struct picked {
	const double *values;
	double *scratch;
};

static double picked_median(const size_t *index, size_t n, void *data)
{
	struct picked *p = data;

	for (size_t i = 0; i < n; i++)
		p->scratch[i] = p->values[index[i]];
	return median_of(p->scratch, n);
}

struct estimate stats_median_interval(const double *values, size_t n)
{
	struct picked p = {values, calloc(n ? n : 1, sizeof(double))};
	struct estimate e = p.scratch ? stats_bootstrap(n, picked_median, &p) : stats_unknown;

	free(p.scratch);
	return e;
}

struct estimate stats_ratio_interval(const double *numerator, const double *denominator, size_t n)
{
	double *ratios = calloc(n ? n : 1, sizeof(*ratios));

	if (!ratios)
		return stats_unknown;
	for (size_t i = 0; i < n; i++)
		ratios[i] = numerator[i] / denominator[i];
	struct estimate e = stats_median_interval(ratios, n);

	free(ratios);
	return e;
}

struct estimate stats_range(const double *values, size_t n)
{
	struct estimate e = stats_unknown;

	if (n == 0)
		return e;
	e = (struct estimate){stats_median(values, n), values[0], values[0], n};
	for (size_t i = 1; i < n; i++) {
		e.lo = fmin(e.lo, values[i]);
		e.hi = fmax(e.hi, values[i]);
	}
	return e;
}

bool stats_at_most(const struct estimate *ratio, double limit)
{
	return ratio->n && (ratio->value <= limit ||
			    (ratio->lo <= limit && ratio->hi - ratio->lo < STATS_NARROW));
}
