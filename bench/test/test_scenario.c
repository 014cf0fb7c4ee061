// SPDX-License-Identifier: MIT
/* What runs scenarios: whatever a case does is a row, and nothing outlives it. */
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "scenario.h"

static void (*act)(struct scenario_result *r);
static pid_t *shared_pid;

static void run(const struct scenario_case *c, struct scenario_result *r)
{
	(void)c;
	act(r);
}

static struct scenario_case the_case = {"made-up", "case", "mmap", "it does as it is told",
					4096,	   0,	   false,  run};

static json_t *row_of(void (*what)(struct scenario_result *r))
{
	json_t *row;

	act = what;
	row = scenario_row(&the_case, "run", false, NULL);
	assert_non_null(row);
	return row;
}

static const char *text(const json_t *row, const char *key)
{
	return json_string_value(json_object_get(row, key));
}

static void hold(struct scenario_result *r)
{
	scenario_metric(r, "some_bytes", 4096);
	scenario_observed(r, "it %s", "did");
}

static void what_holds_is_ok(void **state)
{
	json_t *row = row_of(hold);

	(void)state;
	assert_string_equal(text(row, "outcome"), "ok");
	assert_string_equal(text(row, "observed"), "it did");
	assert_string_equal(text(row, "expected"), "it does as it is told");
	assert_true(json_is_true(json_object_get(row, "verified")));
	assert_true(json_number_value(json_object_get(json_object_get(row, "metrics"),
						      "some_bytes")) == 4096);
	json_decref(row);
}

static void break_twice(struct scenario_result *r)
{
	scenario_broken(r, "first");
	scenario_unsupported(r, "second");
}

static void the_first_reason_stands(void **state)
{
	json_t *row = row_of(break_twice);

	(void)state;
	assert_string_equal(text(row, "outcome"), "failed");
	assert_string_equal(text(row, "reason"), "first");
	assert_true(json_is_false(json_object_get(row, "verified")));
	json_decref(row);
}

static void crash(struct scenario_result *r)
{
	(void)r;
	raise(SIGKILL);
}

static void leave_early(struct scenario_result *r)
{
	scenario_observed(r, "all is well");
	_exit(3);
}

static void say_nothing(struct scenario_result *r)
{
	(void)r;
}

static void expect_broken(void (*what)(struct scenario_result *r), const char *reason)
{
	json_t *row = row_of(what);

	assert_string_equal(text(row, "outcome"), "failed");
	assert_non_null(strstr(text(row, "reason"), reason));
	json_decref(row);
}

static void a_case_that_dies_or_says_nothing_is_broken(void **state)
{
	(void)state;
	expect_broken(crash, "killed by signal 9");
	expect_broken(leave_early, "exit status 3");
	expect_broken(say_nothing, "without a word");
}

static int stay(int fd, void *arg)
{
	(void)arg;
	*shared_pid = getpid();
	member_ready(fd);
	while (pause())
		;
	return 0;
}

static void leave_a_member(struct scenario_result *r)
{
	struct member member;

	member_start(&member, stay, NULL);
	if (!member_is_ready(&member))
		scenario_broken(r, "no member");
	scenario_observed(r, "it came to its end");
}

/* Ended, whoever collects it. */
static bool is_gone(pid_t pid)
{
	char path[64], line[256] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return true;
	if (!fgets(line, sizeof(line), file))
		line[0] = 0;
	fclose(file);
	return !strrchr(line, ')') || strrchr(line, ')')[2] == 'Z' || strrchr(line, ')')[2] == 'X';
}

static void no_member_outlives_its_case(void **state)
{
	json_t *row = row_of(leave_a_member);

	(void)state;
	assert_string_equal(text(row, "outcome"), "ok");
	assert_true(*shared_pid > 0);
	for (int i = 0; i < 2000 && !is_gone(*shared_pid); i++)
		usleep(10000);
	assert_true(is_gone(*shared_pid));
	json_decref(row);
}

static int lose(int fd, void *arg)
{
	(void)fd;
	return *(int *)arg;
}

static int die(int fd, void *arg)
{
	(void)fd;
	(void)arg;
	raise(SIGKILL);
	return 0;
}

static void ask_members(struct scenario_result *r)
{
	struct member member;
	int status = 42;

	member_start(&member, lose, &status);
	if (member_is_ready(&member))
		scenario_broken(r, "a member that ended was ready");
	if (member_end(&member) != 42)
		scenario_broken(r, "not its exit status");
	member_start(&member, die, NULL);
	if (member_end(&member) != 128 + SIGKILL)
		scenario_broken(r, "not its signal");
	scenario_observed(r, "it came to its end");
}

static void what_became_of_a_member_is_told(void **state)
{
	json_t *row = row_of(ask_members);

	(void)state;
	assert_string_equal(text(row, "outcome"), "ok");
	json_decref(row);
}

static void what_disturbs_does_not_run_on_a_host(void **state)
{
	struct scenario_case disturbing = the_case;
	json_t *row;

	(void)state;
	act = crash;
	disturbing.needs_guest = true;
	row = scenario_row(&disturbing, "run", false, NULL);
	assert_string_equal(text(row, "outcome"), "unsupported");
	assert_true(json_is_null(json_object_get(row, "verified")));
	json_decref(row);
}

static void hang(struct scenario_result *r)
{
	(void)r;
	for (;;)
		pause();
}

static void an_interrupt_ends_a_case_without_a_row(void **state)
{
	volatile sig_atomic_t interrupt = 1;

	(void)state;
	act = hang;
	assert_null(scenario_row(&the_case, "run", false, &interrupt));
}

static void look_at_pages(struct scenario_result *r)
{
	struct block block;
	size_t bytes = 64 * 4096;

	if (scenario_take(&the_case, r, bytes, &block))
		scenario_broken(r, "no block");
	scenario_write(block.addr, bytes, 4, 7);
	if (scenario_wrong(block.addr, bytes, 4, 7) != 0)
		scenario_broken(r, "right pages are wrong");
	((unsigned char *)block.addr)[4096 * 8] = 8;	  /* one that was written */
	((unsigned char *)block.addr)[4096 * 9] = 1;	  /* one that was not */
	((unsigned char *)block.addr)[4096 * 12 - 1] = 1; /* the end of one */
	if (scenario_wrong(block.addr, bytes, 4, 7) != 3)
		scenario_broken(r, "wrong pages are right");
	/* of 64 pages each fourth, and two more */
	if (scenario_smaps_bytes(block.addr, bytes, "Anonymous") != 18 * 4096)
		scenario_broken(
			r, "smaps says %llu",
			(unsigned long long)scenario_smaps_bytes(block.addr, bytes, "Anonymous"));
	scenario_observed(r, "it came to its end");
}

static void pages_are_checked_byte_for_byte(void **state)
{
	json_t *row = row_of(look_at_pages);

	(void)state;
	assert_true(!text(row, "reason") || !*text(row, "reason"));
	assert_string_equal(text(row, "outcome"), "ok");
	json_decref(row);
}

static void cases_are_sorted_and_named_once(void **state)
{
	const char *before = "";
	unsigned n = 0;

	(void)state;
	for (const struct scenario *s = scenario_first(); s; s = s->next) {
		assert_true(strcmp(before, s->cases->scenario) < 0);
		before = s->cases->scenario;
		for (unsigned i = 0; i < s->n; i++, n++) {
			assert_string_equal(s->cases[i].scenario, before);
			assert_non_null(allocator_find(s->cases[i].subject));
			assert_true(strlen(s->cases[i].expected) > 20);
			for (unsigned k = 0; k < i; k++)
				assert_false(!strcmp(s->cases[i].name, s->cases[k].name) &&
					     !strcmp(s->cases[i].subject, s->cases[k].subject));
		}
	}
	assert_true(n >= 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_holds_is_ok),
		cmocka_unit_test(the_first_reason_stands),
		cmocka_unit_test(a_case_that_dies_or_says_nothing_is_broken),
		cmocka_unit_test(no_member_outlives_its_case),
		cmocka_unit_test(what_became_of_a_member_is_told),
		cmocka_unit_test(what_disturbs_does_not_run_on_a_host),
		cmocka_unit_test(an_interrupt_ends_a_case_without_a_row),
		cmocka_unit_test(pages_are_checked_byte_for_byte),
		cmocka_unit_test(cases_are_sorted_and_named_once),
	};

	shared_pid = mmap(NULL, sizeof(*shared_pid), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
