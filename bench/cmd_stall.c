// SPDX-License-Identifier: MIT
/* tabench stall: what a process feels of being asked about its memory. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "stall.h"

COMMAND(stall, "how long page faults and mappings take while another process reads statistics")

static const char help[] =
	"usage: tabench stall [--size MIB]\n"
	"\n"
	"A process with so much resident memory (default 256 MiB) touches fresh pages, and maps "
	"and\n"
	"unmaps one, while another reads its memory statistics without pause, in one way after "
	"the\n"
	"other. Shown: what one of these took the process, in microseconds, and what one reading\n"
	"took. With 'none' the other process only makes a cheap system call. Needs two CPUs.\n"
	"Exit status: 0 done; 1 something failed; 2 wrong usage; 4 nothing could run.";

static int parse(int argc, char **argv, uint64_t *mib)
{
	static const struct option options[] = {{"size", required_argument, NULL, 's'},
						{"help", no_argument, NULL, 'h'},
						{NULL, 0, NULL, 0}};
	char *end;
	int c;

	optind = 1;
	while ((c = getopt_long(argc, argv, "s:h", options, NULL)) != -1) {
		if (c == 'h') {
			puts(help);
			return -1;
		}
		if (c != 's')
			return EXIT_USAGE;
		errno = 0;
		*mib = strtoull(optarg, &end, 10);
		if (errno || end == optarg || *end || *optarg == '-' || *mib < 1 || *mib > 65536)
			return usage_error("--size is '%s'; it must be 1 to 65536 MiB", optarg);
	}
	if (optind < argc)
		return usage_error("unexpected '%s'; see tabench stall --help", argv[optind]);
	return 0;
}

static void print_us(uint64_t ns)
{
	printf(" %9.1f", (double)ns / 1e3);
}

static void print_row(const char *way, const struct stall *s)
{
	printf("%-18s", way);
	print_us(s->fault.p50_ns);
	print_us(s->fault.p99_ns);
	print_us(s->map.p50_ns);
	print_us(s->map.p99_ns);
	print_us(s->map.max_ns);
	print_us(s->read_ns);
	putchar('\n');
	fflush(stdout);
}

static int cmd_stall(int argc, char **argv)
{
	uint64_t mib = STALL_RESIDENT_BYTES >> 20;
	int status = parse(argc, argv, &mib);
	unsigned done = 0, failed = 0;

	if (status)
		return status < 0 ? EXIT_DONE : status;
	printf("%-18s %9s %9s %9s %9s %9s %9s\n", "us", "fault p50", "fault p99", "map p50",
	       "map p99", "map max", "a reading");
	for (unsigned way = 0; stall_way(way); way++) {
		struct stall stall;

		stall_measure(way, mib << 20, &stall);
		if (!stall.error)
			print_row(stall_way(way), &stall);
		else
			printf("%-18s %s: %s\n", stall_way(way),
			       stall.error == -ENOSYS ? "unsupported" : "failed",
			       *stall.reason ? stall.reason : strerror(-stall.error));
		done += !stall.error;
		failed += stall.error && stall.error != -ENOSYS;
	}
	return failed ? EXIT_FAILED : done ? EXIT_DONE : EXIT_NOTHING_COULD_RUN;
}
