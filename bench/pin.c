// SPDX-License-Identifier: MIT
#include "pin.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arguments.h"
#include "commands.h"

#define NODES	  "/sys/devices/system/node/"
#define MAX_NODES 1024

/* Calls each for every number of a list such as "0-3,8"; a file that is not there is an empty list.
 */
static void for_each(const char *path, void (*each)(unsigned number, void *arg), void *arg)
{
	FILE *file = fopen(path, "re");
	unsigned first, last;

	while (file && fscanf(file, "%u", &first) == 1) {
		last = first;
		if (fscanf(file, "-%u", &last) == 1 && last >= MAX_NODES + CPU_SETSIZE)
			break;
		for (unsigned i = first; i <= last; i++)
			each(i, arg);
		if (fgetc(file) != ',')
			break;
	}
	if (file)
		fclose(file);
}

static void add_cpu(unsigned cpu, void *set)
{
	if (cpu < CPU_SETSIZE)
		CPU_SET(cpu, (cpu_set_t *)set);
}

/* Those of the node that this process may use. */
static int cpus_of(int node, cpu_set_t *set)
{
	cpu_set_t of_node, allowed;
	char path[96];

	CPU_ZERO(&of_node);
	CPU_ZERO(&allowed);
	snprintf(path, sizeof(path), NODES "node%d/cpulist", node);
	for_each(path, add_cpu, &of_node);
	sched_getaffinity(0, sizeof(allowed), &allowed);
	CPU_AND(set, &of_node, &allowed);
	return CPU_COUNT(set);
}

uint64_t pin_free_bytes(int node)
{
	char path[96], line[256];
	uint64_t kib = 0;
	FILE *file;

	snprintf(path, sizeof(path), NODES "node%d/meminfo", node);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "Node %*d MemFree: %" SCNu64, &kib) == 1)
			break;
	if (file)
		fclose(file);
	return kib << 10;
}

/* ---- Which node ---- */

struct choice {
	unsigned nodes; /* with memory and usable processors */
	int best;
	uint64_t best_free_bytes;
	char list[128];
};

static void consider(unsigned node, void *arg)
{
	struct choice *choice = arg;
	uint64_t free_bytes = pin_free_bytes((int)node);
	size_t used = strlen(choice->list);
	cpu_set_t cpus;

	if (!cpus_of((int)node, &cpus))
		return;
	snprintf(choice->list + used, sizeof(choice->list) - used, "%s%u", used ? ", " : "", node);
	if (!choice->nodes++ || free_bytes > choice->best_free_bytes) {
		choice->best = (int)node;
		choice->best_free_bytes = free_bytes;
	}
}

int pin_parse(const char *text, int *node)
{
	struct choice choice = {.best = PIN_NONE};
	uint64_t number;
	cpu_set_t cpus;

	*node = PIN_NONE;
	if (!strcmp(text, "none"))
		return EXIT_DONE;
	for_each(NODES "has_memory", consider, &choice);
	if (!strcmp(text, "auto")) {
		*node = choice.nodes > 1 ? choice.best : PIN_NONE;
		return EXIT_DONE;
	}
	if (parse_count("--pin", text, 0, MAX_NODES - 1, &number))
		return EXIT_USAGE;
	if (!cpus_of((int)number, &cpus))
		return usage_error("--pin %s: no processor of such a node may be used here; nodes "
				   "with memory and processors: %s",
				   text, choice.nodes ? choice.list : "none known");
	*node = (int)number;
	return EXIT_DONE;
}

/* ---- Pinning ---- */

/* By the system call: libnuma is not needed to run. */
static bool bind_memory(int node)
{
	unsigned long mask[MAX_NODES / (8 * sizeof(unsigned long))] = {0};
	const unsigned bits = 8 * sizeof(unsigned long);

	mask[(unsigned)node / bits] = 1ul << ((unsigned)node % bits);
	return !syscall(SYS_set_mempolicy, MPOL_BIND, mask, MAX_NODES);
}

json_t *pin_to_node(int node)
{
	cpu_set_t cpus;
	json_t *done;
	int n;

	if (node == PIN_NONE)
		return json_null();
	n = cpus_of(node, &cpus);
	done = json_pack("{s:i, s:i, s:b}", "node", node, "cpus", n, "memory", 1);
	if (sched_setaffinity(0, sizeof(cpus), &cpus)) {
		json_object_set_new(done, "cpus", json_null());
		json_object_set_new(done, "reason", json_string(strerror(errno)));
		failure("--pin: processors cannot be set (%s): the run is not pinned to them",
			strerror(errno));
	}
	if (!bind_memory(node)) {
		json_object_set_new(done, "memory", json_false());
		json_object_set_new(done, "reason", json_string(strerror(errno)));
		failure("--pin: memory cannot be bound (%s): it comes from where the kernel takes "
			"it",
			strerror(errno));
	}
	return done;
}
