#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2016 # for jq
# tabench scenario in the virtual machine: two NUMA nodes, swap, memory that may be used up, all modes of overcommit.
bats_require_minimum_version 1.5.0
load ../../bench/test/helper

setup_file() {
	cd "$BATS_TEST_DIRNAME/../.." || return
	build/tabench scenario --target vm --json >"$BATS_FILE_TMPDIR/rows" 2>"$BATS_FILE_TMPDIR/err" ||
		echo $? >"$BATS_FILE_TMPDIR/status"
}

setup() {
	cd "$BATS_TEST_DIRNAME/../.." || return
	rows=$BATS_FILE_TMPDIR/rows
}

ok() { # JQ-CONDITION : how many rows fulfil it and are as they must be
	jq -s "map(select(.outcome == \"ok\" and .verified and ($1))) | length" "$rows"
}

@test "scenario: in the virtual machine everything is as it must be, with a row for each case" {
	cat "$BATS_FILE_TMPDIR/err" >&2
	jq -c 'select(.outcome == "failed") | [.workload, .params.case, .subject, .reason, .observed]' "$rows" >&3
	[ "$(jq -s 'map(select(.outcome == "failed")) | length' "$rows")" -eq 0 ]
	[ ! -e "$BATS_FILE_TMPDIR/status" ]
	[ "$(jq -s length "$rows")" -eq "$(build/tabench scenario --list | wc -l)" ]
}

@test "scenario: what cannot run in the virtual machine is in the committed list" {
	unlisted vm "$rows"
}

@test "scenario: every scenario has rows there, and so has every mode, node and victim" {
	for scenario in $(build/tabench scenario --list | cut -d' ' -f1 | sort -u); do
		[ "$(ok ".workload == \"$scenario\"")" -ge 4 ] || { echo "$scenario" >&3; false; }
	done
	for mode in 0 1 2; do
		[ "$(ok ".workload == \"overcommit\" and (.params.case | startswith(\"mode-$mode\"))")" -eq 8 ]
	done
	[ "$(ok '.workload == "oom" and .params.case == "machine"')" -eq 1 ]
	[ "$(ok '.workload == "oom" and .params.case == "v2-oom.group" and .metrics.oom_kills >= 2')" -eq 1 ]
	[ "$(ok '.workload == "numa" and .metrics.node1_pages >= 2028')" -ge 4 ]
	[ "$(ok '.workload == "numa" and .metrics.node0_pages >= 2028')" -ge 3 ]
	[ "$(ok '.workload == "numa" and .metrics.node0_pages == 1024 and .metrics.node1_pages == 1024')" -eq 1 ]
	[ "$(ok '.workload == "fragmented" and .subject == "mmap/thp" and .metrics.huge_before_bytes >= 16777216 and .metrics.huge_bytes <= 4194304')" -eq 1 ]
}
