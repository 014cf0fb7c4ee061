// SPDX-License-Identifier: MIT
/* The guest's side of the virtual machine: the lines it sends. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vm.h"

#define MAX_FILE_BYTES (16u << 20)

int guest_send(const json_t *line)
{
	char *text = json_dumps(line, JSON_COMPACT);
	size_t length = text ? strlen(text) : 0, done = 0;
	int error = text ? 0 : -ENOMEM;

	if (text)
		text[length++] = '\n'; /* in the place of the 0 */
	while (!error && done < length) {
		ssize_t n = write(STDOUT_FILENO, text + done, length - done);

		if (n >= 0)
			done += (size_t)n;
		else if (errno != EINTR)
			error = -errno;
	}
	free(text);
	return error;
}

int guest_send_run(const struct run_dir *dir)
{
	json_t *line = json_pack("{s:s, s:O}", "guest", "run", "record", dir->record);
	int error = guest_send(line);

	json_decref(line);
	return error;
}

static char *read_file(const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = malloc(MAX_FILE_BYTES + 1);
	size_t length = file && text ? fread(text, 1, MAX_FILE_BYTES, file) : 0;

	if (file)
		fclose(file);
	if (text)
		text[length] = 0;
	return text;
}

int guest_send_timelines(const struct run_dir *dir)
{
	struct dirent **entries;
	char path[4200];
	int n = scandir(run_dir_file(dir, "timeline", path), &entries, NULL, alphasort), error = 0;

	for (int i = 0; i < n; i++) {
		char name[300];
		char *text;
		json_t *line;

		snprintf(name, sizeof(name), "timeline/%s", entries[i]->d_name);
		if (entries[i]->d_name[0] != '.' && !error) {
			text = read_file(run_dir_file(dir, name, path));
			line = json_pack("{s:s, s:s, s:s}", "guest", "file", "name",
					 entries[i]->d_name, "text", text ? text : "");
			error = guest_send(line);
			json_decref(line);
			free(text);
		}
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	return error;
}
