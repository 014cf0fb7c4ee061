#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# debian-kernel.sh : fetch the Linux 6.1 that Debian 12 ships, once, for scripts/vm.sh run --kernel DIR;
#                    stdout: its directory, which holds bzImage, version, and the modules that the guest's
#                    ports need
#
# Exit status: 4 if the package cannot be had here, with the reason on stderr. Environment: TAMALLOC_CACHE.
set -euo pipefail

TAMALLOC_CACHE=${TAMALLOC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tamalloc}
modules=(virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_console) # as they need each other

cannot() {
	echo "debian-kernel: $*" >&2
	exit 4
}

command -v apt-get >/dev/null || cannot "no apt-get here: Debian 12's package lists are needed"
package=$({ apt-cache depends linux-image-amd64 2>/dev/null || true; } | sed -nE 's/^ *Depends: (linux-image-6\.1\.0-[0-9]+-amd64)$/\1/p')
[ -n "$package" ] || cannot "linux-image-amd64 of this distribution's package lists is not Linux 6.1; on Debian 12, apt-get update"
dir=$TAMALLOC_CACHE/debian/$package
if [ ! -f "$dir/bzImage" ]; then
	mkdir -p "${dir%/*}"
	work=$(mktemp -d "$dir.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	(cd "$work" && apt-get -q -o APT::Sandbox::User=root download "$package") >&2 || cannot "$package cannot be downloaded"
	mkdir -p "$work/tree" "$work/kernel/modules"
	dpkg-deb -x "$work"/*.deb "$work/tree"
	for module in "${modules[@]}"; do
		find "$work/tree" -name "$module.ko" -exec cp -t "$work/kernel/modules" {} +
		[ -f "$work/kernel/modules/$module.ko" ] || cannot "$package has no module $module"
		echo "$module.ko"
	done > "$work/kernel/boot-modules"
	dpkg-deb -f "$work"/*.deb Version > "$work/kernel/version"
	cp "$work"/tree/boot/vmlinuz-* "$work/kernel/bzImage"
	rm -rf "$dir"
	mv "$work/kernel" "$dir"
fi
echo "$dir"
