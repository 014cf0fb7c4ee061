/* SPDX-License-Identifier: MIT */
/* Pieces of report.html; private to report_html*.c. The file is HTML and well-formed XML at once.
 */
#ifndef TA_REPORT_HTML_H
#define TA_REPORT_HTML_H

#include <stdio.h>

#include "report_model.h"

/* Writes text with &, <, > and quotes escaped, and characters that XML forbids left out. */
void html_text(FILE *out, const char *text);
/* Formats, then writes as html_text(). */
void html_textf(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A box in which a wide table or chart scrolls by itself; reachable by keyboard under its label. */
void html_scroll_begin(FILE *out, const char *label);
void html_scroll_end(FILE *out);
/* <table> with its caption; columns are NULL-terminated heads, a leading '#' makes one align right.
 */
void html_table_begin(FILE *out, const char *caption, const char *const *columns);
void html_table_end(FILE *out);

/* What stands behind a line that opens it; on paper DETAILS_PAPER is open and DETAILS_SCREEN left
 * out.
 */
enum details { DETAILS_PAPER, DETAILS_OPEN /* also on a screen */, DETAILS_SCREEN };
void html_details_begin(FILE *out, enum details kind, const char *summary);
void html_details_end(FILE *out);
/* The command that prints the figures of a section; RUN stands for the run's directory. */
void html_made_by(FILE *out, const char *command);

/* The first chart, for the verdict; then all the others, as a section. */
void html_headline(FILE *out, const struct report *report);
void html_charts(FILE *out, const struct report *report);
/* One table a group: every cell with intervals and every repetition. */
void html_cell_tables(FILE *out, const struct report *report);
/* Fastest and leanest of each workload, and the regrets of each subject. */
void html_verdict(FILE *out, const struct report *report);
/* Rows of what could not run, each with its reason. */
void html_not_run(FILE *out, const struct report *report);
/* Where values come from and what reading them costs. */
void html_probes(FILE *out, const struct report *report);
/* The machine and its settings. */
void html_environment(FILE *out, const struct report *report);
/* The commands that make the run, the report and the charts again. */
void html_how_to_repeat(FILE *out, const struct report *report);
/* A CSV file of the run as a table; nothing where it does not exist. */
void html_csv_table(FILE *out, const struct report *report, const char *file, const char *caption);

#endif
