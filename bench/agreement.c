// SPDX-License-Identifier: MIT
#include "agreement.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool same_conditions(const struct verdict *a, const struct verdict *b)
{
	const struct sample *x = a->group, *y = b->group;

	return !strcmp(x->target, y->target) && !strcmp(x->workload, y->workload) &&
	       x->size_bytes == y->size_bytes && x->fill == y->fill && x->threads == y->threads &&
	       !strcmp(a->cells->params, b->cells->params);
}

static const struct result *cell_of(const struct verdict *v, const char *subject)
{
	const char *why;

	for (size_t i = 0; i < v->n_cells; i++)
		if (!strcmp(v->cells[i].identity->subject, subject) &&
		    result_ranked(&v->cells[i], &why))
			return &v->cells[i];
	return NULL;
}

/* -1: below, 1: above, 0: neither is claimed. */
static int direction(const struct estimate *ratio)
{
	return ratio->hi < AGREEMENT_LOW ? -1 : ratio->lo > AGREEMENT_HIGH;
}

static int compare_pair(struct agreement *all, const struct result *const first[2],
			const struct result *const second[2])
{
	struct disagreement pair = {.first = first[0], .second = second[0]};
	struct disagreement *grown;
	const char *why;

	for (int run = 0; run < 2; run++)
		if (result_ratio(first[run], second[run], result_headline(first[run]),
				 &pair.ratio[run], &why))
			return 0;
	all->compared++;
	if (!direction(&pair.ratio[0]) || !direction(&pair.ratio[1]))
		return 0;
	all->counted++;
	if (direction(&pair.ratio[0]) == direction(&pair.ratio[1]))
		return 0;
	grown = realloc(all->pairs, (all->n + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	all->pairs = grown;
	grown[all->n++] = pair;
	return 0;
}

static int compare_group(struct agreement *all, const struct verdict *a, const struct verdict *b)
{
	int error = 0;

	all->groups++;
	for (size_t i = 0; i < a->n_cells; i++)
		for (size_t k = i + 1; k < a->n_cells && !error; k++) {
			const char *x = a->cells[i].identity->subject;
			const char *y = a->cells[k].identity->subject;
			const struct result *first[2] = {cell_of(a, x), cell_of(b, x)};
			const struct result *second[2] = {cell_of(a, y), cell_of(b, y)};

			if (first[0] && first[1] && second[0] && second[1])
				error = compare_pair(all, first, second);
		}
	return error;
}

int agreement_build(struct agreement *agreement, const struct verdicts *first,
		    const struct verdicts *second)
{
	int error = 0;

	*agreement = (struct agreement){.n = 0};
	for (size_t i = 0; i < first->n; i++)
		for (size_t k = 0; k < second->n && !error; k++)
			if (same_conditions(&first->groups[i], &second->groups[k]))
				error = compare_group(agreement, &first->groups[i],
						      &second->groups[k]);
	return error;
}

void agreement_free(struct agreement *agreement)
{
	free(agreement->pairs);
	*agreement = (struct agreement){.n = 0};
}

bool agreement_holds(const struct agreement *agreement)
{
	return agreement->counted &&
	       (double)agreement->n <= AGREEMENT_MAX_DISAGREES * (double)agreement->counted;
}
