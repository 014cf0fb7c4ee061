#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # set by helper.bash
# What asking for memory costs the one who asks and the one who is asked about: rows, report, command.
bats_require_minimum_version 1.5.0
load helper

setup_file() {
	root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	unset PROFILE SUBJECTS WORKLOADS RESUME RUN
	TARGETS=host "$root/build/tabench" run --profile smoke --subjects null --workloads dense-up --statistics --samples-only \
		--out "$BATS_FILE_TMPDIR/run" 2>"$BATS_FILE_TMPDIR/err"
}

setup() {
	run_dir=$BATS_FILE_TMPDIR/run
}

micro() { jq -c "select(.kind == \"micro\" and .workload == \"$1\")" "$run_dir/samples.jsonl"; }

@test "statistics: each way is there in each repetition, valid, and what ran saw every process" {
	instances=()
	micro statistics | split -l 1 -a 5 - "$dir/line."
	micro statistics-stall | split -l 1 -a 5 - "$dir/stall."
	for line in "$dir"/line.* "$dir"/stall.*; do instances+=(-i "$line"); done
	/usr/bin/python3 -m jsonschema "${instances[@]}" "$root/results/schema.json"
	ways=$(micro statistics | jq -r .subject | sort -u | wc -l)
	[ "$ways" -eq 7 ]
	[ $(($(micro statistics | wc -l) % ways)) -eq 0 ]
	# Where many processes come and go, some repetition may miss more of them than it may.
	micro statistics | jq -se 'group_by(.subject) | all(all(.outcome == "unsupported" and .reason != null) or
		all(.metrics.cost_per_process_ns > 0) and any(.verified))'
	micro statistics | jq -se 'any(.subject == "program/tamstat" and .outcome == "ok")'
}

@test "statistics: what a reader does to its target, where there are two CPUs" {
	micro statistics-stall | jq -se 'map(.subject) | unique ==
		["none", "proc/smaps", "proc/smaps_rollup", "proc/statm", "proc/status", "tamstat/syscall"]'
	[ "$(nproc)" -ge 2 ] || skip "one CPU"
	micro statistics-stall | jq -se 'map(select(.subject != "tamstat/syscall")) | all(.outcome == "ok" and .metrics.reads >= 1 and
		.metrics.fault_p50_ns <= .metrics.fault_p99_ns and .metrics.map_p50_ns <= .metrics.map_max_ns)'
}

@test "statistics: the report has both tables" {
	"$root/build/tabench" report "$run_dir" >/dev/null
	grep -q '^## What it costs to ask for every process' "$run_dir/report.md"
	grep -q '^## What being asked about costs a process' "$run_dir/report.md"
	grep -qE '^\| proc/status \|.* [0-9]' "$run_dir/report.md"
	grep -qF 'id="stall"' "$run_dir/report.html"
}

@test "stall: a row for each way, or why there is none" {
	run "$root/build/tabench" stall --size 8
	[ "${#lines[@]}" -eq 7 ]
	for way in none tamstat/syscall proc/statm proc/status proc/smaps_rollup proc/smaps; do
		grep -qE "^$way +([0-9. ]+$|unsupported: needs )" <<<"$output"
	done
	[ "$status" -eq "$(($(nproc) >= 2 ? 0 : 4))" ]
	taskset -c "$(taskset -pc $$ | grep -oE '[0-9]+' | tail -n 1)" "$root/build/tabench" stall >"$dir/one" || status=$?
	[ "$status" -eq 4 ]
	[ "$(grep -c "unsupported: needs two CPUs" "$dir/one")" -eq 6 ]
}

@test "stall: bad input is one line that says what is right" {
	run --separate-stderr "$root/build/tabench" stall --size 0
	[ "$status" -eq 2 ] && [[ $stderr == *"--size is '0'; it must be 1 to 65536 MiB" ]]
	run --separate-stderr "$root/build/tabench" stall now
	[ "$status" -eq 2 ] && [[ $stderr == *"unexpected 'now'"* ]]
}
