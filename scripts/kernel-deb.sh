#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# kernel-deb.sh : Debian packages of the patched kernel for a real machine, in build/kernel-deb: linux-image, to
#                 boot, and linux-headers, for modules such as those of kernel/modules. apt installs them, puts
#                 them into the boot menu, and removes them again.
#
# Environment, beside that of scripts/kernel.sh (KERNEL_SRC, TAMALLOC_CACHE, JOBS, NO_INSTALL):
#   CONFIG=         the configuration to start from; default: that of the running kernel, else the newest in /boot
#   LOCALMOD=1      only the modules that are loaded now: minutes instead of hours, for this machine only
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
variant_patched=1 variant_debug=0
# shellcheck source=scripts/lib-kernel.sh
. "$root/scripts/lib-kernel.sh"
# A tree of its own: the configuration differs in almost everything.
variant_name() { echo patched-deb; }
disk_first_mib=25000

start_config() {
	local config=${CONFIG:-/boot/config-$(uname -r)}
	if [ -z "${CONFIG:-}" ] && [ ! -f "$config" ]; then
		config=$(find /boot -maxdepth 1 -name 'config-*' | sort -V | tail -n 1)
	fi
	[ -f "$config" ] ||
		code=2 die "no configuration to start from: ${config:-/boot has none}; set CONFIG= to a kernel's .config"
	echo "$config"
}

configure_deb() { # CONFIG
	cp "$1" "$build/.config"
	# The initramfs that installing makes must be readable; Debian's keys are not ours; debug
	# information would be several GB.
	"$tree/scripts/config" --file "$build/.config" \
		--enable TAMALLOC --set-str LOCALVERSION -tamalloc --disable LOCALVERSION_AUTO \
		--enable BLK_DEV_INITRD --enable RD_GZIP --enable RD_ZSTD \
		--set-str SYSTEM_TRUSTED_KEYS '' --set-str SYSTEM_REVOCATION_KEYS '' \
		--enable DEBUG_INFO_NONE --disable DEBUG_INFO_BTF --disable DEBUG_INFO_DWARF_TOOLCHAIN_DEFAULT
	if [ "${LOCALMOD:-0}" != 0 ]; then
		# make asks about what is new; an empty line takes the default
		{ yes '' || true; } | kernel_make localmodconfig >> "$log" 2>&1 || die "localmodconfig failed; log: $log"
	fi
	kernel_make olddefconfig >> "$log" 2>&1 || die "the kernel's configuration failed; log: $log"
	grep -qx CONFIG_TAMALLOC=y "$build/.config" || die "CONFIG_TAMALLOC did not take effect on top of $1"
}

"$root/scripts/setup.sh" kernel kernel-deb
# an own assignment, so that a failure in it ends the script
config=$(start_config)
check_tools
find_source
tree=$patched build=$TAMALLOC_CACHE/build/$source_id-$(variant_name)
log=$build.log
[ ! -f "$build/vmlinux" ] || disk_first_mib=$disk_again_mib
check_disk "$disk_first_mib"
lock_cache "$(variant_name)"
lay_source
lay_ours
mkdir -p "$build"
: > "$log"
say "configuration: $config${LOCALMOD:+, only the loaded modules}; log: $log"
configure_deb "$config"

# Packages come out beside the build directory.
rm -f "${build%/*}"/linux-*.deb
KDEB_PKGVERSION=$(kernel_version "$pristine")-1 make_with_progress bindeb-pkg
out=$root/build/kernel-deb
mkdir -p "$out"
rm -f "$out"/linux-*.deb
mv "${build%/*}"/linux-{image,headers}-*.deb "$out/"
rm -f "${build%/*}"/linux-*

release=$(cat "$build/include/config/kernel.release")
cat >&2 <<END
kernel: packages of Linux $release:
$(find "$out" -name '*.deb' -printf '  %p\n' | sort)
Install:  sudo apt install $out/linux-image-*.deb $out/linux-headers-*.deb
          then boot it: it is in the boot menu, beside the kernels that you have
Modules:  make -C $root/kernel/modules KDIR=/lib/modules/$release/build
Remove:   boot another kernel, then: sudo apt remove linux-image-$release linux-headers-$release
END
