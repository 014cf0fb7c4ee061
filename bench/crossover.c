// SPDX-License-Identifier: MIT
#include "crossover.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "csv.h"
#include "verdict.h"

#define MAX_FRACTIONS 64
#define LAZY_SHARE    0.05
#define EAGER_SHARE   0.5

static const char *const csv_columns[] = {
	"target",      "clock", "cost_unit",  "subject",       "size_bytes",	"fill", "threads",
	"touched_pct", "n",	"total_cost", "total_cost_lo", "total_cost_hi", NULL,
};

static const char *const crossings_csv_columns[] = {
	"target", "size_bytes",	 "fill",	   "threads",	     "lazy", "eager",
	"kind",	  "touched_pct", "touched_pct_lo", "touched_pct_hi", NULL,
};

const char *const *crossings_columns(void)
{
	return crossings_csv_columns;
}

const char *const *crossover_columns(void)
{
	return csv_columns;
}

static double percent_of(const struct result *r)
{
	return sample_param(r->identity, CROSSOVER_PARAM);
}

static bool is_fraction(const struct result *r)
{
	return r->n && !strcmp(r->identity->workload, CROSSOVER_WORKLOAD) && !isnan(percent_of(r));
}

/* One subject at one size, fill, ...: its cells over the fractions, by rising percent. */
struct curve {
	const struct result *cells[MAX_FRACTIONS];
	size_t n;
	char others[128]; /* parameters but the percent */
};

static bool same_setting(const struct curve *c, const struct result *r, const char *others)
{
	const struct sample *x = c->cells[0]->identity, *y = r->identity;

	return !strcmp(x->target, y->target) && x->size_bytes == y->size_bytes &&
	       x->fill == y->fill && x->threads == y->threads && !strcmp(c->others, others);
}

static void curve_add(struct curve *c, const struct result *r)
{
	size_t i = c->n;

	if (c->n == MAX_FRACTIONS)
		return;
	for (; i > 0 && percent_of(c->cells[i - 1]) > percent_of(r); i--)
		c->cells[i] = c->cells[i - 1];
	c->cells[i] = r;
	c->n++;
}

/* Returns the number of curves, or -ENOMEM. */
static ssize_t curves_build(const struct results *results, struct curve **curves)
{
	ssize_t n = 0;

	*curves = calloc(results->n ? results->n : 1, sizeof(**curves));
	if (!*curves)
		return -ENOMEM;
	for (size_t i = 0; i < results->n; i++) {
		const struct result *r = &results->cells[i];
		char others[128];
		ssize_t k = 0;

		if (!is_fraction(r))
			continue;
		sample_params_text(r->identity, CROSSOVER_PARAM, others, sizeof(others));
		while (k < n &&
		       (strcmp((*curves)[k].cells[0]->identity->subject, r->identity->subject) ||
			!same_setting(&(*curves)[k], r, others)))
			k++;
		if (k == n)
			strcpy((*curves)[n++].others, others);
		curve_add(&(*curves)[k], r);
	}
	return n;
}

/* Median over fractions of the share of reserved memory that alloc itself committed; NaN unknown.
 */
static double eager_share(const struct curve *c)
{
	double shares[MAX_FRACTIONS];
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++) {
		double share = c->cells[i]->of[CELL_ALLOC_COMMITTED_BYTES].value /
			       c->cells[i]->of[CELL_RESERVED_BYTES].value;

		if (!isnan(share))
			shares[n++] = share;
	}
	return stats_median(shares, n);
}

/* Differences eager - lazy, by fraction and by block, over what both curves have. */
struct differences {
	size_t n_fractions, n_blocks;
	double pct[MAX_FRACTIONS];
	double *blocks;	     /* n_blocks block numbers */
	double *by_fraction; /* [fraction * n_blocks + block]; NaN: not in both */
	double *scratch;     /* n_blocks */
};

/* Where the medians of the picked blocks cross 0; -inf: eager wins everywhere, +inf: lazy does. */
static double crossing_of(const size_t *index, size_t n, void *data)
{
	const struct differences *d = data;
	double before = NAN, before_pct = NAN, at = INFINITY;
	bool any_eager = false, any_lazy = false;

	for (size_t f = 0; f < d->n_fractions; f++) {
		size_t k = 0;

		for (size_t i = 0; i < n; i++) {
			double v = d->by_fraction[f * d->n_blocks + index[i]];

			if (!isnan(v))
				d->scratch[k++] = v;
		}
		if (!k)
			continue;
		stats_sort(d->scratch, k);
		double now = stats_quantile_sorted(d->scratch, k, 0.5);

		if (now > 0) {
			any_lazy = true;
			at = INFINITY; /* lazy is cheaper here: a crossing must come after */
		} else {
			any_eager = true;
			if (before > 0)
				at = before_pct +
				     (d->pct[f] - before_pct) * before / (before - now);
		}
		before = now;
		before_pct = d->pct[f];
	}
	if (any_eager && !any_lazy)
		return -INFINITY;
	return at;
}

/* Changes of sign over the fractions, all blocks taken together. */
static int sign_changes(const struct differences *d)
{
	int changes = 0;
	double before = NAN;

	for (size_t f = 0; f < d->n_fractions; f++) {
		double now = cell_estimate(d->by_fraction + f * d->n_blocks, d->n_blocks, "icount")
				     .value;

		if (!isnan(before) && !isnan(now) && (before > 0) != (now > 0))
			changes++;
		before = now;
	}
	return changes;
}

static int differences_build(struct differences *d, const struct curve *lazy,
			     const struct curve *eager)
{
	const struct result *widest = lazy->cells[0];

	for (size_t i = 0; i < lazy->n; i++)
		if (lazy->cells[i]->n > widest->n)
			widest = lazy->cells[i];
	*d = (struct differences){.n_blocks = widest->n, .blocks = widest->block};
	d->by_fraction = calloc(MAX_FRACTIONS * d->n_blocks, sizeof(double));
	d->scratch = calloc(d->n_blocks, sizeof(double));
	if (!d->by_fraction || !d->scratch)
		return -ENOMEM;
	for (size_t l = 0, e = 0; l < lazy->n; l++) {
		const struct result *a = lazy->cells[l], *b;

		while (e < eager->n && percent_of(eager->cells[e]) < percent_of(a))
			e++;
		if (e == eager->n || percent_of(eager->cells[e]) != percent_of(a))
			continue;
		b = eager->cells[e];
		double *row = d->by_fraction + d->n_fractions * d->n_blocks;

		for (size_t k = 0; k < d->n_blocks; k++) {
			double of[2] = {NAN, NAN};

			for (size_t i = 0; i < a->n; i++)
				if (a->block[i] == d->blocks[k])
					of[0] = a->values[CELL_TOTAL_COST][i];
			for (size_t i = 0; i < b->n; i++)
				if (b->block[i] == d->blocks[k])
					of[1] = b->values[CELL_TOTAL_COST][i];
			row[k] = of[1] - of[0];
		}
		d->pct[d->n_fractions++] = percent_of(a);
	}
	return 0;
}

static int cross(struct crossing *c, const struct curve *lazy, const struct curve *eager)
{
	struct differences d;
	const char *why;
	int err;

	*c = (struct crossing){.lazy = lazy->cells[0]->identity,
			       .eager = eager->cells[0]->identity,
			       .kind = CROSSING_UNKNOWN,
			       .touched_pct = stats_unknown};
	for (size_t i = 0; i < lazy->n; i++)
		for (size_t k = 0; k < eager->n; k++)
			if (!comparable(lazy->cells[i]->identity, lazy->cells[i]->cost_unit,
					eager->cells[k]->identity, eager->cells[k]->cost_unit,
					&why))
				return 0;
	err = differences_build(&d, lazy, eager);
	if (err == 0 && d.n_fractions >= 2) {
		c->lowest_pct = d.pct[0];
		c->highest_pct = d.pct[d.n_fractions - 1];
		c->touched_pct = stats_bootstrap(d.n_blocks, crossing_of, &d);
		int changes = sign_changes(&d);

		c->repeated = changes > 1;
		if (isfinite(c->touched_pct.value))
			c->kind = CROSSING_AT;
		else if (changes == 0)
			c->kind =
				c->touched_pct.value > 0 ? CROSSING_LAZY_WINS : CROSSING_EAGER_WINS;
	}
	free(d.by_fraction);
	free(d.scratch);
	return err;
}

int crossings_build(struct crossings *crossings, const struct results *results)
{
	struct curve *curves;
	ssize_t n = curves_build(results, &curves);
	int err = n < 0 ? (int)n : 0;

	*crossings = (struct crossings){0};
	if (err)
		return err;
	crossings->pairs = calloc((size_t)(n * n) + 1, sizeof(*crossings->pairs));
	for (ssize_t l = 0; l < n && crossings->pairs && err == 0; l++) {
		if (!(eager_share(&curves[l]) <= LAZY_SHARE) ||
		    !strcmp(curves[l].cells[0]->identity->subject, VERDICT_BASELINE))
			continue;
		for (ssize_t e = 0; e < n && err == 0; e++) {
			if (!(eager_share(&curves[e]) >= EAGER_SHARE) ||
			    !same_setting(&curves[l], curves[e].cells[0], curves[e].others))
				continue;
			err = cross(&crossings->pairs[crossings->n++], &curves[l], &curves[e]);
		}
	}
	free(curves);
	return crossings->pairs ? err : -ENOMEM;
}

void crossings_free(struct crossings *crossings)
{
	free(crossings->pairs);
	*crossings = (struct crossings){0};
}

const char *crossing_text(const struct crossing *c, char *out, size_t bytes)
{
	char interval[80] = "", lo[24], hi[24];
	const struct estimate *e = &c->touched_pct;

	switch (c->kind) {
	case CROSSING_AT:
		snprintf(lo, sizeof(lo), e->lo > -INFINITY ? "%.1f" : "below %.0f",
			 e->lo > -INFINITY ? e->lo : c->lowest_pct);
		snprintf(hi, sizeof(hi), e->hi < INFINITY ? "%.1f" : "above %.0f",
			 e->hi < INFINITY ? e->hi : c->highest_pct);
		if (strcmp(c->lazy->clock, "icount"))
			snprintf(interval, sizeof(interval), "%d %% interval %s to %s",
				 STATS_CONFIDENCE_PCT, lo, hi);
		else
			snprintf(interval, sizeof(interval), "repetitions from %s to %s", lo, hi);
		snprintf(out, bytes, "above %.1f %% touched (%s), %s is cheaper than %s here%s",
			 e->value, interval, c->eager->subject, c->lazy->subject,
			 c->repeated ? " (the curves cross more than once; this is the last)" : "");
		break;
	case CROSSING_LAZY_WINS:
		snprintf(out, bytes,
			 "%s is cheaper than %s at every fraction measured (%.0f to %.0f %%)",
			 c->lazy->subject, c->eager->subject, c->lowest_pct, c->highest_pct);
		break;
	case CROSSING_EAGER_WINS:
		snprintf(out, bytes,
			 "%s is cheaper than %s at every fraction measured (%.0f to %.0f %%)",
			 c->eager->subject, c->lazy->subject, c->lowest_pct, c->highest_pct);
		break;
	case CROSSING_UNKNOWN:
		snprintf(out, bytes, "%s against %s: no crossing can be told from this run",
			 c->lazy->subject, c->eager->subject);
		break;
	}
	return out;
}

void crossover_write_csv(const struct results *results, FILE *out)
{
	for (size_t i = 0; csv_columns[i]; i++)
		fprintf(out, "%s%s", i ? "," : "", csv_columns[i]);
	fputc('\n', out);
	for (size_t i = 0; i < results->n; i++) {
		const struct result *r = &results->cells[i];
		const struct sample *s = r->identity;
		struct estimate total;

		if (!is_fraction(r))
			continue;
		total = cell_estimate(r->values[CELL_TOTAL_COST], r->n, s->clock);
		csv_string(out, s->target, true);
		csv_string(out, s->clock, false);
		csv_string(out, r->cost_unit, false);
		csv_string(out, s->subject, false);
		csv_number(out, s->size_bytes, false);
		csv_number(out, s->fill, false);
		csv_number(out, s->threads, false);
		csv_number(out, percent_of(r), false);
		csv_number(out, (double)r->n, false);
		csv_number(out, total.value, false);
		csv_number(out, total.lo, false);
		csv_number(out, total.hi, false);
		fputc('\n', out);
	}
}

const char *crossing_kind_name(enum crossing_kind kind)
{
	static const char *const names[] = {"at", "lazy_cheaper", "eager_cheaper", "unknown"};

	return names[kind];
}

void crossings_write_csv(const struct crossings *crossings, FILE *out)
{
	for (size_t i = 0; crossings_csv_columns[i]; i++)
		fprintf(out, "%s%s", i ? "," : "", crossings_csv_columns[i]);
	fputc('\n', out);
	for (size_t i = 0; i < crossings->n; i++) {
		const struct crossing *c = &crossings->pairs[i];
		bool at = c->kind == CROSSING_AT;

		csv_string(out, c->lazy->target, true);
		csv_number(out, c->lazy->size_bytes, false);
		csv_number(out, c->lazy->fill, false);
		csv_number(out, c->lazy->threads, false);
		csv_string(out, c->lazy->subject, false);
		csv_string(out, c->eager->subject, false);
		csv_string(out, crossing_kind_name(c->kind), false);
		csv_number(out, at ? c->touched_pct.value : NAN, false);
		csv_number(out, at ? c->touched_pct.lo : NAN, false);
		csv_number(out, at ? c->touched_pct.hi : NAN, false);
		fputc('\n', out);
	}
}
