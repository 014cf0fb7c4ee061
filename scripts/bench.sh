#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# bench.sh : set up, build, measure, chart, report. Environment: PROFILE SUBJECTS WORKLOADS RESUME
# (tabench run --help says what they take), NO_INSTALL=1 (install nothing), NO_TUNE=1 (change no setting).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Nothing here needs a setting of the machine changed: NO_TUNE=1 has nothing to keep from it.
echo "bench: settings of this machine that will be changed: none" >&2

scripts/setup.sh build bench
scripts/build.sh build

# Ctrl-C ends the run, not this script: tabench keeps what it has and writes the report.
trap : INT
build/tabench run "$@"
