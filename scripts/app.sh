#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# app.sh RECIPE about|prepare DIR : the one reader of bench/apps/*.sh, for tabench apps.
# about: prints "short" or "long", then the summary. prepare: writes into DIR, a directory for this
# program alone, its input, "words" (its command, each word ended by a 0 byte) and "must-print" (what it must
# print). Exit status 4: this machine lacks what it needs; the last line on stderr says what.
#
# A recipe sets summary, short (yes: also in the short form), needs=(COMMAND=PACKAGE ...) and
# command=(WORD ...), and defines expected() (prints it) and, where there is input, setup(). All run in
# DIR; $here is the recipe's own directory.
set -euo pipefail

[ $# -ge 2 ] || { echo "app.sh: usage: app.sh RECIPE about, or app.sh RECIPE prepare DIR" >&2; exit 2; }
recipe=$(realpath "$1")
here=$(dirname "$recipe")
export here
summary='' short=no needs=() command=()
setup() { :; }
# shellcheck source=/dev/null
. "$recipe"

unsupported() {
	echo "$*" >&2
	exit 4
}

case $2 in
about)
	[ "$short" = yes ] && echo short || echo long
	echo "$summary"
	;;
prepare)
	cd "${3:?app.sh: prepare needs a directory}"
	export LC_ALL=C
	for need in "${needs[@]}"; do
		command -v "${need%%=*}" >/dev/null || unsupported "${need%%=*} is not installed; apt-get install ${need#*=}"
	done
	setup
	expected >must-print
	printf '%s\0' "${command[@]}" >words
	;;
*)
	echo "app.sh: '$2' is neither about nor prepare" >&2
	exit 2
	;;
esac
