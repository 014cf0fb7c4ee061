#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2016 # expanded by the guest's shell
# scripts/vm.sh: options, what comes out of a guest, and that everything wrong in it ends it with a failure.
# KERNEL_DIR: what scripts/kernel.sh build printed; built if it is not set.

setup_file() {
	root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	export root vm=$root/scripts/vm.sh
	KERNEL_DIR=${KERNEL_DIR:-$("$root/scripts/kernel.sh" build)}
	export KERNEL_DIR
}

guest() { "$vm" run --kernel "$KERNEL_DIR" --timeout 120 "$@"; }

output_has() { # PATTERN
	echo "status $status, output: $output"
	[[ $output == *$1* ]]
}

@test "wrong usage: one line, status 2" {
	while read -r arguments; do
		# shellcheck disable=SC2086 # split on purpose
		run "$vm" $arguments
		echo "$arguments: $output"
		[ "$status" -eq 2 ] && [ "${#lines[@]}" -eq 1 ] && [[ $output == "vm: "* ]]
	done <<-'LIST'
		frobnicate
		run
		run --frobnicate -- true
		run --smp none -- true
		run --smp 0 -- true
		run --mem 12 -- true
		run --mem 1M -- true
		run --timeout
		run --preload
		run --kernel /nonexistent -- true
		run --allow /nonexistent -- true
		run --icount --smp 2 -- true
	LIST
	run guest --add /nonexistent -- true
	[ "$status" -eq 2 ]
	output_has "--add /nonexistent: no such file"
}

@test "stdout byte for byte, stderr apart, exit status through" {
	head -c 300000 /dev/urandom > "$BATS_TEST_TMPDIR/bytes"
	status=0
	guest --add "$BATS_TEST_TMPDIR/bytes:/bytes" -- sh -c 'cat /bytes; echo to stderr >&2; exit 7' \
		> "$BATS_TEST_TMPDIR/out" 2> "$BATS_TEST_TMPDIR/err" || status=$?
	[ "$status" -eq 7 ]
	cmp "$BATS_TEST_TMPDIR/bytes" "$BATS_TEST_TMPDIR/out"
	grep -qx 'to stderr' "$BATS_TEST_TMPDIR/err"
}

@test "arguments arrive as they are" {
	run guest -- printf '%s|' 'a b' "it's" '$HOME' '*'
	[ "$status" -eq 0 ]
	output_has "a b|it's|\$HOME|*|"
}

@test "CPUs, nodes, memory" {
	run guest --smp 3 --numa 2 --mem 512M -- sh -c 'nproc; echo nodes $(ls -d /sys/devices/system/node/node*); free -m'
	[ "$status" -eq 0 ]
	[[ ${lines[*]} =~ (^| )3( |$) ]]
	output_has "nodes /sys/devices/system/node/node0 /sys/devices/system/node/node1"
	[[ $output =~ Mem:\ +4[0-9][0-9]\  ]]
}

@test "a dynamic program takes its libraries along" {
	run guest --add "$(command -v gawk || command -v jq):/bin/dynamic" -- dynamic --version
	[ "$status" -eq 0 ]
}

@test "a library for LD_PRELOAD by its name or its path, with its own libraries; one that is not there is left out" {
	local file name
	file=$(ldconfig -p | awk '$1 == "libstdc++.so.6" { print $NF; exit }')
	for name in libstdc++.so.6 "$file"; do
		run guest --add /bin/cat:/dynamic --preload "$name" --preload libnone.so.1 -- env LD_PRELOAD="$name" /dynamic /proc/self/maps
		output_has libstdc++.so.6
		[[ $output == *libm.so.6* && $output != *"cannot be preloaded"* && $status -eq 0 ]]
	done
}

@test "under icount two boots are the same to the nanosecond" {
	guest --icount --log "$BATS_TEST_TMPDIR/1" -- cat /proc/uptime > "$BATS_TEST_TMPDIR/up1"
	guest --icount --log "$BATS_TEST_TMPDIR/2" -- cat /proc/uptime > "$BATS_TEST_TMPDIR/up2"
	cmp "$BATS_TEST_TMPDIR/up1" "$BATS_TEST_TMPDIR/up2"
	cmp "$BATS_TEST_TMPDIR/1" "$BATS_TEST_TMPDIR/2"
	[ "$(wc -l < "$BATS_TEST_TMPDIR/1")" -gt 50 ]
}

@test "a WARNING in the log is a failure" {
	run guest -- sh -c 'insmod /lib/modules/ta_splat.ko; sleep 60'
	[ "$status" -eq 1 ]
	output_has 'vm: FAILED: WARNING: CPU: # PID: # at '
	output_has 'a warning on purpose'
}

@test "a WARNING just before the end is one as well" {
	run guest -- insmod /lib/modules/ta_splat.ko
	[ "$status" -eq 1 ]
	output_has 'vm: FAILED: WARNING: '
}

@test "an exact line in an allow-list is none" {
	guest --log "$BATS_TEST_TMPDIR/log" -- insmod /lib/modules/ta_splat.ko || true
	sed -nE 's/^\[[^]]*\] (WARNING: .*)/\1/p' "$BATS_TEST_TMPDIR/log" |
		sed -E 's/CPU: [0-9]+ PID: [0-9]+/CPU: # PID: #/; s/\+0x[0-9a-f]+\/0x[0-9a-f]+//' > "$BATS_TEST_TMPDIR/allow"
	[ -s "$BATS_TEST_TMPDIR/allow" ]
	guest --allow "$BATS_TEST_TMPDIR/allow" -- insmod /lib/modules/ta_splat.ko
	sed -i 's/ta_splat/ta_split/' "$BATS_TEST_TMPDIR/allow"
	run guest --allow "$BATS_TEST_TMPDIR/allow" -- insmod /lib/modules/ta_splat.ko
	[ "$status" -eq 1 ]
}

@test "an oops, a BUG and a panic are failures, what was written before is there" {
	for kind in oops bug; do
		run guest -- sh -c "echo before; insmod /lib/modules/ta_splat.ko kind=$kind"
		[ "$status" -eq 1 ]
		output_has 'vm: FAILED: '
		[[ ${lines[*]} == *before* ]]
	done
	run guest -- sh -c 'echo before; echo c > /proc/sysrq-trigger'
	[ "$status" -eq 1 ]
	output_has 'vm: FAILED: '
	output_has 'Kernel panic'
	[[ ${lines[*]} == *before* ]]
}

@test "silence and the time limit end it" {
	run guest --silence 3 -- sleep 1000
	[ "$status" -eq 1 ]
	output_has 'vm: FAILED: silent for 3 s'
	run guest --timeout 6 -- sh -c 'while sleep 1; do echo x; done'
	[ "$status" -eq 1 ]
	output_has 'vm: FAILED: not finished after 6 s'
}

@test "a guest that ends without a status is a failure" {
	run guest -- poweroff -f
	[ "$status" -eq 1 ]
	output_has 'vm: FAILED: the guest ended without an exit status'
}

@test "a kernel that is no debug kernel does not pass for one" {
	run guest --debug -- true
	[ "$status" -ne 0 ]
}

@test "Ctrl-C ends it cleanly" {
	export TMPDIR=$BATS_TEST_TMPDIR/tmp
	mkdir -p "$TMPDIR"
	# SIGINT is ignored in background jobs, so that env gives it back its default
	env --default-signal=INT,HUP "$vm" run --kernel "$KERNEL_DIR" -- sleep 1000 2> "$BATS_TEST_TMPDIR/err" 3>&- &
	pid=$!
	for _ in $(seq 50); do
		if grep -qs . "$TMPDIR"/tamalloc-vm.*/console; then break; fi
		sleep 0.2
	done
	qemu=$(pgrep -P "$pid" qemu)
	kill -INT "$pid"
	status=0
	wait "$pid" || status=$?
	cat "$BATS_TEST_TMPDIR/err"
	[ "$status" -eq 130 ]
	if kill -0 "$qemu" 2>/dev/null; then false; fi
	[ -z "$(ls "$TMPDIR")" ]
}

@test "works as an ordinary user" {
	[ "$(id -u)" -eq 0 ] || skip "already an ordinary user: every other test shows it"
	mkdir -p "$BATS_TEST_TMPDIR/user/scripts" "$BATS_TEST_TMPDIR/user/kernel"
	cp -r "$root"/scripts/*vm* "$BATS_TEST_TMPDIR/user/scripts"
	cp -r "$root/kernel/selftest" "$BATS_TEST_TMPDIR/user/kernel"
	cp -rL "$KERNEL_DIR" "$BATS_TEST_TMPDIR/user/linux"
	mkdir "$BATS_TEST_TMPDIR/user/tmp"
	chown -R nobody "$BATS_TEST_TMPDIR/user"
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$BATS_TEST_TMPDIR"
	run setpriv --reuid=nobody --regid=nogroup --clear-groups env HOME="$BATS_TEST_TMPDIR/user" TMPDIR="$BATS_TEST_TMPDIR/user/tmp" \
		"$BATS_TEST_TMPDIR/user/scripts/vm.sh" run --kernel "$BATS_TEST_TMPDIR/user/linux" -- id -u
	echo "$output"
	[ "$status" -eq 0 ]
	[ "${lines[-1]}" = 0 ]
}
