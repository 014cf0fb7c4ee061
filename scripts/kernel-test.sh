#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# kernel-test.sh [OPTION]... [PROGRAM]... : run the kernel self-tests (kernel/selftest; all of them by
# default) in one boot of the patched kernel. TAP on stdout, one line a test case, and one for the guest
# itself: it booted, its log is clean, it powered off.
#
#   --debug        in the debug kernel; what is repeated only for more chances is repeated less, unless:
#   --full         repeat all as often as in the normal kernel
#   --smp N        on N CPUs, default 1
#   --icount       guest time = executed instructions
#   --kernel DIR   in that kernel
#   --timeout S    the longest that all may take together, default 1800
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/lib-selftest.sh
. "$root/scripts/lib-selftest.sh"

smp=1 timeout_s=1800 debug=0 full=0 vm_options=() label=
while [ $# -gt 0 ]; do
	case $1 in
	--debug) debug=1 label+=', debug' ;;
	--full) full=1 ;;
	--icount) vm_options+=(--icount) label+=', icount' ;;
	--smp | --kernel | --timeout)
		[ $# -ge 2 ] || code=2 die "$1 needs a value"
		case $1 in
		--smp) smp=$2 ;;
		--kernel) vm_options+=(--kernel "$2") ;;
		--timeout) timeout_s=$2 ;;
		esac
		shift
		;;
	-*) code=2 die "unknown option '$1'; known: --debug --full --smp N --icount --kernel DIR --timeout S" ;;
	*) break ;;
	esac
	shift
done
label="$smp CPU$label"
[ "$debug" -eq 0 ] || vm_options+=(--debug)
short=
[ "$debug$full" != 10 ] || short="TAM_SHORT=1 "

build_selftests
programs=("$@")
[ ${#programs[@]} -gt 0 ] || mapfile -t programs < <(selftest_programs)
adds=()
for program in "${programs[@]}"; do
	[ -x "$selftest_dir/$program" ] ||
		code=2 die "no self-test '$program'; known: $(selftest_programs | xargs)"
	adds+=(--add "$selftest_dir/$program:/selftest/$program")
done

timeout=$(sed -n "s/^timeout=//p" "$root/kernel/selftest/settings") # seconds a program
vm_status=0
"$root/scripts/vm.sh" run --smp "$smp" --numa 2 --mem 2G --timeout "$timeout_s" --silence "$((timeout + 60))" "${vm_options[@]}" "${adds[@]}" \
	--add "$root/scripts/vm-selftests.sh:/selftest/.run" -- \
	sh -c "printf '%s\\n' ${programs[*]} | ${short}sh /selftest/.run $timeout" | selftests_to_tap "$label" || vm_status=$?
if [ "$vm_status" -eq 0 ]; then
	echo "ok - $label: guest: log clean, powered off"
else
	echo "not ok - $label: guest: ended with status $vm_status, see above"
	exit 1
fi
