#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# bench.sh : set up, build, measure, chart, report. Environment: PROFILE SUBJECTS WORKLOADS RESUME
# TARGETS (host, vm or host,vm, which is the default here)
# (tabench run --help says what they take), NO_INSTALL=1 (install nothing), NO_TUNE=1 (change no setting).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# A run that is continued keeps its targets.
case ${RESUME:-0} in 0) export TARGETS=${TARGETS:-host,vm} ;; esac

changed=none
if [ "$(id -u)" -eq 0 ] && [ -z "${NO_TUNE:-}" ] && compgen -G '/sys/kernel/mm/transparent_hugepage/hugepages-*/enabled' >/dev/null; then
	changed='sizes of transparent huge pages, for mmap/mthp-*, and their pool (vm.nr_hugepages), for mmap/hugetlb; restored at the end (NO_TUNE=1 leaves them)'
fi
echo "bench: settings of this machine that will be changed: $changed" >&2

scripts/setup.sh build bench apps
case ${TARGETS:-} in
*vm*) scripts/setup.sh kernel || echo "bench: without these packages there is no virtual machine; the host is measured" >&2 ;;
esac
scripts/build.sh build

# Ctrl-C ends the run, not this script: tabench keeps what it has and writes the report.
interrupted=
trap interrupted=1 INT
status=0
build/tabench run "$@" || status=$?

# Behaviour beside speed, where nobody asked for less, nor ended the run.
run=results/latest
case ${RESUME:-0} in 0 | 1) ;; *) run=$RESUME ;; esac
if [ $# -eq 0 ] && [ -z "${SUBJECTS:-}${WORKLOADS:-}$interrupted" ] && [ "${PROFILE:-default}" != smoke ] && [ $status -le 1 ]; then
	echo "bench: scenarios (tabench scenario): limits, overcommit, OOM, swap, fork, NUMA: about a minute" >&2
	build/tabench scenario --target "${TARGETS:-host,vm}" --run "$run" || status=$((status ? status : $?))
	case $interrupted${TARGETS:-host} in
	1*) ;;
	*host*)
		echo "bench: whole programs (tabench apps --short): half a minute" >&2
		build/tabench apps --short --no-report --run "$run" || [ $? -eq 4 ] || status=$((status ? status : 1))
		;;
	esac
	build/tabench report "$run" | sed -n '/^WHOLE PROGRAMS/,$p'
fi
exit $status
