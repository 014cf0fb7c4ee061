// SPDX-License-Identifier: MIT
/* tabench doctor: what on this machine would spoil or colour results, and what to do about it. */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "doctor.h"
#include "system_files.h"

COMMAND(doctor, "what on this machine would spoil or colour results, with remedies")

static const char help[] =
	"usage: tabench doctor [--json] [--root DIR]\n"
	"\n"
	"Looks at what the machine is and how it is set, changes nothing, and says of each thing:\n"
	"\n"
	"  ok       no harm\n"
	"  colours  a part of the result: this machine set otherwise, or another one, differs\n"
	"  spoils   results differ from one time to the next for no reason of their own\n"
	"  unknown  cannot be told here\n"
	"\n"
	"  -j, --json      for programs: {schema, checks: [{name, state, found, effect, remedy, "
	"quiet,\n"
	"                  left}], counts}; quiet: would `tabench quiet` set it, left: why not\n"
	"  -r, --root DIR  look at a copy of another machine's /proc and /sys in DIR\n"
	"\n"
	"Exit status: 0 nothing spoils results; 1 something does; 2 wrong usage.";

static void print(const struct doctor_check *check, const struct doctor_finding *f)
{
	printf("%-8s %-15s %s\n", doctor_state_name(f->state), check->name, f->found);
	if (f->effect)
		printf("%-8s %-15s   %s\n", "", "", f->effect);
	if (f->remedy)
		printf("%-8s %-15s   remedy: %s%s\n", "", "",
		       check->settings[0].pattern && f->state != DOCTOR_UNKNOWN
			       ? "tabench quiet sets it; or "
			       : "",
		       f->remedy);
}

static json_t *to_json(const struct doctor_check *check, const struct doctor_finding *f)
{
	return json_pack("{s:s, s:s, s:s, s:s?, s:s?, s:b, s:s?}", "name", check->name, "state",
			 doctor_state_name(f->state), "found", f->found, "effect", f->effect,
			 "remedy", f->remedy, "quiet", check->settings[0].pattern != NULL, "left",
			 check->left);
}

static int examine(bool json)
{
	unsigned counts[DOCTOR_STATES] = {0};
	json_t *list = json_array(), *all;
	const struct doctor_check *check;
	int error = 0;

	for (unsigned i = 0; (check = doctor_check(i)); i++) {
		struct doctor_finding finding;

		doctor_look(check, &finding);
		counts[finding.state]++;
		if (json)
			json_array_append_new(list, to_json(check, &finding));
		else
			print(check, &finding);
	}
	all = json_pack("{s:i, s:o, s:{}}", "schema", 1, "checks", list, "counts");
	for (int state = 0; state < DOCTOR_STATES; state++)
		json_object_set_new(json_object_get(all, "counts"), doctor_state_name(state),
				    json_integer(counts[state]));
	if (json)
		error = json_dumpf(all, stdout, JSON_INDENT(1)) || putchar('\n') == EOF;
	else
		printf("\n%u ok, %u colour results, %u spoil them, %u unknown\n", counts[DOCTOR_OK],
		       counts[DOCTOR_COLOURS], counts[DOCTOR_SPOILS], counts[DOCTOR_UNKNOWN]);
	json_decref(all);
	if (fflush(stdout) || error)
		return failure("doctor: cannot write: %s", strerror(errno));
	return counts[DOCTOR_SPOILS] ? EXIT_FAILED : EXIT_DONE;
}

static int cmd_doctor(int argc, char **argv)
{
	static const struct option long_options[] = {{"json", no_argument, NULL, 'j'},
						     {"root", required_argument, NULL, 'r'},
						     {"help", no_argument, NULL, 'h'},
						     {NULL, 0, NULL, 0}};
	bool json = false;
	char path[4096];
	int c;

	optind = 1;
	while ((c = getopt_long(argc, argv, "jr:h", long_options, NULL)) != -1) {
		switch (c) {
		case 'j':
			json = true;
			break;
		case 'r':
			snprintf(path, sizeof(path), "%s/proc", optarg);
			if (access(path, R_OK | X_OK))
				return usage_error("--root %s: no copy of a machine: %s: %s; it "
						   "needs proc and sys",
						   optarg, path, strerror(errno));
			system_root(optarg);
			break;
		case 'h':
			puts(help);
			return EXIT_DONE;
		default:
			return EXIT_USAGE;
		}
	}
	if (optind < argc)
		return usage_error("doctor takes no argument, but '%s' was given", argv[optind]);
	return examine(json);
}
