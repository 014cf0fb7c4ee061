#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016 # expanded by other shells
# tabench timeline: what it writes and draws, its exit codes, what it says to bad input.

bats_require_minimum_version 1.5.0

setup() {
	tabench=$BATS_TEST_DIRNAME/../../build/tabench
	worker=$BATS_TEST_DIRNAME/../../build/taworker
	csv=$BATS_TEST_TMPDIR/t.csv
}

marks() { awk -F, 'NR > 1 && $6 != "" { print $6 }' "$csv"; }

@test "timeline: the CSV is alone on standard output, the command's output goes to standard error" {
	run --separate-stderr "$tabench" timeline -- sh -c 'echo hello; sleep 0.05'
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "t_ns,reserved_bytes,committed_bytes,minor_faults,major_faults,mark,end_ns,processes" ]
	[ "${#lines[@]}" -ge 5 ]
	[[ $output != *hello* ]]
	# shellcheck disable=SC2154 # set by run
	[[ $stderr == *hello* ]]
	[[ $stderr == *"samples,"*"deadlines missed"* ]]
}

@test "timeline: with --output the command keeps its standard output" {
	run --separate-stderr "$tabench" timeline -o "$csv" -- echo hello
	[ "$status" -eq 0 ]
	[ "$output" = hello ]
	head -n 1 "$csv" | grep -q '^t_ns,'
}

@test "timeline: a worker's marks and amounts" {
	run "$tabench" timeline -o "$csv" -- "$worker" --subject mmap --workload timeline \
		--size 16777216 --fill 0 --no-thp --marks-fd 100 --wait-ms 20
	[ "$status" -eq 0 ]
	[ "$(marks | grep -v wait | xargs)" = \
		"reserve touch-25 touch-50 touch-75 touch-100 free end" ]
	# 16 MiB more at the top than at the bottom, less the counters' batch.
	awk -F, 'NR > 1 && $3 { if (!low || $3 < low) low = $3; if ($3 > high) high = $3 }
		END { exit !(high - low > 15 * 1048576 && high - low < 20 * 1048576) }' "$csv"
}

@test "timeline: what a mark says is held outside of the resident set is committed" {
	run "$tabench" timeline -o "$csv" -- bash -c 'sleep 0.05; echo "1 all held=104857600" >&100; sleep 0.05'
	[ "$status" -eq 0 ]
	awk -F, 'NR > 1 && $3 { n++; wrong += $3 != 104857600 } END { exit !(n && !wrong) }' "$csv"
}

@test "timeline: children are summed, whether they fork, exec, or live for a moment" {
	run "$tabench" timeline -o "$csv" -- bash -c 'sleep 1 & bash -c "sleep 1; exec sleep 0.1" & for i in 1 2 3 4 5; do /bin/true; done; wait'
	[ "$status" -eq 0 ]
	[[ $output == *" minor and 0 major faults; "*" processes"* || $output == *"major faults; "*" processes"* ]]
	[ "$(awk -F, '$8 + 0 > n { n = $8 } END { print n }' "$csv")" -ge 3 ]
	# More than the largest of them alone, and time goes on.
	awk -F, 'NR > 1 { if ($1 < t || $7 < $1) wrong++; t = $1 } END { exit wrong > 0 }' "$csv"
}

@test "timeline: marks without a time, by the program and its children" {
	run "$tabench" timeline -o "$csv" -- bash -c 'echo begun >&$TA_MARKS_FD; sh -c "echo in a child >/dev/fd/100"; echo "no, not this" >&100'
	[ "$status" -eq 0 ]
	[ "$(marks | paste -sd,)" = "begun,in a child" ]
}

@test "timeline: a program that is killed leaves its timeline" {
	run --separate-stderr "$tabench" timeline -o "$csv" -- bash -c 'sleep 0.2; kill -9 $$'
	[ "$status" -eq 1 ] && [[ $stderr == *"ended by signal 9 (Killed)"* ]]
	[ "$(wc -l <"$csv")" -ge 2 ]
}

@test "timeline: Ctrl-C writes what was seen, and ends the program and its children" {
	"$tabench" timeline -o "$csv" -- bash -c 'sleep 1234 & echo $! >"$0.pid"; sleep 1234' "$csv" 2>"$csv.err" &
	for _ in $(seq 1200); do
		[ ! -s "$csv.pid" ] || break
		sleep 0.05
	done
	kill -INT $!
	local status=0
	wait $! || status=$?
	[ "$status" -eq 1 ]
	grep -q "timeline: interrupted" "$csv.err"
	[ "$(wc -l <"$csv")" -ge 2 ]
	for _ in $(seq 100); do # whoever inherits it has to wait for it
		kill -0 "$(cat "$csv.pid")" 2>/dev/null || break
		sleep 0.1
	done
	run ! kill -0 "$(cat "$csv.pid")"
}

@test "timeline: --attach watches a process, and leaves it as it is" {
	sleep 1234 &
	local pid=$!
	run "$tabench" timeline --attach $pid -t 1 -o "$csv"
	kill $pid # it was there
	[ "$status" -eq 0 ]
	[ "$(wc -l <"$csv")" -ge 2 ]
	awk -F, 'NR == 2 { exit !($3 > 0 && $8 == 1) }' "$csv"
	run "$tabench" timeline --attach 4194304 -o "$csv"
	[ "$status" -eq 1 ] && [[ $output == *"cannot watch process 4194304: No such process"* ]]
}

@test "timeline: the chart is of 80 columns and says what it shows" {
	export LC_ALL=C.UTF-8
	run --separate-stderr "$tabench" timeline --chart -- bash -c 'echo begun >&100; sleep 0.1; echo half >&100; sleep 0.1'
	[ "$status" -eq 0 ]
	# shellcheck disable=SC2154
	grep -v '^timeline: ' <<<"$stderr" >"$csv"
	[ "$(wc -L <"$csv")" -le 80 ]
	for text in "committed (resident)" "reserved (address space)" "minor faults" begun half "█" "└─"; do grep -qF "$text" "$csv"; done
	LC_ALL=C run --separate-stderr "$tabench" timeline --chart -- sleep 0.05
	run ! grep -qP '[^\x00-\x7f]' <<<"$stderr"
	# A narrower terminal: nothing is wider than it.
	script -qec "stty cols 60; $tabench timeline -c -- sleep 0.05" /dev/null </dev/null | tr -d '\r' | grep -v '^timeline: ' >"$csv"
	[ "$(wc -L <"$csv")" -le 60 ]
}

@test "timeline: --svg draws the program's panels, marks and name" {
	command -v gnuplot || skip "no gnuplot"
	run "$tabench" timeline --svg "$csv.svg" -- bash -c 'echo begun >&100; sleep 0.5; : "<&>|\"quoted"'
	[ "$status" -eq 0 ]
	[[ $output != *gnuplot* ]]
	xmllint --noout "$csv.svg"
	[ -z "$(awk -f "$BATS_TEST_DIRNAME/../../plots/test/texts.awk" "$csv.svg")" ]
	for text in "committed: resident sets" "reserved: address space" "minor page faults" begun bash; do grep -q ">[^<]*$text" "$csv.svg"; done
	run "$tabench" timeline --svg /no/such/dir/x.svg -- sleep 0.5
	[ "$status" -eq 1 ] && [[ $output == *"'/no/such/dir/x.svg' was not drawn"* ]]
}

@test "timeline: bad input is one line that says what is right" {
	run --separate-stderr "$tabench" timeline
	[ "$status" -eq 2 ] && [[ $stderr == *"no command given"* ]]
	run --separate-stderr "$tabench" timeline --attach 0
	[ "$status" -eq 2 ] && [[ $stderr == *"it must be 1 to 4194304"* ]]
	run --separate-stderr "$tabench" timeline --attach 1 -- true
	[ "$status" -eq 2 ] && [[ $stderr == *"either --attach PID or a command"* ]]
	run --separate-stderr "$tabench" timeline --period-us 5 -- true
	[ "$status" -eq 2 ] && [[ $stderr == *"it must be 100 to 10000000"* ]]
	run --separate-stderr "$tabench" timeline --timeout -3 -- true
	[ "$status" -eq 2 ] && [[ $stderr == *"it must be 1 to 1000000"* ]]
	run --separate-stderr "$tabench" timeline -o /no/such/dir/x.csv -- true
	[ "$status" -eq 1 ] && [[ $stderr == *"cannot write '/no/such/dir/x.csv': No such file"* ]]
	run --separate-stderr "$tabench" timeline -o /dev/full -- true
	[ "$status" -eq 1 ] && [[ $stderr == *"cannot write '/dev/full'"* ]]
	run --separate-stderr "$tabench" timeline -o "$csv" -- /no/such/program
	[ "$status" -eq 1 ] && [[ $stderr == *"cannot run '/no/such/program'"* ]]
	run --separate-stderr "$tabench" timeline -o "$csv" -- sh -c 'exit 7'
	[ "$status" -eq 1 ] && [[ $stderr == *"ended with exit status 7"* ]]
	run --separate-stderr "$tabench" timeline -o "$csv" -t 1 -- sleep 30
	[ "$status" -eq 1 ] && [[ $stderr == *"still running after 1 s: killed"* ]]
}

@test "timeline: exact mode refused is one sentence and exit code 4" {
	local drop=()
	[ "$(id -u)" -ne 0 ] || drop=(setpriv --bounding-set=-all --inh-caps=-all --)
	[ "$(</proc/sys/kernel/perf_event_paranoid)" -ge 0 ] || skip "this kernel gives tracepoints to everyone"
	run --separate-stderr "${drop[@]}" "$tabench" timeline --exact -- true
	[ "$status" -eq 4 ]
	[[ $stderr == "timeline: exact mode: unsupported: "*"run as root"* ]]
}
