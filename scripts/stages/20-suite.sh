#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The suite's tests: C programs (cmocka), then shell tests (bats).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
scripts/setup.sh build bench test
scripts/build.sh build
failed=0
scripts/c-tests.sh build || failed=1
bats --tap bench/test/*.bats plots/test/*.bats scripts/test/*.bats allocators/libtamalloc/test/*.bats || failed=1
exit $failed
