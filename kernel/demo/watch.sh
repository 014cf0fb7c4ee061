#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# watch.sh DEMO [OPTION]... : run DEMO --wait and show its memory from outside after each step: by ps,
# /proc/PID/status and, where they are, tamstat and /proc/tamstat. (POSIX sh: the guest has no bash.)
set -eu

demo=${1:?usage: watch.sh DEMO [OPTION]...}
shift
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d "${TMPDIR:-/tmp}/demo.XXXXXX")
trap 'rm -rf "$dir"' EXIT
mkfifo "$dir/go"

tamstat=$(command -v tamstat || echo "$here/../../build/tamstat")

observe() { # PID STEP
	echo "--- PID $1: $2"
	ps -o pid,vsz,rss,comm | awk -v pid="$1" 'NR == 1 || $1 == pid' | sed 's/^/ps        /' # busybox knows no -p
	grep -E '^Vm(Size|RSS|HWM)|^RssAnon' "/proc/$1/status" | tr -s '\t ' ' ' | tr '\n' ',' | sed 's/,$//; s/^/\/proc     /'
	echo
	awk '{ print "/proc     minor faults " $10 ", major faults " $12 }' "/proc/$1/stat"
	[ ! -x "$tamstat" ] || "$tamstat" -p "$1" | sed 's/^/tamstat   /'
	[ -w /proc/tamstat/processes ] || return 0
	# the filter belongs to the open file
	{ echo "$1" >&3 && tail -n +2 <&3; } 3<> /proc/tamstat/processes | sed 's/^/proc view /'
}

"$demo" --wait "$@" < "$dir/go" > "$dir/out" &
pid=$!
exec 4> "$dir/go"
for step in reserved read written freed; do
	until grep -q "^waiting: $step" "$dir/out"; do
		kill -0 "$pid" 2> /dev/null || { cat "$dir/out" >&2; exit 1; }
		sleep 0.1
	done
	observe "$pid" "$step"
	echo >&4
done
wait "$pid"
