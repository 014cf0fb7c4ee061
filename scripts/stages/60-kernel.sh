#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The kernel: its scripts' bad input, its build, the virtual machine, the self-tests on 1 and on 4 CPUs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
scripts/setup.sh kernel test

status=0
bats --tap kernel/test/kernel_sh.bats || status=1

if KERNEL_DIR=$(scripts/kernel.sh build); then
	echo "ok - the patched kernel builds"
else
	echo "not ok - the patched kernel builds"
	exit 1
fi
export KERNEL_DIR
bats --tap kernel/test/vm_sh.bats kernel/test/demo.bats kernel/test/modules.bats || status=1
for cpus in 1 4; do
	scripts/kernel-test.sh --smp "$cpus" || status=1
done
exit $status
