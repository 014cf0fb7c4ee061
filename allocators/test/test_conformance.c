// SPDX-License-Identifier: MIT
/*
 * Every registered subject under the cases of conformance.h, each in a child with a time limit. A
 * case of a preloaded library is this program again, under that library; a case of a subject with a
 * worker of its own is conformance-musl.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <signal.h>
#include <sys/wait.h>

#include "conformance.h"
#include "knobs.h"

/* A sanitiser's malloc answers a size that cannot be with NULL, and keeps no freed blocks. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1:quarantine_size_mb=0:thread_local_quarantine_size_kb=0";
}

#define MUSL_PROGRAM BUILD_DIR "/test/conformance-musl"

/* The subject's own worker is beside tabench, not beside this program. */
static bool supported(const struct allocator *allocator, char *reason, size_t reason_bytes)
{
	if (!allocator->worker)
		return allocator_supported(allocator, reason, reason_bytes);
	snprintf(reason, reason_bytes, MUSL_PROGRAM " is not built; install %s",
		 allocator->package);
	return !access(MUSL_PROGRAM, X_OK);
}

__attribute__((noreturn)) static void child(const struct test_case *test)
{
	const struct allocator *allocator = test->allocator;
	const char *program =
		allocator->worker ? BUILD_DIR "/test/conformance-musl" : "/proc/self/exe";

	if (!allocator->worker && !allocator->preload)
		conformance_run(test);
	if (allocator->preload)
		setenv("LD_PRELOAD", allocator->preload, 1);
	execl(program, program, test->name, (char *)NULL);
	wrong("%s: %s", program, strerror(errno));
}

static void run_case(void **state)
{
	const struct test_case *test = *state;
	char reason[160] = "";
	int status;
	pid_t pid;

	if (!supported(test->allocator, reason, sizeof(reason)) ||
	    knobs_set(test->allocator, PREPARED_BYTES)) {
		print_message("# %s: %s\n", test->name, reason);
		skip();
	}
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		child(test);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		fail_msg("ended by signal %d%s", WTERMSIG(status),
			 WTERMSIG(status) == SIGALRM ? " (time limit)" : "");
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(int argc, char **argv)
{
	static struct CMUnitTest tests[MAX_TESTS];
	int failed;

	conformance_add_all();
	if (argc > 1) {
		const struct test_case *test = conformance_find(argv[1]);

		if (!test)
			wrong("no case '%s'", argv[1]);
		conformance_run(test);
	}
	for (size_t i = 0; i < n_cases; i++)
		tests[i] = (struct CMUnitTest){
			.name = cases[i].name, .test_func = run_case, .initial_state = &cases[i]};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	if (geteuid() == 0)
		knobs_begin();
	failed = _cmocka_run_group_tests("conformance", tests, n_cases, NULL, NULL);
	knobs_end();
	return failed;
}
