#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2154 # for jq; set by helper.bash
# tabench scenario on this machine; kernel/test/scenario.bats does the same in the virtual machine.
bats_require_minimum_version 1.5.0
load helper

setup_file() {
	root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	cat /proc/sys/vm/overcommit_memory >"$BATS_FILE_TMPDIR/before"
	"$root/build/tabench" scenario --json >"$BATS_FILE_TMPDIR/rows" 2>"$BATS_FILE_TMPDIR/err" ||
		echo $? >"$BATS_FILE_TMPDIR/status"
}

setup() {
	rows=$BATS_FILE_TMPDIR/rows
}

row() { # JQ-CONDITION : how many rows fulfil it
	jq -s "map(select($1)) | length" "$rows"
}

# Is there a group whose process has ended? Another checkout's tests may run now, and have theirs.
orphan_group() {
	local group
	while read -r group; do
		if gone "${group##*-}"; then return 0; fi
	done < <(find /sys/fs/cgroup -maxdepth 4 -name 'tabench-*' 2>/dev/null)
	return 1
}

@test "scenario: whatever runs here is as it must be" {
	jq -c 'select(.outcome == "failed") | [.workload, .params.case, .subject, .reason, .observed]' "$rows" >&3
	[ "$(row '.outcome == "failed"')" -eq 0 ]
	[ "$(row '.outcome == "ok" and .verified')" -ge 10 ]
	[ ! -e "$BATS_FILE_TMPDIR/status" ]
	[[ $(tail -n 1 "$BATS_FILE_TMPDIR/err") == "tabench: scenario: "*" as expected, 0 broken, "*" unsupported" ]]
}

@test "scenario: a row for each case, valid against results/schema.json" {
	[ "$(row true)" -eq "$("$tabench" scenario --list | wc -l)" ]
	[ "$(jq -r .cell_id "$rows" | sort -u | wc -l)" -eq "$(row true)" ]
	split -l 1 -a 5 "$rows" "$dir/line."
	instances=()
	for line in "$dir"/line.*; do instances+=(-i "$line"); done
	/usr/bin/python3 -m jsonschema "${instances[@]}" "$root/results/schema.json"
}

@test "scenario: what cannot run here is in the committed list" {
	unlisted host "$rows"
}

@test "scenario: root on a machine with a memory controller has the rows of its version" {
	[ "$(id -u)" -eq 0 ] || skip "not root"
	if [ -d /sys/fs/cgroup/memory ] && mkdir "/sys/fs/cgroup/memory/tamalloc-test-$$" 2>/dev/null; then
		rmdir "/sys/fs/cgroup/memory/tamalloc-test-$$"
		version=v1
	elif grep -qw memory /sys/fs/cgroup/cgroup.subtree_control 2>/dev/null && mkdir "/sys/fs/cgroup/tamalloc-test-$$" 2>/dev/null; then
		rmdir "/sys/fs/cgroup/tamalloc-test-$$"
		version=v2
	else
		skip "no memory cgroup can be made here"
	fi
	[ "$(row '.workload == "cgroup-limit" and .outcome == "ok" and (.params.case | startswith("'"$version"'"))')" -ge 6 ]
	[ "$(row '.workload == "oom" and .outcome == "ok" and (.params.case | startswith("'"$version"'"))')" -ge 2 ]
}

@test "scenario: nothing is left behind: no group, no setting" {
	run ! orphan_group
	cmp /proc/sys/vm/overcommit_memory "$BATS_FILE_TMPDIR/before"
}

@test "scenario: rows join a run once, and its report shows them" {
	"$tabench" run "${small[@]}" --out "$dir/run"
	"$tabench" scenario --run "$dir/run" rlimit-as fork-cow 2>"$dir/err" >"$dir/out"
	n=$("$tabench" scenario --list rlimit-as fork-cow | wc -l)
	[ "$(count "$dir/run" '.kind == "scenario" and .run_id == "run"')" -eq "$n" ]
	"$tabench" scenario --run "$dir/run" rlimit-as/over fork-cow || true
	[ "$(count "$dir/run" '.kind == "scenario"')" -eq "$n" ]
	"$tabench" report --no-plots "$dir/run" >"$dir/verdict"
	grep -q 'Where memory is short' "$dir/run/report.html"
	[ "$(grep -c '^| rlimit-as ' "$dir/run/report.md")" -eq "$("$tabench" scenario --list rlimit-as | wc -l)" ]
	jq -e --argjson n "$n" '(.scenarios | length) == $n and all(.scenarios[]; .expected | length > 10)' "$dir/run/summary.json"
	head -n 1 "$dir/run/samples.csv" | grep -q ',expected,observed,'
	# what was measured is no less for it, and no verdict counts the new rows
	[ "$(count "$dir/run" '.kind == "sample"')" -eq "$small_samples" ]
	jq -e '[.verdicts[].workload] | index("rlimit-as") == null' "$dir/run/summary.json"
	RESUME=$dir/run "$tabench" run --samples-only
	[ "$(count "$dir/run" true)" -eq $((small_samples + n)) ]
}

# A script in the place of the virtual machine, which says LINE. It never runs the guest's command: on a host that
# would use up all memory.
fake_vm() { # LINE
	export TABENCH_VM=$dir/fake-vm
	cat >"$TABENCH_VM" <<-END
		#!/bin/bash
		echo "\$@" >$dir/called
		while [ "\$1" != -- ]; do case \$1 in --facts) echo >"\$2" ;; esac; shift; done
		cat $dir/line
		exit $1
	END
	chmod +x "$TABENCH_VM"
}

@test "scenario: rows of the virtual machine come out, its failure is one" {
	jq -c 'select(.workload == "rlimit-as" and .subject == "mmap") | .target = "vm" | .cell_id = "0123456789abcdef"' "$rows" >"$dir/line"
	fake_vm 0
	run --separate-stderr "$tabench" scenario --target vm --json rlimit-as
	[ "$status" -eq 0 ]
	[ "$(jq -r .target <<<"$output")" = vm ]
	grep -q -- '--smp 2 --numa 2 --mem 1G' "$dir/called"
	grep -q -- 'tabench scenario --guest rlimit-as$' "$dir/called"
	run ! grep -q -- '--icount' "$dir/called"
	fake_vm 1
	run --separate-stderr "$tabench" scenario --target vm
	[ "$status" -eq 1 ]
	[[ $stderr == *"scenario: vm: failed: "* ]]
	jq -c '.outcome = "failed" | .reason = "made up"' "$dir/line" >"$dir/broken"
	mv "$dir/broken" "$dir/line"
	fake_vm 0
	run --separate-stderr "$tabench" scenario --target vm
	[ "$status" -eq 1 ]
	[[ $output == "BROKEN"*"made up"*"expected: "* ]]
	printf '#!/bin/bash\nexit 1\n' >"$TABENCH_VM"
	run --separate-stderr "$tabench" scenario --target vm
	[ "$status" -eq 4 ]
	[[ $stderr == *"scenario: vm: unsupported: "* ]]
}

@test "scenario: Ctrl-C leaves no process and no group; after SIGKILL the next one removes the group" {
	for signal in INT KILL; do
		rm -f "$dir/out"
		env --default-signal=INT,HUP "$tabench" scenario cgroup-limit oom >"$dir/out" 2>/dev/null 3>&- &
		pid=$!
		wait_for test -s "$dir/out"
		pgrep -P $pid >"$dir/children" || true
		kill -$signal $pid
		wait $pid && status=0 || status=$?
		[ "$status" -ne 0 ]
		while read -r child; do wait_for gone "$child"; done <"$dir/children"
		[ $signal = KILL ] || run ! orphan_group
	done
	"$tabench" scenario cgroup-limit >"$dir/out" || [ $? -eq 4 ]
	run ! orphan_group
}

@test "scenario: bad input" {
	run --separate-stderr "$tabench" scenario oomm
	[ "$status" -eq 2 ]
	one_line "unknown scenario 'oomm'; did you mean 'oom'?"
	run --separate-stderr "$tabench" scenario oom/none
	[ "$status" -eq 2 ]
	run --separate-stderr "$tabench" scenario --target mars
	[ "$status" -eq 2 ]
	one_line "neither host, vm nor host,vm"
	run --separate-stderr "$tabench" scenario --run "$dir"
	[ "$status" -eq 2 ]
	one_line "is not the directory of a run"
	run "$tabench" scenario --help
	[ "$status" -eq 0 ]
}
