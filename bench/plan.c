// SPDX-License-Identifier: MIT
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backing.h"
#include "plan.h"

#define PERCENTS(...)                               \
	.percents = (const int64_t[]){__VA_ARGS__}, \
	.n_percents = sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)

#define CORE_SUBJECTS                                                                            \
	"null,glibc/calloc,glibc/malloc+memset,jemalloc/calloc,mimalloc/calloc,tcmalloc/calloc," \
	"mmap,mmap/populate,mmap/thp,mmap/mthp-64k,tamalloc/lib-plain"
#define VM_CORE_SUBJECTS                                                                   \
	"null,glibc/calloc,glibc/malloc+memset,mmap,mmap/populate,mmap/thp,mmap/mthp-64k," \
	"tamalloc/syscall,tamalloc/syscall-4k,tamalloc/lib-plain,tamalloc/lib-syscall,"    \
	"driver/kmalloc+memset,driver/kzalloc,driver/vzalloc,driver/pages,driver/lazy"
#define VM_WORKLOADS                                                                         \
	"dense-up,dense-down,two-streams,shuffled,sparse-1pct,stride-4,stride-16,chunks-1m," \
	"read-dense,read-then-write,fraction,recycle"

static const struct profile profiles[] = {
	{
		.name = "smoke",
		.summary = "does everything work: small and short, no claim",
		.size_bytes = 32ull << 20,
		.repetitions = 3,
		.overhead_pairs = 3,
		.gbench_min_time_s = 0.005,
		PERCENTS(5, 50, 100),
		.size_step = 2,
		.size_max_bytes = 32ull << 20,
		.vm_size_bytes = 32ull << 20,
		.vm_s = 60,
		.host = {.core_subjects = "null,mmap,glibc/malloc+memset",
			 .core_workloads = "dense-up,sparse-1pct"},
		.vm = {.subjects =
			       "null,mmap,mmap/thp,mmap/mthp-64k,glibc/malloc+memset,"
			       "tamalloc/syscall,tamalloc/syscall-4k,driver/lazy,driver/kzalloc",
		       .workloads = "dense-up,sparse-1pct,stride-16,read-dense"},
	},
	{
		.name = "default",
		.summary = "the figures of the report",
		.size_bytes = 256ull << 20,
		.repetitions = 9,
		.overhead_pairs = 25,
		.gbench_min_time_s = 0.02,
		PERCENTS(1, 5, 10, 25, 50, 100),
		.size_step = 1,
		.size_max_bytes = 1ull << 30,
		.vm_size_bytes = 128ull << 20,
		.vm_s = 360,
		.host = {.core_subjects = CORE_SUBJECTS,
			 .core_workloads = "dense-up,sparse-1pct,read-dense,touch-latency,"
					   "small-blocks"},
		.vm = {.workloads = VM_WORKLOADS,
		       .core_subjects = VM_CORE_SUBJECTS,
		       .core_workloads = "dense-up,sparse-1pct"},
	},
	{
		.name = "full",
		.summary = "every subject in every workload, more repetitions, a finer crossover",
		.size_bytes = 256ull << 20,
		.repetitions = 15,
		.overhead_pairs = 40,
		.gbench_min_time_s = 0.05,
		PERCENTS(1, 2, 5, 10, 15, 20, 25, 30, 40, 50, 60, 70, 80, 90, 100),
		.size_step = 1,
		.size_max_bytes = 1ull << 30,
		.percents_for_fills = true,
		.vm_size_bytes = 128ull << 20,
	},
};

const struct profile *profile_at(unsigned index)
{
	return index < sizeof(profiles) / sizeof(profiles[0]) ? &profiles[index] : NULL;
}

const struct profile *profile_find(const char *name)
{
	for (unsigned i = 0; profile_at(i); i++)
		if (!strcmp(profiles[i].name, name))
			return &profiles[i];
	return NULL;
}

void cell_id(const char *identity, char id[CELL_ID_CHARS])
{
	uint64_t hash = 0xcbf29ce484222325ull;

	for (; *identity; identity++)
		hash = (hash ^ (unsigned char)*identity) * 0x100000001b3ull;
	snprintf(id, CELL_ID_CHARS, "%016" PRIx64, hash);
}

static unsigned param_count(const struct workload *workload)
{
	unsigned n = 0;

	while (workload->params && n < WL_MAX_PARAMS && workload->params[n].name)
		n++;
	return n;
}

static int param_index(const struct workload *workload, const char *name)
{
	for (unsigned i = 0; i < param_count(workload); i++)
		if (!strcmp(workload->params[i].name, name))
			return (int)i;
	return -1;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void cell_identity(const struct cell *cell, const char *extra, char out[CELL_IDENTITY_CHARS])
{
	char texts[WL_MAX_PARAMS + 1][64];
	const char *sorted[WL_MAX_PARAMS + 1];
	unsigned n = param_count(cell->workload);
	int used;

	for (unsigned i = 0; i < n; i++) {
		snprintf(texts[i], sizeof(texts[i]), "%s=%" PRId64, cell->workload->params[i].name,
			 cell->params[i]);
		sorted[i] = texts[i];
	}
	if (extra)
		sorted[n++] = extra;
	qsort(sorted, n, sizeof(sorted[0]), compare_names);
	used = snprintf(out, CELL_IDENTITY_CHARS, "%s|%s|%s|%" PRIu64 "|%u|%u|", cell_target(cell),
			cell->subject->name, cell->workload->name, cell->size_bytes, cell->threads,
			cell->fill);
	for (unsigned i = 0; i < n && used < CELL_IDENTITY_CHARS; i++)
		used += snprintf(out + used, CELL_IDENTITY_CHARS - (size_t)used, "%s%s",
				 i ? "," : "", sorted[i]);
}

const char *targets_name(unsigned targets)
{
	static const char *const names[] = {"", "host", "vm", "host,vm"};

	return names[targets & (TARGET_HOST | TARGET_VM)];
}

unsigned targets_parse(const char *text)
{
	if (!strcmp(text, "vm,host"))
		text = "host,vm";
	for (unsigned targets = TARGET_HOST; targets <= (TARGET_HOST | TARGET_VM); targets++)
		if (!strcmp(text, targets_name(targets)))
			return targets;
	return 0;
}

const char *cell_target(const struct cell *cell)
{
	return cell->guest ? "vm" : "host";
}

const char *cell_clock(const struct cell *cell)
{
	return cell->guest ? "icount" : "monotonic";
}

const char *cell_cost_unit(const struct cell *cell)
{
	return cell->guest ? "instructions" : "ns";
}

bool subject_supported(const struct allocator *subject, char *reason, size_t reason_bytes)
{
	if ((subject->flags & ALLOC_NEEDS_ROOT) && geteuid() != 0) {
		snprintf(reason, reason_bytes, "needs root; run it with sudo");
		return false;
	}
	return allocator_supported(subject, reason, reason_bytes);
}

static uint64_t cell_pages(const struct cell *cell)
{
	size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);

	return cell->workload->pages(cell->size_bytes, page_bytes, cell->params);
}

static bool cell_is_lazy(const struct cell *cell)
{
	return cell->subject->flags & (cell->fill ? ALLOC_LAZY_FILL : ALLOC_LAZY);
}

/* What one touch may commit. */
static uint64_t granule_bytes(const struct plan_options *options, const struct cell *cell)
{
	if (cell->subject->mthp_size)
		return strtoull(cell->subject->mthp_size, NULL, 10) << 10;
	if (options->huge_page_bytes && (options->thp_always || cell->subject->flags & ALLOC_HUGE))
		return options->huge_page_bytes;
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

/* An upper bound: page tables included where nothing but them is committed. */
static uint64_t committed_bytes(const struct plan_options *options, const struct cell *cell)
{
	uint64_t touched;

	unsigned copies = cell->workload->forks ? 2 : 1;

	if (!cell_is_lazy(cell))
		return copies * cell->size_bytes;
	if (cell->workload->reads_only && !cell->fill)
		return cell_pages(cell) * sizeof(uint64_t);
	touched = cell_pages(cell);
	if (touched > cell->size_bytes / granule_bytes(options, cell))
		return copies * cell->size_bytes;
	return copies * touched * granule_bytes(options, cell);
}

/*
 * Rule 10: a sparse workload whose touched pages would commit more than a quarter of the memory
 * gets a bound, which is one of its parameters; what then still does not fit is unsupported.
 */
static void apply_memory_rule(const struct plan_options *options, struct cell *cell)
{
	int bound = param_index(cell->workload, "max_touched_bytes");
	uint64_t quarter = options->memory_available_bytes / 4;
	uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);

	if (bound >= 0 && cell_is_lazy(cell) && committed_bytes(options, cell) > quarter)
		cell->params[bound] =
			(int64_t)(quarter / granule_bytes(options, cell) * page_bytes);
	cell->committed_bytes = committed_bytes(options, cell);
	if (cell->supported && cell->committed_bytes > options->memory_available_bytes / 20 * 19) {
		cell->supported = false;
		snprintf(cell->reason, sizeof(cell->reason),
			 "would commit %" PRIu64 " MiB of the %" PRIu64
			 " MiB of memory available; choose a smaller --size",
			 cell->committed_bytes >> 20, options->memory_available_bytes >> 20);
	}
}

/* Measured where no machine says otherwise; the run corrects by what it sees. */
#define TOUCH_S	   1.5e-6  /* first touch of a page, and freeing it */
#define WARM_S	   1.5e-10 /* a byte before a sample, and freeing it */
#define START_S	   0.010   /* of a worker: fork, exec, loading, its record, a line of the file */
#define READ_PCT   30	   /* of a touch: comparing a page, or mapping the zero page for that */
#define TIMELINE_S 0.35	   /* the waiting of one */
#define GBENCH_S   0.6	   /* one subject, at 0.02 s a benchmark */
#define REPORT_S   10

static double touch_s(const struct plan_options *options)
{
	return options->touch_s > 0 ? options->touch_s : TOUCH_S;
}

static double estimate_s(const struct plan_options *options, const struct cell *cell)
{
	double committed = (double)cell->committed_bytes / (double)sysconf(_SC_PAGESIZE);
	double touched = (double)cell_pages(cell), effort = cell->workload->effort;
	double of_touched = cell->workload->reads_only ? READ_PCT / 100.0 : 0.1;

	if (effort == 0)
		effort = 1;
	return START_S + touch_s(options) * (effort * committed + of_touched * touched) +
	       (options->warm ? WARM_S * (double)backing_bytes(cell->committed_bytes) : 0);
}

/* A verification reads every byte as well. */
static double estimate_verify_s(const struct plan_options *options, const struct cell *cell)
{
	double pages = (double)cell->size_bytes / (double)sysconf(_SC_PAGESIZE);

	return cell->estimate_s + touch_s(options) * pages * READ_PCT / 100;
}

static int add_cell(struct plan *plan, const struct cell *template, int64_t percent)
{
	struct cell *cell, *grown;
	int fraction_at = param_index(template->workload, "touched_pct");

	grown = realloc(plan->cells, (plan->n_cells + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	plan->cells = grown;
	cell = &grown[plan->n_cells++];
	*cell = *template;
	for (unsigned i = 0; i < param_count(cell->workload); i++)
		cell->params[i] = cell->workload->params[i].fallback;
	if (fraction_at >= 0)
		cell->params[fraction_at] = percent;
	cell->supported = subject_supported(cell->subject, cell->reason, sizeof(cell->reason));
	cell->supported =
		cell->supported && cell_possible(cell->subject, cell->workload, cell->size_bytes,
						 cell->fill, cell->reason, sizeof(cell->reason));
	apply_memory_rule(&plan->options, cell);
	cell_identity(cell, NULL, cell->identity);
	cell_id(cell->identity, cell->id);
	cell->estimate_s = estimate_s(&plan->options, cell);
	plan->n_supported += cell->supported;
	return 0;
}

static int add_cells_of(struct plan *plan, const struct cell *template)
{
	const struct profile *profile = plan->options.profile;
	unsigned n = 1;
	int error = 0;

	if (template->fill && !plan->options.percents_for_fills &&
	    (template->workload->sizes_bytes ||
	     param_index(template->workload, "touched_pct") >= 0))
		return 0;
	if (param_index(template->workload, "touched_pct") >= 0)
		n = profile->n_percents;
	for (unsigned i = 0; i < n && !error; i++)
		error = add_cell(plan, template, profile->percents[i]);
	return error;
}

/* Is name in the comma-separated list? NULL holds everything. */
static bool listed(const char *list, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = list; at; at = strchr(at, ','), at = at ? at + 1 : NULL)
		if (!strncmp(at, name, length) && (at[length] == ',' || !at[length]))
			return true;
	return !list;
}

static const struct scope *scope_of(const struct plan_options *options)
{
	return options->guest ? &options->profile->vm : &options->profile->host;
}

/* See struct scope. */
static bool meet(const struct plan_options *options, const struct allocator *subject,
		 const struct workload *workload, unsigned char fill)
{
	const struct scope *scope = scope_of(options);
	bool core_subject = plan_core_subject(options, subject);
	bool core_workload =
		!options->default_workloads || listed(scope->core_workloads, workload->name);

	if (fill && !options->percents_for_fills)
		return core_subject && core_workload;
	return core_subject || core_workload;
}

/* 1, 2, 4 ... and as many as there are processors that may be used. */
static void name_threads(struct plan_options *options)
{
	unsigned most = 1;
	cpu_set_t usable;

	if (!sched_getaffinity(0, sizeof(usable), &usable))
		most = (unsigned)CPU_COUNT(&usable);
	if (most > PLAN_MAX_THREADS)
		most = PLAN_MAX_THREADS;

	for (unsigned n = 1; n < most; n *= 2)
		options->threads[options->n_threads++] = n;
	options->threads[options->n_threads++] = most;
}

/* Empty lists mean all that are not special; the plan names them, so that it means the same when it
 * is resumed. */
static void name_everything(struct plan_options *options)
{
	const struct scope *scope = scope_of(options);

	options->default_subjects |= !options->n_subjects;
	options->default_workloads |= !options->n_workloads;
	if (!options->n_subjects)
		for (const struct allocator *a = allocator_first(); a; a = a->next)
			if (options->n_subjects < PLAN_MAX_LIST && listed(scope->subjects, a->name))
				options->subjects[options->n_subjects++] = a;
	if (!options->n_workloads)
		for (const struct workload *w = workload_first(); w; w = w->next)
			if (!w->special && options->n_workloads < PLAN_MAX_LIST &&
			    listed(scope->workloads, w->name))
				options->workloads[options->n_workloads++] = w;
	if (!options->n_threads)
		name_threads(options);
	if (!options->n_fills) {
		options->fills[options->n_fills++] = 0;
		options->fills[options->n_fills++] = 0xab;
	}
	if (!options->repetitions)
		options->repetitions =
			options->guest ? VM_REPETITIONS : options->profile->repetitions;
}

static bool subject_wanted(const struct plan_options *options, const struct allocator *subject)
{
	for (unsigned i = 0; i < options->n_subjects; i++)
		if (options->subjects[i] == subject)
			return true;
	return false;
}

static bool workload_wanted(const struct plan_options *options, const struct workload *workload)
{
	for (unsigned i = 0; i < options->n_workloads; i++)
		if (options->workloads[i] == workload)
			return true;
	return false;
}

static uint64_t profile_size_bytes(const struct plan_options *options)
{
	return options->guest ? options->profile->vm_size_bytes : options->profile->size_bytes;
}

/* Fills sizes with those that the workload is measured at; returns how many. */
static unsigned sizes_of(const struct plan_options *options, const struct workload *workload,
			 uint64_t sizes[PLAN_MAX_LIST])
{
	uint64_t max =
		options->guest ? options->profile->vm_size_bytes : options->profile->size_max_bytes;
	const uint64_t *own = workload->sizes_bytes;
	unsigned n = 0;

	if (options->n_sizes) {
		memcpy(sizes, options->sizes_bytes, sizeof(options->sizes_bytes));
		return options->n_sizes;
	}
	for (unsigned i = 0; own && own[i] && n < PLAN_MAX_LIST; i++)
		if (i % options->profile->size_step == 0 && own[i] <= max)
			sizes[n++] = own[i];
	if (!n)
		sizes[n++] = own ? max : profile_size_bytes(options);
	return n;
}

static int expand_subjects(struct plan *plan, const struct cell *template)
{
	const struct plan_options *options = &plan->options;
	const struct workload *w = template->workload;

	for (const struct allocator *a = allocator_first(); a; a = a->next) {
		struct cell cell = *template;
		int error;

		if (!subject_wanted(options, a) || !meet(options, a, w, cell.fill))
			continue;
		cell.subject = a;
		for (unsigned i = 0; i < (w->threaded ? options->n_threads : 1); i++) {
			cell.threads = w->threaded ? options->threads[i] : 1;
			error = add_cells_of(plan, &cell);
			if (error)
				return error;
		}
	}
	return 0;
}

static int expand_fill(struct plan *plan, unsigned char fill)
{
	const struct plan_options *options = &plan->options;
	uint64_t sizes[PLAN_MAX_LIST];

	for (const struct workload *w = workload_first(); w; w = w->next) {
		unsigned n = workload_wanted(options, w) ? sizes_of(options, w, sizes) : 0;

		for (unsigned i = 0; i < n; i++) {
			struct cell template = {.guest = options->guest,
						.workload = w,
						.size_bytes = sizes[i],
						.threads = 1,
						.fill = fill};
			int error = expand_subjects(plan, &template);

			if (error)
				return error;
		}
	}
	return 0;
}

const struct cell *plan_reference_cell(const struct plan *plan)
{
	const struct cell *chosen = NULL;

	if (plan->options.guest) /* one CPU, which sampler and worker share: nothing to learn */
		return NULL;
	for (unsigned i = 0; i < plan->n_cells; i++) {
		const struct cell *cell = &plan->cells[i];
		bool best = !strcmp(cell->subject->name, "mmap") &&
			    !strcmp(cell->workload->name, "dense-up") && !cell->fill;

		if (cell->supported && (best || !chosen || !strcmp(chosen->subject->name, "null")))
			chosen = cell;
		if (cell->supported && best)
			break;
	}
	return chosen;
}

bool plan_core_subject(const struct plan_options *options, const struct allocator *subject)
{
	return !options->default_subjects ||
	       listed(scope_of(options)->core_subjects, subject->name);
}

static double estimate_rest_s(const struct plan_options *options)
{
	double pages = (double)profile_size_bytes(options) / (double)sysconf(_SC_PAGESIZE);
	double estimate = REPORT_S;
	char reason[200];

	for (unsigned i = 0; i < options->n_subjects; i++) {
		if (!subject_supported(options->subjects[i], reason, sizeof(reason)))
			continue;
		if (plan_core_subject(options, options->subjects[i])) /* sampled, and exact */
			estimate += 2 * (TIMELINE_S + touch_s(options) * pages);
		if (options->default_workloads)
			estimate += GBENCH_S * options->profile->gbench_min_time_s / 0.02;
	}
	return estimate;
}

/* Adds what the blocks take, with their aa and canary samples. */
static int estimate_blocks(struct plan *plan)
{
	struct turn *turns = calloc(plan_most_turns(plan), sizeof(*turns));

	if (!turns)
		return -ENOMEM;
	plan->n_turns = plan_turns(plan, 0, turns);
	for (unsigned i = 0; i < plan->n_turns; i++)
		plan->estimate_s +=
			plan->options.repetitions * plan->cells[turns[i].cell].estimate_s;
	free(turns);
	return 0;
}

int plan_expand(struct plan *plan, const struct plan_options *options)
{
	struct plan_options *mine = &plan->options;
	int error = 0;

	*plan = (struct plan){.options = *options};
	name_everything(mine);
	for (unsigned f = 0; f < mine->n_fills && !error; f++)
		error = expand_fill(plan, mine->fills[f]);
	if (!error)
		error = estimate_blocks(plan);
	if (error) {
		plan_free(plan);
		return error;
	}
	for (unsigned i = 0; i < plan->n_cells; i++)
		if (plan->cells[i].supported)
			plan->estimate_s += mine->perf_stat * plan->cells[i].estimate_s +
					    estimate_verify_s(mine, &plan->cells[i]);
	if (plan_reference_cell(plan))
		plan->estimate_s +=
			2 * mine->profile->overhead_pairs * plan_reference_cell(plan)->estimate_s;
	plan->estimate_rest_s = estimate_rest_s(mine);
	return 0;
}

void plan_free(struct plan *plan)
{
	free(plan->cells);
	plan->cells = NULL;
	plan->n_cells = plan->n_supported = 0;
}
