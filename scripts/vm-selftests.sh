#!/bin/sh
# SPDX-License-Identifier: MIT
#
# In the guest: run [SECONDS] PROGRAM... of /selftest, each for at most SECONDS, in a directory of its own.
# Marks where each begins and ends, on stdout and in the kernel's log. Always ends with 0: the marks tell.

seconds=$1
shift
for program in "$@"; do
	echo "# program $program"
	echo "self-test $program" > /dev/kmsg
	mkdir -p "/tmp/$program"
	cd "/tmp/$program" || exit 1
	timeout -s KILL "$seconds" "/selftest/$program" 2>&1
	echo "# exit $program $?"
	cd /
	rm -rf "/tmp/$program"
done
