// SPDX-License-Identifier: GPL-2.0-only
/*
 * A seeded fuzzer over tamalloc, tamstat and tamstat_total beside mmap, mremap,
 * madvise, mprotect, mlock, munmap and fork. It knows what every byte must be
 * (fuzz_model.c), so that it finds wrong data and not only splats in the log.
 */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "fuzz.h"

static const char usage[] =
	"usage: fuzz [--seed N] [--seconds S] [--ops N] [--threads N] [--replay]\n"
	"  --seed N     which run; default: the time. It is printed.\n"
	"  --seconds S  end after that time; default 60, none with --ops\n"
	"  --ops N      end after that many operations of each thread\n"
	"  --threads N  that many independent streams in one process; default 1,\n"
	"               with which operations and data depend on the seed only\n"
	"  --replay     print each operation before it is done\n"
	"  --mmap       mmap in the place of tamalloc, and no tamstat: for a kernel without,\n"
	"               to see whether it is tamalloc that does what is found\n"
	"  --corrupt    change a byte unseen before the last check: the run must fail,\n"
	"               which shows that the fuzzer finds what it looks for\n"
	"As root it also swaps (zram), merges (KSM) and collapses (khugepaged).\n"
	"Exit status: 0 all was right, 1 it was not, 2 wrong usage, 4 no tamalloc.\n";

#define MAX_THREADS	16

#ifndef PR_SET_MEMORY_MERGE
#define PR_SET_MEMORY_MERGE	67
#endif

#define THP		"/sys/kernel/mm/transparent_hugepage/"

static struct options {
	unsigned long seed;
	unsigned long seconds;
	unsigned long ops;
	unsigned long threads;
	bool replay;
	bool corrupt;
	bool plain;
} options = { .threads = 1 };

static __thread struct fuzzer *this_fuzzer;
static struct timespec deadline;

static unsigned long number_of(const char *name, const char *text, unsigned long least,
			       unsigned long most)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 0);
	if (errno || end == text || *end || *text == '-' || value < least || value > most) {
		fprintf(stderr, "fuzz: --%s '%s': give a value from %lu to %lu\n", name, text,
			least, most);
		exit(2);
	}
	return value;
}

static void parse_options(int argc, char **argv)
{
	static const struct option known[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "seconds", required_argument, NULL, 't' },
		{ "ops", required_argument, NULL, 'o' },
		{ "threads", required_argument, NULL, 'n' },
		{ "replay", no_argument, NULL, 'r' },
		{ "corrupt", no_argument, NULL, 'c' },
		{ "mmap", no_argument, NULL, 'm' },
		{ "help", no_argument, NULL, 'h' },
		{ },
	};
	int option;

	options.seed = time(NULL);
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 's':
			options.seed = number_of("seed", optarg, 0, ~0UL);
			break;
		case 't':
			options.seconds = number_of("seconds", optarg, 1, 1000000);
			break;
		case 'o':
			options.ops = number_of("ops", optarg, 1, ~0UL);
			break;
		case 'n':
			options.threads = number_of("threads", optarg, 1, MAX_THREADS);
			break;
		case 'r':
			options.replay = true;
			break;
		case 'c':
			options.corrupt = true;
			break;
		case 'm':
			options.plain = true;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			fputs(usage, stderr);
			exit(2);
		}
	}
	if (optind < argc) {
		fprintf(stderr, "fuzz: '%s': no arguments are needed\n%s", argv[optind], usage);
		exit(2);
	}
	if (!options.seconds && !options.ops)
		options.seconds = 60;
}

/* Only root can; the others fuzz without. */
static void stir_up_the_machine(void)
{
	static const char *const knobs[][2] = {
		{ THP "enabled", "always" },
		{ THP "defrag", "always" },
		{ THP "khugepaged/max_ptes_none", "511" },
		{ THP "khugepaged/pages_to_scan", "4096" },
		{ THP "khugepaged/scan_sleep_millisecs", "100" },
		{ "/sys/kernel/mm/ksm/run", "1" },
		{ "/sys/kernel/mm/ksm/use_zero_pages", "1" },
		{ "/sys/kernel/mm/ksm/sleep_millisecs", "20" },
		{ "/sys/kernel/mm/ksm/pages_to_scan", "500" },
	};

	for (size_t i = 0; i < ARRAY_LEN(knobs); i++)
		if (knob_set(knobs[i][0], knobs[i][1]))
			printf("# %s stays as it is: %s\n", knobs[i][0], strerror(errno));
	/* Every second seed: all that is equal merges. */
	if (options.seed % 2)
		prctl(PR_SET_MEMORY_MERGE, 1, 0, 0, 0);
	if (zram_swap_on(128 * MB))
		printf("# without swap\n");
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
	fail(this_fuzzer, "signal %d at %p", sig, info->si_addr);
}

static bool time_is_over(void)
{
	struct timespec now;

	if (!options.seconds)
		return false;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec > deadline.tv_sec ||
	       (now.tv_sec == deadline.tv_sec && now.tv_nsec >= deadline.tv_nsec);
}

/* One byte of the first page that can be read. */
static void corrupt(struct fuzzer *f)
{
	for (int n = 0; n < SLOTS; n++) {
		struct slot *s = &f->slot[n];

		for (unsigned int i = 0; s->addr && i < s->pages; i++) {
			unsigned char *p = s->addr + i * FUZZ_PAGE + 123, byte;

			if (!(s->page[i].prot & PROT_READ) ||
			    pread(f->mem_fd, &byte, 1, (off_t)p) != 1)
				continue;
			byte ^= 1;
			if (pwrite(f->mem_fd, &byte, 1, (off_t)p) == 1)
				return;
		}
	}
}

/* The first stream says every minute that all is well: silence is a hang. */
static void tell_progress(const struct fuzzer *f)
{
	static time_t next;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (next && now.tv_sec >= next)
		printf("# %lu operations in stream %d, %ld s left\n", f->op, f->thread,
		       options.seconds ? (long)(deadline.tv_sec - now.tv_sec) : -1L);
	if (!next || now.tv_sec >= next)
		next = now.tv_sec + 60;
}

static void *fuzz_stream(void *arg)
{
	struct fuzzer *f = arg;

	this_fuzzer = f;
	while (!time_is_over() && (!options.ops || f->op < options.ops)) {
		unsigned long count = 64;

		if (!f->thread)
			tell_progress(f);
		if (options.ops && options.ops - f->op < count)
			count = options.ops - f->op;
		some_operations(f, count);
	}
	if (options.corrupt)
		corrupt(f);
	slots_check(f);
	return NULL;
}

/* What this process reserves before anything is mapped for the fuzzing. */
static __u64 reserved_bytes(void)
{
	struct tamstat stat;

	return tamstat(0, 0, &stat, 1, sizeof(stat)) == 1 ? stat.reserved_bytes : 0;
}

static void fuzz(void)
{
	static char output[4096];
	static struct fuzzer fuzzers[MAX_THREADS];
	struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
	pthread_t threads[MAX_THREADS];
	unsigned long ops = 0;

	setvbuf(stdout, output, _IOLBF, sizeof(output));
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += options.seconds;
	for (unsigned long i = 0; i < options.threads; i++) {
		fuzzer_init(&fuzzers[i], options.seed, i, options.threads == 1);
		fuzzers[i].loud = options.replay;
		fuzzers[i].plain = options.plain;
	}
	if (options.threads == 1) {
		fuzzers[0].base_bytes = options.plain ? 0 : reserved_bytes();
		fuzz_stream(&fuzzers[0]);
	} else {
		for (unsigned long i = 0; i < options.threads; i++)
			if (pthread_create(&threads[i], NULL, fuzz_stream, &fuzzers[i]))
				exit(1);
		for (unsigned long i = 0; i < options.threads; i++)
			pthread_join(threads[i], NULL);
	}
	reap_children(&fuzzers[0], 0);
	for (unsigned long i = 0; i < options.threads; i++)
		ops += fuzzers[i].op;
	printf("# seed %lu: %lu operations, every byte as it must be\n", options.seed, ops);
}

int main(int argc, char **argv)
{
	const char *reason;
	pid_t worker;
	int status;

	parse_options(argc, argv);
	reason = options.plain ? NULL : tam_unsupported();
	printf("TAP version 13\n");
	if (reason) {
		printf("1..0 # SKIP %s\n", reason);
		return 4;
	}
	printf("1..1\n# seed %lu, %lu thread(s)\n", options.seed, options.threads);
	stir_up_the_machine();
	fflush(stdout);
	/* In a child, so that the machine is put back whatever becomes of it. */
	signal(SIGINT, SIG_IGN);
	worker = fork();
	if (!worker) {
		signal(SIGINT, SIG_DFL);
		fuzz();
		return 0;
	}
	status = wait_status(worker);
	zram_swap_off();
	knobs_restore();
	if (status)
		printf("# status %d\n", status);
	printf("%s 1 fuzz\n", status ? "not ok" : "ok");
	return status ? 1 : 0;
}
