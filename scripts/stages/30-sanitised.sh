#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The C tests, and a run from end to end, with tabench and taworker under ASan and UBSan.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
scripts/setup.sh build test
dir=build-asan
[ -f $dir/CMakeCache.txt ] || scripts/build.sh $dir -DTA_SANITIZE=ON
scripts/build.sh $dir
export UBSAN_OPTIONS=print_stacktrace=1
failed=0
scripts/c-tests.sh $dir || failed=1

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
if $dir/tabench list >/dev/null && $dir/tabench list --json >/dev/null &&
	$dir/tabench run --profile smoke --size 4M --reps 2 --perf-stat --out "$out/run" >/dev/null &&
	$dir/tabench run --resume "$out/run" >/dev/null; then
	echo "ok - a run from end to end under ASan and UBSan"
else
	echo "not ok - a run from end to end under ASan and UBSan"
	failed=1
fi
exit $failed
