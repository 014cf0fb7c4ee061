// SPDX-License-Identifier: MIT
/* tabench scenario: what becomes of memory where something is short, shared or shaped. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "runner.h"
#include "scenario.h"
#include "scenario_vm.h"
#include "sink.h"

COMMAND(scenario, "limits, overcommit, OOM, swap, fork, fragmentation, NUMA: behaviour, asserted")

static const char help[] =
	"usage: tabench scenario [OPTION...] [SCENARIO[/CASE]...]\n"
	"\n"
	"Runs the named scenarios, or all, and says of each case what happened and whether it is "
	"what must\n"
	"happen. On a host nothing is disturbed: what would disturb runs in the virtual machine "
	"only.\n"
	"\n"
	"  -T, --target T   host, vm or host,vm (default: host)\n"
	"  -r, --run DIR    add the rows to the run in DIR, those that it does not have yet; "
	"tabench report\n"
	"                   shows them\n"
	"  -j, --json       rows as JSON, one a line\n"
	"  -l, --list       list the cases and what must happen in each\n"
	"  -g, --guest      this is the virtual machine: everything may be disturbed\n"
	"\n"
	"Exit status: 0 all that could run is as it must be; 1 something is not; 2 wrong usage;\n"
	"4 nothing could run.";

struct session {
	char **names; /* NULL-terminated */
	const char *run_dir;
	const char *run_id;
	bool json, guest;
	struct sink sink;
	json_t *taken; /* set of cell_ids of rows in the run */
	unsigned held, unsupported, broken;
	int error;
};

static bool wanted(const struct scenario_case *c, char **names)
{
	char full[128];

	snprintf(full, sizeof(full), "%s/%s", c->scenario, c->name);
	if (!*names)
		return true;
	for (; *names; names++)
		if (!strcmp(*names, c->scenario) || !strcmp(*names, full))
			return true;
	return false;
}

/* Every name is that of a case or a scenario. */
static int check_names(char **names)
{
	for (; *names; names++) {
		char *one[] = {*names, NULL};
		struct nearest nearest = {0};
		bool found = false;

		for (const struct scenario *s = scenario_first(); s; s = s->next)
			for (unsigned i = 0; i < s->n; i++) {
				found |= wanted(&s->cases[i], one);
				nearest_consider(&nearest, *names, s->cases[i].scenario);
			}
		if (!found && nearest.name)
			return usage_error("unknown scenario '%s'; did you mean '%s'? "
					   "tabench scenario --list shows all",
					   *names, nearest.name);
		if (!found)
			return usage_error("unknown scenario '%s'; tabench scenario --list shows "
					   "all",
					   *names);
	}
	return 0;
}

static void list(char **names)
{
	for (const struct scenario *s = scenario_first(); s; s = s->next)
		for (unsigned i = 0; i < s->n; i++) {
			const struct scenario_case *c = &s->cases[i];

			if (wanted(c, names))
				printf("%-13s %-18s %-20s %s%s\n", c->scenario, c->name, c->subject,
				       c->expected, c->needs_guest ? " (vm only)" : "");
		}
}

static const char *text(const json_t *row, const char *key)
{
	const char *value = json_string_value(json_object_get(row, key));

	return value ? value : "";
}

static void print(const json_t *row)
{
	const char *outcome = text(row, "outcome"), *observed = text(row, "observed");
	const char *reason = text(row, "reason");
	bool broken = !strcmp(outcome, "failed");

	printf("%-11s %-4s %-13s %-18s %-20s %s%s%s\n",
	       !strcmp(outcome, "ok") ? "as expected"
	       : broken		      ? "BROKEN"
				      : outcome,
	       text(row, "target"), text(row, "workload"),
	       text(json_object_get(row, "params"), "case"), text(row, "subject"), reason,
	       *reason && *observed ? "; " : "", observed);
	if (broken)
		printf("%-11s expected: %s\n", "", text(row, "expected"));
	fflush(stdout);
}

/* A row, of this machine or from the guest. 0 or -errno. */
static int take_row(json_t *row, void *arg)
{
	struct session *session = arg;
	const char *outcome = text(row, "outcome");
	int error = 0;

	if (strcmp(text(row, "kind"), "scenario"))
		return -EPROTO;
	session->held += !strcmp(outcome, "ok");
	session->unsupported += !strcmp(outcome, "unsupported");
	session->broken += !strcmp(outcome, "failed");
	if (session->run_dir) {
		json_object_set_new(row, "run_id", json_string(session->run_id));
		error = sink_append(&session->sink, row);
		if (error)
			failure("scenario: cannot write %s: %s", session->sink.path,
				strerror(-error));
	}
	if (session->guest) {
		error = guest_send(row);
	} else if (session->json) {
		json_dumpf(row, stdout, JSON_COMPACT);
		putchar('\n');
		fflush(stdout);
	} else {
		print(row);
	}
	session->error = session->error ? session->error : error;
	return error;
}

static bool is_taken(const struct session *session, const struct scenario_case *c, bool guest)
{
	char id[CELL_ID_CHARS];

	scenario_cell_id(c, guest, id);
	return json_object_get(session->taken, id);
}

static void run_here(struct session *session)
{
	for (const struct scenario *s = scenario_first(); s; s = s->next)
		for (unsigned i = 0; i < s->n && !session->error; i++) {
			json_t *row;

			if (!wanted(&s->cases[i], session->names) ||
			    is_taken(session, &s->cases[i], session->guest))
				continue;
			row = scenario_row(&s->cases[i], session->run_id, session->guest,
					   runner_interrupt_flag());
			if (!row || take_row(row, session))
				session->error = session->error ? session->error : -EINTR;
			json_decref(row);
		}
}

static bool any_missing_in_vm(const struct session *session)
{
	for (const struct scenario *s = scenario_first(); s; s = s->next)
		for (unsigned i = 0; i < s->n; i++)
			if (wanted(&s->cases[i], session->names) &&
			    !is_taken(session, &s->cases[i], true))
				return true;
	return false;
}

/* Rows of the guest that the run has already are left out. */
static int take_row_of_guest(json_t *row, void *arg)
{
	struct session *session = arg;

	return json_object_get(session->taken, text(row, "cell_id")) ? 0 : take_row(row, session);
}

static void run_in_vm(struct session *session)
{
	char directory[4200] = "/tmp/tabench-scenario.XXXXXX", reason[256], path[4300];
	enum vm_outcome outcome;

	if (!any_missing_in_vm(session))
		return;
	if (session->run_dir) {
		snprintf(directory, sizeof(directory), "%s/vm", session->run_dir);
		mkdir(directory, 0777);
	} else if (!mkdtemp(directory)) {
		session->error = -errno;
		failure("scenario: no temporary directory: %s", strerror(errno));
		return;
	}
	outcome = scenario_vm(session->names, directory, runner_interrupt_flag(), take_row_of_guest,
			      session, reason, sizeof(reason));
	if (!session->run_dir) {
		snprintf(path, sizeof(path), "%s/scenario-facts", directory);
		unlink(path);
		snprintf(path, sizeof(path), "%s/scenario-console.log", directory);
		if (outcome == VM_FAILED)
			fprintf(stderr, "scenario: the console's log is in %s\n", path);
		else
			unlink(path);
		rmdir(directory);
	}
	if (outcome == VM_UNSUPPORTED)
		failure("scenario: vm: unsupported: %s", reason);
	if (outcome == VM_FAILED)
		failure("scenario: vm: failed: %s", reason);
	if ((outcome == VM_FAILED || outcome == VM_INTERRUPTED) && !session->error)
		session->error = outcome == VM_FAILED ? -EIO : -EINTR;
}

static void note_taken(json_t *line, void *arg)
{
	const char *kind = text(line, "kind");

	if (!strcmp(kind, "scenario"))
		json_object_set_new(arg, text(line, "cell_id"), json_true());
}

static int open_run(struct session *session)
{
	char path[4300];
	size_t cut_bytes, damaged;
	int error;

	snprintf(path, sizeof(path), "%s/run.json", session->run_dir);
	if (access(path, R_OK))
		return usage_error("--run %s is not the directory of a run: it has no run.json",
				   session->run_dir);
	snprintf(path, sizeof(path), "%s/samples.jsonl", session->run_dir);
	error = sink_open(&session->sink, path);
	if (!error)
		error = sink_resume(&session->sink, note_taken, session->taken, &cut_bytes,
				    &damaged);
	if (error)
		return failure("cannot open %s: %s", path, strerror(-error));
	return 0;
}

static int run(struct session *session, unsigned targets)
{
	char real[4096] = "scenario";
	int code;

	session->taken = json_object();
	session->run_id = "scenario";
	if (session->run_dir) {
		code = open_run(session);
		if (code)
			return code;
		if (realpath(session->run_dir, real) && strrchr(real, '/'))
			session->run_id = strrchr(real, '/') + 1;
	}
	runner_signals_begin();
	runner_signals_end(); /* leaves the handlers, which set the flag */
	if (targets & TARGET_HOST)
		run_here(session);
	if (targets & TARGET_VM && !session->error)
		run_in_vm(session);
	if (session->run_dir)
		sink_close(&session->sink);
	json_decref(session->taken);
	if (session->guest)
		return session->error ? EXIT_FAILED : EXIT_DONE;
	fprintf(stderr, "tabench: scenario: %u as expected, %u broken, %u unsupported\n",
		session->held, session->broken, session->unsupported);
	if (session->broken || session->error)
		return EXIT_FAILED;
	return session->held ? EXIT_DONE : EXIT_NOTHING_COULD_RUN;
}

static int cmd_scenario(int argc, char **argv)
{
	static const struct option long_options[] = {{"target", required_argument, NULL, 'T'},
						     {"run", required_argument, NULL, 'r'},
						     {"json", no_argument, NULL, 'j'},
						     {"list", no_argument, NULL, 'l'},
						     {"guest", no_argument, NULL, 'g'},
						     {"help", no_argument, NULL, 'h'},
						     {NULL, 0, NULL, 0}};
	struct session session = {.run_dir = NULL};
	unsigned targets = TARGET_HOST;
	bool only_list = false;
	int c;

	optind = 1;
	while ((c = getopt_long(argc, argv, "T:r:jlgh", long_options, NULL)) != -1) {
		switch (c) {
		case 'T':
			targets = targets_parse(optarg);
			if (!targets)
				return usage_error("--target '%s' is neither host, vm nor host,vm",
						   optarg);
			break;
		case 'r':
			session.run_dir = optarg;
			break;
		case 'j':
			session.json = true;
			break;
		case 'l':
			only_list = true;
			break;
		case 'g':
			session.guest = true;
			break;
		case 'h':
			puts(help);
			return EXIT_DONE;
		default:
			return EXIT_USAGE;
		}
	}
	session.names = argv + optind;
	if (check_names(session.names))
		return EXIT_USAGE;
	if (only_list) {
		list(session.names);
		return EXIT_DONE;
	}
	return run(&session, targets);
}
