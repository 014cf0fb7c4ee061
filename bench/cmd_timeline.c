// SPDX-License-Identifier: MIT
/* tabench timeline: the memory of one program over time, as CSV. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "timeline.h"

COMMAND(timeline, "reserved, committed and faults of a program over time, as CSV")

static const char help[] =
	"usage: tabench timeline [OPTION...] -- COMMAND [ARGUMENT...]\n"
	"\n"
	"Runs COMMAND and watches its memory from outside, 1,000 times a second.\n"
	"\n"
	"  -o, --output FILE    write the CSV there; COMMAND keeps its standard output. Default: "
	"the CSV goes\n"
	"                       to standard output and COMMAND's output to standard error\n"
	"  -e, --exact          also each change of the resident set, from the tracepoint "
	"kmem:rss_stat\n"
	"                       (needs root or CAP_PERFMON, tracefs, and Linux 6.2 or newer)\n"
	"  -p, --period-us N    microseconds between samples, 100 to 10000000 (default 1000)\n"
	"  -t, --timeout S      kill COMMAND after S seconds (default: never)\n"
	"\n"
	"Columns: t_ns (since exec), reserved_bytes (address space), committed_bytes (resident "
	"set),\n"
	"minor_faults, major_faults, mark. COMMAND may mark its phases: write \"NANOSECONDS "
	"NAME\\n\" (of\n"
	"CLOCK_MONOTONIC) to the descriptor that TA_MARKS_FD names.\n"
	"Exit status: 0 done; 1 COMMAND or the watching failed; 2 wrong usage; 4 exact mode is "
	"unsupported here.";

static int parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 10);
	return errno || end == text || *end || *text == '-' || *value < min || *value > max;
}

static int report(const struct timeline *t, const char *command)
{
	if (t->outcome == TIMELINE_UNSUPPORTED) {
		fprintf(stderr, "timeline: exact mode: unsupported: %s\n", t->reason);
		return EXIT_NOTHING_COULD_RUN;
	}
	if (t->outcome == TIMELINE_FAILED)
		return failure("timeline: %s", t->reason);
	fprintf(stderr, "timeline: %zu samples, %" PRIu64 " deadlines missed", t->n_rows,
		t->missed_ticks);
	if (t->exact)
		fprintf(stderr, "; %zu changes, %" PRIu64 " lost; equal to smaps at %u of %u marks",
			t->n_events, t->lost_records, t->smaps_checks - t->smaps_differences,
			t->smaps_checks);
	putc('\n', stderr);
	if (t->exit_status != 0)
		return failure("timeline: '%s' ended with exit status %d", command, t->exit_status);
	return EXIT_DONE;
}

static int cmd_timeline(int argc, char **argv)
{
	static const struct option long_options[] = {{"output", required_argument, NULL, 'o'},
						     {"exact", no_argument, NULL, 'e'},
						     {"period-us", required_argument, NULL, 'p'},
						     {"timeout", required_argument, NULL, 't'},
						     {"help", no_argument, NULL, 'h'},
						     {NULL, 0, NULL, 0}};
	struct timeline_options options = {.stdout_fd = STDERR_FILENO};
	const char *output = NULL;
	FILE *file = stdout;
	struct timeline timeline;
	uint64_t value;
	int c, status, error;

	optind = 1;
	while ((c = getopt_long(argc, argv, "+o:ep:t:h", long_options, NULL)) != -1) {
		switch (c) {
		case 'o':
			output = optarg;
			break;
		case 'e':
			options.exact = true;
			break;
		case 'p':
			if (parse_number(optarg, 100, 10000000, &value))
				return usage_error(
					"--period-us is '%s'; it must be 100 to 10000000", optarg);
			options.period_ns = value * 1000;
			break;
		case 't':
			if (parse_number(optarg, 1, 1000000, &value))
				return usage_error(
					"--timeout is '%s'; it must be 1 to 1000000 seconds",
					optarg);
			options.timeout_ns = value * 1000000000u;
			break;
		case 'h':
			puts(help);
			return EXIT_DONE;
		default:
			return EXIT_USAGE;
		}
	}
	if (optind == argc)
		return usage_error("no command given: tabench timeline [OPTION...] -- COMMAND");
	if (output) {
		options.stdout_fd = -1;
		file = fopen(output, "we");
		if (!file)
			return failure("cannot write '%s': %s", output, strerror(errno));
	}
	options.argv = argv + optind;
	timeline_record(&options, &timeline);
	status = report(&timeline, argv[optind]);
	error = timeline_write_csv(file, &timeline, 0);
	if (output && fclose(file) && !error)
		error = -errno;
	if (error)
		status = failure("cannot write '%s': %s", output ? output : "standard output",
				 strerror(-error));
	timeline_clear(&timeline);
	return status;
}
