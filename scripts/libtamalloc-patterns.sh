#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# libtamalloc-patterns.sh [--seconds N | --patterns N] [--seed N] : random ways of touching memory with the accelerator
# on, an hour of them by default: every byte right, at most 1.30 committed per touched; prints the distribution. TAP.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
	echo "libtamalloc-patterns: $1; usage: libtamalloc-patterns.sh [--seconds N | --patterns N] [--seed N]" >&2
	exit 2
}

seconds=3600 patterns='' seed=$(date +%s)
while [ $# -gt 0 ]; do
	[[ ${2:-} =~ ^[1-9][0-9]*$ ]] || usage "'$1' needs a number above 0"
	case $1 in
	--seconds) seconds=$2 ;;
	--patterns) patterns=$2 ;;
	--seed) seed=$2 ;;
	*) usage "'$1' is unknown" ;;
	esac
	shift 2
done

scripts/setup.sh build test >&2
[ -f build/CMakeCache.txt ] || scripts/build.sh build >&2
cmake --build build --target test_libtamalloc_patterns >&2
echo "# first seed $seed"
export TA_TEST_SEED=$seed
if [ -n "$patterns" ]; then
	export TA_TEST_PATTERNS=$patterns
else
	export TA_TEST_SECONDS=$seconds
fi
exec build/test/test_libtamalloc_patterns
