// SPDX-License-Identifier: MIT
/* Whole programs: ratios, and what is said of them, from rows whose truth is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "apps.h"
#include "apps_rows.h"
#include "micro.h"
#include "synthetic.h"

static void add(struct syn_run *run, const char *program, const char *subject, const char *purpose,
		unsigned rep, const char *error, json_t *metrics)
{
	const struct micro micro = {.kind = "app",
				    .purpose = purpose,
				    .run_id = "synthetic",
				    .subject = subject,
				    .workload = program,
				    .params = "",
				    .rep = rep,
				    .error = error ? -5 : 0,
				    .reason = error,
				    .verified = true,
				    .metrics = metrics};
	json_t *row = micro_sample(&micro);

	assert_non_null(row);
	json_dumpf(row, run->samples, JSON_COMPACT);
	fputc('\n', run->samples);
	json_decref(row);
}

/* Twelve rounds of a machine that becomes three times as slow meanwhile. */
static void add_program(struct syn_run *run, const char *program, const char *subject, double time,
			double memory)
{
	for (unsigned round = 0; round < 12; round++) {
		double slow = (1 + round / 4.0) * (1 + 0.02 * (stats_uniform(&run->rng) - 0.5));

		add(run, program, subject, "measure", round, NULL,
		    json_pack("{s:f}", "time_ns", time * slow));
	}
	for (unsigned rep = 0; rep < 3; rep++)
		add(run, program, subject, "verify", rep, NULL,
		    json_pack("{s:f, s:f}", "peak_committed_bytes", memory,
			      "average_committed_bytes", memory / 2));
}

static const struct app_row *find(const struct app_rows *rows, const char *program,
				  const char *subject)
{
	for (size_t i = 0; i < rows->n; i++)
		if (!strcmp(rows->rows[i].program, program) &&
		    !strcmp(rows->rows[i].subject, subject))
			return &rows->rows[i];
	fail_msg("no row %s %s", program, subject);
	return NULL;
}

static void ratios_and_effects(void **state)
{
	static const struct {
		const char *program;
		double time, memory;
		enum app_effect effect;
	} cases[] = {
		{"gains", 1.00, 0.40, APP_GAINS},
		{"gains-time", 0.50, 0.10, APP_GAINS},
		{"lean-but-slow", 1.50, 0.40, APP_TRADES},
		{"neutral", 1.00, 1.02, APP_NEUTRAL},
		{"costs", 1.50, 1.00, APP_COSTS},
		{"some", 1.00, 0.80, APP_LEANER},
		{"just-not-half", 1.00, 0.52, APP_LEANER},
		{"just-too-slow", 1.09, 0.40, APP_TRADES},
	};
	struct samples samples;
	struct app_rows rows;
	struct syn_run run;
	char text[500];

	(void)state;
	syn_begin(&run);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		add_program(&run, cases[i].program, APPS_TAMALLOC, 1e8 * cases[i].time,
			    1e7 * cases[i].memory);
		add_program(&run, cases[i].program, APPS_BASELINE, 1e8, 1e7);
	}
	syn_end(&run);
	assert_int_equal(samples_read(&samples, run.dir), 0);
	assert_int_equal(samples.n_notes, 0);
	assert_int_equal(app_rows_build(&rows, &samples), 0);
	assert_int_equal(rows.n, 2 * sizeof(cases) / sizeof(cases[0]));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct app_row *row = find(&rows, cases[i].program, APPS_TAMALLOC);

		assert_string_equal(row[-1].subject, APPS_BASELINE); /* first in its program */
		assert_float_equal(row->time_ratio.value, cases[i].time, 0.02);
		assert_true(row->time_ratio.lo <= row->time_ratio.value &&
			    row->time_ratio.hi - row->time_ratio.lo < 0.1); /* drift cancels */
		assert_true(row->time_ns.hi - row->time_ns.lo > 5e7);	    /* but is there */
		assert_float_equal(row->peak_ratio, cases[i].memory, 1e-9);
		assert_float_equal(row->average_ratio, cases[i].memory, 1e-9);
		assert_int_equal(app_effect(row), cases[i].effect);
		assert_int_equal(app_effect(&row[-1]), APP_UNKNOWN);
		app_effect_text(row, text, sizeof(text));
		assert_int_equal(strncmp(text, cases[i].program, strlen(cases[i].program)), 0);
		assert_null(strstr(text, "too few"));
	}
	app_rows_free(&rows);
	samples_free(&samples);
	syn_remove(&run);
}

/* Pairs that differ by anything between 0.6 and 1.8: no claim, and least of all that it costs. */
static void noise_is_no_claim(void **state)
{
	struct samples samples;
	struct app_rows rows;
	struct syn_run run;

	(void)state;
	syn_begin(&run);
	for (unsigned round = 0; round < 12; round++) {
		add(&run, "p", APPS_TAMALLOC, "measure", round, NULL,
		    json_pack("{s:f}", "time_ns", 1e8 * (0.6 + 0.11 * round)));
		add(&run, "p", APPS_BASELINE, "measure", round, NULL,
		    json_pack("{s:f}", "time_ns", 1e8));
	}
	for (unsigned i = 0; i < 2; i++)
		add(&run, "p", i ? APPS_BASELINE : APPS_TAMALLOC, "verify", 0, NULL,
		    json_pack("{s:f, s:f}", "peak_committed_bytes", 1e7, "average_committed_bytes",
			      1e7));
	syn_end(&run);
	assert_int_equal(samples_read(&samples, run.dir), 0);
	assert_int_equal(app_rows_build(&rows, &samples), 0);
	assert_true(find(&rows, "p", APPS_TAMALLOC)->time_ratio.value > APPS_TIME_LIMIT);
	assert_int_equal(app_effect(find(&rows, "p", APPS_TAMALLOC)), APP_UNDECIDED);
	app_rows_free(&rows);
	samples_free(&samples);
	syn_remove(&run);
}

static void what_is_missing_or_wrong(void **state)
{
	struct samples samples;
	struct app_rows rows;
	struct syn_run run;
	char text[500];

	(void)state;
	syn_begin(&run);
	add_program(&run, "p", APPS_BASELINE, 1e8, 1e7);
	add(&run, "p", APPS_BASELINE, "faults", 0, NULL,
	    json_pack("{s:i, s:n}", "perf_page_faults", 1234, "perf_cycles"));
	add(&run, "p", APPS_TAMALLOC, "verify", 0, "its output is wrong", json_object());
	add(&run, "q", APPS_TAMALLOC, "verify", 0, NULL,
	    json_pack("{s:i}", "peak_committed_bytes", 5));
	syn_end(&run);
	assert_int_equal(samples_read(&samples, run.dir), 0);
	assert_int_equal(app_rows_build(&rows, &samples), 0);
	assert_int_equal(rows.n, 3);
	assert_float_equal(find(&rows, "p", APPS_BASELINE)->page_faults, 1234, 0);
	assert_true(isnan(find(&rows, "p", APPS_BASELINE)->cycles));
	assert_string_equal(find(&rows, "p", APPS_TAMALLOC)->outcome, "failed");
	app_effect_text(find(&rows, "p", APPS_TAMALLOC), text, sizeof(text));
	assert_string_equal(text, "p: no verdict: its output is wrong");
	assert_true(isnan(find(&rows, "q", APPS_TAMALLOC)->peak_ratio)); /* no glibc to compare */
	assert_int_equal(app_effect(find(&rows, "q", APPS_TAMALLOC)), APP_UNKNOWN);
	app_rows_free(&rows);
	samples_free(&samples);
	syn_remove(&run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ratios_and_effects),
		cmocka_unit_test(noise_is_no_claim),
		cmocka_unit_test(what_is_missing_or_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
