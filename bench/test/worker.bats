#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# taworker's command line: exit codes, one clear line for each mistake, what it delivers.
# shellcheck disable=SC2154 # run --separate-stderr sets stderr and stderr_lines

setup() {
	cd "$BATS_TEST_DIRNAME/../.." || return
	worker=build/taworker
	cell=(--subject mmap --workload dense-up --size 1048576)
}

# refused EXPECTED-TEXT ARGUMENT... : exit status 2, one line, nothing on stdout
refused() {
	local expected=$1
	shift
	run --separate-stderr "$worker" "$@"
	[ "$status" -eq 2 ]
	[ -z "$output" ]
	[ "${#stderr_lines[@]}" -eq 1 ]
	[[ $stderr == "taworker: "*"$expected"* ]] || {
		echo "$stderr"
		return 1
	}
}

@test "wrong usage is said in one line, exit 2" {
	bats_require_minimum_version 1.5.0
	refused "are required"
	refused "unknown subject 'mmmap'" --subject mmmap --workload dense-up --size 4096
	refused "unknown workload 'dense'" --subject mmap --workload dense --size 4096
	refused "--size '0' is not a number from 1 to 140737488355327" "${cell[@]}" --size 0
	refused "--size '140737488355328'" "${cell[@]}" --size 140737488355328
	refused "--size '-4096'" "${cell[@]}" --size -4096
	refused "--size '4k'" "${cell[@]}" --size 4k
	refused "--fill '256'" "${cell[@]}" --fill 256
	refused "--purpose 'look'" "${cell[@]}" --purpose look
	refused "--param 'touched_pct' is not NAME=INTEGER" "${cell[@]}" --workload fraction --param touched_pct
	refused "from 1 to 100" "${cell[@]}" --workload fraction --param touched_pct=0
	refused "no parameter like 'pct=5'" "${cell[@]}" --workload fraction --param pct=5
	refused "superfluous argument 'again'" "${cell[@]}" again
	refused "unknown option" "${cell[@]}" --loud
	refused "unknown option or missing value" "${cell[@]}" --fill
}

@test "a parameter may stand before its workload" {
	run "$worker" --param touched_pct=50 "${cell[@]}" --workload fraction
	[ "$status" -eq 0 ]
	[[ $output == *"touched_pages=128"* ]]
}

@test "without --record-fd a sample is shown, exit 0" {
	run "$worker" "${cell[@]}" --purpose verify
	[ "$status" -eq 0 ]
	[[ ${lines[0]} == outcome=ok ]]
	[[ ${lines[1]} == "verified=1 reserved_bytes=1048576 touched_pages=256 wrong_bytes=0"* ]]
}

@test "an outcome other than ok is still a record, exit 0" {
	run "$worker" "${cell[@]}" --subject glibc/calloc --fill 171
	[ "$status" -eq 0 ]
	[ "$output" = "outcome=unsupported: glibc/calloc gives zeros only" ]
	run "$worker" "${cell[@]}" --size 140737488355327
	[ "$status" -eq 0 ]
	[[ $output == "outcome=enomem: "* ]]
}

@test "the record goes to --record-fd in one piece, nothing to stdout" {
	record=$BATS_TEST_TMPDIR/record
	run "$worker" "${cell[@]}" --record-fd 7 7>"$record"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	[ "$(head -c 4 "$record")" = rmat ]
}

@test "a record that cannot be delivered is exit 1" {
	run "$worker" "${cell[@]}" --record-fd 7 7</dev/null
	[ "$status" -eq 1 ]
	[[ $output == "taworker: cannot write the record: "* ]]
}

@test "--mock gives the same numbers every time" {
	run "$worker" "${cell[@]}" --mock
	first=$output
	[[ $first == *"alloc   cost=1000 "* ]]
	run "$worker" "${cell[@]}" --mock --subject mmap/populate
	[ "$output" = "$first" ]
}

@test "--list-json is JSON and names what is linked in" {
	"$worker" --list-json | jq -e '.subjects[0].name == "null" and
		([.workloads[].name] | index("dense-up")) and ([.probes[].name] | index("faults"))'
}

@test "timeline writes its marks in order" {
	"$worker" "${cell[@]}" --workload timeline --marks-fd 7 --wait-ms 1 7>"$BATS_TEST_TMPDIR/marks"
	run cut -d' ' -f2 "$BATS_TEST_TMPDIR/marks"
	[ "$(xargs <<<"$output")" = "reserve wait touch-25 wait touch-50 wait touch-75 wait touch-100 wait free wait end" ]
	sort -nc "$BATS_TEST_TMPDIR/marks"
}

@test "a terabyte can be reserved and sparsely used" {
	run "$worker" --subject mmap/noreserve --workload sparse-1pct --size $((1 << 40)) \
		--param max_touched_bytes=$((32 << 20)) --purpose verify
	[ "$status" -eq 0 ]
	[[ ${lines[1]} == "verified=1 reserved_bytes=1099511627776 touched_pages=8192 wrong_bytes=0"* ]]
}

@test "the worker's own start costs at most 250 page faults" {
	perf stat -e page-faults true 2>/dev/null || skip "perf is not installed or refused"
	perf stat -x, -e page-faults -o "$BATS_TEST_TMPDIR/perf" "$worker" "${cell[@]}" --workload sparse-1pct
	faults=$(awk -F, '/page-faults/ { print $1 }' "$BATS_TEST_TMPDIR/perf")
	[ "$faults" -ge 2 ]
	[ "$faults" -le 250 ]
}
