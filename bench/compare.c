// SPDX-License-Identifier: MIT
#include "compare.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "controls.h"
#include "verdict.h"

const char *finding_name(enum finding finding)
{
	static const char *const names[] = {"WORSE", "better", "same", "not judged"};

	return names[finding];
}

__attribute__((format(printf, 2, 3))) static void note(struct comparison *c, const char *format,
						       ...)
{
	char **notes = realloc(c->notes, (c->n_notes + 1) * sizeof(*notes));
	va_list arguments;

	if (!notes)
		return;
	c->notes = notes;
	va_start(arguments, format);
	if (vasprintf(&notes[c->n_notes], format, arguments) >= 0)
		c->n_notes++;
	va_end(arguments);
}

static struct compare_row *add_row(struct comparison *c, const struct series *base,
				   const struct series *new)
{
	struct compare_row *rows = realloc(c->rows, (c->n + 1) * sizeof(*rows));

	if (!rows)
		return NULL;
	c->rows = rows;
	rows[c->n] = (struct compare_row){.base = base,
					  .new = new,
					  .ratio = stats_unknown,
					  .p = NAN,
					  .delta = NAN,
					  .finding = FINDING_NOT_JUDGED};
	return &rows[c->n++];
}

/* ---- One row ---- */

/* Ratio of what was counted: median over the common blocks, with the range. */
static void compare_exactly(struct compare_row *row, bool between_runs)
{
	double *a = calloc(row->new->n + 1, sizeof(*a)), *b = calloc(row->new->n + 1, sizeof(*b));
	size_t n = a && b ? series_common(row->new, row->base, a, b) : 0;
	bool memory = !strcmp(row->new->metric, SOURCE_MEMORY);
	double tolerance = memory ? COMPARE_MEMORY : ICOUNT_TOLERANCE;

	if (between_runs && (row->base->too_small || row->new->too_small)) {
		row->why = "below 10 million instructions";
	} else if (!n) {
		row->why = "no block holds both";
	} else {
		for (size_t i = 0; i < n; i++)
			a[i] /= b[i];
		row->ratio = stats_range(a, n);
		row->finding = FINDING_NONE;
		if (row->ratio.value > 1 + tolerance && row->ratio.lo > 1)
			row->finding = FINDING_WORSE;
		else if (row->ratio.value < 1 / (1 + tolerance) && row->ratio.hi < 1)
			row->finding = FINDING_BETTER;
	}
	free(a);
	free(b);
}

/* Ratio and test of times of two runs; what it means is judged when all rows are tested. */
static void compare_over_baselines(struct compare_row *row, const struct series *new_baseline)
{
	double *a = calloc(row->new->n + 1, sizeof(*a)), *b = calloc(row->base->n + 1, sizeof(*b));
	size_t n = a && b ? series_over(row->new, new_baseline, a) : 0;
	size_t m = n ? series_over(row->base, row->baseline, b) : 0;
	struct rank_test test;

	if (!n || !m) {
		row->why = "no block holds it and the baseline";
	} else {
		row->ratio = stats_ratio_between(a, n, b, m);
		test = stats_mann_whitney(a, n, b, m);
		row->p = test.p;
		row->delta = test.delta;
	}
	free(a);
	free(b);
}

/* The same of two subjects of one run. */
static void compare_times(struct compare_row *row)
{
	const struct series *new = row->new, *base = row->base;
	double *a = calloc(new->n + 1, sizeof(*a)), *b = calloc(new->n + 1, sizeof(*b));
	size_t n = a && b ? series_common(new, base, a, b) : 0;
	struct rank_test test;

	if (new->block)
		row->ratio = stats_ratio_interval(a, b, n);
	else
		row->ratio = stats_ratio_between(new->values, new->n, base->values, base->n);
	if (!row->ratio.n) {
		row->why = "no block holds both";
	} else {
		test = stats_mann_whitney(new->values, new->n, base->values, base->n);
		row->p = test.p;
		row->delta = test.delta;
	}
	free(a);
	free(b);
}

/* ---- Judging ---- */

static void judge(const struct comparison *c, struct compare_row *row)
{
	if (!row->ratio.n)
		return;
	if (!isnan(c->options.limit)) {
		row->finding =
			stats_at_most(&row->ratio, c->options.limit) ? FINDING_NONE : FINDING_WORSE;
		return;
	}
	if (row->new->exact)
		return; /* compare_exactly() has */
	if (row->ratio.n < STATS_MIN_REPETITIONS) {
		row->why = "fewer than 9 repetitions";
	} else if (isnan(c->floor)) {
		row->why = "the noise floor is unknown";
	} else if (c->floor > CONTROLS_TOO_NOISY) {
		row->why = "the machine is too noisy";
	} else {
		row->finding = FINDING_NONE;
		if (row->p < COMPARE_ALPHA && row->ratio.value > 1 + c->floor)
			row->finding = FINDING_WORSE;
		else if (row->p < COMPARE_ALPHA && row->ratio.value < 1 / (1 + c->floor))
			row->finding = FINDING_BETTER;
	}
}

/* Holm over the rows with a test. */
static int adjust(struct comparison *c)
{
	double *p = calloc(c->n + 1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	for (size_t i = 0; i < c->n; i++) {
		p[i] = c->rows[i].p;
		c->tested += !isnan(p[i]);
	}
	stats_holm(p, c->n);
	for (size_t i = 0; i < c->n; i++)
		c->rows[i].p = p[i];
	free(p);
	return 0;
}

static double size_of_change(const struct compare_row *row)
{
	return row->ratio.n ? fabs(log(row->ratio.value)) : INFINITY;
}

static int by_change(const void *a, const void *b)
{
	const struct compare_row *x = a, *y = b;
	bool none_x = x->finding >= FINDING_NONE, none_y = y->finding >= FINDING_NONE;
	double dx = size_of_change(x), dy = size_of_change(y);
	int order = none_x - none_y;

	if (order == 0 && none_x)
		order = (int)x->finding - (int)y->finding;
	if (order == 0)
		order = (dx < dy) - (dx > dy);
	if (order == 0)
		order = strcmp(x->base->group, y->base->group);
	return order ? order : strcmp(x->base->subject, y->base->subject);
}

static int finish(struct comparison *c)
{
	int error = adjust(c);

	if (error)
		return error;
	for (size_t i = 0; i < c->n; i++) {
		judge(c, &c->rows[i]);
		c->floor_needed |= !isnan(c->rows[i].p) && isnan(c->options.limit);
		c->count[c->rows[i].finding]++;
	}
	if (c->n)
		qsort(c->rows, c->n, sizeof(*c->rows), by_change);
	return 0;
}

/* ---- Two runs ---- */

/* The baseline of a group that both runs have, or NULL. */
static const struct series *choose_baseline(const struct comparison *c, const struct series *group)
{
	const char *wanted = c->options.baseline ? c->options.baseline : COMPARE_BASELINE;
	const struct series *found = source_find(c->base, group, wanted), *other;

	other = source_find(c->new, group, wanted);
	if (found && other && found->n && other->n)
		return found;
	for (size_t i = 0; i < c->base->n && !c->options.baseline; i++) {
		found = &c->base->series[i];
		other = source_find(c->new, group, found->subject);
		if (series_alike(found, group) && found->n && other && other->n)
			return found;
	}
	return NULL;
}

/* The same cell in NEW, or NULL. What failed has no value that would tell by what it is compared.
 */
static const struct series *counterpart(const struct comparison *c, const struct series *base)
{
	const struct series *found = source_find(c->new, base, base->subject);

	for (size_t i = 0; i < c->new->n && !found; i++) {
		const struct series *s = &c->new->series[i];

		if (!s->n && strcmp(base->metric, SOURCE_MEMORY) &&
		    !strcmp(s->target, base->target) && !strcmp(s->group, base->group) &&
		    !strcmp(s->subject, base->subject))
			found = s;
	}
	return found;
}

static int compare_series(struct comparison *c, const struct series *base)
{
	const struct series *new = counterpart(c, base);
	const struct series *baseline = NULL;
	struct compare_row *row;

	if (!base->n || source_find(c->base, base, base->subject) != base) /* its A/A twin */
		return 0;
	if (!base->exact)
		baseline = choose_baseline(c, base);
	if (base == baseline)
		return 0;
	row = add_row(c, base, new);
	if (!row)
		return -ENOMEM;
	row->baseline = baseline;
	if (!new || !new->n) {
		row->why = !new ? "not in NEW" : new->why;
		if (new &&new->broken)
			row->finding = FINDING_WORSE;
	} else if (strcmp(base->unit, new->unit)) {
		row->why = "different units";
	} else if (base->exact) {
		compare_exactly(row, true);
	} else if (!baseline) {
		row->why = "no baseline: raw times of two runs are not compared";
	} else {
		compare_over_baselines(row, source_find(c->new, base, baseline->subject));
	}
	return 0;
}

/*
 * All of at least two other subjects of a group got better: then the baseline itself more likely
 * got worse. Which of both it was, no ratio inside a run can tell.
 */
static void suspect_baselines(struct comparison *c)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct compare_row *first = &c->rows[i];
		size_t others = 0, better = 0;
		bool seen = false;

		for (size_t k = 0; k < c->n && first->baseline; k++) {
			const struct compare_row *row = &c->rows[k];

			if (row->baseline != first->baseline)
				continue;
			seen |= k < i;
			others++;
			better += row->finding == FINDING_BETTER;
		}
		if (seen || others < 2 || better < others)
			continue;
		note(c,
		     "%s: all %zu others got cheaper against the baseline %s: rather %s itself got "
		     "dearer; --baseline with another name tells more",
		     first->base->group, others, first->baseline->subject,
		     first->baseline->subject);
		c->baseline_suspect |= !c->options.baseline;
	}
}

static void note_new_ones(struct comparison *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->new->n; i++)
		n += c->new->series[i].n &&
		     !source_find(c->base, &c->new->series[i], c->new->series[i].subject);
	if (n)
		note(c, "%zu series of NEW are not in BASE", n);
}

int compare_runs(struct comparison *c, const struct source *base, const struct source *new,
		 const struct compare_options *options)
{
	int error = 0;

	*c = (struct comparison){.base = base, .new = new, .options = *options};
	c->options.limit = NAN;
	/* Known only where both are. */
	c->floor = isnan(base->floor) || isnan(new->floor) ? NAN : fmax(base->floor, new->floor);
	if (!isnan(options->floor))
		c->floor = options->floor;
	for (size_t i = 0; i < base->n && !error; i++)
		error = compare_series(c, &base->series[i]);
	if (!error)
		error = finish(c);
	if (!error) {
		suspect_baselines(c);
		note_new_ones(c);
	}
	return error;
}

/* ---- Two subjects ---- */

int compare_subjects(struct comparison *c, const struct source *source, const char *base,
		     const char *new, const struct compare_options *options)
{
	*c = (struct comparison){.base = source, .new = source, .options = *options};
	c->floor = isnan(options->floor) ? source->floor : options->floor;
	for (size_t i = 0; i < source->n; i++) {
		const struct series *first = &source->series[i];
		const struct series *second = source_find(source, first, new);
		struct compare_row *row;

		if (strcmp(first->subject, base) || !second ||
		    source_find(source, first, base) != first ||
		    (!isnan(options->limit) && !strcmp(first->metric, SOURCE_MEMORY)))
			continue;
		row = add_row(c, first, second);
		if (!row)
			return -ENOMEM;
		if (!first->n || !second->n)
			row->why = first->n ? second->why : first->why;
		else if (strcmp(first->unit, second->unit))
			row->why = "different units";
		else if (first->exact)
			compare_exactly(row, false);
		else
			compare_times(row);
	}
	return finish(c);
}

void comparison_free(struct comparison *c)
{
	for (size_t i = 0; i < c->n_notes; i++)
		free(c->notes[i]);
	free(c->notes);
	free(c->rows);
	*c = (struct comparison){.n = 0};
}

const char *comparison_undecided(const struct comparison *c, char *out, size_t bytes)
{
	size_t judged = c->n - c->count[FINDING_NOT_JUDGED];

	if (!c->n)
		snprintf(out, bytes, "not comparable: nothing is in both");
	else if (c->floor_needed && isnan(c->floor))
		snprintf(out, bytes,
			 "not comparable: the noise floor is unknown, since no cell was measured "
			 "twice in at least %d blocks of each run; take runs anew, or name a floor "
			 "with --floor PERCENT",
			 STATS_MIN_REPETITIONS);
	else if (c->floor_needed && c->floor > CONTROLS_TOO_NOISY)
		snprintf(out, bytes,
			 "too noisy: the noise floor is %.1f %%, above %.0f %%; measure "
			 "again when nothing else runs on the machine",
			 100 * c->floor, 100 * CONTROLS_TOO_NOISY);
	else if (!judged)
		snprintf(out, bytes, "not comparable: %s", c->rows[0].why);
	else
		return NULL;
	return out;
}
