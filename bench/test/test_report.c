// SPDX-License-Identifier: MIT
/* The report of whole, empty, failed and hostile runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <sys/stat.h>

#include "report_of.h"

static void whole_run(void **state)
{
	const struct syn_cell quick = {.subject = "mmap/thp",
				       .touch = 100000,
				       .noise = 0.01,
				       .committed_bytes = 3 * BYTES};
	const struct syn_cell slow = {
		.subject = "mmap", .touch = 250000, .noise = 0.01, .committed_bytes = BYTES};
	const struct syn_cell missing = {.subject = "glibc/calloc",
					 .outcome = "unsupported",
					 .reason = "calloc gives zeros only"};
	struct syn_run run;
	json_error_t error;

	(void)state;
	syn_begin(&run);
	syn_cell(&run, &quick, 9);
	syn_cell(&run, &slow, 9);
	syn_sample(&run, &missing, 0, 1);
	syn_fractions(&run, 40, 9);
	syn_end(&run);
	assert_int_equal(report(run.dir), 0);

	assert_holds(terminal, "VERDICT  host, 3.9 MiB, 1 thread, fill 0, 9 repetitions\n");
	assert_holds(terminal, "/report.html\n");
	assert_holds(terminal, "is cheaper than mmap here");
	assert_lacks(terminal, "too few");
	for (const char *line = terminal; *line; line += strcspn(line, "\n") + 1)
		assert_true(strcspn(line, "\n") <= 110);

	char *html = read_whole(run.dir, "report.html");

	assert_well_formed(run.dir);
	assert_holds(html, "<a class=\"skip\" href=\"#main\">");
	assert_holds(html, "mmap/thp commits 11.7 MiB, 3.00 \303\227 as much.");
	assert_holds(html, "mmap/thp is the fastest at dense-up: ");
	assert_holds(html, "<dt>C library</dt><dd>unknown</dd>");
	assert_holds(html, "calloc gives zeros only");
	assert_holds(html, ">3.00<");
	assert_lacks(html, "<script");
	assert_lacks(html, "://"); /* nothing is fetched */
	assert_lacks(html, "<th scope=\"col\"></th>");
	/* A link to each section, and to none that is not there. */
	for (const char *id = html; (id = strstr(id, "<section id=\"")); id++) {
		char link[64];

		snprintf(link, sizeof(link), "<a href=\"#%.*s\">", (int)strcspn(id + 13, "\""),
			 id + 13);
		assert_holds(html, link);
	}
	assert_lacks(html, "href=\"#stall\"");
	free(html);

	char *markdown = read_whole(run.dir, "report.md");

	assert_holds(markdown, "| dense-up | **mmap/thp** |");
	assert_holds(markdown, "calloc gives zeros only");
	free(markdown);

	char *cells = read_whole(run.dir, "cells.csv");

	assert_holds(cells, ",unsupported,calloc gives zeros only,");
	free(cells);
	assert_field(run.dir, "cells.csv", "subject", "glibc/calloc", "outcome", "unsupported");
	assert_field(run.dir, "cells.csv", "subject", "mmap/thp", "regret_memory", "3");
	assert_field(run.dir, "cells.csv", "subject", "mmap", "page_table_bytes", "");
	assert_field(run.dir, "cells.csv", "params", "touched_pct=25", "touched_bytes", "1024000");
	assert_field(run.dir, "crossover.csv", "touched_pct", "25", "n", "9");
	assert_field(run.dir, "crossings.csv", "lazy", "mmap", "kind", "at");
	assert_field(run.dir, "crossings.csv", "kind", "at", "eager", "glibc/malloc+memset");
	assert_field(run.dir, "samples.csv", "subject", "mmap", "page_table_bytes", "");
	char *samples = read_whole(run.dir, "samples.csv");
	size_t lines = 0;

	for (const char *p = samples; *p; p++)
		lines += *p == '\n';
	/* Two cells and 21 of fractions with 9 samples and a verify each, one unsupported, the
	 * head. */
	assert_int_equal(lines, 23 * 10 + 1 + 1);
	free(samples);

	char path[256];

	snprintf(path, sizeof(path), "%s/summary.json", run.dir);
	json_t *summary = json_load_file(path, 0, &error);

	assert_non_null(summary);
	const json_t *verdict = json_array_get(json_object_get(summary, "verdicts"), 0);

	assert_string_equal(json_string_value(json_object_get(verdict, "fastest")), "mmap/thp");
	assert_string_equal(json_string_value(json_object_get(verdict, "leanest")), "mmap");
	const json_t *crossing = json_array_get(json_object_get(summary, "crossings"), 0);

	assert_string_equal(json_string_value(json_object_get(crossing, "kind")), "at");
	json_decref(summary);
	syn_remove(&run);
}

static void empty_run(void **state)
{
	struct syn_run run;

	(void)state;
	syn_begin(&run);
	syn_end(&run);
	assert_int_equal(report(run.dir), 0);
	assert_well_formed(run.dir);
	assert_holds(terminal, "VERDICT  none");
	char *html = read_whole(run.dir, "report.html");

	assert_holds(html, "Nothing ran.");
	free(html);
	syn_remove(&run);
}

static void failures_only(void **state)
{
	struct syn_cell cell = {.outcome = "killed", .reason = "signal 11 (Segmentation fault)"};
	struct syn_run run;

	(void)state;
	syn_begin(&run);
	for (int block = 0; block < 9; block++)
		syn_sample(&run, &cell, block, 1);
	cell = (struct syn_cell){.subject = "mmap/thp", .outcome = "timeout"};
	syn_sample(&run, &cell, 0, 1);
	syn_end(&run);
	assert_int_equal(report(run.dir), 0);
	assert_well_formed(run.dir);
	assert_holds(terminal, "VERDICT  none");
	char *html = read_whole(run.dir, "report.html");

	assert_holds(html, "signal 11 (Segmentation fault)");
	assert_holds(html, "timeout");
	free(html);
	syn_remove(&run);
}

static void one_subject_and_too_few(void **state)
{
	const struct syn_cell cell = {.touch = 1000, .committed_bytes = BYTES};
	struct syn_run run;

	(void)state;
	syn_begin(&run);
	syn_cell(&run, &cell, 3);
	fputs("{\"torn", run.samples);
	syn_end(&run);
	assert_int_equal(report(run.dir), 0);
	assert_well_formed(run.dir);
	assert_holds(terminal, "3 repetitions (too few for a claim)");
	char *html = read_whole(run.dir, "report.html");

	assert_holds(html, "too few repetitions for a claim: 3");
	assert_holds(html, "torn line");
	free(html);
	syn_remove(&run);
}

static void hosts_and_vms_stand_apart(void **state)
{
	const struct syn_cell host = {.subject = "mmap", .touch = 250000, .committed_bytes = BYTES};
	const struct syn_cell vm = {.subject = "mmap",
				    .touch = 100000,
				    .target = "vm",
				    .clock = "icount",
				    .unit = "instructions",
				    .committed_bytes = BYTES};
	struct syn_run run;

	(void)state;
	syn_begin(&run);
	syn_cell(&run, &host, 9);
	syn_cell(&run, &vm, 2);
	syn_end(&run);
	assert_int_equal(report(run.dir), 0);
	assert_well_formed(run.dir);
	assert_holds(terminal, "VERDICT  host, ");
	assert_holds(terminal, "VERDICT  vm, ");
	assert_holds(terminal, "instr/page");
	char *html = read_whole(run.dir, "report.html");

	assert_holds(html, "alloc + touch + free in ns per touched page");
	assert_holds(html, "alloc + touch + free in instructions per touched page");
	assert_lacks(html, "\303\227 time"); /* 2.5 times host to vm is no ratio */
	free(html);
	syn_remove(&run);
}

/* Names, reasons, captions and run.json come from elsewhere: none of it may become markup. */
static void hostile_text_stays_text(void **state)
{
	const struct syn_cell cell = {.subject = "a<script>alert('x')</script>&\"b\" | c",
				      .touch = 1000,
				      .committed_bytes = BYTES};
	const struct syn_cell bad = {.subject = "<i>",
				     .outcome = "failed",
				     .reason = "</td><script src=\"x\">\001 & more"};
	struct syn_run run;
	char charts[96];

	(void)state;
	syn_begin(&run);
	syn_cell(&run, &cell, 9);
	syn_sample(&run, &bad, 0, 1);
	syn_end(&run);
	snprintf(charts, sizeof(charts), "%s/charts", run.dir);
	assert_int_equal(mkdir(charts, 0700), 0);
	write_text(run.dir, "charts/one.svg",
		   "<?xml version=\"1.0\"?>\n<!DOCTYPE svg>\n<svg width=\"10\" height=\"20\" "
		   "viewBox=\"0 0 10 20\" xmlns=\"http://www.w3.org/2000/svg\" "
		   "xmlns:xlink=\"http://www.w3.org/1999/xlink\"><title>Gnuplot</title>"
		   "<script type=\"text/javascript\">alert(1 &lt; 2)</script><script/>"
		   "<defs><circle id=\"dot\" r=\"1\"/><g id='gpPt'/></defs>"
		   "<use xlink:href=\"#dot\"/><use href='#gpPt'/><g "
		   "style=\"fill:url(#dot)\"/></svg>\n");
	write_text(run.dir, "charts/one.txt", "Title <b>\nSee & believe,\nin ns.\n");
	write_text(run.dir, "charts/two.svg", "this is no image");
	assert_int_equal(report(run.dir), 0);
	assert_well_formed(run.dir);
	char *html = read_whole(run.dir, "report.html");

	assert_lacks(html, "<script");
	assert_lacks(html, "Gnuplot");
	assert_lacks(html, "alert(1");
	assert_holds(html, "a&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;&quot;b&quot;");
	assert_holds(html, "&lt;b&gt;&amp;&quot;quoted&quot;"); /* the CPU's name in run.json */
	assert_holds(html, "<b>Title &lt;b&gt;.</b> See &amp; believe, in ns.");
	assert_holds(html, "<svg role=\"img\" aria-label=\"Title &lt;b&gt;\" viewBox=\"0 0 10 20\" "
			   "xmlns=");
	assert_holds(html, "<circle id=\"c0-dot\" r=\"1\"/><g id='c0-gpPt'/>");
	assert_holds(html, "xlink:href=\"#c0-dot\"/><use href='#c0-gpPt'/>");
	assert_holds(html, "url(#c0-dot)");
	assert_holds(html, "not an SVG image");
	free(html);
	char *markdown = read_whole(run.dir, "report.md");

	assert_lacks(markdown, "<script>");
	assert_holds(markdown, "\\| c");
	free(markdown);
	syn_remove(&run);
}

static void no_run_there(void **state)
{
	(void)state;
	assert_int_equal(report("/tmp/ta-there-is-no-such-run"), -ENOENT);
	assert_string_equal(terminal, "");
}

/* A file that cannot be written is an error; those already there stay whole. */
static void report_cannot_be_written(void **state)
{
	const struct syn_cell cell = {.touch = 1000, .committed_bytes = BYTES};
	struct syn_run run;
	char path[128];

	(void)state;
	syn_begin(&run);
	syn_cell(&run, &cell, 9);
	syn_end(&run);
	snprintf(path, sizeof(path), "%s/report.html", run.dir);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_true(report(run.dir) < 0);
	assert_string_equal(terminal, "");
	strcat(path, ".tmp");
	assert_int_equal(access(path, F_OK), -1);
	free(read_whole(run.dir, "cells.csv"));
	syn_remove(&run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_run),
		cmocka_unit_test(empty_run),
		cmocka_unit_test(failures_only),
		cmocka_unit_test(one_subject_and_too_few),
		cmocka_unit_test(hosts_and_vms_stand_apart),
		cmocka_unit_test(hostile_text_stays_text),
		cmocka_unit_test(no_run_there),
		cmocka_unit_test(report_cannot_be_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
