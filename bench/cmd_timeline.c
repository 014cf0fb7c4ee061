// SPDX-License-Identifier: MIT
/* tabench timeline: the memory of any program over time, as CSV, SVG, or a chart in the terminal.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "commands.h"
#include "environment.h"
#include "show.h"
#include "timeline.h"
#include "timeline_chart.h"

COMMAND(timeline, "reserved, committed and faults of any program over time: CSV, SVG, a chart")

static const char help[] =
	"usage: tabench timeline [OPTION...] -- COMMAND [ARGUMENT...]\n"
	"       tabench timeline [OPTION...] --attach PID\n"
	"\n"
	"Runs COMMAND, or meets process PID, and watches its memory from outside, 1,000 times a\n"
	"second, and that of all its descendants with it, until it ends.\n"
	"\n"
	"  -a, --attach PID     a process that runs; it is left as it is at the end\n"
	"  -o, --output FILE    write CSV there\n"
	"  -s, --svg FILE       draw an SVG there (needs gnuplot)\n"
	"  -c, --chart          draw a chart of 80 columns on standard error\n"
	"                       Without any of these three: the chart where standard output is a\n"
	"                       terminal; else CSV on standard output, and what COMMAND prints\n"
	"                       goes to standard error.\n"
	"  -e, --exact          each change of the resident sets, from the tracepoint "
	"kmem:rss_stat\n"
	"                       (needs root or CAP_PERFMON, tracefs, and Linux 6.2 or newer)\n"
	"  -p, --period-us N    microseconds between samples, 100 to 10000000 (default 1000)\n"
	"  -t, --timeout S      after S seconds, kill COMMAND and its descendants, or leave PID\n"
	"\n"
	"Ctrl-C ends the watch as --timeout does; what was seen is written.\n"
	"Columns: t_ns (since the beginning), reserved_bytes (address space), committed_bytes\n"
	"(resident sets), minor_faults, major_faults, mark, end_ns (a sample was taken between "
	"t_ns\n"
	"and end_ns), processes.\n"
	"COMMAND may mark its phases: what it writes to descriptor 100 (TA_MARKS_FD) is the name "
	"of\n"
	"one, a line each, as in: echo loaded >/dev/fd/100\n"
	"Exit status: 0 done; 1 COMMAND or the watching failed; 2 wrong usage; 4 exact mode is "
	"unsupported here.";

struct request {
	struct timeline_options options;
	const char *csv, *svg;
	bool chart;
};

static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
	(void)number;
	interrupted = 1;
}

static int parse_number(const char *name, const char *text, uint64_t min, uint64_t max,
			const char *unit, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || *value < min || *value > max)
		return usage_error("%s is '%s'; it must be %" PRIu64 " to %" PRIu64 "%s", name,
				   text, min, max, unit);
	return 0;
}

/* 0, or an exit code; -1: help was given. */
static int parse(int argc, char **argv, struct request *request)
{
	static const struct option long_options[] = {{"attach", required_argument, NULL, 'a'},
						     {"output", required_argument, NULL, 'o'},
						     {"svg", required_argument, NULL, 's'},
						     {"chart", no_argument, NULL, 'c'},
						     {"exact", no_argument, NULL, 'e'},
						     {"period-us", required_argument, NULL, 'p'},
						     {"timeout", required_argument, NULL, 't'},
						     {"help", no_argument, NULL, 'h'},
						     {NULL, 0, NULL, 0}};
	struct timeline_options *options = &request->options;
	uint64_t value = 0;
	int c, error = 0;

	optind = 1;
	while (!error &&
	       (c = getopt_long(argc, argv, "+a:o:s:cep:t:h", long_options, NULL)) != -1) {
		switch (c) {
		case 'a':
			error = parse_number("--attach", optarg, 1, 1u << 22, "", &value);
			options->attach = (pid_t)value;
			break;
		case 'o':
			request->csv = optarg;
			break;
		case 's':
			request->svg = optarg;
			break;
		case 'c':
			request->chart = true;
			break;
		case 'e':
			options->exact = true;
			break;
		case 'p':
			error = parse_number("--period-us", optarg, 100, 10000000, "", &value);
			options->period_ns = value * 1000;
			break;
		case 't':
			error = parse_number("--timeout", optarg, 1, 1000000, " seconds", &value);
			options->timeout_ns = value * 1000000000u;
			break;
		case 'h':
			puts(help);
			return -1;
		default:
			return EXIT_USAGE;
		}
	}
	if (error)
		return error;
	if (options->attach && optind < argc)
		return usage_error("'%s': either --attach PID or a command, not both",
				   argv[optind]);
	if (!options->attach && optind == argc)
		return usage_error("no command given: tabench timeline [OPTION...] -- COMMAND, or "
				   "--attach PID");
	options->argv = options->attach ? NULL : argv + optind;
	return 0;
}

/* ---- what it says ---- */

/* The program as the headings name it. */
static void describe(const struct request *request, char *text, size_t bytes)
{
	size_t used = 0;

	if (request->options.attach) {
		snprintf(text, bytes, "process %d", (int)request->options.attach);
		return;
	}
	*text = 0;
	for (char *const *argument = request->options.argv; *argument && used < bytes; argument++)
		used += (size_t)snprintf(text + used, bytes - used, "%s%s",
					 argument == request->options.argv ? "" : " ", *argument);
}

static uint64_t most_committed(const struct timeline *t)
{
	uint64_t most = 0;

	for (size_t i = 0; i < t->n_rows && !t->exact; i++)
		if (t->rows[i].committed_bytes > most)
			most = t->rows[i].committed_bytes;
	for (size_t i = 0; i < t->n_events; i++)
		if (t->events[i].committed_bytes > most)
			most = t->events[i].committed_bytes;
	return most;
}

static void report(const struct timeline *t)
{
	char most[SIZE_CHARS];

	fprintf(stderr,
		"timeline: at most %s committed; %" PRIu64 " minor and %" PRIu64
		" major faults; %" PRIu64 " process%s\n",
		size_text(most_committed(t), UNIT_HUMAN, most), t->minor_faults, t->major_faults,
		t->processes, t->processes == 1 ? "" : "es");
	fprintf(stderr, "timeline: %zu samples, %" PRIu64 " deadlines missed", t->n_rows,
		t->missed_ticks);
	if (t->exact)
		fprintf(stderr,
			"; %zu changes, %" PRIu64 " lost; equal to smaps at %u of %u comparisons",
			t->n_events, t->lost_records, t->smaps_checks - t->smaps_differences,
			t->smaps_checks);
	putc('\n', stderr);
	if (t->unwatched)
		fprintf(stderr,
			"timeline: %" PRIu64 " processes could not be watched: raise the limit of "
			"open files (ulimit -n)\n",
			t->unwatched);
}

static int judge(const struct request *request, const struct timeline *t)
{
	if (t->outcome == TIMELINE_UNSUPPORTED) {
		fprintf(stderr, "timeline: exact mode: unsupported: %s\n", t->reason);
		return EXIT_NOTHING_COULD_RUN;
	}
	if (t->outcome == TIMELINE_FAILED)
		return failure("timeline: %s", t->reason);
	if (!request->options.attach && t->exit_status != 0)
		return failure("timeline: '%s' ended with exit status %d", request->options.argv[0],
			       t->exit_status);
	return EXIT_DONE;
}

/* ---- what it writes ---- */

static int write_csv(FILE *file, const char *name, const struct timeline *t)
{
	int error = timeline_write_csv(file, t, 0);

	if (file != stdout && fclose(file) && !error)
		error = -errno;
	return error ? failure("cannot write '%s': %s", name, strerror(-error)) : EXIT_DONE;
}

static void show_chart(const struct timeline *t, const char *title)
{
	struct winsize size = {.ws_col = 0};
	unsigned columns = CHART_COLUMNS;

	setlocale(LC_CTYPE, "");
	if (!ioctl(STDERR_FILENO, TIOCGWINSZ, &size) && size.ws_col && size.ws_col < columns)
		columns = size.ws_col < CHART_MIN_COLUMNS ? CHART_MIN_COLUMNS : size.ws_col;
	timeline_chart(stderr, t, title, columns, !strcmp(nl_langinfo(CODESET), "UTF-8"));
}

/* scripts/plots.sh draws, from a CSV. */
static int draw_svg(const char *svg, const struct timeline *t, const char *title)
{
	char script[4200], csv[] = "/tmp/tabench-timeline.XXXXXX";
	int fd = mkstemp(csv), error, status = 0;
	pid_t child = -1;

	if (fd < 0)
		return failure("cannot write '%s': %s", csv, strerror(errno));
	error = write_csv(fdopen(fd, "w"), csv, t);
	if (!error && (path_beside_program("../scripts/plots.sh", script, sizeof(script)) ||
		       access(script, R_OK)))
		error = failure("no SVG: scripts/plots.sh is not beside this build");
	fflush(NULL);
	if (!error)
		child = fork();
	if (child == 0) {
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execlp("bash", "bash", script, "--timeline", csv, svg, title, (char *)NULL);
		_exit(127);
	}
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	unlink(csv);
	if (!error && (child < 0 || status))
		error = failure("'%s' was not drawn", svg);
	return error;
}

static int cmd_timeline(int argc, char **argv)
{
	struct request request = {.options = {.stdout_fd = -1, .interrupt = &interrupted}};
	struct sigaction action = {.sa_handler = interrupt};
	char title[256];
	struct timeline timeline;
	FILE *csv = NULL;
	int status = parse(argc, argv, &request), error = 0;

	if (status)
		return status < 0 ? EXIT_DONE : status;
	if (!request.csv && !request.svg && !request.chart) {
		if (isatty(STDOUT_FILENO)) {
			request.chart = true;
		} else {
			csv = stdout;
			request.options.stdout_fd = STDERR_FILENO;
		}
	}
	if (request.csv) {
		csv = fopen(request.csv, "we");
		if (!csv)
			return failure("cannot write '%s': %s", request.csv, strerror(errno));
	}
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	timeline_record(&request.options, &timeline);
	describe(&request, title, sizeof(title));
	if (request.chart && timeline.n_rows)
		show_chart(&timeline, title);
	if (timeline.n_rows)
		report(&timeline);
	status = judge(&request, &timeline);
	if (csv)
		error = write_csv(csv, request.csv ? request.csv : "standard output", &timeline);
	if (request.svg && !timeline.n_rows && !status)
		error = failure("'%s' was not drawn: the program ended before the first sample",
				request.svg);
	if (request.svg && timeline.n_rows && draw_svg(request.svg, &timeline, title))
		error = EXIT_FAILED;
	timeline_clear(&timeline);
	return error ? error : status;
}
