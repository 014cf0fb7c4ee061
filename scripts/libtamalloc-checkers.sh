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
tsan_skips='all_locked address_space_limit memory_cgroup'             # its shadow memory would count, or be locked
valgrind_skips='all_locked address_space_limit memory_cgroup all_mappings_used more_tiles_than_mappings'
# (its own records count; it keeps a table of mappings of its own, of limited length)
valgrind_skips+=' memfd_create_refused direct_io vforked no_descriptors_left descriptors_closed_and_reused'
# (it emulates these calls, or needs the descriptors itself)

run() { # NAME SKIPS COMMAND-PREFIX...
	local name=$1 skips=$2 program status failed=0
	shift 2
	for program in "${programs[@]}"; do
		status=0
		TA_TEST_SKIP=$skips CMOCKA_MESSAGE_OUTPUT=TAP timeout -k 5 900 "$@" "$out/$program" >"$out/tap" || status=$?
		sed -E "s/^not ok ([0-9]+) # SKIP (.*)/ok \1 - \2 # SKIP/; s/^((not )?ok [0-9]+ - )/\1$name: $program: /" "$out/tap"
		[ $status -eq 0 ] || failed=1
	done
	return $failed
}

build() { # FLAGS...
	local program sources
	mapfile -t sources < <(find $library -maxdepth 1 -name '*.c' ! -name preload.c)
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
