#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# kernel-fuzz.sh [OPTION]... : run the seeded fuzzer (kernel/selftest/fuzz) in the debug kernel.
#
#   --long         30 minutes, with stress-ng's vm, mmap, madvise, fork and fault stressors beside it
#   --seconds N    how long, default 60
#   --seed N       default: a new one, printed
#   --smp N        CPUs, default 2
#   --threads N    streams of operations, default one a CPU; with 1 all depends on the seed only
#   --stress       stress-ng beside it
#   --all-tamalloc mmap in the place of tamalloc, while all private anonymous memory is tamalloc's
#   --kernel DIR   in that kernel instead
#
# If the kernel's log shows something, the same seed is run in the unpatched debug kernel (built then, with
# mmap in the place of tamalloc): what that shows as well is not ours, and said. Exit status: 0 nothing of
# ours, 1 wrong.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/lib-selftest.sh
. "$root/scripts/lib-selftest.sh"

seconds=60 seed=$RANDOM smp=2 threads='' stress=0 all='' kernel=(--debug)
while [ $# -gt 0 ]; do
	case $1 in
	--long) seconds=1800 stress=1 ;;
	--stress) stress=1 ;;
	--all-tamalloc) all=1 ;;
	--seconds | --seed | --smp | --threads)
		[[ ${2:-} =~ ^[0-9]+$ ]] || code=2 die "$1 needs a number"
		declare "${1#--}=$2"
		shift
		;;
	--kernel)
		kernel=(--kernel "${2:?}")
		shift
		;;
	*) code=2 die "unknown option '$1'; known: --long --seconds N --seed N --smp N --threads N --stress --all-tamalloc --kernel DIR" ;;
	esac
	shift
done

fuzz="/selftest/fuzz --seed $seed --seconds $seconds --threads ${threads:-$smp}"
adds=() beside='' before=''
[ -z "$all" ] || { before='echo Y > /sys/kernel/debug/tamalloc_all || exit 1;' && fuzz+=' --mmap'; }
build_selftests
adds=(--add "$selftest_dir/fuzz:/selftest/fuzz")
if [ "$stress" -eq 1 ]; then
	command -v stress-ng >/dev/null || "$root/scripts/setup.sh" test
	adds+=(--add "$(command -v stress-ng):/bin/stress-ng")
	beside="stress-ng --seed $seed --vm 1 --vm-bytes 64M --mmap 1 --mmap-bytes 32M --madvise 1 --fork 1 --fault 1 --timeout ${seconds}s --temp-path /tmp --quiet >&2 &"
fi
# A debug kernel under emulation may take minutes to boot and to end; the fuzzer says something each minute.
vm=("$root/scripts/vm.sh" run --smp "$smp" --mem 2G --timeout $((seconds * 2 + 600)) --silence 400 "${adds[@]}")
log=$root/build/kernel-fuzz.log

echo "kernel-fuzz: seed $seed, $seconds s, $smp CPUs, ${threads:-$smp} streams${beside:+, stress-ng beside it}" >&2
status=0
"${vm[@]}" "${kernel[@]}" --log "$log" -- \
	sh -c "$before $beside $fuzz; status=\$?; wait; exit \$status" || status=$?
[ "$status" -ne 0 ] || exit 0

# Without a splat in the log the fuzzer itself found wrong data: no need to ask another kernel.
splat=$("$root/scripts/vm.sh" splat "$log") || die "failed with status $status, seed $seed; log: $log"
echo "kernel-fuzz: the unpatched debug kernel under the same seed" >&2
"${vm[@]}" --debug --unpatched --log "$log.unpatched" -- \
	sh -c "$beside $fuzz --mmap; wait" >&2 || true
if [ "$("$root/scripts/vm.sh" splat "$log.unpatched" || true)" = "$splat" ]; then
	echo "kernel-fuzz: not ours, the unpatched kernel shows it as well: $splat" >&2
	exit 0
fi
die "only the patched kernel shows, under seed $seed: $splat; log: $log"
