// SPDX-License-Identifier: MIT
/* Lists of the subjects, workloads and probes that this program was linked with. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "allocator.h"
#include "probe.h"
#include "workload.h"

static struct allocator *allocators;
static struct workload *workloads;
static struct probe *probes;

/* "null" stands first, the others by name. */
static bool allocator_before(const struct allocator *a, const struct allocator *b)
{
	bool a_null = !strcmp(a->name, "null"), b_null = !strcmp(b->name, "null");

	return a_null != b_null ? a_null : strcmp(a->name, b->name) < 0;
}

void allocator_register(struct allocator *allocator)
{
	struct allocator **at = &allocators;

	while (*at && allocator_before(*at, allocator))
		at = &(*at)->next;
	allocator->next = *at;
	*at = allocator;
}

const struct allocator *allocator_first(void)
{
	return allocators;
}

const struct allocator *allocator_find(const char *name)
{
	const struct allocator *a = allocators;

	while (a && strcmp(a->name, name))
		a = a->next;
	return a;
}

bool allocator_supported(const struct allocator *allocator, char *reason, size_t reason_bytes)
{
	const char *file = allocator->preload;

	if (file && TA_SANITISED) {
		snprintf(reason, reason_bytes,
			 "a sanitiser's malloc cannot be replaced; use a build without");
		return false;
	}
	if (file && access(file, R_OK)) {
		if (allocator->package)
			snprintf(reason, reason_bytes, "%s is not there; install %s",
				 strrchr(file, '/') ? strrchr(file, '/') + 1 : file,
				 allocator->package);
		else
			snprintf(reason, reason_bytes, "%s: %s", file, strerror(errno));
		return false;
	}
	return !allocator->supported || allocator->supported(reason, reason_bytes);
}

void workload_register(struct workload *workload)
{
	struct workload **at = &workloads;

	while (*at && strcmp((*at)->name, workload->name) < 0)
		at = &(*at)->next;
	workload->next = *at;
	*at = workload;
}

const struct workload *workload_first(void)
{
	return workloads;
}

const struct workload *workload_find(const char *name)
{
	const struct workload *w = workloads;

	while (w && strcmp(w->name, name))
		w = w->next;
	return w;
}

bool cell_possible(const struct allocator *allocator, const struct workload *workload,
		   size_t size_bytes, unsigned char fill, char *reason, size_t reason_bytes)
{
	if (fill && !(allocator->flags & (ALLOC_FILL_ANY | ALLOC_LAZY_FILL)))
		snprintf(reason, reason_bytes, "%s gives zeros only", allocator->name);
	else if (size_bytes < workload->min_bytes)
		snprintf(reason, reason_bytes, "%s needs at least %zu KiB", workload->name,
			 workload->min_bytes >> 10);
	else if (workload->several_blocks && allocator->flags & ALLOC_POOL)
		snprintf(reason, reason_bytes, "each block of %s takes 2 MiB of the pool at least",
			 allocator->name);
	else if (workload->several_blocks && allocator->flags & ALLOC_ONE_BLOCK)
		snprintf(reason, reason_bytes, "%s holds one block at a time", allocator->name);
	else if (workload->forks && allocator->flags & ALLOC_SHARED)
		snprintf(reason, reason_bytes, "a forked child shares the memory of %s",
			 allocator->name);
	else
		return true;
	return false;
}

void probe_register(struct probe *probe)
{
	struct probe **at = &probes;
	unsigned first_field = 0;

	while (*at && strcmp((*at)->name, probe->name) < 0)
		at = &(*at)->next;
	probe->next = *at;
	*at = probe;
	for (struct probe *p = probes; p; p = p->next) {
		p->first_field = first_field;
		first_field += p->n_fields;
	}
}

const struct probe *probe_first(void)
{
	return probes;
}

const struct probe_field *probe_field_at(unsigned index)
{
	for (const struct probe *p = probes; p; p = p->next)
		if (index < p->first_field + p->n_fields)
			return &p->fields[index - p->first_field];
	return NULL;
}

int probe_field_index(const char *name)
{
	const struct probe_field *field;

	for (unsigned i = 0; (field = probe_field_at(i)); i++)
		if (!strcmp(field->name, name))
			return (int)i;
	return -1;
}
