// SPDX-License-Identifier: MIT
/* What a report says: conclusions, advice, latencies, reasons, and its charts in their order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <sys/stat.h>

#include "report_of.h"

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

/* What could not run: a row for each reason, in which no cell stands twice. */
static void reasons_once(void **state)
{
	const struct syn_cell good = {.touch = 1000, .committed_bytes = BYTES};
	struct syn_cell bad = {.outcome = "unsupported", .reason = "holds one block at a time"};
	struct syn_run run;

	(void)state;
	syn_begin(&run);
	syn_cell(&run, &good, 9);
	bad.workload = "small-blocks";
	for (bad.size_bytes = 4096; bad.size_bytes <= 3 * 4096; bad.size_bytes += 4096)
		syn_sample(&run, &bad, 0, 1);
	bad.workload = "recycle";
	syn_sample(&run, &bad, 0, 1);
	bad = (struct syn_cell){
		.subject = "brk", .outcome = "unsupported", .reason = "nothing is there"};
	syn_sample(&run, &bad, 0, 1);
	syn_end(&run);
	assert_int_equal(report(run.dir), 0);
	assert_well_formed(run.dir);
	char *html = read_whole(run.dir, "report.html");
	char *markdown = read_whole(run.dir, "report.md");

	assert_holds(html, "holds one block at a time</td><td class=\"words\">recycle fill 0; "
			   "small-blocks fill 0</td>");
	assert_holds(markdown, "- host, mmap: unsupported: holds one block at a time (recycle fill "
			       "0; small-blocks fill 0)\n");
	assert_holds(markdown, "- host, brk: unsupported: nothing is there (everywhere)\n");
	free(html);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conclusions),
		cmocka_unit_test(latency_and_advice),
		cmocka_unit_test(reasons_once),
		cmocka_unit_test(charts_in_the_order_of_the_argument),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
