#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# libtamalloc-vm.sh [KERNEL ...] : libtamalloc's C tests in virtual machines; TAP on stdout. Kernels:
#
#   patched        ours, where the library's layer must be the system call
#   debian-6.1     that of Debian 12, where it must be plain mappings; skipped where the package cannot be had
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/lib-selftest.sh
. "$root/scripts/lib-selftest.sh"
tests=$root/build/test
plain_programs=(test_libtamalloc test_libtamalloc_system test_libtamalloc_limits)
accel_programs=(test_libtamalloc_accel test_libtamalloc_patterns) # there is none over the system call

run_in() { # LABEL LAYER KERNEL-DIRECTORY
	local label="libtamalloc, $1" program status=0 adds=() programs=("${plain_programs[@]}")
	[ "$2" = syscall ] || programs+=("${accel_programs[@]}")
	for program in "${programs[@]}"; do adds+=(--add "$tests/$program:/selftest/$program"); done
	# An emulated CPU takes minutes where ours takes a second. /tmp holds what a test writes to a file.
	"$root/scripts/vm.sh" run --kernel "$3" --smp 2 --mem 2G --timeout 1500 --silence 900 "${adds[@]}" \
		--add "$root/scripts/vm-selftests.sh:/selftest/.run" -- \
		sh -c "export CMOCKA_MESSAGE_OUTPUT=TAP TA_TEST_BACKEND=$2 TA_TEST_TIME_LIMIT_S=600 TA_TEST_PATTERNS=10
			echo +memory > /sys/fs/cgroup/cgroup.subtree_control
			printf '%s\\n' ${programs[*]} | sh /selftest/.run 1200" |
		sed -E 's/^not ok ([0-9]+) # SKIP (.*)/ok \1 - \2 # SKIP/' | selftests_to_tap "$label" || status=$?
	if [ $status -eq 0 ]; then
		echo "ok - $label: guest: log clean, powered off"
	else
		echo "not ok - $label: guest: ended with status $status, see above"
	fi
	return $status
}

"$root/scripts/build.sh" "$root/build"
cmake --build "$root/build" --target tests --parallel "$(nproc)" >&2
[ $# -gt 0 ] || set -- patched debian-6.1
failed=0
for kernel; do
	case $kernel in
	patched)
		dir=$("$root/scripts/kernel.sh" build)
		run_in "$kernel" syscall "$dir" || failed=1
		;;
	debian-6.1)
		status=0
		reason=$("$root/scripts/debian-kernel.sh" 2>&1 >"$root/build/debian-kernel") || status=$?
		if [ $status -eq 0 ]; then
			dir=$(cat "$root/build/debian-kernel")
			run_in "$kernel" plain "$dir" || failed=1
		elif [ $status -eq 4 ]; then
			echo "ok - libtamalloc, $kernel # SKIP ${reason##*$'\n'}"
		else
			echo "$reason" >&2
			echo "not ok - libtamalloc, $kernel: scripts/debian-kernel.sh ended with status $status"
			failed=1
		fi
		;;
	*) code=2 die "unknown kernel '$kernel'; there are patched and debian-6.1" ;;
	esac
done
exit $failed
