// SPDX-License-Identifier: MIT
/* The flattener: its columns are those documented; what is not a sample is skipped and said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>

#include "cells.h"
#include "crossover.h"
#include "distribution.h"
#include "flatten.h"
#include "synthetic.h"

#define README SOURCE_DIR "/results/README.md"

/* Cells of the next row "| `name` | unit | kind | better |" below the heading; false at its end. */
static bool next_row(FILE *in, char cells[4][64])
{
	char line[512];

	while (fgets(line, sizeof(line), in) && strncmp(line, "## ", 3)) {
		char *at = line + 1;

		if (strncmp(line, "| `", 3))
			continue;
		for (int i = 0; i < 4; i++) {
			char *cell = at + strspn(at, " `"), *end = strchr(at, '|');

			if (!end)
				break;
			at = end + 1;
			while (end > cell && strchr(" `", end[-1]))
				end--;
			snprintf(cells[i], 64, "%.*s", end > cell ? (int)(end - cell) : 0, cell);
		}
		return true;
	}
	return false;
}

static FILE *open_readme(const char *heading)
{
	FILE *in = fopen(README, "re");
	char line[512];

	assert_non_null(in);
	while (fgets(line, sizeof(line), in)) {
		line[strcspn(line, "\n")] = 0;
		if (!strcmp(line, heading))
			return in;
	}
	fail_msg("%s has no heading '%s'", README, heading);
	return NULL;
}

static void columns_are_those_documented(void **state)
{
	FILE *in = open_readme("## samples.csv");
	char cells[4][64];

	(void)state;
	for (const struct column *c = flatten_columns(); c->name; c++) {
		assert_true(next_row(in, cells));
		assert_string_equal(cells[0], c->name);
		assert_string_equal(cells[1], c->unit);
		assert_string_equal(cells[2], c->kind);
		assert_string_equal(cells[3], better_name(c->better));
	}
	assert_false(next_row(in, cells));
	fclose(in);
}

static void compare_names(const char *heading, const char *const *names)
{
	FILE *in = open_readme(heading);
	char cells[4][64];

	for (; *names; names++) {
		assert_true(next_row(in, cells));
		assert_string_equal(cells[0], *names);
	}
	assert_false(next_row(in, cells));
	fclose(in);
}

static void other_tables_are_those_documented(void **state)
{
	(void)state;
	compare_names("## cells.csv", results_columns());
	compare_names("## latency.csv", distribution_columns());
	compare_names("## crossover.csv", crossover_columns());
	compare_names("## crossings.csv", crossings_columns());
}

static char *csv_of(const struct samples *samples)
{
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	samples_write_csv(samples, out);
	fclose(out);
	return text;
}

static void rows_hold_what_was_written(void **state)
{
	const struct syn_cell cell = {.alloc = 100,
				      .touch = 2000,
				      .free = 30,
				      .committed_bytes = 8192,
				      .faults_touch = 2,
				      .pct = 25,
				      .perf_faults = 12};
	struct syn_run run;
	struct samples samples;

	(void)state;
	syn_begin(&run);
	syn_sample(&run, &cell, 3, 1);
	syn_end(&run);
	assert_int_equal(samples_read(&samples, run.dir), 0);
	assert_int_equal(samples.n, 1);
	const struct sample *s = &samples.rows[0];

	assert_string_equal(s->subject, "mmap");
	assert_string_equal(s->cost_unit, "ns");
	assert_true(s->block == 3 && s->total_cost == 2130 && s->total_faults == 2);
	assert_true(s->phases[PHASE_TOUCH].minor_faults == 2);
	assert_true(isnan(s->phases[PHASE_REUSE].cost) && isnan(s->peak_rss_bytes));
	assert_true(sample_param(s, "touched_pct") == 25);
	assert_true(isnan(sample_param(s, "absent")));
	assert_true(s->started_ns == 1795233450394579719); /* above 2^53: exact all the same */
	char *csv = csv_of(&samples);

	assert_non_null(
		strstr(csv, ",verified,expected,observed,param_touched_pct,metric_perf_page_faults,"
			    "probe_source_faults\n"));
	assert_non_null(strstr(csv, ",1795233450394579719,measure,host,"));
	assert_non_null(strstr(csv, ",1,,,25,12,perf_event_open\n"));
	assert_non_null(strstr(csv, ",30,,,0,0,0,2130,1000,")); /* null is empty, 0 is 0 */
	free(csv);
	samples_free(&samples);
	syn_remove(&run);
}

static void torn_last_line_is_skipped_and_said(void **state)
{
	const struct syn_cell cell = {.touch = 1};
	struct syn_run run;
	struct samples samples;

	(void)state;
	syn_begin(&run);
	syn_sample(&run, &cell, 0, 1);
	syn_sample(&run, &cell, 1, 1);
	fputs("{\"schema\":1,\"kind\":\"sam", run.samples);
	syn_end(&run);
	assert_int_equal(samples_read(&samples, run.dir), 0);
	assert_int_equal(samples.n, 2);
	assert_int_equal(samples.n_notes, 1);
	assert_non_null(strstr(samples.notes[0], "torn line"));
	samples_free(&samples);
	syn_remove(&run);
}

/* Whatever the byte at which the writer was killed, the samples before it are read. */
static void cut_at_any_byte(void **state)
{
	const struct syn_cell cell = {.touch = 1};
	struct syn_run run;
	struct samples samples;
	char path[96];

	(void)state;
	syn_begin(&run);
	syn_sample(&run, &cell, 0, 1);
	long first = ftell(run.samples);

	syn_sample(&run, &cell, 1, 1);
	long both = ftell(run.samples);

	syn_end(&run);
	snprintf(path, sizeof(path), "%s/samples.jsonl", run.dir);
	for (long length = both; length >= first; length--) {
		assert_int_equal(truncate(path, length), 0);
		assert_int_equal(samples_read(&samples, run.dir), 0);
		/* Without its line break the second line is whole nevertheless. */
		assert_int_equal(samples.n, length >= both - 1 ? 2 : 1);
		assert_int_equal(samples.n_notes, length < both - 1 && length > first);
		samples_free(&samples);
	}
	syn_remove(&run);
}

static void bad_lines_are_skipped_and_said(void **state)
{
	const struct syn_cell cell = {.touch = 1};
	struct syn_run run;
	struct samples samples;

	(void)state;
	syn_begin(&run);
	fputs("not json\n", run.samples);
	syn_sample(&run, &cell, 0, 1);
	fputs("\n{\"schema\":2}\n[]\n", run.samples);
	syn_end(&run);
	assert_int_equal(samples_read(&samples, run.dir), 0);
	assert_int_equal(samples.n, 1);
	assert_int_equal(samples.n_notes, 3);
	assert_non_null(strstr(samples.notes[0], "line 1 was skipped"));
	assert_non_null(strstr(samples.notes[1], "not a sample of schema 1"));
	samples_free(&samples);
	syn_remove(&run);
}

static void two_units_in_a_sample_are_mixed(void **state)
{
	struct samples samples;
	struct syn_run run;

	(void)state;
	syn_begin(&run);
	fputs("{\"schema\":1,\"kind\":\"sample\",\"run_id\":\"r\",\"cell_id\":\"0\",\"block\":0,"
	      "\"purpose\":\"measure\",\"target\":\"host\",\"clock\":\"monotonic\",\"subject\":"
	      "\"a\","
	      "\"workload\":\"w\",\"size_bytes\":1,\"threads\":1,\"fill\":0,\"outcome\":\"ok\","
	      "\"phases\":[{\"name\":\"alloc\",\"cost\":1,\"cost_unit\":\"ns\"},"
	      "{\"name\":\"touch\",\"cost\":1,\"cost_unit\":\"instructions\"}]}\n",
	      run.samples);
	syn_end(&run);
	assert_int_equal(samples_read(&samples, run.dir), 0);
	assert_int_equal(samples.n, 1);
	assert_string_equal(samples.rows[0].cost_unit, "mixed");
	samples_free(&samples);
	syn_remove(&run);
}

static void csv_fields_are_quoted(void **state)
{
	const struct syn_cell cell = {.outcome = "failed", .reason = "said \"no\", then\nwent"};
	struct syn_run run;
	struct samples samples;

	(void)state;
	syn_begin(&run);
	syn_sample(&run, &cell, 0, 1);
	syn_end(&run);
	assert_int_equal(samples_read(&samples, run.dir), 0);
	char *csv = csv_of(&samples);

	assert_non_null(strstr(csv, ",failed,\"said \"\"no\"\", then went\","));
	free(csv);
	samples_free(&samples);
	syn_remove(&run);
}

static void without_a_file(void **state)
{
	struct samples samples;

	(void)state;
	assert_int_equal(samples_read(&samples, "/tmp/ta-there-is-no-such-run"), -ENOENT);
	assert_int_equal(samples.n, 0);
	samples_free(&samples);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_those_documented),
		cmocka_unit_test(other_tables_are_those_documented),
		cmocka_unit_test(rows_hold_what_was_written),
		cmocka_unit_test(torn_last_line_is_skipped_and_said),
		cmocka_unit_test(cut_at_any_byte),
		cmocka_unit_test(bad_lines_are_skipped_and_said),
		cmocka_unit_test(two_units_in_a_sample_are_mixed),
		cmocka_unit_test(csv_fields_are_quoted),
		cmocka_unit_test(without_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
