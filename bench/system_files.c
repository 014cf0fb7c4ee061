// SPDX-License-Identifier: MIT
#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "system_files.h"

static const char *root = "";

void system_root(const char *dir)
{
	root = dir;
}

bool system_is_copy(void)
{
	return *root;
}

char *system_path(const char *path, char out[SYSTEM_PATH_CHARS])
{
	snprintf(out, SYSTEM_PATH_CHARS, "%s%s", root, path);
	return out;
}

FILE *system_open(const char *path)
{
	char at[SYSTEM_PATH_CHARS];

	return fopen(system_path(path, at), "re");
}

const char *system_line(const char *path, char *out, size_t out_bytes)
{
	char at[SYSTEM_PATH_CHARS];
	int fd = open(system_path(path, at), O_RDONLY | O_CLOEXEC);
	ssize_t got;

	if (fd < 0)
		return NULL;
	got = read(fd, out, out_bytes - 1);
	close(fd);
	if (got < 0)
		return NULL;
	out[got] = 0;
	out[strcspn(out, "\n")] = 0;
	for (size_t n = strlen(out); n && isspace((unsigned char)out[n - 1]);)
		out[--n] = 0;
	return out;
}

const char *system_choice(const char *path, char *out, size_t out_bytes)
{
	char text[256], *open, *close;

	if (!system_line(path, text, sizeof(text)))
		return NULL;
	open = strchr(text, '[');
	close = open ? strchr(open, ']') : NULL;
	if (!close)
		return NULL;
	*close = 0;
	snprintf(out, out_bytes, "%s", open + 1);
	return out;
}

const char *system_field(const char *path, const char *name, char *out, size_t out_bytes)
{
	char line[4096];
	FILE *file = system_open(path);
	const char *found = NULL;
	size_t length = strlen(name);

	while (file && !found && fgets(line, sizeof(line), file)) {
		const char *at = line + length;

		if (strncmp(line, name, length) || !strchr(" \t:=", *at))
			continue;
		at += strspn(at, " \t");
		if (*at == ':' || *at == '=')
			at += 1 + strspn(at + 1, " \t\"");
		snprintf(out, out_bytes, "%.*s", (int)strcspn(at, "\"\n"), at);
		found = out;
	}
	if (file)
		fclose(file);
	return found;
}

bool system_number(const char *path, uint64_t *value)
{
	char text[64];
	const char *line = system_line(path, text, sizeof(text));

	if (!line || !isdigit((unsigned char)*line))
		return false;
	*value = strtoull(line, NULL, 10);
	return true;
}

uint64_t system_meminfo_bytes(const char *name)
{
	char text[64];
	const char *value = system_field("/proc/meminfo", name, text, sizeof(text));

	return value ? strtoull(value, NULL, 10) * 1024 : 0;
}
