// SPDX-License-Identifier: MIT
/* tabench ratio: one subject against another in every workload of a run, block by block. */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "report_model.h"

COMMAND(ratio, "one subject against another in each workload of a run, with a limit")

static const char usage[] =
	"usage: tabench ratio --subject A --to B [OPTION...] DIR\n\n"
	"For each workload, size, fill and target of the run in DIR: the cost of A divided by that "
	"of\n"
	"B, block by block; median and 95 % interval (under icount: the range). The cost is that "
	"of a\n"
	"touched page, alloc + touch + free; where no page is touched, that of one operation.\n\n"
	"  --workload NAME   only this one\n"
	"  --fill N          only this one\n"
	"  --metric NAME     another cost: touch_cost_per_page, alloc_cost, free_cost, "
	"latency_p50,\n"
	"                    latency_p99, latency_p999, latency_max, reuse_cost_per_operation\n"
	"  --limit R         every ratio must be at most R: its median is, or its interval "
	"includes\n"
	"                    R and is narrower than 0.10\n\n"
	"Exit codes: 0 done, 1 DIR cannot be read, 2 wrong usage, 3 a ratio is above the limit, 4\n"
	"the run holds no such pair.\n";

struct question {
	const char *subject, *to, *workload, *dir;
	double fill, limit;	 /* NaN: any, none */
	enum cell_metric metric; /* CELL_METRICS: the headline */
};

static int parse_number(const char *option, const char *text, double *value)
{
	char *end;

	*value = strtod(text, &end);
	if (end == text || *end || !(*value >= 0) || isinf(*value))
		return usage_error("ratio: %s '%s' is not a number of at least 0", option, text);
	return EXIT_DONE;
}

static int parse_metric(const char *text, enum cell_metric *metric)
{
	for (*metric = 0; *metric < CELL_INTERVALS; (*metric)++)
		if (!strcmp(cell_metric_name(*metric), text))
			return EXIT_DONE;
	return usage_error("ratio: --metric '%s' is unknown; see tabench ratio --help", text);
}

static int parse(int argc, char **argv, struct question *q, bool *help)
{
	enum { SUBJECT, TO, WORKLOAD, FILL, METRIC, LIMIT, HELP };
	static const struct option options[] = {
		{"subject", required_argument, NULL, SUBJECT},
		{"to", required_argument, NULL, TO},
		{"workload", required_argument, NULL, WORKLOAD},
		{"fill", required_argument, NULL, FILL},
		{"metric", required_argument, NULL, METRIC},
		{"limit", required_argument, NULL, LIMIT},
		{"help", no_argument, NULL, HELP},
		{0},
	};
	int option, error = EXIT_DONE;

	opterr = 0;
	optind = 1;
	while (!error && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case SUBJECT:
			q->subject = optarg;
			break;
		case TO:
			q->to = optarg;
			break;
		case WORKLOAD:
			q->workload = optarg;
			break;
		case FILL:
			error = parse_number("--fill", optarg, &q->fill);
			break;
		case METRIC:
			error = parse_metric(optarg, &q->metric);
			break;
		case LIMIT:
			error = parse_number("--limit", optarg, &q->limit);
			break;
		case HELP:
			*help = true;
			return EXIT_DONE;
		default:
			return usage_error("ratio: unknown option or missing value: '%s'; see "
					   "tabench ratio --help",
					   argv[optind - 1]);
		}
	}
	if (error)
		return error;
	if (!q->subject || !q->to)
		return usage_error("ratio: --subject and --to are required");
	if (optind + 1 != argc)
		return usage_error("ratio: name one run's directory, for example results/latest");
	q->dir = argv[optind];
	return EXIT_DONE;
}

static bool asked_for(const struct question *q, const struct verdict *v)
{
	return (!q->workload || !strcmp(q->workload, v->group->workload)) &&
	       (isnan(q->fill) || q->fill == v->group->fill);
}

struct answer {
	size_t n, above;
};

static void print_row(const struct question *q, const struct verdict *v, struct answer *answer)
{
	const struct result *a = verdict_cell(v, q->subject), *b = verdict_cell(v, q->to);
	char title[96], bytes[NUMBER_CHARS];
	const char *why, *judged = "";
	enum cell_metric metric;
	struct estimate e;

	if (!a || !b)
		return;
	metric = q->metric == CELL_METRICS ? result_headline(b) : q->metric;
	printf("%-4s %-26.26s %8s fill %-3.0f ", v->group->target,
	       workload_title(v->group, title, sizeof(title)),
	       text_bytes(v->group->size_bytes, bytes), v->group->fill);
	if (!result_ranked(a, &why) || !result_ranked(b, &why) ||
	    result_ratio(a, b, metric, &e, &why)) {
		printf("%s\n", why ? why : "unknown");
		return;
	}
	answer->n++;
	if (!isnan(q->limit)) {
		bool within = stats_at_most(&e, q->limit);

		answer->above += !within;
		judged = within ? "  within" : "  ABOVE";
	}
	printf("%7.3f  [%.3f, %.3f]  n %-3zu %s%s\n", e.value, e.lo, e.hi, e.n,
	       cell_metric_name(metric), judged);
}

static int answer(const struct question *q, const struct report *report)
{
	struct answer answer = {0};

	for (size_t i = 0; i < report->verdicts.n; i++)
		if (asked_for(q, &report->verdicts.groups[i]))
			print_row(q, &report->verdicts.groups[i], &answer);
	if (!answer.n) {
		failure("ratio: the run in %s holds no workload in which %s and %s both ran",
			q->dir, q->subject, q->to);
		return EXIT_NOTHING_COULD_RUN;
	}
	if (!isnan(q->limit))
		printf("%s / %s: %zu of %zu ratios are at most %g\n", q->subject, q->to,
		       answer.n - answer.above, answer.n, q->limit);
	return answer.above ? EXIT_REGRESSION : EXIT_DONE;
}

static int cmd_ratio(int argc, char **argv)
{
	struct question q = {.fill = NAN, .limit = NAN, .metric = CELL_METRICS};
	struct report report;
	bool help = false;
	int code = parse(argc, argv, &q, &help), error;

	if (code || help) {
		fputs(help ? usage : "", stdout);
		return code;
	}
	error = report_build(&report, q.dir);
	if (error)
		code = failure("ratio: %s cannot be read: %s; give the directory of a run, such as "
			       "results/latest",
			       q.dir, strerror(-error));
	else
		code = answer(&q, &report);
	report_free(&report);
	return code;
}
