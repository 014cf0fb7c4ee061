// SPDX-License-Identifier: MIT
#include "flatten.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "csv.h"

#define S(field) COLUMN_STRING, offsetof(struct sample, field)
#define N(field) COLUMN_NUMBER, offsetof(struct sample, field)
#define I(field) COLUMN_INTEGER, offsetof(struct sample, field)
#define PHASE_COLUMNS(name, index)                                                   \
	{name "_cost", "cost_unit", "counter", BETTER_LOWER, N(phases[index].cost)}, \
		{name "_user_cost", "cost_unit", "counter", BETTER_LOWER,            \
		 N(phases[index].user_cost)},                                        \
		{name "_sys_cost", "cost_unit", "counter", BETTER_LOWER,             \
		 N(phases[index].sys_cost)},                                         \
		{name "_minor_faults", "faults", "counter", BETTER_LOWER,            \
		 N(phases[index].minor_faults)},                                     \
		{name "_major_faults", "faults", "counter", BETTER_LOWER,            \
		 N(phases[index].major_faults)},                                     \
	{                                                                            \
		name "_committed_bytes", "bytes", "gauge", BETTER_LOWER,             \
			N(phases[index].committed_bytes)                             \
	}

static const struct column columns[] = {
	{"schema", "", "identity", BETTER_NEITHER, N(schema)},
	{"kind", "", "identity", BETTER_NEITHER, S(kind)},
	{"run_id", "", "identity", BETTER_NEITHER, S(run_id)},
	{"cell_id", "", "identity", BETTER_NEITHER, S(cell_id)},
	{"block", "", "identity", BETTER_NEITHER, N(block)},
	{"order", "", "identity", BETTER_NEITHER, N(order)},
	{"rep", "", "identity", BETTER_NEITHER, N(rep)},
	{"started_ns", "ns", "identity", BETTER_NEITHER, I(started_ns)},
	{"purpose", "", "identity", BETTER_NEITHER, S(purpose)},
	{"target", "", "identity", BETTER_NEITHER, S(target)},
	{"clock", "", "identity", BETTER_NEITHER, S(clock)},
	{"subject", "", "identity", BETTER_NEITHER, S(subject)},
	{"backend", "", "identity", BETTER_NEITHER, S(backend)},
	{"workload", "", "identity", BETTER_NEITHER, S(workload)},
	{"size_bytes", "bytes", "identity", BETTER_NEITHER, N(size_bytes)},
	{"threads", "threads", "identity", BETTER_NEITHER, N(threads)},
	{"fill", "", "identity", BETTER_NEITHER, N(fill)},
	{"outcome", "", "identity", BETTER_NEITHER, S(outcome)},
	{"reason", "", "identity", BETTER_NEITHER, S(reason)},
	{"signal", "", "identity", BETTER_NEITHER, N(signal)},
	{"cost_unit", "", "identity", BETTER_NEITHER, S(cost_unit)},
	PHASE_COLUMNS("alloc", PHASE_ALLOC),
	PHASE_COLUMNS("touch", PHASE_TOUCH),
	PHASE_COLUMNS("reuse", PHASE_REUSE),
	PHASE_COLUMNS("free", PHASE_FREE),
	{"total_cost", "cost_unit", "counter", BETTER_LOWER, N(total_cost)},
	{"touched_pages", "pages", "counter", BETTER_NEITHER, N(touched_pages)},
	{"reserved_bytes", "bytes", "gauge", BETTER_NEITHER, N(reserved_bytes)},
	{"committed_bytes", "bytes", "gauge", BETTER_LOWER, N(committed_bytes)},
	{"committed_anon_bytes", "bytes", "gauge", BETTER_LOWER, N(anon_bytes)},
	{"committed_swap_bytes", "bytes", "gauge", BETTER_LOWER, N(swap_bytes)},
	{"committed_hugetlb_bytes", "bytes", "gauge", BETTER_LOWER, N(hugetlb_bytes)},
	{"committed_shmem_or_memfd_bytes", "bytes", "gauge", BETTER_LOWER, N(shmem_or_memfd_bytes)},
	{"committed_driver_bytes", "bytes", "gauge", BETTER_LOWER, N(driver_bytes)},
	{"page_table_bytes", "bytes", "gauge", BETTER_LOWER, N(page_table_bytes)},
	{"vma_count", "VMAs", "gauge", BETTER_LOWER, N(vma_count)},
	{"huge_bytes", "bytes", "gauge", BETTER_NEITHER, N(huge_bytes)},
	{"peak_rss_bytes", "bytes", "peak", BETTER_LOWER, N(peak_rss_bytes)},
	{"rss_after_free_bytes", "bytes", "gauge", BETTER_LOWER, N(rss_after_free_bytes)},
	{"latency_count", "operations", "counter", BETTER_NEITHER, N(latency_count)},
	{"latency_p50", "cost_unit", "counter", BETTER_LOWER, N(p50)},
	{"latency_p99", "cost_unit", "counter", BETTER_LOWER, N(p99)},
	{"latency_p999", "cost_unit", "counter", BETTER_LOWER, N(p999)},
	{"latency_max", "cost_unit", "peak", BETTER_LOWER, N(max)},
	{"latency_clock_cost", "cost_unit", "counter", BETTER_LOWER, N(clock_cost)},
	{"hw_cycles", "cycles", "counter", BETTER_LOWER, N(cycles)},
	{"hw_dtlb_misses", "misses", "counter", BETTER_LOWER, N(dtlb_misses)},
	{"verified", "0 or 1", "gauge", BETTER_HIGHER, N(verified)},
	{"expected", "", "identity", BETTER_NEITHER, S(expected)},
	{"observed", "", "identity", BETTER_NEITHER, S(observed)},
	{NULL, NULL, NULL, BETTER_NEITHER, COLUMN_STRING, 0},
};

const struct column *flatten_columns(void)
{
	return columns;
}

const char *better_name(enum probe_better better)
{
	return better == BETTER_LOWER ? "lower" : better == BETTER_HIGHER ? "higher" : "-";
}

static double number_of(const json_t *value)
{
	if (json_is_boolean(value))
		return json_is_true(value);
	return json_is_number(value) ? json_number_value(value) : NAN;
}

static double number(const json_t *object, const char *name)
{
	return number_of(json_object_get(object, name));
}

static const char *string(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static void read_phases(struct sample *s, const json_t *phases)
{
	const struct phase_row unknown = {NAN, NAN, NAN, NAN, NAN, NAN};
	const json_t *p;
	size_t i;
	double total = 0, faults = 0;

	for (int k = 0; k < PHASE_COUNT; k++)
		s->phases[k] = unknown;
	json_array_foreach(phases, i, p)
	{
		const char *name = string(p, "name"), *unit = string(p, "cost_unit");

		for (int k = 0; name && k < PHASE_COUNT; k++) {
			if (strcmp(name, phase_name(k)))
				continue;
			s->phases[k] = (struct phase_row){
				number(p, "cost"),	   number(p, "user_cost"),
				number(p, "sys_cost"),	   number(p, "minor_faults"),
				number(p, "major_faults"), number(p, "committed_bytes")};
			if (k != PHASE_REUSE)
				total += s->phases[k].cost;
			faults += s->phases[k].minor_faults;
			if (!isnan(s->phases[k].major_faults))
				faults += s->phases[k].major_faults;
		}
		if (unit && !s->cost_unit)
			s->cost_unit = unit;
		else if (!unit || strcmp(unit, s->cost_unit))
			s->cost_unit = "mixed";
	}
	s->total_cost = json_array_size(phases) ? total : NAN;
	s->total_faults = json_array_size(phases) ? faults : NAN;
}

/* Takes over the reference to line. Returns false if it is not a sample of this schema. */
static bool sample_from_json(struct sample *s, json_t *line)
{
	const json_t *parts = json_object_get(line, "committed_parts");
	const json_t *latency = json_object_get(line, "latency"), *hw = json_object_get(line, "hw");

	*s = (struct sample){
		.kind = string(line, "kind"),
		.run_id = string(line, "run_id"),
		.cell_id = string(line, "cell_id"),
		.purpose = string(line, "purpose"),
		.target = string(line, "target"),
		.clock = string(line, "clock"),
		.subject = string(line, "subject"),
		.backend = string(line, "backend"),
		.workload = string(line, "workload"),
		.outcome = string(line, "outcome"),
		.reason = string(line, "reason"),
		.expected = string(line, "expected"),
		.observed = string(line, "observed"),
		.started_ns = json_integer_value(json_object_get(line, "started_ns")),
		.schema = number(line, "schema"),
		.block = number(line, "block"),
		.order = number(line, "order"),
		.rep = number(line, "rep"),
		.size_bytes = number(line, "size_bytes"),
		.threads = number(line, "threads"),
		.fill = number(line, "fill"),
		.signal = number(line, "signal"),
		.touched_pages = number(line, "touched_pages"),
		.reserved_bytes = number(line, "reserved_bytes"),
		.committed_bytes = number(line, "committed_bytes"),
		.anon_bytes = number(parts, "anon"),
		.swap_bytes = number(parts, "swap"),
		.hugetlb_bytes = number(parts, "hugetlb"),
		.shmem_or_memfd_bytes = number(parts, "shmem_or_memfd"),
		.driver_bytes = number(parts, "driver"),
		.page_table_bytes = number(line, "page_table_bytes"),
		.vma_count = number(line, "vma_count"),
		.huge_bytes = number(line, "huge_bytes"),
		.peak_rss_bytes = number(line, "peak_rss_bytes"),
		.rss_after_free_bytes = number(line, "rss_after_free_bytes"),
		.latency_count = number(latency, "count"),
		.p50 = number(latency, "p50"),
		.p99 = number(latency, "p99"),
		.p999 = number(latency, "p999"),
		.max = number(latency, "max"),
		.clock_cost = number(latency, "clock_cost"),
		.cycles = number(hw, "cycles"),
		.dtlb_misses = number(hw, "dtlb_misses"),
		.verified = number(line, "verified"),
		.params = json_object_get(line, "params"),
		.metrics = json_object_get(line, "metrics"),
		.probe_source = json_object_get(line, "probe_source"),
		.line = line,
	};
	read_phases(s, json_object_get(line, "phases"));
	return s->schema == 1 && s->kind && s->cell_id && s->purpose && s->target && s->clock &&
	       s->subject && s->workload && s->outcome && !isnan(s->block) &&
	       (!isnan(s->size_bytes) || !strcmp(s->kind, "app")) && !isnan(s->fill) &&
	       !isnan(s->threads);
}

void samples_note(struct samples *samples, const char *format, ...)
{
	char **notes = realloc(samples->notes, (samples->n_notes + 1) * sizeof(*notes));
	va_list args;

	if (!notes)
		return;
	samples->notes = notes;
	va_start(args, format);
	if (vasprintf(&notes[samples->n_notes], format, args) >= 0)
		samples->n_notes++;
	va_end(args);
}

static int add_line(struct samples *samples, const char *text, size_t length, size_t line_number)
{
	bool complete = length > 0 && text[length - 1] == '\n';
	json_error_t error;

	if (length == 0 || (length == 1 && complete))
		return 0;
	if (samples->n == samples->capacity) {
		size_t capacity = samples->capacity ? 2 * samples->capacity : 256;
		struct sample *rows = realloc(samples->rows, capacity * sizeof(*rows));

		if (!rows)
			return -ENOMEM;
		samples->rows = rows;
		samples->capacity = capacity;
	}
	json_t *line = json_loadb(text, length, 0, &error);

	if (line && sample_from_json(&samples->rows[samples->n], line)) {
		samples->n++;
		return 0;
	}
	json_decref(line);
	if (!line && !complete)
		samples_note(samples,
			     "samples.jsonl ends in a torn line (%zu bytes, line %zu), as after a "
			     "kill; it was skipped",
			     length, line_number);
	else
		samples_note(samples, "samples.jsonl line %zu was skipped: %s", line_number,
			     line ? "not a sample of schema 1" : error.text);
	return 0;
}

int samples_read(struct samples *samples, const char *run_dir)
{
	char *path, *text = NULL;
	size_t capacity = 0, line_number = 0;
	ssize_t length;
	int err = 0;

	*samples = (struct samples){0};
	if (asprintf(&path, "%s/samples.jsonl", run_dir) < 0)
		return -ENOMEM;
	FILE *in = fopen(path, "re");

	if (!in)
		err = -errno;
	free(path);
	if (!in)
		return err;
	while (err == 0 && (length = getline(&text, &capacity, in)) > 0)
		err = add_line(samples, text, (size_t)length, ++line_number);
	if (ferror(in))
		err = -EIO;
	free(text);
	fclose(in);
	return err;
}

void samples_free(struct samples *samples)
{
	for (size_t i = 0; i < samples->n; i++)
		json_decref(samples->rows[i].line);
	for (size_t i = 0; i < samples->n_notes; i++)
		free(samples->notes[i]);
	free(samples->rows);
	free(samples->notes);
	*samples = (struct samples){0};
}

double sample_param(const struct sample *sample, const char *name)
{
	return number(sample->params, name);
}

double sample_metric(const struct sample *sample, const char *name)
{
	return number(sample->metrics, name);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Text of a JSON scalar; bytes large enough for a number. */
static const char *scalar_text(const json_t *value, char *buffer, size_t bytes)
{
	if (json_is_string(value))
		return json_string_value(value);
	double v = number_of(value);

	if (isnan(v))
		return "";
	snprintf(buffer, bytes, v == floor(v) && fabs(v) < 0x1p53 ? "%.0f" : "%.10g", v);
	return buffer;
}

char *sample_params_text(const struct sample *sample, const char *without, char *out, size_t bytes)
{
	const char *names[32], *name;
	size_t n = 0, used = 0;
	char buffer[40];
	json_t *value;

	json_object_foreach((json_t *)sample->params, name, value)
	{
		if (n < sizeof(names) / sizeof(*names) && (!without || strcmp(name, without)))
			names[n++] = name;
	}
	qsort(names, n, sizeof(*names), by_name);
	out[0] = '\0';
	for (size_t i = 0; i < n && used < bytes; i++)
		used += (size_t)snprintf(out + used, bytes - used, "%s%s=%s", i ? ";" : "",
					 names[i],
					 scalar_text(json_object_get(sample->params, names[i]),
						     buffer, sizeof(buffer)));
	return out;
}

/* The names that occur in one of the free objects (params, metrics, probe_source) of any row,
 * sorted. */
static size_t free_names(const struct samples *samples, size_t offset, const char ***names)
{
	size_t n = 0;

	*names = NULL;
	for (size_t i = 0; i < samples->n; i++) {
		json_t *object = *(json_t **)((char *)&samples->rows[i] + offset), *value;
		const char *name;

		json_object_foreach(object, name, value)
		{
			const char **grown;
			size_t k = 0;

			while (k < n && strcmp((*names)[k], name))
				k++;
			if (k < n || !(grown = realloc(*names, (n + 1) * sizeof(*grown))))
				continue;
			*names = grown;
			grown[n++] = name;
		}
	}
	if (n)
		qsort(*names, n, sizeof(**names), by_name);
	return n;
}

static void write_field(FILE *out, const struct sample *s, const struct column *c)
{
	const char *field = (const char *)s + c->offset;

	switch (c->type) {
	case COLUMN_STRING:
		csv_string(out, *(const char *const *)field, c == columns);
		break;
	case COLUMN_NUMBER:
		csv_number(out, *(const double *)field, c == columns);
		break;
	case COLUMN_INTEGER:
		fprintf(out, "%s%lld", c == columns ? "" : ",", (long long)*(const int64_t *)field);
		break;
	}
}

void samples_write_csv(const struct samples *samples, FILE *out)
{
	static const struct {
		const char *prefix;
		size_t offset;
	} objects[] = {
		{"param_", offsetof(struct sample, params)},
		{"metric_", offsetof(struct sample, metrics)},
		{"probe_source_", offsetof(struct sample, probe_source)},
	};
	const char **names[3];
	size_t n_names[3];
	char buffer[40];

	for (const struct column *c = columns; c->name; c++)
		fprintf(out, "%s%s", c == columns ? "" : ",", c->name);
	for (size_t o = 0; o < 3; o++) {
		n_names[o] = free_names(samples, objects[o].offset, &names[o]);
		for (size_t k = 0; k < n_names[o]; k++)
			fprintf(out, ",%s%s", objects[o].prefix, names[o][k]);
	}
	fputc('\n', out);
	for (size_t i = 0; i < samples->n; i++) {
		const struct sample *s = &samples->rows[i];

		for (const struct column *c = columns; c->name; c++)
			write_field(out, s, c);
		for (size_t o = 0; o < 3; o++) {
			json_t *object = *(json_t **)((char *)s + objects[o].offset);

			for (size_t k = 0; k < n_names[o]; k++)
				csv_string(out,
					   scalar_text(json_object_get(object, names[o][k]), buffer,
						       sizeof(buffer)),
					   false);
		}
		fputc('\n', out);
	}
	for (size_t o = 0; o < 3; o++)
		free(names[o]);
}
