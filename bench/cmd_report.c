// SPDX-License-Identifier: MIT
/* tabench report: the tables, charts and report of a run, written (again) from its samples. */
#include <getopt.h>
#include <stdio.h>

#include "commands.h"
#include "report.h"

COMMAND(report, "write the tables, charts and report of a run (again)")

static const char usage[] =
	"usage: tabench report [--no-plots] DIR\n\n"
	"Reads DIR/samples.jsonl and run.json; writes samples.csv, cells.csv, crossover.csv,\n"
	"crossings.csv, charts/, summary.json, report.md and report.html there; prints the "
	"verdict\n"
	"and the report's path. "
	"DIR is a run's directory, such as results/latest.\n\n"
	"  --no-plots   leave charts/ as it is\n\n"
	"Exit codes: 0 done, 1 DIR holds no samples.jsonl or a file cannot be written, 2 wrong "
	"usage.\n";

static int cmd_report(int argc, char **argv)
{
	enum { NO_PLOTS, HELP };
	static const struct option options[] = {
		{"no-plots", no_argument, NULL, NO_PLOTS},
		{"help", no_argument, NULL, HELP},
		{0},
	};
	bool plots = true;
	int option;

	opterr = 0;
	optind = 1;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == NO_PLOTS) {
			plots = false;
		} else if (option == HELP) {
			fputs(usage, stdout);
			return EXIT_DONE;
		} else {
			return usage_error("report: unknown option '%s'; see tabench report --help",
					   argv[optind - 1]);
		}
	}
	if (optind + 1 != argc)
		return usage_error(
			optind == argc
				? "report: name the run's directory, for example results/latest"
				: "report: one directory at a time");
	return report_run_with(argv[optind], plots) ? EXIT_FAILED : EXIT_DONE;
}
