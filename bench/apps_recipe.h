/* SPDX-License-Identifier: MIT */
/* Recipes of whole programs, as scripts/app.sh reads them; private to apps*.c. */
#ifndef TA_APPS_RECIPE_H
#define TA_APPS_RECIPE_H

#include <stdbool.h>

#include "apps.h"
#include "runner.h"

#define RECIPE_MAX_WORDS 32
#define RECIPE_CHARS	 200

struct recipe {
	char name[64], path[4096], summary[RECIPE_CHARS];
	bool is_short;
	char directory[4200]; /* its own, while it is prepared */
	char text[4096];      /* of its command */
	const char *command[RECIPE_MAX_WORDS + 1];
	enum outcome outcome; /* of preparing it */
	char reason[RECIPE_CHARS];
};

/* All recipes of the directory, sorted by name, with what they say about themselves; the caller
 * frees. 0 or -errno. */
int recipes_find(const struct apps *apps, struct recipe **recipes, unsigned *n);
/* Makes input, command and what it must print, in a new directory under above. The outcome is in
 * recipe. */
void recipe_prepare(const struct apps *apps, struct recipe *recipe, const char *above);
/* Does the file hold what the program must print? If not, one sentence into reason. */
bool recipe_output_is_right(const struct recipe *recipe, const char *file,
			    char reason[RECIPE_CHARS]);

#endif
