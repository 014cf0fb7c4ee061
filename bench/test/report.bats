#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # set by helper.bash and by bats
# tabench report over a real run: what it writes, that it writes the same again, and bad input.
bats_require_minimum_version 1.5.0
load helper

@test "a run ends with tables, charts inside one file, and figures that agree" {
	run --separate-stderr "$tabench" run --profile smoke --subjects null,mmap,glibc/malloc+memset \
		--workloads dense-up,fraction --size 4M --fill 0 --reps 3 --seed 1 --out "$dir/run"
	[ "$status" -eq 0 ]
	[[ $output == *"VERDICT  host, 4 MiB, 1 thread, fill 0, 3 repetitions (too few for a claim)"* ]]
	[[ $output == *"report: $dir/run/report.html"* ]]
	for file in samples.csv cells.csv crossover.csv crossings.csv report.md summary.json; do
		[ -s "$dir/run/$file" ]
	done
	xmllint --noout "$dir/run/report.html"
	# Nothing is fetched and nothing runs; what looks like an address names an XML namespace.
	! grep -E '<(script|link|img|iframe)|@import|url\(["'\'']?[a-z]+:' "$dir/run/report.html" || false
	[ "$(grep -oE '[a-z]+://[^"'\'' ]*' "$dir/run/report.html" | grep -cv '^http://www.w3.org/')" -eq 0 ]
	if command -v gnuplot >/dev/null; then
		[ "$(grep -c '<figure' "$dir/run/report.html")" -eq "$(find "$dir/run/charts" -name '*.svg' | wc -l)" ]
		[ "$(find "$dir/run/charts" -name '*.svg' | wc -l)" -ge 4 ]
		# Two charts never share an id.
		[ -z "$(grep -oE " id=[\"'][^\"']+" "$dir/run/report.html" | sort | uniq -d)" ]
	fi
	# One row for each line; 4 MiB are 1024 pages.
	[ "$(wc -l <"$dir/run/samples.csv")" -eq $(($(wc -l <"$dir/run/samples.jsonl") + 1)) ]
	jq -e '.verify.ok_cells == .verify.passed and .verify.failed == 0' "$dir/run/summary.json"
	jq -e '.verdicts[] | select(.workload == "dense-up") | .subjects | length == 3 and
		(map(select(.subject == "null")) | .[0].ranked == false)' "$dir/run/summary.json"
	jq -e '.crossings | length == 1 and .[0].lazy == "mmap"' "$dir/run/summary.json"
}

@test "written again from its samples alone, the report is the same" {
	"$tabench" run "${small[@]}" --out "$dir/run"
	"$tabench" report --no-plots "$dir/run"
	mkdir "$dir/copy"
	cp "$dir/run/run.json" "$dir/run/samples.jsonl" "$dir/copy/"
	"$tabench" report --no-plots "$dir/copy"
	for file in samples.csv cells.csv crossover.csv crossings.csv report.md report.html summary.json; do
		cmp "$dir/run/$file" "$dir/copy/$file"
	done
}

@test "a torn last line is said and changes nothing else" {
	"$tabench" run "${small[@]}" --out "$dir/run"
	"$tabench" report --no-plots "$dir/run"
	cp "$dir/run/cells.csv" "$dir/cells.csv"
	torn=$(head -c 300 "$dir/run/samples.jsonl")
	printf '%s' "$torn" >>"$dir/run/samples.jsonl"
	run --separate-stderr "$tabench" report --no-plots "$dir/run"
	[ "$status" -eq 0 ]
	[[ $stderr == *"torn line (300 bytes"* ]]
	grep -q "torn line (300 bytes" "$dir/run/report.html"
	cmp "$dir/cells.csv" "$dir/run/cells.csv"
}

@test "no run, no directory, two directories, an unknown option: one line and the exit code" {
	run --separate-stderr "$tabench" report "$dir/none"
	[ "$status" -eq 1 ]
	one_line "holds no samples.jsonl"
	run --separate-stderr "$tabench" report
	[ "$status" -eq 2 ]
	one_line "results/latest"
	run --separate-stderr "$tabench" report a b
	[ "$status" -eq 2 ]
	one_line "one directory"
	run --separate-stderr "$tabench" report --plots "$dir"
	[ "$status" -eq 2 ]
	one_line "unknown option '--plots'"
}
