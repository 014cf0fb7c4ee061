#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The accelerator on: the tests of the plain layer pass, and a program that is watched by another is right.
bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_DIRNAME/../../.." || return
	cat >"$BATS_TEST_TMPDIR/program.c" <<'EOF'
#include <stdio.h>
#include "tamalloc.h"

int main(void)
{
	size_t size = 16 << 20;
	unsigned char *block = tamalloc_fill(size, 171);
	struct tamalloc_stats stats;

	if (!block)
		return 1;
	for (size_t i = 0; i < size; i += 4096)
		block[i]++;
	for (size_t i = 0; i < size; i++)
		if (block[i] != (i % 4096 ? 171 : 172))
			return 2;
	tamalloc_stats(&stats, sizeof(stats));
	printf("accelerated: %d\n", (int)stats.accel_is_on);
	tafree(block);
	return 0;
}
EOF
}

build_program() {
	gcc -O1 -Iallocators/libtamalloc "$BATS_TEST_TMPDIR/program.c" build/allocators/libtamalloc/libtamalloc.a \
		-pthread -o "$BATS_TEST_TMPDIR/program"
}

@test "accel: the plain layer's tests pass with it on" {
	for program in test_libtamalloc test_libtamalloc_system test_libtamalloc_limits; do
		TAMALLOC_ACCEL=1 CMOCKA_MESSAGE_OUTPUT=TAP build/test/$program >"$BATS_TEST_TMPDIR/tap" || {
			grep '^not ok' "$BATS_TEST_TMPDIR/tap" | grep -v SKIP >&2 && return 1
		}
	done
}

@test "accel: a value that is neither 0 nor 1 is named" {
	build_program
	TAMALLOC_ACCEL=yes run --separate-stderr "$BATS_TEST_TMPDIR/program"
	[ "$status" -eq 0 ]
	[ "$output" = "accelerated: 0" ]
	# shellcheck disable=SC2154 # bats sets stderr
	[[ $stderr == *"TAMALLOC_ACCEL='yes' is unknown: say 1 or 0; 0 is used"* ]]
}

@test "accel: under strace it is off, and the program right" {
	command -v strace >/dev/null || skip "strace is not installed"
	build_program
	TAMALLOC_ACCEL=1 run --separate-stderr strace -f -o "$BATS_TEST_TMPDIR/trace" "$BATS_TEST_TMPDIR/program"
	[ "$status" -eq 0 ]
	[ "$output" = "accelerated: 0" ]
	run ! grep -e '--- SIGTRAP' "$BATS_TEST_TMPDIR/trace"
}

@test "accel: under gdb it is off, and the program right" {
	command -v gdb >/dev/null || skip "gdb is not installed"
	build_program
	TAMALLOC_ACCEL=1 run gdb -nx -batch -ex run "$BATS_TEST_TMPDIR/program"
	[[ $output == *"accelerated: 0"*"exited normally"* ]]
	[[ $output != *SIGTRAP* ]]
}
