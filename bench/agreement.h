/* SPDX-License-Identifier: MIT */
/*
 * Do two runs say the same? For each pair of subjects that both runs measured under the same
 * conditions, the block-paired ratio of each run. A pair counts where both intervals lie wholly
 * outside of AGREEMENT_LOW to AGREEMENT_HIGH: both runs claim a difference. It agrees where they
 * claim it in the same direction.
 */
#ifndef TA_AGREEMENT_H
#define TA_AGREEMENT_H

#include "verdict.h"

#define AGREEMENT_LOW		0.95
#define AGREEMENT_HIGH		1.05
#define AGREEMENT_MAX_DISAGREES 0.01 /* of the pairs that count */

/* A pair whose runs claim opposite directions: first / second, per run. */
struct disagreement {
	const struct result *first, *second; /* in the first run */
	struct estimate ratio[2];
};

struct agreement {
	size_t groups;	 /* that both runs hold */
	size_t compared; /* pairs of subjects that both runs could rank */
	size_t counted;	 /* of them, both intervals outside */
	size_t n;	 /* of them, in opposite directions */
	struct disagreement *pairs;
};

/* 0 or -ENOMEM. The verdicts must outlive agreement, which agreement_free() frees. */
int agreement_build(struct agreement *agreement, const struct verdicts *first,
		    const struct verdicts *second);
void agreement_free(struct agreement *agreement);
/* At most AGREEMENT_MAX_DISAGREES of the pairs that count? False where none does. */
bool agreement_holds(const struct agreement *agreement);

#endif
