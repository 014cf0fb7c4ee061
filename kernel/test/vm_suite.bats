#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2016 # for jq
# Target vm of the suite: what each subject must do in our kernel, by its counts; and that two runs are equal.
bats_require_minimum_version 1.5.0

setup_file() {
	cd "$BATS_TEST_DIRNAME/../.." || return
	unset SUBJECTS WORKLOADS RESUME TARGETS RUN
	PROFILE=smoke scripts/vm-repeat.sh >"$BATS_FILE_TMPDIR/repeat" 2>"$BATS_FILE_TMPDIR/err" || true
}

setup() {
	cd "$BATS_TEST_DIRNAME/../.." || return
	run_dir=build/vm-repeat/1
	pages=$((32 * 1024 * 1024 / 4096)) # of a block of profile smoke
}

# Every measured sample of SUBJECT and WORKLOAD with fill FILL fulfils CONDITION, and there are some. In it
# $alloc and $touch are phases, $pages those of the block.
every() { # SUBJECT WORKLOAD FILL CONDITION
	jq -e -s --argjson pages "$pages" --arg s "$1" --arg w "$2" --argjson f "$3" \
		'map(select(.kind == "sample" and .purpose == "measure" and .subject == $s and .workload == $w and .fill == $f)) |
		length == 2 and all(.[]; .outcome == "ok" and (.phases | map({(.name): .}) | add) as $p |
			$p.alloc as $alloc | $p.touch as $touch | ('"$4"'))' "$run_dir/samples.jsonl" >/dev/null || {
		jq -c --arg s "$1" --arg w "$2" --argjson f "$3" 'select(.subject == $s and .workload == $w and .fill == $f)' \
			"$run_dir/samples.jsonl" >&2
		return 1
	}
}

@test "vm: the run is complete, of target vm, in instructions, each cell verified" {
	cat "$BATS_FILE_TMPDIR/err" >&2
	jq -e '.vm.outcome == "ok" and .vm.emulated and (.vm.machine.kernel_source | startswith("Linux 6.12")) and
		(.vm.machine.qemu | length > 0) and (.vm.machine.command_line | contains("-icount shift=0"))' "$run_dir/run.json"
	jq -e -s 'length > 100 and all(.[]; .target == "vm" and .clock == "icount" and (.outcome == "ok" or .outcome == "unsupported"))
		and all(.[] | select(.purpose == "verify"); .verified)' "$run_dir/samples.jsonl"
}

@test "vm: tamalloc/syscall-4k faults 0 times at allocation and once for each page touched, any fill" {
	for fill in 0 171; do
		every tamalloc/syscall-4k dense-up $fill \
			'$alloc.minor_faults == 0 and $touch.minor_faults == $pages and .committed_bytes == $pages * 4096'
		every tamalloc/syscall-4k stride-16 $fill \
			'$alloc.minor_faults == 0 and $touch.minor_faults == $pages / 16 and .committed_bytes == $pages * 256'
		every tamalloc/syscall-4k sparse-1pct $fill \
			'$alloc.minor_faults == 0 and $touch.minor_faults == .touched_pages and .committed_bytes == .touched_pages * 4096'
	done
	every tamalloc/syscall-4k read-dense 171 '$touch.minor_faults == $pages and .committed_bytes == $pages * 4096'
	every tamalloc/syscall-4k read-dense 0 '$touch.minor_faults == $pages and .committed_bytes == 0'
}

@test "vm: tamalloc/syscall faults 0 times at allocation, makes dense pages many at a time and sparse ones exactly, any fill" {
	for fill in 0 171; do
		every tamalloc/syscall dense-up $fill \
			'$alloc.minor_faults == 0 and $touch.minor_faults < $pages / 15 and .committed_bytes == $pages * 4096'
		every tamalloc/syscall stride-16 $fill \
			'$alloc.minor_faults == 0 and $touch.minor_faults == $pages / 16 and .committed_bytes == $pages * 256'
		every tamalloc/syscall sparse-1pct $fill \
			'$touch.minor_faults == .touched_pages and .committed_bytes == .touched_pages * 4096'
	done
	every tamalloc/syscall read-dense 171 '$touch.minor_faults < $pages / 15 and .committed_bytes == $pages * 4096'
	every tamalloc/syscall read-dense 0 '$touch.minor_faults < $pages / 15 and .committed_bytes == 0'
}

@test "vm: mmap is lazy, malloc+memset and another fill are eager, and sizes of huge pages are what they say" {
	every mmap dense-up 0 '$alloc.minor_faults == 0 and $touch.minor_faults == $pages'
	every mmap stride-16 171 '$alloc.minor_faults == $pages and $touch.minor_faults == 0'
	every glibc/malloc+memset stride-16 0 '$alloc.minor_faults >= $pages and $touch.minor_faults == 0'
	every mmap/thp dense-up 0 '$alloc.minor_faults == 0 and $touch.minor_faults == $pages / 512'
	every mmap/mthp-64k dense-up 0 '$alloc.minor_faults == 0 and $touch.minor_faults == $pages / 16'
	every mmap/mthp-64k stride-16 0 '$touch.minor_faults == $pages / 16 and .committed_bytes == $pages * 4096'
}

@test "vm: the lazy driver faults once for each page touched, the eager one holds all at allocation" {
	every driver/lazy stride-16 0 '$alloc.minor_faults == 0 and $touch.minor_faults == $pages / 16 and
		.committed_parts.driver == $pages * 256 and $alloc.committed_bytes == 0'
	every driver/lazy dense-up 171 '$alloc.minor_faults == 0 and $touch.minor_faults == $pages'
	every driver/kzalloc stride-16 0 '.committed_parts.driver >= $pages * 4096 and $alloc.committed_bytes >= $pages * 4096'
}

@test "vm: tamstat sees what /proc shows, for every process, and costs less" {
	jq -e -s 'map(select(.kind == "micro" and .rep == 0)) | length == 7 and all(.[]; .outcome == "ok" or .subject == "libproc2") and
		(map(select(.outcome == "ok")) | all(.[]; .verified) and (map({(.subject): .metrics.cost_per_process_instructions}) | add) as $cost |
		$cost["tamstat/syscall"] <= 0.15 * $cost["tamstat/proc-cached"] and
		all(.[] | select(.subject != "tamstat/syscall"); $cost["tamstat/syscall"] < $cost[.subject]))' "$run_dir/samples.jsonl"
}

@test "vm: sizes of huge pages are restored when the run ends, is told to end, or is killed" {
	cat >"$BATS_TEST_TMPDIR/knobs.sh" <<-'END'
		cd /sys/kernel/mm/transparent_hugepage || exit 1
		state() { grep -h . enabled hugepages-*/enabled; }
		before=$(state)
		cell="--samples-only --profile smoke --subjects mmap,mmap/mthp-64k --workloads dense-up --fill 0"
		ended() { # HOW
			for i in $(seq 100); do
				[ "$(state)" != "$before" ] || { echo "restored: $1"; return; }
				sleep 0.1
			done
			echo "not restored: $1"
		}
		tabench run $cell --out /normal && ended normal
		for signal in TERM KILL; do
			tabench run $cell --reps 1000 --out "/$signal" &
			until grep -q '\[madvise\]' hugepages-64kB/enabled; do sleep 0.05; done
			kill -"$signal" $!
			wait $!
			ended "$signal"
		done
	END
	run scripts/vm.sh run --add build/tabench --add build/taworker --add "$BATS_TEST_TMPDIR/knobs.sh" -- sh /bin/knobs.sh
	[ "$(grep '^restored: ' <<<"$output")" = $'restored: normal\nrestored: TERM\nrestored: KILL' ]
}

@test "vm: every compared phase of two runs is equal within 0.5 %" {
	cat "$BATS_FILE_TMPDIR/repeat" >&2
	grep -E '^vm-repeat: [1-9][0-9]+ phases compared, 0 outside' "$BATS_FILE_TMPDIR/repeat"
}

@test "vm: a difference is found" {
	cp -r build/vm-repeat/2 "$BATS_TEST_TMPDIR/other"
	jq -c 'if .subject == "tamalloc/syscall-4k" then (.phases[] | select(.name == "touch") | .cost) *= 1.01 | .phases[].cost |= floor
		else . end' build/vm-repeat/2/samples.jsonl >"$BATS_TEST_TMPDIR/other/samples.jsonl"
	run scripts/vm-repeat.sh build/vm-repeat/1 "$BATS_TEST_TMPDIR/other"
	[ "$status" -eq 1 ]
	[[ $output == *"tamalloc/syscall-4k dense-up fill 0"*" touch: "* ]]
}
