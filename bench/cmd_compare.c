// SPDX-License-Identifier: MIT
/* tabench compare: two runs, or two subjects of one. */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "compare.h"

COMMAND(compare, "what changed between two runs, or what differs between two subjects of one")

static const char usage[] =
	"usage: tabench compare [OPTION...] BASE NEW\n"
	"       tabench compare --subject A --to B [OPTION...] RUN\n\n"
	"The first compares two runs: of two kernels, versions or machines. Times of two runs are\n"
	"compared only as ratios to a baseline, another subject in the same block of the same "
	"run;\n"
	"counted instructions and committed memory directly. The second compares A with B, block "
	"by\n"
	"block. BASE, NEW and RUN are directories of runs, or JSON files of google-benchmark\n"
	"(--benchmark_out) or hyperfine (--export-json).\n\n"
	"A finding needs Mann-Whitney's p, adjusted by Holm, below 0.05 and a ratio further from "
	"1\n"
	"than the noise floor, which the A/A rows of the runs set. What is counted is a finding\n"
	"where its median differs by more than 0.5 % (memory: 2 %) and every block does in that\n"
	"direction. What changed most stands first.\n\n"
	"  --baseline NAME   subject to form ratios to (default: mmap, else the first in both)\n"
	"  --floor PCT       noise floor in percent, in place of the runs' own\n"
	"  --limit R         of two subjects: every ratio must be at most R: its median is, or "
	"its\n"
	"                    interval includes R and is narrower than 0.10; nothing else is asked\n"
	"  --metric NAME     another cost than each workload's own: touch_cost_per_page,\n"
	"                    total_cost_per_page, alloc_cost, free_cost, latency_p50, "
	"latency_p99,\n"
	"                    latency_p999, latency_max, reuse_cost_per_operation\n"
	"  --workload NAME   only this one\n"
	"  --fill N          only this one\n"
	"  --all             also the rows without a finding\n"
	"  --json            everything, for programs\n\n"
	"Exit codes: 0 nothing got worse, 1 a run cannot be read, 2 wrong usage, 3 something got\n"
	"worse, 4 too noisy or not comparable; the reason is on stderr.\n";

struct question {
	const char *subject, *to;
	const char *paths[2];
	struct source_filter filter;
	struct compare_options options;
	bool all, json;
};

static int parse_number(const char *option, const char *text, double *value)
{
	char *end;

	*value = strtod(text, &end);
	if (end == text || *end || !(*value >= 0) || isinf(*value))
		return usage_error("compare: %s '%s' is not a number of at least 0", option, text);
	return EXIT_DONE;
}

static int parse_metric(const char *text, enum cell_metric *metric)
{
	for (*metric = 0; *metric < CELL_INTERVALS; (*metric)++)
		if (!strcmp(cell_metric_name(*metric), text))
			return EXIT_DONE;
	return usage_error("compare: --metric '%s' is unknown; see tabench compare --help", text);
}

static int check(const struct question *q, int n_paths)
{
	if (!q->subject != !q->to)
		return usage_error("compare: --subject and --to belong together");
	if (q->subject && n_paths != 1)
		return usage_error("compare: two subjects are compared in one run; name its "
				   "directory, for example results/latest");
	if (!q->subject && n_paths != 2)
		return usage_error("compare: name two runs, BASE and NEW, or one and --subject A "
				   "--to B; see tabench compare --help");
	if (!q->subject && !isnan(q->options.limit))
		return usage_error("compare: --limit is for two subjects of one run: --subject A "
				   "--to B");
	if (q->subject && q->options.baseline)
		return usage_error(
			"compare: --baseline is for two runs; of two subjects, B of --to "
			"is the baseline");
	return EXIT_DONE;
}

static int parse(int argc, char **argv, struct question *q, bool *help)
{
	enum { SUBJECT, TO, BASELINE, FLOOR, LIMIT, METRIC, WORKLOAD, FILL, ALL, JSON, HELP };
	static const struct option options[] = {
		{"subject", required_argument, NULL, SUBJECT},
		{"to", required_argument, NULL, TO},
		{"baseline", required_argument, NULL, BASELINE},
		{"floor", required_argument, NULL, FLOOR},
		{"limit", required_argument, NULL, LIMIT},
		{"metric", required_argument, NULL, METRIC},
		{"workload", required_argument, NULL, WORKLOAD},
		{"fill", required_argument, NULL, FILL},
		{"all", no_argument, NULL, ALL},
		{"json", no_argument, NULL, JSON},
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
		case BASELINE:
			q->options.baseline = optarg;
			break;
		case FLOOR:
			error = parse_number("--floor", optarg, &q->options.floor);
			q->options.floor /= 100;
			break;
		case LIMIT:
			error = parse_number("--limit", optarg, &q->options.limit);
			break;
		case METRIC:
			error = parse_metric(optarg, &q->filter.metric);
			break;
		case WORKLOAD:
			q->filter.workload = optarg;
			break;
		case FILL:
			error = parse_number("--fill", optarg, &q->filter.fill);
			break;
		case ALL:
			q->all = true;
			break;
		case JSON:
			q->json = true;
			break;
		case HELP:
			*help = true;
			return EXIT_DONE;
		default:
			return usage_error("compare: unknown option or missing value: '%s'; see "
					   "tabench compare --help",
					   argv[optind - 1]);
		}
	}
	if (error)
		return error;
	for (int i = optind; i < argc && i < optind + 2; i++)
		q->paths[i - optind] = argv[i];
	return check(q, argc - optind);
}

/* Prints it; the exit code is what it says. */
static int tell(const struct question *q, const struct comparison *c)
{
	char why[256];

	if (q->json) {
		if (comparison_write_json(c, stdout))
			return failure("compare: cannot write the JSON");
	} else {
		comparison_print(c, q->all || !isnan(c->options.limit), stdout);
	}
	if (c->count[FINDING_WORSE] || c->baseline_suspect)
		return EXIT_REGRESSION;
	if (comparison_undecided(c, why, sizeof(why))) {
		failure("compare: %s", why);
		return EXIT_NOTHING_COULD_RUN;
	}
	return EXIT_DONE;
}

static int answer(const struct question *q, const struct source *sources)
{
	struct comparison c;
	int error, code;

	if (q->subject)
		error = compare_subjects(&c, &sources[0], q->to, q->subject, &q->options);
	else
		error = compare_runs(&c, &sources[0], &sources[1], &q->options);
	if (error) {
		code = failure("compare: %s", strerror(-error));
	} else if (q->subject && !c.n) {
		failure("compare: %s holds no workload in which %s and %s both ran", q->paths[0],
			q->subject, q->to);
		code = EXIT_NOTHING_COULD_RUN;
	} else {
		code = tell(q, &c);
	}
	comparison_free(&c);
	return code;
}

static int cmd_compare(int argc, char **argv)
{
	struct question q = {.filter = {.fill = NAN, .metric = CELL_METRICS},
			     .options = {.floor = NAN, .limit = NAN}};
	struct source sources[2];
	bool help = false;
	int code = parse(argc, argv, &q, &help), read = 0;
	char why[512];

	if (code || help) {
		fputs(help ? usage : "", stdout);
		return code;
	}
	for (; read < (q.subject ? 1 : 2) && !code; read++)
		if (source_read(&sources[read], q.paths[read], &q.filter, why, sizeof(why)))
			code = failure("compare: %s", why);
	if (!code)
		code = answer(&q, sources);
	while (read)
		source_free(&sources[--read]);
	return code;
}
