#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The demo: what it says of its memory. KERNEL_DIR is what scripts/kernel.sh build printed.

bats_require_minimum_version 1.5.0

setup_file() {
	cd "$BATS_TEST_DIRNAME/../.." || exit
	mkdir -p build
	"${CC:-gcc}" -O2 -Wall -Wextra -Werror -Ikernel/src/include/uapi -static -o build/demo kernel/demo/demo.c
}

setup() { cd "$BATS_TEST_DIRNAME/../.." || exit; }

has_line() { # WORDS: with any space between them
	grep -qE "^${1// / +}\$" <<<"$output" || { echo "no line '$1' in:" && echo "$output" && false; }
}

@test "demo: options that are wrong: one line, status 2" {
	for arguments in "--mb" "--mb x" "--mb 0" "--mb -1" "--fill 256" "--nonsense"; do
		# shellcheck disable=SC2086
		run -2 build/demo $arguments
		[ "${#lines[@]}" -eq 1 ]
	done
}

@test "demo: more than the address space: one line, status 1" {
	run -1 build/demo --mb 268435456
	[[ ${lines[-1]} == "demo: "*"Cannot allocate memory" ]]
}

@test "demo: mmap reserves at once and commits what is written" {
	run -0 build/demo --mb 1 --mmap
	has_line "reserved reserved 1024 KB committed 0 KB faults 0"
	has_line "write MB 1 reserved 1024 KB committed 1024 KB faults [0-9]+"
	has_line "freed reserved 0 KB committed 0 KB faults [0-9]+"
}

@test "demo: watch.sh shows each step" {
	run -0 kernel/demo/watch.sh build/demo --mb 3
	[ "$(grep -c '^--- PID' <<<"$output")" -eq 4 ]
	[ "$(grep -c '^ps .*demo' <<<"$output")" -eq 4 ]
}

@test "demo: tamalloc costs one fault a page, read or written, and nothing before" {
	[ -n "${KERNEL_DIR:-}" ] || skip "KERNEL_DIR names no kernel"
	run -0 scripts/vm.sh run --kernel "$KERNEL_DIR" --timeout 100 --add build/demo --add kernel/demo/watch.sh -- \
		sh -ec 'insmod /lib/modules/tamstat_proc.ko; demo --mb 10; watch.sh /bin/demo --mb 1'
	has_line "reserved reserved 10240 KB committed 0 KB faults 0"
	has_line "read MB 1 reserved 10240 KB committed 1024 KB faults 256"
	has_line "read MB 10 reserved 10240 KB committed 10240 KB faults 2560"
	has_line "write MB 10 reserved 10240 KB committed 10240 KB faults 2560"
	has_line "freed reserved 0 KB committed 0 KB faults 2560"
	[ "$(grep -cE '^proc view +[0-9]+ demo ' <<<"$output")" -eq 4 ]
}
