#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2054,SC2154 # for jq; commas in lists; set by helper.bash
# tabench merge: runs of several machines, made of one with a mock clock.
bats_require_minimum_version 1.5.0
load helper

setup_file() {
	load helper
	worker=$BATS_FILE_TMPDIR/worker
	printf '#!/bin/bash\nexec "%s" --mock "$@"\n' "$taworker" >"$worker"
	chmod +x "$worker"
	"$tabench" run --samples-only --profile smoke --subjects mmap,mmap/populate,memfd --workloads dense-up,shuffled \
		--size 64K --fill 0 --reps 3 --seed 1 --worker "$worker" --out "$BATS_FILE_TMPDIR/run"
}

# machine NAME SPEED FACTOR SUBJECT: the run as it would be on a machine so much slower, where SUBJECT is dearer by FACTOR.
machine() {
	mkdir "$dir/$1"
	cp "$BATS_FILE_TMPDIR/run/run.json" "$dir/$1"
	jq -c --argjson speed "$2" --argjson factor "$3" --arg subject "$4" '.phases |= map(.cost *= $speed) |
		if .subject == $subject then .phases |= map(.cost *= $factor) else . end' \
		"$BATS_FILE_TMPDIR/run/samples.jsonl" >"$dir/$1/samples.jsonl"
}

@test "merge: ratios to the baseline, their median, range and spread; speeds of machines cancel" {
	machine one 1 1.5 memfd
	machine two 10 2 memfd
	machine three 3 1.2 memfd
	run -0 "$tabench" merge "$dir/one" "$dir/two" "$dir/three"
	[[ $output == "# 3 runs"* ]]
	[[ $output == *"### host, dense-up, 64 KiB, 1 thread, fill 0: total_cost_per_page / mmap"* ]]
	[[ $output == *"| memfd | 1.50 | 2.00 | 1.20 | 1.500 | 1.200 to 2.000 | 1.67 | all dearer |"* ]]
	[[ $output == *"| mmap/populate | 1.00 | 1.00 | 1.00 | 1.000 | 1.000 to 1.000 | 1.00 | no claim |"* ]]
	[[ $output == *"2 where all say dearer, 0 where all say cheaper, 2 where an interval holds 1, 0 where two say the opposite. The largest spread: 1.67, memfd in "* ]]
	run -0 "$tabench" merge --json "$dir/one" "$dir/two" "$dir/three"
	jq -e '[.rows[] | select(.subject == "memfd" and .baseline == "mmap")] | length == 2 and
		all(.[]; .n_runs == 3 and .accord == "all dearer" and (.runs | map(.median) == [1.5, 2, 1.2]))' <<<"$output"
	jq -e 'any(.rows[]; .metric == "committed_per_touched" and .baseline == null)' <<<"$output"
}

@test "merge: machines that say the opposite, and a run that lacks a subject" {
	machine one 1 1.5 memfd
	machine two 1 0.5 memfd
	machine three 1 1 memfd
	sed -i '/"memfd"/d' "$dir/three/samples.jsonl"
	run -0 "$tabench" merge "$dir/one" "$dir/two" "$dir/three"
	[[ $output == *"| memfd | 1.50 | 0.50 | - | 1.000 | 0.500 to 1.500 | 3.00 | opposite |"* ]]
}

@test "merge: usage, and what cannot be merged" {
	run --separate-stderr -2 "$tabench" merge "$BATS_FILE_TMPDIR/run"
	one_line "name the directories of two runs or more"
	run --separate-stderr -1 "$tabench" merge "$BATS_FILE_TMPDIR/run" "$dir/nowhere"
	one_line "cannot be read"
	run --separate-stderr -4 "$tabench" merge --baseline brk "$BATS_FILE_TMPDIR/run" "$BATS_FILE_TMPDIR/run"
	one_line "no run holds the baseline brk and another subject"
	run -0 "$tabench" merge --help
}
