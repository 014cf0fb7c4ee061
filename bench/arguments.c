// SPDX-License-Identifier: MIT
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "commands.h"
#include "slug.h"

/* Calls each(item, options) for the comma-separated items of text. */
static int each_item(const char *what, const char *text, struct plan_options *options,
		     int (*each)(const char *item, struct plan_options *options))
{
	char *copy = strdup(text), *rest = copy, *item;
	int error = 0;

	while (copy && !error && (item = strsep(&rest, ",")))
		error = *item ? each(item, options)
			      : usage_error("%s: an empty name in '%s'; names are separated by "
					    "single commas",
					    what, text);
	free(copy);
	return error;
}

static int too_many(const char *what)
{
	return usage_error("%s: more than %d in one run; split it into several", what,
			   PLAN_MAX_LIST);
}

static int add_subject(const char *name, struct plan_options *options)
{
	const struct allocator *subject = allocator_find(name);
	struct nearest nearest = {0};

	if (!subject) {
		for (const struct allocator *a = allocator_first(); a; a = a->next)
			nearest_consider(&nearest, name, a->name);
		if (nearest.name)
			return usage_error("unknown subject '%s'; did you mean '%s'?", name,
					   nearest.name);
		return usage_error("unknown subject '%s'; tabench list shows them", name);
	}
	for (unsigned i = 0; i < options->n_subjects; i++)
		if (options->subjects[i] == subject)
			return 0;
	if (options->n_subjects == PLAN_MAX_LIST)
		return too_many("subjects");
	options->subjects[options->n_subjects++] = subject;
	return 0;
}

static int add_workload(const char *name, struct plan_options *options)
{
	const struct workload *workload = workload_find(name);
	struct nearest nearest = {0};

	if (!workload) {
		for (const struct workload *w = workload_first(); w; w = w->next)
			nearest_consider(&nearest, name, w->name);
		if (nearest.name)
			return usage_error("unknown workload '%s'; did you mean '%s'?", name,
					   nearest.name);
		return usage_error("unknown workload '%s'; tabench list shows them", name);
	}
	for (unsigned i = 0; i < options->n_workloads; i++)
		if (options->workloads[i] == workload)
			return 0;
	if (options->n_workloads == PLAN_MAX_LIST)
		return too_many("workloads");
	options->workloads[options->n_workloads++] = workload;
	return 0;
}

static int add_size(const char *text, struct plan_options *options)
{
	static const char units[] = "KMGT";
	uint64_t number, bytes;
	const char *unit;
	unsigned shift = 0;
	char *end;

	errno = 0;
	number = strtoull(text, &end, 10);
	unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
	if (unit) {
		shift = 10 * (unsigned)(unit - units + 1);
		end++;
		end += !strcasecmp(end, "iB") ? 2 : !strcasecmp(end, "B") ? 1 : 0;
	}
	if (!isdigit((unsigned char)*text) || *end)
		return usage_error("size '%s' is not a number of bytes; write for instance 256M or "
				   "1T (binary units)",
				   text);
	bytes = number << shift;
	if (errno || bytes >> shift != number || bytes >= PLAN_SIZE_LIMIT)
		return usage_error("size %s is beyond the address space; it must be below 128T "
				   "(2^47 bytes)",
				   text);
	if (!bytes)
		return usage_error("size 0 measures nothing; give at least 1 byte, for instance "
				   "--size 256M");
	for (unsigned i = 0; i < options->n_sizes; i++)
		if (options->sizes_bytes[i] == bytes)
			return 0;
	if (options->n_sizes == PLAN_MAX_LIST)
		return too_many("sizes");
	options->sizes_bytes[options->n_sizes++] = bytes;
	return 0;
}

int parse_count(const char *what, const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end || errno || *value < min || *value > max)
		return usage_error("%s '%s' is not a whole number from %" PRIu64 " to %" PRIu64,
				   what, text, min, max);
	return 0;
}

static int add_fill(const char *text, struct plan_options *options)
{
	uint64_t fill;
	int error = parse_count("fill", text, 0, 255, &fill);

	if (error)
		return error;
	for (unsigned i = 0; i < options->n_fills; i++)
		if (options->fills[i] == fill)
			return 0;
	if (options->n_fills == PLAN_MAX_LIST)
		return too_many("fills");
	options->fills[options->n_fills++] = (unsigned char)fill;
	return 0;
}

static int add_threads(const char *text, struct plan_options *options)
{
	uint64_t threads;
	int error = parse_count("threads", text, 1, PLAN_MAX_THREADS, &threads);

	if (error)
		return error;
	for (unsigned i = 0; i < options->n_threads; i++)
		if (options->threads[i] == threads)
			return 0;
	if (options->n_threads == PLAN_MAX_LIST)
		return too_many("threads");
	options->threads[options->n_threads++] = (unsigned)threads;
	return 0;
}

int parse_subjects(const char *text, struct plan_options *options)
{
	return each_item("subjects", text, options, add_subject);
}

int parse_workloads(const char *text, struct plan_options *options)
{
	return each_item("workloads", text, options, add_workload);
}

int parse_sizes(const char *text, struct plan_options *options)
{
	return each_item("size", text, options, add_size);
}

int parse_fills(const char *text, struct plan_options *options)
{
	return each_item("fill", text, options, add_fill);
}

int parse_threads(const char *text, struct plan_options *options)
{
	return each_item("threads", text, options, add_threads);
}

/* Letters, digits and ./+-_ : nothing that has a meaning in identities, lists and file names. */
static bool name_is_plain(const char *name)
{
	return *name && strlen(name) < 40 &&
	       strspn(name,
		      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789./+-_") ==
		       strlen(name);
}

int parse_preload(const char *file, const char *name)
{
	char path[PATH_MAX], own_slug[64], other[64];

	if (!file && !name)
		return 0;
	if (!file || !name)
		return usage_error(
			"--preload FILE and --name NAME belong together: the library, and "
			"the name of its rows");
	if (!name_is_plain(name))
		return usage_error("--name '%s': give 1 to 39 letters, digits or any of ./+-_",
				   name);
	slug(name, own_slug, sizeof(own_slug));
	for (const struct allocator *a = allocator_first(); a; a = a->next)
		if (!strcmp(own_slug, slug(a->name, other, sizeof(other))))
			return usage_error("--name '%s' is taken by the subject %s; choose another",
					   name, a->name);
	if (!realpath(file, path) || access(path, R_OK))
		return usage_error("--preload %s cannot be read: %s", file, strerror(errno));
	if (strlen(path) > 255 || strpbrk(path, " :"))
		return usage_error(
			"--preload %s: LD_PRELOAD takes no path with a blank or a colon, and "
			"we none above 255 bytes; copy or link the library elsewhere",
			path);
	allocator_preload(name, path);
	return 0;
}

int parse_profile(const char *text, struct plan_options *options)
{
	struct nearest nearest = {0};

	options->profile = profile_find(text);
	if (options->profile)
		return 0;
	for (unsigned i = 0; profile_at(i); i++)
		nearest_consider(&nearest, text, profile_at(i)->name);
	if (nearest.name)
		return usage_error("unknown profile '%s'; did you mean '%s'?", text, nearest.name);
	return usage_error("unknown profile '%s'; there are smoke, default and full", text);
}
