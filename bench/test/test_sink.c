// SPDX-License-Identifier: MIT
/* samples.jsonl: no finished sample is lost, whatever byte the writer died at. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "sink.h"

#define LINES 3

static char path[] = "/tmp/test_sink.XXXXXX";

struct seen {
	json_int_t reps[8];
	unsigned n;
};

static void see(json_t *line, void *arg)
{
	struct seen *seen = arg;

	if (seen->n < 8)
		seen->reps[seen->n++] = json_integer_value(json_object_get(line, "rep"));
}

static void append_line(struct sink *sink, int rep)
{
	json_t *line = json_pack("{s:i, s:s, s:{}, s:[i, i]}", "rep", rep, "reason",
				 "a \"quoted\" reason {}", "params", "phases", 1, 2);

	assert_int_equal(sink_append(sink, line), 0);
	json_decref(line);
}

static off_t file_size(void)
{
	struct stat file;

	assert_int_equal(stat(path, &file), 0);
	return file.st_size;
}

static void resume(struct sink *sink, struct seen *seen, size_t *cut_bytes)
{
	size_t damaged;

	*seen = (struct seen){.n = 0};
	assert_int_equal(sink_open(sink, path), 0);
	assert_int_equal(sink_resume(sink, see, seen, cut_bytes, &damaged), 0);
	assert_int_equal(damaged, 0);
}

static void test_writer_killed_at_any_byte(void **state)
{
	off_t whole, without_last = 0;
	struct sink sink;
	struct seen seen;
	size_t cut_bytes;

	(void)state;
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(sink_open(&sink, path), 0);
	for (int rep = 0; rep < LINES; rep++) {
		without_last = file_size();
		append_line(&sink, rep);
	}
	sink_close(&sink);
	whole = file_size();
	for (off_t length = whole; length >= without_last; length--) {
		bool last_is_whole = length >= whole - 1; /* only its newline is missing */

		assert_int_equal(truncate(path, length), 0);
		resume(&sink, &seen, &cut_bytes);
		assert_int_equal(seen.n, last_is_whole ? LINES : LINES - 1);
		assert_int_equal(cut_bytes, last_is_whole ? 0 : length - without_last);
		if (!last_is_whole)
			append_line(&sink, LINES - 1);
		sink_close(&sink);
		/* Afterwards the file is as if nothing had happened. */
		assert_int_equal(file_size(), whole);
		resume(&sink, &seen, &cut_bytes);
		sink_close(&sink);
		assert_int_equal(seen.n, LINES);
		for (int rep = 0; rep < LINES; rep++)
			assert_int_equal(seen.reps[rep], rep);
	}
}

static void test_full_disk_leaves_whole_lines_only(void **state)
{
	struct rlimit before, small = {.rlim_cur = 0};
	json_t *line = json_pack("{s:i}", "rep", 1);
	struct sink sink;
	off_t size;

	(void)state;
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(sink_open(&sink, path), 0);
	append_line(&sink, 0);
	size = file_size();
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small.rlim_cur = (rlim_t)size + 4; /* a part of the next line fits */
	small.rlim_max = before.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(sink_append(&sink, line), -ENOSPC);
	assert_int_equal(file_size(), size);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	sink_close(&sink);
	json_decref(line);
}

static void test_device_without_room_is_an_error(void **state)
{
	json_t *line = json_pack("{s:i}", "rep", 1);
	struct sink sink;

	(void)state;
	assert_int_equal(sink_open(&sink, "/dev/full"), 0);
	assert_int_equal(sink_append(&sink, line), -ENOSPC);
	sink_close(&sink);
	json_decref(line);
}

static void test_lines_that_are_no_samples_are_counted_and_left(void **state)
{
	static const char text[] = "{\"rep\":0}\nnonsense\n[1]\n{\"rep\":1}\n";
	size_t cut_bytes, damaged;
	struct seen seen = {.n = 0};
	struct sink sink;
	int fd = open(path, O_WRONLY | O_TRUNC);

	(void)state;
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	assert_int_equal(sink_open(&sink, path), 0);
	assert_int_equal(sink_resume(&sink, see, &seen, &cut_bytes, &damaged), 0);
	sink_close(&sink);
	assert_int_equal(seen.n, 2);
	assert_int_equal(damaged, 2);
	assert_int_equal(cut_bytes, 0);
	assert_int_equal(file_size(), strlen(text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_writer_killed_at_any_byte),
		cmocka_unit_test(test_full_disk_leaves_whole_lines_only),
		cmocka_unit_test(test_device_without_room_is_an_error),
		cmocka_unit_test(test_lines_that_are_no_samples_are_counted_and_left),
	};
	int failed, fd = mkstemp(path);

	if (fd < 0)
		return 1;
	close(fd);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return failed;
}
