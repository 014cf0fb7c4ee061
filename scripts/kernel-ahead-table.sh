#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# kernel-ahead-table.sh [--unpatched] [--subjects NAME,...] [PATTERN]... : what touching 128 MiB in several orders costs, in tamalloc
# memory beside mmap with every size of huge page; each column is instructions for each touched page / pages committed for each /
# faults for each. In the patched kernel under instruction counting. A PATTERN is the beginning of a row's name. --subjects: only
# these columns. --unpatched: in Linux as it came, for what mmap costs there.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/lib-selftest.sh
. "$root/scripts/lib-selftest.sh"

options=()
if [ "${1:-}" = --unpatched ]; then
	options=(--unpatched)
	shift
fi
build_selftests
"$root/scripts/vm.sh" run "${options[@]}" --icount --timeout 1800 --add "$selftest_dir/ahead_table" -- ahead_table "$@"
