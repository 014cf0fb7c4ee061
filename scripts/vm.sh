#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# vm.sh run [OPTION]... -- COMMAND...  : boot a kernel, run COMMAND in it as root, power off. Its stdout and
#                                        stderr come out here, its exit status is ours.
# vm.sh shell [OPTION]...              : a shell in the guest; the clone is at /host, read-only
# vm.sh splat LOG                      : the first line of a console log that is a failure; 1 if there is none
#
# Options:
#   --kernel DIR        a directory that scripts/kernel.sh printed; default: the patched kernel, built if need be
#   --debug             the debug kernel; the guest asserts at boot that it is one
#   --unpatched         Linux without our patches
#   --icount            guest time = executed instructions, reproducible; one CPU
#   --smp N             CPUs, default 1
#   --numa N            NUMA nodes, default none
#   --mem SIZE          memory, as 512M or 2G; default 1G, 2G with --debug
#   --timeout S         the longest that it may take, default 600
#   --silence S         the longest without any output, default 180
#   --add PATH[:GUEST]  a file or directory to put in the guest, default place /bin; dynamic programs take
#                       their libraries along
#   --preload LIBRARY   a library for LD_PRELOAD in the guest, by path or by the name under which this machine
#                       finds it, with its own libraries; what is not found is left out
#   --allow FILE        more log lines that are no failure, beside kernel/selftest/log-allow.txt
#   --append ARGS       more kernel arguments
#   --log FILE          keep the console log there
#   --facts FILE        write there, before it boots, what boots: name=value lines
#
# A panic, oops, BUG, WARNING or silence ends the guest with a failure (exit status 1) and the log's tail.
# TAMALLOC_VM_ACCEL=tcg|kvm overrides the choice of accelerator.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/lib-vm.sh
. "$root/scripts/lib-vm.sh"

usage() { sed -nE '/^set -/q; 3,$s/^# ?//p' "${BASH_SOURCE[0]}"; }
usage_error() {
	code=2 die "$*; 'scripts/vm.sh --help' lists the options"
}
number() { # OPTION VALUE LEAST
	if ! [[ $2 =~ ^[0-9]{1,6}$ ]] || [ "$2" -lt "$3" ]; then
		usage_error "$1 '$2': a number of at least $3 is needed"
	fi
}

mode=${1:-}
case $mode in
run | shell) shift ;;
splat)
	first_splat "${2:?}" "${allows[@]}"
	exit
	;;
-h | --help) usage && exit 0 ;;
*) usage_error "unknown command '$mode'; known: run, shell, splat" ;;
esac

# shellcheck disable=SC2034 # lib-vm.sh uses what is set here
while [ $# -gt 0 ] && [ "$1" != -- ]; do
	case $1 in
	--debug) assert_debug=1 && shift && continue ;;
	--unpatched) unpatched=1 && shift && continue ;;
	--icount) icount=1 && shift && continue ;;
	--kernel | --smp | --numa | --mem | --timeout | --silence | --add | --preload | --allow | --append | --log | --facts)
		[ $# -ge 2 ] || usage_error "$1 needs a value"
		;;
	*) usage_error "unknown option '$1'" ;;
	esac
	case $1 in
	--kernel) kernel_dir=$2 ;;
	--smp) number "$1" "$2" 1 && smp=$2 ;;
	--numa) number "$1" "$2" 1 && numa_nodes=$2 ;;
	--mem)
		[[ $2 =~ ^([0-9]{1,6})([MG])$ ]] || usage_error "--mem '$2': a size as 512M or 2G is needed"
		mem_mib=${BASH_REMATCH[1]}
		[ "${BASH_REMATCH[2]}" = M ] || mem_mib=$((mem_mib * 1024))
		[ "$mem_mib" -ge 256 ] || usage_error "--mem '$2': at least 256M is needed"
		;;
	--timeout) number "$1" "$2" 1 && timeout_s=$2 ;;
	--silence) number "$1" "$2" 1 && silence_s=$2 ;;
	--add) adds+=("$2") ;;
	--preload) preloads+=("$2") ;;
	--allow)
		[ -f "$2" ] || usage_error "--allow $2: no such file"
		allows+=("$2")
		;;
	--append) append=$2 ;;
	--log) log=$2 ;;
	--facts) facts=$2 ;;
	esac
	shift 2
done
[ $# -eq 0 ] || shift
[ "$mode" = shell ] || [ $# -gt 0 ] || usage_error "no command after '--'"
[ "$icount" = 0 ] || [ "$smp" -eq 1 ] || usage_error "--icount runs on one CPU; leave --smp out"
[ -n "$mem_mib" ] || mem_mib=$((1024 + 1024 * assert_debug))

command -v qemu-system-x86_64 >/dev/null || die "qemu-system-x86_64 was not found; scripts/setup.sh kernel installs it"
if [ -z "$kernel_dir" ]; then
	kernel_dir=$(DEBUG=$assert_debug UNPATCHED=$unpatched "$root/scripts/kernel.sh" build)
fi
[ -f "$kernel_dir/bzImage" ] || code=2 die "--kernel $kernel_dir: no bzImage there; give a directory that scripts/kernel.sh build printed"

work=$(mktemp -d "${TMPDIR:-/tmp}/tamalloc-vm.XXXXXX")
qemu_pid='' stream_pids=()
# shellcheck disable=SC2317 # called by the trap
cleanup() {
	stop_qemu
	rm -rf "$work"
}
trap cleanup EXIT
trap 'say interrupted; exit 130' INT
trap 'exit 143' TERM HUP

choose_accelerator
printf '%q ' "$@" > "$work/command"
make_initramfs "$work/initrd" "$work/command" "${adds[@]}"
qemu_arguments "$work/initrd"

if [ "$mode" = shell ]; then
	qemu+=(-chardev "stdio,id=console,mux=on,signal=off" -serial chardev:console -mon "chardev=console"
		-virtfs "local,path=$root,mount_tag=host,security_model=none,readonly=on")
	"${qemu[@]}"
	exit
fi

port_arguments "$work"
if [ -n "$facts" ]; then
	printf '%s\n' "kernel_source=Linux $(cat "$kernel_dir/version")" "kernel=${kernel_dir##*/}" \
		"qemu=$(qemu-system-x86_64 --version | head -1)" "command_line=${qemu[*]}" > "$facts"
fi
"${qemu[@]}" < /dev/null > "$work/qemu" 2>&1 &
qemu_pid=$!
tail -s 0.1 -c +1 -f --pid="$qemu_pid" "$work/stdout" &
stream_pids+=($!)
tail -s 0.1 -c +1 -f --pid="$qemu_pid" "$work/stderr" >&2 &
stream_pids+=($!)
watch_guest "$work" "${allows[@]}"
wait "${stream_pids[@]}" || true
[ -z "$log" ] || tr -d '\r' < "$work/console" > "$log"

status=$(cat "$work/status")
if [ -z "$trouble" ] && [ -z "$status" ]; then
	trouble="the guest ended without an exit status $(head -1 "$work/qemu")"
fi
if [ -n "$trouble" ]; then
	say "FAILED: $trouble; the log's tail:"
	tr -d '\r' < "$work/console" | tail -n 80 | sed 's/^/vm| /' >&2
	exit 1
fi
exit "$status"
