#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# plots.sh RUN : draw the charts of a run (a directory under results/) into RUN/charts, one SVG and one
# text (title, then caption) each, from its CSV files only. plots/README.md says how a chart is made.
# What was drawn earlier and cannot be drawn any more goes. Exit status: 0 also where gnuplot is missing.
set -euo pipefail

die() {
	echo "charts: $2" >&2
	exit "$1"
}

plots=$(cd "$(dirname "${BASH_SOURCE[0]}")/../plots" && pwd)
[ $# -eq 1 ] || die 2 "usage: scripts/plots.sh RUN (a directory such as results/latest)"
[ -d "$1" ] || die 2 "'$1' is no directory; give a run's, such as results/latest"
run=$(cd "$1" && pwd)
[ -r "$run/cells.csv" ] || die 1 "$run has no cells.csv; write it with: build/tabench report $1"
command -v gnuplot >/dev/null || die 0 "unsupported: install gnuplot-nox"
charts=$run/charts
mkdir -p "$charts" || die 1 "cannot write $charts"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for name in cells crossover crossings latency timeline/index timeline-vm/index; do
	tsv=$work/${name//\//-}.tsv
	: >"$tsv"
	[ ! -r "$run/$name.csv" ] || awk -f "$plots/csv.awk" "$run/$name.csv" >"$tsv"
done
values_of() { # COLUMN of cells.csv: each value that occurs
	awk -F'\t' -v name="$1" 'FNR == 1 { for (i = 1; i <= NF; i++) if ($i == name) c = i; next }
		$c != "" && !seen[$c]++ { print $c }' "$work/cells.tsv"
}
targets=$(values_of target)
fills=$(values_of fill)

failed=0
# draw NAME CHART AWK-FILE INPUT [AWK-VARIABLE=VALUE ...] : one chart; nothing if there is nothing to show.
draw() {
	local name=$1 chart=$2 program=$3 input=$4 dir=$work/$1 variables=() assignment said
	shift 4
	for assignment in "$@"; do variables+=(-v "$assignment"); done
	rm -f "$charts/$name.svg" "$charts/$name.txt"
	[ -s "$input" ] || return 0
	mkdir "$dir"
	LC_ALL=C awk -v dir="$dir" "${variables[@]}" -f "$plots/lib.awk" -f "$plots/labels.awk" -f "$plots/$program" "$input"
	[ -s "$dir/vars.gp" ] || return 0
	said=$(LC_ALL=C.UTF-8 gnuplot -e "plots = '$plots'; dir = '$dir'; out = '$dir/out.svg'" \
		-e "load '$dir/vars.gp'" "$plots/$chart.gp" 2>&1) || failed=1
	if [ -n "$said" ]; then
		echo "charts: $name: gnuplot says: $said" >&2
		failed=1
	fi
	[ -s "$dir/out.svg" ] || return 0
	sed "s|<title>Gnuplot</title>|<title>$(head -n 1 "$dir/caption.txt")</title>|" "$dir/out.svg" >"$charts/$name.svg"
	mv "$dir/caption.txt" "$charts/$name.txt"
}

for want in memory faults; do
	draw "timeline-$want" "timeline-$want" timeline.awk "$work/timeline-index.tsv" "run=$run/timeline" "want=$want" target=host
	draw "timeline-$want-vm" "timeline-$want" timeline.awk "$work/timeline-vm-index.tsv" "run=$run/timeline-vm" "want=$want" \
		target=vm
done
for target in $targets; do
	draw "cost-$target" cost cost.awk "$work/cells.tsv" "target=$target"
	draw "pareto-$target" pareto pareto.awk "$work/cells.tsv" "target=$target"
	draw "crossover-$target" crossover crossover.awk "$work/crossover.tsv" "target=$target" \
		"crossings=$work/crossings.tsv"
	draw "latency-touch-$target" latency latency.awk "$work/latency.tsv" "target=$target" want=touch
	for want in alloc small; do
		draw "latency-$want-$target" latency latency.awk "$work/cells.tsv" "target=$target" "want=$want"
	done
	for want in time memory; do
		for fill in $fills; do
			draw "regret-$want-$target-fill-$fill" regret regret.awk "$work/cells.tsv" "target=$target" "fill=$fill" "want=$want"
		done
	done
done
exit $failed
