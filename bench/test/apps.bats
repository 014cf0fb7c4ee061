#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2154 # for recipes; set by helper.bash
# tabench apps: rows, what is wrong, missing or refused, and that each program does its work.
bats_require_minimum_version 1.5.0
load helper

setup() {
	recipes=$dir/recipes
	export TMPDIR=$dir/tmp
	mkdir "$recipes" "$dir/bin" "$TMPDIR"
	LIBRARIES='glibc jemalloc mimalloc tamalloc/preload tcmalloc'
}

# recipe NAME : from the body on stdin.
recipe() {
	{
		echo "summary='for a test' short=yes"
		cat
	} >"$recipes/$1.sh"
}

tiny() { # long enough for the sampler
	recipe tiny <<-'END'
		command=(sh -c "sleep 0.2; echo \"it's  done\"")
		expected() { echo "it's  done"; }
	END
}

# Programs by these names and no others can be run.
only() { # NAME...
	local name
	for name in "$@"; do ln -sf "$(type -P "$name")" "$dir/bin/$name"; done
}

refuse() { # NAME : it is there, and fails
	printf '#!/bin/sh\necho "%s says no" >&2; exit 1\n' "$1" >"$dir/bin/$1"
	chmod +x "$dir/bin/$1"
}

apps() { # ARGUMENT... : a run in $dir/run, by $program, with commands from $path
	run --separate-stderr env PATH="${path:-$PATH}" "${program:-$tabench}" apps --recipes "$recipes" --out "$dir/run" --short "$@"
}

rows() { count "$dir/run" ".kind == \"app\" and ($1)"; }

libraries() { # how many libraries are here
	jq -s '[.[] | select(.purpose == "verify" and .outcome == "ok") | .subject] | unique | length' "$dir/run/samples.jsonl"
}

@test "apps: each program under each library, once a round, in an order of its own; rows are valid" {
	command -v hyperfine || skip "hyperfine is not installed"
	tiny
	apps --rounds 4 --seed 3
	[ "$status" -eq 0 ]
	instances=()
	jq -c . "$dir/run/samples.jsonl" | split -l 1 -a 5 - "$dir/line."
	for line in "$dir"/line.*; do instances+=(-i "$line"); done
	/usr/bin/python3 -m jsonschema "${instances[@]}" "$root/results/schema.json"
	no_duplicates "$dir/run"
	[ "$(jq -rs 'map(.subject) | unique | join(" ")' "$dir/run/samples.jsonl")" = "$LIBRARIES" ]
	[ "$(rows '.purpose == "measure" and .outcome == "ok" and .metrics.time_ns > 0')" -eq $((4 * $(libraries))) ]
	[ "$(rows '.purpose == "verify" and .outcome == "ok" and (.verified | not)')" -eq 0 ]
	[ "$(rows '.purpose == "verify" and .outcome == "ok" and .metrics.peak_committed_bytes >= (.metrics.average_committed_bytes // 0)
		and .metrics.peak_committed_bytes > 1000000')" -eq "$(libraries)" ]
	# Some round has another order than the first.
	jq -es 'map(select(.purpose == "measure")) | group_by(.rep) | map(sort_by(.order) | map(.subject)) | unique | length > 1' \
		"$dir/run/samples.jsonl"
	# Each column of apps.csv is explained, and each row is there.
	for column in $(head -n 1 "$dir/run/apps.csv" | tr , ' '); do grep -q "^| .$column. |" "$root/results/README.md"; done
	[ "$(wc -l <"$dir/run/apps.csv")" -eq 6 ]
	jq -e '.apps | length == 5 and (map(select(.subject == "glibc"))[0].time_ratio.median == 1)' "$dir/run/summary.json"
	# The JSON of hyperfine is kept, and says the same.
	[ "$(find "$dir/run/apps" -name 'tiny-*.json' | wc -l)" -eq 4 ]
	jq -es --slurpfile h "$dir/run/apps/tiny-00.json" 'map(select(.purpose == "measure" and .rep == 0 and .subject == "glibc"))[0] |
		(.metrics.time_ns - ($h[0].results[] | select(.command == "glibc") | .times[0]) * 1e9 | fabs) < 1' "$dir/run/samples.jsonl"
	[ -z "$(ls "$TMPDIR")" ] # nothing is left behind
}

@test "apps: a library is really there, and nowhere else" {
	recipe maps <<<'command=(sh -c "grep -oE \"libjemalloc|libmimalloc|libtcmalloc|libtamalloc-preload\" /proc/self/maps | sort -u >>seen-\$\$; cat seen-\$\$")
		expected() { :; }'
	refuse perf
	refuse hyperfine
	path=$dir/bin:$PATH apps
	[ "$status" -eq 1 ] # each of them prints its name, which it must not
	[ "$(rows '.subject == "glibc" and .purpose == "verify" and .outcome == "ok"')" -eq 1 ]
	[ "$(rows '.subject == "tamalloc/preload" and .purpose == "verify" and .outcome == "failed"')" -eq 1 ]
	[ "$(rows '.subject != "glibc" and .outcome == "ok"')" -eq 0 ]
}

@test "apps: a library that the loader refuses is a failure, one that is missing is unsupported" {
	tiny
	refuse perf
	refuse hyperfine
	mkdir -p "$dir/tree/build/allocators/libtamalloc"
	cp "$tabench" "$dir/tree/build/tabench"
	ln -s "$root/scripts" "$dir/tree/scripts"
	program=$dir/tree/build/tabench
	path=$dir/bin:$PATH apps
	[ "$status" -eq 0 ]
	[ "$(rows '.subject == "tamalloc/preload" and .outcome == "unsupported" and (.reason | contains("is not there; build again"))')" -eq 1 ]
	rm -r "$dir/run"
	echo "no library" >"$dir/tree/build/allocators/libtamalloc/libtamalloc-preload.so"
	path=$dir/bin:$PATH apps
	[ "$status" -eq 1 ]
	[ "$(rows '.subject == "tamalloc/preload" and .outcome == "failed" and (.reason | contains("ERROR: ld.so: object"))')" -eq 1 ]
	[ "$(rows '.subject == "glibc" and .purpose == "verify" and .outcome == "ok"')" -eq 1 ]
}

@test "apps: a wrong output is a failure: said, exit code 1, neither timed nor in the table" {
	tiny
	recipe wrong <<<'command=(sh -c "echo one; case \$LD_PRELOAD in *tamalloc*) echo three ;; *) echo two ;; esac")
		expected() { printf "one\ntwo\n"; }'
	refuse perf
	path=$dir/bin:$PATH apps --rounds 1
	[ "$status" -eq 1 ]
	[[ $stderr == *"apps: wrong under tamalloc/preload: its output is wrong: line 2 is not what it must be"* ]]
	[ "$(rows '.workload == "wrong" and .subject == "tamalloc/preload"')" -eq 1 ]
	[ "$(rows '.workload == "wrong" and .subject == "tamalloc/preload" and .outcome == "failed" and .metrics == {}')" -eq 1 ]
	[ "$(rows '.workload == "wrong" and .subject == "glibc" and .purpose == "verify" and .outcome == "ok"')" -eq 1 ]
	run ! grep -F '| wrong | tamalloc/preload |' "$dir/run/report.md"
	grep -F '| wrong | glibc |' "$dir/run/report.md"
	grep -F 'wrong, tamalloc/preload: failed: its output is wrong' "$dir/run/report.md"
	# And so it stays when the run is continued.
	run --separate-stderr env PATH="$dir/bin:$PATH" "$tabench" apps --recipes "$recipes" --run "$dir/run" --short --rounds 1
	[ "$(rows '.workload == "wrong" and .subject == "tamalloc/preload"')" -eq 1 ]
}

@test "apps: a program that fails is recorded, and the others are measured" {
	tiny
	recipe fails <<<'command=(sh -c "echo so it is >&2; exit 7"); expected() { :; }'
	refuse perf
	refuse hyperfine
	path=$dir/bin:$PATH apps
	[ "$status" -eq 1 ]
	[ "$(rows '.workload == "fails" and .reason == "it ended with exit status 7: so it is"')" -eq "$(libraries)" ]
	[ "$(rows '.workload == "fails" and .outcome == "ok"')" -eq 0 ]
}

@test "apps: hyperfine and perf missing or refused: unsupported rows, and the rest goes on" {
	tiny
	only bash env realpath dirname rm sh sleep
	path=$dir/bin apps
	[ "$status" -eq 0 ]
	n=$(libraries)
	[ "$n" -ge 2 ]
	[ "$(rows '.purpose == "measure" and .outcome == "unsupported" and (.reason | startswith("hyperfine is not installed; apt-get"))')" -eq "$n" ]
	[ "$(rows '.purpose == "faults" and .outcome == "unsupported" and (.reason | contains("perf is not installed; apt-get"))')" -eq "$n" ]
	grep -F 'tiny, glibc: ok, but ' "$dir/run/report.md"
	rm -r "$dir/run"
	refuse hyperfine
	refuse perf
	path=$dir/bin:$PATH apps
	[ "$status" -eq 0 ]
	[ "$(rows '.purpose == "measure" and .outcome == "unsupported" and (.reason | contains("(hyperfine says no)"))')" -eq "$n" ]
	[ "$(rows '.purpose == "faults" and .outcome == "unsupported" and (.reason | contains("(perf says no)"))')" -eq "$n" ]
	[ "$(rows '.purpose == "verify" and .outcome == "ok"')" -eq "$n" ]
}

@test "apps: a program that is not here is unsupported with its package; nothing else: exit code 4" {
	recipe absent <<<'needs=(no-such-program=its-package) command=(no-such-program); expected() { :; }'
	apps
	[ "$status" -eq 4 ]
	[ "$(rows '.outcome == "unsupported" and .reason == "no-such-program is not installed; apt-get install its-package"')" -eq 5 ]
}

@test "apps: a run that is continued takes only what is missing" {
	command -v hyperfine || skip "hyperfine is not installed"
	tiny
	apps --rounds 2
	[ "$status" -eq 0 ]
	cp "$dir/run/samples.jsonl" "$dir/whole"
	jq -c 'select(.purpose != "measure" or .rep == 0)' "$dir/whole" >"$dir/run/samples.jsonl"
	cp "$dir/run/samples.jsonl" "$dir/kept"
	"$tabench" apps --recipes "$recipes" --run "$dir/run" --short --rounds 2 >/dev/null
	cmp -n "$(stat -c %s "$dir/kept")" "$dir/kept" "$dir/run/samples.jsonl"
	[ "$(wc -l <"$dir/run/samples.jsonl")" -eq "$(wc -l <"$dir/whole")" ]
	no_duplicates "$dir/run"
}

@test "apps: interrupted: what was taken is kept, nothing runs on, it can be continued" {
	recipe slow <<<"command=(sh -c 'sleep 300 & echo \$\$ \$! >>$dir/pids; wait'); expected() { :; }"
	tiny
	"$tabench" apps --recipes "$recipes" --out "$dir/run" --short tiny slow >/dev/null 2>"$dir/err" 3>&- &
	tabench_pid=$!
	wait_for test -s "$dir/pids"
	kill -INT "$tabench_pid"
	status=0
	wait "$tabench_pid" || status=$?
	[ "$status" -eq 1 ]
	grep -q "interrupted; continue with --run $dir/run" "$dir/err"
	[ -z "$(ls "$TMPDIR")" ]
	[ "$(rows '.workload == "slow"')" -eq 0 ]
	while read -r one other; do wait_for gone "$one" && wait_for gone "$other"; done <"$dir/pids"
}

@test "apps: bad input" {
	tiny
	for arguments in "tiny" "--out $dir/run --run $dir/run" "--out $dir/run tyni" "--out $dir/run --rounds 0" "--nonsense"; do
		# shellcheck disable=SC2086 # words
		run --separate-stderr "$tabench" apps --recipes "$recipes" $arguments
		[ "$status" -eq 2 ]
		one_line ""
	done
	[ ! -e "$dir/run" ]
	run --separate-stderr "$tabench" apps --recipes "$recipes" --run "$dir/none"
	[ "$status" -eq 1 ]
	"$tabench" apps --list | grep -q '^hash-join *short *[a-z]'
	"$tabench" apps --help | grep -q -- --short
}

@test "apps: each program of bench/apps prints what it must, under each library" {
	refuse perf
	refuse hyperfine
	recipes=$root/bench/apps
	path=$dir/bin:$PATH apps gcc hash-join numpy-dense numpy-sparse redis sqlite3
	jq -r 'select(.purpose == "verify" and .outcome != "ok") | [.workload, .subject, .outcome, .reason] | @tsv' "$dir/run/samples.jsonl" >&2
	[ "$status" -eq 0 ]
	[ "$(rows '.purpose == "verify"')" -eq 30 ]
	[ "$(rows '.purpose == "verify" and .outcome == "unsupported" and .reason == null')" -eq 0 ]
	# Memory does not depend on the machine's load: what is written sparsely is committed sparsely.
	jq -es 'map(select(.workload == "hash-join" and .purpose == "verify")) |
		(map(select(.subject == "glibc"))[0].metrics.peak_committed_bytes) as $glibc |
		(map(select(.subject == "tamalloc/preload"))[0].metrics.peak_committed_bytes) * 2 < $glibc' "$dir/run/samples.jsonl"
}
