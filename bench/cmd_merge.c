// SPDX-License-Identifier: MIT
/* tabench merge: runs of several machines in one table. */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "merge.h"

COMMAND(merge, "runs of several machines in one table, with the spread between them")

static const char usage[] = "usage: tabench merge [OPTION...] RUN RUN...\n\n"
			    "Writes one report of several runs, as Markdown: for each workload and "
			    "subject the ratio of "
			    "its\n"
			    "cost to the baseline's in each run, with its interval, and the "
			    "median, range and spread of "
			    "the\n"
			    "runs. Committed memory stands in bytes per byte touched.\n\n"
			    "  --baseline NAME   subject to form ratios to (default: mmap)\n"
			    "  --json            the same for programs\n\n"
			    "Exit codes: 0 done, 1 a run cannot be read, 2 wrong usage, 4 no run "
			    "holds the baseline and\n"
			    "another subject.\n";

static int read_and_write(char **paths, size_t n, const char *baseline, bool json)
{
	const struct source_filter filter = {.fill = NAN, .metric = CELL_METRICS};
	struct source *sources = calloc(n, sizeof(*sources));
	struct merged merged = {.n = 0};
	int code = sources ? EXIT_DONE : failure("merge: no memory");
	size_t read = 0;
	char why[512];

	for (; read < n && !code; read++)
		if (source_read(&sources[read], paths[read], &filter, why, sizeof(why)))
			code = failure("merge: %s", why);
	if (!code && merge_sources(&merged, sources, n, baseline))
		code = failure("merge: no memory");
	if (!code && !merged.n_ratios) {
		failure("merge: no run holds the baseline %s and another subject; name one with "
			"--baseline",
			baseline ? baseline : "mmap");
		code = EXIT_NOTHING_COULD_RUN;
	} else if (!code && json) {
		code = merged_write_json(&merged, stdout) ? failure("merge: cannot write the JSON")
							  : EXIT_DONE;
	} else if (!code) {
		merged_write_markdown(&merged, stdout);
	}
	merged_free(&merged);
	while (read)
		source_free(&sources[--read]);
	free(sources);
	return code;
}

static int cmd_merge(int argc, char **argv)
{
	enum { BASELINE, JSON, HELP };
	static const struct option options[] = {
		{"baseline", required_argument, NULL, BASELINE},
		{"json", no_argument, NULL, JSON},
		{"help", no_argument, NULL, HELP},
		{0},
	};
	const char *baseline = NULL;
	bool json = false;
	int option;

	opterr = 0;
	optind = 1;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case BASELINE:
			baseline = optarg;
			break;
		case JSON:
			json = true;
			break;
		case HELP:
			fputs(usage, stdout);
			return EXIT_DONE;
		default:
			return usage_error("merge: unknown option or missing value: '%s'; see "
					   "tabench merge --help",
					   argv[optind - 1]);
		}
	}
	if (argc - optind < 2)
		return usage_error("merge: name the directories of two runs or more");
	return read_and_write(argv + optind, (size_t)(argc - optind), baseline, json);
}
