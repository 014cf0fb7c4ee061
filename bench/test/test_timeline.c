// SPDX-License-Identifier: MIT
/*
 * The timeline against known truths: texts of /proc and tracefs, a CSV, and a program (this one,
 * started as `test_timeline steps`) that touches known amounts between its marks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "timeline_format.h"
#include "timeline_parse.h"
#include "timeline_program.h"

/* The least and the most that can have been touched in [from_ns, to_ns]. False before the base is
 * known. */
static bool truth(const struct timeline *t, uint64_t from_ns, uint64_t to_ns, uint64_t *low,
		  uint64_t *high)
{
	uint64_t base = 0, least = 0, most = 0;
	bool begun = false, ends = false;

	for (size_t i = 0; i < t->n_marks && t->marks[i].t_ns <= to_ns; i++) {
		const struct timeline_mark *m = &t->marks[i];
		uint64_t next = i + 1 < t->n_marks ? mark_value(m + 1) : 0;

		if (!strncmp(m->name, "base-", 5)) {
			base = mark_value(m);
			begun = m->t_ns <= from_ns;
		}
		if (!strncmp(m->name, "exit-", 5))
			ends = true;
		if (strncmp(m->name, "begin-", 6) && strncmp(m->name, "end-", 4))
			continue;
		if (m->t_ns <= from_ns)
			least = most = mark_value(m);
		if (mark_value(m) > most)
			most = mark_value(m);
		if (mark_value(m) < least)
			least = mark_value(m);
		if (!strncmp(m->name, "begin-", 6)) { /* on its way to the next mark's amount */
			if (next > most)
				most = next;
			if (next < least)
				least = next;
		}
	}
	*low = ends ? 0 : base + least; /* it ends, and what it began with goes as well */
	*high = base + most;
	return begun;
}

static void samples_lie_between_the_truths(void **state)
{
	uint64_t off = timeline_batch_bytes() + SLACK_BYTES, low, high;
	struct timeline t;
	size_t judged = 0;

	(void)state;
	record_steps(false, &t);
	for (size_t i = 0; i < t.n_rows; i++) {
		const struct timeline_row *row = &t.rows[i];

		if (!truth(&t, row->t_ns, row->end_ns, &low, &high))
			continue;
		if (row->committed_bytes + off < low || row->committed_bytes > high + off)
			fail_msg("at %" PRIu64 " us: %" PRIu64 " is outside %" PRIu64
				 " to %" PRIu64,
				 (row->t_ns - t.start_ns) / 1000, row->committed_bytes, low, high);
		assert_true(row->reserved_bytes >= row->committed_bytes);
		judged++;
	}
	assert_true(judged >= 1); /* 8 to each pause, unless the machine is very busy */
	timeline_clear(&t);
}

/* Between fork and exec the process is a copy of ours: such samples would show our memory. */
static void our_own_memory_is_not_shown(void **state)
{
	size_t bytes = 64 * MIB;
	char *ours = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	struct timeline t;

	(void)state;
	assert_true(ours != MAP_FAILED);
	record_steps(false, &t);
	for (size_t i = 0; i < t.n_rows; i++)
		assert_true(t.rows[i].committed_bytes < mark_value(&t.marks[1]) + bytes / 2 + MIB);
	timeline_clear(&t);
	munmap(ours, bytes);
}

/* As many as pages touched since the base; before that a program starts with a few hundred. */
static void faults_are_counted(void **state)
{
	uint64_t before = 0, low, high, base;
	struct timeline t;

	(void)state;
	record_steps(false, &t);
	base = mark_value(&t.marks[1]);
	for (size_t i = 0; i < t.n_rows; i++) {
		const struct timeline_row *row = &t.rows[i];

		assert_true(row->minor_faults >= before);
		before = row->minor_faults;
		if (!truth(&t, row->t_ns, row->end_ns, &low, &high) || low < base + STEP_BYTES)
			continue;
		assert_true(row->minor_faults >= (low - base) / 4096);
		assert_true(row->minor_faults <= (high - base) / 4096 + base / 4096 + 8192);
	}
	timeline_clear(&t);
}

/* ---- Texts ---- */

static void statm_is_parsed(void **state)
{
	struct timeline_row row = {0};

	(void)state;
	assert_true(timeline_parse_statm("765 426 397 5 0 123 0\n", 4096, &row));
	assert_int_equal(row.reserved_bytes, 765 * 4096);
	assert_int_equal(row.committed_bytes, 426 * 4096);
	assert_false(timeline_parse_statm("0 0 0 0 0 0 0\n", 4096, &row)); /* a zombie */
	assert_false(timeline_parse_statm("", 4096, &row));
	assert_false(timeline_parse_statm("12", 4096, &row));
}

static void stat_is_parsed_whatever_the_name(void **state)
{
	static const char *const names[] = {"cat", "a b", "a) R 1 2 3 4 5 6 7 (b", "", "\n)"};
	struct timeline_stat stat = {0};
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(text, sizeof(text),
			 "28833 (%s) R 28822 28822 19899 0 -1 4194304 101 11 7 13 0 0 0 0 20 0 5\n",
			 names[i]);
		assert_true(timeline_parse_stat(text, &stat));
		assert_int_equal(stat.state, 'R');
		assert_int_equal(stat.parent, 28822);
		assert_int_equal(stat.minor_faults, 101);
		assert_int_equal(stat.waited_minor_faults, 11);
		assert_int_equal(stat.major_faults, 7);
		assert_int_equal(stat.waited_major_faults, 13);
		assert_int_equal(stat.threads, 5);
	}
	assert_false(timeline_parse_stat("28833 (cat) R 1 2 3", &stat));
	assert_false(timeline_parse_stat("no parenthesis", &stat));
}

static void marks_are_parsed(void **state)
{
	static const char *const bad[] = {
		"",	  "12",	     "12 ", "12touch", "12 a,b",
		"12 a\"", "12 a\tb", "x,y", "=1",      "12 a-name-much-too-long-to-keep",
		" held=1"};
	struct timeline_mark m;

	(void)state;
	assert_true(timeline_parse_mark("123456789012 touch-25", 99, &m));
	assert_true(m.t_ns == 123456789012ull);
	assert_string_equal(m.name, "touch-25");
	assert_int_equal(m.held_bytes, 0);
	assert_true(timeline_parse_mark("7 wait held=134217728", 99, &m));
	assert_string_equal(m.name, "wait");
	assert_int_equal(m.held_bytes, 134217728);
	assert_false(timeline_parse_mark("7 wait held=", 99, &m));
	assert_false(timeline_parse_mark("7 wait held=1 2", 99, &m));
	assert_false(timeline_parse_mark("7 held=1", 99, &m));
	assert_true(timeline_parse_mark("all loaded", 99, &m)); /* now */
	assert_int_equal(m.t_ns, 99);
	assert_string_equal(m.name, "all loaded");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(timeline_parse_mark(bad[i], 99, &m));
}

static void tracepoint_format_is_parsed(void **state)
{
	struct rss_stat_format f;

	(void)state;
	assert_int_equal(timeline_parse_format(COMMON FIELDS PRINT, &f), 0);
	assert_int_equal(f.id, 646);
	assert_int_equal(f.mm_id_offset, 8);
	assert_int_equal(f.curr_offset, 12);
	assert_int_equal(f.member_offset, 16);
	assert_int_equal(f.size_offset, 24);
	assert_int_equal(f.record_bytes, 32);
	assert_int_equal(f.file_member, 0);
	assert_int_equal(f.anon_member, 1);
	assert_int_equal(f.shmem_member, 3);
	/* A field missing, another width, no symbols, nothing at all. */
	assert_int_equal(timeline_parse_format(COMMON PRINT, &f), -EPROTO);
	assert_int_equal(timeline_parse_format(COMMON FIELDS, &f), -EPROTO);
	assert_int_equal(timeline_parse_format(FIELDS PRINT, &f), -EPROTO);
	assert_int_equal(
		timeline_parse_format(COMMON
				      "\tfield:unsigned int mm_id;\toffset:8;\tsize:4;\tsigned:0;\n"
				      "\tfield:unsigned int curr;\toffset:12;\tsize:4;\tsigned:0;\n"
				      "\tfield:int member;\toffset:16;\tsize:4;\tsigned:1;\n"
				      "\tfield:int size;\toffset:24;\tsize:4;\tsigned:1;\n" PRINT,
				      &f),
		-EPROTO);
	assert_int_equal(timeline_parse_format("", &f), -EPROTO);
}

/* ---- CSV ---- */

static void check_csv(const struct timeline *t, uint64_t min_gap_ns, const char *expected)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *file = open_memstream(&text, &bytes);

	assert_int_equal(timeline_write_csv(file, t, min_gap_ns), 0);
	fclose(file);
	assert_string_equal(text, expected);
	free(text);
}

static struct timeline_row csv_rows[] = {{1000, 1010, 900, 500, 3, 0, 1},
					 {2000, 2010, 900, 800, 6, 1, 2}};
static struct timeline_mark csv_marks[] = {{1500, "touch-25", 0}, {2000, "free", 0}};
static struct timeline_event csv_events[] = {{1200, 600}, {1210, 700}, {1900, 800}};

static void csv_merges_samples_and_marks(void **state)
{
	struct timeline t = {
		.start_ns = 1000, .rows = csv_rows, .n_rows = 2, .marks = csv_marks, .n_marks = 2};

	(void)state;
	check_csv(&t, 0,
		  "t_ns,reserved_bytes,committed_bytes,minor_faults,major_faults,mark,end_ns,"
		  "processes\n"
		  "0,900,500,3,0,,10,1\n"
		  "500,,,,,touch-25,,\n"
		  "1000,,,,,free,,\n"
		  "1000,900,800,6,1,,1010,2\n");
}

static void csv_merges_changes_of_exact_mode(void **state)
{
	struct timeline t = {.start_ns = 1000,
			     .exact = true,
			     .rows = csv_rows,
			     .n_rows = 2,
			     .marks = csv_marks,
			     .n_marks = 1,
			     .events = csv_events,
			     .n_events = 3};

	(void)state;
	/* What the samples say of committed is not used: unknown before the first change. */
	check_csv(&t, 0,
		  "t_ns,reserved_bytes,committed_bytes,minor_faults,major_faults,mark,end_ns,"
		  "processes\n"
		  "0,900,,3,0,,10,1\n"
		  "200,,600,,,,,\n"
		  "210,,700,,,,,\n"
		  "500,,,,,touch-25,,\n"
		  "900,,800,,,,,\n"
		  "1000,900,800,6,1,,1010,2\n");
	check_csv(&t, 99,
		  "t_ns,reserved_bytes,committed_bytes,minor_faults,major_faults,mark,end_ns,"
		  "processes\n"
		  "0,900,,3,0,,10,1\n"
		  "210,,700,,,,,\n"
		  "500,,,,,touch-25,,\n"
		  "900,,800,,,,,\n"
		  "1000,900,800,6,1,,1010,2\n");
}

static void csv_to_a_full_disk_is_an_error(void **state)
{
	struct timeline t = {.rows = csv_rows, .n_rows = 2};
	FILE *full = fopen("/dev/full", "w");

	(void)state;
	assert_non_null(full);
	assert_int_equal(timeline_write_csv(full, &t, 0), -EIO);
	fclose(full);
}

static void an_attached_process_is_watched_and_left(void **state)
{
	struct timeline_options options = {.attach = fork_bound(), .stdout_fd = -1};
	struct timeline t;

	(void)state;
	if (options.attach == 0)
		_exit(0);
	watch_toucher(false);
	waitpid(options.attach, NULL, 0);
	assert_int_equal(timeline_record(&options, &t), -1);
	assert_non_null(strstr(t.reason, "No such process"));
	timeline_clear(&t);
}

/* ---- Programs that end badly ---- */

static int record_shell(const char *script, uint64_t timeout_ns, struct timeline *t)
{
	char *argv[] = {"sh", "-c", (char *)script, NULL};
	struct timeline_options options = {.argv = argv, .stdout_fd = -1, .timeout_ns = timeout_ns};

	return timeline_record(&options, t);
}

static void bad_ends_are_told(void **state)
{
	char *missing[] = {"/no/such/program", NULL};
	struct timeline_options options = {.argv = missing, .stdout_fd = -1};
	volatile sig_atomic_t interrupt = 1;
	char *sleeper[] = {"sleep", "60", NULL};
	struct timeline t;

	(void)state;
	assert_int_equal(timeline_record(&options, &t), -1);
	assert_string_equal(t.reason, "cannot run '/no/such/program': No such file or directory");
	timeline_clear(&t);

	assert_int_equal(record_shell("kill -SEGV $$", 0, &t), -1);
	assert_string_equal(t.reason, "the program was ended by signal 11 (Segmentation fault)");
	timeline_clear(&t);

	assert_int_equal(record_shell("sleep 60", 1000000000ull, &t), -1);
	assert_string_equal(t.reason, "still running after 1 s: killed");
	assert_true(t.n_rows > 0); /* what was seen is kept */
	timeline_clear(&t);

	options.argv = sleeper;
	options.interrupt = &interrupt;
	assert_int_equal(timeline_record(&options, &t), -1);
	assert_string_equal(t.reason, "interrupted");
	timeline_clear(&t);

	assert_int_equal(record_shell("exit 3", 0, &t), 0); /* the caller judges */
	assert_int_equal(t.exit_status, 3);
	assert_true(t.minor_faults > 0); /* also if no sample met it */
	timeline_clear(&t);
}

/* A program without CAP_PERFMON, or a kernel that refuses: a sentence, and the sampled mode goes
 * on. */
static void refused_perf_is_unsupported(void **state)
{
	struct timeline t = {0};
	pid_t pid = fork();
	int status;

	(void)state;
	if (pid == 0) {
		char *argv[] = {"true", NULL};
		struct timeline_options options = {.argv = argv, .exact = true, .stdout_fd = -1};

		if (setgid(65534) || setuid(65534))
			_exit(77);
		prctl(PR_SET_DUMPABLE, 1);
		timeline_record(&options, &t);
		if (t.outcome != TIMELINE_UNSUPPORTED || !strstr(t.reason, "run as root"))
			_exit(1);
		options.exact = false;
		timeline_record(&options, &t);
		_exit(t.outcome == TIMELINE_OK && t.exit_status == 0 ? 0 : 2);
	}
	waitpid(pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- The timelines of a run, with a shell script in the worker's place ---- */

static char *read_file(const char *path)
{
	static char text[4096];
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = 0;
	fclose(file);
	return text;
}

static void a_run_writes_a_file_per_subject(void **state)
{
	const struct allocator *const subjects[] = {allocator_find("null"),
						    allocator_find("glibc/malloc+memset")};
	char directory[] = "/tmp/test_timeline.XXXXXX", worker[64], path[128];
	struct timeline_run run = {.run_dir = directory,
				   .worker = worker,
				   .subjects = subjects,
				   .n_subjects = 2,
				   .size_bytes = 4096};
	FILE *script;
	char *text;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(worker, sizeof(worker), "%s/worker", directory);
	script = fopen(worker, "w");
	assert_non_null(script);
	fputs("#!/bin/sh\n[ \"$2\" = null ] && exit 5\nsleep 0.02\n"
	      "echo \"$(cut -d' ' -f1 /proc/uptime | tr -d .)0000000 end\" "
	      ">/dev/fd/$TA_MARKS_FD\n",
	      script);
	fclose(script);
	chmod(worker, 0755);
	assert_int_equal(timeline_run_all(&run), 1); /* null failed, the rest went on */
	snprintf(path, sizeof(path), "%s/timeline/index.csv", directory);
	text = read_file(path);
	assert_non_null(
		strstr(text, "null,sampled,failed,\"the worker ended with exit status 5 after the "
			     "mark 'none', before 'end'\""));
	assert_non_null(
		strstr(text, "glibc/malloc+memset,sampled,ok,\"\",glibc-malloc-memset.csv,"));
	assert_non_null(strstr(text, "glibc/malloc+memset,exact,"));
	snprintf(path, sizeof(path), "%s/timeline/glibc-malloc-memset.csv", directory);
	text = read_file(path);
	assert_int_equal(strncmp(text, "t_ns,reserved_bytes,", 20), 0);
	assert_non_null(strstr(text, ",,,,,end,,\n"));
	run.run_dir = "/no/such/directory";
	assert_int_equal(timeline_run_all(&run), -ENOENT);
	snprintf(path, sizeof(path), "rm -r %s", directory);
	assert_int_equal(system(path), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statm_is_parsed),
		cmocka_unit_test(stat_is_parsed_whatever_the_name),
		cmocka_unit_test(marks_are_parsed),
		cmocka_unit_test(tracepoint_format_is_parsed),
		cmocka_unit_test(csv_merges_samples_and_marks),
		cmocka_unit_test(csv_merges_changes_of_exact_mode),
		cmocka_unit_test(csv_to_a_full_disk_is_an_error),
		cmocka_unit_test(samples_lie_between_the_truths),
		cmocka_unit_test(our_own_memory_is_not_shown),
		cmocka_unit_test(faults_are_counted),
		cmocka_unit_test(bad_ends_are_told),
		cmocka_unit_test(refused_perf_is_unsupported),
		cmocka_unit_test(a_run_writes_a_file_per_subject),
		cmocka_unit_test(an_attached_process_is_watched_and_left),
	};

	be_program(argc, argv);
	return cmocka_run_group_tests_name("timeline", tests, NULL, NULL);
}
