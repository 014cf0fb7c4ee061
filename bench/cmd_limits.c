// SPDX-License-Identifier: MIT
/* tabench limits: a list of figures that must not be above their limits, looked up in runs. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "report_model.h"

COMMAND(limits, "figures of runs against a list of limits")

#define MAX_RUNS  16
#define MAX_WORDS 9
#define ANY	  (-1.0)

static const char usage[] =
	"usage: tabench limits FILE DIR...\n\n"
	"Looks up each figure that FILE lists in the first of the runs in DIR... that holds it, "
	"and "
	"says\n"
	"whether it is within its limit: its median is, or its interval includes the limit and is\n"
	"narrower than 0.10. Lines of FILE:\n\n"
	"  LIMIT METRIC SUBJECT WORKLOAD SIZE FILL THREADS [BASELINE FILL]\n\n"
	"SIZE takes K, M or G; WORKLOAD, SIZE and THREADS may be *, for all there are. With a "
	"BASELINE\n"
	"the figure is the ratio to that subject, block by block, which may hold another fill "
	"byte. "
	"METRIC:\n"
	"cost (alloc + touch + free for each touched page; else that of one operation), "
	"committed,\n"
	"private_per_touched (committed without files in memory, for each byte touched), or a "
	"metric of\n"
	"tabench ratio. [A heading] stands in brackets; # begins a comment.\n\n"
	"Exit codes: 0 all within, 1 FILE or a DIR cannot be read, 2 wrong usage, 3 one is above "
	"its\n"
	"limit, 4 none is above, but one could not be had.\n";

enum { COST = CELL_METRICS, PRIVATE_PER_TOUCHED };

struct limit {
	double most;
	int metric; /* enum cell_metric, or above */
	const char *metric_name, *subject, *workload, *baseline;
	double size_bytes, fill, threads, baseline_fill;
};

struct answers {
	size_t within, above, missing;
};

/* ---- reading the list ---- */

/* "256M"; NaN: is none. */
static double size_from(const char *text)
{
	static const char units[] = "KMGT";
	char *end;
	double value = strtod(text, &end);
	const char *unit = *end ? strchr(units, *end) : NULL;

	if (end == text || !(value >= 0) || (*end && (!unit || end[1])))
		return NAN;
	return unit ? ldexp(value, 10 * (int)(unit - units + 1)) : value;
}

static double size_or_any(const char *text)
{
	return strcmp(text, "*") ? size_from(text) : ANY;
}

static int metric_from(const char *name)
{
	if (!strcmp(name, "cost"))
		return COST;
	if (!strcmp(name, "committed"))
		return CELL_COMMITTED_BYTES;
	if (!strcmp(name, "private_per_touched"))
		return PRIVATE_PER_TOUCHED;
	for (int metric = 0; metric < CELL_INTERVALS; metric++)
		if (!strcmp(cell_metric_name(metric), name))
			return metric;
	return -1;
}

/* What is wrong, or NULL. */
static const char *limit_from(char **words, size_t n, struct limit *limit)
{
	if (n != MAX_WORDS - 2 && n != MAX_WORDS)
		return "not 7 or 9 words";
	*limit = (struct limit){
		.most = size_from(words[0]),
		.metric = metric_from(words[1]),
		.metric_name = words[1],
		.subject = words[2],
		.workload = words[3],
		.size_bytes = size_or_any(words[4]),
		.fill = size_from(words[5]),
		.threads = size_or_any(words[6]),
		.baseline = n == MAX_WORDS ? words[7] : NULL,
		.baseline_fill = n == MAX_WORDS ? size_from(words[8]) : 0,
	};
	if (limit->metric < 0)
		return "the metric is unknown";
	if (limit->metric == PRIVATE_PER_TOUCHED && limit->baseline)
		return "private_per_touched has no baseline";
	if (isnan(limit->most) || isnan(limit->size_bytes) || isnan(limit->fill) ||
	    isnan(limit->threads) || isnan(limit->baseline_fill))
		return "a number is expected";
	return NULL;
}

/* ---- figures ---- */

static bool asks_for(const struct limit *limit, const struct sample *group)
{
	return (!strcmp(limit->workload, "*") || !strcmp(limit->workload, group->workload)) &&
	       (limit->size_bytes == ANY || limit->size_bytes == group->size_bytes) &&
	       (limit->threads == ANY || limit->threads == group->threads) &&
	       limit->fill == group->fill;
}

/* The same but for the fill byte. */
static bool is_baseline(const struct limit *limit, const struct sample *group,
			const struct sample *other)
{
	char params[2][128];

	return !strcmp(group->target, other->target) && !strcmp(group->workload, other->workload) &&
	       group->size_bytes == other->size_bytes && group->threads == other->threads &&
	       other->fill == limit->baseline_fill &&
	       !strcmp(sample_params_text(group, NULL, params[0], sizeof(params[0])),
		       sample_params_text(other, NULL, params[1], sizeof(params[1])));
}

static const struct result *baseline_of(const struct limit *limit, const struct report *report,
					const struct sample *group)
{
	for (size_t i = 0; i < report->verdicts.n; i++)
		if (is_baseline(limit, group, report->verdicts.groups[i].group))
			return verdict_cell(&report->verdicts.groups[i], limit->baseline);
	return NULL;
}

static struct estimate private_per_touched(const struct report *report, const struct result *result)
{
	double *values = calloc(report->samples.n, sizeof(*values));
	struct estimate e = stats_unknown;
	size_t n = 0;

	for (size_t i = 0; values && i < report->samples.n; i++) {
		const struct sample *s = &report->samples.rows[i];
		double touched = s->touched_pages * report->results.page_bytes;

		if (s->cell_id && !strcmp(s->cell_id, result->identity->cell_id) &&
		    sample_counts(s) && touched > 0)
			values[n++] = (s->committed_bytes - s->shmem_or_memfd_bytes) / touched;
	}
	if (n)
		e = stats_range(values, n); /* a count */
	free(values);
	return e;
}

/* Unknown: why says it. */
static struct estimate figure(const struct limit *limit, const struct report *report,
			      const struct result *a, const struct result *b, const char **why)
{
	struct estimate e = stats_unknown;
	int metric = limit->metric;

	*why = "unknown";
	if (!result_ranked(a, why) || (b && !result_ranked(b, why)))
		return e;
	if (metric == COST)
		metric = result_headline(a);
	if (metric == PRIVATE_PER_TOUCHED)
		return private_per_touched(report, a);
	if (!b)
		return cell_estimate(a->values[metric], a->n, a->identity->clock);
	result_ratio(a, b, metric, &e, why);
	return e;
}

static void print_what(const struct limit *limit, const struct sample *group)
{
	char title[96], bytes[NUMBER_CHARS];

	printf("%-20s %-7s %-28s fill %-3.0f", limit->metric_name,
	       text_bytes(group->size_bytes, bytes), workload_title(group, title, sizeof(title)),
	       group->fill);
	if (group->threads > 1)
		printf(" %.0f threads", group->threads);
	printf("  %s", limit->subject);
	if (limit->baseline)
		printf(" / %s", limit->baseline);
	if (limit->baseline && limit->baseline_fill != group->fill)
		printf(" (fill %.0f)", limit->baseline_fill);
	putchar('\n');
}

/* Is the group's figure there? Then it is judged. */
static bool judge(const struct limit *limit, const struct report *report, const struct verdict *v,
		  struct answers *answers)
{
	const struct result *a = verdict_cell(v, limit->subject);
	const struct result *b = limit->baseline ? baseline_of(limit, report, v->group) : NULL;
	const char *why;
	struct estimate e;
	bool within;

	if (!a || (limit->baseline && !b))
		return false;
	e = figure(limit, report, a, b, &why);
	if (!e.n) {
		answers->missing++;
		printf("unknown  %-36s limit %-8g ", why, limit->most);
	} else {
		within = stats_at_most(&e, limit->most);
		answers->within += within;
		answers->above += !within;
		printf("%-7s %9.4g [%.4g, %.4g] n %-3zu limit %-8g ", within ? "within" : "ABOVE",
		       e.value, e.lo, e.hi, e.n, limit->most);
	}
	print_what(limit, v->group);
	return true;
}

static void look_up(const struct limit *limit, const struct report *reports, size_t n,
		    struct answers *answers)
{
	bool found = false;

	for (size_t i = 0; i < n && !found; i++)
		for (size_t k = 0; k < reports[i].verdicts.n; k++) {
			const struct verdict *v = &reports[i].verdicts.groups[k];

			if (asks_for(limit, v->group))
				found |= judge(limit, &reports[i], v, answers);
		}
	if (found)
		return;
	answers->missing++;
	printf("missing  no run holds it: %s %s of %s%s%s\n", limit->metric_name, limit->workload,
	       limit->subject, limit->baseline ? " and " : "",
	       limit->baseline ? limit->baseline : "");
}

/* ---- the command ---- */

static int judge_line(const char *path, size_t number, char *line, const struct report *reports,
		      size_t n, struct answers *answers)
{
	char *words[MAX_WORDS + 1], *rest = line;
	struct limit limit;
	const char *error;
	size_t n_words = 0;

	line[strcspn(line, "#\n")] = 0;
	if (*line == '[') {
		printf("%s\n", line);
		return EXIT_DONE;
	}
	while (n_words <= MAX_WORDS && (words[n_words] = strtok_r(rest, " \t", &rest)))
		n_words++;
	if (!n_words)
		return EXIT_DONE;
	error = limit_from(words, n_words, &limit);
	if (error)
		return failure("limits: %s, line %zu: %s; see tabench limits --help", path, number,
			       error);
	look_up(&limit, reports, n, answers);
	return EXIT_DONE;
}

static int judge_file(const char *path, const struct report *reports, size_t n,
		      struct answers *answers)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t bytes = 0, number = 0;
	int code = EXIT_DONE;

	if (!file)
		return failure("limits: %s cannot be read: %s", path, strerror(errno));
	while (code == EXIT_DONE && getline(&line, &bytes, file) >= 0)
		code = judge_line(path, ++number, line, reports, n, answers);
	free(line);
	fclose(file);
	return code;
}

static int cmd_limits(int argc, char **argv)
{
	static struct report reports[MAX_RUNS];
	struct answers answers = {0};
	size_t n = 0;
	int code = EXIT_DONE, error;

	if (argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		fputs(usage, stdout);
		return EXIT_DONE;
	}
	if (argc < 3 || argc - 2 > MAX_RUNS || argv[1][0] == '-')
		return usage_error("limits: name a list of limits and 1 to %d directories of runs",
				   MAX_RUNS);
	for (; n < (size_t)argc - 2 && code == EXIT_DONE; n++) {
		error = report_build(&reports[n], argv[n + 2]);
		if (error)
			code = failure("limits: %s cannot be read: %s; give the directory of a run",
				       argv[n + 2], strerror(-error));
	}
	if (code == EXIT_DONE)
		code = judge_file(argv[1], reports, n, &answers);
	if (code == EXIT_DONE) {
		printf("%zu within, %zu above their limits, %zu unknown\n", answers.within,
		       answers.above, answers.missing);
		code = answers.above	 ? EXIT_REGRESSION
		       : answers.missing ? EXIT_NOTHING_COULD_RUN
					 : EXIT_DONE;
	}
	while (n--)
		report_free(&reports[n]);
	return code;
}
