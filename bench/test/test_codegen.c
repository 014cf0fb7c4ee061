// SPDX-License-Identifier: MIT
/*
 * What gcc -O2 and clang -O2 make of alloc_glibc.c and calloc.h: the calls that the subjects' names
 * promise. The same look at code without barriers shows that there is something to see.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SUBJECTS SOURCE_DIR "/allocators/alloc_glibc.c"

static char assembly[1 << 20];

/* Compiles the file source, or text where that is given, to assembly. */
static void compile(const char *compiler, const char *source, const char *text)
{
	char command[1024], input[] = "/tmp/ta-codegen-XXXXXX.c";
	FILE *pipe;
	size_t bytes;

	if (text) {
		int fd = mkstemps(input, 2);

		assert_true(fd >= 0);
		assert_int_equal(write(fd, text, strlen(text)), strlen(text));
		close(fd);
		source = input;
	}
	snprintf(command, sizeof(command),
		 "%s -std=gnu11 -D_GNU_SOURCE -O2 -fno-strict-aliasing -I " SOURCE_DIR
		 "/allocators -S -o - '%s'",
		 compiler, source);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	bytes = fread(assembly, 1, sizeof(assembly) - 1, pipe);
	assembly[bytes] = 0;
	assert_int_equal(pclose(pipe), 0);
	if (text)
		unlink(input);
}

/* Does the function contain a call (or a jump) to callee? */
static bool calls(const char *function, const char *callee)
{
	char label[64], end[64];
	const char *at, *stop;
	size_t length = strlen(callee);

	snprintf(label, sizeof(label), "\n%s:", function);
	snprintf(end, sizeof(end), ".size\t%s,", function);
	at = strstr(assembly, label);
	assert_non_null(at);
	stop = strstr(at, end);
	assert_non_null(stop);
	for (at++; (at = strstr(at, callee)) && at < stop; at += length)
		if ((at[-1] == ' ' || at[-1] == '\t' || at[-1] == '*') && !isalnum(at[length]) &&
		    at[length] != '_')
			return true;
	return false;
}

static void expect_promised_calls(const char *compiler)
{
	compile(compiler, SUBJECTS, NULL);
	assert_true(calls("alloc_malloc", "malloc"));
	assert_true(calls("alloc_malloc", "memset"));
	assert_false(calls("alloc_malloc", "calloc"));
	assert_true(calls("calloc_alloc", "calloc"));
	assert_false(calls("calloc_alloc", "malloc"));
	assert_true(calls("calloc_release", "free"));
	assert_true(calls("calloc_prepare", "malloc")); /* a pair that could be dropped */
	assert_true(calls("calloc_prepare", "free"));
}

static void gcc_keeps_the_calls(void **state)
{
	(void)state;
	expect_promised_calls("gcc");
}

static void clang_keeps_the_calls(void **state)
{
	(void)state;
	expect_promised_calls("clang");
}

static const char without_barriers[] =
	"#include <stdlib.h>\n"
	"#include <string.h>\n"
	"void *fold(size_t n) { void *p = malloc(n); if (p) memset(p, 0, n); return p; }\n"
	"void drop(size_t n) { free(malloc(n)); }\n";

static void gcc_folds_without_barriers(void **state)
{
	(void)state;
	compile("gcc", NULL, without_barriers);
	assert_true(calls("fold", "calloc"));
	assert_false(calls("fold", "memset"));
}

static void clang_drops_without_barriers(void **state)
{
	(void)state;
	compile("clang", NULL, without_barriers);
	assert_false(calls("drop", "malloc"));
	assert_false(calls("drop", "free"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gcc_keeps_the_calls),
		cmocka_unit_test(clang_keeps_the_calls),
		cmocka_unit_test(gcc_folds_without_barriers),
		cmocka_unit_test(clang_drops_without_barriers),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
