#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# kernel-selftests-mm.sh [OPTION]... : run the kernel's own tools/testing/selftests/mm, those of
# kernel/selftest/mm-tests.txt, on the patched and on the unpatched kernel, each run in a boot of its own.
#
#   --runs N          how often, default 3
#   --only REGEX      these lines of the list only
#   --patched DIR     kernels that were built before; default: built as scripts/kernel.sh does
#   --unpatched DIR
#   --all-tamalloc    compare the patched kernel with itself: while all private anonymous memory is
#                     tamalloc's (CONFIG_TAMALLOC_DEBUG_ALL), and while it is not
#
# Prints a Markdown table. A test that fails in all runs on the left and in none on the right, of three at least, is
# a failure (exit status 1), unless it is in kernel/selftest/mm-tests-all.txt: with fewer runs, those tests are run
# again on both sides. Some fail now and then on every kernel (kernel/README.md, Tests).
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/lib-selftest.sh
. "$root/scripts/lib-selftest.sh"

runs=3 only=. patched='' unpatched='' all_tamalloc=0
while [ $# -gt 0 ]; do
	case $1 in
	--all-tamalloc)
		all_tamalloc=1
		shift
		continue
		;;
	--runs | --only | --patched | --unpatched)
		[ -n "${2:-}" ] || code=2 die "$1 needs a value"
		declare "${1#--}=$2"
		;;
	*) code=2 die "unknown option '$1'; known: --runs N --only REGEX --patched DIR --unpatched DIR --all-tamalloc" ;;
	esac
	shift 2
done
[[ $runs =~ ^[1-9][0-9]?$ ]] || code=2 die "--runs '$runs': a number from 1 to 99 is needed"
mapfile -t tests < <(grep -v '^#' "$root/kernel/selftest/mm-tests.txt" | grep -E -- "$only")
[ ${#tests[@]} -gt 0 ] || code=2 die "--only '$only' matches no line of kernel/selftest/mm-tests.txt"

# The longest, uffd-unit-tests, takes 1.5 minutes, and 10 on a very busy machine. Killed while its child waits for a
# page, it reports "memory corruption": the child is given a page of zeroes as the userfaultfd goes.
seconds_each=1800
work=$root/build/kernel-selftest-mm
programs=$work/programs

# A copy of what the tests need (their Makefile writes beside the sources), built statically.
build_mm_tests() {
	local tree test
	[ -n "${NO_INSTALL:-}" ] || "$root/scripts/setup.sh" kernel test
	tree=$("$root/scripts/kernel.sh" source)
	mkdir -p "$work" "$programs"
	(cd "$tree" && rsync -aR tools/testing/selftests tools/include mm/gup_test.h lib/test_hmm_uapi.h include/vdso scripts Makefile "$work/tree/")
	make -s -C "$tree" O="$work/headers" headers > "$work/build.log" 2>&1 || die "no kernel headers; log: $work/build.log"
	make -k -j"$(nproc)" -C "$work/tree/tools/testing/selftests/mm" OUTPUT="$programs" \
		KHDR_INCLUDES="-isystem $work/headers/usr/include" EXTRA_CFLAGS=-static >> "$work/build.log" 2>&1 || true
	for test in "${tests[@]}"; do
		[ -x "$programs/${test%% *}" ] || die "${test%% *} did not build; log: $work/build.log"
	done
}

# Run the tests; results to FILE: "STATUS TEST". A test that brings the guest down gets the status "splat" and
# the others a new boot; one killed after seconds_each gets "limit". norandmaps: these programs are no PIE, so
# their heap is anywhere in the first GiB, and one time in 25 where case 15 of mremap_test wants to map.
run_boot() { # KERNEL FILE PRELUDE TEST...
	local kernel=$1 file=$2 prelude=$3 todo=("${@:4}") done_count
	: > "$file"
	while [ ${#todo[@]} -gt 0 ]; do
		printf '%s\n' "${todo[@]}" > "$work/list"
		"$root/scripts/vm.sh" run --kernel "$kernel" --smp 2 --numa 2 --mem 3G --timeout 7200 --silence $((seconds_each + 60)) \
			--add "$programs:/selftest" --add "$work/list:/selftest.list" --add "$root/scripts/vm-selftests.sh:/selftest.run" \
			--append "hugepages=256 norandmaps" -- sh -c "$prelude sh /selftest.run $seconds_each < /selftest.list" > "$file.out" 2> "$file.err" || true
		cat "$file.out" >> "$file.log"
		cat "$file.err" >> "$file.log"
		awk -v limit="$seconds_each" '/^# program / { test = substr($0, 11); open = 1 }
			/^# exit / && open { print ($3 == 137 && $5 >= limit ? "limit" : $3), test; open = 0 }
			END { if (open) print "splat", test }' "$file.out" > "$file.new"
		done_count=$(wc -l < "$file.new")
		[ "$done_count" -gt 0 ] || die "the guest did not boot; log: $file.log"
		cat "$file.new" >> "$file"
		todo=("${todo[@]:done_count}")
	done
	rm -f "$file.new" "$file.out" "$file.err"
}

count() { # STATUS VARIANT TEST: in how many runs the test ended so, or in any way
	cat "$work/$2".[0-9]* | awk -v status="$1" -v test="$3" '
		{ this = $1; sub(/^[^ ]+ /, ""); n += (status == "any" || this == status) && $0 == test }
		END { print n + 0 }'
}

outcome() { # VARIANT TEST
	local runs passed skipped failed slow outcome
	runs=$(count any "$1" "$2")
	passed=$(count 0 "$1" "$2")
	skipped=$(count 4 "$1" "$2")
	failed=$((runs - passed - skipped))
	slow=$(count limit "$1" "$2")
	if [ "$passed" -eq "$runs" ]; then
		echo pass
	elif [ "$skipped" -eq "$runs" ]; then
		echo skip
	else
		outcome="fails $failed/$runs"
		[ "$slow" -eq 0 ] || outcome+=", $slow by the limit of $seconds_each s"
		echo "$outcome"
	fi
}

# Two variants: the name of each, its kernel, and what is done in the guest before the tests.
declare -A kernel prelude
if [ "$all_tamalloc" -eq 1 ]; then
	variants=("all tamalloc" "switched off")
	[ -n "$patched" ] || patched=$(CONFIG_EXTRA=$root/kernel/config/tamalloc-debug "$root/scripts/kernel.sh" build)
	kernel=(["${variants[0]}"]=$patched ["${variants[1]}"]=$patched)
	prelude=(["${variants[0]}"]="echo Y > /sys/kernel/debug/tamalloc_all || exit 1;" ["${variants[1]}"]="")
	expected=$root/kernel/selftest/mm-tests-all.txt
else
	variants=(patched unpatched)
	[ -n "$patched" ] || patched=$("$root/scripts/kernel.sh" build)
	[ -n "$unpatched" ] || unpatched=$(UNPATCHED=1 "$root/scripts/kernel.sh" build)
	kernel=([patched]=$patched [unpatched]=$unpatched)
	prelude=([patched]="" [unpatched]="")
	expected=/dev/null
fi
build_mm_tests

# Run RUN of the tests on both sides.
run_both() { # RUN TEST...
	local run=$1 variant
	shift
	for variant in "${variants[@]}"; do
		echo "kernel-selftests-mm: run $run, $variant: $# tests" >&2
		run_boot "${kernel[$variant]}" "$work/$variant.$run" "${prelude[$variant]}" "$@"
		mv "$work/$variant.$run.log" "$work/log.$variant.$run"
	done
}

# Why TEST is expected to fail on the left, or nothing.
expected_because() { # TEST
	awk -F'\t' -v test="$1" '$1 == test { print $2 }' "$expected"
}

# Into regressions: what fails in all runs on the left and in none on the right, and is not expected to.
find_regressions() {
	local test with
	regressions=()
	for test in "${tests[@]}"; do
		with=$(outcome "${variants[0]}" "$test")
		[[ $with =~ ^fails\ ([0-9]+)/([0-9]+) && ${BASH_REMATCH[1]} -eq ${BASH_REMATCH[2]} ]] || continue
		[[ $(outcome "${variants[1]}" "$test") != fails* ]] || continue
		[ -n "$(expected_because "$test")" ] || regressions+=("$test")
	done
}

for variant in "${variants[@]}"; do rm -f "$work/$variant".[0-9]*; done
for ((run = 1; run <= runs; run++)); do
	run_both "$run" "${tests[@]}"
done
find_regressions
for ((; run <= 3 && ${#regressions[@]} > 0; run++)); do
	run_both "$run" "${regressions[@]}"
	find_regressions
done

echo "| test | ${variants[0]} | ${variants[1]} |"
echo "|---|---|---|"
for test in "${tests[@]}"; do
	with=$(outcome "${variants[0]}" "$test")
	without=$(outcome "${variants[1]}" "$test")
	reason=$(expected_because "$test")
	echo "| $test | $with${reason:+ ($reason)} | $without |"
done
[ ${#regressions[@]} -eq 0 ] || die "fail with '${variants[0]}' only: ${regressions[*]}"
