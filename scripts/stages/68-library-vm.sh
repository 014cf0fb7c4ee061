#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# libtamalloc in the virtual machine: in our kernel, over the system call; in Debian's own 6.1, over plain mappings.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
scripts/setup.sh build kernel test
exec scripts/libtamalloc-vm.sh
