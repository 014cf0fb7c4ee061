// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <string.h>

#include "probe.h"
#include "sample.h"

#define SCHEMA 1

void placement_cell_id(const struct placement *placement, char id[CELL_ID_CHARS])
{
	char identity[CELL_IDENTITY_CHARS], extra[32];

	snprintf(extra, sizeof(extra), "sampler=%s", placement->sampler);
	cell_identity(placement->cell, placement->sampler ? extra : NULL, identity);
	cell_id(identity, id);
}

static json_t *params_json(const struct placement *placement)
{
	const struct cell *cell = placement->cell;
	const struct wl_param *params = cell->workload->params;
	json_t *object = json_object();

	for (unsigned i = 0; params && i < WL_MAX_PARAMS && params[i].name; i++)
		json_object_set_new(object, params[i].name, json_integer(cell->params[i]));
	if (placement->sampler)
		json_object_set_new(object, "sampler", json_string(placement->sampler));
	return object;
}

static json_t *value_or_null(uint64_t value)
{
	return value == PROBE_UNKNOWN ? json_null() : json_integer((json_int_t)value);
}

/* The value of the probes' field name, null where no probe has it or it could not be read. */
static json_t *field(const uint64_t values[PROBE_MAX_FIELDS], const char *name)
{
	int index = probe_field_index(name);

	return index < 0 ? json_null() : value_or_null(values[index]);
}

static json_t *sum(json_t *const parts[], size_t n)
{
	json_int_t total = 0;

	for (size_t i = 0; i < n; i++) {
		if (!json_is_integer(parts[i]))
			return json_null();
		total += json_integer_value(parts[i]);
	}
	return json_integer(total);
}

/* {"anon": ..., "swap": ..., ...}, and what they add up to in *total. */
static json_t *committed_json(const uint64_t values[PROBE_MAX_FIELDS], uint64_t shmem_or_memfd,
			      uint64_t driver, json_t **total)
{
	json_t *parts[] = {
		field(values, "anon_bytes"),	field(values, "swap_bytes"),
		field(values, "hugetlb_bytes"), value_or_null(shmem_or_memfd),
		value_or_null(driver),
	};

	*total = sum(parts, sizeof(parts) / sizeof(parts[0]));
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "anon", parts[0], "swap", parts[1], "hugetlb",
			 parts[2], "shmem_or_memfd", parts[3], "driver", parts[4]);
}

static json_t *phase_json(enum phase name, const struct record_phase *phase, const char *cost_unit)
{
	json_t *committed;

	json_decref(committed_json(phase->values, phase->shmem_or_memfd_bytes, phase->driver_bytes,
				   &committed));
	return json_pack("{s:s, s:o, s:s, s:o, s:o, s:o, s:o, s:o}", "name", phase_name(name),
			 "cost", value_or_null(phase->cost), "cost_unit", cost_unit, "user_cost",
			 field(phase->values, "user_cost"), "sys_cost",
			 field(phase->values, "sys_cost"), "minor_faults",
			 field(phase->values, "minor_faults"), "major_faults",
			 field(phase->values, "major_faults"), "committed_bytes", committed);
}

static json_t *phases_json(const struct record *record, const char *cost_unit)
{
	json_t *phases = json_array();

	for (unsigned i = 0; i < PHASE_COUNT; i++)
		if (record->phases[i].present)
			json_array_append_new(phases, phase_json(i, &record->phases[i], cost_unit));
	return phases;
}

/* A counter over the phases that a sample's time is counted over. */
static json_t *counter_over_phases(const struct record *record, const char *name)
{
	json_t *values[PHASE_COUNT], *total;
	size_t n = 0;

	for (unsigned i = 0; i < PHASE_COUNT; i++)
		if (record->phases[i].present)
			values[n++] = field(record->phases[i].values, name);
	total = n ? sum(values, n) : json_null();
	while (n)
		json_decref(values[--n]);
	return total;
}

static json_t *probe_sources_json(const struct record *record)
{
	json_t *sources = json_object();
	unsigned i = 0;

	for (const struct probe *p = probe_first(); p && i < PROBE_MAX; p = p->next, i++)
		json_object_set_new(sources, p->name,
				    json_stringn_nocheck(record->probe_source[i],
							 strnlen(record->probe_source[i],
								 sizeof(record->probe_source[i]))));
	return sources;
}

static json_t *metrics_json(const struct placement *placement, const struct record *record)
{
	json_t *metrics =
		json_pack("{s:I, s:o}", "operations", (json_int_t)record->operations,
			  "faults_outside_phases", value_or_null(record->faults_outside_phases));
	unsigned i = 0;

	if (!strcmp(placement->purpose, "verify")) {
		json_object_set_new(metrics, "wrong_bytes", value_or_null(record->wrong_bytes));
		json_object_set_new(metrics, "first_wrong",
				    record->wrong_bytes ? value_or_null(record->first_wrong)
							: json_null());
	}
	for (const struct probe *p = probe_first(); p && i < PROBE_MAX; p = p->next, i++) {
		char name[64];

		snprintf(name, sizeof(name), "probe_cost_%s_%s", p->name,
			 cell_cost_unit(placement->cell));
		json_object_set_new(metrics, name, value_or_null(record->probe_cost_ns[i]));
	}
	return metrics;
}

static json_t *latency_json(const struct record_latency *latency)
{
	json_t *histogram;

	if (!latency->count)
		return json_null();
	histogram = json_array();
	for (unsigned i = 0; i < LATENCY_BUCKETS; i++)
		if (latency->buckets[i])
			json_array_append_new(histogram,
					      json_pack("[I, I]", (json_int_t)latency_bucket_low(i),
							(json_int_t)latency->buckets[i]));
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "count", (json_int_t)latency->count,
			 "p50", (json_int_t)latency->p50, "p99", (json_int_t)latency->p99, "p999",
			 (json_int_t)latency->p999, "max", (json_int_t)latency->max, "clock_cost",
			 (json_int_t)latency->clock_cost, "histogram", histogram);
}

/* What the worker measured; without a record everything is unknown. */
static json_t *measured_json(const struct placement *placement, const struct record *r)
{
	json_t *committed, *parts;

	parts = committed_json(r->settled, r->settled_shmem_or_memfd_bytes, r->settled_driver_bytes,
			       &committed);
	return json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:{s:o, s:o}, s:o, s:b, "
		"s:o}",
		"phases", phases_json(r, cell_cost_unit(placement->cell)), "touched_pages",
		value_or_null(r->touched_pages), "reserved_bytes", value_or_null(r->reserved_bytes),
		"committed_bytes", committed, "committed_parts", parts, "page_table_bytes",
		field(r->settled, "page_table_bytes"), "vma_count", field(r->settled, "vma_count"),
		"huge_bytes", field(r->settled, "huge_bytes"), "peak_rss_bytes",
		field(r->settled, "peak_rss_bytes"), "rss_after_free_bytes",
		value_or_null(r->rss_after_free_bytes), "latency", latency_json(&r->latency), "hw",
		"cycles", counter_over_phases(r, "cycles"), "dtlb_misses",
		counter_over_phases(r, "dtlb_misses"), "probe_source", probe_sources_json(r),
		"verified", r->verified, "metrics", metrics_json(placement, r));
}

static json_t *unmeasured_json(void)
{
	return json_pack("{s:[], s:n, s:n, s:n, s:{s:n, s:n, s:n, s:n, s:n}, s:n, s:n, s:n, s:n, "
			 "s:n, s:n, s:{s:n, s:n}, s:{}, s:n, s:{}}",
			 "phases", "touched_pages", "reserved_bytes", "committed_bytes",
			 "committed_parts", "anon", "swap", "hugetlb", "shmem_or_memfd", "driver",
			 "page_table_bytes", "vma_count", "huge_bytes", "peak_rss_bytes",
			 "rss_after_free_bytes", "latency", "hw", "cycles", "dtlb_misses",
			 "probe_source", "verified", "metrics");
}

static json_t *text_or_null(const char *text)
{
	return *text ? json_string(text) : json_null();
}

json_t *sample_json(const struct placement *placement, const struct worker_result *result)
{
	const struct cell *cell = placement->cell;
	bool measured = result->has_record && result->record.outcome == RECORD_OK;
	char id[CELL_ID_CHARS];
	json_t *sample;

	placement_cell_id(placement, id);
	sample = json_pack(
		"{s:i, s:s, s:s, s:s, s:i, s:i, s:i, s:I, s:s, s:s, s:s, s:s, s:o, s:s, s:I, s:i, "
		"s:i, s:o, s:s, s:o, s:o}",
		"schema", SCHEMA, "kind", placement->kind, "run_id", placement->run_id, "cell_id",
		id, "block", placement->block, "order", placement->order, "rep", placement->rep,
		"started_ns", (json_int_t)result->started_ns, "purpose", placement->purpose,
		"target", cell_target(cell), "clock", cell_clock(cell), "subject",
		cell->subject->name, "backend",
		text_or_null(measured ? result->record.backend : ""), "workload",
		cell->workload->name, "size_bytes", (json_int_t)cell->size_bytes, "threads",
		cell->threads, "fill", cell->fill, "params", params_json(placement), "outcome",
		outcome_name(result->outcome), "reason", text_or_null(result->reason), "signal",
		result->signal ? json_integer(result->signal) : json_null());
	json_object_update_new(sample, measured ? measured_json(placement, &result->record)
						: unmeasured_json());
	return sample;
}
