#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2054,SC2154 # for other shells and jq; commas in lists; set by helper.bash
# Whatever becomes of a worker is recorded, with signal and reason, and the run goes on.
bats_require_minimum_version 1.5.0
load helper

# A worker that does BODY (stdin) where it should verify, and its work otherwise.
bad_when_verifying() {
	fake_worker <<<"if [[ \$* == *verify* ]]; then $(cat); fi; exec \$TAWORKER \"\$@\""
}

# Runs with that worker; the verify sample then has OUTCOME, SIGNAL, and REASON in its reason.
expect() { # OUTCOME SIGNAL REASON [RUN-OPTION...]
	local outcome=$1 signal=$2 reason=$3
	shift 3
	worker=$(bad_when_verifying)
	run --separate-stderr "$tabench" run "${small[@]}" --out "$dir/run" --worker "$worker" "$@" 3>&-
	[ "$status" -eq 1 ]
	jq -e -s --arg o "$outcome" --argjson s "$signal" --arg r "$reason" \
		'.[0] | .purpose == "verify" and .outcome == $o and .signal == $s and (.reason | contains($r)) and
		.phases == [] and .committed_bytes == null' "$dir/run/samples.jsonl" >/dev/null ||
		{ head -n 1 "$dir/run/samples.jsonl" >&3; false; }
	[ "$(count "$dir/run" '.outcome == "ok"')" -eq $((small_samples - 1)) ]
	[[ $stderr == *"1 $outcome"* ]]
	[[ $stderr == *"verify passed in 0 of 1 cells"* ]]
}

@test "a worker killed by SIGKILL" {
	expect killed 9 "killed by signal 9 (Killed)" <<<'kill -KILL $$'
}

@test "a worker killed by SIGSEGV" {
	expect killed 11 "killed by signal 11 (Segmentation fault): about to fall" \
		<<<'echo "about to fall" >&2; kill -SEGV $$'
}

@test "a worker that hangs is killed with all that it started" {
	expect timeout 9 "no end within 1 s; killed" --timeout-s 1 \
		<<<"sleep 1000 & echo \$! >$dir/child; wait"
	gone "$(cat "$dir/child")"
}

@test "a worker that ends but leaves a process behind" {
	expect failed null "ended with exit status 3" <<<"sleep 1000 & echo \$! >$dir/child; exit 3"
	gone "$(cat "$dir/child")"
}

@test "a worker that ignores every signal it can" {
	expect timeout 9 "no end within 1 s" --timeout-s 1 <<<"trap '' INT TERM HUP; sleep 1000"
}

@test "a worker that ends without a record" {
	expect failed null "ended with exit status 0 and no record" <<<'exit 0'
}

@test "a worker that ends with another status, and what it said" {
	expect failed null "ended with exit status 7 and no record: no luck today" \
		<<<'echo "no luck today" >&2; echo "second line" >&2; exit 7'
}

@test "a worker that delivers a record and then fails" {
	expect failed null "delivered a record but ended with exit status 5" <<<'$TAWORKER "$@"; exit 5'
}

@test "a worker of another build: a record too short, too long, of another version" {
	expect failed null "a record of the wrong length (5 bytes" \
		<<<'while [ "$1" != --record-fd ]; do shift; done; printf short >&$2; exit 0'
	rm -r "$dir/run"
	expect failed null "a record of the wrong length" \
		<<<'while [ "$1" != --record-fd ]; do shift; done; head -c 4096 /dev/zero >&$2; exit 0'
	rm -r "$dir/run"
	bytes=$("$taworker" --subject mmap --workload dense-up --size 4096 --record-fd 1 | wc -c)
	expect failed null "the worker is of another build" \
		<<<"while [ \"\$1\" != --record-fd ]; do shift; done; head -c $bytes /dev/zero >&\$2; exit 0"
}

@test "a worker that writes without end on both outputs" {
	expect failed null "ended with exit status 1" \
		<<<'yes | head -c 3000000 >&2; yes | head -c 3000000; exit 1'
}

@test "a worker that is no program" {
	echo "not a program" >"$dir/worker"
	chmod +x "$dir/worker"
	run --separate-stderr "$tabench" run "${small[@]}" --out "$dir/run" --worker "$dir/worker"
	[ "$status" -eq 1 ]
	[ "$(count "$dir/run" '.outcome == "failed"')" -eq "$small_samples" ]
}

memory_cgroup() { # LIMIT : makes one and prints its directory
	[ "$(id -u)" -eq 0 ] || return 1
	if [ -f /sys/fs/cgroup/memory/memory.limit_in_bytes ]; then
		group=/sys/fs/cgroup/memory/tamalloc-test-$$
		mkdir "$group" 2>/dev/null || return 1
		echo "$1" >"$group/memory.limit_in_bytes"
	elif grep -qw memory /sys/fs/cgroup/cgroup.subtree_control 2>/dev/null; then
		group=/sys/fs/cgroup/tamalloc-test-$$
		mkdir "$group" 2>/dev/null || return 1
		echo "$1" >"$group/memory.max"
		echo 0 >"$group/memory.swap.max" 2>/dev/null || true
	else
		return 1
	fi
	echo "$group"
}

@test "a worker over the limit of its memory cgroup" {
	group=$(memory_cgroup $((64 << 20))) || skip "no memory cgroup can be made here"
	# The plan would know that 512 MiB do not fit: the worker takes more than it was told to.
	worker=$(fake_worker <<<'if [[ $* == *verify* ]]; then exec $TAWORKER "$@" --size 536870912; fi; exec $TAWORKER "$@"')
	run --separate-stderr bash -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$group" \
		"$tabench" run "${small[@]}" --out "$dir/run" --worker "$worker"
	rmdir "$group"
	[ "$status" -eq 1 ]
	jq -e -s '.[0] | .outcome == "killed" and .signal == 9 and
		(.reason | contains("ran out of memory or the cgroup reached its limit"))' "$dir/run/samples.jsonl"
	[ "$(count "$dir/run" '.outcome == "ok"')" -eq $((small_samples - 1)) ]
}

@test "the plan respects the limit of the memory cgroup" {
	group=$(memory_cgroup $((64 << 20))) || skip "no memory cgroup can be made here"
	run bash -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$group" \
		"$tabench" run --dry-run --subjects mmap/populate --workloads dense-up --size 512M --fill 0
	rmdir "$group"
	[ "$status" -eq 0 ]
	[[ $output == *"unsupported: would commit 512 MiB of the 6"?" MiB of memory available"* ]]
}

@test "a subject that gets no memory is recorded as enomem, which is no failure" {
	[ "$(cat /proc/sys/vm/overcommit_memory)" -ne 1 ] || skip "overcommit mode 1 never refuses"
	run --separate-stderr "$tabench" run --samples-only --profile smoke --subjects mmap --workloads sparse-1pct \
		--size 100T --fill 0 --reps 1 --out "$dir/run"
	[ "$status" -eq 0 ]
	[[ $stderr == *"verify passed in 0 of 0 cells"* ]]
	[ "$(count "$dir/run" '.outcome == "enomem" and .reason != null')" -ge 2 ]
}
