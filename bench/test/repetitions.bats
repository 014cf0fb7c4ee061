#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2054,SC2154 # for jq; commas in lists; set by helper.bash
# tabench run: controls in each block, repetitions until intervals are narrow enough, pinning.
bats_require_minimum_version 1.5.0
load helper

few=(--profile smoke --subjects mmap,mmap/populate --workloads dense-up --size 64K --fill 0 --reps 2 --seed 1 --samples-only)

mock_worker() {
	fake_worker <<<'exec "$TAWORKER" --mock "$@"'
}

@test "each block holds A/A twins and the canary" {
	run -0 "$tabench" run "${few[@]}" --worker "$(mock_worker)" --out "$dir/run"
	[ "$(count "$dir/run" '.purpose == "measure"')" -eq 4 ]
	[ "$(count "$dir/run" '.purpose == "aa"')" -eq 4 ]
	[ "$(count "$dir/run" '.purpose == "canary" and .subject == "mmap"')" -eq 2 ]
	jq -e -s '[.[] | select(.block == 1 and .purpose != "overhead")] | sort_by(.order) | .[0].purpose == "canary" and length == 5' \
		"$dir/run/samples.jsonl"
	# Continued, it takes none of them again.
	run --separate-stderr -0 "$tabench" run --resume "$dir/run" --worker "$(mock_worker)" --samples-only
	no_duplicates "$dir/run"
	[[ $stderr == *" 0 ok,"* ]]
	run -0 "$tabench" report "$dir/run"
	grep -q 'canary (mmap, dense-up): 2 samples, blocks from 1.00 to 1.00' "$dir/run/report.md"
	jq -e '.controls | .aa_pairs == 0 and .noise_floor == null and .canary.samples == 2' "$dir/run/summary.json"
}

@test "precision: nothing is repeated where intervals are narrow" {
	run --separate-stderr -0 "$tabench" run "${few[@]}" --precision 1 --worker "$(mock_worker)" --out "$dir/run"
	[ "$(count "$dir/run" '.purpose == "measure"')" -eq 4 ]
	jq -e '.not_precise == 0 and .plan.precision == 0.01' "$dir/run/run.json"
}

@test "precision: blocks go on while intervals are wide, until the time is up" {
	# Every other worker has the mock clock: costs that never come together.
	worker=$(fake_worker <<<'if mkdir "$0.odd" 2>/dev/null; then mock=--mock; else rmdir "$0.odd"; mock=; fi
		exec "$TAWORKER" $mock "$@"')
	run --separate-stderr -0 "$tabench" run "${few[@]}" --precision 0.1 --time-s 4 --worker "$worker" --out "$dir/run"
	[[ $stderr == *"1 workloads are not within 0.1 % yet: one more repetition of 2 cells"* ]]
	[ "$(count "$dir/run" '.purpose == "measure" and .block >= 2')" -gt 0 ]
	jq -e '.not_precise == 1' "$dir/run/run.json"
	no_duplicates "$dir/run"
	run -0 "$tabench" report "$dir/run"
	grep -q 'the time was up before the intervals of 1 workloads were as narrow as --precision asked' "$dir/run/report.md"
}

@test "precision and pin: usage" {
	run --separate-stderr -2 "$tabench" run "${few[@]}" --precision narrow --out "$dir/run"
	one_line "--precision 'narrow' is no percentage"
	run --separate-stderr -2 "$tabench" run "${few[@]}" --time-s 5 --out "$dir/run"
	one_line "--time-s goes with --precision"
	run --separate-stderr -2 "$tabench" run "${few[@]}" --pin 1000 --out "$dir/run"
	one_line "--pin 1000: no processor of such a node may be used here"
	run --separate-stderr -2 "$tabench" run "${few[@]}" --pin near --out "$dir/run"
	one_line "--pin 'near'"
}

@test "pin: workers run on the node's processors and take its memory" {
	[ -e /sys/devices/system/node/node0/cpulist ] || skip "this kernel tells of no NUMA nodes"
	worker=$(fake_worker <<<'nproc >"$0.cpus"
		grep -c "bind:0" /proc/self/numa_maps >"$0.maps"
		exec "$TAWORKER" --mock "$@"')
	run -0 "$tabench" run "${few[@]}" --pin 0 --worker "$worker" --out "$dir/run"
	jq -e --argjson cpus "$(cat "$worker.cpus")" '.pinned.node == 0 and .pinned.cpus == $cpus' "$dir/run/run.json"
	if [ "$(jq .pinned.memory "$dir/run/run.json")" = true ] && [ -e /proc/self/numa_maps ]; then
		[ "$(cat "$worker.maps")" -gt 0 ]
	fi
	# Resumed, it stays there.
	sed -i '$d' "$dir/run/samples.jsonl"
	run -0 "$tabench" run --resume "$dir/run" --worker "$worker" --samples-only
	jq -e '.pinned.node == 0' "$dir/run/run.json"
	run -0 "$tabench" run "${few[@]}" --pin none --worker "$(mock_worker)" --out "$dir/free"
	jq -e '.pinned == null' "$dir/free/run.json"
}
