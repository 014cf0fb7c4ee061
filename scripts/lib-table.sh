#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# lib-table.sh [plain|accel]... : libtamalloc's figures beside their limits (bench/limits/lib-*.txt), from runs of its
# own; both by default. Subjects of a ratio are measured in one interleaved run. REPS=25 repetitions; OUT= a directory
# for the runs and their reports (default results/lib-table). 3: a figure is above its limit; 4: one could not be had.
# To be run on a machine that does nothing else: plain about 7 minutes, accel about 6.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
reps=${REPS:-25}
out=${OUT:-results/lib-table}

scripts/setup.sh build bench >&2
scripts/build.sh build >&2
mkdir -p "$out"

measure() { # NAME OPTION... : a run of its own; its samples are replaced
	local name=$1
	shift
	rm -rf "${out:?}/$name"
	build/tabench run --samples-only --reps "$reps" --out "$out/$name" "$@" >&2
	build/tabench report "$out/$name" >/dev/null
}

measure_plain() {
	measure plain-zero --subjects mmap,tamalloc/lib-plain --size 256M --fill 0
	measure plain-fill --subjects mmap,tamalloc/lib-plain,glibc/malloc+memset --workloads dense-up,sparse-1pct --size 256M --fill 0,171
	measure plain-reserve --subjects tamalloc/lib-plain --workloads alloc-latency --size 1G --fill 171
	measure plain-small --subjects glibc/calloc,tamalloc/lib-plain --workloads small-blocks --size 16,64,256,1K,4K,6K,8K,12K,16K,24K,32K --fill 0
	runs=("$out"/plain-{zero,fill,reserve,small})
}

measure_accel() {
	local sparse=sparse-1pct,stride-4,stride-16,stride-64
	measure accel-zero --subjects mmap,mmap/thp,glibc/calloc,tamalloc/lib-accel --size 256M --fill 0 \
		--workloads dense-up,dense-down,"$sparse",shuffled,chunks-1m,read-dense,read-sparse
	measure accel-16m --subjects mmap/thp,tamalloc/lib-accel --workloads dense-up,dense-down --size 16M --fill 0
	measure accel-fill --subjects mmap,glibc/malloc+memset,tamalloc/lib-accel --workloads dense-up,sparse-1pct,threads \
		--size 256M --fill 0,171 --threads 1,2
	measure accel-short --subjects mmap,tamalloc/lib-accel --workloads dense-up,recycle --size 64K,1M,16M,256M --fill 0
	runs=("$out"/accel-{zero,16m,fill,short})
}

[ $# -gt 0 ] || set -- plain accel
worst=0
for layer; do
	case $layer in
	plain) measure_plain ;;
	accel) measure_accel ;;
	*)
		echo "lib-table: unknown '$layer'; there are plain and accel" >&2
		exit 2
		;;
	esac
	status=0
	build/tabench limits "bench/limits/lib-$layer.txt" "${runs[@]}" || status=$?
	case $worst:$status in
	*:0 | 3:4) ;;
	*:[134]) worst=$status ;;
	*) exit "$status" ;;
	esac
done
exit $worst
