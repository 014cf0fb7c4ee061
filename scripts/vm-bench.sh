#!/bin/sh
# SPDX-License-Identifier: MIT
#
# In the guest: vm-bench.sh COMMAND... : make the machine what every sample shall find, then run COMMAND.
# Pages are of 4 KiB unless a subject asks for others; nothing works in the background; our modules are in.

thp=/sys/kernel/mm/transparent_hugepage
echo madvise > $thp/enabled
for sleep in $thp/khugepaged/*_sleep_millisecs; do echo 4000000 > "$sleep"; done
for module in /lib/modules/tamalloc_driver.ko; do
	[ ! -f "$module" ] || insmod "$module" || exit 1
done
exec "$@"
