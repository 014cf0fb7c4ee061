// SPDX-License-Identifier: MIT
#include "source.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "report_model.h"

/* A new series at the end; NULL where memory is short. */
static struct series *add_series(struct source *source, size_t n, bool with_blocks)
{
	struct series *series;

	if (source->n == source->capacity) {
		size_t capacity = source->capacity ? 2 * source->capacity : 64;
		struct series *grown = realloc(source->series, capacity * sizeof(*grown));

		if (!grown)
			return NULL;
		source->series = grown;
		source->capacity = capacity;
	}
	series = &source->series[source->n++];
	*series = (struct series){.values = calloc(n ? n : 1, sizeof(double)),
				  .block = with_blocks ? calloc(n ? n : 1, sizeof(double)) : NULL};
	return series->values && (series->block || !with_blocks) ? series : NULL;
}

__attribute__((format(printf, 1, 2))) static char *text(const char *format, ...)
{
	va_list arguments;
	char *out = NULL;

	va_start(arguments, format);
	if (vasprintf(&out, format, arguments) < 0)
		out = NULL;
	va_end(arguments);
	return out;
}

bool series_alike(const struct series *a, const struct series *b)
{
	return !strcmp(a->target, b->target) && !strcmp(a->metric, b->metric) &&
	       !strcmp(a->group, b->group);
}

const struct series *source_find(const struct source *source, const struct series *like,
				 const char *subject)
{
	for (size_t i = 0; i < source->n; i++)
		if (series_alike(&source->series[i], like) &&
		    (!subject || !strcmp(source->series[i].subject, subject)))
			return &source->series[i];
	return NULL;
}

size_t series_common(const struct series *a, const struct series *b, double *of_a, double *of_b)
{
	size_t *at_a = calloc(2 * a->n + 1, sizeof(*at_a)), n = 0;

	if (at_a && a->block && b->block)
		n = blocks_common(a->block, a->n, b->block, b->n, at_a, at_a + a->n);
	for (size_t i = 0; i < n; i++) {
		of_a[i] = a->values[at_a[i]];
		of_b[i] = b->values[at_a[a->n + i]];
	}
	free(at_a);
	return n;
}

size_t series_over(const struct series *s, const struct series *baseline, double *out)
{
	double *under = calloc(s->n + 1, sizeof(*under)), median;
	size_t n = 0;

	if (under && s->block) {
		n = series_common(s, baseline, out, under);
		for (size_t i = 0; i < n; i++)
			out[i] /= under[i];
	} else if (under) {
		median = stats_median(baseline->values, baseline->n);
		for (n = 0; n < s->n; n++)
			out[n] = s->values[n] / median;
	}
	free(under);
	return n;
}

void source_free(struct source *source)
{
	for (size_t i = 0; i < source->n; i++) {
		struct series *s = &source->series[i];

		free(s->target);
		free(s->group);
		free(s->subject);
		free(s->unit);
		free(s->why);
		free(s->values);
		free(s->block);
	}
	free(source->series);
	free(source->title);
	json_decref(source->environment);
	*source = (struct source){.path = NULL};
}

/* ---- A run ---- */

static bool is_icount(const struct result *r)
{
	return !strcmp(r->identity->clock, "icount");
}

static int add_metric(struct source *source, const struct result *r, enum cell_metric metric)
{
	const struct sample *s = r->identity;
	bool memory = metric == CELL_COMMITTED_PER_TOUCHED;
	struct series *series = add_series(source, r->n, true);
	char title[128], size[NUMBER_CHARS];
	const char *why;

	if (!series)
		return -ENOMEM;
	series->target = strdup(s->target);
	series->subject = strdup(s->subject);
	series->group = text(
		"%s, %s, %.0f thread%s, fill %.0f", workload_title(s, title, sizeof(title)),
		text_bytes(s->size_bytes, size), s->threads, s->threads == 1 ? "" : "s", s->fill);
	series->metric = memory ? SOURCE_MEMORY : cell_metric_name(metric);
	series->unit = strdup(memory ? "bytes per byte" : r->cost_unit ? r->cost_unit : "");
	series->exact = memory || is_icount(r);
	series->too_small = !memory && !result_comparable(r);
	if (!result_ranked(r, &why)) {
		series->why = strdup(why);
		series->broken =
			r->n || (strcmp(r->outcome, "unsupported") && strcmp(r->outcome, "enomem"));
		return 0;
	}
	for (size_t i = 0; i < r->n; i++) {
		double value = r->values[metric][i];

		if (isnan(value))
			continue;
		series->values[series->n] = memory ? fmax(value, MEMORY_NOTHING) : value;
		series->block[series->n++] = r->block[i];
	}
	if (!series->n)
		series->why = strdup("it was not measured");
	return 0;
}

static int add_cell(struct source *source, const struct result *r, const struct source_filter *f)
{
	int error;

	if (!strcmp(r->identity->subject, VERDICT_BASELINE) ||
	    (f->workload && strcmp(f->workload, r->identity->workload)) ||
	    (!isnan(f->fill) && f->fill != r->identity->fill))
		return 0;
	error = add_metric(source, r, f->metric == CELL_METRICS ? result_headline(r) : f->metric);
	if (!error && !isnan(r->of[CELL_COMMITTED_PER_TOUCHED].value))
		error = add_metric(source, r, CELL_COMMITTED_PER_TOUCHED);
	return error;
}

static const char *string_at(const json_t *object, const char *outer, const char *inner)
{
	const char *found =
		json_string_value(json_object_get(json_object_get(object, outer), inner));

	return found ? found : "unknown";
}

static int read_run(struct source *source, const struct source_filter *filter, char *why,
		    size_t why_bytes)
{
	struct report report;
	int error = report_build(&report, source->path);

	for (size_t i = 0; i < report.results.n && !error; i++)
		error = add_cell(source, &report.results.cells[i], filter);
	if (!error) {
		const char *started = json_string_value(json_object_get(report.run, "started_utc"));

		source->environment = json_incref((json_t *)report.environment);
		source->floor = report.controls.floor;
		source->floor_pairs = report.controls.pairs;
		source->title = text("%s: %s, kernel %s, %s", source->path,
				     started ? started : "unknown time",
				     string_at(source->environment, "kernel", "release"),
				     string_at(source->environment, "cpu", "model"));
	} else {
		snprintf(why, why_bytes,
			 "%s cannot be read: %s; give a run's directory, such as results/latest",
			 source->path, strerror(-error));
	}
	report_free(&report);
	return error;
}

/* ---- Files of other programs ---- */

static int add_times(struct source *source, const char *group, const char *name, size_t n,
		     struct series **out)
{
	struct series *series = add_series(source, n, false);

	if (!series)
		return -ENOMEM;
	series->target = strdup("host");
	series->group = strdup(group);
	series->subject = strdup(name);
	series->metric = "time";
	series->unit = strdup("ns");
	*out = series;
	return 0;
}

static double unit_ns(const json_t *benchmark)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}};
	const char *name = json_string_value(json_object_get(benchmark, "time_unit"));

	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (name && !strcmp(name, units[i].name))
			return units[i].ns;
	return NAN;
}

/* Repetitions of one benchmark have the same run_name; aggregates are left out. */
static int read_google_benchmark(struct source *source, const json_t *benchmarks)
{
	const struct series like = {
		.target = "host", .group = "google-benchmark", .metric = "time"};
	const json_t *b;
	size_t i;

	json_array_foreach(benchmarks, i, b)
	{
		const char *type = json_string_value(json_object_get(b, "run_type"));
		const char *name = json_string_value(json_object_get(b, "run_name"));
		double time = json_number_value(json_object_get(b, "real_time")) * unit_ns(b);
		struct series *series;

		if (!name)
			name = json_string_value(json_object_get(b, "name"));
		if (!name || (type && strcmp(type, "iteration")) || !(time > 0) ||
		    json_is_true(json_object_get(b, "error_occurred")))
			continue;
		series = (struct series *)source_find(source, &like, name);
		if (!series &&
		    add_times(source, like.group, name, json_array_size(benchmarks), &series))
			return -ENOMEM;
		series->values[series->n++] = time;
	}
	return 0;
}

/* A command that stands twice in a file is two series: an A/A pair. */
static int read_hyperfine(struct source *source, const json_t *results)
{
	const json_t *result, *time;
	size_t i, k;

	json_array_foreach(results, i, result)
	{
		const json_t *times = json_object_get(result, "times");
		const char *name = json_string_value(json_object_get(result, "command"));
		struct series *series;

		if (!name || !json_array_size(times))
			continue;
		if (add_times(source, "hyperfine", name, json_array_size(times), &series))
			return -ENOMEM;
		json_array_foreach(times, k, time) series->values[series->n++] =
			json_number_value(time) * 1e9;
	}
	return 0;
}

/* Commands that stand twice in a file. */
static void measure_floor(struct source *source)
{
	for (size_t i = 0; i < source->n; i++) {
		const struct series *second = &source->series[i];
		const struct series *first = source_find(source, second, second->subject);
		struct estimate ratio;

		if (first == second || first->n < STATS_MIN_REPETITIONS ||
		    second->n < STATS_MIN_REPETITIONS)
			continue;
		ratio = stats_ratio_between(second->values, second->n, first->values, first->n);
		source->floor_pairs++;
		source->floor = fmax(source->floor, controls_distance(&ratio));
	}
}

static int read_file(struct source *source, char *why, size_t why_bytes)
{
	json_error_t problem;
	json_t *file = json_load_file(source->path, 0, &problem);
	const json_t *benchmarks = json_object_get(file, "benchmarks");
	const json_t *results = json_object_get(file, "results");
	int error = -EINVAL;

	if (!file)
		snprintf(why, why_bytes, "%s is no JSON (line %d: %s)", source->path, problem.line,
			 problem.text);
	else if (json_is_array(benchmarks))
		error = read_google_benchmark(source, benchmarks);
	else if (json_is_array(results))
		error = read_hyperfine(source, results);
	else
		snprintf(
			why, why_bytes,
			"%s is neither of google-benchmark (--benchmark_out, array benchmarks) nor "
			"of hyperfine (--export-json, array results)",
			source->path);
	if (!error && !source->n) {
		snprintf(why, why_bytes, "%s holds no times", source->path);
		error = -ENODATA;
	}
	measure_floor(source);
	source->title =
		text("%s: %s", source->path, source->n ? source->series[0].group : "unknown");
	json_decref(file);
	return error;
}

int source_read(struct source *source, const char *path, const struct source_filter *filter,
		char *why, size_t why_bytes)
{
	struct stat found;

	*source = (struct source){.path = path, .floor = NAN};
	if (!stat(path, &found) && S_ISREG(found.st_mode))
		return read_file(source, why, why_bytes);
	return read_run(source, filter, why, why_bytes);
}
