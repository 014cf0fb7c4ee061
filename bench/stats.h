/* SPDX-License-Identifier: MIT */
/*
 * Medians, quantiles, bootstrap intervals and a rank test.
 *
 * Contract. Pure functions over arrays of doubles that the caller owns; nothing is kept, so they
 * are safe from several threads. Values must not be NaN (the caller leaves unknown values out);
 * infinities are values like any other. Random numbers come from a generator of our own with a
 * fixed seed, so that the same data give the same interval on every machine.
 */
#ifndef TA_STATS_H
#define TA_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STATS_RESAMPLES	      2000
#define STATS_CONFIDENCE_PCT  95
#define STATS_MIN_REPETITIONS 9 /* for a claim about a host */

/* A median and its interval; all NaN and n = 0 where there is nothing to estimate. Unit: the
 * values'. */
struct estimate {
	double value, lo, hi;
	size_t n;
};

extern const struct estimate stats_unknown;

/* splitmix64 (Steele, Lea, Flood, OOPSLA 2014). */
struct stats_rng {
	uint64_t state;
};
uint64_t stats_random(struct stats_rng *rng);
/* Uniform in [0, 1). */
double stats_uniform(struct stats_rng *rng);

/* Sorts in place, ascending. */
void stats_sort(double *values, size_t n);
/* Quantile p (0 to 1) of sorted values, linear between order statistics (Hyndman and Fan 1996, type
 * 7). NaN for n = 0. */
double stats_quantile_sorted(const double *sorted, size_t n, double p);
/* NaN for n = 0. */
double stats_median(const double *values, size_t n);

/* Share of the bootstrap distribution that each side of an interval leaves out, for n values: the
 * "expanded percentile" level of Hesterberg 2015. */
double stats_tail(size_t n);

/* A statistic of the n units that index[] picks (with repetition) from the caller's data. */
typedef double stats_statistic(const size_t *index, size_t n, void *data);
/* Bootstrap over units: value = statistic of all n units once; lo, hi = its 95 % interval. */
struct estimate stats_bootstrap(size_t n, stats_statistic *statistic, void *data);

/* Median of n values, with its interval. */
struct estimate stats_median_interval(const double *values, size_t n);
/* Median of numerator[i] / denominator[i], with its interval; i counts blocks, so that what
 * disturbs a whole block cancels. Denominators must be above 0. */
struct estimate stats_ratio_interval(const double *numerator, const double *denominator, size_t n);
/*
 * How many times the b a is, of two independent sets: the median of all a[i] / b[j] (Hodges and
 * Lehmann 1963, on the scale of logarithms), with the bootstrap's interval over both. It is smooth
 * where the ratio of two medians is not: resampling that one held the truth in 98 % of simulations
 * at n = 25. b must be above 0.
 */
struct estimate stats_ratio_between(const double *a, size_t n, const double *b, size_t m);
/* Median with the whole range as its interval: for exact counts, where there is nothing to infer.
 */
struct estimate stats_range(const double *values, size_t n);

/*
 * Mann-Whitney U of a (n values) against b (m values), both at least 1: how many of the n * m pairs
 * have the greater value in a; ties count half. p: two-sided, that a and b are of one distribution;
 * exact for fewer than 50 values on both sides without ties, else by the normal approximation with
 * continuity and ties corrected: what wilcox.test of R does. delta: Cliff's, -1 (all of a below b)
 * to
 * 1. All NaN where memory is short.
 */
struct rank_test {
	double u, p, delta;
};
struct rank_test stats_mann_whitney(const double *a, size_t n, const double *b, size_t m);
/* Adjusts n p-values for their number (Holm 1979), in place. NaN stays and does not count. */
void stats_holm(double *p, size_t n);

/*
 * Is a ratio at most limit? Its median is, or its interval includes limit and is narrower than
 * STATS_NARROW: then nothing speaks against it, and the measurement could have told.
 */
#define STATS_NARROW 0.10
bool stats_at_most(const struct estimate *ratio, double limit);

#endif
