#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# c-tests.sh DIR : build and run the C test programs of the build directory DIR; TAP on stdout.
# A program that ends badly without a "not ok" of its own is a failed test.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
dir=${1:?usage: c-tests.sh DIR}

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

cmake --build "$dir" --target tests --parallel "$(nproc)" >&2
failed=0
for program in "$dir"/test/test_*; do
	[ -x "$program" ] || continue
	name=${program##*/}
	status=0
	# Into files: a process that a test leaves behind would keep a pipe open for ever.
	CMOCKA_MESSAGE_OUTPUT=TAP timeout -k 5 180 "$program" >"$out/tap" 2>"$out/messages" || status=$?
	cat "$out/messages" >&2
	# cmocka 1.1 writes a skip as "not ok N # SKIP name".
	sed -E "s/^not ok ([0-9]+) # SKIP (.*)/ok \1 - \2 # SKIP/; s/^((not )?ok [0-9]+ - )/\1$name: /" "$out/tap"
	[ $status -eq 0 ] && continue
	failed=1
	grep -q '^not ok' "$out/tap" || echo "not ok - $name: ended with exit status $status"
done
exit $failed
