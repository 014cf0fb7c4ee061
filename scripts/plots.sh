#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# plots.sh RUN : draw the charts of a run (a directory under results/) into RUN/charts, one SVG and one
# text (title, then caption) each, from its CSV files only. plots/README.md says how a chart is made.
# What was drawn earlier and cannot be drawn any more goes. Exit status: 0 also where gnuplot is missing.
#
# plots.sh --timeline CSV SVG TITLE : the timeline of one program (tabench timeline) as an SVG.
set -euo pipefail

die() {
	echo "charts: $2" >&2
	exit "$1"
}

plots=$(cd "$(dirname "${BASH_SOURCE[0]}")/../plots" && pwd)

begin_work() {
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	style=$(awk -f "$plots/dark.awk" "$plots/theme.gp")
}

# run_gnuplot NAME CHART DIR : what the .awk file left in DIR, drawn into DIR/out.svg with its title.
run_gnuplot() {
	local said failed=0
	said=$(LC_ALL=C.UTF-8 gnuplot -e "plots = '$plots'; dir = '$3'; out = '$3/out.svg'" \
		-e "load '$3/vars.gp'" "$plots/$2.gp" 2>&1) || failed=1
	if [ -n "$said" ]; then
		echo "charts: $1: gnuplot says: $said" >&2
		failed=1
	fi
	# No empty groups; its title; and colours in one form, so that the style for dark pages finds them.
	if [ -s "$3/out.svg" ]; then
		sed -i -E -e '/^<g [^>]*>$/{N;/\n<\/g>$/d}' -e "s|<title>Gnuplot</title>|<title>$(xml "$(head -n 1 "$3/caption.txt")")</title>\\n$style|" \
			-e 's/rgb\( *([0-9]+), *([0-9]+), *([0-9]+)\)/rgb(\1,\2,\3)/g' -e 's/#FFFFFF/#ffffff/g' "$3/out.svg"
	fi
	return $failed
}

xml() { # TEXT : as XML, and as the right side of sed's s|||
	sed -e 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g' <<<"$1" | sed -e 's/[\\&|]/\\&/g'
}

if [ "${1:-}" = --timeline ]; then
	[ $# -eq 4 ] || die 2 "usage: scripts/plots.sh --timeline CSV SVG TITLE"
	command -v gnuplot >/dev/null || die 1 "an SVG needs gnuplot; install gnuplot-nox"
	begin_work
	exact=$(awk -F, 'NR > 1 && $2 == "" && $3 != "" { print 1; exit }' "$2")
	TA_TITLE=$4 LC_ALL=C awk -v dir="$work" -v exact="${exact:-0}" -f "$plots/lib.awk" -f "$plots/program.awk" "$2"
	[ -s "$work/vars.gp" ] || die 1 "$2 holds no samples"
	run_gnuplot timeline program "$work"
	cat "$work/out.svg" >"$3" || die 1 "cannot write '$3'"
	exit 0
fi

[ $# -eq 1 ] || die 2 "usage: scripts/plots.sh RUN (a directory such as results/latest)"
[ -d "$1" ] || die 2 "'$1' is no directory; give a run's, such as results/latest"
run=$(cd "$1" && pwd)
[ -r "$run/cells.csv" ] || die 1 "$run has no cells.csv; write it with: build/tabench report $1"
command -v gnuplot >/dev/null || die 0 "unsupported: install gnuplot-nox"
charts=$run/charts
mkdir -p "$charts" || die 1 "cannot write $charts"

begin_work
for name in cells crossover crossings latency apps timeline/index timeline-vm/index; do
	tsv=$work/${name//\//-}.tsv
	: >"$tsv"
	[ ! -r "$run/$name.csv" ] || awk -f "$plots/csv.awk" "$run/$name.csv" >"$tsv"
done
if [ -r "$run/samples.csv" ]; then # which is long: one workload of it
	awk 'NR == 1 || /,statistics,/' "$run/samples.csv" | awk -f "$plots/csv.awk" >"$work/statistics.tsv"
fi
values_of() { # COLUMN of cells.csv: each value that occurs
	awk -F'\t' -v name="$1" 'FNR == 1 { for (i = 1; i <= NF; i++) if ($i == name) c = i; next }
		$c != "" && !seen[$c]++ { print $c }' "$work/cells.tsv"
}
targets=$(values_of target)
fills=$(values_of fill)

failed=0
# draw NAME CHART AWK-FILE INPUT [AWK-VARIABLE=VALUE ...] : one chart; nothing if there is nothing to show.
draw() {
	local name=$1 chart=$2 program=$3 input=$4 dir=$work/$1 variables=() assignment
	shift 4
	for assignment in "$@"; do variables+=(-v "$assignment"); done
	rm -f "$charts/$name.svg" "$charts/$name.txt"
	[ -s "$input" ] || return 0
	mkdir "$dir"
	LC_ALL=C awk -v dir="$dir" "${variables[@]}" -f "$plots/lib.awk" -f "$plots/labels.awk" -f "$plots/$program" "$input"
	[ -s "$dir/vars.gp" ] || return 0
	run_gnuplot "$name" "$chart" "$dir" || failed=1
	[ -s "$dir/out.svg" ] || return 0
	mv "$dir/out.svg" "$charts/$name.svg"
	mv "$dir/caption.txt" "$charts/$name.txt"
}

# first_subjects INDEX NAME ... : the subjects of the report's first chart: those NAMEs that have a timeline,
# else the first three that have one.
first_subjects() {
	awk -F'\t' -v names="${*:2}" 'NR > 1 && $2 == "sampled" && $5 != "" && !has[$1]++ { if (n++ < 3) few = few " " $1 }
		END {
			for (i = split(names, name, " "); i > 0; i--)
				if (has[name[i]]) found = found " " name[i]
			print (found ? found : few) " "
		}' "$1"
}
draw headline timeline-memory timeline.awk "$work/timeline-index.tsv" "run=$run/timeline" want=memory target=host \
	"only=$(first_subjects "$work/timeline-index.tsv" glibc/malloc+memset glibc/calloc tamalloc/lib-plain)"
draw headline-vm timeline-memory timeline.awk "$work/timeline-vm-index.tsv" "run=$run/timeline-vm" want=memory target=vm \
	"only=$(first_subjects "$work/timeline-vm-index.tsv" mmap/populate mmap tamalloc/syscall)"
for want in memory faults; do
	draw "timeline-$want" "timeline-$want" timeline.awk "$work/timeline-index.tsv" "run=$run/timeline" "want=$want" target=host
	draw "timeline-$want-vm" "timeline-$want" timeline.awk "$work/timeline-vm-index.tsv" "run=$run/timeline-vm" "want=$want" \
		target=vm
done
draw apps pareto pareto.awk "$work/apps.tsv" want=apps
for target in $targets; do
	draw "cost-$target" cost cost.awk "$work/cells.tsv" "target=$target"
	draw "pareto-$target" pareto pareto.awk "$work/cells.tsv" "target=$target"
	draw "crossover-$target" crossover crossover.awk "$work/crossover.tsv" "target=$target" \
		"crossings=$work/crossings.tsv"
	draw "latency-touch-$target" latency latency.awk "$work/latency.tsv" "target=$target" want=touch "cells=$work/cells.tsv"
	draw "statistics-$target" latency statistics.awk "$work/statistics.tsv" "target=$target"
	for want in alloc small; do
		draw "latency-$want-$target" latency latency.awk "$work/cells.tsv" "target=$target" "want=$want" "cells=$work/cells.tsv"
	done
	for want in time memory; do
		for fill in $fills; do
			draw "regret-$want-$target-fill-$fill" regret regret.awk "$work/cells.tsv" "target=$target" "fill=$fill" "want=$want"
		done
	done
done
exit $failed
