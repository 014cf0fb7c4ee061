#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2154 # for other shells; set by helper.bash
# `make bench` and where runs go.
bats_require_minimum_version 1.5.0
load helper

@test "make bench a second time builds and installs nothing" {
	cd "$root"
	NO_INSTALL=1 NO_TUNE=1 scripts/bench.sh "${small[@]}" --out "$dir/first"
	before=$(stat -c '%n %Y %Z' build/tabench build/taworker build/bench/CMakeFiles/ta_suite.dir/*.o)
	NO_INSTALL=1 NO_TUNE=1 scripts/bench.sh "${small[@]}" --out "$dir/second" 2>"$dir/err"
	[ "$before" = "$(stat -c '%n %Y %Z' build/tabench build/taworker build/bench/CMakeFiles/ta_suite.dir/*.o)" ]
	run ! grep -E 'Building|Linking|installing' "$dir/err"
}

@test "make bench says which settings it will change before it does anything" {
	cd "$root"
	NO_INSTALL=1 scripts/bench.sh "${small[@]}" --out "$dir/run" 2>"$dir/err"
	[ "$(head -n 1 "$dir/err")" = "bench: settings of this machine that will be changed: none" ] ||
		[[ $(head -n 1 "$dir/err") == *"changed: sizes of transparent huge pages"*restored* ]]
}

@test "make bench hands tabench's exit code and message on" {
	cd "$root"
	NO_INSTALL=1 SUBJECTS=mmpa run --separate-stderr scripts/bench.sh
	[ "$status" -eq 2 ]
	[[ $stderr == *"unknown subject 'mmpa'; did you mean 'mmap'?"* ]]
}

@test "a run goes to results/<time>-<host>, results/latest points to it, RESUME=1 continues that" {
	cd "$dir"
	"$tabench" run "${small[@]}"
	[ "$(readlink results/latest)" = "$(jq -r .run_id results/latest/run.json)" ]
	[[ $(readlink results/latest) =~ ^20[0-9]{6}T[0-9]{6}Z-[a-z0-9.-]+$ ]]
	[ "$(jq -r .run_id results/latest/samples.jsonl | sort -u)" = "$(readlink results/latest)" ]
	"$tabench" run "${small[@]}" --fill 171
	[ "$(find results -mindepth 1 -type d | wc -l)" -eq 2 ]
	head -n 4 results/latest/samples.jsonl >kept
	cp kept results/latest/samples.jsonl
	RESUME=1 "$tabench" run --samples-only
	[ "$(find results -mindepth 1 -type d | wc -l)" -eq 2 ]
	[ "$(jq -s length results/latest/samples.jsonl)" -eq "$small_samples" ]
	cmp -n "$(stat -c %s kept)" kept results/latest/samples.jsonl
}

@test "make perf-stat adds its counts to a run that exists" {
	perf stat -e page-faults -- true 2>/dev/null || skip "perf stat does not work here"
	"$tabench" run "${small[@]}" --out "$dir/run"
	cd "$root"
	NO_INSTALL=1 RUN=$dir/run scripts/perf-stat.sh --samples-only
	[ "$(count "$dir/run" '.kind == "stat" and .metrics.perf_page_faults > 256')" -eq 1 ]
	[ "$(count "$dir/run" '.kind == "sample"')" -eq "$small_samples" ]
	NO_INSTALL=1 RUN=$dir/none run --separate-stderr scripts/perf-stat.sh
	[ "$status" -eq 2 ]
	[[ $stderr == *"$dir/none is not the directory of a run"* ]]
}
