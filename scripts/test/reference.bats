#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2016,SC2013 # set by bats; backticks of Markdown; names without blanks
# The figures in README.md are those of the run in results/reference, and that is a run like any other.
bats_require_minimum_version 1.5.0

setup() {
	root=$BATS_TEST_DIRNAME/../..
	copy=$BATS_TEST_TMPDIR/tree # what is committed, to be broken
	mkdir -p "$copy/results"
	cp "$root/README.md" "$copy/"
	[ ! -d "$root/results/reference" ] || cp -r "$root/results/reference" "$copy/results/"
	export TA_ROOT=$copy
}

check() { run --separate-stderr "$root/scripts/reference.sh" --check; }

@test "reference: README's figures and summary.csv are what the committed samples evaluate to" {
	check
	echo "$stderr"
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
}

@test "reference: a figure that is changed anywhere is found: README's text and table, the summary, the samples" {
	sed -i -E '/reference:headline/,/\/reference/s/([0-9])\.([0-9]+) times that/\19.\2 times that/' "$copy/README.md"
	sed -i '2s/,9,/,8,/' "$copy/results/reference/summary.csv"
	check
	[ "$status" -eq 1 ]
	[[ $stderr == *"README.md does not say what the samples say"* && $stderr == *"summary.csv does not say what the samples say"* ]]

	cp "$root/README.md" "$copy/"
	cp "$root/results/reference/summary.csv" "$copy/results/reference/"
	sed -i -E '/reference:tables/,/\/reference/s/^(\| `sparse-1pct` .* )([0-9.]+) \|$/\11.23 |/' "$copy/README.md"
	check
	[ "$status" -eq 1 ]

	cp "$root/README.md" "$copy/"
	"$root/scripts/reference.sh" --unpack "$BATS_TEST_TMPDIR/run"
	sed -i -E 's/("workload":"dense-up".*"name":"touch","cost":)/\11/' "$BATS_TEST_TMPDIR/run/samples.jsonl"
	tar -C "$BATS_TEST_TMPDIR/run" -cJf "$copy/results/reference/run.tar.xz" .
	check
	[ "$status" -eq 1 ]
	[[ $stderr == *"README.md does not say"* && $stderr == *"summary.csv does not say"* ]]
}

@test "reference: no measured figure in README.md but in the generated blocks" {
	prose=$(awk '/^```/ { code = !code } /<!-- reference:/ { made = 1 } !code && !made { print } /<!-- \/reference/ { made = 0 }' "$root/README.md" |
		sed 's/95 % interval//')
	run grep -nE '[0-9] ?(ns|µs|ms|s|min|minutes|seconds|hours|%|x|times|instructions|faults|bytes a)\b' <<<"$prose"
	echo "$output"
	[ "$status" -eq 1 ]
}

@test "reference: the run can be reported, compared and taken again; what it says of the machine is there" {
	"$root/scripts/reference.sh" --unpack "$BATS_TEST_TMPDIR/run"
	run --separate-stderr "$root/build/tabench" compare --all --subject glibc/calloc --to mmap "$BATS_TEST_TMPDIR/run"
	[ "$status" -ne 1 ] && [ "$status" -ne 2 ]
	[[ $output == *dense-up* ]]
	jq -e '.environment | .cpu.model and .kernel.release and .memory.total_bytes and .libc and .compiler' "$BATS_TEST_TMPDIR/run/run.json"
	cmp "$BATS_TEST_TMPDIR/run/run.json" "$copy/results/reference/run.json"
	# From the run itself the same comes out, to the byte.
	rm -r "$copy/results/reference"
	"$root/scripts/reference.sh" --unpack "$BATS_TEST_TMPDIR/none" && false
	"$root/scripts/reference.sh" "$BATS_TEST_TMPDIR/run"
	for file in summary.csv run.json; do cmp "$copy/results/reference/$file" "$root/results/reference/$file"; done
	cmp "$copy/README.md" "$root/README.md"
}

@test "reference: what is small enough, and no address of the machine's provider" {
	[ "$(du -sk --apparent-size "$root/results/reference" | cut -f 1)" -lt 1000 ]
	for picture in $(grep -oE '\]\((results/reference|charts)/[^)]*\)' "$root/README.md" | tr -d '](' | tr -d ')'); do [ -s "$root/$picture" ]; done
	for picture in $(sed -nE 's/^!\[.*\]\((.*)\)$/\1/p' "$root/results/reference/report.md"); do [ -s "$root/results/reference/$picture" ]; done
	run ! grep -rE '[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+:|vsock|--addr' "$root/results/reference/run.json" "$root/results/reference/report.md"
}

@test "reference: bad input is one line that says what would be right, and nothing is written" {
	for arguments in "" "--what" "a b" "--check x" "--unpack"; do
		# shellcheck disable=SC2086 # several words
		run --separate-stderr "$root/scripts/reference.sh" $arguments
		[ "$status" -eq 2 ]
		[[ $stderr == "reference: usage: "* ]]
	done
	run --separate-stderr "$root/scripts/reference.sh" "$BATS_TEST_TMPDIR"
	[ "$status" -eq 1 ]
	[[ $stderr == *"is not the directory of a run"* ]]
	# A run that is no reference: of another profile, or interrupted.
	"$root/scripts/reference.sh" --unpack "$BATS_TEST_TMPDIR/run"
	for change in '.profile = "smoke"' '.sessions[-1].ended = "interrupted"'; do
		jq "$change" "$copy/results/reference/run.json" >"$BATS_TEST_TMPDIR/run/run.json"
		run --separate-stderr "$root/scripts/reference.sh" "$BATS_TEST_TMPDIR/run"
		[ "$status" -eq 1 ]
		[[ $stderr == *"no complete run of the default profile"* ]]
	done
	diff -r "$root/results/reference" "$copy/results/reference"
	cmp "$root/README.md" "$copy/README.md"
	sed -i '/reference:tables/d' "$copy/README.md"
	check
	[ "$status" -eq 1 ]
	[[ $stderr == *"has no block tables"* ]]
}
