#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# try-fresh.sh [DIR] -- COMMAND... : run COMMAND in a fresh clone of this repository's HEAD inside a fresh
# Debian 12 root made by debootstrap in DIR (default: a temporary directory, removed afterwards).
#
# The honest way to try "two commands do everything": the root holds debootstrap's minimal set, git, make
# and nothing else. Needs root. A DIR that already holds a root made here is reused as it is.
set -euo pipefail

usage="usage: try-fresh.sh [DIR] -- COMMAND..., e.g. try-fresh.sh -- make bench PROFILE=smoke"
die() {
	echo "try-fresh: $*" >&2
	exit "${code:-1}"
}

root=
if [ "${1:-}" != -- ]; then
	root=${1:-}
	shift || true
fi
if [ "${1:-}" != -- ] || [ $# -lt 2 ]; then code=2 die "$usage"; fi
shift
[ "$(id -u)" -eq 0 ] || die "needs root for debootstrap and chroot; run it with sudo"
command -v debootstrap >/dev/null || die "debootstrap is missing; apt-get install debootstrap"

repo=$(git -C "$(dirname "${BASH_SOURCE[0]}")" rev-parse --show-toplevel)
keep=1
if [ -z "$root" ]; then
	root=$(mktemp -d)
	keep=
fi

unmount() {
	local m
	for m in proc sys dev/pts dev/shm dev; do
		if mountpoint -q "$root/$m"; then umount -l "$root/$m"; fi
	done
	[ -n "$keep" ] || rm -rf --one-file-system "$root"
}
trap unmount EXIT

if [ ! -e "$root/etc/debian_version" ]; then
	debootstrap --include=git,make,ca-certificates --variant=minbase bookworm "$root" >&2
	# The host's way to Debian's packages (mirror, proxy), if it has one of its own.
	cp -a /etc/apt/apt.conf.d/. "$root/etc/apt/apt.conf.d/"
	cp /etc/resolv.conf "$root/etc/resolv.conf"
	if [ -f /etc/apt/sources.list.d/debian.sources ]; then
		rm -f "$root/etc/apt/sources.list"
		cp /etc/apt/sources.list.d/debian.sources "$root/etc/apt/sources.list.d/"
	fi
fi
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys" && mount --make-rslave "$root/sys"
mount --rbind /dev "$root/dev" && mount --make-rslave "$root/dev"

rm -rf "$root/root/tamalloc"
git clone -q --no-hardlinks "$repo" "$root/root/tamalloc"
# shellcheck disable=SC2016 # expanded by the inner shell
env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb LANG=C.UTF-8 ${http_proxy:+http_proxy="$http_proxy"} \
	${https_proxy:+https_proxy="$https_proxy"} \
	chroot "$root" bash -c 'cd /root/tamalloc && exec "$@"' bash "$@"
