// SPDX-License-Identifier: MIT
/* Exact timelines: each page that a program, its family or an attached process gets is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "timeline_exact.h"
#include "timeline_format.h"
#include "timeline_program.h"

static void exact_mode_is_exact(void **state)
{
	struct timeline t;
	uint64_t most = 0;

	(void)state;
	record_steps(true, &t);
	assert_int_equal(t.lost_records, 0);
	assert_true(t.smaps_checks >= 1);
	assert_int_equal(t.smaps_differences, 0);
	assert_int_equal(t.final_bytes, t.smaps_bytes);
	/* Every page is an event of its own: the top is the base plus all steps, to the page. */
	for (size_t i = 0; i < t.n_events; i++)
		if (t.events[i].committed_bytes > most)
			most = t.events[i].committed_bytes;
	assert_true(t.n_events >= STEPS * STEP_BYTES / 4096);
	assert_true(most >= STEPS * STEP_BYTES + mark_value(&t.marks[1]));
	assert_true(most <= STEPS * STEP_BYTES + mark_value(&t.marks[1]) + SLACK_BYTES);
	timeline_clear(&t);
}

static void exact_mode_is_exact_over_a_family(void **state)
{
	char *argv[] = {self, "family", NULL};
	struct timeline_options options = {
		.argv = argv, .exact = true, .stdout_fd = -1, .timeout_ns = 60000000000ull};
	uint64_t most = 0;
	struct timeline t;

	(void)state;
	timeline_record(&options, &t);
	if (t.outcome == TIMELINE_UNSUPPORTED) {
		print_message("# %s\n", t.reason);
		timeline_clear(&t);
		skip();
	}
	assert_int_equal(t.outcome, TIMELINE_OK);
	assert_int_equal(t.exit_status, 0);
	assert_int_equal(t.lost_records, 0);
	assert_true(t.smaps_checks >= 1);
	assert_int_equal(t.smaps_differences, 0);
	assert_int_equal(t.final_bytes, t.smaps_bytes);
	for (size_t i = 0; i < t.n_events; i++)
		if (t.events[i].committed_bytes > most)
			most = t.events[i].committed_bytes;
	/* 4 in the first, 4 + 8 + 16 in the last; 4 + 8 in the one between, until it execs. */
	assert_in_range(most, (4 + 28) * MIB, (4 + 28 + 12) * MIB + 4 * mark_value(&t.marks[0]));
	/* Every address space was torn down, and each page of it was told. */
	assert_int_equal(t.events[t.n_events - 1].committed_bytes, 0);
	timeline_clear(&t);
}

/* Not a page is missed, however short it lives and however it ends. */
static void watch_brief(const char *program, int exit_status)
{
	char *argv[] = {self, (char *)program, NULL};
	struct timeline_options options = {
		.argv = argv, .exact = true, .stdout_fd = -1, .timeout_ns = 60000000000ull};
	uint64_t most = 0;
	struct timeline t;

	timeline_record(&options, &t);
	if (t.outcome == TIMELINE_UNSUPPORTED) {
		print_message("# %s\n", t.reason);
		timeline_clear(&t);
		skip();
	}
	assert_int_equal(t.exit_status, exit_status);
	assert_int_equal(t.lost_records, 0);
	for (size_t i = 0; i < t.n_events; i++)
		if (t.events[i].committed_bytes > most)
			most = t.events[i].committed_bytes;
	assert_true(most >= 4 * MIB);
	assert_true(t.n_events >= 4 * MIB / 4096);
	assert_true(t.minor_faults >= 4 * MIB / 4096);
	assert_int_equal(t.events[t.n_events - 1].committed_bytes, 0);
	timeline_clear(&t);
}

static void exact_mode_is_exact_for_50_ms(void **state)
{
	(void)state;
	watch_brief("brief", 0);
}

static void exact_mode_is_exact_for_who_is_killed(void **state)
{
	(void)state;
	watch_brief("killed", -1);
}

static void exact_mode_is_exact_when_attached(void **state)
{
	(void)state;
	watch_toucher(true);
}

static void exact_mode_counts_lost_records(void **state)
{
	char reason[200], byte;
	struct exact e;
	int go[2], status;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		int null_fd = open("/dev/null", O_WRONLY);

		if (read(go[0], &byte, 1) != 1 || dup2(null_fd, TIMELINE_MARKS_FD) < 0)
			_exit(9);
		execl(self, self, "steps", NULL);
		_exit(9);
	}
	if (exact_open(&e, 4096, reason, sizeof(reason)) ||
	    exact_watch(&e, pid, true, reason, sizeof(reason))) {
		print_message("# %s\n", reason);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		skip();
	}
	assert_int_equal(write(go[1], "g", 1), 1);
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	assert_int_equal(exact_drain(&e, true), 0);
	assert_in_range(exact_lost_records(&e), 1, 10 * STEPS * STEP_BYTES / 4096);
	exact_close(&e);
	free(e.events);
}

static bool nobody_is_gone(pid_t pid)
{
	(void)pid;
	return false;
}

static void feed(struct exact *e, uint64_t t_ns, uint32_t mm_id, uint32_t curr, int32_t member,
		 int64_t size)
{
	unsigned char raw[36] = {0};

	memcpy(raw + 8, &mm_id, 4);
	memcpy(raw + 12, &curr, 4);
	memcpy(raw + 16, &member, 4);
	memcpy(raw + 24, &size, 8);
	assert_int_equal(exact_record(e, t_ns, 10, 10, raw, sizeof(raw)), 0);
}

static void tracepoint_records_add_up(void **state)
{
	struct exact e = {.mms = {.is_gone = nobody_is_gone}};

	(void)state;
	assert_int_equal(timeline_parse_format(COMMON FIELDS PRINT, &e.format), 0);
	assert_true(exact_total_bytes(&e) == TIMELINE_UNKNOWN);
	feed(&e, 1, 7, 1, 1, 40960);
	feed(&e, 2, 7, 1, 0, 8192);
	feed(&e, 3, 7, 1, 3, 4096);
	feed(&e, 4, 7, 1, 2, 999424);	/* swap entries are not resident */
	feed(&e, 5, 9, 0, 1, 12345678); /* another process's memory */
	assert_int_equal(e.n_events, 3);
	assert_int_equal(exact_total_bytes(&e), 40960 + 8192 + 4096);
	feed(&e, 6, 8, 1, 1, 4096); /* a further exec: all new */
	assert_int_equal(exact_total_bytes(&e), 4096);
	assert_int_equal(exact_record(&e, 7, 10, 10, "short", 5), 0);
	assert_int_equal(e.n_events, 4);
	free(e.events);
	mms_clear(&e.mms);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tracepoint_records_add_up),
		cmocka_unit_test(exact_mode_is_exact),
		cmocka_unit_test(exact_mode_is_exact_over_a_family),
		cmocka_unit_test(exact_mode_is_exact_for_50_ms),
		cmocka_unit_test(exact_mode_is_exact_for_who_is_killed),
		cmocka_unit_test(exact_mode_is_exact_when_attached),
		cmocka_unit_test(exact_mode_counts_lost_records),
	};

	be_program(argc, argv);
	return cmocka_run_group_tests_name("timeline_exact", tests, NULL, NULL);
}
