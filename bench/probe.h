/* SPDX-License-Identifier: MIT */
/*
 * One source of measured values inside the worker ("probe").
 *
 * Contract. A file bench/probes/probe_<name>.c registers one probe; the build globs the files. A
 * field's name is its name in samples.jsonl, in the CSV and in the charts. Counters are read at
 * both edges of a phase, next to the clock but outside the timed stretch, and stored as
 * differences; gauges are read before the first phase (the baseline) and after each phase, and
 * stored as growth over the baseline; peaks are read once, where the memory is at its fullest.
 * read() must not allocate, must not fault once it has run twice, and stores PROBE_UNKNOWN for what
 * it cannot tell: unknown is never 0.
 */
#ifndef TA_PROBE_H
#define TA_PROBE_H

#include <stddef.h>
#include <stdint.h>

#define PROBE_UNKNOWN	 UINT64_MAX
#define PROBE_MAX_FIELDS 32 /* over all probes */
#define PROBE_MAX	 8

enum probe_kind { PROBE_COUNTER, PROBE_GAUGE, PROBE_PEAK };
enum probe_better { BETTER_LOWER, BETTER_HIGHER, BETTER_NEITHER };

struct probe_field {
	const char *name; /* unit suffix included, e.g. "anon_bytes" */
	const char *unit; /* "ns", "bytes", "faults", ... */
	enum probe_kind kind;
	enum probe_better better;
};

struct probe {
	const char *name;
	const char *summary;
	const struct probe_field *fields;
	unsigned n_fields;
	/* Opens what read() needs; says in source where the values come from ("perf_event_open",
	 * "getrusage: perf refused (Permission denied)"). 0 or -errno; after an error every field
	 * is unknown.
	 */
	int (*open)(char *source, size_t source_bytes);
	/* Stores n_fields values of the kinds asked for (a bit mask 1 << probe_kind); others
	 * untouched. */
	void (*read)(uint64_t *values, unsigned kinds);
	void (*close)(void);  /* optional */
	unsigned first_field; /* index of fields[0] among all probes' fields, set by the registry */
	struct probe *next;
};

void probe_register(struct probe *probe); /* sorted by name, so indices are stable in a build */
const struct probe *probe_first(void);
/* Index of a field among all probes' fields, or -1. */
int probe_field_index(const char *name);
const struct probe_field *probe_field_at(unsigned index); /* NULL past the end */

#define REGISTER_PROBE(variable)                                           \
	__attribute__((constructor)) static void register_##variable(void) \
	{                                                                  \
		probe_register(&(variable));                               \
	}

#endif
