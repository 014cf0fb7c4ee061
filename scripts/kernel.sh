#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# kernel.sh build : build the patched kernel, or take it from the cache; stdout: its directory, which holds
#                   bzImage, config, System.map, version, modules/, build.log
# kernel.sh key   : the key of everything that goes into that build
# kernel.sh source : the directory of Linux as it came, unpacked
# kernel.sh series : write the mailable patch series to build/kernel-series and check it; TAP on stdout
# kernel.sh style : of those checks only checkpatch, which needs no build; and the same of the modules
# kernel.sh sparse : sparse over our files in mm/ and the modules; TAP on stdout
#
# Environment:
#   DEBUG=1         KASAN, lockdep, DEBUG_VM, ... (kernel/config/debug) instead of kernel/config/bench
#   UNPATCHED=1     Linux as it is, with the same configuration less our options
#   KERNEL_SRC=     a Linux 6.12 tree or tarball; default: Debian's linux-source-6.12
#   CONFIG_EXTRA=   one more configuration fragment
#   TAMALLOC_CACHE= where sources, objects and kernels are kept; default: ~/.cache/tamalloc
#   JOBS=           parallel jobs; default: all CPUs
#   NO_INSTALL=1    do not install missing packages
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
variant_patched=1 variant_debug=0
[ "${UNPATCHED:-0}" = 0 ] || variant_patched=0
[ "${DEBUG:-0}" = 0 ] || variant_debug=1
# shellcheck source=scripts/lib-kernel.sh
. "$root/scripts/lib-kernel.sh"

usage() { sed -nE '/^set -/q; 3,$s/^# ?//p' "${BASH_SOURCE[0]}" >&2; }

[ -z "${CONFIG_EXTRA:-}" ] || [ -f "$CONFIG_EXTRA" ] || code=2 die "CONFIG_EXTRA=$CONFIG_EXTRA is no file"

prepare() {
	[ -n "${KERNEL_SRC:-}" ] || [ -n "${NO_INSTALL:-}" ] || [ -f "$debian_tarball" ] || "$root/scripts/setup.sh" kernel
	check_tools
	find_source
	key=$(kernel_key)
}

case ${1:-} in
build)
	prepare
	if [ ! -f "$TAMALLOC_CACHE/kernels/$key/bzImage" ]; then build_kernel; fi
	touch "$TAMALLOC_CACHE/kernels/$key"
	echo "$TAMALLOC_CACHE/kernels/$key"
	;;
key)
	prepare
	echo "$key"
	;;
source)
	prepare
	lay_source
	echo "$pristine"
	;;
series | style)
	prepare
	lay_source
	# shellcheck source=scripts/lib-series.sh
	. "$root/scripts/lib-series.sh"
	series_failed=0
	make_series_commits
	write_series
	check_series_style
	if [ "$1" = style ]; then check_module_style; else check_series_builds; fi
	exit $series_failed
	;;
sparse)
	prepare
	# shellcheck source=scripts/lib-sparse.sh
	. "$root/scripts/lib-sparse.sh"
	check_sparse
	;;
-h | --help)
	usage
	;;
*)
	usage
	code=2 die "unknown command '${1:-}'; known: build key source series style sparse"
	;;
esac
