#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# clang drops and folds allocations that gcc keeps: the C tests, fault counts included, as clang builds them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
scripts/setup.sh build test
dir=build-clang
[ -f $dir/CMakeCache.txt ] || scripts/build.sh $dir -DCMAKE_C_COMPILER=clang
scripts/build.sh $dir
scripts/c-tests.sh $dir
