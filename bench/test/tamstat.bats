#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # expanded by other shells; set by run; tests are subshells
# tamstat: its numbers, names of any bytes, hidden processes, bad input, terminals.
bats_require_minimum_version 1.5.0

setup() {
	tamstat=$BATS_TEST_DIRNAME/../../build/tamstat
	export LC_ALL=C.UTF-8
	pids=() # of what a test starts
}

teardown() {
	[ ${#pids[@]} -eq 0 ] || kill -9 "${pids[@]}" || true
}

# Starts an idle process of that name; its PID is $!.
named() { # NAME
	ln -s "$(readlink -f "$(command -v sleep)")" "$BATS_TEST_TMPDIR/$1"
	"$BATS_TEST_TMPDIR/$1" 1000 &
	pids+=($!)
	until [ "$(readlink "/proc/$!/exe")" = "$(readlink "$BATS_TEST_TMPDIR/$1")" ]; do sleep 0.01; done
}

# One field of one process, as /proc/PID/status has it, in bytes.
status_bytes() { # PID NAME
	awk -v name="$2:" '$1 == name { print $2 * 1024 }' "/proc/$1/status"
}

@test "tamstat: the numbers are those of /proc" {
	named sleep
	kill -STOP $!
	"$tamstat" --backend proc --json --pid $! >"$BATS_TEST_TMPDIR/json"
	while read -r key field; do
		[ "$(jq ".processes[0].$key" "$BATS_TEST_TMPDIR/json")" -eq "$(status_bytes $! "$field")" ]
	done <<-'END'
		reserved_bytes VmSize
		committed_bytes VmRSS
		anon_bytes RssAnon
		file_bytes RssFile
		shmem_bytes RssShmem
		swap_bytes VmSwap
		peak_committed_bytes VmHWM
		page_table_bytes VmPTE
	END
	[ "$(jq .processes[0].oom_score "$BATS_TEST_TMPDIR/json")" -eq "$(cat /proc/$!/oom_score)" ]
	[ "$(jq .processes[0].oom_score_adj "$BATS_TEST_TMPDIR/json")" -eq "$(cat /proc/$!/oom_score_adj)" ]
	[ "$(jq -r .processes[0].name "$BATS_TEST_TMPDIR/json")" = sleep ]
	kb=$("$tamstat" --kb -p $! | awk 'NR == 2 { print $2 }')
	[ "$kb" -eq "$(($(status_bytes $! VmSize) / 1024))" ]
	"$tamstat" --mb -p $! | awk -v kb="$kb" 'NR == 2 { exit !($2 - kb / 1024 < 0.06 && $2 - kb / 1024 > -0.06) }'
}

@test "tamstat: every process once, in the order asked for" {
	"$tamstat" --json >"$BATS_TEST_TMPDIR/json"
	jq -e '.processes | (map(.pid) | length == (unique | length)) and (map(.pid) | contains([1])) and
		(map(.committed_bytes) | . == (sort | reverse))' "$BATS_TEST_TMPDIR/json"
	"$tamstat" --json --sort name --reverse | jq -e '.processes | length > 1'
	[ "$("$tamstat" --sort pid --limit 1 | awk 'NR == 2 { print $1 }')" -eq 1 ]
	[ "$("$tamstat" --sort pid --limit 3 | wc -l)" -eq 4 ]
}

@test "tamstat: names that hold newlines, quotes, escape sequences, UTF-8 and halves of it" {
	named $'a\nb"c\\d'
	named $'e\033[31mf'
	named $'na\303\257ve'
	named $'half\342\202'
	run "$tamstat" --sort pid --pid "$(IFS=,; echo "${pids[*]}")"
	[ "${#lines[@]}" -eq 5 ]
	[[ ${lines[1]} == *' a\nb"c\\d' ]]
	[[ ${lines[2]} == *' e\x1b[31mf' ]]
	[[ ${lines[3]} == *$' na\303\257ve' ]]
	[[ ${lines[4]} == *' half\xe2\x82' ]]
	LC_ALL=C run "$tamstat" --pid "${pids[2]}"
	[[ ${lines[1]} == *' na\xc3\xafve' ]]
	"$tamstat" --json >"$BATS_TEST_TMPDIR/json"
	/usr/bin/python3 -c 'import json, sys; json.loads(open(sys.argv[1], "rb").read().decode("utf-8"))' "$BATS_TEST_TMPDIR/json"
	name() { jq -r --argjson pid "$1" '.processes[] | select(.pid == $pid).name' "$BATS_TEST_TMPDIR/json"; }
	[ "$(name "${pids[0]}")" = $'a\nb"c\\d' ]
	[ "$(name "${pids[1]}")" = $'e\033[31mf' ]
	[ "$(name "${pids[2]}")" = $'na\303\257ve' ]
	[ "$(name "${pids[3]}")" = $'half\357\277\275\357\277\275' ]
	[ "$("$tamstat" --json --name $'a\nb*' | jq .processes[0].pid)" -eq "${pids[0]}" ]
}

@test "tamstat: chosen by name and by user" {
	named tamstat-test-1
	named tamstat-test-2
	[ "$("$tamstat" --name 'tamstat-test-?' --json | jq -c '[.processes[].pid] | sort')" = \
		"$(jq -cn '$ARGS.positional | map(tonumber) | sort' --args "${pids[@]}")" ]
	"$tamstat" --user "$(id -u)" --json | jq -e --argjson pid "${pids[0]}" '.processes | map(.pid) | contains([$pid])'
	"$tamstat" --user "$(id -un)" --name tamstat-test-2 --json | jq -e '.processes | length == 1'
	run "$tamstat" --user 4000000000
	[ "$status" -eq 1 ]
	[ "$output" = "tamstat: no process matches" ]
	run "$tamstat" --name 'no such name'
	[ "$status" -eq 1 ]
}

@test "tamstat: totals are sums over address spaces" {
	"$tamstat" --total --json | jq -e '.total | .processes >= .address_spaces and .committed_bytes == .anon_bytes + .file_bytes + .shmem_bytes
		and .reserved_bytes > .committed_bytes' || [ "$("$tamstat" --total --json | jq .total.address_spaces)" = null ]
	"$tamstat" --total | grep -q '^reserved'
}

@test "tamstat: --watch goes on, keeps its descriptors in bounds, and ends by --count or Ctrl-C" {
	named tamstat-test-w
	[ "$("$tamstat" --name tamstat-test-w --watch 0.05 --count 3 --json | jq -s length)" -eq 3 ]
	"$tamstat" --watch 0.05 --json --limit 1 >"$BATS_TEST_TMPDIR/watch" &
	pids+=($!)
	until [ "$(wc -l <"$BATS_TEST_TMPDIR/watch")" -ge 4 ]; do sleep 0.05; done
	kill -TERM $!
	wait $!
	unset 'pids[-1]'
	# What a watch by name waits for may come later; what a watch by PID shows may end.
	run "$tamstat" --name 'no such name' --watch 0.01 --count 2
	[ "$status" -eq 0 ]
}

@test "tamstat: right while processes come and go" {
	named tamstat-storm
	bash -c 'while :; do for i in 1 2 3 4 5; do /bin/true & done; wait; done' &
	pids+=($!)
	for _ in 1 2 3 4 5 6 7 8; do
		"$tamstat" --json >"$BATS_TEST_TMPDIR/json" 2>"$BATS_TEST_TMPDIR/err"
		[ ! -s "$BATS_TEST_TMPDIR/err" ]
		jq -e --argjson pid "${pids[0]}" '.processes | (map(.pid) | length == (unique | length)) and
			(map(select(.pid == $pid)) | length == 1)' "$BATS_TEST_TMPDIR/json"
		"$tamstat" --total >/dev/null
	done
}

in_namespaces() { # SCRIPT: as root in PID and mount namespaces of its own, with a /proc of its own
	unshare --mount --pid --fork --mount-proc true 2>/dev/null || skip "no namespaces here (not root, or a container)"
	unshare --mount --pid --fork --mount-proc bash -ec "$1" tamstat-test "$tamstat"
}

@test "tamstat: in a PID namespace" {
	in_namespaces 'sleep 100 & "$1" --json' >"$BATS_TEST_TMPDIR/json"
	jq -e '.processes | map(.pid) | min == 1 and max < 10' "$BATS_TEST_TMPDIR/json"
	jq -e '.processes | map(.name) | sort == ["bash", "sleep", "tamstat"]' "$BATS_TEST_TMPDIR/json"
}

@test "tamstat: with hidepid others are left out, and said to be where that can be seen" {
	local as_nobody='setpriv --reuid 65534 --regid 65534 --clear-groups "$dir/tamstat"'
	local prepare='dir=$(mktemp -d) && chmod 755 "$dir" && cp "$1" "$dir/" && trap "rm -r $dir" EXIT; sleep 100 & '
	in_namespaces "$prepare"'mount -o remount,hidepid=2 /proc; '"$as_nobody --backend proc --json" >"$BATS_TEST_TMPDIR/json"
	jq -e '.processes | map(.name) == ["tamstat"]' "$BATS_TEST_TMPDIR/json"
	in_namespaces "$prepare"'mount -o remount,hidepid=1 /proc; '"$as_nobody --backend proc --json" >"$BATS_TEST_TMPDIR/json" 2>"$BATS_TEST_TMPDIR/err"
	jq -e '.hidden_processes == 2 and (.processes | map(.name) == ["tamstat"])' "$BATS_TEST_TMPDIR/json"
	[ "$(cat "$BATS_TEST_TMPDIR/err")" = "tamstat: 2 processes are hidden from you (hidepid) and left out; root sees them" ]
	run in_namespaces "$prepare"'mount -o remount,hidepid=1 /proc; '"$as_nobody --backend proc --pid 1"
	[ "$status" -eq 1 ]
	[[ $output == *"tamstat: process 1: it is hidden from you (hidepid)"* ]]
}

@test "tamstat: bad input is one line that says what is right" {
	while IFS='|' read -r arguments code message; do
		# shellcheck disable=SC2086 # split on purpose
		run --separate-stderr "$tamstat" $arguments
		echo "$arguments: $status $stderr"
		[ "$status" -eq "$code" ] && [ "${#stderr_lines[@]}" -eq 1 ] && [[ $stderr == *"$message"* ]]
	done <<-'END'
		--pid 0|2|--pid is '0'; it must be 1 to 4194304
		--pid x|2|--pid is 'x'; it must be
		--pid ,|2|--pid is empty
		--pid 4194304|1|process 4194304: there is none
		--sort nonsense|2|there is no field 'nonsense' to sort by; there are pid, name
		--user no-such-user|2|there is no user 'no-such-user'
		--watch 0|2|it must be 0.01 to 86400 seconds
		--watch nan|2|it must be 0.01
		--count 3|2|--count needs --watch
		--limit 0|2|it must be 1 to
		--total --pid 1|2|leave out --pid
		--backend none|2|there are syscall and proc
		nonsense|2|unexpected 'nonsense'
		--nonsense|2|nonsense
	END
	run --separate-stderr bash -c '"$1" >/dev/full' _ "$tamstat"
	[ "$status" -eq 1 ] && [[ $stderr == "tamstat: cannot write to standard output: No space left on device" ]]
}

@test "tamstat: the system call where the kernel has it, else one sentence and exit code 4" {
	run --separate-stderr "$tamstat" --backend syscall --json
	case $status in
	0) [ "$(jq -r .source <<<"$output")" = syscall ] ;;
	4) [ "$stderr" = "tamstat: this kernel has no tamstat system call; --backend proc works everywhere" ] ;;
	*) false ;;
	esac
}

@test "tamstat: on a terminal of 80 columns no line is longer, in a pipe no column is missing" {
	named $'long\\name\001'
	script -qec "stty cols 80 rows 24; $tamstat --sort reserved; $tamstat --pid ${pids[0]}; $tamstat --watch 0.01 --count 1" \
		/dev/null </dev/null | tr -d '\r' >"$BATS_TEST_TMPDIR/screen"
	[ "$(sed 's/\x1b\[[HJ]//g' "$BATS_TEST_TMPDIR/screen" | wc -L)" -le 80 ]
	grep -qF 'long\\name\x01' "$BATS_TEST_TMPDIR/screen"
	# The watch: a screen of its own, a line less than the terminal has.
	[ "$(sed -n '/\x1b\[H/,$p' "$BATS_TEST_TMPDIR/screen" | wc -l)" -le 23 ]
	[ "$("$tamstat" --limit 1 | head -n 1 | xargs)" = "PID RESERVED COMMITTED % ANON FILE SHMEM SWAP PEAK OOM ADJ NAME" ]
}

@test "tamstat: --help, manual page and completion name every option" {
	root=$BATS_TEST_DIRNAME/../..
	cmake --install "$root/build" --component tamstat --prefix "$BATS_TEST_TMPDIR/usr" >&2
	page=$BATS_TEST_TMPDIR/usr/share/man/man1/tamstat.1
	for option in $("$tamstat" --help | grep -oE -- '--[a-z]+' | sort -u); do
		sed 's/\\-/-/g' "$page" | grep -q -- "$option"
		[ "$option" = --help ] || [[ $(complete_word tamstat "$option") == *"$option"* ]]
	done
	[ "$(complete_word tamstat --sort swa)" = swap ]
	[ "$(complete_word tamstat --backend p)" = proc ]
	complete_word tamstat --pid '' | grep -qx 1
	"$BATS_TEST_TMPDIR/usr/bin/tamstat" --limit 1
	command -v man || skip "no man"
	run man --warnings -l "$page"
	[ "$status" -eq 0 ]
	[[ $output != *warning* ]]
}

complete_word() { # WORD... : what bash offers for the last one
	bash -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tamstat; printf "%s\n" "${COMPREPLY[@]}"' _ \
		"$BATS_TEST_TMPDIR/usr/share/bash-completion/completions/tamstat" "$@"
}
