#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# A new subject is one new file: alloc_skeleton.c under a new name, in a copy of the sources.

@test "a copied alloc_skeleton.c is listed, runs and conforms, with no other edit" {
	bats_require_minimum_version 1.5.0
	tree=$BATS_TEST_TMPDIR/tree
	mkdir "$tree"
	cd "$BATS_TEST_DIRNAME/../.." || return
	cp -r --parents CMakeLists.txt allocators bench kernel/src/include/uapi kernel/modules/tamalloc_driver.h "$tree"
	sed 's/"skeleton"/"test\/copied"/' allocators/alloc_skeleton.c >"$tree/allocators/alloc_copied.c"
	cmake -S "$tree" -B "$tree/build" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG=-O0 >/dev/null
	cmake --build "$tree/build" --parallel "$(nproc)" --target tabench taworker test_conformance >/dev/null

	run "$tree/build/tabench" list
	[ "$status" -eq 0 ]
	[[ $output == *"test/copied "*"mmap, to be changed"* ]]
	[[ $output != *" skeleton "* ]]
	run "$tree/build/taworker" --subject test/copied --workload dense-up --size 1048576 --fill 171 --purpose verify
	[[ ${lines[1]} == "verified=1 "*"wrong_bytes=0"* ]]
	run "$tree/build/test/test_conformance"
	[ "$status" -eq 0 ]
	[ "$(grep -c '^ok .* test/copied ' <<<"$output")" -eq 10 ]
}
