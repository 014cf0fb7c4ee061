/* SPDX-License-Identifier: MIT */
/*
 * What a run says about its own noise.
 *
 * Contract. Samples of purpose "aa" are of cells that are measured as well, once more in each block
 * at a place of their own: two measurements of the same, whose ratio would be 1 without noise. The
 * noise floor is the largest difference that any of them leaves open: the far end of the interval
 * of its ratio, block by block, as a share (0.05: 5 %). No smaller difference between subjects or
 * runs is a finding.
 *
 * Samples of purpose "canary" are of one cell, taken again and again through the run: what they
 * change by is the machine's drift, which cancels in ratios inside a block and is in every raw
 * time.
 */
#ifndef TA_CONTROLS_H
#define TA_CONTROLS_H

#include "cells.h"

#define CONTROLS_TOO_NOISY 0.15 /* a floor above it: nothing is claimed */

struct controls {
	size_t pairs;	       /* cells measured twice, with STATS_MIN_REPETITIONS blocks or more */
	double floor;	       /* NaN where there are none */
	struct estimate worst; /* the ratio that sets the floor */
	const struct sample *worst_of; /* of that cell; NULL where there is none */
	struct {
		size_t n; /* samples; 0: unknown, and so is all else */
		const struct sample *of;
		double slowest, fastest; /* block's median over the whole run's */
		struct estimate drift;	 /* how many times the first half the second is */
	} canary;
};

#define CONTROLS_DRIFT 0.10 /* a drift beyond it, which the interval confirms, is told */

/* 0 or -ENOMEM. results: of the same samples, which must outlive controls. */
int controls_measure(struct controls *controls, const struct samples *samples,
		     const struct results *results);
/* How far the further end of a ratio's interval is from 1, as a share: 0.05 for 1.05 and for 1 /
 * 1.05. lo must be above 0. */
double controls_distance(const struct estimate *ratio);
/* "noise floor 3.1 % (the furthest of 4 A/A pairs: mmap, dense-up: 1.004 [0.970, 1.021])" */
const char *controls_floor_text(const struct controls *controls, char *out, size_t bytes);
/* "canary (mmap, dense-up): 18 samples, blocks from 0.97 to 1.08 of the run's median; second half
 * of the run 1.02 [0.99, 1.05] times the first"; "" where there is none. */
const char *controls_canary_text(const struct controls *controls, char *out, size_t bytes);
/* Did the speed drift by more than CONTROLS_DRIFT? */
bool controls_drifted(const struct controls *controls);

#endif
