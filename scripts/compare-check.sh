#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# compare-check.sh [host] [icount] [stats] : does tabench compare find what is there, and nothing else? All of them by
# default; what they leave behind is in build/compare-check.
#
# host    20 pairs of runs of the same (A/A), 6 cells each: at most 3 pairs may show a finding. In each pair the costs
#         of one cell of NEW are then made dearer by twice the pair's noise floor: at least 18 must be found. A run
#         whose A/A rows are far apart must be called too noisy. A pair that is too noisy by itself is taken again.
# icount  two runs in the virtual machine: equal; then 20 times the instructions of one cell 2 % dearer: 20 found.
# stats   coverage of the intervals on simulated data; Mann-Whitney and Holm against R's wilcox.test and p.adjust.
#
# PAIRS=N takes N pairs for a first look; the limits are for 20. Exit status: 0 all as wanted, 1 not, 2 wrong usage, 4 the machine is too noisy for the part host.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

pairs=${PAIRS:-20}
most_noisy=20 # pairs that may be too noisy before the part is given up
work=build/compare-check
cells=(--profile smoke --subjects 'mmap,mmap/populate,glibc/malloc+memset' --workloads 'dense-up,chunks-1m' --size 64M --fill 0
	--reps 25 --samples-only)

status=0
said() { echo "compare-check: $*"; }
check() { # TEXT CONDITION...
	local text=$1
	shift
	if [ "$@" ]; then said "ok: $text"; else
		said "NOT OK: $text"
		status=1
	fi
}

# compared BASE NEW: tabench compare as JSON into $json; its exit status into $code. What is wrong with a run ends this.
compared() {
	code=0
	json=$(build/tabench compare --json "$1" "$2" 2>"$work/stderr") || code=$?
	case $code in 0 | 3 | 4) ;; *)
		cat "$work/stderr" >&2
		exit 1
		;;
	esac
}
of() { jq -r "$1" <<<"$json"; }

# dearer FROM TO CELL-ID FACTOR: a copy of a run in which that cell costs more.
dearer() {
	rm -rf "$2"
	mkdir "$2"
	cp "$1/run.json" "$2"
	jq -c --arg cell "$3" --argjson factor "$4" 'if .cell_id == $cell and (.purpose == "measure" or .purpose == "aa")
		then .phases |= map(.cost = (.cost * $factor | round)) else . end' "$1/samples.jsonl" >"$2/samples.jsonl"
}

check_host() {
	local i=0 noisy=0 flagged=0 found=0 floors=() cell ids factor name
	said "host: $pairs pairs of runs, ${cells[*]}"
	while [ "$i" -lt "$pairs" ]; do
		rm -rf "$work/base" "$work/new"
		SECONDS=0
		build/tabench run "${cells[@]}" --out "$work/base" 2>"$work/stderr"
		[ "$SECONDS" -le 60 ] || check "a run takes at most 60 s (this one: $SECONDS s)" "$SECONDS" -le 60
		build/tabench run "${cells[@]}" --out "$work/new" 2>"$work/stderr"
		compared "$work/base" "$work/new"
		if [ "$code" -eq 4 ]; then
			noisy=$((noisy + 1))
			said "pair too noisy: $(sed 's/^tabench: compare: //' "$work/stderr")"
			[ "$noisy" -lt "$most_noisy" ] || {
				said "the machine is too noisy: $most_noisy pairs were; try again when nothing else runs"
				exit 4
			}
			continue
		fi
		i=$((i + 1))
		floors+=("$(of '.noise_floor * 1000 | round / 10')")
		if [ "$(of '.worse + .better')" -gt 0 ]; then
			flagged=$((flagged + 1))
			of '.rows[] | select(.finding == "WORSE" or .finding == "better") | "compare-check: A/A pair '"$i"' flags \(.subject), \(.group), \(.metric): \(.ratio.median), p \(.p_holm)"'
		fi
		# The cells in turn, but not the baseline's.
		mapfile -t ids < <(jq -r 'select(.purpose == "measure" and .subject != "mmap") | .cell_id' "$work/new/samples.jsonl" | sort -u)
		cell=${ids[$((i % ${#ids[@]}))]}
		factor=$(of '1 + 2 * .noise_floor')
		dearer "$work/new" "$work/dearer" "$cell" "$factor"
		compared "$work/base" "$work/dearer"
		name=$(jq -rn --arg cell "$cell" 'first(inputs | select(.cell_id == $cell)) | "\(.subject) \(.workload)"' "$work/new/samples.jsonl")
		if [ "$code" -eq 3 ] && jq -e --arg name "$name" \
			'any(.rows[]; .finding == "WORSE" and ($name == .subject + " " + (.group | split(",")[0])))' <<<"$json" >/dev/null; then
			found=$((found + 1))
		else
			said "not found in pair $i: $name, times $factor"
		fi
	done
	said "noise floors of the pairs, %: ${floors[*]}; too noisy and taken again: $noisy"
	check "A/A: $flagged of $pairs pairs flag anything (at most 3)" "$flagged" -le 3
	check "twice the noise floor: $found of $pairs found (at least 18)" "$found" -ge 18

	# Every other A/A sample half as dear again: the floor must be above 15 %.
	rm -rf "$work/noisy"
	mkdir "$work/noisy"
	cp "$work/new/run.json" "$work/noisy"
	jq -c 'if .purpose == "aa" and .block % 2 == 1 then .phases |= map(.cost = (.cost * 1.5 | round)) else . end' \
		"$work/new/samples.jsonl" >"$work/noisy/samples.jsonl"
	compared "$work/base" "$work/noisy"
	said "with A/A rows far apart: exit status $code, $(cat "$work/stderr")"
	check "a floor above 15 % is too noisy" "$code" -eq 4 -a "$(grep -c 'too noisy' "$work/stderr")" -eq 1
}

check_icount() {
	local n=0 found=0 ids cell
	for i in 1 2; do
		rm -rf "$work/vm$i"
		build/tabench run --target vm --samples-only --profile smoke --out "$work/vm$i"
	done
	compared "$work/vm1" "$work/vm2"
	check "icount A/A: $(of .same) rows without a finding, $(of '.worse + .better') with one (none)" "$(of '.worse + .better')" -eq 0
	check "rows are compared" "$(of .same)" -gt 20
	# Dear enough to be compared: 10 million instructions.
	mapfile -t ids < <(jq -r 'select(.purpose == "measure" and .kind == "sample" and .outcome == "ok" and .subject != "null" and
		([.phases[] | select(.name != "reuse") | .cost] | add) >= 10000000) | .cell_id' "$work/vm2/samples.jsonl" | sort -u)
	for ((n = 0; n < 20; n++)); do
		cell=${ids[$((n % ${#ids[@]}))]}
		dearer "$work/vm2" "$work/dearer" "$cell" 1.02
		compared "$work/vm1" "$work/dearer"
		if [ "$code" -eq 3 ] && [ "$(of .worse)" -eq 1 ]; then found=$((found + 1)); fi
	done
	check "2 % under icount: $found of 20 found" "$found" -eq 20
}

check_stats() {
	local result=0
	scripts/setup.sh compare-check
	cmake --build build --target test_stats >&2
	build/test/test_stats coverage || result=1
	check "coverage: within its limits" "$result" -eq 0
	result=0
	build/test/test_stats r >"$work/check.R"
	Rscript --vanilla "$work/check.R" || result=1
	check "Mann-Whitney and Holm as wilcox.test and p.adjust of $(R --version | head -n 1 | cut -d' ' -f1-3)" "$result" -eq 0
}

for part in "$@"; do
	case $part in host | icount | stats) ;; *)
		echo "compare-check: unknown part '$part'; the parts are host, icount and stats" >&2
		exit 2
		;;
	esac
done
[ $# -gt 0 ] || set -- stats icount host
scripts/build.sh build
mkdir -p "$work"
for part in "$@"; do
	case $part in
	stats) check_stats ;;
	icount) check_icount ;;
	host) check_host ;;
	esac
done
exit $status
