#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2054,SC2154 # for other shells and jq; commas in lists; set by helper.bash
# Settings of the machine: exclusive to the cells that need them, proved by faults, and as before at the end.
bats_require_minimum_version 1.5.0
load helper

thp=/sys/kernel/mm/transparent_hugepage
pool=/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages
cells=(--samples-only --profile smoke --subjects mmap,mmap/mthp-64k,mmap/mthp-256k,mmap/hugetlb --workloads dense-up --fill 0)
pages=8192 # of 32 MiB

setup() {
	[ "$(id -u)" -eq 0 ] || skip "only root may choose the size of huge pages"
	if [ ! -w $thp/hugepages-64kB/enabled ] || [ ! -w $pool ]; then
		skip "no sizes of huge pages, or no pool of them, to be set here"
	fi
	# Others that change them (another checkout's tests) wait meanwhile; tabench need not wait for us.
	exec 7>>/run/lock/tabench-huge-pages
	flock --timeout 600 7
	export TABENCH_LOCKED=huge-pages
	before=$(state)
}

teardown() {
	exec 7>&-
}

state() {
	grep -H . $thp/enabled $thp/hugepages-*/enabled $pool
}

as_before() {
	[ "$(state)" = "$before" ]
}

@test "each worker finds its own settings, and mmap those of before" {
	worker=$(fake_worker <<-END
		grep -H . $thp/enabled $thp/hugepages-*/enabled $pool >$dir/state.\$\$
		echo "\$2" >$dir/subject.\$\$
		exec \$TAWORKER "\$@"
	END
	)
	"$tabench" run "${cells[@]}" --reps 2 --worker "$worker" --out "$dir/run"
	as_before
	seen=0
	for file in "$dir"/subject.*; do
		found=$dir/state.${file##*.}
		case $(cat "$file") in
		mmap) diff <(echo "$before") "$found" ;;
		mmap/mthp-*)
			size=$(sed 's/.*-\(.*\)k/\1kB/' "$file")
			[ "$(grep -c '/hugepages-.*\[madvise\]' "$found")" -eq 1 ]
			grep -q "hugepages-$size/enabled:.*\[madvise\]" "$found"
			run ! grep '/hugepages-.*\(\[always\]\|\[inherit\]\)' "$found"
			;;
		mmap/hugetlb) [ "$(sed -n "s,^$pool:,,p" "$found")" -ge 16 ] ;;
		esac
		seen=$((seen + 1))
	done
	[ "$seen" -ge 12 ]
}

@test "the size that is set is the size that is given: counted in faults and bytes" {
	"$tabench" run "${cells[@]}" --out "$dir/run"
	counts() { # SUBJECT CONDITION
		jq -e -s --arg s "$1" 'map(select(.purpose == "measure" and .subject == $s)) | length == 3 and
			all(.[]; (.phases | map({(.name): .}) | add) as $p | .outcome == "ok" and $p.alloc.minor_faults <= 2 and
			('"$2"'))' "$dir/run/samples.jsonl" >/dev/null || { jq -c . "$dir/run/samples.jsonl" >&2; return 1; }
	}
	case $(cat $thp/enabled) in *'[always]'*) ;; *) counts mmap "\$p.touch.minor_faults >= $pages and .huge_bytes == 0" ;; esac
	counts mmap/mthp-64k "\$p.touch.minor_faults >= $pages / 16 and \$p.touch.minor_faults <= $pages / 16 + 8"
	counts mmap/mthp-256k "\$p.touch.minor_faults >= $pages / 64 and \$p.touch.minor_faults <= $pages / 64 + 8"
	counts mmap/hugetlb "\$p.touch.minor_faults >= $pages / 512 and \$p.touch.minor_faults <= $pages / 512 + 8 and
		.committed_parts.hugetlb == $pages * 4096 and .committed_parts.anon <= 65536"
	as_before
}

@test "after Ctrl-C, SIGTERM, SIGHUP and SIGKILL everything is as before" {
	for signal in INT TERM HUP KILL; do
		for subject in mmap/mthp-64k mmap/hugetlb; do
			rm -f "$dir/pid"
			hang=$(fake_worker <<<"echo \$\$ >$dir/pid; exec sleep 1000")
			# A job of a script ignores SIGINT: the program restores what it found, so it needs a fresh one.
			env --default-signal=INT,HUP "$tabench" run "${cells[@]}" --subjects "$subject" --worker "$hang" \
				--out "$dir/run.$signal.${subject#*/}" 2>/dev/null 3>&- &
			tabench_pid=$!
			wait_for test -s "$dir/pid"
			run ! as_before
			kill -$signal $tabench_pid
			wait $tabench_pid || true
			wait_for as_before || { diff <(echo "$before") <(state) >&3; false; }
		done
	done
}

@test "NO_TUNE=1 changes nothing, and says what it costs" {
	worker=$(fake_worker <<-END
		diff <(echo '$before') <(grep -H . $thp/enabled $thp/hugepages-*/enabled $pool) >>$dir/changed
		exec \$TAWORKER "\$@"
	END
	)
	NO_TUNE=1 "$tabench" run "${cells[@]}" --reps 1 --worker "$worker" --out "$dir/run"
	[ ! -s "$dir/changed" ]
	[ "$(count "$dir/run" '(.subject | startswith("mmap/mthp-")) and .outcome == "unsupported" and (.reason | contains("NO_TUNE"))')" -eq 2 ]
	[ "$(count "$dir/run" '.subject == "mmap" and .outcome == "ok"')" -ge 2 ]
}
