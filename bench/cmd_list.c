// SPDX-License-Identifier: MIT
/* tabench list: subjects, workloads, probes and profiles, and why what cannot run here cannot. */
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "arguments.h"
#include "commands.h"
#include "plan.h"
#include "probe.h"

COMMAND(list, "subjects, workloads, probes and profiles, and what cannot run here and why")

static const char usage[] =
	"usage: tabench list [--json] [--preload FILE --name NAME]\n\n"
	"Lists what this build can measure. A subject that cannot run on this machine is listed\n"
	"with the reason and what would help.\n";

static const char *const kinds[] = {
	[PROBE_COUNTER] = "counter", [PROBE_GAUGE] = "gauge", [PROBE_PEAK] = "peak"};

/* Opens the probe to learn where its values come from; false: they are unknown here, source says
 * why. */
static bool probe_works(const struct probe *probe, char *source, size_t source_bytes)
{
	bool works;

	source[0] = 0;
	works = !probe->open(source, source_bytes);
	if (works && probe->close)
		probe->close();
	return works;
}

static void print_text(void)
{
	char text[200];

	puts("subjects");
	for (const struct allocator *a = allocator_first(); a; a = a->next) {
		text[0] = 0;
		printf("  %-22s %s\n", a->name, a->summary);
		if (!subject_supported(a, text, sizeof(text)))
			printf("  %-22s unsupported: %s\n", "", text);
		else if (!(a->flags & (ALLOC_FILL_ANY | ALLOC_LAZY_FILL)))
			printf("  %-22s fill other than 0 unsupported: gives zeros only\n", "");
	}
	puts("\nworkloads");
	for (const struct workload *w = workload_first(); w; w = w->next) {
		printf("  %-22s %s (operation: one %s)\n", w->name, w->summary, w->unit);
		for (unsigned i = 0; w->params && i < WL_MAX_PARAMS && w->params[i].name; i++)
			printf("  %-22s %s: %s, %s\n", "", w->params[i].name, w->params[i].summary,
			       w->params[i].unit);
	}
	puts("\nprobes");
	for (const struct probe *p = probe_first(); p; p = p->next) {
		bool works = probe_works(p, text, sizeof(text));

		printf("  %-22s %s\n", p->name, p->summary);
		printf("  %-22s %s%s\n", "", works ? "from " : "unsupported: ", text);
	}
	puts("\nprofiles");
	for (unsigned i = 0; profile_at(i); i++)
		printf("  %-22s %s: %" PRIu64 " MiB, %u repetitions\n", profile_at(i)->name,
		       profile_at(i)->summary, profile_at(i)->size_bytes >> 20,
		       profile_at(i)->repetitions);
}

static json_t *subjects_json(void)
{
	json_t *list = json_array();

	for (const struct allocator *a = allocator_first(); a; a = a->next) {
		char reason[200] = "";
		bool works = subject_supported(a, reason, sizeof(reason));

		json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:b, s:o, s:b, s:b, s:b, s:o}", "name", a->name,
				  "summary", a->summary, "supported", works, "reason",
				  works ? json_null() : json_string(reason), "lazy",
				  (a->flags & ALLOC_LAZY) != 0, "lazy_fill",
				  (a->flags & ALLOC_LAZY_FILL) != 0, "fill_any",
				  (a->flags & (ALLOC_FILL_ANY | ALLOC_LAZY_FILL)) != 0, "preload",
				  a->preload ? json_string(a->preload) : json_null()));
	}
	return list;
}

static json_t *workloads_json(void)
{
	json_t *list = json_array();

	for (const struct workload *w = workload_first(); w; w = w->next) {
		json_t *params = json_array();

		for (unsigned i = 0; w->params && i < WL_MAX_PARAMS && w->params[i].name; i++)
			json_array_append_new(
				params, json_pack("{s:s, s:s, s:s, s:I, s:I, s:I}", "name",
						  w->params[i].name, "summary",
						  w->params[i].summary, "unit", w->params[i].unit,
						  "default", (json_int_t)w->params[i].fallback,
						  "min", (json_int_t)w->params[i].min, "max",
						  (json_int_t)w->params[i].max));
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:b, s:o}", "name", w->name,
						      "summary", w->summary, "unit", w->unit,
						      "warm", w->warm, "params", params));
	}
	return list;
}

static json_t *probes_json(void)
{
	static const char *const better[] = {
		[BETTER_LOWER] = "lower", [BETTER_HIGHER] = "higher", [BETTER_NEITHER] = "-"};
	json_t *list = json_array();

	for (const struct probe *p = probe_first(); p; p = p->next) {
		char source[200];
		bool works = probe_works(p, source, sizeof(source));
		json_t *fields = json_array();

		for (unsigned i = 0; i < p->n_fields; i++)
			json_array_append_new(fields, json_pack("{s:s, s:s, s:s, s:s}", "name",
								p->fields[i].name, "unit",
								p->fields[i].unit, "kind",
								kinds[p->fields[i].kind], "better",
								better[p->fields[i].better]));
		json_array_append_new(list, json_pack("{s:s, s:s, s:b, s:s, s:o}", "name", p->name,
						      "summary", p->summary, "supported", works,
						      "source", source, "fields", fields));
	}
	return list;
}

static json_t *profiles_json(void)
{
	json_t *list = json_array();

	for (unsigned i = 0; profile_at(i); i++)
		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:I, s:i}", "name", profile_at(i)->name,
						"summary", profile_at(i)->summary, "size_bytes",
						(json_int_t)profile_at(i)->size_bytes,
						"repetitions", profile_at(i)->repetitions));
	return list;
}

static int print_json(void)
{
	json_t *all =
		json_pack("{s:o, s:o, s:o, s:o}", "subjects", subjects_json(), "workloads",
			  workloads_json(), "probes", probes_json(), "profiles", profiles_json());
	int error = !all || json_dumpf(all, stdout, JSON_INDENT(2));

	putchar('\n');
	json_decref(all);
	return error ? failure("cannot print the list") : EXIT_DONE;
}

static int cmd_list(int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'},
		{"preload", required_argument, NULL, 'p'},
		{"name", required_argument, NULL, 'n'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	const char *preload = NULL, *name = NULL;
	bool json = false;
	int option, error;

	opterr = 0;
	optind = 1;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'j':
			json = true;
			break;
		case 'p':
			preload = optarg;
			break;
		case 'n':
			name = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			return EXIT_DONE;
		default:
			return usage_error(
				"list: unknown option or missing value: '%s'; see tabench "
				"list --help",
				argv[optind - 1]);
		}
	}
	if (optind < argc)
		return usage_error("list: unexpected '%s'; see tabench list --help", argv[optind]);
	error = parse_preload(preload, name);
	if (error)
		return error;
	if (json)
		return print_json();
	print_text();
	return EXIT_DONE;
}
