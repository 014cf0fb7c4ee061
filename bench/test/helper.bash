# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154 # used by the tests that load this file; set by bats
root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
tabench=$root/build/tabench
taworker=$root/build/taworker
unset PROFILE SUBJECTS WORKLOADS RESUME RUN
export TARGETS=host

# The smallest run: 1 verify, 2 repetitions, each with an A/A twin and a canary, 3 pairs with and without the sampler.
small=(--profile smoke --subjects mmap --workloads dense-up --size 1M --fill 0 --reps 2 --seed 1 --samples-only)
small_samples=13

dir=$BATS_TEST_TMPDIR

# fake_worker: makes a worker of the bash script on stdin; prints its path. $TAWORKER is the real one.
fake_worker() {
	local file=$dir/worker.$RANDOM
	{
		echo '#!/bin/bash'
		echo "TAWORKER=$taworker"
		cat
	} >"$file"
	chmod +x "$file"
	echo "$file"
}

# How many lines of samples.jsonl jq's CONDITION holds for.
count() { # RUN CONDITION
	jq -s "map(select($2)) | length" "$1/samples.jsonl"
}

# Exactly one line on stderr, and it holds TEXT.
one_line() { # TEXT
	[ "${#stderr_lines[@]}" -eq 1 ] || { printf '%s\n' "$stderr" >&3; return 1; }
	[[ ${stderr_lines[0]} == "tabench: "*"$1"* ]] || { printf '%s\n' "$stderr" >&3; return 1; }
}

# No two lines for the same sample.
no_duplicates() { # RUN
	jq -r '[.kind, .purpose, .cell_id, .rep] | join(" ")' "$1/samples.jsonl" | sort | uniq -d | {
		! grep .
	}
}

wait_for() { # COMMAND... : until it succeeds, at most 20 s
	local i
	for ((i = 0; i < 400; i++)); do
		"$@" && return
		sleep 0.05
	done
	return 1
}

# The process is over (a zombie is: nobody may have collected it yet).
gone() { # PID
	[ ! -e "/proc/$1" ] || grep -q '^State:.*Z' "/proc/$1/status"
}

# Runs COMMAND as a user without privileges; root keeps its files, but no capability.
unprivileged() { # COMMAND...
	if [ "$(id -u)" -eq 0 ]; then setpriv --bounding-set=-all --inh-caps=-all "$@"; else "$@"; fi
}

# Every unsupported row of tabench scenario is in the committed list.
unlisted() { # TARGET ROWS-FILE
	local line target regex _reason listed
	while read -r line; do
		listed=
		while IFS=$'\t' read -r target regex _reason; do
			[[ $target == "$1" && $line =~ $regex ]] && listed=1
		done < <(grep -v '^#' "$root/bench/scenarios/unsupported.txt")
		[ -n "$listed" ] || { echo "unsupported, and not in bench/scenarios/unsupported.txt: $line" >&3; return 1; }
	done < <(jq -r --arg target "$1" 'select(.target == $target and .outcome == "unsupported") | "\(.workload)/\(.params.case) \(.subject)"' "$2")
}
