// SPDX-License-Identifier: MIT
/* tabench: picks the command. What a command does is in its cmd_<name>.c. */
#include <stdio.h>
#include <string.h>

#include "commands.h"

static void help(void)
{
	puts("usage: tabench COMMAND [ARGUMENT...]\n\ncommands (each has --help):");
	for (const struct command *c = command_first(); c; c = c->next)
		printf("  %-10s %s\n", c->name, c->summary);
	puts("\nexit codes: 0 done, 1 something failed, 2 wrong usage, 3 regression found, "
	     "4 nothing could run");
}

int main(int argc, char **argv)
{
	struct nearest nearest = {0};

	if (argc < 2)
		return usage_error("no command given; see tabench --help");
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		help();
		return EXIT_DONE;
	}
	for (const struct command *c = command_first(); c; c = c->next) {
		if (!strcmp(argv[1], c->name))
			return c->run(argc - 1, argv + 1);
		nearest_consider(&nearest, argv[1], c->name);
	}
	if (nearest.name)
		return usage_error("unknown command '%s'; did you mean '%s'?", argv[1],
				   nearest.name);
	return usage_error("unknown command '%s'; see tabench --help", argv[1]);
}
