#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2054,SC2154 # for other shells and jq; commas in lists; set by helper.bash
# tabench limits: what it looks up, what it prints, and its exit codes, over runs with a mock clock.
bats_require_minimum_version 1.5.0
load helper

# Under the mock clock each phase takes the same: two subjects cost the same.
setup_file() {
	load helper
	worker=$BATS_FILE_TMPDIR/worker
	printf '#!/bin/bash\nexec "%s" --mock "$@"\n' "$taworker" >"$worker"
	chmod +x "$worker"
	"$tabench" run --samples-only --profile smoke --subjects mmap,glibc/malloc+memset --workloads dense-up,sparse-1pct \
		--size 1M --fill 0,171 --reps 3 --seed 1 --worker "$worker" --out "$BATS_FILE_TMPDIR/run"
	"$tabench" run --samples-only --profile smoke --subjects mmap --workloads dense-up \
		--size 64K --fill 0 --reps 3 --seed 1 --worker "$worker" --out "$BATS_FILE_TMPDIR/other"
	# What mmap costs with fill 171, tripled.
	jq -c 'if .subject == "mmap" and .fill == 171 and .purpose == "measure" then .phases |= map(.cost *= 3) else . end' \
		"$BATS_FILE_TMPDIR/run/samples.jsonl" >"$BATS_FILE_TMPDIR/samples"
	mv "$BATS_FILE_TMPDIR/samples" "$BATS_FILE_TMPDIR/run/samples.jsonl"
}

list() { # LINE...
	printf '%s\n' "$@" >"$dir/list"
}

@test "limits: ratios also to another fill byte, counts, every workload; all within is exit status 0" {
	list '# comment' '[a heading]' '1 cost mmap * 1M 0 1 glibc/malloc+memset 0' '3 cost mmap dense-up 1M 171 * mmap 0' \
		'1.1 private_per_touched mmap dense-up 1M 0 1' '1 cost mmap dense-up 64K 0 1 mmap 0'
	run -0 "$tabench" limits "$dir/list" "$BATS_FILE_TMPDIR/run" "$BATS_FILE_TMPDIR/other"
	[ "${lines[0]}" = "[a heading]" ]
	[[ ${lines[1]} == "within "*" 1 [1, 1] n 3 "*"limit 1 "*" dense-up "*"mmap / glibc/malloc+memset" ]]
	[[ ${lines[2]} == "within "*" sparse-1pct "* ]]
	[[ ${lines[3]} == "within "*" 3 [3, 3] "*"fill 171  mmap / mmap (fill 0)" ]]
	[[ ${lines[4]} == "within "*" private_per_touched "* ]]
	[[ ${lines[5]} == "within "*" 64 KiB "* ]]
	[ "${lines[6]}" = "5 within, 0 above their limits, 0 unknown" ]
}

@test "limits: one above is exit status 3, one that no run holds is 4" {
	list '2.9 cost mmap dense-up 1M 171 1 mmap 0' '0.00001 private_per_touched mmap dense-up 1M 0 1' '1 cost brk dense-up 1M 0 1 mmap 0'
	run -3 "$tabench" limits "$dir/list" "$BATS_FILE_TMPDIR/run"
	[[ ${lines[0]} == "ABOVE "*" 3 [3, 3] "*"limit 2.9 "* ]]
	[[ ${lines[1]} == "ABOVE "*"limit 1e-05 "* ]]
	[ "${lines[2]}" = "missing  no run holds it: cost dense-up of brk and mmap" ]
	[ "${lines[3]}" = "0 within, 2 above their limits, 1 unknown" ]
	list '1 cost mmap dense-up 2M 0 1'
	run -4 "$tabench" limits "$dir/list" "$BATS_FILE_TMPDIR/run"
}

@test "limits: what cannot be read" {
	list '1 speed mmap dense-up 1M 0 1'
	run --separate-stderr -1 "$tabench" limits "$dir/list" "$BATS_FILE_TMPDIR/run"
	one_line "line 1: the metric is unknown"
	list '' '1 cost mmap dense-up 1M'
	run --separate-stderr -1 "$tabench" limits "$dir/list" "$BATS_FILE_TMPDIR/run"
	one_line "line 2: not 7 or 9 words"
	list 'x cost mmap dense-up 1M 0 1'
	run --separate-stderr -1 "$tabench" limits "$dir/list" "$BATS_FILE_TMPDIR/run"
	one_line "a number is expected"
	run --separate-stderr -1 "$tabench" limits "$dir/none" "$BATS_FILE_TMPDIR/run"
	one_line "cannot be read"
	list '1 cost mmap dense-up 1M 0 1'
	run --separate-stderr -1 "$tabench" limits "$dir/list" "$dir/nowhere"
	one_line "cannot be read"
	run --separate-stderr -2 "$tabench" limits "$dir/list"
	one_line "name a list of limits"
	run -0 "$tabench" limits --help
}

@test "limits: the lists of the tree are read" {
	for file in "$BATS_TEST_DIRNAME"/../limits/*.txt; do
		run -4 "$tabench" limits "$file" "$BATS_FILE_TMPDIR/other"
	done
}
