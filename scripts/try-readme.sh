#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# try-readme.sh [--whole] [DIR] : follow README.md as a new user would, in a fresh Debian 12 root (try-fresh.sh; needs root): every
# command of scripts/readme-commands.txt that is marked fresh, in its order, in the short form that stands there. With --whole,
# also those marked whole, which take long: make bench and make test as they are written, the kernel and its virtual machine.
# DIR keeps the root for the next time. TAP on stdout, everything else on stderr. Exit status: 0 if all went well, else 1.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [ "${1:-}" != --inside ]; then
	whole=
	if [ "${1:-}" = --whole ]; then
		whole=--whole
		shift
	fi
	if [ $# -gt 1 ] || [[ ${1:-} == -* ]]; then
		echo "try-readme: usage: scripts/try-readme.sh [--whole] [DIR]" >&2
		exit 2
	fi
	exec scripts/try-fresh.sh "$@" -- scripts/try-readme.sh --inside $whole
fi

# The program of the recipe for C, as it stands in README.md.
mkdir -p build
awk '/^```c$/ { inside = 1; next } /^```/ { inside = 0 } inside' README.md >build/program.c

n=0 failed=0
while IFS=$'\t' read -r command where what <&3; do
	case $where in
	fresh) ;;
	whole) [ "${2:-}" = --whole ] || continue ;;
	*) continue ;;
	esac
	[ "$what" != = ] || what=$command
	n=$((n + 1))
	started=$SECONDS
	echo "== $what" >&2
	if bash -c "$what" </dev/null >&2; then
		echo "ok $n - $command ($((SECONDS - started)) s)"
	else
		echo "not ok $n - $command: '$what' ended with exit status $?"
		failed=1
	fi
done 3< <(grep -v '^#' scripts/readme-commands.txt)
echo "1..$n"
exit $failed
