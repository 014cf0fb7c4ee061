// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <string.h>

#include "cgroup.h"
#include "system_files.h"

#define UNLIMITED \
	((uint64_t)1 << 60) /* version 1 writes a huge number where version 2 says "max" */

/* Is word one of those in list, separated by separators? */
static bool has_word(const char *list, const char *word, const char *separators)
{
	size_t length = strlen(word);

	for (const char *at = list; *at; at += strspn(at, separators)) {
		size_t n = strcspn(at, separators);

		if (n == length && !strncmp(at, word, n))
			return true;
		at += n;
	}
	return false;
}

/* "\040" -> " ", as mountinfo writes paths */
static void unescape(char *text)
{
	char *out = text;

	while (*text) {
		if (*text == '\\' && strspn(text + 1, "01234567") >= 3) {
			*out++ = (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 |
					(text[3] - '0'));
			text += 4;
		} else {
			*out++ = *text++;
		}
	}
	*out = 0;
}

static bool controller_is_in_v2(const char *mount, const char *controller)
{
	char path[512], list[512];

	snprintf(path, sizeof(path), "%s/cgroup.controllers", mount);
	return system_line(path, list, sizeof(list)) && has_word(list, controller, " ");
}

/* A line "ID PARENT DEV ROOT MOUNT OPTIONS... - TYPE SOURCE SUPER". Cut into its words. */
static bool is_hierarchy(char *line, const char *controller, unsigned version, char **root,
			 char **mount)
{
	char *super = strstr(line, " - "), *words[6], *type, *rest = line;

	if (!super)
		return false;
	*super = 0;
	super += 3;
	for (int i = 0; i < 6; i++)
		if (!(words[i] = strsep(&rest, " ")))
			return false;
	type = strsep(&super, " ");
	if (!super || strcmp(type, version == 1 ? "cgroup" : "cgroup2"))
		return false;
	strsep(&super, " ");
	*root = words[3];
	*mount = words[4];
	unescape(*root);
	unescape(*mount);
	return version == 1 ? super && has_word(super, controller, ",")
			    : controller_is_in_v2(*mount, controller);
}

/* The group of this process as /proc/self/cgroup names it. */
static bool own_group(const char *controller, unsigned version, char *out, size_t out_bytes)
{
	FILE *file = system_open("/proc/self/cgroup");
	char line[4096];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file)) {
		char *rest = line, *controllers;

		line[strcspn(line, "\n")] = 0;
		strsep(&rest, ":");
		controllers = rest ? strsep(&rest, ":") : NULL;
		if (!rest)
			continue;
		found = version == 2 ? !*controllers : has_word(controllers, controller, ",");
		if (found)
			snprintf(out, out_bytes, "%s", rest);
	}
	if (file)
		fclose(file);
	return found;
}

bool cgroup_find(const char *controller, unsigned version, struct cgroup *found)
{
	FILE *file = system_open("/proc/self/mountinfo");
	char line[4096], group[2048] = "/", *root, *mount;
	bool there = false;
	size_t length;

	while (file && !there && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = 0;
		there = is_hierarchy(line, controller, version, &root, &mount);
	}
	if (file)
		fclose(file);
	if (!there || !own_group(controller, version, group, sizeof(group)))
		return false;
	/* In a container the mount begins somewhere inside the hierarchy. */
	length = strcmp(root, "/") ? strlen(root) : 0;
	if (strncmp(group, root, length) || !strncmp(group, "/..", 3))
		strcpy(group, "/");
	else
		memmove(group, group + length, strlen(group + length) + 1);
	found->version = version;
	snprintf(found->mount, sizeof(found->mount), "%s", mount);
	snprintf(found->group, sizeof(found->group), "%s", strcmp(group, "/") ? group : "");
	return true;
}

/* Calls each() for the directory of this process's group and of those above it. */
static void each_group(const char *controller, unsigned version,
		       void (*each)(const char *directory, unsigned version, void *arg), void *arg)
{
	struct cgroup at;
	char directory[2400], *slash;

	if (!cgroup_find(controller, version, &at))
		return;
	for (;;) {
		snprintf(directory, sizeof(directory), "%s%s", at.mount, at.group);
		each(directory, version, arg);
		slash = strrchr(at.group, '/');
		if (!slash)
			return;
		*slash = 0;
	}
}

static bool group_number(const char *directory, const char *file, uint64_t *value)
{
	char path[2500];

	snprintf(path, sizeof(path), "%s/%s", directory, file);
	return system_number(path, value);
}

struct memory {
	uint64_t limit_bytes, room_bytes;
};

static void take_memory(const char *directory, unsigned version, void *arg)
{
	struct memory *memory = arg;
	uint64_t limit, usage;

	if (!group_number(directory, version == 1 ? "memory.limit_in_bytes" : "memory.max",
			  &limit) ||
	    limit >= UNLIMITED)
		return;
	if (limit < memory->limit_bytes)
		memory->limit_bytes = limit;
	if (!group_number(directory, version == 1 ? "memory.usage_in_bytes" : "memory.current",
			  &usage))
		return;
	usage = usage < limit ? usage : limit;
	if (limit - usage < memory->room_bytes)
		memory->room_bytes = limit - usage;
}

uint64_t cgroup_memory_limit_bytes(unsigned version)
{
	struct memory memory = {UINT64_MAX, UINT64_MAX};

	each_group("memory", version, take_memory, &memory);
	return memory.limit_bytes;
}

uint64_t cgroup_memory_room_bytes(void)
{
	struct memory memory = {UINT64_MAX, UINT64_MAX};

	each_group("memory", 1, take_memory, &memory);
	each_group("memory", 2, take_memory, &memory);
	return memory.room_bytes;
}

static void take_cpu(const char *directory, unsigned version, void *arg)
{
	double *cpus = arg;
	char path[2500], text[64];
	uint64_t quota = 0, period = 0;

	if (version == 1) {
		if (!group_number(directory, "cpu.cfs_quota_us", &quota) || /* -1: none */
		    !group_number(directory, "cpu.cfs_period_us", &period))
			return;
	} else {
		snprintf(path, sizeof(path), "%s/cpu.max", directory);
		if (!system_line(path, text, sizeof(text)) ||
		    sscanf(text, "%lu %lu", &quota, &period) != 2)
			return;
	}
	if (period && (!*cpus || (double)quota / (double)period < *cpus))
		*cpus = (double)quota / (double)period;
}

double cgroup_cpu_limit(void)
{
	double cpus = 0;

	each_group("cpu", 1, take_cpu, &cpus);
	each_group("cpu", 2, take_cpu, &cpus);
	return cpus;
}
