#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2054,SC2154 # for other shells and jq; commas in lists; set by helper.bash
# Ctrl-C, SIGKILL, a full disk: what was measured is kept, and resuming repeats none of it.
bats_require_minimum_version 1.5.0
load helper

# Longer than the smallest run: 4 subjects, 4 repetitions: 4 * 5 + 6 of them, 4 * 4 that watch the noise.
longer=(--profile smoke --subjects null,mmap,mmap/noreserve,mmap/populate --workloads dense-up --size 1M --fill 0
	--reps 4 --seed 1 --samples-only)
longer_samples=42

lines() { # RUN : finished samples
	[ -f "$1/samples.jsonl" ] && wc -l <"$1/samples.jsonl" || echo 0
}

has_lines() { # RUN N
	[ "$(lines "$1")" -ge "$2" ]
}

@test "Ctrl-C keeps what was measured and still writes the report; resuming takes the rest" {
	slow=$(fake_worker <<<"sleep 0.1; exec \$TAWORKER \"\$@\"")
	options=()
	for option in "${longer[@]}"; do [ "$option" = --samples-only ] || options+=("$option"); done
	"$tabench" run "${options[@]}" --worker "$slow" --out "$dir/run" >"$dir/out" 2>"$dir/err" 3>&- &
	tabench_pid=$!
	wait_for has_lines "$dir/run" 7
	kill -INT $tabench_pid
	code=0
	wait $tabench_pid || code=$?
	[ $code -eq 1 ]
	grep -q "interrupted; continue with --resume $dir/run" "$dir/err"
	[ -s "$dir/run/report.html" ]
	[ -s "$dir/run/report.md" ]
	[ -s "$dir/run/summary.json" ]
	kept=$(lines "$dir/run")
	[ "$kept" -ge 7 ]
	[ "$kept" -lt $longer_samples ]
	jq -e '.sessions[-1].ended == "interrupted"' "$dir/run/run.json"
	cp "$dir/run/samples.jsonl" "$dir/before"
	"$tabench" run --resume "$dir/run" --samples-only
	cmp -n "$(stat -c %s "$dir/before")" "$dir/before" "$dir/run/samples.jsonl"
	[ "$(lines "$dir/run")" -eq $longer_samples ]
	no_duplicates "$dir/run"
	jq -e '.sessions[-1].ended == "complete"' "$dir/run/run.json"
}

@test "SIGTERM and SIGHUP end a run as Ctrl-C does, and end its worker" {
	hang=$(fake_worker <<<"echo \$\$ >$dir/pid; exec sleep 1000")
	for signal in TERM HUP; do
		rm -rf "$dir/run" "$dir/pid"
		"$tabench" run "${small[@]}" --worker "$hang" --out "$dir/run" 2>"$dir/err" 3>&- &
		tabench_pid=$!
		wait_for test -s "$dir/pid"
		kill -$signal $tabench_pid
		code=0
		wait $tabench_pid || code=$?
		[ $code -eq 1 ]
		grep -q interrupted "$dir/err"
		gone "$(cat "$dir/pid")"
		[ "$(lines "$dir/run")" -eq 0 ]
	done
}

@test "SIGKILL of tabench leaves no worker behind" {
	hang=$(fake_worker <<<"echo \$\$ >$dir/pid; exec sleep 1000")
	"$tabench" run "${small[@]}" --worker "$hang" --out "$dir/run" 2>/dev/null 3>&- &
	tabench_pid=$!
	wait_for test -s "$dir/pid"
	kill -KILL $tabench_pid
	wait $tabench_pid || true
	wait_for gone "$(cat "$dir/pid")"
}

@test "SIGKILL of tabench leaves no worker under perf stat behind" {
	mkdir "$dir/bin"
	# A perf that starts what it is given as perf does, in a child of its own; the worker then waits.
	cat >"$dir/bin/perf" <<-EOF
		#!/bin/bash
		while [ "\$1" != -- ]; do shift; done
		shift
		[ "\$1" != true ] || { echo "1,,page-faults,1,100.00,," >&2; exit; }
		"\$@" --workload timeline --wait-ms 600000 &
		echo \$! >$dir/pid
		wait
	EOF
	chmod +x "$dir/bin/perf"
	PATH=$dir/bin:$PATH "$tabench" run "${small[@]}" --perf-stat --out "$dir/run" 2>/dev/null 3>&- &
	tabench_pid=$!
	wait_for test -s "$dir/pid"
	wait_for grep -q taworker "/proc/$(cat "$dir/pid")/comm"
	sleep 0.2
	kill -KILL $tabench_pid
	wait $tabench_pid || true
	wait_for gone "$(cat "$dir/pid")"
}

# Is it time to kill: N lines or more, or the run is at its end.
has_lines_or_ended() { # RUN N PID
	has_lines "$1" "$2" || ! kill -0 "$3" 2>/dev/null
}

@test "SIGKILL again and again: no finished sample is lost and none is taken twice" {
	slow=$(fake_worker <<<"sleep 0.02; exec \$TAWORKER \"\$@\"")
	"$tabench" run "${longer[@]}" --worker "$slow" --out "$dir/run" 2>/dev/null 3>&- &
	for ((i = 0; i < 8; i++)); do
		finished=$(lines "$dir/run")
		wait_for has_lines_or_ended "$dir/run" $((finished + 1)) $!
		sleep 0.0$((RANDOM % 9 + 1))
		kill -KILL $! 2>/dev/null || true
		wait $! || true
		finished=$(lines "$dir/run")
		[ "$finished" -gt 0 ]
		head -n "$finished" "$dir/run/samples.jsonl" >"$dir/before.$i"
		"$tabench" run --resume "$dir/run" --worker "$slow" --samples-only 2>/dev/null 3>&- &
	done
	wait $! || true
	"$tabench" run --resume "$dir/run" --samples-only
	[ "$(lines "$dir/run")" -gt "$(wc -l <"$dir/before.0")" ]
	for before in "$dir"/before.*; do
		cmp -n "$(stat -c %s "$before")" "$before" "$dir/run/samples.jsonl"
	done
	[ "$(lines "$dir/run")" -eq $longer_samples ]
	no_duplicates "$dir/run"
}

@test "cut anywhere in its last line, samples.jsonl is resumed without loss or repetition" {
	"$tabench" run "${small[@]}" --out "$dir/run"
	whole=$(stat -c %s "$dir/run/samples.jsonl")
	last=$(tail -n 1 "$dir/run/samples.jsonl" | wc -c)
	cp "$dir/run/samples.jsonl" "$dir/whole"
	# test_sink tries every byte of the line; here a few, through the program.
	for cut in 1 2 3 $((last / 2)) $((last - 1)) "$last"; do
		head -c $((whole - cut)) "$dir/whole" >"$dir/run/samples.jsonl"
		run --separate-stderr "$tabench" run --resume "$dir/run" --samples-only
		[ "$status" -eq 0 ]
		if [ "$cut" -eq 1 ]; then # only the newline was missing: the sample was finished
			cmp "$dir/whole" "$dir/run/samples.jsonl"
		elif [ "$cut" -lt "$last" ]; then
			[[ $stderr == *"cut $((last - cut)) bytes of a last line that was never finished"* ]]
		fi
		[ "$(lines "$dir/run")" -eq "$small_samples" ]
		no_duplicates "$dir/run"
	done
}

@test "resuming a complete run takes nothing and changes no sample" {
	"$tabench" run "${small[@]}" --out "$dir/run"
	cp "$dir/run/samples.jsonl" "$dir/whole"
	run --separate-stderr "$tabench" run --resume "$dir/run" --samples-only
	[ "$status" -eq 0 ]
	[[ $stderr == *" 0 ok, $small_samples from before,"* ]]
	cmp "$dir/whole" "$dir/run/samples.jsonl"
	RESUME=$dir/run run "$tabench" run --samples-only
	[ "$status" -eq 0 ]
	cmp "$dir/whole" "$dir/run/samples.jsonl"
}

@test "a device without room: one line, exit code 1" {
	"$tabench" run "${small[@]}" --out "$dir/run"
	ln -sf /dev/full "$dir/run/samples.jsonl"
	run --separate-stderr "$tabench" run --resume "$dir/run" --samples-only
	[ "$status" -eq 1 ]
	one_line "cannot write $dir/run/samples.jsonl: No space left on device; what was measured is kept"
}

@test "a file system that becomes full: what was written stays whole, and the run can be continued" {
	[ "$(id -u)" -eq 0 ] || skip "mounting a small tmpfs needs root"
	mkdir "$dir/small"
	mount -t tmpfs -o size=48k tmpfs "$dir/small" || skip "mounting a small tmpfs is refused"
	run --separate-stderr "$tabench" run "${longer[@]}" --reps 30 --out "$dir/small/run"
	code=$status
	text=$stderr
	cp -r "$dir/small/run" "$dir/run"
	umount "$dir/small"
	[ "$code" -eq 1 ]
	[ "$(grep -c "^tabench: cannot write .*No space left on device" <<<"$text")" -eq 1 ]
	[ "$(tail -c 1 "$dir/run/samples.jsonl" | od -An -c | tr -d ' ')" = '\n' ]
	kept=$(lines "$dir/run")
	[ "$kept" -gt 5 ]
	"$tabench" run --resume "$dir/run" --samples-only
	[ "$(lines "$dir/run")" -eq $((4 * 31 + 6 + 4 * 30)) ]
	no_duplicates "$dir/run"
}
