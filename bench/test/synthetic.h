/* SPDX-License-Identifier: MIT */
/* Writes run directories whose truth is known: medians, crossings, outcomes, torn lines. */
#ifndef TA_SYNTHETIC_H
#define TA_SYNTHETIC_H

#include <jansson.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plan.h"
#include "stats.h"

#define SYN_PAGE  4096
#define SYN_PAGES 1000

struct syn_run {
	char dir[64];
	FILE *samples;
	struct stats_rng rng;
};

/* What a cell truly is. Zero-initialised fields get the defaults of syn_fill(). */
struct syn_cell {
	const char *subject, *workload, *target, *clock, *unit;
	const char *outcome, *reason;
	double alloc, touch, free; /* true medians */
	double noise;		   /* relative, of one sample, uniform on both sides */
	double size_bytes, pages, committed_bytes, alloc_committed_bytes, faults_alloc,
		faults_touch;
	int fill, pct; /* pct 0: no parameter */
	const char *sampler;
	const char *kind, *purpose;
	double perf_faults;  /* kind stat */
	bool wrong;	     /* verified: false */
	const char *latency; /* the object of that name, as JSON */
};

static inline void syn_begin(struct syn_run *run)
{
	char path[96];
	FILE *record;

	strcpy(run->dir, "/tmp/ta-synthetic-XXXXXX");
	run->rng.state = 1;
	if (!mkdtemp(run->dir))
		abort();
	snprintf(path, sizeof(path), "%s/run.json", run->dir);
	record = fopen(path, "we");
	fputs("{\"schema\":1,\"run_id\":\"synthetic\",\"profile\":\"smoke\","
	      "\"started_utc\":\"2024-01-01T00:00:00Z\",\"environment\":{\"page_bytes\":4096,"
	      "\"cpu\":{\"model\":\"<b>&\\\"quoted\\\"\"},\"load\":[0.5,0.25,0.1]},"
	      "\"sessions\":[{\"ended\":\"complete\"}]}\n",
	      record);
	fclose(record);
	snprintf(path, sizeof(path), "%s/samples.jsonl", run->dir);
	run->samples = fopen(path, "we");
	if (!run->samples)
		abort();
}

static inline void syn_end(struct syn_run *run)
{
	fclose(run->samples);
	run->samples = NULL;
}

static inline void syn_remove(struct syn_run *run)
{
	char command[96];

	if (run->samples)
		fclose(run->samples);
	snprintf(command, sizeof(command), "rm -rf '%.63s'", run->dir);
	if (system(command))
		abort();
}

static inline struct syn_cell syn_filled(const struct syn_cell *cell)
{
	struct syn_cell c = *cell;

	c.subject = c.subject ? c.subject : "mmap";
	c.workload = c.workload ? c.workload : "dense-up";
	c.target = c.target ? c.target : "host";
	c.clock = c.clock ? c.clock : "monotonic";
	c.unit = c.unit ? c.unit : "ns";
	c.outcome = c.outcome ? c.outcome : "ok";
	c.kind = c.kind ? c.kind : "sample";
	c.purpose = c.purpose ? c.purpose : "measure";
	c.size_bytes = c.size_bytes > 0 ? c.size_bytes : SYN_PAGES * SYN_PAGE;
	c.pages = c.pages > 0 ? c.pages : SYN_PAGES;
	return c;
}

static inline json_t *syn_phase(const char *name, double cost, const struct syn_cell *c,
				double faults, double committed)
{
	return json_pack("{s:s, s:I, s:s, s:n, s:n, s:I, s:i, s:I}", "name", name, "cost",
			 (json_int_t)llround(cost), "cost_unit", c->unit, "user_cost", "sys_cost",
			 "minor_faults", (json_int_t)faults, "major_faults", 0, "committed_bytes",
			 (json_int_t)committed);
}

/* One sample; every cost is multiplied by the block's factor and the sample's own noise. */
static inline void syn_sample(struct syn_run *run, const struct syn_cell *cell, int block,
			      double factor)
{
	struct syn_cell c = syn_filled(cell);
	bool ok = !strcmp(c.outcome, "ok");
	double scale = factor * (1 + c.noise * (2 * stats_uniform(&run->rng) - 1));
	char identity[CELL_IDENTITY_CHARS], id[CELL_ID_CHARS];
	json_t *params = json_object(), *phases = json_array(), *metrics = json_object(), *line;

	if (c.pct)
		json_object_set_new(params, "touched_pct", json_integer(c.pct));
	if (c.sampler)
		json_object_set_new(params, "sampler", json_string(c.sampler));
	if (c.perf_faults > 0)
		json_object_set_new(metrics, "perf_page_faults", json_real(c.perf_faults));
	snprintf(identity, sizeof(identity), "%s|%s|%s|%.0f|1|%d|%d%s", c.target, c.subject,
		 c.workload, c.size_bytes, c.fill, c.pct, c.sampler ? c.sampler : "");
	cell_id(identity, id);
	if (ok) {
		json_array_append_new(phases, syn_phase("alloc", c.alloc * scale, &c,
							c.faults_alloc, c.alloc_committed_bytes));
		json_array_append_new(phases, syn_phase("touch", c.touch * scale, &c,
							c.faults_touch, c.committed_bytes));
		json_array_append_new(phases, syn_phase("free", c.free * scale, &c, 0, 0));
	}
	line = json_pack(
		"{s:i, s:s, s:s, s:s, s:i, s:i, s:i, s:I, s:s, s:s, s:s, s:s, s:n, s:s, s:I, s:i, "
		"s:i, s:o, s:s, s:s?, s:n, s:o}",
		"schema", 1, "kind", c.kind, "run_id", "synthetic", "cell_id", id, "block", block,
		"order", 0, "rep", block, "started_ns", (json_int_t)1795233450394579719, "purpose",
		c.purpose, "target", c.target, "clock", c.clock, "subject", c.subject, "backend",
		"workload", c.workload, "size_bytes", (json_int_t)c.size_bytes, "threads", 1,
		"fill", c.fill, "params", params, "outcome", c.outcome, "reason", c.reason,
		"signal", "phases", phases);
	json_object_set_new(line, "touched_pages",
			    ok ? json_integer((json_int_t)c.pages) : json_null());
	json_object_set_new(line, "reserved_bytes",
			    ok ? json_integer(SYN_PAGES * SYN_PAGE) : json_null());
	json_object_set_new(line, "committed_bytes",
			    ok ? json_integer((json_int_t)c.committed_bytes) : json_null());
	json_object_set_new(line, "committed_parts",
			    json_pack("{s:n, s:n, s:n, s:n, s:n}", "anon", "swap", "hugetlb",
				      "shmem_or_memfd", "driver"));
	json_object_set_new(line, "hw", json_pack("{s:n, s:n}", "cycles", "dtlb_misses"));
	json_object_set_new(line, "verified", ok ? json_boolean(!c.wrong) : json_null());
	json_object_set_new(line, "probe_source", json_pack("{s:s}", "faults", "perf_event_open"));
	json_object_set_new(line, "metrics", metrics);
	for (const char *const *name =
		     (const char *const[]){"page_table_bytes", "vma_count", "huge_bytes",
					   "peak_rss_bytes", "rss_after_free_bytes", "latency",
					   NULL};
	     *name; name++)
		json_object_set_new(line, *name, json_null());
	if (c.latency)
		json_object_set_new(line, "latency", json_loads(c.latency, 0, NULL));
	json_dumpf(line, run->samples, JSON_COMPACT);
	fputc('\n', run->samples);
	json_decref(line);
}

/* How much slower than usual a block is: up to 40 %, as on shared machines. */
static inline double syn_block_factor(int block)
{
	static const double factors[] = {1.00, 1.38, 0.92, 1.10, 1.40, 0.97, 1.21, 1.05, 1.33};

	return factors[block % 9];
}

/* n blocks of one cell, and its verify. Cells written so share their blocks' factors. */
static inline void syn_cell(struct syn_run *run, const struct syn_cell *cell, int n)
{
	struct syn_cell verify = *cell;

	for (int block = 0; block < n; block++)
		syn_sample(run, cell, block, syn_block_factor(block));
	verify.purpose = "verify";
	if (n > 0)
		syn_sample(run, &verify, 0, 1);
}

/* A lazy and an eager subject over the fractions, equal at crossing_pct (0: eager always dearer).
 */
static inline void syn_fractions(struct syn_run *run, double crossing_pct, int n)
{
	static const int percents[] = {1, 5, 10, 25, 50, 75, 100};
	const double whole = SYN_PAGES * SYN_PAGE;

	for (size_t i = 0; i < sizeof(percents) / sizeof(*percents); i++) {
		double touched = whole * percents[i] / 100;
		double eager = crossing_pct > 0 ? 10000 * crossing_pct : 10000 * 200;
		struct syn_cell lazy_cell = {.subject = "mmap",
					     .workload = "fraction",
					     .pct = percents[i],
					     .touch = 10000.0 * percents[i],
					     .noise = 0.02,
					     .pages = touched / SYN_PAGE,
					     .committed_bytes = touched};
		struct syn_cell eager_cell = {.subject = "glibc/malloc+memset",
					      .workload = "fraction",
					      .pct = percents[i],
					      .alloc = eager,
					      .noise = 0.02,
					      .pages = touched / SYN_PAGE,
					      .committed_bytes = whole,
					      .alloc_committed_bytes = whole};
		struct syn_cell null_cell = lazy_cell;

		null_cell.subject = "null";
		null_cell.committed_bytes = 0;
		null_cell.touch = 10;
		syn_cell(run, &lazy_cell, n);
		syn_cell(run, &eager_cell, n);
		syn_cell(run, &null_cell, n);
	}
}

#endif
