// SPDX-License-Identifier: MIT
/* taworker: takes one sample and delivers one struct record. Never calls malloc itself. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "worker.h"

#define MAX_SIZE_BYTES ((uint64_t)1 << 47)

static const char usage[] =
	"usage: taworker --subject NAME --workload NAME --size BYTES [--fill 0..255] [--threads "
	"N]\n"
	"                [--seed N] [--param NAME=INTEGER]... [--purpose measure|verify]\n"
	"                [--record-fd FD] [--marks-fd FD] [--wait-ms N] [--no-thp] [--mock]\n"
	"                [--preload FILE]\n"
	"       taworker --list-json\n"
	"\n"
	"Takes one sample in this process. Without --record-fd a line for the eye goes to stdout.\n"
	"--preload  the library that LD_PRELOAD names; a subject unknown here is its calloc\n"
	"--no-thp   switch transparent huge pages off for this process\n"
	"--mock     fixed numbers in place of the clock and the probes\n"
	"--marks-fd where the workload 'timeline' writes its marks, --wait-ms how long it waits\n"
	"Exit codes: 0 a record was delivered, 2 wrong usage, 1 else.\n";

static struct record record;

__attribute__((format(printf, 1, 2), noreturn)) static void wrong_usage(const char *format, ...)
{
	va_list arguments;

	dprintf(STDERR_FILENO, "taworker: ");
	va_start(arguments, format);
	vdprintf(STDERR_FILENO, format, arguments);
	va_end(arguments);
	dprintf(STDERR_FILENO, "; see taworker --help\n");
	exit(2);
}

static uint64_t number(const char *option, const char *text, uint64_t min, uint64_t max)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || value < min || value > max)
		wrong_usage("--%s '%s' is not a number from %" PRIu64 " to %" PRIu64, option, text,
			    min, max);
	return value;
}

/* ---- parameters ---- */

static void set_fallbacks(struct worker_options *options)
{
	const struct wl_param *param = options->workload->params;

	for (unsigned i = 0; param && i < WL_MAX_PARAMS && param[i].name; i++)
		options->params[i] = param[i].fallback;
}

static void set_param(struct worker_options *options, const char *text)
{
	const struct wl_param *param = options->workload->params;
	const char *equals = strchr(text, '=');
	char *end;

	if (!equals)
		wrong_usage("--param '%s' is not NAME=INTEGER", text);
	for (unsigned i = 0; param && i < WL_MAX_PARAMS && param[i].name; i++) {
		size_t length = (size_t)(equals - text);
		int64_t value;

		if (strlen(param[i].name) != length || strncmp(param[i].name, text, length))
			continue;
		errno = 0;
		value = strtoll(equals + 1, &end, 10);
		if (errno || end == equals + 1 || *end || value < param[i].min ||
		    value > param[i].max)
			wrong_usage("--param '%s' is not an integer from %" PRId64 " to %" PRId64,
				    text, param[i].min, param[i].max);
		options->params[i] = value;
		return;
	}
	wrong_usage("the workload '%s' has no parameter like '%s'", options->workload->name, text);
}

/* ---- lists ---- */

static void print_json_string(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
	putchar('"');
}

static void print_json_entry(const char *name, const char *summary, bool last)
{
	printf("{\"name\": ");
	print_json_string(name);
	printf(", \"summary\": ");
	print_json_string(summary);
	printf("}%s", last ? "" : ", ");
}

static void list_json(void)
{
	printf("{\"subjects\": [");
	for (const struct allocator *a = allocator_first(); a; a = a->next)
		print_json_entry(a->name, a->summary, !a->next);
	printf("], \"workloads\": [");
	for (const struct workload *w = workload_first(); w; w = w->next)
		print_json_entry(w->name, w->summary, !w->next);
	printf("], \"probes\": [");
	for (const struct probe *p = probe_first(); p; p = p->next)
		print_json_entry(p->name, p->summary, !p->next);
	printf("]}\n");
}

/* ---- the record ---- */

static void print_field(unsigned index, uint64_t value)
{
	if (value == PROBE_UNKNOWN)
		printf("  %s=unknown", probe_field_at(index)->name);
	else
		printf("  %s=%" PRId64, probe_field_at(index)->name, (int64_t)value);
}

static void print_record(void)
{
	static const char *const outcomes[] = {"ok", "unsupported", "enomem", "failed"};
	const struct probe_field *field;

	printf("outcome=%s%s%s\n", outcomes[record.outcome], record.reason[0] ? ": " : "",
	       record.reason);
	if (record.outcome != RECORD_OK)
		return;
	printf("verified=%d reserved_bytes=%" PRIu64 " touched_pages=%" PRIu64
	       " wrong_bytes=%" PRIu64 " first_wrong=%" PRIu64 " operations=%" PRIu64 "\n",
	       record.verified, record.reserved_bytes, record.touched_pages, record.wrong_bytes,
	       record.first_wrong, record.operations);
	for (unsigned i = 0; i < PHASE_COUNT; i++) {
		if (!record.phases[i].present)
			continue;
		printf("%-7s cost=%" PRIu64, phase_name(i), record.phases[i].cost);
		for (unsigned k = 0; (field = probe_field_at(k)); k++)
			if (field->kind == PROBE_COUNTER)
				print_field(k, record.phases[i].values[k]);
		printf("\n");
	}
	if (record.latency.count)
		printf("latency count=%" PRIu64 " p50=%" PRIu64 " p99=%" PRIu64 " p999=%" PRIu64
		       " max=%" PRIu64 " clock_cost=%" PRIu64 "\n",
		       record.latency.count, record.latency.p50, record.latency.p99,
		       record.latency.p999, record.latency.max, record.latency.clock_cost);
	printf("settled");
	for (unsigned k = 0; (field = probe_field_at(k)); k++)
		if (field->kind != PROBE_COUNTER)
			print_field(k, record.settled[k]);
	printf("\ncalloc  of %s\nprobes ", record.malloc_object);
	unsigned i = 0;
	for (const struct probe *p = probe_first(); p && i < PROBE_MAX; p = p->next, i++) {
		printf("  %s: %s", p->name, record.probe_source[i]);
		if (record.probe_cost_ns[i] != PROBE_UNKNOWN)
			printf(" (%" PRIu64 " ns)", record.probe_cost_ns[i]);
	}
	printf("\n");
}

static int deliver(int record_fd)
{
	if (record_fd < 0) {
		print_record();
		return fflush(stdout) ? 1 : 0;
	}
	if (write(record_fd, &record, sizeof(record)) != sizeof(record)) {
		dprintf(STDERR_FILENO, "taworker: cannot write the record: %s\n", strerror(errno));
		return 1;
	}
	return 0;
}

/* ---- */

enum {
	SUBJECT = 1,
	PRELOAD,
	WORKLOAD,
	SIZE,
	FILL,
	THREADS,
	SEED,
	PARAM,
	PURPOSE,
	RECORD_FD,
	MARKS_FD,
	WAIT_MS,
	NO_THP,
	MOCK,
	LIST_JSON,
	HELP
};

static const struct option long_options[] = {
	{"subject", required_argument, NULL, SUBJECT},
	{"preload", required_argument, NULL, PRELOAD},
	{"workload", required_argument, NULL, WORKLOAD},
	{"size", required_argument, NULL, SIZE},
	{"fill", required_argument, NULL, FILL},
	{"threads", required_argument, NULL, THREADS},
	{"seed", required_argument, NULL, SEED},
	{"param", required_argument, NULL, PARAM},
	{"purpose", required_argument, NULL, PURPOSE},
	{"record-fd", required_argument, NULL, RECORD_FD},
	{"marks-fd", required_argument, NULL, MARKS_FD},
	{"wait-ms", required_argument, NULL, WAIT_MS},
	{"no-thp", no_argument, NULL, NO_THP},
	{"mock", no_argument, NULL, MOCK},
	{"list-json", no_argument, NULL, LIST_JSON},
	{"help", no_argument, NULL, HELP},
	{0},
};

/* Parameters need the workload, which may be named after them: they are set last. */
#define MAX_PARAM_OPTIONS 16

static void parse(int argc, char **argv, struct worker_options *options, int *record_fd)
{
	const char *params[MAX_PARAM_OPTIONS];
	const char *subject = NULL, *preload = NULL;
	unsigned n_params = 0;
	int option, index = 0;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "", long_options, &index)) != -1) {
		const char *name = option == '?' ? "" : long_options[index].name;

		switch (option) {
		case SUBJECT:
			subject = optarg;
			break;
		case PRELOAD:
			preload = optarg;
			break;
		case WORKLOAD:
			options->workload = workload_find(optarg);
			if (!options->workload)
				wrong_usage("unknown workload '%s'", optarg);
			break;
		case SIZE:
			options->size_bytes = number(name, optarg, 1, MAX_SIZE_BYTES - 1);
			break;
		case FILL:
			options->fill = (unsigned char)number(name, optarg, 0, 255);
			break;
		case THREADS:
			options->threads = (unsigned)number(name, optarg, 1, 1024);
			break;
		case SEED:
			options->seed = number(name, optarg, 0, UINT64_MAX);
			break;
		case PARAM:
			if (n_params == MAX_PARAM_OPTIONS)
				wrong_usage("more than %d parameters", MAX_PARAM_OPTIONS);
			params[n_params++] = optarg;
			break;
		case PURPOSE:
			options->verify = !strcmp(optarg, "verify");
			if (!options->verify && strcmp(optarg, "measure"))
				wrong_usage("--purpose '%s' is neither measure nor verify", optarg);
			break;
		case RECORD_FD:
			*record_fd = (int)number(name, optarg, 0, INT32_MAX);
			break;
		case MARKS_FD:
			options->marks_fd = (int)number(name, optarg, 0, INT32_MAX);
			break;
		case WAIT_MS:
			options->wait_ms = (unsigned)number(name, optarg, 0, 3600000);
			break;
		case NO_THP:
			if (prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0))
				wrong_usage("--no-thp: prctl(PR_SET_THP_DISABLE): %s",
					    strerror(errno));
			break;
		case MOCK:
			options->mock = true;
			break;
		case LIST_JSON:
			list_json();
			exit(0);
		case HELP:
			fputs(usage, stdout);
			exit(0);
		default:
			wrong_usage("unknown option or missing value: '%s'", argv[optind - 1]);
		}
	}
	if (optind < argc)
		wrong_usage("superfluous argument '%s'", argv[optind]);
	if (subject && !(options->allocator = allocator_find(subject))) {
		if (!preload)
			wrong_usage("unknown subject '%s'", subject);
		options->allocator = allocator_preload(subject, preload);
	}
	if (!options->allocator || !options->workload || !options->size_bytes)
		wrong_usage("--subject, --workload and --size are required");
	set_fallbacks(options);
	for (unsigned i = 0; i < n_params; i++)
		set_param(options, params[i]);
}

int main(int argc, char **argv)
{
	static struct worker_options options = {.threads = 1, .seed = 1, .marks_fd = -1};
	int record_fd = -1;

	prctl(PR_SET_PDEATHSIG, SIGKILL); /* also where perf stat stands between tabench and us */
	parse(argc, argv, &options, &record_fd);
	sample_run(&options, &record);
	return deliver(record_fd);
}
