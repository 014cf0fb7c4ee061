// SPDX-License-Identifier: GPL-2.0-only
/*
 * What memory costs before it is touched: for each overcommit mode and each way
 * to ask for memory, how far Committed_AS rises, and whether more than the
 * machine has is given. KTAP, with the figures as a table in its diagnostic
 * lines. Sets vm.overcommit_memory (needs root) and puts it back.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "kselftest.h"
#include "tam_test.h"

#define MODE_FILE "/proc/sys/vm/overcommit_memory"
#define ASK_BYTES (64 * MB)
/* What other processes may add to Committed_AS meanwhile. */
#define NOISE_KB 512L

static void *by_tamalloc(size_t bytes)
{
	return tamalloc(bytes, 0, 0);
}

static void *by_tamalloc_account(size_t bytes)
{
	return tamalloc(bytes, 0, TAMALLOC_ACCOUNT);
}

static void *by_mmap(size_t bytes)
{
	return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void *by_mmap_noreserve(size_t bytes)
{
	return mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

static const struct way {
	const char *name;
	void *(*ask)(size_t bytes);
	bool reserves; /* unless the mode says otherwise */
} ways[] = {
	{"tamalloc", by_tamalloc, false},
	{"tamalloc, TAMALLOC_ACCOUNT", by_tamalloc_account, true},
	{"mmap", by_mmap, true},
	{"mmap, MAP_NORESERVE", by_mmap_noreserve, false},
};

static const struct mode {
	const char *value;
	const char *name;
	bool charges_all; /* MAP_NORESERVE has no effect */
	bool refuses;	  /* what is charged and can never be had */
} modes[] = {
	{"0", "0 heuristic", false, true},
	{"1", "1 always", false, false},
	{"2", "2 never", true, true},
};

static bool near_kb(long have, long want)
{
	return have >= want - NOISE_KB && have <= want + NOISE_KB;
}

static void check(bool good, const struct mode *mode, const struct way *way, const char *what)
{
	ksft_test_result(good, "mode %s: %s: %s\n", mode->value, way->name, what);
}

static long committed_as_kb(void)
{
	return file_kb("/proc/meminfo", "Committed_AS:");
}

static void try_way(const struct mode *mode, const struct way *way)
{
	bool charged = way->reserves || mode->charges_all;
	bool refused = charged && mode->refuses;
	long start_kb, asked_kb = 0, touched_kb = 0, freed_kb = 0;
	size_t too_much;
	void *p, *q;
	int err;

	/* Committed_AS is of all processes: once more, should another one interfere. */
	for (int attempt = 0; attempt < 5; attempt++) {
		start_kb = committed_as_kb();
		p = way->ask(ASK_BYTES);
		if (p == MAP_FAILED)
			ksft_exit_fail_perror(way->name);
		asked_kb = committed_as_kb() - start_kb;
		write_pages(p, ASK_BYTES / page_bytes(), 1, 1);
		touched_kb = committed_as_kb() - start_kb;
		munmap(p, ASK_BYTES);
		freed_kb = committed_as_kb() - start_kb;
		if (!freed_kb)
			break;
	}

	/* More than all memory and swap, and so more than CommitLimit. */
	too_much =
		(file_kb("/proc/meminfo", "MemTotal:") + file_kb("/proc/meminfo", "SwapTotal:")) *
		1024UL * 4;
	q = way->ask(too_much);
	err = errno;
	if (q != MAP_FAILED)
		munmap(q, too_much);

	ksft_print_msg("%-11s %11ld  %-26s %+9ld %+13ld %+11ld  %s\n", mode->name,
		       file_kb("/proc/meminfo", "CommitLimit:"), way->name, asked_kb, touched_kb,
		       freed_kb, q != MAP_FAILED ? "given" : strerror(err));

	check(near_kb(asked_kb, charged ? (long)(ASK_BYTES / 1024) : 0), mode, way,
	      charged ? "charged when asked for" : "not charged");
	check(near_kb(touched_kb, asked_kb), mode, way, "touching changes nothing");
	check(near_kb(freed_kb, 0), mode, way, "munmap gives back the charge");
	check(refused ? q == MAP_FAILED && err == ENOMEM : q != MAP_FAILED, mode, way,
	      refused ? "more than there is: ENOMEM" : "more than there is: given");
}

static void interrupted(int sig)
{
	knobs_restore();
	_exit(128 + sig);
}

int main(void)
{
	const char *reason = tam_unsupported();

	atexit(knobs_restore);
	signal(SIGINT, interrupted);
	signal(SIGTERM, interrupted);
	ksft_print_header();
	if (reason)
		ksft_exit_skip("%s\n", reason);
	if (knob_set(MODE_FILE, "0"))
		ksft_exit_skip("cannot write " MODE_FILE ": needs root\n");
	ksft_set_plan(ARRAY_LEN(modes) * ARRAY_LEN(ways) * 4);
	ksft_print_msg("Committed_AS in KB against before, as %lu KB are asked for,\n",
		       ASK_BYTES / 1024);
	ksft_print_msg("touched and given back; then four times memory and swap at once.\n");
	ksft_print_msg("%-12s%-13s%-31s%-12s%-9s%s\n", "mode", "CommitLimit", "memory by",
		       "asked", "touched", "given back  four times all");
	for (size_t m = 0; m < ARRAY_LEN(modes); m++) {
		if (knob_set(MODE_FILE, modes[m].value))
			ksft_exit_fail_perror(MODE_FILE);
		for (size_t w = 0; w < ARRAY_LEN(ways); w++)
			try_way(&modes[m], &ways[w]);
	}
	ksft_finished();
}
