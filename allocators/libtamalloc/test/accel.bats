#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The accelerator on: the tests of the plain layer pass, and a program that is watched by another is right.
bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_DIRNAME/../../.." || return
	cat >"$BATS_TEST_TMPDIR/program.c" <<'EOF'
#include <stdio.h>
#include <unistd.h>
#include "tamalloc.h"

/* With an argument: half of it, then its PID, and the rest once something was read. */
int main(int argc, char **argv)
{
	size_t size = 16 << 20;
	unsigned char *block = tamalloc_fill(size, 171);
	struct tamalloc_stats stats;

	if (!block)
		return 1;
	for (size_t i = 0; i < size; i += 4096) {
		if (argc > 1 && i == size / 2) {
			printf("%d\n", (int)getpid());
			fflush(stdout);
			getchar();
		}
		block[i]++;
	}
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

# Starts the program, waits until it is half done, attaches the COMMAND (PID is appended), lets it go on.
attach_half_way() { # COMMAND...
	local pid tries=100
	mkfifo "$BATS_TEST_TMPDIR/go"
	TAMALLOC_ACCEL=1 timeout 60 "$BATS_TEST_TMPDIR/program" wait <"$BATS_TEST_TMPDIR/go" >"$BATS_TEST_TMPDIR/said" 3>&- &
	local program=$!
	exec 7>"$BATS_TEST_TMPDIR/go"
	while [ ! -s "$BATS_TEST_TMPDIR/said" ] && [ $((tries--)) -gt 0 ]; do sleep 0.1; done
	pid=$(head -1 "$BATS_TEST_TMPDIR/said")
	timeout 60 "$@" "$pid" >"$BATS_TEST_TMPDIR/attached" 2>&1 3>&- 7>&- &
	local tracer=$!
	tries=200
	while grep -q '^TracerPid:[[:space:]]*0$' "/proc/$pid/status" && [ $((tries--)) -gt 0 ]; do sleep 0.1; done
	if grep -q '^TracerPid:[[:space:]]*0$' "/proc/$pid/status"; then
		kill "$program" "$tracer" || true
		exec 7>&-
		skip "a process may not be traced here"
	fi
	echo >&7
	exec 7>&-
	wait "$program"
	wait "$tracer" || true
}

@test "accel: strace attached half-way, and the program right" {
	command -v strace >/dev/null || skip "strace is not installed"
	build_program
	attach_half_way strace -f -o "$BATS_TEST_TMPDIR/trace" -p
	grep -q '^accelerated: ' "$BATS_TEST_TMPDIR/said"
}

@test "accel: gdb attached half-way that passes SIGTRAP on, and the program right" {
	command -v gdb >/dev/null || skip "gdb is not installed"
	build_program
	attach_half_way gdb -nx -batch -ex 'handle SIGTRAP nostop noprint pass' -ex continue -p
	grep -q '^accelerated: ' "$BATS_TEST_TMPDIR/said"
}
