#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# asked-and-used.sh [RUN] : memory asked for against memory used, by every subject of a run's part in the virtual
# machine (default: results/latest), as a Markdown table: a quarter of the pages is touched, fill 0.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

run=${1:-results/latest}
[ -r "$run/cells.csv" ] || {
	echo "asked-and-used: $run has no cells.csv; give a run's directory, or make one: make bench TARGETS=vm" >&2
	exit 2
}
awk -f plots/csv.awk "$run/cells.csv" | LC_ALL=C awk -F'\t' '
	NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
	$at["target"] == "vm" && $at["workload"] == "fraction" && $at["fill"] == 0 && $at["outcome"] == "ok" &&
	$at["subject"] != "null" && $at["params"] ~ /touched_pct=25$/ {
		if (!n++)
			print "| | asked for MiB | touched MiB | used MiB | of what was asked for | faults, allocation | faults, touch | million instructions |\n|---|--:|--:|--:|--:|--:|--:|--:|"
		printf "| `%s` | %.0f | %.0f | %.1f | %.0f %% | %d | %d | %.1f |\n", $at["subject"], $at["size_bytes"] / 1048576,
			$at["touched_bytes"] / 1048576, $at["committed_bytes"] / 1048576,
			100 * $at["committed_bytes"] / $at["size_bytes"], $at["minor_faults_alloc"], $at["minor_faults_touch"],
			$at["total_cost_per_page"] * $at["touched_bytes"] / 4096 / 1e6
	}
	END { if (!n) { print "asked-and-used: the run has no such rows of target vm" >"/dev/stderr"; exit 1 } }'
