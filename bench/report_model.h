/* SPDX-License-Identifier: MIT */
/* What every form of the report (terminal, HTML, Markdown, JSON) is written from; private to
 * report*.c. */
#ifndef TA_REPORT_MODEL_H
#define TA_REPORT_MODEL_H

#include "controls.h"
#include "crosscheck.h"
#include "crossover.h"
#include "verdict.h"

/* What stands in one table: same target, size, threads and fill. */
struct panel {
	const struct sample *group;	 /* of any of them */
	const char *cost_unit;		 /* NULL: nothing is ranked, there is no table */
	const struct verdict **verdicts; /* its workloads, without those that are apart */
	size_t n;
	const char **subjects; /* all that occur, sorted, without the baseline */
	size_t n_subjects;
	/* Of these and of those apart. */
	size_t repetitions; /* fewest of any ranked cell */
	bool too_few;
	double spread_pct; /* by how much the repetitions of a cell differ at most */
};

struct chart {
	char *name;    /* of charts/NAME.svg */
	char *title;   /* first line of charts/NAME.txt, else the name */
	char *caption; /* the rest of that file, or "" */
	bool emulated; /* it shows the virtual machine */
	bool headline; /* it is the first one: reserved against committed */
	double height; /* of its picture, where the width is 640 */
};

struct report {
	const char *run_dir;
	struct samples
		samples; /* and its notes: sentences about this run that a reader must know */
	struct results results;
	struct verdicts verdicts;
	struct crossings crossings;
	struct controls controls;
	struct overhead overhead;
	struct timelines timelines;
	struct stat_rows stats;
	struct verified verified;
	struct panel *panels;
	size_t n_panels;
	struct chart *charts;
	size_t n_charts;
	json_t *run; /* run.json, or an empty object */
	const json_t *environment;
	const char *run_id;
};

/* Reads and evaluates a run. 0 or -errno; freed by report_free() in any case. run_dir must outlive
 * it. */
int report_build(struct report *report, const char *run_dir);
/* Reads charts/ (which may have been drawn since report_build). */
int report_load_charts(struct report *report);
void report_free(struct report *report);

/* The cell of a subject in a group, or NULL. */
const struct result *verdict_cell(const struct verdict *verdict, const char *subject);
/* Does it time single operations, or exchange blocks and touch no pages of its own? */
bool verdict_is_latency(const struct verdict *verdict);
/* Is it left out of the verdict's tables, because it is shown elsewhere: as a curve (crossover), or
 * as latency? */
bool verdict_is_apart(const struct verdict *verdict);
/* "dense-up", "recycle, rounds 8": workload and parameters; the fill is not said, nor a limit of 0.
 */
const char *workload_title(const struct sample *sample, char *out, size_t bytes);

/* ---- What tables hold (report_panels.c) ---- */

/* Groups the verdicts. 0 or -ENOMEM; freed by panels_free() in any case. */
int panels_build(struct report *report);
void panels_free(struct report *report);
/* "host, 256 MiB, 1 thread, fill 0" */
const char *panel_title(const struct panel *panel, char *out, size_t bytes);
/* Who ties with the fastest or leanest: "mmap, brk", "all others", or "". The caller frees it. */
char *verdict_ties(const struct verdict *verdict, const struct result *best, bool memory);
/* What stands in place of the ratios of a cell that is not ranked; result may be NULL. */
const char *unranked_text(const struct result *result);
/* Does cell i of report->results begin a row of what could not run: the first without a full set of
 * ok samples for its reason, of its subject and target? */
bool not_run_row(const struct report *report, size_t i);
/* The cells of that row: "dense-up fill 0; recycle fill 0", or "everywhere". The caller frees it.
 */
char *not_run_where(const struct report *report, size_t i);

/* The crossing to tell first: plain mmap against malloc + memset, else the first known; or NULL. */
const struct crossing *report_main_crossing(const struct report *report);
/* The ranked cell of the first target (host before vm) with the highest regret in memory, or NULL.
 */
const struct result *report_fattest(const struct report *report, const struct verdict **verdict);

/* ---- Numbers as text; NaN is "-". Each returns out. ---- */

#define NUMBER_CHARS 32
const char *text_number(double value,
			char out[NUMBER_CHARS]);	      /* three or more significant digits */
const char *text_bytes(double bytes, char out[NUMBER_CHARS]); /* "256 MiB" */
const char *text_cost(double cost, const char *unit, char out[NUMBER_CHARS]); /* "1.25 ms" */
/* "1.27", "34.1", "100" without a unit. */
const char *text_ratio(double ratio, char out[NUMBER_CHARS]);
/* A cell's regret in memory: "1.00", or "+1.00" (bytes per byte touched) where the best commits
 * nothing. */
const char *text_regret_memory(const struct verdict *verdict, const struct result *result,
			       char out[NUMBER_CHARS]);

/* ---- Writers ---- */

void report_print_terminal(const struct report *report, FILE *out);
void report_write_markdown(const struct report *report, FILE *out);
int report_write_html(const struct report *report, FILE *out); /* 0 or -ENOMEM */
int report_write_json(const struct report *report, FILE *out); /* 0 or -EIO */

/* Text inside a table cell or a line of Markdown: what it or HTML would read as markup is escaped.
 */
void md_text(FILE *out, const char *text);

/* Writes the SVG file at path inline: its ids prefixed so that several fit into one document, its
 * size left to the style sheet, label as its accessible name. 0 or -errno, -EINVAL if it is no SVG.
 */
int svg_inline(FILE *out, const char *path, const char *prefix, const char *label);

/* ---- What every report says ---- */

struct text_section {
	const char *title;
	const char *const *sentences; /* NULL-terminated */
};

/* What was found, in plain sentences by rule: the verdict that a reader takes away. */
#define CONCLUSIONS 8
struct conclusion {
	const char *topic;
	char text[1200];
	char command[160]; /* that prints its figures; RUN stands for the run's directory */
};
/* Fills out, returns how many; 0 where nothing could be ranked. */
size_t report_conclusions(const struct report *report, struct conclusion out[CONCLUSIONS]);

/* What to use when, by the rule of advice.h. */
void report_html_advice(FILE *out, const struct report *report);
void report_md_advice(FILE *out, const struct report *report);
json_t *report_json_advice(const struct report *report);
/* Operations timed one by one, and small blocks. False, and nothing is written, where the run has
 * none. */
bool report_html_latency(FILE *out, const struct report *report);
bool report_md_latency(FILE *out, const struct report *report);
/* What google-benchmark wrote. False, and nothing is written, where the run has none. */
bool report_html_gbench(FILE *out, const struct report *report);
bool report_md_gbench(FILE *out, const struct report *report);
/* The rows of kind micro: what asking for every process's memory costs. False, and nothing is
 * written, where the run has none. */
bool report_html_statistics(FILE *out, const struct report *report);
bool report_md_statistics(FILE *out, const struct report *report);
bool report_html_stall(FILE *out, const struct report *report);
bool report_md_stall(FILE *out, const struct report *report);

/* The rows of kind scenario: what must happen, and what happened. False, and nothing is written,
 * where the run has none. */
bool report_html_scenarios(FILE *out, const struct report *report);
bool report_md_scenarios(FILE *out, const struct report *report);
json_t *report_json_scenarios(const struct report *report);
/* The rows of kind app: whole programs. False, and nothing is written, where the run has none. */
bool report_html_apps(FILE *out, const struct report *report);
bool report_md_apps(FILE *out, const struct report *report);
bool report_print_apps(const struct report *report, FILE *out);
json_t *report_json_apps(const struct report *report);

/* Why there is no verdict. */
const char *nothing_ranked(const struct report *report);
/* What is said where no cell lacks a sample. */
const char *nothing_missing(const struct report *report);
#define PANEL_NOTE_CHARS 1024
/* What must stand wherever costs of target vm are shown, with what the repetitions of this run
 * differ by; NULL for a host's. */
const char *panel_note(const struct panel *panel, char out[PANEL_NOTE_CHARS]);
bool panel_is_emulated(const struct panel *panel);
extern const struct text_section report_method, report_definitions, report_threats;

#endif
