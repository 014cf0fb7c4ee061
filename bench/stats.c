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

/* Of the smallest of the sets that are resampled, with df degrees of freedom in all of them. */
static double tail(size_t smallest, double df)
{
	double n = (double)smallest;

	return smallest < 2 ? 0 : 0.5 * erfc(sqrt(n / (n - 1)) * t_quantile(df) / sqrt(2));
}

double stats_tail(size_t n)
{
	return tail(n, (double)n - 1);
}

/* Sorts the draws; the interval leaves out a share of tail on each side. */
static void set_interval(struct estimate *e, double *draws, double tail)
{
	stats_sort(draws, STATS_RESAMPLES);
	e->lo = stats_quantile_sorted(draws, STATS_RESAMPLES, tail);
	e->hi = stats_quantile_sorted(draws, STATS_RESAMPLES, 1 - tail);
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
		set_interval(&e, draws, stats_tail(n));
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

/* ---- Two independent sets ---- */

struct pair {
	double ratio;
	size_t a, b;
};

static int by_ratio(const void *x, const void *y)
{
	return ascending(&((const struct pair *)x)->ratio, &((const struct pair *)y)->ratio);
}

/* How often each of n values is picked in n draws. */
static void pick(size_t *times, size_t n, struct stats_rng *rng)
{
	memset(times, 0, n * sizeof(*times));
	for (size_t i = 0; i < n; i++)
		times[(size_t)(stats_uniform(rng) * (double)n)]++;
}

/* Median of sorted pairs, each taken times_a * times_b times: n_pairs in all. */
static double weighted_median(const struct pair *pairs, size_t n_pairs, const size_t *times_a,
			      const size_t *times_b)
{
	size_t seen = 0, at = 0, next;

	while (2 * (seen += times_a[pairs[at].a] * times_b[pairs[at].b]) < n_pairs)
		at++;
	if (2 * seen > n_pairs)
		return pairs[at].ratio;
	for (next = at + 1; !times_a[pairs[next].a] || !times_b[pairs[next].b];)
		next++;
	return (pairs[at].ratio + pairs[next].ratio) / 2;
}

struct estimate stats_ratio_between(const double *a, size_t n, const double *b, size_t m)
{
	struct stats_rng rng = {SEED};
	struct estimate e = stats_unknown;
	struct pair *pairs = calloc(n * m + 1, sizeof(*pairs));
	size_t *times = calloc(n + m + 1, sizeof(*times));
	double *draws = calloc(STATS_RESAMPLES, sizeof(*draws));

	if (pairs && times && draws && n && m) {
		for (size_t i = 0; i < n * m; i++)
			pairs[i] = (struct pair){a[i / m] / b[i % m], i / m, i % m};
		qsort(pairs, n * m, sizeof(*pairs), by_ratio);
		for (size_t i = 0; i < n + m; i++)
			times[i] = 1;
		e.n = n < m ? n : m;
		e.value = weighted_median(pairs, n * m, times, times + n);
		for (size_t r = 0; r < STATS_RESAMPLES; r++) {
			pick(times, n, &rng);
			pick(times + n, m, &rng);
			draws[r] = weighted_median(pairs, n * m, times, times + n);
		}
		set_interval(&e, draws, tail(e.n, (double)(n + m) - 2));
	}
	free(pairs);
	free(times);
	free(draws);
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

/* ---- Mann-Whitney and Holm ---- */

#define EXACT_BELOW 50 /* values on each side */

/*
 * Share of the orderings of n and m different values that have U = u, for each u from 0 to n * m,
 * in out. ways[j][u], for i values against j, from those for i - 1 and for j - 1: the greatest
 * value is of the first kind, and above all j, or of the second.
 */
static bool u_distribution(size_t n, size_t m, double *out)
{
	size_t width = n * m + 1;
	double *ways = calloc((m + 1) * width, sizeof(*ways)), total = 0;

	if (!ways)
		return false;
	for (size_t j = 0; j <= m; j++)
		ways[j * width] = 1;
	for (size_t i = 1; i <= n; i++)
		for (size_t j = 1; j <= m; j++)
			for (size_t u = i * j + 1; u-- > 0;)
				ways[j * width + u] = (u >= j ? ways[j * width + u - j] : 0) +
						      ways[(j - 1) * width + u];
	for (size_t u = 0; u < width; u++)
		total += ways[m * width + u];
	for (size_t u = 0; u < width; u++)
		out[u] = ways[m * width + u] / total;
	free(ways);
	return true;
}

static double exact_p(double u, size_t n, size_t m)
{
	double *share = calloc(n * m + 1, sizeof(*share)), p = NAN;
	/* The distribution is symmetric: the nearer tail, u included. */
	size_t end = (size_t)fmin(u, (double)(n * m) - u);

	if (share && u_distribution(n, m, share)) {
		p = 0;
		for (size_t i = 0; i <= end; i++)
			p += 2 * share[i];
	}
	free(share);
	return fmin(p, 1);
}

/* tied: sum of t^3 - t over the groups of t equal values. */
static double normal_p(double u, size_t n, size_t m, double tied)
{
	double pairs = (double)n * (double)m, all = (double)(n + m);
	double variance = pairs / 12 * (all + 1 - tied / (all * (all - 1)));
	double off = fabs(u - pairs / 2) - 0.5;

	if (off <= 0 || variance <= 0)
		return 1;
	return erfc(off / sqrt(variance) / sqrt(2));
}

struct rank_test stats_mann_whitney(const double *a, size_t n, const double *b, size_t m)
{
	struct rank_test test = {0, NAN, NAN};
	double *all = calloc(n + m, sizeof(*all)), tied = 0;

	if (!all)
		return (struct rank_test){NAN, NAN, NAN};
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < m; k++)
			test.u += a[i] > b[k] ? 1 : a[i] == b[k] ? 0.5 : 0;
	memcpy(all, a, n * sizeof(*all));
	memcpy(all + n, b, m * sizeof(*all));
	stats_sort(all, n + m);
	for (size_t i = 0, equal = 0; i < n + m; i++) {
		equal = i && all[i] == all[i - 1] ? equal + 1 : 1;
		/* t^3 - t grows by this when t does. */
		tied += 3.0 * (double)equal * (double)(equal - 1);
	}
	free(all);
	test.delta = 2 * test.u / ((double)n * (double)m) - 1;
	test.p = tied > 0 || n >= EXACT_BELOW || m >= EXACT_BELOW ? normal_p(test.u, n, m, tied)
								  : exact_p(test.u, n, m);
	return test;
}

void stats_holm(double *p, size_t n)
{
	size_t *order = calloc(n ? n : 1, sizeof(*order)), known = 0;
	double least = 0;

	for (size_t i = 0; i < n && order; i++) {
		size_t at;

		if (isnan(p[i]))
			continue;
		for (at = known++; at > 0 && p[order[at - 1]] > p[i]; at--)
			order[at] = order[at - 1];
		order[at] = i;
	}
	for (size_t rank = 0; rank < known; rank++) {
		least = fmax(least, fmin(1, (double)(known - rank) * p[order[rank]]));
		p[order[rank]] = least;
	}
	free(order);
}

bool stats_at_most(const struct estimate *ratio, double limit)
{
	return ratio->n && (ratio->value <= limit ||
			    (ratio->lo <= limit && ratio->hi - ratio->lo < STATS_NARROW));
}
