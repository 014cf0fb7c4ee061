// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "progress.h"

#define PLAIN_LINES 10 /* over a whole run */

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void progress_begin(struct progress *progress, unsigned total, double estimate_s)
{
	*progress = (struct progress){
		.terminal = isatty(STDERR_FILENO),
		.total = total,
		.estimate_total_s = estimate_s,
		.started_s = now_s(),
	};
}

void progress_skip(struct progress *progress, double estimate_s)
{
	progress->total--;
	progress->estimate_total_s -= estimate_s;
}

/* What is left by the plan's estimate, scaled by how that has held so far. */
static double left_s(const struct progress *progress)
{
	double left = progress->estimate_total_s - progress->estimate_done_s;

	if (progress->estimate_done_s > 0)
		left *= (now_s() - progress->started_s) / progress->estimate_done_s;
	return left > 0 ? left : 0;
}

void progress_step(struct progress *progress, double estimate_s, const char *label)
{
	unsigned left, every = progress->total / PLAIN_LINES + 1;
	double now = now_s();

	progress->done++;
	progress->estimate_done_s += estimate_s;
	left = (unsigned)(left_s(progress) + 0.5);
	if (progress->terminal && (now - progress->shown_s > 0.1)) {
		fprintf(stderr, "\r\033[K%u of %u samples, %u:%02u left  %s", progress->done,
			progress->total, left / 60, left % 60, label);
		progress->shown_s = now;
	} else if (!progress->terminal && progress->done >= progress->said_at + every) {
		fprintf(stderr, "tabench: %u of %u samples, %u:%02u left\n", progress->done,
			progress->total, left / 60, left % 60);
		progress->said_at = progress->done;
	}
}

void progress_end(struct progress *progress)
{
	if (progress->terminal && progress->shown_s > 0)
		fputs("\r\033[K", stderr);
}
