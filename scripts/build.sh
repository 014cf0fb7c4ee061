#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# build.sh DIR [CMAKE-OPTION ...] : install what the build needs, configure once, build what changed.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
dir=${1:?usage: build.sh DIR [CMAKE-OPTION ...]}
shift
scripts/setup.sh build
if [ ! -f "$dir/CMakeCache.txt" ] || [ $# -gt 0 ]; then
	cmake -S . -B "$dir" "$@" >&2
fi
cmake --build "$dir" --parallel "$(nproc)" >&2
