/* SPDX-License-Identifier: MIT */
/* A memory control group of one's own, of either version. */
#ifndef TA_GROUP_H
#define TA_GROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "scenario.h"

struct group {
	unsigned version;
	char path[400];
};

/*
 * Makes a group below the first of this machine's groups that allows it, with that limit and no
 * swap. False, with the reason in r, where none can be made; it is removed after the case.
 */
bool group_make(struct group *group, unsigned version, uint64_t limit_bytes,
		struct scenario_result *r);
/* Makes this process a member. 0 or -errno. */
int group_enter(const struct group *group);
/* Writes a file of the group. 0 or -errno. */
int group_write(const struct group *group, const char *file, const char *text);
/* What is charged to it. */
uint64_t group_charged_bytes(const struct group *group);
/* How many of its members the kernel has killed for want of memory. */
uint64_t group_oom_kills(const struct group *group);
/* Ends what is in it and removes it. */
void group_remove(const char *path);

#endif
