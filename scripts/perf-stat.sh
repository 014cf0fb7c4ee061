#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# perf-stat.sh : each cell of RUN (default: results/latest, or a new smoke run where there is none) once
# more under perf stat; the counts join the run's samples and its report.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/setup.sh build bench
scripts/build.sh build
run=${RUN:-results/latest}
if [ -e "$run/run.json" ]; then
	exec build/tabench run --perf-stat --resume "$run" "$@"
elif [ -n "${RUN:-}" ]; then
	echo "perf-stat: $RUN is not the directory of a run: it has no run.json" >&2
	exit 2
fi
exec build/tabench run --perf-stat --profile "${PROFILE:-smoke}" "$@"
