// SPDX-License-Identifier: MIT
#include "controls.h"

#include <math.h>
#include <stdio.h>

double controls_distance(const struct estimate *ratio)
{
	return fmax(ratio->hi, 1 / ratio->lo) - 1;
}

/* A block's median as a share of the run's; values are one block's. */
static void note_block(struct controls *controls, const double *values, size_t n, double whole)
{
	double share = stats_median(values, n) / whole;

	controls->canary.slowest = fmax(controls->canary.slowest, share);
	controls->canary.fastest = fmin(controls->canary.fastest, share);
}

/* The canary's samples in the order they were taken: cells.c sorts by block, and keeps that order
 * inside of it. */
static void measure_canary(struct controls *controls, const struct result *canary)
{
	enum cell_metric metric = result_headline(canary);
	const double *values = canary->values[metric];
	size_t half = canary->n / 2, begin = 0;

	if (!canary->n || !(canary->of[metric].value > 0))
		return;
	controls->canary.n = canary->n;
	controls->canary.of = canary->identity;
	controls->canary.fastest = INFINITY;
	for (size_t i = 1; i <= canary->n; i++)
		if (i == canary->n || canary->block[i] != canary->block[begin]) {
			note_block(controls, values + begin, i - begin, canary->of[metric].value);
			begin = i;
		}
	if (half)
		controls->canary.drift =
			stats_ratio_between(values + half, canary->n - half, values, half);
}

static int measure_drift(struct controls *controls, const struct samples *samples,
			 double page_bytes)
{
	struct results canaries;
	int error = results_build_of(&canaries, samples, "canary", page_bytes);

	if (!error && canaries.n)
		measure_canary(controls, &canaries.cells[0]);
	results_free(&canaries);
	return error;
}

int controls_measure(struct controls *controls, const struct samples *samples,
		     const struct results *results)
{
	struct results again;
	int error = results_build_of(&again, samples, "aa", results->page_bytes);

	*controls = (struct controls){.floor = NAN, .worst = stats_unknown};
	controls->canary.drift = stats_unknown;
	for (size_t i = 0; i < again.n && !error; i++) {
		const struct result *second = &again.cells[i];
		const struct result *first = results_find(results, second->identity->cell_id);
		struct estimate ratio;
		const char *why;

		if (!first || !first->n || !second->n ||
		    result_ratio(second, first, result_headline(first), &ratio, &why) ||
		    ratio.n < STATS_MIN_REPETITIONS || !(ratio.lo > 0))
			continue;
		controls->pairs++;
		if (controls->floor >= controls_distance(&ratio))
			continue;
		controls->floor = controls_distance(&ratio);
		controls->worst = ratio;
		controls->worst_of = first->identity;
	}
	results_free(&again);
	return error ? error : measure_drift(controls, samples, results->page_bytes);
}

const char *controls_floor_text(const struct controls *controls, char *out, size_t bytes)
{
	if (!controls->pairs)
		snprintf(out, bytes,
			 "noise floor unknown: no cell was measured twice in at least %d blocks",
			 STATS_MIN_REPETITIONS);
	else
		snprintf(out, bytes,
			 "noise floor %.1f %% (the furthest of %zu A/A pairs: %s, %s: %.3f [%.3f, "
			 "%.3f])",
			 100 * controls->floor, controls->pairs, controls->worst_of->subject,
			 controls->worst_of->workload, controls->worst.value, controls->worst.lo,
			 controls->worst.hi);
	return out;
}

const char *controls_canary_text(const struct controls *controls, char *out, size_t bytes)
{
	const struct estimate *drift = &controls->canary.drift;
	size_t used;

	*out = '\0';
	if (!controls->canary.n)
		return out;
	used = (size_t)snprintf(
		out, bytes,
		"canary (%s, %s): %zu samples, blocks from %.2f to %.2f of the run's "
		"median",
		controls->canary.of->subject, controls->canary.of->workload, controls->canary.n,
		controls->canary.fastest, controls->canary.slowest);
	if (drift->n && used < bytes)
		snprintf(out + used, bytes - used,
			 "; second half of the run %.3f [%.3f, %.3f] times the first", drift->value,
			 drift->lo, drift->hi);
	return out;
}

bool controls_drifted(const struct controls *controls)
{
	const struct estimate *drift = &controls->canary.drift;

	return drift->n && fabs(drift->value - 1) > CONTROLS_DRIFT &&
	       (drift->lo > 1 || drift->hi < 1);
}
