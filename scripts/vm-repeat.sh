#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# vm-repeat.sh [RUN RUN] : is the virtual machine's part repeatable? Takes two runs of it (profile smoke, into
# build/vm-repeat; the environment's PROFILE, SUBJECTS, WORKLOADS choose another plan), or two runs that are
# there, and compares the phases of each cell, repetition by repetition. A phase is compared where it costs at
# least 10 million instructions in both; it must be equal within 0.5 %. Prints the phase that differs most, and
# how far the repetitions of the first run are from each other, for which there is no limit.
# Exit status: 0 all within, 1 not, 2 wrong usage.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

[ $# -eq 0 ] || [ $# -eq 2 ] || {
	echo "vm-repeat: two runs, or none; got $# arguments" >&2
	exit 2
}
if [ $# -eq 0 ]; then
	rm -rf build/vm-repeat
	export PROFILE=${PROFILE:-smoke}
	for i in 1 2; do build/tabench run --target vm --samples-only --out "build/vm-repeat/$i"; done
	set -- build/vm-repeat/1 build/vm-repeat/2
fi
for run in "$@"; do
	[ -r "$run/samples.jsonl" ] || {
		echo "vm-repeat: $run has no samples.jsonl; give a run's directory" >&2
		exit 2
	}
done

phases() { # RUN: key and cost of each phase that is compared
	jq -r 'select((.kind == "sample" or .kind == "micro") and .purpose == "measure" and .target == "vm" and .outcome == "ok") |
		"\(.subject) \(.workload) fill \(.fill) \(.params | tojson) rep \(.rep)" as $cell |
		if .kind == "micro" then {name: "all", cost: .metrics.cost_instructions} else .phases[] end |
		"\($cell) \(.name)\t\(.cost)"' "$1/samples.jsonl" | LC_ALL=C sort
}

status=0
join -t $'\t' <(phases "$1") <(phases "$2") | awk -F'\t' '
	$2 >= 10000000 && $3 >= 10000000 {
		n++
		off = 100 * ($3 - $2) / $2
		if (off < 0) off = -off
		if (off > 0.5) { bad++; printf "vm-repeat: %s: %d and %d, %.3f %%\n", $1, $2, $3, off }
		if (off >= most) { most = off; where = $1 }
		next
	}
	{ small++ }
	END {
		printf "vm-repeat: %d phases compared, %d outside of 0.5 %%, %d below 10 million instructions left out; ", n, bad, small
		printf "the most by which one differs: %.4f %% (%s)\n", most, where
		exit !(n && !bad)
	}' || status=1

phases "$1" | sed 's/ rep [0-9]*\( [a-z]*\t\)/\1/' | awk -F'\t' '
	$2 >= 10000000 {
		if (!($1 in least) || $2 < least[$1]) least[$1] = $2
		if ($2 > largest[$1]) largest[$1] = $2
	}
	END {
		for (phase in least) {
			off = 100 * (largest[phase] - least[phase]) / least[phase]
			if (off >= most) { most = off; where = phase }
		}
		printf "vm-repeat: the repetitions of one run: the most by which a phase differs: %.4f %% (%s)\n", most, where
	}'
exit $status
