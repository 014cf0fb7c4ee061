#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Target vm of the suite, in the real virtual machine: fault counts prove each subject, two runs are equal;
# tamstat by the system call; the scenarios that only a machine of our own can have.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
scripts/setup.sh build bench kernel test
scripts/build.sh build
scripts/kernel.sh build >/dev/null # first, so that no test waits for it
exec bats --tap kernel/test/tamstat.bats kernel/test/vm_suite.bats kernel/test/scenario.bats
