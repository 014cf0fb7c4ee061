// SPDX-License-Identifier: MIT
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup.h"
#include "scenarios/group.h"
#include "system_files.h"

#define GROUP_NAME "tabench-%d" /* the process that made it */

static int write_file(const char *directory, const char *file, const char *text)
{
	char path[512];
	int fd, error = 0;

	snprintf(path, sizeof(path), "%s/%s", directory, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		error = -errno;
	close(fd);
	return error;
}

int group_write(const struct group *group, const char *file, const char *text)
{
	return write_file(group->path, file, text);
}

/* Do groups below the directory have the memory controller? In the virtual machine, which is ours,
 * it is switched on. */
static bool passes_memory_on(const char *directory, bool guest)
{
	char path[512], list[512];

	if (guest)
		write_file(directory, "cgroup.subtree_control", "+memory");
	snprintf(path, sizeof(path), "%s/cgroup.subtree_control", directory);
	return system_line(path, list, sizeof(list)) && strstr(list, "memory");
}

/* Has the process ended, collected or not? */
static bool is_over(int pid)
{
	char path[64], state[64];

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	return !system_field(path, "State", state, sizeof(state)) || *state == 'Z' || *state == 'X';
}

/* Groups of cases that were killed with all that watched them. */
static void remove_orphans(const char *directory)
{
	DIR *entries = opendir(directory);
	struct dirent *entry;
	char path[700];
	int pid;

	while (entries && (entry = readdir(entries))) {
		if (sscanf(entry->d_name, GROUP_NAME, &pid) != 1 || !is_over(pid))
			continue;
		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		rmdir(path);
	}
	if (entries)
		closedir(entries);
}

/* 0, or -errno: why no group with a limit can be made below the directory. */
static int make_below(struct group *group, const char *directory, uint64_t limit_bytes,
		      struct scenario_result *r)
{
	char text[32];
	int error;

	if (group->version == 2 && !passes_memory_on(directory, r->guest))
		return -EOPNOTSUPP;
	remove_orphans(directory);
	snprintf(group->path, sizeof(group->path), "%s/" GROUP_NAME, directory, (int)getpid());
	if (mkdir(group->path, 0755))
		return -errno;
	snprintf(r->cleanup[0], sizeof(r->cleanup[0]), "%s", group->path);
	snprintf(text, sizeof(text), "%" PRIu64, limit_bytes);
	if (group->version == 2) {
		error = group_write(group, "memory.max", text);
		group_write(group, "memory.swap.max", "0");
	} else {
		error = group_write(group, "memory.limit_in_bytes", text);
		group_write(group, "memory.swappiness", "0");
		group_write(group, "memory.memsw.limit_in_bytes", text);
	}
	if (error) {
		rmdir(group->path);
		*r->cleanup[0] = 0;
	}
	return error;
}

bool group_make(struct group *group, unsigned version, uint64_t limit_bytes,
		struct scenario_result *r)
{
	struct cgroup here;
	char directory[2400], *slash;
	int error = -ENOENT;

	*group = (struct group){.version = version};
	if (!cgroup_find("memory", version, &here)) {
		scenario_unsupported(r,
				     "no control groups of version %u with the memory controller "
				     "are mounted here",
				     version);
		return false;
	}
	/* At the top, then where this process is, then above that. */
	error = make_below(group, here.mount, limit_bytes, r);
	while (error && *here.group) {
		snprintf(directory, sizeof(directory), "%s%s", here.mount, here.group);
		if (strlen(directory) < 300)
			error = make_below(group, directory, limit_bytes, r);
		slash = strrchr(here.group, '/');
		*slash = 0;
	}
	if (error)
		scenario_unsupported(r,
				     "no memory control group of version %u can be made below "
				     "%s: %s (root, or a delegated group)",
				     version, here.mount, strerror(-error));
	return !error;
}

int group_enter(const struct group *group)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", (int)getpid());
	return group_write(group, "cgroup.procs", text);
}

uint64_t group_charged_bytes(const struct group *group)
{
	char path[512];
	uint64_t bytes = 0;

	snprintf(path, sizeof(path), "%s/%s", group->path,
		 group->version == 2 ? "memory.current" : "memory.usage_in_bytes");
	system_number(path, &bytes);
	return bytes;
}

uint64_t group_oom_kills(const struct group *group)
{
	char path[512], text[32];

	snprintf(path, sizeof(path), "%s/%s", group->path,
		 group->version == 2 ? "memory.events" : "memory.oom_control");
	return system_field(path, "oom_kill", text, sizeof(text)) ? strtoull(text, NULL, 10) : 0;
}

void group_remove(const char *path)
{
	for (int tries = 0; tries < 500; tries++) {
		char procs[512];
		FILE *file;
		int pid;

		if (!rmdir(path) || errno == ENOENT)
			return;
		snprintf(procs, sizeof(procs), "%s/cgroup.procs", path);
		file = fopen(procs, "re");
		while (file && fscanf(file, "%d", &pid) == 1)
			kill(pid, SIGKILL);
		if (file)
			fclose(file);
		usleep(10000); /* a process that just ended leaves the group a moment later */
	}
}
