// SPDX-License-Identifier: MIT
/* The charts of a run, in the order in which a report argues. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report_model.h"

/* What a chart's name begins with. The rest of the names follow, in alphabetical order. */
static const char *const order[] = {"headline",	 "regret-memory", "regret-time", "apps",
				    "crossover", "latency",	  "cost",	 "pareto",
				    "timeline",	 "statistics"};

static size_t rank_of(const struct chart *chart)
{
	size_t i = 0, n = sizeof(order) / sizeof(*order);

	while (i < n && strncmp(chart->name, order[i], strlen(order[i])))
		i++;
	return i;
}

/* The machine first, then the emulated one; inside of each as above. */
static int by_argument(const void *a, const void *b)
{
	const struct chart *x = a, *y = b;

	if (x->emulated != y->emulated)
		return x->emulated - y->emulated;
	if (rank_of(x) != rank_of(y))
		return rank_of(x) < rank_of(y) ? -1 : 1;
	return strcmp(x->name, y->name);
}

static bool names_vm(const char *name)
{
	const char *vm = strstr(name, "-vm");

	return vm && (vm[3] == '\0' || vm[3] == '-');
}

static double height_of(const struct chart *chart, const char *run_dir)
{
	double width = 0, height = 0;
	char *path, *line = NULL;
	size_t capacity = 0;

	if (asprintf(&path, "%s/charts/%s.svg", run_dir, chart->name) < 0)
		return 0;
	FILE *in = fopen(path, "re");

	free(path);
	for (int i = 0; in && i < 20 && getline(&line, &capacity, in) > 0 && !width; i++) {
		const char *box = strstr(line, "viewBox=\"");

		if (box && sscanf(box, "viewBox=\"%*f %*f %lf %lf", &width, &height) != 2)
			width = 0;
	}
	free(line);
	if (in)
		fclose(in);
	return width > 0 ? 640 * height / width : 0;
}

static void read_caption(struct chart *chart, const char *run_dir)
{
	char *path, *line = NULL;
	size_t capacity = 0;

	if (asprintf(&path, "%s/charts/%s.txt", run_dir, chart->name) < 0)
		return;
	FILE *in = fopen(path, "re");

	free(path);
	if (!in)
		return;
	while (getline(&line, &capacity, in) > 0) {
		char *old = chart->caption;

		line[strcspn(line, "\n")] = '\0';
		if (!chart->title)
			chart->title = strdup(line);
		else if (asprintf(&chart->caption, "%s%s%s", old ? old : "", old ? " " : "",
				  line) >= 0)
			free(old);
	}
	free(line);
	fclose(in);
}

static int only_svg(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return length > 4 && !strcmp(entry->d_name + length - 4, ".svg");
}

int report_load_charts(struct report *report)
{
	struct dirent **entries;
	char *path;

	if (asprintf(&path, "%s/charts", report->run_dir) < 0)
		return -ENOMEM;
	int n = scandir(path, &entries, only_svg, alphasort);

	free(path);
	if (n < 0)
		return errno == ENOENT ? 0 : -errno;
	report->charts = calloc((size_t)n + 1, sizeof(*report->charts));
	for (int i = 0; i < n; i++) {
		struct chart *chart = report->charts ? &report->charts[report->n_charts] : NULL;

		if (chart)
			chart->name = strndup(entries[i]->d_name, strlen(entries[i]->d_name) - 4);
		if (chart && chart->name) {
			read_caption(chart, report->run_dir);
			if (!chart->title)
				chart->title = strdup(chart->name);
			if (!chart->caption)
				chart->caption = strdup("");
			chart->emulated = names_vm(chart->name);
			chart->height = height_of(chart, report->run_dir);
			report->n_charts++;
		}
		free(entries[i]);
	}
	free(entries);
	if (!report->charts)
		return -ENOMEM;
	qsort(report->charts, report->n_charts, sizeof(*report->charts), by_argument);
	for (size_t i = 0; i < report->n_charts; i++)
		if (rank_of(&report->charts[i]) == 0) {
			report->charts[i].headline = true;
			break;
		}
	return 0;
}
