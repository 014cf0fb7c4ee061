#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The debug kernel (KASAN, lockdep, DEBUG_VM, DEBUG_ATOMIC_SLEEP): self-tests and 60 seconds of the fuzzer.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
scripts/setup.sh kernel test

status=0
if DEBUG=1 scripts/kernel.sh build >&2; then
	echo "ok - the debug kernel builds"
else
	echo "not ok - the debug kernel builds"
	exit 1
fi
scripts/kernel-test.sh --debug --smp 4 || status=1
if scripts/kernel-fuzz.sh --seconds 60 --seed 1 >&2; then
	echo "ok - 60 s of the fuzzer in the debug kernel"
else
	echo "not ok - 60 s of the fuzzer in the debug kernel"
	status=1
fi
exit $status
