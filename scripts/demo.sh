#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# demo.sh : reserve 10 MB and 100 MB, read every byte, write random values, free, with the cost at each MB;
#           then the same seen from outside. First here, with what this kernel has (kernel/demo/demo.c), then
#           in the virtual machine with the patched kernel, if "make kernel" has built it.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
command -v "${CC:-gcc}" >/dev/null || scripts/setup.sh build
mkdir -p build
# static, so that the same program runs in the guest
"${CC:-gcc}" -std=gnu11 -O2 -Wall -Wextra -Werror -Ikernel/src/include/uapi -static -o build/demo kernel/demo/demo.c

heading() { printf '\n== %s ==\n' "$*"; }

heading "here, Linux $(uname -r): 10 MB"
build/demo --mb 10
heading "here: 100 MB"
build/demo --mb 100
heading "here, from outside: 10 MB"
kernel/demo/watch.sh build/demo --mb 10

if ! key=$(NO_INSTALL=1 scripts/kernel.sh key 2>/dev/null); then
	heading "the patched kernel: not shown, its source or tools are not installed; see 'make kernel'"
	exit 0
fi
kernel=${TAMALLOC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tamalloc}/kernels/$key
if [ ! -f "$kernel/bzImage" ]; then
	heading "the patched kernel: not shown, it is not built yet; 'make kernel' builds it in some minutes"
	exit 0
fi
heading "the patched kernel, in a virtual machine: 10 MB, 100 MB, from outside"
scripts/vm.sh run --kernel "$kernel" --timeout 50 --add build/demo --add kernel/demo/watch.sh -- sh -ec '
	insmod /lib/modules/tamstat_proc.ko
	demo --mb 10
	echo
	demo --mb 100
	echo
	watch.sh /bin/demo --mb 10'
