// SPDX-License-Identifier: MIT
/* The order of a block: what is measured, what is measured twice, the canary in between. */
#include <stdlib.h>
#include <string.h>

#include "plan.h"
#include "stats.h"

/* The supported cells, and n_cells + i for the twin i, in the random order of the block. */
static unsigned shuffled_order(const struct plan *plan, unsigned block, unsigned n_twins,
			       unsigned *order)
{
	struct stats_rng rng = {plan->options.seed};
	unsigned n = 0;

	rng.state = stats_random(&rng) + block;
	for (unsigned i = 0; i < plan->n_cells; i++)
		if (plan->cells[i].supported)
			order[n++] = i;
	for (unsigned i = 0; i < n_twins; i++)
		order[n++] = plan->n_cells + i;
	for (unsigned i = n; i > 1; i--) {
		unsigned j = (unsigned)(stats_random(&rng) % i), swap = order[i - 1];

		order[i - 1] = order[j];
		order[j] = swap;
	}
	return n;
}

unsigned plan_block_order(const struct plan *plan, unsigned block, unsigned *order)
{
	return shuffled_order(plan, block, 0, order);
}

/*
 * Not the reference, which is one already. Not what is short against the reference (single
 * operations, few pages), what depends on how many huge pages there are just now, or what waits for
 * several threads: the noise floor is to be that of the machine. Nor what is no way of getting
 * memory.
 */
static bool may_be_twin(const struct plan *plan, const struct cell *reference, unsigned i)
{
	const struct cell *cell = &plan->cells[i];

	return cell->supported && cell != reference && strcmp(cell->subject->name, "null") &&
	       2 * cell->estimate_s >= reference->estimate_s &&
	       !(cell->subject->flags & (ALLOC_HUGE | ALLOC_HUGE_RUNS)) &&
	       !cell->workload->threaded;
}

/* Cells that are measured twice in each block. */
static unsigned choose_twins(const struct plan *plan, unsigned twins[PLAN_TWINS])
{
	const struct cell *reference = plan_reference_cell(plan);
	unsigned able = 0, seen = 0, n = 0;

	if (!reference || !strcmp(reference->subject->name, "null"))
		return 0;
	twins[n++] = (unsigned)(reference - plan->cells);
	for (unsigned i = 0; i < plan->n_cells; i++)
		able += may_be_twin(plan, reference, i);
	for (unsigned i = 0; i < plan->n_cells && n < PLAN_TWINS; i++) {
		/* The next of them that is due where they are spread evenly. */
		if (may_be_twin(plan, reference, i) && ++seen * (PLAN_TWINS - 1) >= n * able)
			twins[n++] = i;
	}
	return n;
}

unsigned plan_most_turns(const struct plan *plan)
{
	unsigned shuffled = plan->n_cells + PLAN_TWINS;

	return shuffled + shuffled / PLAN_CANARY_EVERY + 1;
}

unsigned plan_turns(const struct plan *plan, unsigned block, struct turn *turns)
{
	const struct cell *reference = plan_reference_cell(plan);
	unsigned twins[PLAN_TWINS], n_twins = choose_twins(plan, twins), n = 0, canaries, per_block;
	unsigned *order = calloc(plan->n_cells + PLAN_TWINS, sizeof(*order)), n_order;

	if (!order)
		return 0;
	n_order = shuffled_order(plan, block, n_twins, order);
	per_block = reference ? (n_order + PLAN_CANARY_EVERY - 1) / PLAN_CANARY_EVERY : 0;
	canaries = block * per_block;
	for (unsigned i = 0; i < n_order; i++) {
		bool twin = order[i] >= plan->n_cells;

		if (reference && i % PLAN_CANARY_EVERY == 0)
			turns[n++] = (struct turn){(unsigned)(reference - plan->cells), "canary",
						   canaries++};
		turns[n++] = (struct turn){twin ? twins[order[i] - plan->n_cells] : order[i],
					   twin ? "aa" : "measure", block};
	}
	free(order);
	return n;
}

bool plan_coin(const struct plan *plan, unsigned pair)
{
	struct stats_rng rng = {~plan->options.seed + pair};

	return stats_random(&rng) & 1;
}
