#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2054,SC2154 # for other shells and jq; commas in lists; set by helper.bash
# Runs that go well: order, samples against the schema, verify, perf stat, refused helpers.
bats_require_minimum_version 1.5.0
load helper

# One smoke run of everything, shared by the tests of this file.
setup_file() {
	root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	unset PROFILE SUBJECTS WORKLOADS RESUME RUN
	export TARGETS=host
	"$root/build/tabench" run --profile smoke --perf-stat --samples-only --out "$BATS_FILE_TMPDIR/smoke" \
		2>"$BATS_FILE_TMPDIR/smoke.err"
}

setup() {
	smoke=$BATS_FILE_TMPDIR/smoke
}

@test "every line of samples.jsonl validates against results/schema.json" {
	jq -c . "$smoke/samples.jsonl" | split -l 1 -a 5 - "$dir/line."
	instances=()
	for line in "$dir"/line.*; do instances+=(-i "$line"); done
	/usr/bin/python3 -m jsonschema "${instances[@]}" "$root/results/schema.json"
}

@test "the validator refuses a line that breaks the schema" {
	for change in '.cell_id = "xyz"' 'del(.reason)' '.touched_pages = -1' '.extra = 1' '.phases[0].cost_unit = "s"'; do
		head -n 1 "$smoke/samples.jsonl" | jq "$change" >"$dir/bad.json"
		run /usr/bin/python3 -m jsonschema -i "$dir/bad.json" "$root/results/schema.json"
		[ "$status" -ne 0 ]
	done
}

@test "every planned sample is there once, with all outcomes ok or unsupported" {
	cells=$(jq .cells "$smoke/run.json")
	supported=$(jq .supported_cells "$smoke/run.json")
	# In each of the 3 blocks: 4 A/A twins, and the canary before each 100 samples.
	controls=$((3 * (4 + (supported + 4 + 99) / 100)))
	[ "$(count "$smoke" true)" -eq $((supported * (1 + 3 + 1) + controls + 2 * 3 + cells - supported)) ]
	[ "$(count "$smoke" '.outcome == "unsupported" and .reason != null')" -eq $((cells - supported)) ]
	[ "$(count "$smoke" '.outcome != "ok" and .outcome != "unsupported"')" -eq 0 ]
	no_duplicates "$smoke"
}

@test "at least 99 % of ok cells have a passing verify" {
	jq -e -s '(map(select(.purpose == "measure" and .outcome == "ok") | .cell_id) | unique) as $ok |
		(map(select(.purpose == "verify" and .outcome == "ok" and .verified) | .cell_id) | unique) as $verified |
		($ok | length > 50) and (($ok - $verified | length) * 100 <= ($ok | length))' "$smoke/samples.jsonl"
}

@test "unknown values are null: no measured sample lacks what this machine can tell" {
	[ "$(count "$smoke" '.outcome == "ok" and (.committed_bytes == null or .touched_pages == null or
		.peak_rss_bytes == null or any(.phases[]; .minor_faults == null or .cost == null))')" -eq 0 ]
}

@test "perf stat's page faults are the sample's own within 1 % + 300 of start-up" {
	perf stat -e page-faults -- true 2>/dev/null || skip "perf stat does not work here"
	[ "$(count "$smoke" '.kind == "stat" and .metrics.perf_page_faults > 0')" -eq "$(jq .supported_cells "$smoke/run.json")" ]
	jq -r 'select(.kind == "stat") | ([.phases[] | .minor_faults + .major_faults] + [.metrics.faults_outside_phases] | add) as $own |
		select((.metrics.perf_page_faults - $own | fabs) > $own / 100 + 300) |
		[.subject, .workload, .fill, $own, .metrics.perf_page_faults] | @tsv' "$smoke/samples.jsonl" >"$dir/off"
	cat "$dir/off" >&2
	[ ! -s "$dir/off" ]
}

@test "page faults that no phase counts are known: a round before, a computation repeated" {
	perf stat -e page-faults -- true 2>/dev/null || skip "perf stat does not work here"
	"$tabench" run --samples-only --profile smoke --subjects mmap --workloads recycle,bitmap,dense-up --fill 0 --reps 1 \
		--perf-stat --out "$dir/run"
	jq -e -s 'map(select(.kind == "stat")) | length == 3 and all(.[]; .metrics as $m | ([.phases[].minor_faults] | add) as $own |
		($own + $m.faults_outside_phases - $m.perf_page_faults | fabs) <= 300 and
		(.workload == "dense-up" or $m.faults_outside_phases >= .touched_pages))' "$dir/run/samples.jsonl"
}

@test "blocks hold each cell once, in an order of their own, so that subjects interleave" {
	mock=$(fake_worker <<<'exec $TAWORKER --mock "$@"')
	"$tabench" run --samples-only --profile smoke --size 1M --reps 5 --seed 7 --worker "$mock" --out "$dir/run"
	jq -s -c 'map(select(.purpose == "measure" and .outcome == "ok"))' "$dir/run/samples.jsonl" >"$dir/measured"
	# In the file they stand block after block, in order.
	jq -e 'map([.block, .order]) | . == sort' "$dir/measured"
	jq -e 'all(.[]; .rep == .block)' "$dir/measured"
	jq -e 'group_by(.block) | map(map(.cell_id)) | (length == 5) and (map(sort) | unique | length == 1) and
		(unique | length == 5)' "$dir/measured"
	# No block is sorted by subject: neighbours are mostly of different subjects.
	jq -e 'group_by(.block) | all(.[]; . as $b | [range(1; length) | select($b[.].subject != $b[. - 1].subject)] |
		length * 2 > ($b | length))' "$dir/measured"
	# Before them, each cell was verified once.
	jq -e -s '[.[] | select(.outcome == "ok" or .purpose == "verify")] | (map(.purpose != "verify") | index(true)) as $first |
		all(.[0:$first][]; .purpose == "verify") and ([.[] | select(.purpose == "verify")] | length == $first)' \
		"$dir/run/samples.jsonl"
}

@test "the same seed gives the same order, another one another" {
	for seed in 3 3 4; do
		"$tabench" run --samples-only --profile smoke --size 1M --reps 1 --seed $seed --fill 0 --workloads dense-up,shuffled \
			--out "$dir/run.$((n += 1))"
	done
	for n in 1 2 3; do
		jq -r 'select(.purpose == "measure") | .cell_id' "$dir/run.$n/samples.jsonl" >"$dir/order.$n"
	done
	cmp "$dir/order.1" "$dir/order.2"
	run ! cmp "$dir/order.1" "$dir/order.3"
}

@test "overhead pairs: as many with the sampler as without, next to each other" {
	jq -e -s 'map(select(.purpose == "overhead")) | length == 6 and
		([range(0; 6; 2) as $i | [.[$i, $i + 1].params.sampler] | sort == ["off", "on"]] | all) and
		(map(.cell_id) | unique | length == 2)' "$smoke/samples.jsonl"
}

@test "run.json says what machine this is and what was asked" {
	jq -e '.environment as $e | .profile == "smoke" and .run_id == "smoke" and (.seed | type) == "number" and
		$e.page_bytes == '"$(getconf PAGESIZE)"' and $e.kernel.release == "'"$(uname -r)"'" and
		$e.memory.total_bytes > 0 and $e.overcommit.mode == '"$(cat /proc/sys/vm/overcommit_memory)"' and
		([$e | has("cpu", "caches", "numa_nodes", "thp", "mthp", "aslr", "governor", "hypervisor", "load", "libc",
			"compiler", "allocator_versions", "kernel_source", "git", "emulated", "free_page_reporting")] | all) and
		$e.memory_warmed == $e.free_page_reporting and .plan.warm == $e.memory_warmed and
		.plan.repetitions == 3 and .sessions[0].ended == "complete"' "$smoke/run.json"
}

@test "a lazy subject reserves 1 TiB and touches what fits, and says so in its parameters" {
	[ "$(cat /proc/sys/vm/overcommit_memory)" -ne 2 ] || skip "overcommit mode 2 counts every reservation"
	"$tabench" run --samples-only --profile smoke --subjects mmap/noreserve,mmap/populate --workloads sparse-1pct \
		--size 1T --fill 0 --reps 1 --out "$dir/run" --dry-run >"$dir/plan"
	grep -E 'mmap/noreserve\|sparse-1pct\|1099511627776\|1\|0\|max_touched_bytes=[1-9]' "$dir/plan"
	grep -E 'mmap/populate.*unsupported: would commit 1048576 MiB' "$dir/plan"
	"$taworker" --subject mmap/noreserve --workload sparse-1pct --size 1099511627776 --param max_touched_bytes=16777216 \
		>"$dir/record"
	grep 'outcome=ok' "$dir/record"
	grep 'reserved_bytes=1099511627776 touched_pages=4096 ' "$dir/record"
}

@test "list says what cannot run here and why, and list --json is the same in JSON" {
	"$tabench" list >"$dir/list"
	"$tabench" list --json >"$dir/json"
	for name in null mmap mmap/noreserve mmap/populate mmap/thp glibc/calloc glibc/malloc+memset dense-up shuffled \
		sparse-1pct stride-16 read-dense fraction; do
		grep -qF "  $name " "$dir/list"
		jq -e --arg n "$name" 'any(.subjects[], .workloads[]; .name == $n)' "$dir/json"
	done
	jq -e 'all(.subjects[]; .supported == (.reason == null)) and (.probes | length > 2)' "$dir/json"
	grep -q "gives zeros only" "$dir/list"
}

@test "perf missing: recorded with what to install, and the rest goes on" {
	mkdir "$dir/bin"
	run --separate-stderr env PATH="$dir/bin" "$tabench" run "${small[@]}" --perf-stat --out "$dir/run"
	[ "$status" -eq 0 ]
	[[ $stderr == *"unsupported: perf is not installed; apt-get install linux-perf"* ]]
	[ "$(count "$dir/run" '.kind == "stat" and .outcome == "unsupported" and
		(.reason | startswith("unsupported: perf is not installed"))')" -eq 1 ]
	[ "$(count "$dir/run" '.outcome == "ok"')" -eq "$small_samples" ]
}

@test "perf refused: recorded with what it said, and the rest goes on" {
	mkdir "$dir/bin"
	printf '#!/bin/sh\necho "Error: Access to performance monitoring is limited." >&2; exit 255\n' >"$dir/bin/perf"
	chmod +x "$dir/bin/perf"
	run --separate-stderr env PATH="$dir/bin:$PATH" "$tabench" run "${small[@]}" --perf-stat --out "$dir/run"
	[ "$status" -eq 0 ]
	[ "$(count "$dir/run" '.kind == "stat" and .outcome == "unsupported" and (.reason | contains("refused (Error: Access"))')" -eq 1 ]
	[ "$(count "$dir/run" '.outcome == "ok"')" -eq "$small_samples" ]
}

@test "tracefs refused: exact timelines are unsupported with what would help, and the rest goes on" {
	[ "$(cat /proc/sys/kernel/perf_event_paranoid)" -ge 0 ] || skip "this kernel lets everyone trace"
	options=()
	for option in "${small[@]}"; do [ "$option" = --samples-only ] || options+=("$option"); done
	run --separate-stderr unprivileged "$tabench" run "${options[@]}" --out "$dir/run"
	[ "$status" -eq 0 ]
	[ "$(grep -c "exact" <<<"$stderr")" -eq 1 ]
	grep -E '^mmap,exact,unsupported,"[^"]+(root|CAP_PERFMON|perf_event_paranoid)' "$dir/run/timeline/index.csv"
	grep -E '^mmap,sampled,ok,' "$dir/run/timeline/index.csv"
	[ "$(count "$dir/run" '.outcome == "ok"')" -eq "$small_samples" ]
	[ -s "$dir/run/report.html" ]
}

@test "gnuplot missing: one line says what to install, and the report is written without charts" {
	mkdir "$dir/bin"
	ln -s /usr/bin/* "$dir/bin/"
	rm -f "$dir/bin"/gnuplot*
	options=()
	for option in "${small[@]}"; do [ "$option" = --samples-only ] || options+=("$option"); done
	run --separate-stderr env PATH="$dir/bin" "$tabench" run "${options[@]}" --out "$dir/run"
	[ "$status" -eq 0 ]
	[ "$(grep -c "gnuplot" <<<"$stderr")" -eq 1 ]
	[[ $stderr == *"gnuplot-nox"* ]]
	[ -s "$dir/run/report.html" ]
	[ -s "$dir/run/summary.json" ]
	[ "$(count "$dir/run" '.outcome == "ok"')" -eq "$small_samples" ]
}
