#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2016 # for jq
# build/tamstat in our kernel: by the system call it shows what it shows by /proc.
bats_require_minimum_version 1.5.0

setup_file() {
	cd "$BATS_TEST_DIRNAME/../.." || return
	cat >"$BATS_FILE_TMPDIR/both.sh" <<-'END'
		cp /bin/busybox "$(printf '/tmp/busybox"\n\033')"
		for i in 1 2 3 4 5 6 7 8; do /tmp/busybox* sleep 1000 & done
		sleep 2 # for them to have come to rest
		echo 500 >/proc/$!/oom_score_adj
		for backend in syscall proc; do
			tamstat --json --sort pid --backend $backend
			tamstat --json --total --backend $backend
		done
		mount -o remount,hidepid=2 /proc
		real-setpriv --reuid 65534 --regid 65534 --clear-groups tamstat --json --backend syscall
		real-setpriv --reuid 65534 --regid 65534 --clear-groups tamstat --json --backend proc
		tamstat --limit 3 >&2
	END
	scripts/vm.sh run --add build/tamstat --add "$(command -v setpriv):/bin/real-setpriv" \
		--add "$BATS_FILE_TMPDIR/both.sh" -- sh /bin/both.sh >"$BATS_FILE_TMPDIR/out" 2>"$BATS_FILE_TMPDIR/err" || true
}

setup() {
	out=$BATS_FILE_TMPDIR/out
	grep -v '^vm: ' "$BATS_FILE_TMPDIR/err" >&2
}

# All but tamstat itself and kernel workers, whose names /proc makes longer and which come and go.
others='.processes | map(select(.name != "tamstat" and (.name | startswith("kworker") | not)))'

@test "tamstat in our kernel: the system call is used, and shows every process as /proc does" {
	jq -e -s 'map(.source) == ["syscall", "syscall", "proc", "proc", "syscall", "proc"]' "$out"
	jq -e -s ".[0] | $others"' | map(select(.has_memory)) | length >= 9' "$out"
	diff <(jq -s -S ".[0] | $others"' | map(if .has_memory then . else .name = "" end)' "$out") \
		<(jq -s -S ".[2] | $others"' | map(if .has_memory then . else .name = "" end)' "$out")
	jq -e -s '.[0].processes | map(select(.name == "busybox\"\n\u001b")) | length == 8 and any(.oom_score_adj == 500)' "$out"
}

@test "tamstat in our kernel: totals agree" {
	# Each asks while it runs itself: what it has is all that may differ.
	jq -e -s '[.[1].total, .[3].total] | .[0].address_spaces == .[1].address_spaces and
		(map(.reserved_bytes) | max - min < 4194304) and (map(.committed_bytes) | max - min < 2097152)' "$out"
}

@test "tamstat in our kernel: hidepid hides from /proc, not from the system call" {
	jq -e -s '.[4].processes | length > 20' "$out"
	jq -e -s '.[5].processes | map(.name) == ["tamstat"]' "$out"
}
