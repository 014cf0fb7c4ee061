#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The guest's init (busybox sh): mounts what programs expect, runs /etc/vm/command with its output on the
# virtio ports "stdout" and "stderr", writes its exit status to the port "status", powers off.
# scripts/vm.sh writes /etc/vm/settings: MODE (run or shell), ASSERT_DEBUG, ICOUNT.

export PATH=/bin:/usr/bin:/sbin:/usr/sbin HOME=/root TERM="${TERM:-vt100}" LC_ALL=C
/bin/busybox --install -s /bin
# shellcheck disable=SC1091
. /etc/vm/settings

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm /dev/hugepages
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /tmp
mount -t tmpfs tmpfs /run
mount -t debugfs debugfs /sys/kernel/debug
mount -t tracefs tracefs /sys/kernel/tracing
mount -t cgroup2 cgroup2 /sys/fs/cgroup
# of a kernel in which what the ports need is not built in
[ ! -f /etc/vm/boot-modules ] || while read -r module; do insmod "/lib/modules/$module"; done < /etc/vm/boot-modules
ln -s /proc/self/fd /dev/fd
chmod 1777 /tmp /dev/shm
hostname tamalloc

set_if_there() { [ ! -w "$1" ] || echo "$2" > "$1"; }
# an emulated CPU is slow, not stuck
set_if_there /proc/sys/kernel/watchdog_thresh 60
set_if_there /proc/sys/kernel/hung_task_timeout_secs 1200
# a signal that a test causes on purpose is no message for the log
set_if_there /proc/sys/debug/exception-trace 0
[ "$ICOUNT" = 0 ] || set_if_there /proc/sys/kernel/randomize_va_space 0

port() { # NAME: its device, which a slow guest finds only a while after init has begun
	for _ in $(seq 300); do
		for p in /sys/class/virtio-ports/*; do
			if [ "$(cat "$p/name" 2>/dev/null)" = "$1" ] && [ -c "/dev/${p##*/}" ]; then
				echo "/dev/${p##*/}"
				return
			fi
		done
		sleep 0.1
	done
	echo "init: virtio port '$1' is missing" > /dev/console
	echo /dev/console
}

assert_debug() {
	for option in KASAN PROVE_LOCKING DEBUG_VM DEBUG_ATOMIC_SLEEP; do
		zcat /proc/config.gz | grep -qx "CONFIG_$option=y" || {
			echo "init: this is no debug kernel: CONFIG_$option is off" > /dev/console
			return 1
		}
	done
}

if [ "$MODE" = shell ]; then
	mkdir -p /host
	mount -t 9p -o trans=virtio,version=9p2000.L,ro host /host 2>/dev/null
	cat /etc/vm/welcome
	setsid cttyhack sh
else
	status=125
	if [ "$ASSERT_DEBUG" = 0 ] || assert_debug; then
		cd /root || exit 1
		sh /etc/vm/command > "$(port stdout)" 2> "$(port stderr)" < /dev/null
		status=$?
	fi
	echo "$status" > "$(port status)"
fi
poweroff -f
