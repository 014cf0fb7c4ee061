/* SPDX-License-Identifier: MIT */
/*
 * The report of a run directory.
 *
 * It reads samples.jsonl, run.json and charts/ and writes samples.csv, cells.csv, crossover.csv,
 * then lets scripts/plots.sh draw the charts from them, then writes summary.json, report.md and
 * report.html. A chart is charts/NAME.svg; charts/NAME.txt, where it exists, holds its title in the
 * first line and its caption (what to see, with the unit) in the rest. Charts appear in the order
 * of their names.
 */
#ifndef TA_REPORT_H
#define TA_REPORT_H

#include <stdbool.h>

/*
 * Writes everything above and prints the verdict table and the report's path on stdout; what was
 * wrong with the input goes to stderr, one line each. Without samples, or with failures only, the
 * report says so. 0, or -errno if run_dir has no samples.jsonl or a file cannot be written.
 */
int report_run(const char *run_dir);
/* The same; plots = false leaves charts/ as it is. */
int report_run_with(const char *run_dir, bool plots);

#endif
