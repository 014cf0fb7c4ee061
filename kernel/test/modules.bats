#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The modules against kernel headers as Debian's packages install them.

setup() {
	cp -r "$BATS_TEST_DIRNAME/../modules" "$BATS_TEST_TMPDIR/modules"
	headers=()
	for file in /usr/src/linux-headers-*/Module.symvers; do
		[ ! -e "$file" ] || headers+=("${file%/*}")
	done
}

@test "modules: they build without a warning against the headers of Debian's kernels" {
	[ ${#headers[@]} -gt 0 ] || skip "no linux-headers package"
	for kdir in "${headers[@]}"; do
		run make -C "$BATS_TEST_TMPDIR/modules" "KDIR=$kdir" clean modules
		echo "$kdir: $output"
		[ "$status" -eq 0 ]
		[[ $output != *[Ww]arning* ]]
		for module in tamalloc_driver tamstat_proc; do
			[ "$(modinfo -F vermagic "$BATS_TEST_TMPDIR/modules/$module.ko" | cut -d' ' -f1)" = "${kdir#*linux-headers-}" ]
		done
	done
}

@test "modules: no headers: one line that says what is missing" {
	run make -C "$BATS_TEST_TMPDIR/modules" -s KDIR=/nonexistent
	[ "$status" -ne 0 ]
	[[ $output == *"no kernel headers at /nonexistent: install linux-headers-"* ]]
}
