#!/bin/sh
# SPDX-License-Identifier: MIT
#
# In the guest: vm-bench.sh COMMAND... : make the machine what every sample shall find, then run COMMAND.
# Pages are of 4 KiB unless a subject asks for others; nothing works in the background; our drivers are in.

thp=/sys/kernel/mm/transparent_hugepage
echo madvise > "$thp/enabled"
for sleep in "$thp"/khugepaged/*_sleep_millisecs; do echo 4000000 > "$sleep"; done
# The number of free pages that a CPU keeps to itself grows and shrinks by what went on before; fixed (1,024 of
# 256K), one sample does not change what the next one's free() costs.
echo 256 > /proc/sys/vm/percpu_pagelist_high_fraction
driver=/lib/modules/tamalloc_driver.ko
[ ! -f "$driver" ] || insmod "$driver" || exit 1
exec "$@"
