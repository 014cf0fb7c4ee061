/* SPDX-License-Identifier: MIT */
/* A timeline as a picture of characters, for a terminal. */
#ifndef TA_TIMELINE_CHART_H
#define TA_TIMELINE_CHART_H

#include "timeline.h"

#define CHART_COLUMNS	  80
#define CHART_MIN_COLUMNS 40

/*
 * Panels over one axis of time: committed with the marks below it, reserved, minor faults, and
 * major ones if there are any; faults are those between two columns. No line is wider than
 * columns (CHART_MIN_COLUMNS or more). title is shortened, its bytes outside of ASCII become '?'.
 * utf8: blocks in eighths, else '#' and ':'. Says so where there is nothing to show.
 */
void timeline_chart(FILE *out, const struct timeline *timeline, const char *title, unsigned columns,
		    bool utf8);

#endif
