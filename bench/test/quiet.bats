#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # set by helper.bash
# tabench quiet: what is set, what is said, and that all is as before whatever happens. Most of it on a made-up machine.
bats_require_minimum_version 1.5.0
load helper

cpu=/sys/devices/system/cpu
real=/sys/kernel/mm/transparent_hugepage/khugepaged/scan_sleep_millisecs

put() { # PATH TEXT
	mkdir -p "$(dirname "$machine$1")"
	printf '%s\n' "$2" >"$machine$1"
}

setup() {
	machine=$dir/machine
	for n in 0 1 2; do put $cpu/cpufreq/policy$n/scaling_governor powersave; done
	put $cpu/intel_pstate/no_turbo 0
	put $cpu/smt/active 1
	put /proc/sys/kernel/numa_balancing 1
	put /sys/devices/system/node/online 0-1
	put /proc/sys/vm/compaction_proactiveness 20
	put /sys/kernel/mm/ksm/run 0
	before=$(state)
	quiet=("$tabench" quiet --root "$machine")
}

state() {
	cd "$machine" && grep -r . proc sys | sort
}

as_before() {
	[ "$(state)" = "$before" ]
}

# For a while that is short enough for what was promised of SIGKILL: 5 seconds.
within_5_s() { # COMMAND...
	local i
	for ((i = 0; i < 100; i++)); do
		"$@" && return
		sleep 0.05
	done
	return 1
}

@test "quiet: the command finds what was wanted, and everything is as before afterwards" {
	run --separate-stderr "${quiet[@]}" -- bash -c "cd $machine && grep -r . proc sys | sort"
	[ "$status" -eq 0 ]
	diff - <(echo "$output") <<-END
		proc/sys/kernel/numa_balancing:0
		proc/sys/vm/compaction_proactiveness:0
		sys/devices/system/cpu/cpufreq/policy0/scaling_governor:performance
		sys/devices/system/cpu/cpufreq/policy1/scaling_governor:performance
		sys/devices/system/cpu/cpufreq/policy2/scaling_governor:performance
		sys/devices/system/cpu/intel_pstate/no_turbo:1
		sys/devices/system/cpu/smt/active:1
		sys/devices/system/node/online:0-1
		sys/kernel/mm/ksm/run:0
	END
	as_before
	[[ $stderr == *"quiet: governor: "*"= performance (was powersave, all that match)"* ]]
	[[ $stderr == *"quiet: turbo: "*"no_turbo = 1 (was 0)"* ]]
	[[ $stderr == *"quiet: smt: not set: on; CPUs that go and come back"* ]]
	[[ $stderr == *"quiet: 6 settings are as before"* ]]
}

@test "quiet: the exit status is the command's" {
	run "${quiet[@]}" -- bash -c 'exit 42'
	[ "$status" -eq 42 ]
	run "${quiet[@]}" -- bash -c 'kill -USR1 $$'
	[ "$status" -eq 138 ]
	run -127 --separate-stderr "${quiet[@]}" -- "$dir/none"
	[ "$status" -eq 127 ]
	[[ $stderr == *"tabench: quiet: cannot start '$dir/none': No such file"* ]]
	as_before
}

@test "quiet: after Ctrl-C, SIGTERM, SIGHUP and within 5 s of SIGKILL everything is as before, and the command has ended" {
	for signal in INT TERM HUP KILL; do
		rm -f "$dir/pid"
		env --default-signal=INT,HUP "${quiet[@]}" -- bash -c "echo \$\$ >$dir/pid; exec sleep 1000" 2>/dev/null 3>&- &
		quiet_pid=$!
		wait_for test -s "$dir/pid"
		run ! as_before
		kill -$signal $quiet_pid
		within_5_s as_before || { diff <(echo "$before") <(state) >&3; false; }
		wait $quiet_pid || true
		wait_for gone "$(cat "$dir/pid")"
	done
}

@test "quiet: a setting of this machine is restored after SIGKILL" {
	[ -w $real ] || skip "no setting that may be changed here"
	found=$(cat $real)
	[ "$found" -lt 600000 ] || skip "khugepaged is as wanted already"
	rm -f "$dir/pid"
	"$tabench" quiet -- bash -c "cat $real >$dir/during; echo \$\$ >$dir/pid; exec sleep 1000" 2>"$dir/err" 3>&- &
	quiet_pid=$!
	wait_for test -s "$dir/pid" || { cat "$dir/err" >&3; false; }
	[ "$(cat "$dir/during")" -eq 4000000 ]
	kill -KILL $quiet_pid
	restored() { [ "$(cat $real)" -eq "$found" ]; }
	within_5_s restored
}

@test "quiet: what cannot be set is said, with the reason, and the command runs" {
	chmod a-w "$machine$cpu/intel_pstate/no_turbo"
	run --separate-stderr unprivileged "${quiet[@]}" -- cat "$machine$cpu/intel_pstate/no_turbo" "$machine/proc/sys/kernel/numa_balancing"
	[ "$status" -eq 0 ]
	[ "$output" = $'0\n0' ] # numa_balancing is restored without its line break
	[[ $stderr == *"quiet: turbo: not set: "*"no_turbo = 1: Permission denied"* ]]
	chmod u+w "$machine$cpu/intel_pstate/no_turbo"
}

@test "quiet: one at a time: the second waits for the first, and says for whom" {
	"${quiet[@]}" -- bash -c "touch $dir/first; while [ ! -e $dir/go ]; do sleep 0.05; done" 2>/dev/null 3>&- &
	first=$!
	wait_for test -e "$dir/first"
	"${quiet[@]}" -- touch "$dir/second" 2>"$dir/err" 3>&- &
	second=$!
	wait_for grep -q "waiting for process $first, which has the settings 'quiet' changed" "$dir/err"
	[ ! -e "$dir/second" ]
	touch "$dir/go"
	wait $first
	wait $second
	[ -e "$dir/second" ]
	as_before
}

@test "quiet: while it waits, a signal ends it" {
	"${quiet[@]}" -- bash -c "touch $dir/first; while [ ! -e $dir/go ]; do sleep 0.05; done" 2>/dev/null 3>&- &
	first=$!
	wait_for test -e "$dir/first"
	"${quiet[@]}" -- touch "$dir/second" 2>"$dir/err" 3>&- &
	second=$!
	wait_for grep -q "waiting for process $first" "$dir/err"
	kill -TERM $second
	wait_for gone $second
	touch "$dir/go"
	wait $first
	[ ! -e "$dir/second" ]
}

@test "quiet in quiet: no deadlock, and after SIGKILL of the outer one everything is as before" {
	run --separate-stderr "${quiet[@]}" -- "${quiet[@]}" -- cat "$machine$cpu/intel_pstate/no_turbo"
	[ "$status" -eq 0 ]
	[ "$output" = 1 ]
	as_before
	"${quiet[@]}" -- "${quiet[@]}" -- bash -c "echo \$\$ >$dir/pid; exec sleep 1000" 2>/dev/null 3>&- &
	outer=$!
	wait_for test -s "$dir/pid"
	kill -KILL $outer
	within_5_s as_before
	wait_for gone "$(cat "$dir/pid")"
	as_before
}

@test "quiet: NO_TUNE=1 changes nothing" {
	NO_TUNE=1 run --separate-stderr "${quiet[@]}" -- cat "$machine$cpu/intel_pstate/no_turbo"
	[ "$output" = 0 ]
	[[ $stderr == "quiet: NO_TUNE is set: nothing is changed" ]]
}

@test "quiet: bad input" {
	run --separate-stderr "$tabench" quiet
	[ "$status" -eq 2 ]
	one_line "no command given"
	run --separate-stderr "$tabench" quiet --root "$dir/none" -- true
	[ "$status" -eq 2 ]
	one_line "--root $dir/none"
	run "$tabench" quiet --help
	[ "$status" -eq 0 ]
}
