// SPDX-License-Identifier: MIT
/* What the run found, in plain sentences, each by a rule that is stated above the function. */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "advice.h"
#include "report_model.h"

#define MAX_NAMED 4 /* subjects in one list */
#define TODAY	  "glibc/calloc"
#define DENSE	  "dense-up"
#define ALL_ROUND 3 /* who is worse than this somewhere is none for everything */
#define TIMES	  "\303\227"

__attribute__((format(printf, 2, 3))) static void add(struct conclusion *c, const char *format, ...)
{
	size_t used = strlen(c->text);
	va_list args;

	va_start(args, format);
	vsnprintf(c->text + used, sizeof(c->text) - used, format, args);
	va_end(args);
}

/* The panel to speak of: the target's first with fill 0 (or, other_fill, the first without). */
static const struct panel *panel_of(const struct report *report, const char *target,
				    bool other_fill)
{
	for (size_t i = 0; i < report->n_panels; i++) {
		const struct panel *p = &report->panels[i];

		if (p->cost_unit && !strcmp(p->group->target, target) &&
		    (p->group->fill != 0) == other_fill)
			return p;
	}
	return NULL;
}

static void add_interval(struct conclusion *c, const struct estimate *e, const char *clock)
{
	if (e->n)
		add(c, " (%s %.3g to %.3g)",
		    strcmp(clock, "icount") ? "95 % interval" : "repetitions from", e->lo, e->hi);
}

/* How many of the ranked cells are lean by advice.h's rule. */
static size_t count_lean(const struct verdict *v, size_t *ranked)
{
	size_t lean = 0;
	const char *why;

	*ranked = 0;
	for (size_t i = 0; i < v->n_cells; i++)
		if (result_ranked(&v->cells[i], &why)) {
			++*ranked;
			lean += advice_memory(v, &v->cells[i]) <= ADVICE_LEAN;
		}
	return lean;
}

/* Memory: the workload with the greatest regret in memory; who commits little, and what the fattest
 * commits. */
static void conclude_memory(const struct report *report, struct conclusion *c)
{
	const struct verdict *v;
	const struct result *fat = report_fattest(report, &v);
	char title[96], size[NUMBER_CHARS], least[NUMBER_CHARS], most[NUMBER_CHARS];
	char ratio[NUMBER_CHARS];
	size_t ranked, lean, fattest = 0, named = 0;

	if (!fat)
		return;
	lean = count_lean(v, &ranked);
	c->topic = "Reserved is not committed";
	add(c,
	    "of the %s that each way of getting memory reserves for %s (fill %.0f), %zu of %zu "
	    "ways commit about as little as the leanest, %s (%s); %s commits %s, %s " TIMES
	    " as much.",
	    text_bytes(v->group->size_bytes, size), workload_title(v->group, title, sizeof(title)),
	    v->group->fill, lean, ranked, v->leanest->identity->subject,
	    text_bytes(v->leanest->of[CELL_COMMITTED_BYTES].value, least), fat->identity->subject,
	    text_bytes(fat->of[CELL_COMMITTED_BYTES].value, most),
	    text_ratio(fat->regret_memory, ratio));
	for (size_t i = 0; i < v->n_cells; i++)
		fattest += &v->cells[i] != fat &&
			   v->cells[i].regret_memory * ADVICE_LEAN >= fat->regret_memory;
	for (size_t i = 0; i < v->n_cells && named < MAX_NAMED; i++)
		if (&v->cells[i] != fat &&
		    v->cells[i].regret_memory * ADVICE_LEAN >= fat->regret_memory)
			add(c, "%s%s", named++ ? ", " : " So do ", v->cells[i].identity->subject);
	if (fattest > named)
		add(c, " and %zu more", fattest - named);
	add(c, fattest ? "." : "");
}

/* Time: writing every page in turn, where it was measured, else the panel's first workload. */
static void conclude_time(const struct panel *panel, struct conclusion *c)
{
	const struct verdict *v = NULL;
	const struct result *today, *slowest = NULL;
	char title[96], cost[NUMBER_CHARS], ratio[NUMBER_CHARS];

	for (size_t i = 0; i < panel->n; i++)
		if (panel->verdicts[i]->fastest &&
		    (!v || !strcmp(panel->verdicts[i]->group->workload, DENSE)))
			v = panel->verdicts[i];
	if (!v)
		return;
	for (size_t i = 0; i < v->n_cells; i++)
		if (v->cells[i].regret_time.value >
		    (slowest ? slowest->regret_time.value : ADVICE_FAST))
			slowest = &v->cells[i];
	today = verdict_cell(v, TODAY);
	c->topic = "Time";
	add(c, "%s is the fastest at %s: %s a touched page for alloc + touch + free together",
	    v->fastest->identity->subject, workload_title(v->group, title, sizeof(title)),
	    text_cost(v->fastest->of[CELL_TOTAL_COST_PER_PAGE].value, v->fastest->cost_unit, cost));
	if (v->tied_fastest)
		add(c, " (tied with %zu other%s)", v->tied_fastest,
		    v->tied_fastest == 1 ? "" : "s");
	add(c, ".");
	if (today && today->regret_time.value > 1) {
		add(c, " " TODAY " takes %s " TIMES " as long",
		    text_ratio(today->regret_time.value, ratio));
		add_interval(c, &today->regret_time, v->group->clock);
	}
	if (slowest && slowest != today) {
		add(c, "%s the slowest, %s, takes %s " TIMES " as long",
		    today && today->regret_time.value > 1 ? ";" : " Of all,",
		    slowest->identity->subject, text_ratio(slowest->regret_time.value, ratio));
		add_interval(c, &slowest->regret_time, v->group->clock);
	}
	add(c, (today && today->regret_time.value > 1) || slowest ? "." : "");
}

/* What a program gets that asks for nothing else: in how many workloads it is fast, lean, and its
 * worst. */
static void conclude_today(const struct panel *panel, struct conclusion *c)
{
	const struct result *worst = NULL;
	const struct verdict *where = NULL;
	size_t n = 0, fast = 0, lean = 0;
	char title[96], ratio[NUMBER_CHARS];
	const char *why;

	for (size_t i = 0; i < panel->n; i++) {
		const struct verdict *v = panel->verdicts[i];
		const struct result *r = verdict_cell(v, TODAY);

		if (!r || !result_ranked(r, &why))
			continue;
		n++;
		fast += r->regret_time.value <= ADVICE_FAST;
		lean += advice_memory(v, r) <= ADVICE_LEAN;
		if (!worst || r->regret_time.value > worst->regret_time.value) {
			worst = r;
			where = v;
		}
	}
	if (!worst)
		return;
	c->topic = "What a program gets today";
	add(c,
	    TODAY " is within %.0f %% of the fastest in %zu of %zu workloads and of the leanest in "
		  "%zu; at its worst it takes %s " TIMES " the fastest's time (%s).",
	    100 * (ADVICE_FAST - 1), fast, n, lean, text_ratio(worst->regret_time.value, ratio),
	    workload_title(where->group, title, sizeof(title)));
}

/* The crossing to tell first, and the first other one of its target that does cross. */
static void conclude_crossing(const struct report *report, struct conclusion *c)
{
	const struct crossing *main = report_main_crossing(report);
	char text[320];

	if (!main)
		return;
	c->topic = "Lazy or eager";
	add(c, "%s", crossing_text(main, text, sizeof(text)));
	for (size_t i = 0; i < report->crossings.n; i++) {
		const struct crossing *other = &report->crossings.pairs[i];

		if (other == main || other->kind != CROSSING_AT ||
		    strcmp(other->lazy->target, main->lazy->target) ||
		    strcmp(other->lazy->subject, main->lazy->subject))
			continue;
		add(c, "; %s", crossing_text(other, text, sizeof(text)));
		break;
	}
	add(c, ".");
}

/* The subject whose worst regret is the smallest. */
static void conclude_all_round(const struct panel *panel, struct conclusion *c)
{
	struct all_round best = {0};
	char title[96], ratio[NUMBER_CHARS];

	if (panel->n > 1)
		best = advice_all_round(panel->verdicts, panel->n, true);
	if (!best.subject || isinf(best.worst))
		return;
	bool none = best.worst > ALL_ROUND;

	c->topic = "One for everything";
	add(c,
	    none ? "none; the smallest worst case is that of %s: %s " TIMES
		   " the best of a workload"
		 : "%s is never worse than %s " TIMES " the best of a workload",
	    best.subject, text_ratio(best.worst, ratio));
	if (best.where)
		add(c, " (%s%s, %s)", none ? "" : "its worst: ",
		    workload_title(best.where->group, title, sizeof(title)),
		    best.in_memory ? "memory" : "time");
	add(c, ".");
}

/* Both ends of a ratio over workloads. */
struct span {
	double least, most;
	const struct sample *at_least, *at_most;
};

static void widen(struct span *span, double value, const struct sample *where)
{
	if (!span->at_least || value < span->least) {
		span->least = value;
		span->at_least = where;
	}
	if (!span->at_most || value > span->most) {
		span->most = value;
		span->at_most = where;
	}
}

static const char *ratio_text(double ratio, char out[NUMBER_CHARS])
{
	if (ratio >= 0.1)
		return text_ratio(ratio, out);
	snprintf(out, NUMBER_CHARS, "%.2g", ratio);
	return out;
}

/* "from 0.22 (recycle) to 1.02 x the time (shuffled)" */
static void add_span(struct conclusion *c, const struct span *span, const char *of)
{
	char title[96], number[NUMBER_CHARS];

	if (span->least >= 1 - MEMORY_TOLERANCE && span->most <= 1 + MEMORY_TOLERANCE) {
		add(c, " the same %s within %.1f %%", of, 100 * MEMORY_TOLERANCE);
		return;
	}
	if (span->at_least != span->at_most)
		add(c, " from %s (%s) to", ratio_text(span->least, number),
		    workload_title(span->at_least, title, sizeof(title)));
	add(c, " %s " TIMES " the %s (%s)", ratio_text(span->most, number), of,
	    workload_title(span->at_most, title, sizeof(title)));
}

/* subject against base in each workload of a panel: how often it is cheaper, and both ends; in
 * memory of those in which base commits something. False where there is nothing to say. */
static bool add_pair(struct conclusion *c, const struct panel *panel, const char *subject,
		     const char *base)
{
	struct span times = {0}, memories = {0};
	size_t n = 0, less = 0, more = 0;
	const char *why;

	for (size_t i = 0; panel && i < panel->n; i++) {
		const struct verdict *v = panel->verdicts[i];
		const struct result *a = verdict_cell(v, subject), *b = verdict_cell(v, base);
		struct estimate time, memory;

		if (!a || !b || !result_ranked(a, &why) || !result_ranked(b, &why) ||
		    result_ratio(a, b, CELL_TOTAL_COST_PER_PAGE, &time, &why))
			continue;
		bool counted = !strcmp(v->group->clock, "icount");

		n++;
		less += counted ? time.value < 1 - ICOUNT_TOLERANCE : time.hi < 1;
		more += counted ? time.value > 1 + ICOUNT_TOLERANCE : time.lo > 1;
		widen(&times, time.value, v->group);
		if (b->of[CELL_COMMITTED_PER_TOUCHED].value >= MEMORY_NOTHING &&
		    !result_ratio(a, b, CELL_COMMITTED_PER_TOUCHED, &memory, &why))
			widen(&memories, memory.value, v->group);
	}
	if (!n)
		return false;
	add(c, " With fill %.0f %s against %s is cheaper in %zu of %zu workloads, dearer in %zu:",
	    panel->group->fill, subject, base, less, n, more);
	add_span(c, &times, panel_is_emulated(panel) ? "instructions" : "time");
	if (memories.at_most) {
		add(c, ";");
		add_span(c, &memories, "committed memory");
	}
	add(c, ".");
	return true;
}

/* This project's own way on a target, against the plain one; each fill apart. */
static void conclude_own(const struct report *report, const char *target, const char *subject,
			 const char *base, const char *topic, struct conclusion *c)
{
	bool any = add_pair(c, panel_of(report, target, false), subject, base);

	any |= add_pair(c, panel_of(report, target, true), subject, base);
	if (any) {
		c->topic = topic;
		snprintf(c->command, sizeof(c->command),
			 "build/tabench compare --all --subject %s --to %s RUN", subject, base);
		memmove(c->text, c->text + 1, strlen(c->text)); /* the blank before it */
	}
}

/* Repetitions, verify, noise: what the other sentences rest on. */
static void conclude_trust(const struct report *report, struct conclusion *c)
{
	const struct panel *host = panel_of(report, "host", false);
	char text[400];

	c->topic = "How far to trust it";
	if (host)
		add(c, "%zu repetitions of each cell on the host%s; ", host->repetitions,
		    host->too_few ? ", too few for a claim" : "");
	add(c,
	    "in %zu of %zu cells a process of its own read back every byte and found what must "
	    "be there; %s.",
	    report->verified.passed, report->verified.ok,
	    controls_floor_text(&report->controls, text, sizeof(text)));
}

size_t report_conclusions(const struct report *report, struct conclusion out[CONCLUSIONS])
{
	const struct panel *first = NULL;
	size_t n = 0;

	memset(out, 0, CONCLUSIONS * sizeof(*out));
	for (size_t i = 0; i < report->n_panels && !first; i++)
		if (report->panels[i].cost_unit)
			first = &report->panels[i];
	if (!first)
		return 0;
	/* An emulated machine's instructions are no time: those have their own sentence. */
	conclude_memory(report, &out[n]);
	n += out[n].topic != NULL;
	if (!panel_is_emulated(first)) {
		conclude_time(first, &out[n]);
		n += out[n].topic != NULL;
		conclude_today(first, &out[n]);
		n += out[n].topic != NULL;
	}
	conclude_crossing(report, &out[n]);
	n += out[n].topic != NULL;
	if (!panel_is_emulated(first))
		conclude_all_round(first, &out[n]);
	n += out[n].topic != NULL;
	conclude_own(report, "host", "tamalloc/lib-plain", TODAY,
		     "tamalloc's library on this kernel", &out[n]);
	n += out[n].topic != NULL;
	conclude_own(report, "vm", "tamalloc/syscall", "mmap",
		     "tamalloc's system call in the patched kernel (emulated: instructions, not "
		     "time)",
		     &out[n]);
	n += out[n].topic != NULL;
	conclude_trust(report, &out[n++]);
	for (size_t i = 0; i < n; i++)
		if (!out[i].command[0])
			strcpy(out[i].command, "build/tabench report RUN");
	return n;
}
