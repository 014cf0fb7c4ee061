// SPDX-License-Identifier: MIT
/* The report of whole, empty, failed and hostile runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "csv.h"
#include "report.h"
#include "report_model.h"
#include "synthetic.h"

#define BYTES ((double)SYN_PAGES * SYN_PAGE)

static char terminal[1 << 16]; /* what the last report printed on stdout */

/* Not inlined: gcc 12 would take what strstr() finds in it for a pointer to a local variable. */
__attribute__((noinline)) static char *read_whole(const char *dir, const char *name)
{
	char path[256], *text = NULL;
	size_t capacity = 0;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *in = fopen(path, "re");

	assert_non_null(in);
	if (getdelim(&text, &capacity, '\0', in) < 0)
		text = strdup("");
	fclose(in);
	return text;
}

static void write_text(const char *dir, const char *name, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *out = fopen(path, "we");

	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

/* report_run_with(), its stdout caught and its stderr dropped. */
static int report(const char *dir)
{
	int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO);
	int caught = open("/tmp", O_TMPFILE | O_RDWR, 0600), null = open("/dev/null", O_WRONLY);

	assert_true(out >= 0 && err >= 0 && caught >= 0 && null >= 0);
	fflush(NULL);
	dup2(caught, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	int status = report_run_with(dir, false);

	fflush(NULL);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	ssize_t got = pread(caught, terminal, sizeof(terminal) - 1, 0);

	assert_true(got >= 0);
	terminal[got] = '\0';
	close(caught);
	close(null);
	close(out);
	close(err);
	return status;
}

static void assert_well_formed(const char *dir)
{
	char command[256];

	if (system("command -v xmllint >/dev/null"))
		fail_msg("xmllint is missing (Debian package libxml2-utils)");
	snprintf(command, sizeof(command), "xmllint --noout '%s/report.html'", dir);
	assert_int_equal(system(command), 0);
}

static void assert_holds(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("not found: %s", part);
}

static void assert_lacks(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("found: %s", part);
}

/* Each of the parts once, one after the other. */
static void assert_in_order(const char *text, const char *const *parts, size_t n)
{
	const char *after = text;

	for (size_t i = 0; i < n; i++) {
		const char *at = strstr(text, parts[i]);

		if (!at || at < after || strstr(at + 1, parts[i]))
			fail_msg("not found once, or not in its place: %s", parts[i]);
		after = at;
	}
}

/* A field of the row whose column key holds value; every row must have as many fields as the head.
 */
static void assert_field(const char *dir, const char *file, const char *key, const char *value,
			 const char *column, const char *expected)
{
	char *text = read_whole(dir, file), *line = text, *names[128];
	size_t n_names = 0, key_at = SIZE_MAX, column_at = SIZE_MAX;
	bool found = false;

	for (char *next; line && *line; line = next) {
		char *fields[128], *at = line;
		size_t n = 0;

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		while (at && n < 128)
			fields[n++] = csv_field(&at);
		if (!n_names) {
			n_names = n;
			for (size_t i = 0; i < n; i++) {
				names[i] = fields[i];
				key_at = strcmp(names[i], key) ? key_at : i;
				column_at = strcmp(names[i], column) ? column_at : i;
			}
			assert_true(key_at < n && column_at < n);
			continue;
		}
		assert_int_equal(n, n_names);
		if (found || strcmp(fields[key_at], value))
			continue;
		found = true;
		assert_string_equal(fields[column_at], expected);
	}
	assert_true(found);
	free(text);
}

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

/* Latencies have tables of their own and no place in the verdict; the advice follows from the
 * latter. */
static void latency_and_advice(void **state)
{
	const struct syn_cell lean = {
		.subject = "mmap", .touch = 90000, .committed_bytes = 4096000, .noise = 0.001};
	const struct syn_cell fat = {.subject = "mmap/populate",
				     .touch = 30000,
				     .committed_bytes = 8192000,
				     .noise = 0.001};
	const struct syn_cell timed = {
		.workload = "touch-latency",
		.touch = 1000,
		.latency = "{\"count\":100,\"p50\":811,\"p99\":922,\"p999\":1033,\"max\":20044,"
			   "\"clock_cost\":21,\"histogram\":[[768,97],[1024,3]]}"};

	struct syn_run run;

	(void)state;
	syn_begin(&run);
	syn_cell(&run, &lean, 9);
	syn_cell(&run, &fat, 9);
	syn_cell(&run, &timed, 9);
	syn_end(&run);
	assert_int_equal(report(run.dir), 0);
	assert_lacks(terminal, "touch-latency");

	char *html = read_whole(run.dir, "report.html");
	char *markdown = read_whole(run.dir, "report.md");
	char *summary = read_whole(run.dir, "summary.json");

	assert_well_formed(run.dir);
	assert_holds(html, "id=\"latency\"");
	assert_holds(html, ">811 <span");
	assert_holds(html, "for time mmap/populate (memory \303\227 2.00); "
			   "for memory mmap (time \303\227 3.00)");
	assert_holds(markdown, "| mmap | 811 | 922 | 1033 | 20044 |");
	assert_holds(markdown, "Reading the clock: host: 21 ns.");
	assert_holds(summary, "\"kind\": \"trade\"");
	assert_holds(summary, "\"lean\": \"mmap\"");
	assert_field(run.dir, "latency.csv", "at_least", "1024", "share", "0.03");
	free(html);
	free(markdown);
	free(summary);
	syn_remove(&run);
}

/* The sentences that stand first: each by its rule, with the command that prints its figures. */
static void conclusions(void **state)
{
	static const char *const workloads[] = {"dense-up", "sparse-1pct", "recycle"};
	/* Of glibc/calloc and tamalloc/lib-plain, in ns; of mmap and tamalloc/syscall, in
	 * instructions. */
	static const double costs[][4] = {
		{200000, 200000, 4e7, 1e7}, {100000, 50000, 4e7, 4e7}, {300000, 600000, 4e7, 8e7}};
	static const char *const subjects[] = {"glibc/calloc", "tamalloc/lib-plain", "mmap",
					       "tamalloc/syscall"};
	struct syn_run run;

	(void)state;
	syn_begin(&run);
	for (size_t w = 0; w < 3; w++) {
		for (size_t s = 0; s < 4; s++) {
			bool vm = s >= 2;
			const struct syn_cell cell = {.subject = subjects[s],
						      .workload = workloads[w],
						      .target = vm ? "vm" : "host",
						      .clock = vm ? "icount" : "monotonic",
						      .unit = vm ? "instructions" : "ns",
						      .touch = costs[w][s],
						      .committed_bytes = BYTES};

			syn_cell(&run, &cell, vm ? 2 : 9);
		}
		const struct syn_cell eager = {.subject = "mmap/populate",
					       .workload = workloads[w],
					       .touch = 400000,
					       .committed_bytes = (w == 1 ? 50 : 1) * BYTES};

		syn_cell(&run, &eager, 9);
	}
	syn_end(&run);
	assert_int_equal(report(run.dir), 0);
	assert_well_formed(run.dir);
	char *markdown = read_whole(run.dir, "report.md"), *html;
	char *summary = read_whole(run.dir, "summary.json");

	assert_holds(markdown,
		     "- **Reserved is not committed:** of the 3.9 MiB that each way of getting "
		     "memory reserves for sparse-1pct (fill 0), 2 of 3 ways commit about as little "
		     "as the leanest, glibc/calloc (3.9 MiB); mmap/populate commits 195.3 MiB, "
		     "50.0 \303\227 as much. (`build/tabench report RUN`)");
	assert_holds(markdown,
		     "glibc/calloc is the fastest at dense-up: 220 ns a touched page for alloc + "
		     "touch + free together (tied with 1 other). Of all, the slowest, "
		     "mmap/populate, takes 2.00 \303\227 as long (95 % interval 2 to 2).");
	assert_holds(markdown, "glibc/calloc is within 5 % of the fastest in 2 of 3 workloads and "
			       "of the leanest in 3; at its worst it takes 2.00 \303\227 the "
			       "fastest's time (sparse-1pct).");
	assert_holds(markdown, "glibc/calloc is never worse than 2.00 \303\227 the best of a "
			       "workload (its worst: sparse-1pct, time).");
	assert_holds(markdown,
		     "tamalloc/lib-plain against glibc/calloc is cheaper in 1 of 3 workloads, "
		     "dearer in 1: from 0.50 (sparse-1pct) to 2.00 \303\227 the time (recycle); "
		     "the same committed memory within 0.5 %. (`build/tabench compare --all "
		     "--subject tamalloc/lib-plain --to glibc/calloc RUN`)");
	assert_holds(markdown, "tamalloc/syscall against mmap is cheaper in 1 of 3 workloads, "
			       "dearer in 1: from 0.25 (dense-up) to 2.00 \303\227 the "
			       "instructions (recycle)");
	assert_holds(markdown, "**How far to trust it:** 9 repetitions of each cell on the host; "
			       "in 15 of 15 cells");
	assert_holds(summary, "\"topic\": \"What a program gets today\"");
	html = read_whole(run.dir, "report.html");
	assert_holds(html, "<li><b>Reserved is not committed:</b> of the 3.9 MiB");
	assert_holds(html, "Command: <code>build/tabench compare --all --subject tamalloc/syscall "
			   "--to mmap RUN</code>");
	free(html);
	free(markdown);
	free(summary);
	syn_remove(&run);
}

/* The first chart stands in the verdict, once; the host's come before the emulated machine's; what
 * is many screens tall is behind a line that opens it. */
static void charts_in_the_order_of_the_argument(void **state)
{
	static const char *const charts[][2] = {
		{"pareto-host", "9000"}, {"crossover-host", "480"}, {"regret-time-host", "900"},
		{"headline-vm", "800"},	 {"headline", "800"},	    {"cost-vm", "400"},
		{"of-my-own", "300"}};
	static const char *const expected[] = {"<h2>Verdict",
					       "<b>headline.",
					       "<h2>Charts",
					       "<b>regret-time-host.",
					       "<b>crossover-host.",
					       "<b>of-my-own.",
					       "<details><summary>pareto-host</summary>",
					       "<b>pareto-host.",
					       "<h3>The patched kernel in an emulated machine",
					       "<b>headline-vm.",
					       "<b>cost-vm."};
	const struct syn_cell cell = {.touch = 1000, .committed_bytes = BYTES};
	struct syn_run run;
	char path[160], text[200];

	(void)state;
	syn_begin(&run);
	syn_cell(&run, &cell, 9);
	syn_end(&run);
	snprintf(path, sizeof(path), "%s/charts", run.dir);
	assert_int_equal(mkdir(path, 0700), 0);
	for (size_t i = 0; i < sizeof(charts) / sizeof(*charts); i++) {
		snprintf(path, sizeof(path), "charts/%s.svg", charts[i][0]);
		snprintf(text, sizeof(text),
			 "<svg viewBox=\"0 0 640 %s\" xmlns=\"http://www.w3.org/2000/svg\"></svg>",
			 charts[i][1]);
		write_text(run.dir, path, text);
	}
	assert_int_equal(report(run.dir), 0);
	assert_well_formed(run.dir);
	char *html = read_whole(run.dir, "report.html");

	assert_in_order(html, expected, sizeof(expected) / sizeof(*expected));
	free(html);
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
		cmocka_unit_test(latency_and_advice),
		cmocka_unit_test(conclusions),
		cmocka_unit_test(charts_in_the_order_of_the_argument),
		cmocka_unit_test(no_run_there),
		cmocka_unit_test(report_cannot_be_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
