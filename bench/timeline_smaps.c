// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "timeline_parse.h"
#include "timeline_smaps.h"

#define MAX_COMPARED 64 /* processes */

/* The text of /proc/PID/file; false where it cannot be read (the process is gone). */
static bool read_proc(pid_t pid, const char *file, char *text, size_t text_bytes)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, text_bytes - 1);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	return n > 0;
}

/* The figure in kB that follows name in text, in bytes. */
static bool find_bytes(const char *text, const char *name, int64_t *bytes)
{
	const char *at = strstr(text, name);
	long long kilobytes;

	if (!at || sscanf(at + strlen(name), " %lld kB", &kilobytes) != 1)
		return false;
	*bytes = kilobytes * 1024;
	return true;
}

static bool is_asleep(pid_t pid)
{
	struct timeline_stat stat;
	char text[512];

	return read_proc(pid, "stat", text, sizeof(text)) && timeline_parse_stat(text, &stat) &&
	       stat.state == 'S';
}

bool smaps_sum(const struct mms *mms, int64_t *bytes)
{
	char text[4096];
	int64_t rss;

	*bytes = 0;
	if (!mms->n || mms->n > MAX_COMPARED)
		return false;
	for (size_t i = 0; i < mms->n; i++) {
		const struct mm *mm = &mms->items[i];

		if (!mm->counts)
			continue;
		if (!is_asleep(mm->pid) ||
		    !read_proc(mm->pid, "smaps_rollup", text, sizeof(text)) ||
		    !find_bytes(text, "\nRss:", &rss) || !is_asleep(mm->pid))
			return false;
		*bytes += rss;
	}
	return true;
}

bool smaps_parts(pid_t pid, int64_t bytes[MM_PARTS])
{
	char smaps[4096], status[4096];
	int64_t rss;

	if (!read_proc(pid, "smaps_rollup", smaps, sizeof(smaps)) ||
	    !read_proc(pid, "status", status, sizeof(status)) ||
	    !find_bytes(smaps, "\nRss:", &rss) ||
	    !find_bytes(smaps, "\nAnonymous:", &bytes[MM_ANON]) ||
	    !find_bytes(status, "\nRssShmem:", &bytes[MM_SHMEM]))
		return false;
	bytes[MM_FILE] = rss - bytes[MM_ANON] - bytes[MM_SHMEM];
	return true;
}
