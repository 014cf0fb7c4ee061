// SPDX-License-Identifier: MIT
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apps_recipe.h"
#include "child.h"

#define PREPARE_TIMEOUT_S 120
#define EXIT_UNSUPPORTED  4 /* of scripts/app.sh */

/* The file's text, at most bytes - 1 of it; how many there are, -errno. */
static long read_file(const char *path, char *text, size_t bytes)
{
	FILE *file = fopen(path, "re");
	size_t n;

	if (!file)
		return -errno;
	n = fread(text, 1, bytes - 1, file);
	text[n] = 0;
	fclose(file);
	return (long)n;
}

/* "short" or "long", then the summary. */
static int read_about(const struct apps *apps, struct recipe *recipe)
{
	const char *const argv[] = {"bash", apps->script, recipe->path, "about", NULL};
	char path[] = "/tmp/tabench-about-XXXXXX", text[RECIPE_CHARS + 16] = "", *line;
	int fd = mkstemp(path), status;
	const struct child_job job = {.argv = argv,
				      .stdout_path = path,
				      .timeout_s = PREPARE_TIMEOUT_S,
				      .interrupt = apps->interrupt};

	if (fd < 0)
		return -errno;
	status = child_run(&job, recipe->reason, sizeof(recipe->reason));
	read_file(path, text, sizeof(text));
	close(fd);
	unlink(path);
	if (status < 0)
		return status;
	line = strchr(text, '\n');
	if (status || !line) {
		recipe->outcome = OUTCOME_FAILED;
		return 0;
	}
	recipe->is_short = !strncmp(text, "short\n", 6);
	line[1 + strcspn(line + 1, "\n")] = 0;
	snprintf(recipe->summary, sizeof(recipe->summary), "%s", line + 1);
	return 0;
}

int recipes_find(const struct apps *apps, struct recipe **recipes, unsigned *n)
{
	char pattern[4200];
	glob_t found;
	int error = 0;

	*n = 0;
	snprintf(pattern, sizeof(pattern), "%s/*.sh", apps->recipes);
	if (glob(pattern, 0, NULL, &found))
		return -ENOENT;
	*recipes = calloc(found.gl_pathc, sizeof(**recipes));
	for (size_t i = 0; *recipes && i < found.gl_pathc && !error; i++) {
		struct recipe *recipe = *recipes + (*n)++;
		const char *slash = strrchr(found.gl_pathv[i], '/');

		snprintf(recipe->path, sizeof(recipe->path), "%s", found.gl_pathv[i]);
		snprintf(recipe->name, sizeof(recipe->name), "%.*s", (int)strlen(slash + 1) - 3,
			 slash + 1);
		error = read_about(apps, recipe);
	}
	globfree(&found);
	return *recipes ? error : -ENOMEM;
}

/* The words of its file "words". */
static bool read_command(struct recipe *recipe)
{
	char path[4300];
	long n;
	unsigned words = 0;

	snprintf(path, sizeof(path), "%s/words", recipe->directory);
	n = read_file(path, recipe->text, sizeof(recipe->text));
	for (long at = 0; at < n && words < RECIPE_MAX_WORDS;
	     at += (long)strlen(recipe->text + at) + 1)
		recipe->command[words++] = recipe->text + at;
	return words > 0;
}

void recipe_prepare(const struct apps *apps, struct recipe *recipe, const char *above)
{
	const char *const argv[] = {"bash",    apps->script,	  recipe->path,
				    "prepare", recipe->directory, NULL};
	const struct child_job job = {
		.argv = argv, .timeout_s = PREPARE_TIMEOUT_S, .interrupt = apps->interrupt};
	char said[RECIPE_CHARS - 40];
	int status;

	if (recipe->outcome != OUTCOME_OK)
		return;
	snprintf(recipe->directory, sizeof(recipe->directory), "%s/%s", above, recipe->name);
	recipe->outcome = OUTCOME_FAILED;
	if (mkdir(recipe->directory, 0700)) {
		snprintf(recipe->reason, sizeof(recipe->reason), "cannot make a directory: %s",
			 strerror(errno));
		return;
	}
	status = child_run(&job, said, sizeof(said));
	if (status == EXIT_UNSUPPORTED)
		recipe->outcome = OUTCOME_UNSUPPORTED;
	else if (status == 0 && read_command(recipe))
		recipe->outcome = OUTCOME_OK;
	snprintf(recipe->reason, sizeof(recipe->reason), "%s%s",
		 status == EXIT_UNSUPPORTED ? "" : "it cannot be prepared: ",
		 *said ? said : "it says nothing");
}

bool recipe_output_is_right(const struct recipe *recipe, const char *file,
			    char reason[RECIPE_CHARS])
{
	char path[4300];
	unsigned line = 1;
	int is, must;
	FILE *a, *b;

	snprintf(path, sizeof(path), "%s/must-print", recipe->directory);
	a = fopen(file, "re");
	b = fopen(path, "re");
	do {
		is = a ? getc(a) : EOF;
		must = b ? getc(b) : EOF;
		line += is == '\n' && is == must;
	} while (is == must && is != EOF);
	snprintf(reason, RECIPE_CHARS,
		 "its output is wrong: line %u is not what it must be (bench/apps/%s.sh)", line,
		 recipe->name);
	if (a)
		fclose(a);
	if (b)
		fclose(b);
	return a && b && is == must;
}
