#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# kernel-ahead-charts.sh [DIR] : charts of fault-ahead into DIR (build/kernel-ahead), from a guest of the patched kernel:
#   ramp.svg       the size of each folio along the address space, after three orders of touches
#   committed.svg  committed against touched memory while they go on, beside mmap with huge pages
#   pareto.svg     instructions against committed pages for each touched page, beside mmap with each size of huge page
# and the CSV that they are drawn from, ramp.csv and table.csv. CSV that is there already is drawn, not measured again.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/lib-selftest.sh
. "$root/scripts/lib-selftest.sh"

out=${1:-$root/build/kernel-ahead}
mkdir -p "$out"
command -v gnuplot > /dev/null || { echo "kernel-ahead-charts: install gnuplot-nox" >&2; exit 4; }

if [ ! -s "$out/ramp.csv" ]; then
	build_selftests
	"$root/scripts/vm.sh" run --timeout 600 --add "$selftest_dir/ahead_ramp" -- ahead_ramp > "$out/ramp.csv.new"
	mv "$out/ramp.csv.new" "$out/ramp.csv"
fi
if [ ! -s "$out/table.csv" ]; then
	# "row name   1/2/3   4/5/6": the name takes 20 characters and may hold spaces, columns hold slashes, or "-" for no figure
	"$root/scripts/kernel-ahead-table.sh" dense-up shuffled sparse-1pct chunks-1m dense-then-sparse > "$out/table.txt"
	awk '!/\// { for (i = 2; i <= NF; i++) subject[i - 1] = $i; next }
		{ name = substr($0, 1, 20); sub(/ +$/, "", name); gsub(/not (there|aligned)/, "-")
		  n = split(substr($0, 21), v, " ")
		  for (i = 1; i <= n; i++) if (split(v[i], f, "/") == 3) print name "," subject[i] "," f[1] "," f[2] "," f[3] }' \
		"$out/table.txt" > "$out/table.csv.new"
	mv "$out/table.csv.new" "$out/table.csv"
fi

# What ahead_ramp touches, for the titles.
about='about(p) = p eq "dense-up" ? "all of 32 MiB" : p eq "chunks-1m" ? "1 MiB of every 4" : "9 MiB, then every 64th page"'

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
patterns=(dense-up chunks-1m dense-then-sparse)
for pattern in "${patterns[@]}"; do
	awk -F, -v OFS='\t' -v p="$pattern" '$1 == "folio" && $2 == p && $3 == "tamalloc" { print $4 / 256, $5 * 4, $5 / 256, $6 }' \
		"$out/ramp.csv" > "$work/folio-$pattern.tsv"
	[ -s "$work/folio-$pattern.tsv" ] || { echo "kernel-ahead-charts: $out/ramp.csv has nothing of $pattern; remove it and run again" >&2; exit 1; }
	for subject in tamalloc thp-2m; do
		awk -F, -v OFS='\t' -v p="$pattern" -v s=$subject '$1 == "committed" && $2 == p && $3 == s { print $4 / 256, $5 / 256 }' \
			"$out/ramp.csv" > "$work/committed-$pattern-$subject.tsv"
	done
done
awk -F, -v OFS='\t' '{ print $1, $2, $3, $4 }' "$out/table.csv" > "$work/table.tsv"
for chart in ramp committed pareto; do
	gnuplot -e "$about; plots = '$root/plots'; dir = '$work'; out = '$out/$chart.svg'; patterns = '${patterns[*]}'" "$root/plots/kernel-ahead-$chart.gp"
	echo "$out/$chart.svg"
done
