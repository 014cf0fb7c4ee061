// SPDX-License-Identifier: MIT
/* summary.json: the verdict for programs. Unknown is null. */
#include <errno.h>
#include <math.h>

#include "report_model.h"

static json_t *number(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static json_t *estimate(const struct estimate *e)
{
	return json_pack("{s:o, s:o, s:o, s:I}", "median", number(e->value), "lo", number(e->lo),
			 "hi", number(e->hi), "n", (json_int_t)e->n);
}

static json_t *group(const struct sample *s)
{
	return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:O}", "target", s->target, "clock",
			 s->clock, "workload", s->workload, "size_bytes", (json_int_t)s->size_bytes,
			 "threads", (json_int_t)s->threads, "fill", (json_int_t)s->fill, "params",
			 s->params ? (json_t *)s->params : json_null());
}

static json_t *subject(const struct result *r)
{
	const char *why;
	bool ranked = result_ranked(r, &why);

	return json_pack("{s:s, s:s, s:s, s:I, s:b, s:s?, s:o, s:o, s:o, s:o, s:b, s:b}", "subject",
			 r->identity->subject, "cell_id", r->identity->cell_id, "outcome",
			 r->outcome, "n", (json_int_t)r->n, "ranked", ranked, "reason",
			 why		? why
			 : r->reason[0] ? r->reason
					: NULL,
			 "total_cost_per_page", estimate(&r->of[CELL_TOTAL_COST_PER_PAGE]),
			 "committed_per_touched", number(r->of[CELL_COMMITTED_PER_TOUCHED].value),
			 "regret_time", estimate(&r->regret_time), "regret_memory",
			 number(r->regret_memory), "tied_time", r->tied_time, "tied_memory",
			 r->tied_memory);
}

static json_t *verdict(const struct verdict *v)
{
	json_t *object = group(v->group), *subjects = json_array();

	for (size_t i = 0; i < v->n_cells; i++)
		json_array_append_new(subjects, subject(&v->cells[i]));
	json_object_set_new(object, "cost_unit",
			    v->fastest ? json_string(v->fastest->cost_unit) : json_null());
	json_object_set_new(object, "fastest",
			    v->fastest ? json_string(v->fastest->identity->subject) : json_null());
	json_object_set_new(object, "leanest",
			    v->leanest ? json_string(v->leanest->identity->subject) : json_null());
	json_object_set_new(object, "too_few_repetitions", json_boolean(v->too_few));
	json_object_set_new(object, "subjects", subjects);
	return object;
}

static json_t *crossing(const struct crossing *c)
{
	char text[320];

	return json_pack("{s:s, s:I, s:I, s:s, s:s, s:s, s:o, s:s}", "target", c->lazy->target,
			 "size_bytes", (json_int_t)c->lazy->size_bytes, "fill",
			 (json_int_t)c->lazy->fill, "lazy", c->lazy->subject, "eager",
			 c->eager->subject, "kind", crossing_kind_name(c->kind), "touched_pct",
			 estimate(&c->touched_pct), "sentence",
			 crossing_text(c, text, sizeof(text)));
}

static json_t *stat_row(const struct stat_row *row)
{
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:b, s:o, s:o, s:o}", "cell_id",
			 row->sample->cell_id, "subject", row->sample->subject, "workload",
			 row->sample->workload, "perf_page_faults", number(row->perf_faults),
			 "own_page_faults", number(row->own_faults), "cell_page_faults",
			 number(row->cell_faults), "within", row->within, "perf_major_faults",
			 number(row->major_faults), "perf_cycles", number(row->cycles),
			 "perf_dtlb_load_misses", number(row->dtlb_load_misses));
}

static json_t *controls(const struct controls *c)
{
	return json_pack("{s:I, s:o, s:{s:I, s:o, s:o, s:o}}", "aa_pairs", (json_int_t)c->pairs,
			 "noise_floor", number(c->floor), "canary", "samples",
			 (json_int_t)c->canary.n, "slowest_block",
			 c->canary.n ? number(c->canary.slowest) : json_null(), "fastest_block",
			 c->canary.n ? number(c->canary.fastest) : json_null(), "drift",
			 estimate(&c->canary.drift));
}

static json_t *conclusions(const struct report *report)
{
	struct conclusion said[CONCLUSIONS];
	size_t n = report_conclusions(report, said);
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:s}", "topic", said[i].topic, "text",
						said[i].text, "command", said[i].command));
	return list;
}

int report_write_json(const struct report *report, FILE *out)
{
	json_t *verdicts = json_array(), *crossings = json_array(), *stats = json_array();
	json_t *notes = json_array(), *root;
	int err;

	for (size_t i = 0; i < report->verdicts.n; i++)
		json_array_append_new(verdicts, verdict(&report->verdicts.groups[i]));
	for (size_t i = 0; i < report->crossings.n; i++)
		json_array_append_new(crossings, crossing(&report->crossings.pairs[i]));
	for (size_t i = 0; i < report->stats.n; i++)
		json_array_append_new(stats, stat_row(&report->stats.rows[i]));
	for (size_t i = 0; i < report->samples.n_notes; i++)
		json_array_append_new(notes, json_string(report->samples.notes[i]));
	root = json_pack(
		"{s:i, s:s, s:I, s:o, s:o, s:o, s:o, s:o, s:{s:o, s:b}, s:{s:I, s:I, s:I}, s:{s:I, "
		"s:f, "
		"s:I}, s:o}",
		"schema", 1, "run_id", report->run_id, "samples", (json_int_t)report->samples.n,
		"notes", notes, "verdicts", verdicts, "advice", report_json_advice(report),
		"crossings", crossings, "perf_stat", stats, "sampler_overhead", "slowdown",
		estimate(&report->overhead.slowdown), "within", overhead_within(&report->overhead),
		"verify", "ok_cells", (json_int_t)report->verified.ok, "passed",
		(json_int_t)report->verified.passed, "failed", (json_int_t)report->verified.failed,
		"exact_timelines", "recorded", (json_int_t)report->timelines.exact, "lost_records",
		report->timelines.lost_records, "equal_to_smaps",
		(json_int_t)report->timelines.equal, "environment",
		report->environment ? json_incref((json_t *)report->environment) : json_null());
	if (root) {
		json_object_set_new(root, "controls", controls(&report->controls));
		json_object_set_new(root, "conclusions", conclusions(report));
		json_object_set_new(root, "scenarios", report_json_scenarios(report));
		json_object_set_new(root, "apps", report_json_apps(report));
	}
	err = root && json_dumpf(root, out, JSON_INDENT(1)) == 0 ? 0 : -EIO;
	if (err == 0)
		fputc('\n', out);
	json_decref(root);
	return err;
}
