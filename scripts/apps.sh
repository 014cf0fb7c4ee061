#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# apps.sh [OPTION... PROGRAM...] : whole programs under several malloc libraries, into RUN (an earlier
# run that the rows are added to) or a run of their own; the options are those of tabench apps.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/setup.sh build bench apps
scripts/build.sh build
if [ -n "${RUN:-}" ]; then
	exec build/tabench apps --run "$RUN" "$@"
fi
exec build/tabench apps --out "results/$(date -u +%Y%m%dT%H%M%SZ)-$(uname -n)-apps" "$@"
