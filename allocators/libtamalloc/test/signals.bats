#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# A linked program that sets what SIGTRAP does gets no trap of the accelerator's, however it was linked; where the
# library cannot know, nothing is accelerated. Where perf refuses the event, all is well, too.

bats_require_minimum_version 1.5.0

setup_file() {
	root=$(cd "$BATS_TEST_DIRNAME/../../.." && pwd)
	export PREFIX=$BATS_FILE_TMPDIR/usr TAMALLOC_ACCEL=1 LC_ALL=C.UTF-8
	cmake --install "$root/build" --component libtamalloc --prefix "$PREFIX" >&2
	LIB=$(dirname "$(find "$PREFIX" -name libtamalloc.so)")
	export LIB PKG_CONFIG_PATH=$LIB/pkgconfig
}

compile() { # OUT OPTION... : traps.c
	local out=$1
	shift
	cc -O1 -D_GNU_SOURCE -Wall -Wno-deprecated-declarations -DLINKED -I"$PREFIX/include" -o "$out" \
		"$BATS_TEST_DIRNAME/traps.c" "$@"
}

every_way() { # PROGRAM : sets SIGTRAP; it is accelerated until then, or perf refuses
	local how
	for how in default ignore sysv ssignal sigset sigignore action handler vfork; do
		run "$1" $how
		echo "$how: $status $output"
		[ "$status" -eq 0 ]
		[[ $output == "before "[01]", after 0, 0 traps" ]]
		[ "$how" != default ] || echo "# $output" >&3
	done
}

@test "signals: linked through pkg-config" {
	# shellcheck disable=SC2046 # options are words
	compile "$BATS_TEST_TMPDIR/traps" -Wl,--as-needed $(pkg-config --libs tamalloc) -Wl,-rpath,"$LIB"
	every_way "$BATS_TEST_TMPDIR/traps"
}

@test "signals: linked through the CMake package" {
	cat >"$BATS_TEST_TMPDIR/CMakeLists.txt" <<-END
		cmake_minimum_required(VERSION 3.25)
		project(traps LANGUAGES C)
		find_package(tamalloc 1 REQUIRED)
		add_executable(traps $BATS_TEST_DIRNAME/traps.c)
		target_compile_definitions(traps PRIVATE LINKED _GNU_SOURCE)
		target_compile_options(traps PRIVATE -Wno-deprecated-declarations)
		target_link_options(traps PRIVATE -Wl,--as-needed)
		target_link_libraries(traps PRIVATE tamalloc::tamalloc)
	END
	cmake -S "$BATS_TEST_TMPDIR" -B "$BATS_TEST_TMPDIR/b" -DCMAKE_PREFIX_PATH="$PREFIX" >&2
	cmake --build "$BATS_TEST_TMPDIR/b" >&2
	every_way "$BATS_TEST_TMPDIR/b/traps"
}

@test "signals: the static library, in a dynamic and in a static program" {
	compile "$BATS_TEST_TMPDIR/traps" "$LIB/libtamalloc.a" -pthread
	every_way "$BATS_TEST_TMPDIR/traps"
	compile "$BATS_TEST_TMPDIR/static" -static "$LIB/libtamalloc.a" -pthread
	every_way "$BATS_TEST_TMPDIR/static"
}

@test "signals: linked without libtamalloc-signals, or with it too late: not accelerated, with a line" {
	compile "$BATS_TEST_TMPDIR/without" "$LIB/libtamalloc.so" -Wl,-rpath,"$LIB"
	compile "$BATS_TEST_TMPDIR/late" -Wl,--no-as-needed "$LIB/libtamalloc.so" -lc "$LIB/libtamalloc-signals.so" -Wl,-rpath,"$LIB"
	for program in without late; do
		run --separate-stderr "$BATS_TEST_TMPDIR/$program" default
		[ "$status" -eq 0 ]
		[ "$output" = "before 0, after 0, 0 traps" ]
		# shellcheck disable=SC2154 # set by run
		[[ $stderr == *"link it with libtamalloc-signals, as \`pkg-config --libs tamalloc\` says; not accelerated" ]]
	done
	LD_PRELOAD=$LIB/libtamalloc-signals.so run --separate-stderr "$BATS_TEST_TMPDIR/without" default
	[ "$status" -eq 0 ]
	[[ $output == "before "[01]", after 0, 0 traps" ]]
	[ -z "$stderr" ]
}

@test "signals: all other signals are set as the C library does it" {
	cc -O1 -D_GNU_SOURCE -Wall -Wno-deprecated-declarations -o "$BATS_TEST_TMPDIR/say" "$BATS_TEST_DIRNAME/signals_as_glibc.c"
	"$BATS_TEST_TMPDIR/say" >"$BATS_TEST_TMPDIR/glibc"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/glibc")" -gt 25 ]
	LD_PRELOAD=$LIB/libtamalloc-signals.so "$BATS_TEST_TMPDIR/say" | diff "$BATS_TEST_TMPDIR/glibc" -
	cc -static -O1 -D_GNU_SOURCE -Wall -Wno-deprecated-declarations -o "$BATS_TEST_TMPDIR/static" \
		"$BATS_TEST_DIRNAME/signals_as_glibc.c" "$LIB/libtamalloc.a"
	"$BATS_TEST_TMPDIR/static" | diff "$BATS_TEST_TMPDIR/glibc" -
}

@test "signals: exported is what sets a signal's handler, and the library's own name" {
	run env LC_ALL=C sh -c "nm --dynamic --defined-only '$LIB/libtamalloc-signals.so' | awk '{ print \$3 }' | sort | tr '\n' ' '"
	[ "$output" = "__sysv_signal sigaction sigignore signal sigset ssignal sysv_signal tamalloc_signals_watch " ]
}
