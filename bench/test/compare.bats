#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2054,SC2154 # for other shells and jq; commas in lists; set by helper.bash
# tabench ratio and tabench agree: exit codes and what they print, over runs with a mock clock.
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

@test "ratio: one line for each workload, with its metric, and what the limit says" {
	run -0 "$tabench" ratio --subject mmap --to mmap/populate --limit 1 "$BATS_FILE_TMPDIR/run"
	[ "${#lines[@]}" -eq 4 ]
	[[ ${lines[0]} == "host alloc-latency "*"1.000  [1.000, 1.000]  n 3"*"latency_p50  within" ]]
	[[ ${lines[1]} == "host dense-up "*"total_cost_per_page  within" ]]
	[[ ${lines[2]} == "host small-blocks "*"reuse_cost_per_operation  within" ]]
	[[ ${lines[3]} == "mmap / mmap/populate: 3 of 3 ratios are at most 1" ]]
}

@test "ratio: a ratio above the limit is exit status 3" {
	run -3 "$tabench" ratio --subject mmap --to mmap/populate --limit 0.99 --workload dense-up "$BATS_FILE_TMPDIR/run"
	[[ ${lines[0]} == *"ABOVE" ]]
	[[ ${lines[1]} == *"0 of 1 ratios are at most 0.99" ]]
	run -0 "$tabench" ratio --subject mmap --to mmap/populate --metric touch_cost_per_page --workload dense-up "$BATS_FILE_TMPDIR/run"
	[[ ${lines[0]} == *"touch_cost_per_page" ]]
}

@test "ratio: what cannot be compared, or is no such run or option" {
	run --separate-stderr -4 "$tabench" ratio --subject mmap --to brk "$BATS_FILE_TMPDIR/run"
	one_line "holds no workload in which mmap and brk both ran"
	run --separate-stderr -1 "$tabench" ratio --subject mmap --to brk "$dir/nowhere"
	one_line "cannot be read"
	run --separate-stderr -2 "$tabench" ratio --subject mmap "$BATS_FILE_TMPDIR/run"
	one_line "--subject and --to are required"
	run --separate-stderr -2 "$tabench" ratio --subject mmap --to brk --metric speed "$BATS_FILE_TMPDIR/run"
	one_line "--metric 'speed' is unknown"
	run --separate-stderr -2 "$tabench" ratio --subject mmap --to brk --limit much "$BATS_FILE_TMPDIR/run"
	one_line "--limit 'much' is not a number"
	run -0 "$tabench" ratio --help
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
