// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "process.h"

struct process *process_list_add(struct process_list *list)
{
	struct process *process;

	if (list->n == list->room) {
		size_t room = list->room ? 2 * list->room : 512;

		process = realloc(list->items, room * sizeof(*process));
		if (!process)
			return NULL;
		list->items = process;
		list->room = room;
	}
	process = &list->items[list->n++];
	memset(process, 0, sizeof(*process));
	process->uid = UID_UNKNOWN;
	return process;
}

void process_list_clear(struct process_list *list)
{
	free(list->items);
	*list = (struct process_list){.items = NULL};
}

double process_pct(const struct process *process)
{
	uint64_t reserved = process->sizes[SIZE_RESERVED];

	return reserved ? 100.0 * (double)process->sizes[SIZE_COMMITTED] / (double)reserved : 0;
}

/* The kernel writes a newline in a name as \n and a backslash as \\. */
static void parse_name(const char *text, const char *end, char *name)
{
	size_t n = 0;

	while (text < end && n < NAME_BYTES - 1) {
		char c = *text++;

		if (c == '\\' && text < end)
			c = *text++ == 'n' ? '\n' : '\\';
		name[n++] = c;
	}
	name[n] = 0;
}

struct field {
	const char *name;
	size_t length;
	enum size size;
};

#define FIELD(name, size)                    \
	{                                    \
		name, sizeof(name) - 1, size \
	}

static const struct field fields[] = {
	/* in the order of the file */
	FIELD("VmSize:", SIZE_RESERVED),   FIELD("VmHWM:", SIZE_PEAK),
	FIELD("VmRSS:", SIZE_COMMITTED),   FIELD("RssAnon:", SIZE_ANON),
	FIELD("RssFile:", SIZE_FILE),	   FIELD("RssShmem:", SIZE_SHMEM),
	FIELD("VmPTE:", SIZE_PAGE_TABLES), FIELD("VmSwap:", SIZE_SWAP),
};

static void parse_size(const char *line, struct process *process)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (!strncmp(line, fields[i].name, fields[i].length)) {
			process->sizes[fields[i].size] =
				strtoull(line + fields[i].length, NULL, 10) * 1024;
			process->has_memory = true;
			return;
		}
}

bool parse_status(const char *text, struct process *process, bool *other_threads)
{
	bool named = false, ended = false;
	unsigned long threads = 0;
	char *effective;

	for (const char *line = text, *end; *line; line = *end ? end + 1 : end) {
		end = strchrnul(line, '\n');
		if (line[0] == 'V' || (line[0] == 'R' && line[1] == 's')) {
			parse_size(line, process);
		} else if (line[0] == 'N' && !strncmp(line, "Name:\t", 6)) {
			parse_name(line + 6, end, process->name);
			named = true;
		} else if (line[0] == 'S' && !strncmp(line, "State:\t", 7)) {
			ended = line[7] == 'Z' || line[7] == 'X';
		} else if (line[0] == 'T' && !strncmp(line, "Tgid:\t", 6)) {
			process->pid = (pid_t)strtol(line + 6, NULL, 10);
		} else if (line[0] == 'U' && !strncmp(line, "Uid:\t", 5)) {
			strtoul(line + 5, &effective, 10); /* the real one comes first */
			process->uid = (uid_t)strtoul(effective, NULL, 10);
		} else if (line[0] == 'T' && !strncmp(line, "Threads:\t", 9)) {
			threads = strtoul(line + 9, NULL, 10);
			break; /* nothing of ours follows */
		}
	}
	*other_threads = ended && threads > 1;
	return named;
}

size_t raise_descriptor_limit(void)
{
	struct rlimit limit = {1 << 20, 1 << 20}; /* fs.nr_open, unless somebody has changed it */

	if (!setrlimit(RLIMIT_NOFILE, &limit)) /* root only */
		return limit.rlim_cur;
	if (getrlimit(RLIMIT_NOFILE, &limit))
		return 0;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	return getrlimit(RLIMIT_NOFILE, &limit) ? 0 : limit.rlim_cur;
}

uid_t process_uid(pid_t pid)
{
	struct process process = {.uid = UID_UNKNOWN};
	char path[64], text[1024]; /* the line is among the first */
	bool unused;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return UID_UNKNOWN;
	text[n] = 0;
	parse_status(text, &process, &unused);
	return process.uid;
}
