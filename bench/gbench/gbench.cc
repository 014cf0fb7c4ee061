// SPDX-License-Identifier: MIT
/*
 * tagbench: the subjects under google-benchmark, for readers who know its figures. One subject a
 * process, as in the suite itself; a preloaded library is there already.
 *
 *   alloc/BYTES       one allocation; freeing it is not timed
 *   alloc_free/BYTES  one allocation, a write to its first byte, and freeing it, again and again
 *   first_touch       the first write to one page of a fresh block
 *
 * The counter minor_faults is per iteration. Unlike the suite's own samples, all iterations share a
 * process: memory is recycled, which is what a long-running program sees.
 */
#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <string>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

extern "C" {
#include "allocator.h"
}

namespace
{

constexpr size_t TOUCH_BYTES = size_t{16} << 20;
constexpr size_t SIZES[] = {16, 4096, size_t{1} << 20};

const struct allocator *subject;
struct alloc_ctx ctx;
unsigned char fill;

double minor_faults()
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return static_cast<double>(usage.ru_minflt);
}

void report_faults(benchmark::State &state, double faults)
{
	state.counters["minor_faults"] =
		benchmark::Counter(faults, benchmark::Counter::kAvgIterations);
}

bool take(benchmark::State &state, size_t bytes, struct block *block)
{
	int error = subject->alloc(&ctx, bytes, fill, block);

	if (error)
		state.SkipWithError(strerror(-error));
	return !error;
}

double seconds_since(std::chrono::steady_clock::time_point begin)
{
	return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void alloc(benchmark::State &state, size_t bytes)
{
	double faults = minor_faults();
	struct block block;

	for (auto _ : state) {
		auto begin = std::chrono::steady_clock::now();
		bool taken = take(state, bytes, &block);

		state.SetIterationTime(seconds_since(begin));
		if (!taken)
			break;
		subject->release(&ctx, &block);
	}
	report_faults(state, minor_faults() - faults);
}

void alloc_free(benchmark::State &state, size_t bytes)
{
	double faults = minor_faults();
	struct block block;

	for (auto _ : state) {
		if (!take(state, bytes, &block))
			break;
		*static_cast<volatile unsigned char *>(block.addr) = 0x5a;
		subject->release(&ctx, &block);
	}
	report_faults(state, minor_faults() - faults);
}

void first_touch(benchmark::State &state)
{
	size_t page_bytes = static_cast<size_t>(sysconf(_SC_PAGESIZE)), at = TOUCH_BYTES;
	double faults = 0, before = 0;
	struct block block = {};

	for (auto _ : state) {
		if (at >= TOUCH_BYTES) {
			if (block.addr) {
				faults += minor_faults() - before;
				subject->release(&ctx, &block);
			}
			if (!take(state, TOUCH_BYTES, &block)) {
				block.addr = nullptr;
				break;
			}
			before = minor_faults();
			at = 0;
		}
		auto begin = std::chrono::steady_clock::now();

		static_cast<volatile unsigned char *>(block.addr)[at] = 0x5a;
		state.SetIterationTime(seconds_since(begin));
		at += page_bytes;
	}
	if (block.addr) {
		faults += minor_faults() - before;
		subject->release(&ctx, &block);
	}
	report_faults(state, faults);
}

[[noreturn]] void wrong_usage(const char *what, const char *text)
{
	fprintf(stderr,
		"tagbench: %s '%s'; usage: tagbench [--preload=FILE] --subject=NAME "
		"[--fill=0..255] "
		"[--benchmark_...]\n",
		what, text);
	exit(2);
}

/* Takes out what is ours of the command line; the rest is google-benchmark's. */
void parse(int *argc, char **argv)
{
	const char *preload = nullptr;
	int kept = 1;

	for (int i = 1; i < *argc; i++) {
		if (!strncmp(argv[i], "--subject=", 10)) {
			subject = allocator_find(argv[i] + 10);
			if (!subject && preload)
				subject = allocator_preload(argv[i] + 10, preload);
			if (!subject)
				wrong_usage("unknown subject", argv[i] + 10);
		} else if (!strncmp(argv[i], "--preload=", 10)) {
			preload = argv[i][10] ? argv[i] + 10 : nullptr;
		} else if (!strncmp(argv[i], "--fill=", 7)) {
			char *end;
			unsigned long value = strtoul(argv[i] + 7, &end, 10);

			if (end == argv[i] + 7 || *end || value > 255)
				wrong_usage("not a byte:", argv[i] + 7);
			fill = static_cast<unsigned char>(value);
		} else {
			argv[kept++] = argv[i];
		}
	}
	*argc = kept;
	argv[kept] = nullptr;
	if (!subject)
		wrong_usage("no subject in", argv[0]);
}

bool same_file(const char *a, const char *b)
{
	struct stat one, other;

	return !stat(a, &one) && !stat(b, &other) && one.st_dev == other.st_dev &&
	       one.st_ino == other.st_ino;
}

/* Is the calloc that we call that of the library which the subject names? */
bool proved()
{
	Dl_info where;

	return !subject->preload || (dladdr(reinterpret_cast<void *>(calloc), &where) &&
				     same_file(where.dli_fname, subject->preload));
}

/* Can it run here? If not, one sentence into reason. */
bool possible(char *reason, size_t reason_bytes)
{
	if (!allocator_supported(subject, reason, reason_bytes))
		return false;
	if (subject->worker)
		snprintf(reason, reason_bytes, "it needs a program of its own, as %s is",
			 subject->worker);
	else if (fill && !(subject->flags & (ALLOC_FILL_ANY | ALLOC_LAZY_FILL)))
		snprintf(reason, reason_bytes, "gives zeros only");
	else
		return true;
	return false;
}

void add_benchmarks()
{
	for (size_t bytes : SIZES) {
		std::string size = "/" + std::to_string(bytes);

		benchmark::RegisterBenchmark(("alloc" + size).c_str(), alloc, bytes)
			->UseManualTime();
		benchmark::RegisterBenchmark(("alloc_free" + size).c_str(), alloc_free, bytes);
	}
	benchmark::RegisterBenchmark("first_touch", first_touch)->UseManualTime();
}

} // namespace

int main(int argc, char **argv)
{
	char reason[200] = "";
	int error;

	parse(&argc, argv);
	benchmark::Initialize(&argc, argv);
	if (benchmark::ReportUnrecognizedArguments(argc, argv))
		return 2;
	if (!possible(reason, sizeof(reason))) {
		fprintf(stderr, "tagbench: %s is unsupported: %s\n", subject->name, reason);
		return 4;
	}
	if (!proved()) {
		fprintf(stderr, "tagbench: calloc is not that of %s: LD_PRELOAD must name it\n",
			subject->preload);
		return 1;
	}
	error = subject->prepare ? subject->prepare(&ctx, TOUCH_BYTES, fill) : 0;
	if (error) {
		fprintf(stderr, "tagbench: %s: %s\n", subject->name, strerror(-error));
		return 1;
	}
	add_benchmarks();
	return benchmark::RunSpecifiedBenchmarks() ? 0 : 1;
}
