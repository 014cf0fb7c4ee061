#!/bin/sh
# SPDX-License-Identifier: MIT
#
# In the guest: run SECONDS < LIST: each line of LIST is a program of /selftest with its arguments, run for
# at most SECONDS in a directory of its own. Marks where each begins, and ends after how many seconds, on
# stdout, and where it begins in the kernel's log. Always ends with 0: the marks tell.

seconds=$1
while read -r line; do
	echo "# program $line"
	echo "self-test $line" > /dev/kmsg
	mkdir -p /tmp/self-test
	cd /tmp/self-test || exit 1
	started=$(date +%s)
	# shellcheck disable=SC2086 # program and arguments
	PATH=/selftest:$PATH timeout -s KILL "$seconds" $line 2>&1 < /dev/null
	status=$?
	echo "# exit $status after $(($(date +%s) - started)) s"
	cd /
	rm -rf /tmp/self-test
done
