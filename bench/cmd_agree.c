// SPDX-License-Identifier: MIT
/* tabench agree: do two runs claim the same differences between subjects? */
#include <stdio.h>
#include <string.h>

#include "agreement.h"
#include "commands.h"
#include "report_model.h"

COMMAND(agree, "do two runs claim the same differences between subjects?")

static const char usage[] =
	"usage: tabench agree DIR DIR\n\n"
	"For each pair of subjects that both runs measured under the same conditions: the ratio "
	"of\n"
	"their costs, block by block, in each run. A pair counts where both intervals lie wholly\n"
	"outside of 0.95 to 1.05, so that both runs claim a difference. Prints the pairs for "
	"which\n"
	"they claim it in opposite directions, and how many there are of each.\n\n"
	"Exit codes: 0 at most 1 % of the pairs that count disagree, 1 a run cannot be read, 2 "
	"wrong\n"
	"usage, 3 more disagree, 4 no pair counts.\n";

static void print_pair(const struct disagreement *pair)
{
	const struct sample *s = pair->first->identity;
	char title[96], size[NUMBER_CHARS];

	printf("%s %s, %s, fill %.0f: %s / %s: %.3f [%.3f, %.3f] and %.3f [%.3f, %.3f]\n",
	       s->target, workload_title(s, title, sizeof(title)), text_bytes(s->size_bytes, size),
	       s->fill, s->subject, pair->second->identity->subject, pair->ratio[0].value,
	       pair->ratio[0].lo, pair->ratio[0].hi, pair->ratio[1].value, pair->ratio[1].lo,
	       pair->ratio[1].hi);
}

static int print_agreement(const struct agreement *a)
{
	for (size_t i = 0; i < a->n; i++)
		print_pair(&a->pairs[i]);
	printf("%zu workloads in both runs, %zu pairs of subjects; %zu where both intervals lie "
	       "outside of %.2f to %.2f, %zu of them in opposite directions (%.2f %%, at most "
	       "%.0f %%)\n",
	       a->groups, a->compared, a->counted, AGREEMENT_LOW, AGREEMENT_HIGH, a->n,
	       a->counted ? 100.0 * (double)a->n / (double)a->counted : 0,
	       100 * AGREEMENT_MAX_DISAGREES);
	if (!a->counted)
		return EXIT_NOTHING_COULD_RUN;
	return agreement_holds(a) ? EXIT_DONE : EXIT_REGRESSION;
}

static int cmd_agree(int argc, char **argv)
{
	struct report reports[2];
	struct agreement agreement;
	int code = EXIT_DONE, read = 0;

	if (argc == 2 && !strcmp(argv[1], "--help")) {
		fputs(usage, stdout);
		return EXIT_DONE;
	}
	if (argc != 3 || argv[1][0] == '-' || argv[2][0] == '-')
		return usage_error("agree: name the directories of two runs; see tabench agree "
				   "--help");
	while (read < 2 && !code) {
		int error = report_build(&reports[read], argv[1 + read]);

		if (error)
			code = failure("agree: %s cannot be read: %s; give a run's directory, such "
				       "as results/latest",
				       argv[1 + read], strerror(-error));
		read++;
	}
	if (!code) {
		if (agreement_build(&agreement, &reports[0].verdicts, &reports[1].verdicts))
			code = failure("agree: no memory");
		else
			code = print_agreement(&agreement);
		agreement_free(&agreement);
	}
	while (read)
		report_free(&reports[--read]);
	return code;
}
