#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Every chart from made-up runs: drawn without a word from gnuplot, valid XML, no text cut or overlapping.

bats_require_minimum_version 1.5.0
load fixture

SUBJECTS="null glibc/calloc glibc/malloc+memset mmap mmap/noreserve mmap/populate mmap/thp"
WORKLOADS="dense-up shuffled sparse-1pct stride-16 read-dense fraction"
REGRETS="regret-memory-host-fill-0 regret-memory-host-fill-171 regret-time-host-fill-0 regret-time-host-fill-171"
LATENCIES="latency-alloc-host latency-small-host latency-touch-host"
CHARTS="cost-host crossover-host headline $LATENCIES pareto-host $REGRETS timeline-faults timeline-memory"

setup() {
	root=$BATS_TEST_DIRNAME/../..
	run_dir=$BATS_TEST_TMPDIR/run
	mkdir "$run_dir"
}

draw() {
	run --separate-stderr "$root/scripts/plots.sh" "$run_dir"
	# shellcheck disable=SC2154 # set by run
	[ "$stderr" = "" ] || { echo "$stderr"; false; }
	[ "$status" -eq 0 ]
}

drawn() { (cd "$run_dir/charts" && for f in *.svg; do [ ! -e "$f" ] || echo "${f%.svg}"; done | xargs); }

sound() { # each chart drawn: XML, texts in place, a title and a caption
	local svg wrong
	for svg in "$run_dir"/charts/*.svg; do
		xmllint --noout "$svg"
		wrong=$(awk -f "$BATS_TEST_DIRNAME/texts.awk" "$svg")
		[ -z "$wrong" ] || { echo "${svg##*/}: $wrong"; false; }
		[ "$(wc -l <"${svg%.svg}.txt")" -eq 2 ]
		grep -qi "lower is better" "${svg%.svg}.txt"
		grep -q '^What to see: .* Figures: [a-z].*\.$' "${svg%.svg}.txt"
		wrong=$(light_only "$svg")
		[ -z "$wrong" ] || { echo "${svg##*/}: theme.gp names no dark counterpart of $wrong"; false; }
	done
}

light_only() { # SVG : the colours in it that a reader who asked for a dark page would see unchanged
	local colour
	grep -oE "(fill|stroke|color) ?= ?[\"'](rgb\([^)]*\)|#[0-9a-fA-F]{6})" "$1" | grep -oE '(rgb|#)[^"]*$' | sort -u |
		while read -r colour; do
			grep -qF "[fill=\"$colour\"]" <(grep '^<style>' "$1") || echo "$colour"
		done
}

holds() { grep -qF -- ">$2<" "$run_dir/charts/$1.svg" || { echo "$1 has no '$2'"; false; }; }

@test "charts: a whole run gives each chart, with its names, units and crossing" {
	fixture_cells "$run_dir" host "$SUBJECTS" "$WORKLOADS"
	fixture_fraction "$run_dir" host "$SUBJECTS"
	fixture_latency "$run_dir" host "$SUBJECTS"
	fixture_timelines "$run_dir" "$SUBJECTS"
	draw
	[ "$(drawn)" = "$CHARTS" ]
	sound
	for chart in $REGRETS $LATENCIES; do holds "$chart" mmap/thp; done
	holds regret-time-host-fill-0 "Regret in time, by workload"
	holds regret-time-host-fill-0 sparse-1pct
	run ! grep -qF ">null<" "$run_dir/charts/regret-time-host-fill-0.svg"
	holds regret-memory-host-fill-0 "+" # an eager subject, where only reading is asked for
	holds latency-touch-host "share of the touches that took at least so long"
	holds latency-touch-host "0.01 %"
	holds latency-alloc-host "256 MiB"
	run ! grep -qF ">alloc-latency<" "$run_dir/charts/cost-host.svg"
	for chart in cost-host crossover-host pareto-host; do
		for subject in glibc/calloc glibc/malloc+memset mmap mmap/thp; do holds $chart "$subject"; done
	done
	holds cost-host "read-dense, fill 171"
	holds cost-host "unsupported"
	holds cost-host "ns per touched page (logarithmic), lower is better"
	holds pareto-host "committed, MiB"
	holds crossover-host "above 74 % touched, mmap/populate is cheaper than mmap"
	holds crossover-host "ms, lower is better"
	holds timeline-memory "mmap: 2.00 MiB before first touch, 258 after last"
	holds timeline-memory "glibc/malloc+memset: 258 MiB before first touch, 258 after last"
	holds timeline-faults "mmap: 0 faults before first touch, 65,536 after it"
	holds timeline-faults "mmap/populate: 65,536 faults before first touch, 0 after it"
	for label in reserve "25 %" "50 %" "75 %" "100 %" free MiB; do holds timeline-memory "$label"; done
	# Not by colour alone: dashes in the lines, several point shapes.
	grep -q "stroke-dasharray" "$run_dir/charts/crossover-host.svg"
	[ "$(grep -o "xlink:href='#gpPt[0-9]*' transform" "$run_dir/charts/pareto-host.svg" | sort -u | wc -l)" -ge 5 ]
	[ "$(grep -o "xlink:href='#gpPt[0-9]*' transform" "$run_dir/charts/crossover-host.svg" | sort -u | wc -l)" -ge 5 ]
}

@test "charts: host and VM never share one, and each says its own unit" {
	fixture_cells "$run_dir" "host vm" "$SUBJECTS" "$WORKLOADS"
	fixture_fraction "$run_dir" "host vm" "$SUBJECTS"
	fixture_latency "$run_dir" "host vm" "$SUBJECTS"
	draw
	[ "$(drawn)" = "$(for chart in $CHARTS; do case $chart in timeline* | headline) ;; *) echo "$chart" "${chart/host/vm}" ;; esac; done | xargs -n 1 | LC_ALL=C sort | xargs)" ]
	sound
	for chart in cost crossover pareto latency-touch latency-alloc latency-small; do
		run ! grep -q instructions "$run_dir/charts/$chart-host.svg"
		grep -q instructions "$run_dir/charts/$chart-vm.svg"
		run ! grep -qE ">(ns|ms)[ ,<]" "$run_dir/charts/$chart-vm.svg"
	done
}

@test "charts: what asking for all processes costs, by their number" {
	fixture_cells "$run_dir" "host vm" "mmap" "dense-up"
	fixture_statistics "$run_dir" "host vm"
	draw
	[[ " $(drawn) " == *" statistics-host statistics-vm "* ]]
	sound
	for text in 100 1,000 5,000 "processes (logarithmic)" tamstat/proc-cached program/ps; do
		holds statistics-host "$text"
		holds statistics-vm "$text"
	done
	holds statistics-vm tamstat/syscall
	run ! grep -qF ">tamstat/syscall<" "$run_dir/charts/statistics-host.svg"
	grep -q "thousand instructions (logarithmic), lower is better" "$run_dir/charts/statistics-vm.svg"
	grep -q "microseconds (logarithmic), lower is better" "$run_dir/charts/statistics-host.svg"
	# One number of processes only: no line to draw.
	sed -i '/,1000,\|,5000,/d' "$run_dir/samples.csv"
	draw
	[[ " $(drawn) " != *" statistics-"* ]]
}

@test "charts: whole programs, one panel each, without what failed" {
	: >"$run_dir/cells.csv"
	fixture_apps "$run_dir" "gcc hash-join redis" "glibc jemalloc mimalloc tamalloc/preload tcmalloc"
	draw
	[ "$(drawn)" = apps ]
	sound
	for text in gcc hash-join redis glibc tamalloc/preload milliseconds "peak committed, MiB"; do holds apps "$text"; done
	[ "$(grep -c ">tcmalloc<" "$run_dir/charts/apps.svg")" -eq 2 ]
	[ "$(grep -c ">glibc<" "$run_dir/charts/apps.svg")" -eq 3 ]
	# A run without any has no such chart.
	head -n 1 "$run_dir/apps.csv" >"$run_dir/empty" && mv "$run_dir/empty" "$run_dir/apps.csv"
	draw
	[ "$(drawn)" = "" ]
}

@test "charts: one subject only" {
	fixture_cells "$run_dir" host mmap "dense-up fraction"
	fixture_fraction "$run_dir" host mmap
	fixture_latency "$run_dir" host mmap
	fixture_timelines "$run_dir" mmap
	draw
	[ "$(drawn)" = "${CHARTS/$REGRETS /}" ] # nothing to compare it with
	sound
}

@test "charts: the first one shows few subjects: eager, lazy and this project's own, else the first three" {
	fixture_cells "$run_dir" host mmap dense-up
	fixture_timelines "$run_dir" "null $SUBJECTS tamalloc/lib-plain"
	draw
	sound
	for subject in glibc/malloc+memset glibc/calloc tamalloc/lib-plain; do
		grep -q ">$subject: " "$run_dir/charts/headline.svg"
	done
	[ "$(grep -c "before first touch" "$run_dir/charts/headline.svg")" -eq 3 ]
	rm "$run_dir/timeline/"*
	fixture_timelines "$run_dir" "one two three four"
	draw
	for subject in one two three; do grep -q ">$subject: " "$run_dir/charts/headline.svg"; done
	run ! grep -q ">four: " "$run_dir/charts/headline.svg"
}

@test "charts: thirty subjects with long names" {
	subjects=$(for i in $(seq 10 39); do echo "tamalloc/a-library-$i$( ((i % 3)) || echo -memset)"; done | xargs)
	fixture_cells "$run_dir" host "$subjects" "$WORKLOADS"
	fixture_fraction "$run_dir" host "$subjects"
	fixture_latency "$run_dir" host "$subjects"
	fixture_timelines "$run_dir" "$subjects"
	draw
	[ "$(drawn)" = "$CHARTS" ]
	sound
	for chart in ${CHARTS/headline /}; do
		grep -q "tamalloc/a-library-38" "$run_dir/charts/$chart.svg"
		grep -q "tamalloc/a-l…39-memset" "$run_dir/charts/$chart.svg"
	done
	[ "$(du -cb "$run_dir"/charts/*.svg | tail -n 1 | cut -f 1)" -lt 3000000 ]
}

@test "charts: of more subjects than lines can be told apart, latencies show those that most workloads measure" {
	few=$(for i in $(seq 10 29); do echo "library-$i"; done | xargs)
	fixture_cells "$run_dir" host "$few" sparse-1pct
	tail -n +2 "$run_dir/cells.csv" >"$BATS_TEST_TMPDIR/few"
	fixture_cells "$run_dir" host "$SUBJECTS" "$WORKLOADS"
	cat "$BATS_TEST_TMPDIR/few" >>"$run_dir/cells.csv"
	fixture_latency "$run_dir" host "$SUBJECTS $few"
	draw
	sound
	for chart in $LATENCIES; do
		for subject in ${SUBJECTS#null }; do holds "$chart" "$subject"; done
		run ! grep -q library "$run_dir/charts/$chart.svg"
		grep -q "Of 2[67] subjects the [67] are shown that most workloads measure" "$run_dir/charts/$chart.txt"
	done
	# The workload that all of them share is the first column of the heat map: all rows are in its first part.
	[ "$(grep -oE '>(dense-up|sparse-1pct)<' "$run_dir/charts/regret-time-host-fill-0.svg" | head -n 1)" = ">sparse-1pct<" ]
	for subject in $few; do holds regret-time-host-fill-0 "$subject"; done
}

@test "charts: without fraction and without timelines there are fewer" {
	fixture_cells "$run_dir" host "$SUBJECTS" "dense-up sparse-1pct"
	draw
	[ "$(drawn)" = "cost-host pareto-host $REGRETS" ]
	sound
}

@test "charts: more workloads than fit side by side" {
	fixture_cells "$run_dir" host "$SUBJECTS" "$(for i in $(seq 10 38); do echo "workload-no-$i"; done | xargs)"
	draw
	[ "$(drawn)" = "cost-host pareto-host $REGRETS" ]
	sound
	holds regret-time-host-fill-0 "workload-no-38"
}

@test "charts: a run in which all is unsupported has none, and old ones go" {
	fixture_cells "$run_dir" host mmap dense-up
	draw
	[ "$(drawn)" = "cost-host pareto-host" ]
	sed -i -E '2,$s/,ok,.*/,unsupported,"not here",,,,,,,,,,,,,,,,,,,,,,,/' "$run_dir/cells.csv"
	draw
	[ "$(drawn)" = "" ]
}

@test "charts: steps too close for their names leave some out rather than overlap" {
	fixture_cells "$run_dir" host mmap dense-up
	fixture_timelines "$run_dir" "mmap" 3
	awk -F, -v OFS=, 'NR > 1 && $6 == "end" { $1 = "4000000000" } 1' "$run_dir/timeline/mmap.csv" >"$run_dir/x"
	mv "$run_dir/x" "$run_dir/timeline/mmap.csv"
	draw
	sound
}

@test "charts: a program without marks, and an empty timeline" {
	fixture_cells "$run_dir" host mmap dense-up
	fixture_timelines "$run_dir" "mmap mmap/thp"
	sed -i '/[a-z]$/{1!d}' "$run_dir/timeline/mmap.csv"
	sed -i '2,$d' "$run_dir/timeline/mmap-thp.csv"
	draw
	[ "$(drawn)" = "cost-host headline pareto-host timeline-faults timeline-memory" ]
}

@test "charts: gnuplot missing is one line, and no failure" {
	fixture_cells "$run_dir" host mmap dense-up
	mkdir "$BATS_TEST_TMPDIR/bin"
	for tool in bash dirname mkdir; do ln -s "$(command -v $tool)" "$BATS_TEST_TMPDIR/bin/"; done
	run --separate-stderr env PATH="$BATS_TEST_TMPDIR/bin" bash "$root/scripts/plots.sh" "$run_dir"
	[ "$status" -eq 0 ]
	[ "$stderr" = "charts: unsupported: install gnuplot-nox" ]
}

@test "charts: wrong usage and missing input say what would be right" {
	run --separate-stderr "$root/scripts/plots.sh"
	[ "$status" -eq 2 ]
	[[ $stderr == "charts: usage: "* ]]
	run --separate-stderr "$root/scripts/plots.sh" "$run_dir/nothing"
	[ "$status" -eq 2 ]
	[[ $stderr == *"is no directory"* ]]
	run --separate-stderr "$root/scripts/plots.sh" "$run_dir"
	[ "$status" -eq 1 ]
	[[ $stderr == *"has no cells.csv; write it with: build/tabench report"* ]]
}

@test "charts: CSV with quotes and commas in fields keeps its columns" {
	printf '%s\n' 'a,b,c' '1,"x, ""y""",2' '"",,"z"' >"$run_dir/x.csv"
	run awk -f "$root/plots/csv.awk" "$run_dir/x.csv"
	[ "$output" = "$(printf 'a\tb\tc\n1\tx, "y"\t2\n\t\tz')" ]
}

@test "charts: each chart file has its line in plots/README.md" {
	for chart in "$root"/plots/*.gp; do
		name=${chart##*/}
		[ "$name" = theme.gp ] && continue
		grep -qF "\`$name\`" "$root/plots/README.md"
	done
}
