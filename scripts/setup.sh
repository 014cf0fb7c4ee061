#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# setup.sh GROUP... : make sure the Debian packages of each group are installed.
#
# A group is a file scripts/packages/GROUP: one package a line, '#' comments, a trailing '?' marks a
# package whose absence only makes its rows "unsupported". Installed as root, or through sudo; where
# neither works, or with NO_INSTALL=1, the missing ones are listed: required ones missing end with 1.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
groups=$(cd "$here/packages" && echo *)

die() {
	echo "setup: $*" >&2
	exit "${code:-1}"
}

[ $# -gt 0 ] || code=2 die "no group given; known groups: $groups"
command -v dpkg-query >/dev/null ||
	die "this is not a Debian-like system; install the equivalents of scripts/packages/{$*} and set NO_INSTALL=1"

missing_required=() missing_optional=()
for group in "$@"; do
	list=$here/packages/$group
	[ -f "$list" ] || code=2 die "unknown group '$group'; known groups: $groups"
	while read -r package; do
		optional=${package: -1}
		package=${package%\?}
		dpkg-query -W -f='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed && continue
		if [ "$optional" = '?' ]; then missing_optional+=("$package"); else missing_required+=("$package"); fi
	done < <(sed -E 's/#.*//; s/[[:space:]]+$//; /^$/d' "$list")
done

missing=("${missing_required[@]}" "${missing_optional[@]}")
[ ${#missing[@]} -gt 0 ] || exit 0

if [ -n "${NO_INSTALL:-}" ]; then
	[ ${#missing_optional[@]} -eq 0 ] ||
		echo "setup: not installed, their rows will be unsupported: ${missing_optional[*]}" >&2
	[ ${#missing_required[@]} -eq 0 ] || die "NO_INSTALL is set and these packages are missing: ${missing_required[*]}"
	exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
	if command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
		as_root=(sudo)
	else
		[ ${#missing_required[@]} -gt 0 ] || exit 0
		die "neither root nor sudo; ask your administrator for: apt-get install ${missing[*]}"
	fi
fi

export DEBIAN_FRONTEND=noninteractive
apt_install() {
	"${as_root[@]}" apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@" >&2
}

echo "setup: installing ${missing[*]}" >&2
apt_update_done=
if ! apt_install "${missing[@]}"; then
	# An old or empty package list is the usual reason: renew it once, then take what can be had.
	"${as_root[@]}" apt-get update >&2 && apt_update_done=1
	if ! apt_install "${missing[@]}"; then
		[ ${#missing_required[@]} -eq 0 ] || apt_install "${missing_required[@]}" ||
			die "apt-get could not install: ${missing_required[*]}${apt_update_done:+ (after apt-get update)}"
		for package in "${missing_optional[@]}"; do
			apt_install "$package" || echo "setup: '$package' cannot be installed; its rows will be unsupported" >&2
		done
	fi
fi
