// SPDX-License-Identifier: MIT
/* backing_warm() touches what it is told and gives all of it back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "backing.h"
#include "system_files.h"

#define MIB ((uint64_t)1 << 20)

static uint64_t status_kib(const char *name)
{
	char text[64];
	unsigned long long value = 0;

	assert_non_null(system_field("/proc/self/status", name, text, sizeof(text)));
	assert_int_equal(sscanf(text, "%llu", &value), 1);
	return value;
}

static void warms_and_gives_back(void **state)
{
	uint64_t size = status_kib("VmSize"), resident = status_kib("VmRSS");

	(void)state;
	backing_warm(64 * MIB);
	assert_true(status_kib("VmHWM") >= resident + 60 * 1024);
	assert_true(status_kib("VmRSS") < resident + 4 * 1024);
	assert_true(status_kib("VmSize") < size + 4 * 1024);
}

static void takes_more_than_is_committed(void **state)
{
	(void)state;
	assert_int_equal(backing_bytes(256 * MIB), (256 + 32 + 16) * MIB);
}

static void never_more_than_half_of_what_is_available(void **state)
{
	char root[] = "/tmp/test_backing.XXXXXX", proc[64], file[64];
	uint64_t peak;
	FILE *out;

	(void)state;
	assert_non_null(mkdtemp(root));
	snprintf(proc, sizeof(proc), "%s/proc", root);
	snprintf(file, sizeof(file), "%s/proc/meminfo", root);
	assert_int_equal(mkdir(proc, 0700), 0);
	out = fopen(file, "w");
	assert_non_null(out);
	fputs("MemAvailable:   131072 kB\n", out);
	assert_int_equal(fclose(out), 0);
	peak = status_kib("VmHWM");
	system_root(root);
	backing_warm(UINT64_MAX);
	system_root("");
	assert_true(status_kib("VmHWM") < peak + 8 * 1024); /* 64 MiB were touched before */
	unlink(file);
	rmdir(proc);
	rmdir(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_more_than_is_committed),
		cmocka_unit_test(warms_and_gives_back),
		cmocka_unit_test(never_more_than_half_of_what_is_available),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
