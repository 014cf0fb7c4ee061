// SPDX-License-Identifier: MIT
/* What the tables of every form of the report hold: the panels, the names that tie, what could not
 * run. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report_model.h"

static bool in_panel(const struct panel *panel, const struct sample *s)
{
	return !strcmp(panel->group->target, s->target) &&
	       panel->group->size_bytes == s->size_bytes && panel->group->fill == s->fill &&
	       panel->group->threads == s->threads;
}

static void panel_add_subject(struct panel *panel, const char *subject)
{
	size_t i = panel->n_subjects;

	if (!strcmp(subject, VERDICT_BASELINE))
		return;
	for (size_t k = 0; k < panel->n_subjects; k++)
		if (!strcmp(panel->subjects[k], subject))
			return;
	for (; i > 0 && strcmp(panel->subjects[i - 1], subject) > 0; i--)
		panel->subjects[i] = panel->subjects[i - 1];
	panel->subjects[i] = subject;
	panel->n_subjects++;
}

/* By how much the repetitions of a cell differ at most, of those that can be compared; percent. */
static double spread_pct(const struct verdict *v)
{
	double most = 0;

	for (size_t i = 0; i < v->n_cells; i++) {
		const struct result *r = &v->cells[i];
		const struct estimate *e = &r->of[CELL_TOTAL_COST_PER_PAGE];
		const char *why;

		if (result_ranked(r, &why) && result_comparable(r) && e->lo > 0)
			most = fmax(most, 100 * (e->hi - e->lo) / e->lo);
	}
	return most;
}

static int panel_add(struct panel *panel, const struct verdict *v, size_t max_groups,
		     size_t max_cells)
{
	if (!panel->verdicts) {
		panel->verdicts = calloc(max_groups, sizeof(*panel->verdicts));
		panel->subjects = calloc(max_cells, sizeof(*panel->subjects));
		panel->group = v->group;
	}
	if (!panel->verdicts || !panel->subjects)
		return -ENOMEM;
	if (!verdict_is_apart(v))
		panel->verdicts[panel->n++] = v;
	panel->spread_pct = fmax(panel->spread_pct, spread_pct(v));
	for (size_t i = 0; i < v->n_cells; i++)
		panel_add_subject(panel, v->cells[i].identity->subject);
	if (v->fastest) {
		panel->cost_unit = v->fastest->cost_unit;
		if (!panel->repetitions || v->repetitions < panel->repetitions)
			panel->repetitions = v->repetitions;
		panel->too_few |= v->too_few;
	}
	return 0;
}

static int by_target_then_fill(const void *a, const void *b)
{
	const struct sample *x = ((const struct panel *)a)->group;
	const struct sample *y = ((const struct panel *)b)->group;
	int order = strcmp(x->target, y->target);

	if (order == 0)
		order = (x->size_bytes > y->size_bytes) - (x->size_bytes < y->size_bytes);
	if (order == 0)
		order = (x->threads > y->threads) - (x->threads < y->threads);
	return order ? order : (x->fill > y->fill) - (x->fill < y->fill);
}

int panels_build(struct report *r)
{
	r->panels = calloc(r->verdicts.n + 1, sizeof(*r->panels));
	if (!r->panels)
		return -ENOMEM;
	for (size_t i = 0; i < r->verdicts.n; i++) {
		const struct verdict *v = &r->verdicts.groups[i];
		size_t p = 0;

		if (verdict_is_latency(v))
			continue;
		while (p < r->n_panels && !in_panel(&r->panels[p], v->group))
			p++;
		if (p == r->n_panels)
			r->n_panels++;
		int err = panel_add(&r->panels[p], v, r->verdicts.n, r->results.n);

		if (err)
			return err;
	}
	qsort(r->panels, r->n_panels, sizeof(*r->panels), by_target_then_fill);
	return 0;
}

void panels_free(struct report *r)
{
	for (size_t i = 0; i < r->n_panels; i++) {
		free(r->panels[i].verdicts);
		free(r->panels[i].subjects);
	}
	free(r->panels);
	r->panels = NULL;
	r->n_panels = 0;
}

const char *panel_title(const struct panel *panel, char *out, size_t bytes)
{
	char size[NUMBER_CHARS];

	snprintf(out, bytes, "%s, %s, %.0f thread%s, fill %.0f", panel->group->target,
		 text_bytes(panel->group->size_bytes, size), panel->group->threads,
		 panel->group->threads == 1 ? "" : "s", panel->group->fill);
	return out;
}

/* ---- What stands in their fields ---- */

char *verdict_ties(const struct verdict *v, const struct result *best, bool memory)
{
	size_t n = 0, ranked = 0, tied = memory ? v->tied_leanest : v->tied_fastest;
	char *text = NULL;
	const char *why;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	if (!out)
		return NULL;
	for (size_t i = 0; i < v->n_cells; i++)
		ranked += result_ranked(&v->cells[i], &why);
	if (tied > 2 && tied + 1 == ranked)
		fputs("all others", out);
	else
		for (size_t i = 0; i < v->n_cells; i++) {
			const struct result *r = &v->cells[i];

			if (r != best && (memory ? r->tied_memory : r->tied_time))
				fprintf(out, "%s%s", n++ ? ", " : "", r->identity->subject);
		}
	fclose(out);
	return text;
}

const char *unranked_text(const struct result *r)
{
	return !r ? "-" : r->n ? "not ranked" : r->outcome;
}

/* ---- What could not run ---- */

static bool same_reason(const struct result *a, const struct result *b)
{
	return !strcmp(a->identity->subject, b->identity->subject) &&
	       !strcmp(a->outcome, b->outcome) && !strcmp(a->reason, b->reason) &&
	       !strcmp(a->identity->target, b->identity->target);
}

bool not_run_row(const struct report *report, size_t i)
{
	const struct result *r = &report->results.cells[i];

	if (r->n == r->n_samples)
		return false;
	for (size_t k = 0; k < i; k++) {
		const struct result *earlier = &report->results.cells[k];

		if (earlier->n != earlier->n_samples && same_reason(r, earlier))
			return false;
	}
	return true;
}

static bool subject_ran(const struct report *report, const struct result *r)
{
	for (size_t i = 0; i < report->results.n; i++) {
		const struct result *other = &report->results.cells[i];

		if (other->n && !strcmp(other->identity->subject, r->identity->subject) &&
		    !strcmp(other->identity->target, r->identity->target))
			return true;
	}
	return false;
}

/* "dense-up fill 171" */
static const char *cell_title(const struct result *r, char *out, size_t bytes)
{
	char workload[96];

	snprintf(out, bytes, "%s fill %.0f",
		 workload_title(r->identity, workload, sizeof(workload)), r->identity->fill);
	return out;
}

/* Has an earlier cell than i, of the same reason, the same title? They differ in their size. */
static bool title_told(const struct report *report, size_t first, size_t i, const char *title)
{
	char earlier[128];

	for (size_t k = first; k < i; k++) {
		const struct result *r = &report->results.cells[k];

		if (same_reason(&report->results.cells[first], r) &&
		    !strcmp(cell_title(r, earlier, sizeof(earlier)), title))
			return true;
	}
	return false;
}

char *not_run_where(const struct report *report, size_t first)
{
	const struct result *r = &report->results.cells[first];
	char *text = NULL, title[128];
	size_t listed = 0, bytes;
	FILE *out = open_memstream(&text, &bytes);

	if (!out)
		return NULL;
	if (!subject_ran(report, r))
		fputs("everywhere", out);
	for (size_t i = first; subject_ran(report, r) && i < report->results.n; i++) {
		const struct result *other = &report->results.cells[i];

		if (same_reason(r, other) &&
		    !title_told(report, first, i, cell_title(other, title, sizeof(title))))
			fprintf(out, "%s%s", listed++ ? "; " : "", title);
	}
	fclose(out);
	return text;
}
