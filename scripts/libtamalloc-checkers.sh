#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# libtamalloc-checkers.sh [tsan|valgrind] : libtamalloc's C tests under ThreadSanitizer and valgrind; TAP on stdout.
#
# Cases that a checker cannot run are left out by name, each with its reason below.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
library=allocators/libtamalloc
programs=(test_libtamalloc test_libtamalloc_system test_libtamalloc_limits)
scripts/setup.sh build test

# For the tests' TA_TEST_SKIP: names of cases.
# TSan: its shadow memory is counted as ours, or cannot be locked; it needs mappings; its vfork is a fork.
tsan_skips='small_blocks_share_pages fresh_small_blocks_are_not_touched all_locked address_space_limit'
tsan_skips+=' memory_cgroup all_mappings_used vforked'
# valgrind: its records are counted as ours; its own table of mappings is of limited length; it handles these
# calls itself, needs the descriptors, writes files of its own; /proc/self/exe is valgrind.
valgrind_skips='small_blocks_share_pages fresh_small_blocks_are_not_touched all_locked address_space_limit'
valgrind_skips+=' memory_cgroup all_mappings_used more_tiles_than_mappings vforked memfd_create_refused mremap_refused'
valgrind_skips+=' no_descriptors_left descriptors_closed_and_reused file_size_limit executed'

run() { # NAME SKIPS COMMAND-PREFIX...
	local name=$1 skips=$2 program status failed=0
	shift 2
	for program in "${programs[@]}"; do
		status=0
		TA_TEST_SKIP=$skips TA_TEST_TIME_LIMIT_S=600 CMOCKA_MESSAGE_OUTPUT=TAP TAMALLOC_BACKEND=plain timeout -k 5 1800 "$@" "$out/$program" >"$out/tap" || status=$?
		sed -E "s/^not ok ([0-9]+) # SKIP (.*)/ok \1 - \2 # SKIP/; s/^((not )?ok [0-9]+ - )/\1$name: $program: /" "$out/tap"
		[ $status -eq 0 ] || failed=1
	done
	return $failed
}

build() { # FLAGS...
	local program sources
	mapfile -t sources < <(find $library -maxdepth 1 -name '*.c' ! -name 'preload*.c' ! -name signals_apart.c)
	for program in "${programs[@]}"; do
		gcc -std=gnu11 -D_GNU_SOURCE -g -O1 -Wall -Wextra "$@" -I$library $library/test/"$program".c \
			"${sources[@]}" -pthread -lcmocka -o "$out/$program"
	done
}

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
failed=0
[ $# -gt 0 ] || set -- tsan valgrind
for checker; do
	case $checker in
	tsan)
		build -fsanitize=thread
		TSAN_OPTIONS=halt_on_error=1:exitcode=66 run tsan "$tsan_skips" setarch -R || failed=1
		;;
	valgrind)
		command -v valgrind >/dev/null || { echo "libtamalloc-checkers: install valgrind" >&2; exit 1; }
		build
		run valgrind "$valgrind_skips" valgrind -q --error-exitcode=66 --exit-on-first-error=yes || failed=1
		;;
	*)
		echo "libtamalloc-checkers: unknown checker '$checker'; there are tsan and valgrind" >&2
		exit 2
		;;
	esac
done
exit $failed
