/* SPDX-License-Identifier: MIT */
/* Progress on stderr: one line rewritten in place on a terminal, a plain line now and then
 * elsewhere. */
#ifndef TA_PROGRESS_H
#define TA_PROGRESS_H

#include <stdbool.h>

struct progress {
	bool terminal;
	unsigned done, total, said_at; /* samples */
	double estimate_done_s, estimate_total_s, started_s, shown_s;
};

void progress_begin(struct progress *progress, unsigned total, double estimate_s);
/* One sample is done; estimate_s is what the plan expected of it, label what it was. */
void progress_step(struct progress *progress, double estimate_s, const char *label);
/* A sample need not be taken: an earlier session has it. */
void progress_skip(struct progress *progress, double estimate_s);
/* Ends the line on a terminal, so that something else can be printed. */
void progress_end(struct progress *progress);

#endif
