// SPDX-License-Identifier: MIT
#include "distribution.h"

#include <math.h>
#include <string.h>

#include "csv.h"
#include "latency.h"

static const char *const csv_columns[] = {
	"target",  "clock",  "cost_unit", "subject",	"workload", "size_bytes", "fill",
	"threads", "params", "samples",	  "operations", "at_least", "share",	  NULL,
};

const char *const *distribution_columns(void)
{
	return csv_columns;
}

struct histogram {
	double buckets[LATENCY_BUCKETS], operations;
	unsigned samples;
};

static void add_sample(struct histogram *all, const struct sample *s)
{
	const json_t *latency = json_object_get(s->line, "latency"), *pair;
	size_t i;

	json_array_foreach(json_object_get(latency, "histogram"), i, pair)
	{
		json_int_t low = json_integer_value(json_array_get(pair, 0));
		double count = json_number_value(json_array_get(pair, 1));

		if (low < 0)
			continue;
		all->buckets[latency_bucket((uint64_t)low)] += count;
		all->operations += count;
	}
	all->samples++;
}

static void write_cell(const struct result *r, const struct histogram *h, FILE *out)
{
	const struct sample *s = r->identity;
	double left = h->operations;

	for (unsigned b = 0; b < LATENCY_BUCKETS; b++) {
		if (!(h->buckets[b] > 0))
			continue;
		csv_string(out, s->target, true);
		csv_string(out, s->clock, false);
		csv_string(out, r->cost_unit, false);
		csv_string(out, s->subject, false);
		csv_string(out, s->workload, false);
		csv_number(out, s->size_bytes, false);
		csv_number(out, s->fill, false);
		csv_number(out, s->threads, false);
		csv_string(out, r->params, false);
		csv_number(out, h->samples, false);
		csv_number(out, h->operations, false);
		csv_number(out, (double)latency_bucket_low(b), false);
		csv_number(out, left / h->operations, false);
		fputc('\n', out);
		left -= h->buckets[b];
	}
}

void distribution_write_csv(const struct results *results, const struct samples *samples, FILE *out)
{
	for (size_t i = 0; csv_columns[i]; i++)
		fprintf(out, "%s%s", i ? "," : "", csv_columns[i]);
	fputc('\n', out);
	for (size_t i = 0; i < results->n; i++) {
		const struct result *r = &results->cells[i];
		struct histogram all = {.samples = 0};

		if (isnan(r->of[CELL_LATENCY_P50].value))
			continue;
		for (size_t k = 0; k < samples->n; k++)
			if (sample_counts(&samples->rows[k]) &&
			    !strcmp(samples->rows[k].cell_id, r->identity->cell_id))
				add_sample(&all, &samples->rows[k]);
		if (all.operations > 0)
			write_cell(r, &all, out);
	}
}
