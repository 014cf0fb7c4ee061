#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2054,SC2154 # for other shells and jq; commas in lists; set by helper.bash
# tabench compare and tabench agree: exit codes and what they print, over runs with a mock clock.
bats_require_minimum_version 1.5.0
load helper

# Under the mock clock each phase takes the same: two subjects cost the same.
setup_file() {
	load helper
	worker=$BATS_FILE_TMPDIR/worker
	printf '#!/bin/bash\nexec "%s" --mock "$@"\n' "$taworker" >"$worker"
	chmod +x "$worker"
	"$tabench" run --samples-only --profile smoke --subjects mmap,mmap/populate --workloads dense-up,alloc-latency,small-blocks \
		--size 64K --fill 0 --reps 3 --seed 1 --worker "$worker" --out "$BATS_FILE_TMPDIR/run"
}

@test "compare: two subjects of a run, with a limit: one line for each workload" {
	run -0 "$tabench" compare --subject mmap --to mmap/populate --limit 1 "$BATS_FILE_TMPDIR/run"
	[ "${#lines[@]}" -eq 6 ]
	[[ ${lines[2]} == "same "*" 1.000  [1.000, 1.000]  n 3 "*"host alloc-latency, 64 KiB, 1 thread, fill 0: mmap/populate, mmap to it, latency_p50" ]]
	[[ ${lines[3]} == *"host dense-up, 64 KiB, 1 thread, fill 0: mmap/populate, mmap to it, total_cost_per_page" ]]
	[[ ${lines[4]} == *"host small-blocks"*"reuse_cost_per_operation" ]]
	[[ ${lines[5]} == "0 worse, 0 better, 3 without a finding"* ]]
}

@test "compare: a ratio above the limit is exit status 3" {
	run -3 "$tabench" compare --subject mmap --to mmap/populate --limit 0.99 --workload dense-up "$BATS_FILE_TMPDIR/run"
	[[ ${lines[2]} == "WORSE "*dense-up* ]]
	[[ ${lines[3]} == "1 worse, 0 better, 0 without a finding, 0 not judged" ]]
	run -0 "$tabench" compare --subject mmap --to mmap/populate --limit 1 --metric touch_cost_per_page --workload dense-up "$BATS_FILE_TMPDIR/run"
	[[ ${lines[2]} == *"touch_cost_per_page" ]]
}

@test "compare: what cannot be compared, or is no such run or option" {
	run --separate-stderr -4 "$tabench" compare --subject mmap --to brk "$BATS_FILE_TMPDIR/run"
	one_line "holds no workload in which mmap and brk both ran"
	run --separate-stderr -1 "$tabench" compare --subject mmap --to brk "$dir/nowhere"
	one_line "cannot be read"
	run --separate-stderr -2 "$tabench" compare --subject mmap "$BATS_FILE_TMPDIR/run"
	one_line "--subject and --to belong together"
	run --separate-stderr -2 "$tabench" compare "$BATS_FILE_TMPDIR/run"
	one_line "name two runs, BASE and NEW"
	run --separate-stderr -2 "$tabench" compare --limit 2 "$BATS_FILE_TMPDIR/run" "$BATS_FILE_TMPDIR/run"
	one_line "--limit is for two subjects of one run"
	run --separate-stderr -2 "$tabench" compare --subject mmap --to brk --metric speed "$BATS_FILE_TMPDIR/run"
	one_line "--metric 'speed' is unknown"
	run --separate-stderr -2 "$tabench" compare --subject mmap --to brk --limit much "$BATS_FILE_TMPDIR/run"
	one_line "--limit 'much' is not a number"
	run -0 "$tabench" compare --help
}

# run_with FACTOR SUBJECT NAME: a copy of the run that repeats its 3 blocks 3 times, with SUBJECT's costs times FACTOR.
run_with() {
	mkdir "$dir/$3"
	cp "$BATS_FILE_TMPDIR/run/run.json" "$dir/$3"
	jq -c --argjson factor "$1" --arg subject "$2" 'if .purpose == "measure" or .purpose == "aa" then
		(if .subject == $subject and .purpose == "measure" then .phases |= map(.cost *= $factor) else . end) |
		range(3) as $i | .block += 3 * $i | .rep = .block else . end' "$BATS_FILE_TMPDIR/run/samples.jsonl" >"$dir/$3/samples.jsonl"
}

@test "compare: two runs; what got dearer is exit status 3, in text and in JSON" {
	run_with 1 mmap base
	run_with 1.3 mmap/populate new
	run -0 "$tabench" compare --floor 2 "$dir/base" "$dir/base"
	[[ ${lines[-1]} == "0 worse, 0 better, "* ]]
	run -3 "$tabench" compare --floor 2 --workload dense-up "$dir/base" "$dir/new"
	[[ $output == *"noise floor: 2.0 %, as named"* ]]
	[[ $output == *"WORSE        1.300  [1.300, 1.300]  n 9 "*"host dense-up, 64 KiB, 1 thread, fill 0: mmap/populate / mmap, total_cost_per_page"* ]]
	run -3 "$tabench" compare --floor 2 --json "$dir/base" "$dir/new"
	jq -e '.worse == 2 and .undecided == null and .noise_floor == 0.02 and .rows[0].finding == "WORSE" and
		.rows[0].subject == "mmap/populate" and .rows[0].baseline == "mmap" and .rows[0].ratio.n == 9' <<<"$output"
	run -0 "$tabench" compare --floor 2 "$dir/new" "$dir/base"
	[[ $output == *"better "*"0.769"* ]]
}

@test "compare: three repetitions are too few, exit status 4 with the reason" {
	run --separate-stderr -4 "$tabench" compare "$BATS_FILE_TMPDIR/run" "$BATS_FILE_TMPDIR/run"
	one_line "the noise floor is unknown"
	run --separate-stderr -4 "$tabench" compare --floor 20 "$BATS_FILE_TMPDIR/run" "$BATS_FILE_TMPDIR/run"
	one_line "too noisy: the noise floor is 20.0 %"
}

# hyperfine FILE COMMAND=SECONDS ... : a file as hyperfine writes it, ten times a command.
hyperfine() {
	local file=$1
	shift
	printf '%s\n' "$@" | jq -Rn '{results: [inputs | split("=") | .[1] |= tonumber |
		{command: .[0], mean: .[1], times: [.[1] * (1 + range(10) / 1000)]}]}' >"$file"
}

@test "compare: files of hyperfine; a command that stands twice is an A/A pair" {
	hyperfine "$dir/base.json" ref=1 ref=1 quick=0.5
	hyperfine "$dir/new.json" ref=3 ref=3 quick=1.8
	run -3 "$tabench" compare "$dir/base.json" "$dir/new.json"
	[[ $output == *"noise floor: 0."*"(A/A pairs: 1 in BASE, 1 in NEW)"* ]]
	[[ $output == *"WORSE        1.200 "*"host hyperfine: quick / ref, time"* ]]
	run -0 "$tabench" compare "$dir/base.json" "$dir/base.json"
	run -3 "$tabench" compare --subject ref --to quick "$dir/base.json"
	[[ $output == *"WORSE        2.000 "* ]]
	hyperfine "$dir/single.json" quick=1
	run --separate-stderr -4 "$tabench" compare --floor 1 "$dir/single.json" "$dir/single.json"
	one_line "not comparable: "
}

@test "compare: files of google-benchmark; aggregates are left out" {
	for i in 100 130; do
		jq -n --argjson c "$i" '{context: {}, benchmarks: [range(9) as $r | ("ref", "new") as $n |
			{name: $n, run_name: $n, run_type: "iteration", repetition_index: $r, time_unit: "us",
			 real_time: ((if $n == "ref" then 100 else $c end) + $r / 100)},
			{name: ($n + "_mean"), run_name: $n, run_type: "aggregate", time_unit: "us", real_time: 9999}]}' >"$dir/$i.json"
	done
	run -3 "$tabench" compare --floor 2 --baseline ref "$dir/100.json" "$dir/130.json"
	[[ $output == *"WORSE        1.300 "*"host google-benchmark: new / ref, time"* ]]
	run --separate-stderr -4 "$tabench" compare "$dir/100.json" "$dir/130.json"
	one_line "the noise floor is unknown"
	echo '{}' >"$dir/other.json"
	run --separate-stderr -1 "$tabench" compare "$dir/100.json" "$dir/other.json"
	one_line "is neither of google-benchmark"
	echo '{' >"$dir/other.json"
	run --separate-stderr -1 "$tabench" compare "$dir/100.json" "$dir/other.json"
	one_line "is no JSON"
}

@test "agree: two runs that claim no difference show nothing, exit status 4" {
	run -4 "$tabench" agree "$BATS_FILE_TMPDIR/run" "$BATS_FILE_TMPDIR/run"
	[[ $output == "3 workloads in both runs, 3 pairs of subjects; 0 where both intervals lie outside of 0.95 to 1.05, 0 of them"* ]]
}

@test "agree: opposite claims are printed, exit status 3; equal ones are exit status 0" {
	# The costs of mmap, tripled in one run, and of mmap/populate in the other.
	for changed in mmap mmap/populate; do
		copy=$dir/${changed//\//-}
		mkdir "$copy"
		cp "$BATS_FILE_TMPDIR/run/run.json" "$copy"
		jq -c --arg changed "$changed" 'if .subject == $changed and .purpose == "measure"
			then .phases |= map(.cost *= 3) else . end' "$BATS_FILE_TMPDIR/run/samples.jsonl" >"$copy/samples.jsonl"
	done
	run -3 "$tabench" agree "$dir/mmap" "$dir/mmap-populate"
	[[ ${lines[0]} == "host dense-up, 64 KiB, fill 0: mmap / mmap/populate: 3.000 [3.000, 3.000] and 0.333 [0.333, 0.333]" ]]
	run -0 "$tabench" agree "$dir/mmap" "$dir/mmap"
	[[ $output == *"2 where both intervals lie outside of 0.95 to 1.05, 0 of them in opposite directions (0.00 %, at most 1 %)" ]]
}

@test "agree: usage" {
	run --separate-stderr -2 "$tabench" agree "$dir"
	one_line "name the directories of two runs"
	run --separate-stderr -1 "$tabench" agree "$dir" "$dir"
	one_line "cannot be read"
	run -0 "$tabench" agree --help
}
