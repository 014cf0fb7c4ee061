// SPDX-License-Identifier: MIT
/* The sum of resident sets from records alone: what forks, execs, exits and others do to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "timeline_mms.h"

static pid_t gone_pid; /* the process whose threads have all ended */

static bool is_gone(pid_t pid)
{
	return pid == gone_pid;
}

static struct mms mms = {.is_gone = is_gone};

static int begin(void **state)
{
	(void)state;
	mms_clear(&mms);
	gone_pid = 0;
	return 0;
}

/* Process pid, on its main thread, about its own memory. */
static void own(uint32_t id, pid_t pid, enum mm_part part, int64_t bytes)
{
	assert_int_equal(mms_change(&mms, id, true, pid, pid, part, bytes), 0);
}

/* Thread tid about memory that it does not run in. */
static void other(uint32_t id, pid_t tid, enum mm_part part, int64_t bytes)
{
	assert_int_equal(mms_change(&mms, id, false, tid, tid, part, bytes), 0);
}

static void parts_add_up(void **state)
{
	(void)state;
	assert_false(mms.any);
	own(1, 10, MM_ANON, 100);
	own(1, 10, MM_FILE, 20);
	own(1, 10, MM_SHMEM, 3);
	assert_true(mms.any);
	assert_int_equal(mms.sum_bytes, 123);
	own(1, 10, MM_ANON, 50);
	assert_int_equal(mms.sum_bytes, 73);
}

static void what_others_have_does_not_count(void **state)
{
	(void)state;
	own(1, 10, MM_ANON, 100);
	other(7, 10, MM_ANON, 5000); /* reclaimed from a stranger */
	assert_int_equal(mms.sum_bytes, 100);
	mms_fork(&mms, 11, 11, 10); /* a thread of another process: none of ours */
	assert_int_equal(mms.sum_bytes, 100);
	mms_exit(&mms, 10, 12);
	assert_int_equal(mms.n, 2);
	mms_exit(&mms, 10, 10); /* with the thread goes what it told of strangers */
	assert_int_equal(mms.n, 1);
}

static void a_fork_counts_from_its_record_on(void **state)
{
	(void)state;
	own(1, 10, MM_ANON, 100);
	other(2, 10, MM_ANON, 40); /* the parent copies */
	other(2, 10, MM_ANON, 90);
	assert_int_equal(mms.sum_bytes, 100);
	mms_fork(&mms, 11, 10, 10);
	assert_int_equal(mms.sum_bytes, 190);
	own(2, 11, MM_ANON, 95);
	assert_int_equal(mms.sum_bytes, 195);
	other(2, 11, MM_ANON, 0); /* its end: current->mm is gone by then */
	mms_exit(&mms, 11, 11);
	assert_int_equal(mms.sum_bytes, 100);
	assert_int_equal(mms.n, 1);
}

static void an_exec_replaces(void **state)
{
	(void)state;
	own(1, 10, MM_ANON, 100);
	other(2, 10, MM_ANON, 8); /* the new one's arguments */
	assert_int_equal(mms.sum_bytes, 100);
	other(1, 10, MM_ANON, 0); /* the old one goes */
	own(2, 10, MM_FILE, 5);
	assert_int_equal(mms.sum_bytes, 13);
	assert_int_equal(mms.n, 1);
}

static void a_vfork_that_execs_leaves_the_parent_its_own(void **state)
{
	(void)state;
	own(1, 10, MM_ANON, 100);
	mms_fork(&mms, 11, 10, 10);
	own(1, 11, MM_ANON, 101); /* the child in its parent's memory */
	assert_int_equal(mms.sum_bytes, 101);
	other(2, 11, MM_ANON, 8);
	own(2, 11, MM_FILE, 5);
	assert_int_equal(mms.sum_bytes, 114);
	mms_exit(&mms, 11, 11);
	gone_pid = 11;
	mms_sweep(&mms);
	assert_int_equal(mms.sum_bytes, 101);
}

/* Who looks at /proc/PID/smaps as the process ends has to tear it down: no record says so. */
static void who_has_ended_has_nothing(void **state)
{
	(void)state;
	own(1, 10, MM_ANON, 100);
	own(2, 11, MM_ANON, 50);
	mms_exit(&mms, 11, 12); /* a thread, others live on */
	mms_sweep(&mms);
	assert_int_equal(mms.sum_bytes, 150);
	own(2, 11, MM_ANON, 60);
	mms_exit(&mms, 11, 11); /* under way: its record comes before its end */
	mms_sweep(&mms);
	assert_int_equal(mms.sum_bytes, 160);
	gone_pid = 11;
	mms_sweep(&mms);
	assert_int_equal(mms.sum_bytes, 100);
	assert_int_equal(mms.n, 1);
}

static void an_attached_process_has_what_it_had(void **state)
{
	(void)state;
	assert_int_equal(mms_attach(&mms, 10, (int64_t[MM_PARTS]){20, 100}), 0);
	assert_int_equal(mms_attach(&mms, 11, (int64_t[MM_PARTS]){2, 1}), 0);
	assert_int_equal(mms.sum_bytes, 123);
	own(7, 10, MM_ANON, 104);
	assert_int_equal(mms.sum_bytes, 127);
	assert_int_equal(mms.n, 2);
	other(8, 11, MM_ANON, 3); /* 11 execs before it told of the one it had */
	own(8, 11, MM_ANON, 4);
	assert_int_equal(mms.sum_bytes, 128);
	own(7, 10, MM_FILE, 0);
	assert_int_equal(mms.sum_bytes, 108);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(parts_add_up, begin),
		cmocka_unit_test_setup(what_others_have_does_not_count, begin),
		cmocka_unit_test_setup(a_fork_counts_from_its_record_on, begin),
		cmocka_unit_test_setup(an_exec_replaces, begin),
		cmocka_unit_test_setup(a_vfork_that_execs_leaves_the_parent_its_own, begin),
		cmocka_unit_test_setup(who_has_ended_has_nothing, begin),
		cmocka_unit_test_setup(an_attached_process_has_what_it_had, begin),
	};

	return cmocka_run_group_tests_name("timeline_mms", tests, NULL, NULL);
}
