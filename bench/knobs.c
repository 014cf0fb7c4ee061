// SPDX-License-Identifier: MIT
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "knobs.h"
#include "settings.h"

#define THP_DIR	  "/sys/kernel/mm/transparent_hugepage/"
#define MAX_KNOBS 16
#define POOL	  "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
#define POOL_PAGE ((uint64_t)2 << 20)

struct knob {
	char path[128], size[16];
	char before[SETTINGS_VALUE_CHARS];
};

static struct {
	struct knob knobs[MAX_KNOBS];
	unsigned n;
	const char *set; /* the size that is set, NULL: as before */
	bool has_pool;
	unsigned long long pool_before; /* pages */
} state;

static int add_knob(const char *size)
{
	struct knob *knob = &state.knobs[state.n];
	int error;

	if (state.n == MAX_KNOBS)
		return -ENOSPC;
	snprintf(knob->size, sizeof(knob->size), "%.15s", size);
	snprintf(knob->path, sizeof(knob->path), THP_DIR "hugepages-%.32s/enabled", size);
	error = settings_read(knob->path, knob->before);
	if (error == -ENOENT) /* sizes for shared memory only */
		return 0;
	state.n += !error;
	return error;
}

static int find_knobs(void)
{
	DIR *directory = opendir(THP_DIR);
	struct dirent *entry;
	char pages[SETTINGS_VALUE_CHARS];
	int error = 0;

	state.has_pool = !settings_read(POOL, pages);
	state.pool_before = state.has_pool ? strtoull(pages, NULL, 10) : 0;
	state.n = 0;
	state.set = NULL;
	if (!directory) /* a kernel without transparent huge pages */
		return state.has_pool ? 0 : -errno;
	while (!error && (entry = readdir(directory)))
		if (!strncmp(entry->d_name, "hugepages-", 10))
			error = add_knob(entry->d_name + 10);
	closedir(directory);
	return error;
}

bool knobs_needed(const struct plan *plan)
{
	for (unsigned i = 0; i < plan->n_cells; i++)
		if (plan->cells[i].supported && (plan->cells[i].subject->mthp_size ||
						 plan->cells[i].subject->flags & ALLOC_POOL))
			return true;
	return false;
}

int knobs_begin(void)
{
	int error = settings_begin(SETTINGS_HUGE_PAGES);

	if (error)
		return error;
	error = find_knobs();
	if (!error)
		return 0;
	settings_end();
	failure("the settings of huge pages cannot be read: %s; nothing is changed",
		strerror(-error));
	return error;
}

static int set_size(const char *mthp_size)
{
	int error = 0;

	if (mthp_size == state.set)
		return 0;
	for (unsigned i = 0; i < state.n && !error; i++) {
		const struct knob *knob = &state.knobs[i];
		bool wanted = mthp_size && !strcmp(knob->size, mthp_size);

		error = settings_set(knob->path, !mthp_size ? knob->before
						 : wanted   ? "madvise"
							    : "never");
	}
	state.set = error ? "" : mthp_size;
	return error;
}

/* The kernel takes fewer where it does not find as many. */
static int set_pool(unsigned long long pages)
{
	char text[SETTINGS_VALUE_CHARS];

	snprintf(text, sizeof(text), "%llu", pages);
	return settings_set(POOL, text);
}

int knobs_set(const struct allocator *subject, uint64_t bytes)
{
	bool pool = subject->flags & ALLOC_POOL;
	int error;

	if (!settings_begun()) /* then nothing is set, and a pool may have pages of its own */
		return subject->mthp_size ? -EPERM : 0;
	error = set_size(subject->mthp_size);
	if (!error && state.has_pool)
		error = set_pool(state.pool_before +
				 (pool ? (bytes + POOL_PAGE - 1) / POOL_PAGE : 0));
	return error;
}

void knobs_end(void)
{
	settings_end();
}
