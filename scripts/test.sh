#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# test.sh [STAGE ...] : run the test stages (scripts/stages/NN-name.sh, in order; all of them by default).
#
# A stage prints TAP on stdout (indented sub-tests are not counted) and everything else on stderr; it
# fails as a whole if it exits non-zero without a "not ok", or prints no test at all. A skip that is not
# in scripts/skips.txt is a failure. The last line reads "N passed, N failed, N skipped".
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/.."
logs=build/test-logs
mkdir -p "$logs"

stage_name() {
	local n=${1##*/}
	n=${n#[0-9][0-9]-}
	echo "${n%.sh}"
}

passed=0 failed=0 skipped=0
declare -a problems=()
declare -A known=()
for file in scripts/stages/[0-9][0-9]-*.sh; do known[$(stage_name "$file")]=$file; done
for wanted in "$@"; do
	[ -n "${known[$wanted]:-}" ] || {
		echo "test: unknown stage '$wanted'; the stages are: ${!known[*]}" >&2
		exit 2
	}
done

# Is this skipped test in the committed list? Lines: STAGE<tab>REGEX<tab>REASON
skip_allowed() {
	local stage=$1 name=$2 s regex _reason
	while IFS=$'\t' read -r s regex _reason; do
		[[ $s == "$stage" && $name =~ $regex ]] && return 0
	done < <(grep -v '^#' scripts/skips.txt)
	return 1
}

count_tap() { # STAGE FILE
	local stage=$1 line name
	while IFS= read -r line; do
		name=${line#*ok }
		if [[ $line =~ ^"not ok" ]]; then
			failed=$((failed + 1))
			problems+=("$stage: $line")
		elif [[ $line =~ \#\ *[Ss][Kk][Ii][Pp] ]]; then
			if skip_allowed "$stage" "$name"; then
				skipped=$((skipped + 1))
			else
				failed=$((failed + 1))
				problems+=("$stage: skipped, but not in scripts/skips.txt: $name")
			fi
		else
			passed=$((passed + 1))
		fi
	done < <(grep -E '^(not )?ok\b' "$2" || true)
}

run_stage() {
	local file=$1 stage status=0 before started=$SECONDS
	stage=$(stage_name "$file")
	before=$((passed + failed + skipped))
	echo "== $stage"
	bash "$file" < /dev/null 2> >(tee "$logs/$stage.err" >&2) | tee "$logs/$stage.tap" || status=$?
	local failed_before=$failed
	count_tap "$stage" "$logs/$stage.tap"
	if [ "$status" -ne 0 ] && [ "$failed" -eq "$failed_before" ]; then
		failed=$((failed + 1))
		problems+=("$stage: the stage ended with exit status $status")
	elif [ $((passed + failed + skipped)) -eq "$before" ]; then
		failed=$((failed + 1))
		problems+=("$stage: ran no test")
	fi
	echo "== $stage: $((SECONDS - started)) s"
}

for file in scripts/stages/[0-9][0-9]-*.sh; do
	if [ $# -eq 0 ] || [[ " $* " == *" $(stage_name "$file") "* ]]; then
		run_stage "$file"
	fi
done

for problem in "${problems[@]}"; do echo "FAILED $problem"; done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
