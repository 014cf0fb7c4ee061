// SPDX-License-Identifier: MIT
/*
 * The three modes of vm.overcommit_memory: what a reservation is charged (Committed_AS), and
 * whether more than there is can be reserved. On a host the mode that is set is looked at; in the
 * virtual machine each is set.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "scenario.h"
#include "settings.h"
#include "system_files.h"

#define MIB	 ((size_t)1 << 20)
#define BLOCK	 (256 * MIB)
#define NOISE	 (64 * MIB) /* others reserve meanwhile */
#define ATTEMPTS 5
#define MODE	 "/proc/sys/vm/overcommit_memory"

/* The case's value: the mode, and what must be. */
#define CHARGED	      10
#define REFUSED	      100
#define MODE_OF(c)    ((uint64_t)((c)->value % 10))
#define IS_CHARGED(c) ((c)->value / CHARGED % 10)
#define IS_REFUSED(c) ((c)->value / REFUSED % 10)

static bool mode_is_set(const struct scenario_case *c, struct scenario_result *r)
{
	char text[8];
	uint64_t mode;
	int error;

	if (r->guest && !settings_begun())
		settings_begin(SETTINGS_SCENARIO);
	if (r->guest) {
		snprintf(text, sizeof(text), "%d", (int)MODE_OF(c));
		error = settings_set(MODE, text);
		if (error)
			scenario_unsupported(r, "the mode cannot be set: %s", strerror(-error));
		return !error;
	}
	if (!system_number(MODE, &mode)) {
		scenario_unsupported(r, "/proc is not mounted");
		return false;
	}
	if (mode != MODE_OF(c))
		scenario_unsupported(r,
				     "mode %d is set here, and is not changed on a host; the "
				     "virtual machine has this row",
				     (int)mode);
	return mode == MODE_OF(c);
}

/* What a block of that size adds to Committed_AS; others may come between. */
static void charge(const struct scenario_case *c, struct scenario_result *r)
{
	uint64_t wanted = IS_CHARGED(c) ? BLOCK : 0, grown = 0;
	bool as_wanted = false;

	for (int i = 0; i < ATTEMPTS && !as_wanted; i++) {
		uint64_t before = system_meminfo_bytes("Committed_AS"), after;
		struct block block;
		int error = scenario_take(c, r, BLOCK, &block);

		if (error == -ENOTSUP)
			return;
		if (error) {
			scenario_broken(r, "%zu MiB were refused: %s", BLOCK / MIB,
					strerror(-error));
			return;
		}
		after = system_meminfo_bytes("Committed_AS");
		grown = after > before ? after - before : 0;
		as_wanted = grown + NOISE >= wanted && grown <= wanted + NOISE;
	}
	scenario_metric(r, "charged_bytes", (double)grown);
	scenario_observed(r, "mode %d: Committed_AS grew by %.0f MiB for %zu MiB", (int)MODE_OF(c),
			  (double)grown / MIB, BLOCK / MIB);
	if (!as_wanted)
		scenario_broken(r, "%llu bytes are charged, not %llu", (unsigned long long)grown,
				(unsigned long long)wanted);
}

/* Sixteen times what the machine has. */
static void too_much(const struct scenario_case *c, struct scenario_result *r)
{
	size_t bytes = 16 * (system_meminfo_bytes("MemTotal") + system_meminfo_bytes("SwapTotal"));
	struct block block;
	int error = scenario_take(c, r, bytes, &block);

	if (error == -ENOTSUP)
		return;
	scenario_observed(r, "mode %d: 16 times the memory of the machine: %s", (int)MODE_OF(c),
			  error ? strerror(-error) : "granted");
	if (error && error != -ENOMEM)
		scenario_broken(r, "it failed with %s", strerror(-error));
	else if (!!error != !!IS_REFUSED(c))
		scenario_broken(r, "it was %s", error ? "refused" : "granted");
}

static void charging(const struct scenario_case *c, struct scenario_result *r)
{
	if (mode_is_set(c, r))
		charge(c, r);
	settings_end();
}

static void granting(const struct scenario_case *c, struct scenario_result *r)
{
	if (mode_is_set(c, r))
		too_much(c, r);
	settings_end();
}

#define CHARGES(mode, way)                                                                      \
	{                                                                                       \
		"overcommit", "mode-" #mode "-charge", way, "a reservation is charged in full", \
			BLOCK, mode + CHARGED, false, charging                                  \
	}
#define FREE(mode, way)                                                                         \
	{                                                                                       \
		"overcommit", "mode-" #mode "-charge", way, "a reservation is charged nothing", \
			BLOCK, mode, false, charging                                            \
	}
#define REFUSES(mode, way)                                                                        \
	{                                                                                         \
		"overcommit", "mode-" #mode "-too-much", way,                                     \
			"16 times the machine's memory is refused", BLOCK, mode + REFUSED, false, \
			granting                                                                  \
	}
#define GRANTS(mode, way)                                                                        \
	{                                                                                        \
		"overcommit", "mode-" #mode "-too-much", way,                                    \
			"16 times the machine's memory is granted", BLOCK, mode, false, granting \
	}

static const struct scenario_case overcommit[] = {
	CHARGES(0, "mmap"),
	FREE(0, "mmap/noreserve"),
	FREE(0, "tamalloc/lib-plain"),
	FREE(0, "tamalloc/syscall"),
	REFUSES(0, "mmap"),
	GRANTS(0, "mmap/noreserve"),
	GRANTS(0, "tamalloc/lib-plain"),
	GRANTS(0, "tamalloc/syscall"),
	CHARGES(1, "mmap"),
	FREE(1, "mmap/noreserve"),
	FREE(1, "tamalloc/lib-plain"),
	FREE(1, "tamalloc/syscall"),
	GRANTS(1, "mmap"),
	GRANTS(1, "mmap/noreserve"),
	GRANTS(1, "tamalloc/lib-plain"),
	GRANTS(1, "tamalloc/syscall"),
	CHARGES(2, "mmap"),
	CHARGES(2, "mmap/noreserve"),
	CHARGES(2, "tamalloc/lib-plain"),
	CHARGES(2, "tamalloc/syscall"),
	REFUSES(2, "mmap"),
	REFUSES(2, "mmap/noreserve"),
	REFUSES(2, "tamalloc/lib-plain"),
	REFUSES(2, "tamalloc/syscall"),
};

REGISTER_SCENARIO(overcommit)
