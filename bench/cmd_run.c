// SPDX-License-Identifier: MIT
/* tabench run: the options of a run, the plan shown or carried out, and what came of it. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "apps.h"
#include "arguments.h"
#include "backing.h"
#include "commands.h"
#include "environment.h"
#include "knobs.h"
#include "pin.h"
#include "report.h"
#include "run.h"
#include "runner.h"

COMMAND(run, "measure a plan, write results/<time>-<host>/ and its report")

static const char usage[] =
	"usage: tabench run [OPTION...]\n\n"
	"  --target LIST       host, vm or host,vm (default: host). vm: our kernel in a virtual\n"
	"                      machine that counts instructions\n"
	"  --profile NAME      smoke, default or full (tabench list says what they are)\n"
	"  --subjects A,B      only these ways of getting memory\n"
	"  --workloads A,B     only these ways of using it\n"
	"  --preload FILE      a malloc library of your own, whose calloc becomes the subject\n"
	"  --name NAME         that NAME stands for\n"
	"  --size N[,N]        bytes of each allocation, with K, M, G or T; below 128T\n"
	"  --fill N[,N]        the byte that the memory must hold, 0 to 255 (default: 0 and 171)\n"
	"  --threads N[,N]     threads that touch, in workloads with several (default: 1, 2, 4\n"
	"                      ... up to the number of processors)\n"
	"  --reps N            repetitions, 1 to 1000\n"
	"  --precision PCT     more repetitions of every workload in which the interval of a "
	"ratio\n"
	"                      to the fastest reaches further than PCT percent to either side\n"
	"  --time-s N          but none after N seconds (default: 1200)\n"
	"  --seed N            of the random order and of the workloads (default: chance)\n"
	"  --timeout-s N       a worker that takes longer is killed and recorded (default: 60)\n"
	"  --perf-stat         each cell once more under perf stat\n"
	"  --cold              leave free memory as the hypervisor left it (default: where it "
	"takes\n"
	"                      free memory back, that is touched again before each sample)\n"
	"  --statistics        what it costs to ask for every process's memory, also where the "
	"plan\n"
	"                      names workloads or subjects\n"
	"  --pin NODE          CPUs and memory of one NUMA node: its number, none, or auto (the\n"
	"                      default): that with most free memory, where there are several\n"
	"  --out DIR           the run's directory (default: results/<time>-<host>)\n"
	"  --resume DIR        continue an earlier run: takes only what is missing\n"
	"  --samples-only      no timelines and no report: tabench report DIR writes it later\n"
	"  --worker FILE       another worker program (default: taworker beside tabench)\n"
	"  --dry-run           print the plan and a time estimate, measure nothing\n"
	"  --guest FILE        this is that virtual machine: lines for the host on stdout; FILE "
	"holds\n"
	"                      samples that need not be taken again\n\n"
	"The environment variables PROFILE, SUBJECTS, WORKLOADS, TARGETS and RESUME (1: "
	"results/latest, or "
	"a\n"
	"directory) stand in for options not given.\n"
	"Ctrl-C ends the run, keeps what was measured and writes the report.\n"
	"Exit codes: 0 done, 1 a worker failed or a result could not be written or the run was\n"
	"interrupted, 2 wrong usage, 4 nothing of the plan can run here.\n";

/* Options that make the plan; their names are those of run.json's plan. */
enum {
	PLAN_PROFILE,
	PLAN_SUBJECTS,
	PLAN_WORKLOADS,
	PLAN_SIZES,
	PLAN_FILLS,
	PLAN_THREADS,
	PLAN_REPETITIONS,
	PLAN_SEED,
	PLAN_TARGETS,
	PLAN_PRECISION,
	PLAN_PRECISION_S,
	PLAN_COUNT
};

static const char *const plan_keys[PLAN_COUNT] = {
	"profile",     "subjects", "workloads", "sizes_bytes", "fills",	      "threads",
	"repetitions", "seed",	   "targets",	"precision",   "precision_s",
};

struct request {
	const char *texts[PLAN_COUNT]; /* as typed, NULL where not given */
	const char *out, *resume, *worker;
	const char *preload, *name; /* a library of the user's own */
	uint64_t timeout_s;	    /* 0: not given */
	bool perf_stat, cold, statistics, samples_only, dry_run;
	int pin; /* node or PIN_NONE */
	bool pin_given;
	json_t *pinned;	   /* what came of it */
	const char *guest; /* where the samples taken before are, or NULL */
	char worker_path[4096];
};

static const char *non_empty(const char *text)
{
	return text && *text ? text : NULL;
}

static int parse_options(int argc, char **argv, struct request *request, bool *help)
{
	enum {
		OUT = PLAN_COUNT,
		RESUME,
		WORKER,
		PRELOAD,
		NAME,
		PIN,
		TIMEOUT,
		PERF_STAT,
		COLD,
		STATISTICS,
		SAMPLES_ONLY,
		DRY_RUN,
		GUEST,
		HELP
	};
	static const struct option options[] = {
		{"profile", required_argument, NULL, PLAN_PROFILE},
		{"subjects", required_argument, NULL, PLAN_SUBJECTS},
		{"workloads", required_argument, NULL, PLAN_WORKLOADS},
		{"size", required_argument, NULL, PLAN_SIZES},
		{"fill", required_argument, NULL, PLAN_FILLS},
		{"threads", required_argument, NULL, PLAN_THREADS},
		{"reps", required_argument, NULL, PLAN_REPETITIONS},
		{"seed", required_argument, NULL, PLAN_SEED},
		{"target", required_argument, NULL, PLAN_TARGETS},
		{"targets", required_argument, NULL, PLAN_TARGETS},
		{"precision", required_argument, NULL, PLAN_PRECISION},
		{"time-s", required_argument, NULL, PLAN_PRECISION_S},
		{"guest", required_argument, NULL, GUEST},
		{"preload", required_argument, NULL, PRELOAD},
		{"name", required_argument, NULL, NAME},
		{"pin", required_argument, NULL, PIN},
		{"out", required_argument, NULL, OUT},
		{"resume", required_argument, NULL, RESUME},
		{"worker", required_argument, NULL, WORKER},
		{"timeout-s", required_argument, NULL, TIMEOUT},
		{"perf-stat", no_argument, NULL, PERF_STAT},
		{"cold", no_argument, NULL, COLD},
		{"statistics", no_argument, NULL, STATISTICS},
		{"samples-only", no_argument, NULL, SAMPLES_ONLY},
		{"dry-run", no_argument, NULL, DRY_RUN},
		{"help", no_argument, NULL, HELP},
		{0},
	};
	int option;

	opterr = 0;
	optind = 1;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case OUT:
			request->out = optarg;
			break;
		case RESUME:
			request->resume = optarg;
			break;
		case WORKER:
			request->worker = optarg;
			break;
		case PRELOAD:
			request->preload = optarg;
			break;
		case NAME:
			request->name = optarg;
			break;
		case PIN:
			if (pin_parse(optarg, &request->pin))
				return EXIT_USAGE;
			request->pin_given = true;
			break;
		case TIMEOUT:
			if (parse_count("--timeout-s", optarg, 1, 86400, &request->timeout_s))
				return EXIT_USAGE;
			break;
		case PERF_STAT:
			request->perf_stat = true;
			break;
		case COLD:
			request->cold = true;
			break;
		case STATISTICS:
			request->statistics = true;
			break;
		case SAMPLES_ONLY:
			request->samples_only = true;
			break;
		case DRY_RUN:
			request->dry_run = true;
			break;
		case GUEST:
			request->guest = optarg;
			break;
		case HELP:
			*help = true;
			return EXIT_DONE;
		case '?':
			return usage_error("run: unknown option or missing value: '%s'; see "
					   "tabench run --help",
					   argv[optind - 1]);
		default:
			request->texts[option] = optarg;
		}
	}
	if (optind < argc)
		return usage_error("run: unexpected '%s'; see tabench run --help", argv[optind]);
	return EXIT_DONE;
}

static void take_environment_variables(struct request *request)
{
	const char *resume = non_empty(getenv("RESUME"));

	if (!request->texts[PLAN_PROFILE])
		request->texts[PLAN_PROFILE] = non_empty(getenv("PROFILE"));
	if (!request->texts[PLAN_SUBJECTS])
		request->texts[PLAN_SUBJECTS] = non_empty(getenv("SUBJECTS"));
	if (!request->texts[PLAN_WORKLOADS])
		request->texts[PLAN_WORKLOADS] = non_empty(getenv("WORKLOADS"));
	if (!request->texts[PLAN_TARGETS])
		request->texts[PLAN_TARGETS] = non_empty(getenv("TARGETS"));
	if (!request->resume && resume && strcmp(resume, "0"))
		request->resume = strcmp(resume, "1") ? resume : "results/latest";
}

static int parse_precision(const char *const *texts, struct plan_options *options)
{
	const char *pct = texts[PLAN_PRECISION], *time = texts[PLAN_PRECISION_S];
	uint64_t seconds = 1200;
	char *end;

	if (time && !pct)
		return usage_error("--time-s goes with --precision; without it the repetitions are "
				   "those of --reps or the profile");
	if (!pct)
		return EXIT_DONE;
	options->precision = strtod(pct, &end) / 100;
	if (end == pct || *end || !(options->precision >= 0.001 && options->precision <= 1))
		return usage_error("--precision '%s' is no percentage from 0.1 to 100", pct);
	if (time && parse_count("--time-s", time, 1, 7 * 86400, &seconds))
		return EXIT_USAGE;
	options->precision_s = (unsigned)seconds;
	return EXIT_DONE;
}

/* The plan that was typed, without regard to a run that is to be resumed. */
static int options_from_request(const struct request *request, struct plan_options *options)
{
	const char *const *texts = request->texts;
	const char *profile = texts[PLAN_PROFILE] ? texts[PLAN_PROFILE] : "default";
	uint64_t repetitions = 0;
	const char *targets = texts[PLAN_TARGETS] ? texts[PLAN_TARGETS] : "host";
	int error = parse_preload(request->preload, request->name);

	if (!error)
		error = parse_profile(profile, options);

	options->guest = request->guest != NULL;
	options->targets = targets_parse(targets);
	options->statistics =
		request->statistics ||
		(!texts[PLAN_WORKLOADS] &&
		 (options->guest || (!texts[PLAN_SUBJECTS] && strcmp(profile, "smoke"))));
	if (!error && !options->targets)
		error = usage_error("--target (TARGETS) '%s' is neither host, vm nor host,vm",
				    targets);
	/* The guest's kernel has subjects that this one may not know. */
	if (!error && texts[PLAN_SUBJECTS] && options->targets & TARGET_HOST)
		error = parse_subjects(texts[PLAN_SUBJECTS], options);
	if (!error && texts[PLAN_WORKLOADS])
		error = parse_workloads(texts[PLAN_WORKLOADS], options);
	if (!error && texts[PLAN_SIZES])
		error = parse_sizes(texts[PLAN_SIZES], options);
	if (!error && texts[PLAN_FILLS])
		error = parse_fills(texts[PLAN_FILLS], options);
	if (!error && texts[PLAN_THREADS])
		error = parse_threads(texts[PLAN_THREADS], options);
	if (!error && texts[PLAN_REPETITIONS])
		error = parse_count("--reps", texts[PLAN_REPETITIONS], 1, PLAN_MAX_REPETITIONS,
				    &repetitions);
	if (!error)
		error = parse_precision(texts, options);
	if (!error && texts[PLAN_SEED])
		error = parse_count("--seed", texts[PLAN_SEED], 0, INT64_MAX, &options->seed);
	else if (!error && getrandom(&options->seed, sizeof(options->seed), 0) > 0)
		options->seed >>= 33; /* short enough to type again */
	if (error)
		return error;
	options->repetitions = (unsigned)repetitions;
	options->percents_for_fills = texts[PLAN_FILLS] || options->profile->percents_for_fills;
	options->timeout_s = request->timeout_s ? (unsigned)request->timeout_s : 60;
	options->perf_stat = request->perf_stat;
	options->warm = !request->cold && !request->guest && backing_is_taken_back();
	environment_for_plan(options);
	if (request->pin != PIN_NONE && pin_free_bytes(request->pin) &&
	    pin_free_bytes(request->pin) < options->memory_available_bytes)
		options->memory_available_bytes = pin_free_bytes(request->pin);
	return 0;
}

/* A resumed run keeps its plan: what is typed again must be the same. */
static int options_of_run(const struct request *request, const struct run_dir *dir,
			  struct plan_options *options)
{
	const json_t *stored = json_object_get(dir->record, "plan");
	struct plan_options typed = *options;
	json_t *typed_json;
	int error;

	if (plan_options_from_json(stored, options))
		return EXIT_FAILED;
	typed.repetitions = typed.repetitions ? typed.repetitions : options->repetitions;
	typed_json = plan_options_json(&typed);
	for (int i = 0; i < PLAN_COUNT; i++) {
		if (!request->texts[i] || json_equal(json_object_get(stored, plan_keys[i]),
						     json_object_get(typed_json, plan_keys[i])))
			continue;
		error = usage_error("%s '%s' is not that of the run in %s; leave it out, or start "
				    "a new run without --resume (RESUME)",
				    plan_keys[i], request->texts[i], dir->path);
		json_decref(typed_json);
		return error;
	}
	json_decref(typed_json);
	if (request->timeout_s)
		options->timeout_s = (unsigned)request->timeout_s;
	options->perf_stat |= request->perf_stat;
	options->statistics |= request->statistics;
	return 0;
}

static int find_worker(struct request *request, struct plan_options *options)
{
	if (request->worker)
		snprintf(request->worker_path, sizeof(request->worker_path), "%s", request->worker);
	else if (path_beside_program("taworker", request->worker_path,
				     sizeof(request->worker_path)))
		return failure("cannot tell where tabench itself is; name the worker by --worker");
	options->worker_path = request->worker_path;
	if (access(request->worker_path, X_OK))
		return failure("the worker %s cannot be executed: %s; build it, or name another by "
			       "--worker",
			       request->worker_path, strerror(errno));
	return 0;
}

static void print_plan(const struct plan *plan, bool samples_only)
{
	const struct plan_options *options = &plan->options;
	const struct cell *overhead = plan_reference_cell(plan);
	double rest_s = samples_only ? 0 : plan->estimate_rest_s;
	unsigned seconds = (unsigned)(plan->estimate_s + rest_s + 0.5);
	bool whole = options->default_subjects && options->default_workloads;
	unsigned vm_s = options->targets & TARGET_VM && whole ? options->profile->vm_s : 0;

	printf("%-16s %-9s %s\n", "cell", "samples", "target|subject|workload|bytes|threads|fill|");
	for (unsigned i = 0; i < plan->n_cells; i++) {
		const struct cell *cell = &plan->cells[i];

		if (cell->supported)
			printf("%s %-9u %s\n", cell->id, options->repetitions, cell->identity);
		else
			printf("%s %-9s %s: unsupported: %s\n", cell->id, "-", cell->identity,
			       cell->reason);
	}
	printf("\n%u cells, %u of them supported; seed %" PRIu64 "\n", plan->n_cells,
	       plan->n_supported, options->seed);
	printf("each: 1 verify, %u repetitions in interleaved blocks%s\n", options->repetitions,
	       options->perf_stat ? ", 1 under perf stat" : "");
	if (options->precision > 0)
		printf("then more repetitions, until intervals are within %.3g %%, for at most %u "
		       "s "
		       "of samples\n",
		       100 * options->precision, options->precision_s);
	if (overhead)
		printf("in each block as well: up to %d cells a second time (A/A), and one cell "
		       "after each %d samples against drift\n",
		       PLAN_TWINS, PLAN_CANARY_EVERY);
	if (overhead)
		printf("%u pairs with and without the timeline's sampler; one timeline for each "
		       "subject of the core\n",
		       options->profile->overhead_pairs);
	if (options->targets & TARGET_VM)
		printf("then the virtual machine: %" PRIu64 " MiB each, %d repetitions\n",
		       options->profile->vm_size_bytes >> 20, VM_REPETITIONS);
	printf("settings of this machine that will be changed: %s\n",
	       knobs_needed(plan) ? "sizes of huge pages and their pool (restored at the end)"
				  : "none");
	printf("estimated time: %u:%02u\n", seconds / 60, seconds % 60);
	if (whole && options->targets & TARGET_HOST && strcmp(options->profile->name, "smoke"))
		printf("estimated time of whole programs, which make bench adds: %d:%02d more\n",
		       APPS_SHORT_S / 60, APPS_SHORT_S % 60);
	if (vm_s)
		printf("estimated time in the virtual machine, under emulation: %u:%02u more\n",
		       vm_s / 60, vm_s % 60);
}

/* What came of the session, in a few lines on stderr. */
static void print_tally(const struct run_dir *dir, const struct run_tally *tally)
{
	unsigned seconds = (unsigned)(tally->elapsed_s + 0.5);

	fprintf(stderr, "tabench: %s:", dir->path);
	for (unsigned i = 0; i < OUTCOME_COUNT; i++)
		if (tally->outcomes[i] || i == OUTCOME_OK)
			fprintf(stderr, " %u %s,", tally->outcomes[i], outcome_name(i));
	if (tally->earlier)
		fprintf(stderr, " %u from before,", tally->earlier);
	fprintf(stderr, " verify passed in %u of %u cells, %u:%02u\n", tally->verify_passed,
		tally->verify_cells, seconds / 60, seconds % 60);
}

static bool any_failure(const struct run_tally *tally)
{
	return tally->outcomes[OUTCOME_KILLED] || tally->outcomes[OUTCOME_TIMEOUT] ||
	       tally->outcomes[OUTCOME_FAILED] || tally->failed_timelines || tally->failed_gbench ||
	       tally->verify_passed < tally->verify_cells || tally->vm_outcome == VM_FAILED;
}

/* The guest's part: what failed is in the samples. */
static int carry_out_guest(const struct plan *plan, struct run_dir *dir, const char *taken,
			   bool samples_only)
{
	struct run_tally tally;
	char samples[4200];
	int error;

	if (rename(taken, run_dir_file(dir, "samples.jsonl", samples)))
		return failure("cannot take over the samples of before: %s", strerror(errno));
	error = guest_send_run(dir);
	if (!error)
		error = run_plan(plan, dir, !samples_only, &tally);
	if (!error && !samples_only)
		error = guest_send_timelines(dir);
	return error ? failure("the guest's part: %s", strerror(-error)) : EXIT_DONE;
}

static int carry_out(const struct plan *plan, struct run_dir *dir, bool samples_only)
{
	struct run_tally tally;
	int error;

	if (knobs_needed(plan))
		fprintf(stderr, "tabench: settings of this machine that will be changed: sizes of "
				"huge pages (restored at the end; NO_TUNE=1 leaves them)\n");
	error = run_plan(plan, dir, !samples_only, &tally);

	if (error && error != -EINTR)
		return EXIT_FAILED;
	print_tally(dir, &tally);
	if (error)
		fprintf(stderr, "tabench: interrupted; continue with --resume %s\n", dir->path);
	if ((!samples_only && report_run(dir->path)) || error)
		return EXIT_FAILED;
	if (!plan->n_supported && !tally.outcomes[OUTCOME_OK] && !tally.earlier &&
	    tally.vm_outcome != VM_FAILED) {
		failure("nothing of the plan can run here; the reasons are in %s/samples.jsonl",
			dir->path);
		return EXIT_NOTHING_COULD_RUN;
	}
	return any_failure(&tally) ? EXIT_FAILED : EXIT_DONE;
}

/* What the guest is told: the plan as typed. A resumed run keeps it. */
static int remember_arguments(const struct request *request, struct run_dir *dir)
{
	static const char *const options[PLAN_COUNT] = {
		"--profile", "--subjects", "--workloads", "--size",
		"--fill",    "--threads",  "--reps",	  "--seed",
	};
	json_t *arguments;

	if (json_object_get(dir->record, "vm_arguments"))
		return 0;
	arguments = json_array();
	for (int i = 0; i < PLAN_TARGETS; i++) {
		const char *text = request->texts[i];

		if (!text && i == PLAN_SEED)
			text = "1"; /* the same from run to run */
		if (!text)
			continue;
		json_array_append_new(arguments, json_string(options[i]));
		json_array_append_new(arguments, json_string(text));
	}
	if (request->preload) {
		for (const char *const *word =
			     (const char *const[]){"--preload",
						   allocator_find(request->name)->preload, "--name",
						   request->name, NULL};
		     *word; word++)
			json_array_append_new(arguments, json_string(*word));
	}
	if (request->statistics)
		json_array_append_new(arguments, json_string("--statistics"));
	json_object_set_new(dir->record, "vm_arguments", arguments);
	return run_dir_save(dir);
}

static int plan_and_run(const struct request *request, const struct plan_options *options,
			struct run_dir *dir, char **argv)
{
	struct plan plan;
	int code = EXIT_DONE;

	if (plan_expand(&plan, options))
		return failure("no memory for the plan");
	if (!(options->targets & TARGET_HOST)) {
		plan_free(&plan);
		plan.estimate_s = plan.estimate_rest_s = 0;
	}
	if (!plan.n_cells && options->targets & TARGET_HOST)
		code = usage_error("the plan is empty: no subject and workload are left");
	else if (request->dry_run)
		print_plan(&plan, request->samples_only);
	else if (!dir->record && run_dir_create(dir, request->out, &plan, argv))
		code = EXIT_FAILED;
	else if (json_object_set(dir->record, "pinned", request->pinned))
		code = failure("no memory for the run's record");
	else if (request->guest)
		code = carry_out_guest(&plan, dir, request->guest, request->samples_only);
	else if (options->targets & TARGET_VM && remember_arguments(request, dir))
		code = EXIT_FAILED;
	else
		code = carry_out(&plan, dir, request->samples_only);
	plan_free(&plan);
	return code;
}

static int pin_of_machine(void)
{
	int node;

	pin_parse("auto", &node);
	return node;
}

/* A resumed run stays where it was. */
static int pin_of_run(const char *path)
{
	struct run_dir dir;
	char file[4200];
	json_t *record, *node;
	int pin = PIN_NONE;

	snprintf(dir.path, sizeof(dir.path), "%s", path);
	record = json_load_file(run_dir_file(&dir, "run.json", file), 0, NULL);
	node = json_object_get(json_object_get(record, "pinned"), "node");
	if (json_is_integer(node))
		pin = (int)json_integer_value(node);
	json_decref(record);
	return pin;
}

static int cmd_run(int argc, char **argv)
{
	struct request request = {.out = NULL};
	struct plan_options options = {.profile = NULL};
	struct run_dir dir = {.record = NULL};
	bool help = false;
	int code = parse_options(argc, argv, &request, &help);

	if (code || help) {
		fputs(help ? usage : "", stdout);
		return code;
	}
	take_environment_variables(&request);
	if (request.resume && request.out)
		return usage_error("--out and --resume exclude each other: a resumed run stays "
				   "where it is");
	if (!request.pin_given)
		request.pin = request.resume ? pin_of_run(request.resume) : pin_of_machine();
	/* Before the plan: threads are planned for the processors that there will be. */
	request.pinned = pin_to_node(request.guest ? PIN_NONE : request.pin);
	code = options_from_request(&request, &options);
	if (!code && request.resume)
		code = run_dir_open(&dir, request.resume)
			       ? EXIT_FAILED
			       : options_of_run(&request, &dir, &options);
	if (!code)
		code = find_worker(&request, &options);
	if (!code)
		code = plan_and_run(&request, &options, &dir, argv);
	json_decref(request.pinned);
	run_dir_close(&dir);
	return code;
}
