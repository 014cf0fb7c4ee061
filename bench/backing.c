// SPDX-License-Identifier: MIT
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backing.h"
#include "system_files.h"

#define BALLOON		  "0x0005" /* VIRTIO_ID_BALLOON */
#define FEATURE_REPORTING 5	   /* VIRTIO_BALLOON_F_REPORTING; the file has a digit a bit */
#define SLACK_BYTES	  ((uint64_t)16 << 20) /* what the processors' own lists may keep */

/* directory as it is below the root of system_path(). */
static bool is_reporting_balloon(const char *directory)
{
	char path[SYSTEM_PATH_CHARS], line[160];

	snprintf(path, sizeof(path), "%s/device", directory);
	if (!system_line(path, line, sizeof(line)) || strcmp(line, BALLOON))
		return false;
	snprintf(path, sizeof(path), "%s/features", directory);
	return system_line(path, line, sizeof(line)) && strlen(line) > FEATURE_REPORTING &&
	       line[FEATURE_REPORTING] == '1';
}

bool backing_is_taken_back(void)
{
	char at[SYSTEM_PATH_CHARS];
	glob_t devices;
	bool found = false;

	if (glob(system_path("/sys/bus/virtio/devices/*", at), 0, NULL, &devices))
		return false;
	for (size_t i = 0; i < devices.gl_pathc && !found; i++)
		found = is_reporting_balloon(devices.gl_pathv[i] + strlen(system_path("", at)));
	globfree(&devices);
	return found;
}

uint64_t backing_bytes(uint64_t committed_bytes)
{
	return committed_bytes + committed_bytes / 8 + SLACK_BYTES;
}

void backing_warm(uint64_t bytes)
{
	uint64_t most = system_meminfo_bytes("MemAvailable") / 2;
	size_t step = (size_t)sysconf(_SC_PAGESIZE);
	volatile char *memory;

	if (bytes > most)
		bytes = most;
	memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return;
	madvise((void *)memory, bytes, MADV_HUGEPAGE);
	for (uint64_t at = 0; at < bytes; at += step)
		memory[at] = 1;
	munmap((void *)memory, bytes);
}
