// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "worker.h"

#define ALL_KINDS	 (1u << PROBE_COUNTER | 1u << PROBE_GAUGE | 1u << PROBE_PEAK)
#define PROBE_COST_READS 5
#define CLOCK_COST_LAPS	 65

struct edge {
	uint64_t values[PROBE_MAX_FIELDS];
	struct alloc_held held;
};

/* All static: mapped and written once before the baseline. */
struct worker {
	const struct worker_options *options;
	struct record *record;
	struct alloc_ctx ctx;
	bool probe_open[PROBE_MAX];
	uint64_t clock_readings, probe_readings;
	struct edge baseline, begin, end;
	uint64_t begin_ns;
	uint64_t faults_of_start,
		faults_before; /* when the probes were opened; and what theirs said */
	enum phase phase;
	bool in_phase;
	unsigned settled;
	bool peak_is_ours;
	uint32_t *laps; /* room for max_laps, prefaulted */
	size_t laps_bytes;
	uint64_t n_laps, max_laps, lap_ns;
};

static struct worker worker;

static uint64_t clock_ns(struct worker *worker)
{
	struct timespec now;

	if (worker->options->mock)
		return ++worker->clock_readings * WORKER_MOCK_STEP_NS;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---- probes ---- */

static void open_probes(struct worker *worker)
{
	unsigned i = 0;

	for (const struct probe *p = probe_first(); p && i < PROBE_MAX; p = p->next, i++) {
		char *source = worker->record->probe_source[i];
		size_t bytes = sizeof(worker->record->probe_source[i]);

		if (worker->options->mock)
			snprintf(source, bytes, "mock");
		else
			worker->probe_open[i] = p->open(source, bytes) == 0;
	}
}

static void close_probes(struct worker *worker)
{
	unsigned i = 0;

	for (const struct probe *p = probe_first(); p && i < PROBE_MAX; p = p->next, i++)
		if (worker->probe_open[i] && p->close)
			p->close();
}

static void mock_probes(struct worker *worker, uint64_t *values, unsigned kinds)
{
	const struct probe_field *field;

	worker->probe_readings++;
	for (unsigned i = 0; (field = probe_field_at(i)); i++)
		if (kinds & 1u << field->kind)
			values[i] = worker->probe_readings * (i + 1);
}

/* Values of other kinds, and of probes that could not be opened, stay as they are. */
static void read_probes(struct worker *worker, uint64_t *values, unsigned kinds)
{
	unsigned i = 0;

	if (worker->options->mock) {
		mock_probes(worker, values, kinds);
		return;
	}
	for (const struct probe *p = probe_first(); p && i < PROBE_MAX; p = p->next, i++)
		if (worker->probe_open[i])
			p->read(values + p->first_field, kinds);
}

static void read_held(struct worker *worker, struct alloc_held *held)
{
	*held = (struct alloc_held){0};
	if (worker->options->allocator->held)
		worker->options->allocator->held(&worker->ctx, held);
}

static uint64_t median(uint64_t *values, unsigned n)
{
	for (unsigned i = 1; i < n; i++)
		for (unsigned k = i; k && values[k - 1] > values[k]; k--) {
			uint64_t value = values[k];

			values[k] = values[k - 1];
			values[k - 1] = value;
		}
	return values[n / 2];
}

/* Also the warming: each probe, and the clock, has run several times afterwards. */
static void measure_probe_costs(struct worker *worker)
{
	uint64_t costs[PROBE_COST_READS];
	unsigned i = 0;

	for (const struct probe *p = probe_first(); p && i < PROBE_MAX; p = p->next, i++) {
		worker->record->probe_cost_ns[i] = PROBE_UNKNOWN;
		if (!worker->probe_open[i])
			continue;
		for (unsigned n = 0; n < PROBE_COST_READS; n++) {
			uint64_t start = clock_ns(worker);

			p->read(worker->end.values + p->first_field, ALL_KINDS);
			costs[n] = clock_ns(worker) - start;
		}
		worker->record->probe_cost_ns[i] = median(costs, PROBE_COST_READS);
	}
}

static uint64_t difference(uint64_t before, uint64_t after)
{
	return before == PROBE_UNKNOWN || after == PROBE_UNKNOWN ? PROBE_UNKNOWN : after - before;
}

static uint64_t sum(uint64_t a, uint64_t b)
{
	return a == PROBE_UNKNOWN || b == PROBE_UNKNOWN ? PROBE_UNKNOWN : a + b;
}

/* Minor and major ones of the values. */
static uint64_t faults_in(const uint64_t *values)
{
	int minor = probe_field_index("minor_faults"), major = probe_field_index("major_faults");

	return minor < 0 || major < 0 ? PROBE_UNKNOWN : sum(values[minor], values[major]);
}

/* Where counting faults begins: what the process has had so far, and what the probe says. */
static void take_first_faults(struct worker *worker)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	worker->faults_of_start = (uint64_t)(usage.ru_minflt + usage.ru_majflt);
	read_probes(worker, worker->begin.values, 1u << PROBE_COUNTER);
	worker->faults_before = faults_in(worker->begin.values);
}

static void fill_unknown(uint64_t *values)
{
	for (unsigned i = 0; i < PROBE_MAX_FIELDS; i++)
		values[i] = PROBE_UNKNOWN;
}

/* Writes 5 into clear_refs: VmHWM restarts at the present resident set. */
static bool reset_peak(void)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, "5", 1) == 1;

	if (fd >= 0)
		close(fd);
	return done;
}

/* ---- services to the workload ---- */

void wl_phase_begin(struct wl *w, enum phase phase)
{
	struct worker *worker = w->worker;

	worker->phase = phase;
	worker->in_phase = true;
	read_probes(worker, worker->begin.values, 1u << PROBE_COUNTER);
	worker->begin_ns = clock_ns(worker);
}

void wl_phase_end(struct wl *w)
{
	struct worker *worker = w->worker;
	uint64_t end_ns = clock_ns(worker);
	struct record_phase *phase = &worker->record->phases[worker->phase];
	const struct probe_field *field;

	read_probes(worker, worker->end.values, 1u << PROBE_COUNTER);
	/* Few subjects have it: before the gauges, for each next phase to meet the same caches. */
	read_held(worker, &worker->end.held);
	read_probes(worker, worker->end.values, 1u << PROBE_GAUGE);
	for (unsigned i = 0; (field = probe_field_at(i)); i++) {
		uint64_t *value = &phase->values[i], end = worker->end.values[i];

		if (field->kind == PROBE_COUNTER)
			*value = sum(phase->present ? *value : 0,
				     difference(worker->begin.values[i], end));
		else if (field->kind == PROBE_GAUGE)
			*value = difference(worker->baseline.values[i], end);
	}
	phase->shmem_or_memfd_bytes =
		worker->end.held.shmem_or_memfd_bytes - worker->baseline.held.shmem_or_memfd_bytes;
	phase->driver_bytes = worker->end.held.driver_bytes - worker->baseline.held.driver_bytes;
	phase->cost += end_ns - worker->begin_ns;
	phase->present = 1;
	worker->in_phase = false;
}

int wl_alloc(struct wl *w, size_t size_bytes, struct block *block)
{
	struct worker *worker = w->worker;
	int error = worker->options->allocator->alloc(&worker->ctx, size_bytes, w->fill, block);

	if (!error)
		w->reserved_bytes += block->bytes;
	return error;
}

int wl_release(struct wl *w, struct block *block)
{
	struct worker *worker = w->worker;

	return worker->options->allocator->release(&worker->ctx, block);
}

int wl_settle(struct wl *w)
{
	struct worker *worker = w->worker;
	struct record *record = worker->record;
	const struct workload *workload = worker->options->workload;
	const struct probe_field *field;

	if (worker->in_phase || worker->settled++)
		return -EPROTO;
	read_held(worker, &worker->end.held); /* before the probes, as at a phase's end */
	read_probes(worker, worker->end.values, 1u << PROBE_GAUGE | 1u << PROBE_PEAK);
	for (unsigned i = 0; (field = probe_field_at(i)); i++)
		if (field->kind == PROBE_GAUGE)
			record->settled[i] =
				difference(worker->baseline.values[i], worker->end.values[i]);
		else if (field->kind == PROBE_PEAK && worker->peak_is_ours)
			record->settled[i] = worker->end.values[i];
	record->settled_shmem_or_memfd_bytes =
		worker->end.held.shmem_or_memfd_bytes - worker->baseline.held.shmem_or_memfd_bytes;
	record->settled_driver_bytes =
		worker->end.held.driver_bytes - worker->baseline.held.driver_bytes;
	return worker->options->verify ? workload->verify(w) : workload->check(w);
}

void wl_mark(struct wl *w, const char *name)
{
	const struct worker_options *options = w->worker->options;
	struct alloc_held held;
	char line[96];
	int length;

	if (options->marks_fd < 0)
		return;
	read_held(w->worker, &held);
	length = snprintf(line, sizeof(line), "%llu %s", (unsigned long long)clock_ns(w->worker),
			  name);
	if (held.driver_bytes)
		length += snprintf(line + length, sizeof(line) - (size_t)length, " held=%llu",
				   (unsigned long long)held.driver_bytes);
	line[length++] = '\n';
	if (write(options->marks_fd, line, (size_t)length) < 0)
		_exit(1); /* the sampler is gone, nobody wants the rest */
}

void wl_wait(struct wl *w)
{
	unsigned ms = w->worker->options->wait_ms;
	struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

/* ---- times of single operations ---- */

void wl_laps_begin(struct wl *w)
{
	w->worker->lap_ns = clock_ns(w->worker);
}

void wl_lap(struct wl *w)
{
	struct worker *worker = w->worker;
	uint64_t now_ns = clock_ns(worker), cost = now_ns - worker->lap_ns;

	if (worker->n_laps < worker->max_laps)
		worker->laps[worker->n_laps++] = cost < UINT32_MAX ? (uint32_t)cost : UINT32_MAX;
	worker->lap_ns = now_ns;
}

static void sift_down(uint32_t *values, uint64_t root, uint64_t n)
{
	for (uint64_t child; (child = 2 * root + 1) < n; root = child) {
		uint32_t value = values[root];

		child += child + 1 < n && values[child + 1] > values[child];
		if (values[child] <= value)
			break;
		values[root] = values[child];
		values[child] = value;
	}
}

/* A heap sort: the C library's may call malloc. */
static void sort_laps(uint32_t *values, uint64_t n)
{
	for (uint64_t root = n / 2; root--;)
		sift_down(values, root, n);
	for (uint64_t last = n; last-- > 1;) {
		uint32_t value = values[0];

		values[0] = values[last];
		values[last] = value;
		sift_down(values, 0, last);
	}
}

/* Of sorted values, the one of rank permille / 1000 (the nearest rank). */
static uint64_t ranked(const uint32_t *sorted, uint64_t n, uint64_t permille)
{
	return sorted[(n * permille + 999) / 1000 - 1];
}

/* Also the warming: wl_lap() has run before the baseline. */
int wl_laps_reserve(struct wl *w, uint64_t count)
{
	struct worker *worker = w->worker;
	uint64_t room = count > CLOCK_COST_LAPS ? count : CLOCK_COST_LAPS;
	size_t bytes = room * sizeof(*worker->laps);
	void *laps = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (laps == MAP_FAILED)
		return -errno;
	worker->laps = memset(laps, 1, bytes);
	worker->laps_bytes = bytes;
	worker->max_laps = room;
	wl_laps_begin(w);
	for (unsigned i = 0; i < CLOCK_COST_LAPS; i++)
		wl_lap(w);
	sort_laps(worker->laps, worker->n_laps);
	worker->record->latency.clock_cost = ranked(worker->laps, worker->n_laps, 500);
	worker->n_laps = 0;
	worker->max_laps = count;
	return 0;
}

static void evaluate_laps(struct worker *worker, struct record_latency *latency)
{
	uint64_t n = worker->n_laps;

	latency->count = n;
	if (!n)
		return;
	sort_laps(worker->laps, n);
	latency->p50 = ranked(worker->laps, n, 500);
	latency->p99 = ranked(worker->laps, n, 990);
	latency->p999 = ranked(worker->laps, n, 999);
	latency->max = worker->laps[n - 1];
	for (uint64_t i = 0; i < n; i++)
		latency->buckets[latency_bucket(worker->laps[i])]++;
}

/* ---- one run ---- */

static void set_outcome(struct record *record, int error, const char *where)
{
	if (error == -ENOMEM)
		record->outcome = RECORD_ENOMEM;
	else if (error == -EOPNOTSUPP)
		record->outcome = RECORD_UNSUPPORTED;
	else
		record->outcome = RECORD_FAILED;
	record->error = -error;
	snprintf(record->reason, sizeof(record->reason), "%s: %s", where, strerror(-error));
}

/* A page of the text and data that a phase uses must not fault inside the phase: practise one. */
static void practise_phase(struct wl *w)
{
	wl_phase_begin(w, PHASE_ALLOC);
	wl_phase_end(w);
	memset(worker.record->phases, 0, sizeof(worker.record->phases));
	for (unsigned i = 0; i < PHASE_COUNT; i++)
		fill_unknown(worker.record->phases[i].values);
}

static void take_baseline(struct wl *w, struct record *record)
{
	int rss = probe_field_index("rss_bytes");

	practise_phase(w);
	practise_phase(w);
	worker.clock_readings = worker.probe_readings = 0;
	read_held(&worker, &worker.baseline.held);
	read_probes(&worker, worker.baseline.values, 1u << PROBE_GAUGE);
	record->baseline_rss_bytes = rss < 0 ? PROBE_UNKNOWN : worker.baseline.values[rss];
}

/* What is left after the last release, and the faults that no phase has counted. */
static void take_last(struct record *record)
{
	int rss = probe_field_index("rss_bytes");
	uint64_t *outside = &record->faults_outside_phases;

	read_probes(&worker, worker.end.values, 1u << PROBE_COUNTER | 1u << PROBE_GAUGE);
	if (rss >= 0)
		record->rss_after_free_bytes =
			difference(worker.baseline.values[rss], worker.end.values[rss]);
	*outside = sum(worker.faults_of_start,
		       difference(worker.faults_before, faults_in(worker.end.values)));
	for (unsigned i = 0; i < PHASE_COUNT; i++)
		if (record->phases[i].present)
			*outside = difference(faults_in(record->phases[i].values), *outside);
}

static void run(struct wl *w, struct record *record)
{
	const struct worker_options *options = worker.options;
	int error;

	worker.peak_is_ours = reset_peak() || options->mock;
	take_baseline(w, record);
	error = options->workload->run(w);
	if (!error && worker.settled != 1)
		error = -EPROTO;
	if (error) {
		set_outcome(record, error, "run");
		return;
	}
	take_last(record);
	evaluate_laps(&worker, &record->latency);
	record->reserved_bytes = w->reserved_bytes;
	record->touched_pages = w->touched_pages;
	record->operations = w->operations;
	record->checksum = w->checksum;
	record->expected = w->expected;
	record->wrong_bytes = w->wrong_bytes;
	record->first_wrong = w->first_wrong;
	record->verified = options->verify ? !w->wrong_bytes : w->checksum == w->expected;
	memcpy(record->backend, worker.ctx.backend, sizeof(record->backend));
}

static void init_record(struct record *record)
{
	memset(record, 0, sizeof(*record));
	record->magic = RECORD_MAGIC;
	record->version = RECORD_VERSION;
	record->phase_count_max = PHASE_COUNT;
	record->baseline_rss_bytes = record->rss_after_free_bytes = PROBE_UNKNOWN;
	record->faults_outside_phases = PROBE_UNKNOWN;
	fill_unknown(record->settled);
}

/* The file that holds the code of calloc, as it is called from here. */
static void name_malloc_object(char *name, size_t name_bytes)
{
	uintptr_t code = (uintptr_t)launder((void *)calloc);
	static char text[65536]; /* of a process that has just begun: a few KiB */
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t got;

	while (fd >= 0 && (got = read(fd, text + used, sizeof(text) - 1 - used)) > 0)
		used += (size_t)got;
	if (fd >= 0)
		close(fd);
	text[used] = 0;
	for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
		unsigned long long from, to;
		char *path;

		*end = 0;
		if (sscanf(line, "%llx-%llx", &from, &to) == 2 && from <= code && code < to &&
		    (path = strchr(line, '/')))
			snprintf(name, name_bytes, "%s", path);
	}
}

/* Reads a byte of each page of the program's own code and constants; the gaps are ASan's red zones.
 */
__attribute__((no_sanitize("address"))) static int read_own_code(struct dl_phdr_info *info,
								 size_t bytes, void *arg)
{
	size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);

	(void)bytes, (void)arg;
	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &info->dlpi_phdr[i];
		const volatile char *at = (const char *)(info->dlpi_addr + part->p_vaddr);

		if (part->p_type == PT_LOAD && (part->p_flags & (PF_R | PF_W)) == PF_R)
			for (size_t k = 0; k < part->p_memsz; k += page_bytes)
				(void)at[k];
	}
	return 1; /* the program is the first; its libraries follow */
}

void sample_run(const struct worker_options *options, struct record *record)
{
	const struct allocator *allocator = options->allocator;
	const struct workload *workload = options->workload;
	struct wl w = {
		.size_bytes = options->size_bytes,
		.page_bytes = (size_t)sysconf(_SC_PAGESIZE),
		.fill = options->fill,
		.threads = options->threads,
		.seed = options->seed,
		.worker = &worker,
	};
	int error;

	memcpy(w.params, options->params, sizeof(w.params));
	init_record(record);
	memset(&worker, 0, sizeof(worker));
	worker.options = options;
	worker.record = record;
	fill_unknown(worker.baseline.values);
	fill_unknown(worker.begin.values);
	fill_unknown(worker.end.values);

	if (!allocator_supported(allocator, record->reason, sizeof(record->reason))) {
		record->outcome = RECORD_UNSUPPORTED;
		return;
	}
	if (!cell_possible(allocator, workload, options->size_bytes, options->fill, record->reason,
			   sizeof(record->reason))) {
		record->outcome = RECORD_UNSUPPORTED;
		return;
	}
	name_malloc_object(record->malloc_object, sizeof(record->malloc_object));
	/* Where the linker has put a subject must not decide whether its first call faults. */
	dl_iterate_phdr(read_own_code, NULL);
	open_probes(&worker);
	take_first_faults(&worker);
	measure_probe_costs(&worker);
	error = workload->setup ? workload->setup(&w) : 0;
	if (error) {
		set_outcome(record, error, "set-up of the workload");
		goto close;
	}
	error = allocator->prepare ? allocator->prepare(&worker.ctx, w.size_bytes, w.fill) : 0;
	if (error) {
		set_outcome(record, error, "preparing the subject");
		goto teardown;
	}
	run(&w, record);
	if (allocator->reset)
		allocator->reset(&worker.ctx);
teardown:
	if (workload->teardown)
		workload->teardown(&w);
	if (worker.laps)
		munmap(worker.laps, worker.laps_bytes);
close:
	close_probes(&worker);
}
