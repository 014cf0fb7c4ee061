#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2031,SC2053 # each test is a subshell; patterns are meant
# scripts/kernel.sh: what is wrong is said in one line; ours is laid in by content. No kernel is built here.

setup() {
	root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	kernel=$root/scripts/kernel.sh
	export TAMALLOC_CACHE=$BATS_TEST_TMPDIR/cache NO_INSTALL=1
}

# A directory that kernel.sh takes for Linux VERSION.PATCHLEVEL.1
fake_tree() { # DIR VERSION PATCHLEVEL
	mkdir -p "$1/mm"
	printf 'VERSION = %s\nPATCHLEVEL = %s\nSUBLEVEL = 1\n' "$2" "$3" > "$1/Makefile"
	touch "$1/Kconfig"
	printf 'one\ntwo\nthree\n' > "$1/mm/memory.c"
	echo 'mmap' > "$1/mm/mmap.c"
}

one_line() { # STATUS PATTERN
	echo "status $status, output: $output"
	[ "$status" -eq "$1" ] && [ "${#lines[@]}" -eq 1 ] && [[ $output == $2 ]]
}

last_line() { # PATTERN
	echo "$output"
	[[ ${lines[-1]} == $1 ]]
}

@test "unknown command" {
	run "$kernel" frobnicate
	[ "$status" -eq 2 ]
	[[ $output == *"unknown command 'frobnicate'"* ]]
}

@test "source given but missing" {
	KERNEL_SRC=/nonexistent run "$kernel" build
	one_line 1 "kernel: KERNEL_SRC=/nonexistent is neither a kernel tree nor a tarball"
}

@test "no source at all" {
	variant_patched=0 variant_debug=0
	. "$root/scripts/lib-kernel.sh"
	debian_tarball=/nonexistent.tar.xz
	unset KERNEL_SRC
	run find_source
	one_line 1 "kernel: no kernel source: /nonexistent.tar.xz is missing; install linux-source-6.12 or set KERNEL_SRC=*"
}

@test "wrong version of a tree" {
	fake_tree "$BATS_TEST_TMPDIR/tree" 6 1
	KERNEL_SRC=$BATS_TEST_TMPDIR/tree run "$kernel" build
	one_line 1 "kernel: wrong kernel version: * is Linux 6.1.1, supported is 6.12; *"
}

@test "wrong version of a tarball, and nothing is left behind" {
	fake_tree "$BATS_TEST_TMPDIR/linux-5.4" 5 4
	tar -C "$BATS_TEST_TMPDIR" -czf "$BATS_TEST_TMPDIR/linux.tar.gz" linux-5.4
	KERNEL_SRC=$BATS_TEST_TMPDIR/linux.tar.gz run "$kernel" build
	echo "$output"
	[ "$status" -eq 1 ]
	last_line "kernel: wrong kernel version: * is Linux 5.4.1, supported is 6.12; *"
	[ -z "$(ls "$TAMALLOC_CACHE/source")" ]
}

@test "a tarball that is none" {
	head -c 1000 /dev/zero > "$BATS_TEST_TMPDIR/linux.tar.xz"
	KERNEL_SRC=$BATS_TEST_TMPDIR/linux.tar.xz run "$kernel" build
	[ "$status" -eq 1 ]
	last_line "kernel: cannot unpack * is it a complete kernel tarball?"
}

@test "a tree that has been built in" {
	fake_tree "$BATS_TEST_TMPDIR/tree" 6 12
	touch "$BATS_TEST_TMPDIR/tree/.config"
	KERNEL_SRC=$BATS_TEST_TMPDIR/tree run "$kernel" build
	one_line 1 "kernel: * has been built in; run 'make mrproper' there first"
}

@test "no compiler" {
	fake_tree "$BATS_TEST_TMPDIR/tree" 6 12
	KERNEL_SRC=$BATS_TEST_TMPDIR/tree CC=nonexistent-cc run "$kernel" build
	one_line 1 "kernel: no C compiler: 'nonexistent-cc' was not found; *"
}

@test "no disk space" {
	fake_tree "$BATS_TEST_TMPDIR/tree" 6 12
	mkdir "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/sh\necho header; echo disk 9000 8900 100 99%% /\n' > "$BATS_TEST_TMPDIR/bin/df"
	chmod +x "$BATS_TEST_TMPDIR/bin/df"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH KERNEL_SRC=$BATS_TEST_TMPDIR/tree run "$kernel" build
	one_line 1 "kernel: not enough disk space: * has 100 MiB free, the build needs *"
}

@test "configuration fragment missing" {
	CONFIG_EXTRA=/nonexistent run "$kernel" key
	one_line 2 "kernel: CONFIG_EXTRA=/nonexistent is no file"
}

# In the tests below: a clone with one patch and one file of ours, laid into a fake tree.
lay() {
	# the shell that sources the library must see our clone, not this one
	root=$clone KERNEL_SRC=$BATS_TEST_TMPDIR/tree bash -c '
		variant_patched=1 variant_debug=0
		set -euo pipefail
		. "'"$real_root"'/scripts/lib-kernel.sh"
		find_source; mkdir -p "$TAMALLOC_CACHE/source"; lay_source; lay_ours; echo "$patched"' bash
}

fake_clone() {
	real_root=$root clone=$BATS_TEST_TMPDIR/clone
	mkdir -p "$clone"/kernel/{src/mm,patches}
	fake_tree "$BATS_TEST_TMPDIR/tree" 6 12
	echo 'ours' > "$clone/kernel/src/mm/tamalloc.c"
	printf -- '--- a/mm/memory.c\n+++ b/mm/memory.c\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n' > "$clone/kernel/patches/0001-x.patch"
	export root clone
}

@test "patches and sources are laid in; the source as it came stays so" {
	fake_clone
	tree=$(lay)
	[ "$(cat "$tree/mm/memory.c")" = $'one\n2\nthree' ]
	[ "$(cat "$tree/mm/tamalloc.c")" = ours ]
	[ "$(sed -n 2p "$TAMALLOC_CACHE"/source/*/mm/memory.c)" = two ]
	[ "$(sed -n 2p "$BATS_TEST_TMPDIR/tree/mm/memory.c")" = two ]
}

@test "a second time nothing is written" {
	fake_clone
	tree=$(lay)
	before=$(stat -c '%i %y' "$tree"/mm/*)
	lay
	[ "$(stat -c '%i %y' "$tree"/mm/*)" = "$before" ]
}

@test "a patch and a file that went away are taken out, the rest is not touched" {
	fake_clone
	tree=$(lay)
	before=$(stat -c '%i %y' "$tree/mm/mmap.c")
	rm "$clone"/kernel/patches/* "$clone/kernel/src/mm/tamalloc.c"
	lay
	[ "$(sed -n 2p "$tree/mm/memory.c")" = two ]
	[ ! -e "$tree/mm/tamalloc.c" ]
	[ "$(stat -c '%i %y' "$tree/mm/mmap.c")" = "$before" ]
}

@test "a patch that does not apply is named" {
	fake_clone
	sed -i s/three/four/ "$clone/kernel/patches/0001-x.patch"
	run lay
	[ "$status" -eq 1 ]
	last_line "kernel: kernel/patches/0001-x.patch does not apply to Linux 6.12.1"
}

@test "the key follows every input" {
	fake_clone
	key() {
		root=$clone KERNEL_SRC=$BATS_TEST_TMPDIR/tree bash -c '
			variant_patched='"$1"' variant_debug='"$2"'
			set -euo pipefail
			. "'"$real_root"'/scripts/lib-kernel.sh"
			find_source; kernel_key' bash
	}
	mkdir -p "$clone/kernel/config" "$clone/scripts"
	echo CONFIG_X=y | tee "$clone"/kernel/config/{base,bench,debug,tamalloc} > /dev/null
	touch "$clone"/scripts/{lib-kernel,kernel}.sh
	a=$(key 1 0)
	[ "$(key 1 0)" = "$a" ]
	[ "$(key 1 1)" != "$a" ]
	unpatched=$(key 0 0)
	echo more >> "$clone/kernel/src/mm/tamalloc.c"
	b=$(key 1 0)
	[ "$b" != "$a" ]
	[ "$(key 0 0)" = "$unpatched" ]
	echo CONFIG_Y=y >> "$clone/kernel/config/base"
	[ "$(key 1 0)" != "$b" ]
	[ "$(key 0 0)" != "$unpatched" ]
}
