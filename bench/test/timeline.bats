#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# tabench timeline: its CSV, its exit codes, what it says to bad input.

bats_require_minimum_version 1.5.0

setup() {
	tabench=$BATS_TEST_DIRNAME/../../build/tabench
	worker=$BATS_TEST_DIRNAME/../../build/taworker
	csv=$BATS_TEST_TMPDIR/t.csv
}

@test "timeline: the CSV is alone on standard output, the command's output goes to standard error" {
	run --separate-stderr "$tabench" timeline -- sh -c 'echo hello; sleep 0.05'
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "t_ns,reserved_bytes,committed_bytes,minor_faults,major_faults,mark" ]
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
	[ "$(grep -o '[a-z][-a-z0-9]*$' "$csv" | grep -v mark | grep -v wait | xargs)" = \
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

@test "timeline: bad input is one line that says what is right" {
	run --separate-stderr "$tabench" timeline
	[ "$status" -eq 2 ] && [[ $stderr == *"no command given"* ]]
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
