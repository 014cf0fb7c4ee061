// SPDX-License-Identifier: MIT
#include "crosscheck.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "csv.h"

static const char *sampler_of(const struct sample *s)
{
	const char *state = json_string_value(json_object_get(s->params, OVERHEAD_PARAM));

	return state ? state : "";
}

static bool same_pair(const struct sample *a, const struct sample *b)
{
	char params[2][128];
	const char *why;

	return a->block == b->block && a->rep == b->rep && !strcmp(a->subject, b->subject) &&
	       !strcmp(a->workload, b->workload) && a->size_bytes == b->size_bytes &&
	       a->fill == b->fill && a->threads == b->threads &&
	       comparable(a, a->cost_unit, b, b->cost_unit, &why) &&
	       !strcmp(sample_params_text(a, OVERHEAD_PARAM, params[0], sizeof(params[0])),
		       sample_params_text(b, OVERHEAD_PARAM, params[1], sizeof(params[1])));
}

int overhead_measure(struct overhead *overhead, const struct samples *samples)
{
	double *ratios = calloc(samples->n ? samples->n : 1, sizeof(*ratios));
	size_t n = 0, n_overhead = 0;

	*overhead = (struct overhead){.slowdown = stats_unknown};
	if (!ratios)
		return -ENOMEM;
	for (size_t i = 0; i < samples->n; i++) {
		const struct sample *on = &samples->rows[i];

		if (strcmp(on->purpose, "overhead"))
			continue;
		n_overhead++;
		if (strcmp(sampler_of(on), "on") || strcmp(on->outcome, "ok"))
			continue;
		for (size_t k = 0; k < samples->n; k++) {
			const struct sample *off = &samples->rows[k];

			if (!strcmp(off->purpose, "overhead") && !strcmp(off->outcome, "ok") &&
			    !strcmp(sampler_of(off), "off") && same_pair(on, off) &&
			    off->total_cost > 0 && on->total_cost > 0) {
				ratios[n++] = on->total_cost / off->total_cost;
				break;
			}
		}
	}
	overhead->slowdown = stats_median_interval(ratios, n);
	overhead->unpaired = n_overhead - 2 * n;
	free(ratios);
	return 0;
}

bool overhead_within(const struct overhead *overhead)
{
	return overhead->slowdown.value <= OVERHEAD_LIMIT ||
	       (overhead->slowdown.lo <= OVERHEAD_LIMIT && overhead->slowdown.hi >= OVERHEAD_LIMIT);
}

const char *overhead_text(const struct overhead *overhead, char *out, size_t bytes)
{
	const struct estimate *e = &overhead->slowdown;

	if (!e->n)
		snprintf(out, bytes, "not measured in this run");
	else
		snprintf(out, bytes,
			 "median slow-down %.3f (%d %% interval %.3f to %.3f) over %zu interleaved "
			 "pairs%s",
			 e->value, STATS_CONFIDENCE_PCT, e->lo, e->hi, e->n,
			 e->n < OVERHEAD_MIN_PAIRS ? ", too few for a claim" : "");
	return out;
}

enum index_column {
	INDEX_SUBJECT,
	INDEX_MODE,
	INDEX_OUTCOME,
	INDEX_REASON,
	INDEX_CSV,
	INDEX_ROWS,
	INDEX_MISSED_TICKS,
	INDEX_LOST_RECORDS,
	INDEX_FINAL_BYTES,
	INDEX_SMAPS_BYTES,
	INDEX_COLUMNS,
};

static void add_timeline(struct timelines *t, char *const *fields)
{
	if (strcmp(fields[INDEX_OUTCOME], "ok")) {
		t->failed += !strcmp(fields[INDEX_OUTCOME], "failed");
		return;
	}
	t->recorded++;
	if (strcmp(fields[INDEX_MODE], "exact"))
		return;
	t->exact++;
	t->lost_records += atof(fields[INDEX_LOST_RECORDS]);
	t->equal += fields[INDEX_FINAL_BYTES][0] &&
		    !strcmp(fields[INDEX_FINAL_BYTES], fields[INDEX_SMAPS_BYTES]);
}

struct timelines timelines_read(const char *run_dir)
{
	struct timelines timelines = {0};
	char *path, *line = NULL;
	size_t capacity = 0;

	if (asprintf(&path, "%s/timeline/index.csv", run_dir) < 0)
		return timelines;
	FILE *in = fopen(path, "re");

	free(path);
	while (in && getline(&line, &capacity, in) > 0) {
		char *fields[INDEX_COLUMNS], *at = line;
		int n = 0;

		while (at && n < INDEX_COLUMNS)
			fields[n++] = csv_field(&at);
		if (n == INDEX_COLUMNS)
			add_timeline(&timelines, fields);
	}
	free(line);
	if (in)
		fclose(in);
	return timelines;
}

const char *timelines_text(const struct timelines *t, char *out, size_t bytes)
{
	out[0] = '\0';
	if (t->exact)
		snprintf(out, bytes,
			 "%zu exact timelines: %.0f records lost, the last total equals smaps in "
			 "%zu",
			 t->exact, t->lost_records, t->equal);
	return out;
}

static int by_workload(const void *a, const void *b)
{
	const struct sample *x = ((const struct stat_row *)a)->sample;
	const struct sample *y = ((const struct stat_row *)b)->sample;
	char params[2][128];
	int order = strcmp(x->workload, y->workload);

	if (order == 0)
		order = (x->fill > y->fill) - (x->fill < y->fill);
	if (order == 0)
		order = strverscmp(sample_params_text(x, NULL, params[0], sizeof(params[0])),
				   sample_params_text(y, NULL, params[1], sizeof(params[1])));
	return order ? order : strcmp(x->subject, y->subject);
}

int stat_rows_build(struct stat_rows *rows, const struct samples *samples,
		    const struct results *results)
{
	*rows = (struct stat_rows){.rows = calloc(samples->n + 1, sizeof(*rows->rows))};
	if (!rows->rows)
		return -ENOMEM;
	for (size_t i = 0; i < samples->n; i++) {
		const struct sample *s = &samples->rows[i];
		const struct result *cell = results_find(results, s->cell_id);
		struct stat_row *row = &rows->rows[rows->n];

		if (!strcmp(s->kind, "stat") && !strcmp(s->outcome, "unsupported"))
			rows->refused = s->reason;
		if (strcmp(s->kind, "stat") || strcmp(s->outcome, "ok"))
			continue;
		double outside = sample_metric(s, "faults_outside_phases");

		outside = isnan(outside) ? 0 : outside;
		*row = (struct stat_row){
			.sample = s,
			.perf_faults = sample_metric(s, "perf_page_faults"),
			.major_faults = sample_metric(s, "perf_major_faults"),
			.cycles = sample_metric(s, "perf_cycles"),
			.dtlb_load_misses = sample_metric(s, "perf_dtlb_load_misses"),
			.own_faults = s->total_faults + outside,
			.cell_faults = cell ? cell->of[CELL_TOTAL_FAULTS].value + outside : NAN,
		};
		double own = isnan(row->cell_faults) ? row->own_faults : row->cell_faults;

		row->within =
			fabs(row->perf_faults - own) <= STAT_TOLERANCE * own + STAT_STARTUP_FAULTS;
		rows->n_within += row->within;
		rows->n_cycles += !isnan(row->cycles);
		rows->n_dtlb += !isnan(row->dtlb_load_misses);
		rows->n++;
	}
	qsort(rows->rows, rows->n, sizeof(*rows->rows), by_workload);
	return 0;
}

void stat_rows_free(struct stat_rows *rows)
{
	free(rows->rows);
	*rows = (struct stat_rows){0};
}

struct verified verified_count(const struct results *results)
{
	struct verified v = {0};

	for (size_t i = 0; i < results->n; i++) {
		const struct result *r = &results->cells[i];

		if (strcmp(r->outcome, "ok"))
			continue;
		v.ok++;
		v.passed += r->verification == VERIFY_PASSED;
		v.failed += r->verification == VERIFY_FAILED;
	}
	return v;
}
