#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The installed library, as a project of its own uses it.

bats_require_minimum_version 1.5.0

setup_file() {
	root=$(cd "$BATS_TEST_DIRNAME/../../.." && pwd)
	export PREFIX=$BATS_FILE_TMPDIR/usr EXAMPLE=$BATS_TEST_DIRNAME/../example
	cmake --install "$root/build" --component libtamalloc --prefix "$PREFIX" >&2
	LIB=$(dirname "$(find "$PREFIX" -name libtamalloc.so)")
	export LIB PKG_CONFIG_PATH=$LIB/pkgconfig LC_ALL=C.UTF-8
}

expected='first 0xab, middle 0xab, last 0xab
after a write 0x7, beside it 0xab'

@test "the example through the CMake package, shared and static" {
	cmake -S "$EXAMPLE" -B "$BATS_TEST_TMPDIR/b" -DCMAKE_PREFIX_PATH="$PREFIX" >&2
	cmake --build "$BATS_TEST_TMPDIR/b" >&2
	for program in example example_static; do
		run "$BATS_TEST_TMPDIR/b/$program"
		[ "$status" -eq 0 ]
		[ "$output" = "$expected" ]
	done
	ldd "$BATS_TEST_TMPDIR/b/example" | grep -q "$LIB/libtamalloc.so.1"
	! ldd "$BATS_TEST_TMPDIR/b/example_static" | grep tamalloc || false
}

@test "the example through pkg-config, with the kernel call refused or there" {
	# shellcheck disable=SC2046 # options are words
	cc -Wall -Wextra -Werror -o "$BATS_TEST_TMPDIR/example" "$EXAMPLE/example.c" \
		$(pkg-config --cflags --libs tamalloc) -Wl,-rpath,"$LIB"
	for backend in '' plain syscall nonsense; do
		TAMALLOC_BACKEND=$backend run --separate-stderr "$BATS_TEST_TMPDIR/example"
		[ "$status" -eq 0 ]
		[ "$output" = "$expected" ]
		# shellcheck disable=SC2154 # set by run
		[ "$backend" != nonsense ] || [[ $stderr == *"is unknown: say plain or syscall"* ]]
	done
}

@test "a program's first block takes no page fault" {
	cat >"$BATS_TEST_TMPDIR/first.c" <<'EOF'
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include "tamalloc.h"

static long minor_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

__attribute__((noinline)) static void use_stack(void)
{
	char stack[16384];

	memset(stack, 1, sizeof(stack));
	__asm__ volatile("" : : "r"(stack) : "memory");
}

int main(void)
{
	void *volatile block;
	long before;

	use_stack();
	minor_faults();
	before = minor_faults();
	block = tamalloc((size_t)256 << 20);
	printf("%ld\n", minor_faults() - before);
	return !block;
}
EOF
	for library in "$LIB/libtamalloc.so" "$LIB/libtamalloc.a"; do
		cc -O1 -I"$PREFIX/include" -o "$BATS_TEST_TMPDIR/first" "$BATS_TEST_TMPDIR/first.c" "$library" \
			-pthread -Wl,-z,now,-rpath,"$LIB"
		run "$BATS_TEST_TMPDIR/first"
		[ "$status" -eq 0 ]
		[ "$output" = 0 ]
	done
}

@test "the header in C++ and in strict C99" {
	echo '#include <tamalloc.h>' >"$BATS_TEST_TMPDIR/h.c"
	cc -std=c99 -pedantic-errors -Wall -Wextra -Werror -fsyntax-only -I"$PREFIX/include" "$BATS_TEST_TMPDIR/h.c"
	command -v c++ || skip "no C++ compiler"
	c++ -x c++ -pedantic-errors -Wall -Wextra -Werror -fsyntax-only -I"$PREFIX/include" "$BATS_TEST_TMPDIR/h.c"
}

@test "only the names of the header are exported, with a version" {
	nm --dynamic --defined-only "$LIB/libtamalloc.so" | awk '$2 != "A" { print $3 }' | sort >"$BATS_TEST_TMPDIR/exported"
	grep -oE '\bta[a-z_]+\(' "$PREFIX/include/tamalloc.h" | tr -d '(' | sort -u |
		while read -r name; do grep -qE "^[^/ ].*\b$name\(" "$PREFIX/include/tamalloc.h" && echo "$name@@LIBTAMALLOC_1"; done \
			>"$BATS_TEST_TMPDIR/declared"
	diff "$BATS_TEST_TMPDIR/declared" "$BATS_TEST_TMPDIR/exported"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/exported")" -eq 8 ]
}

@test "the man page is installed, names every function and is well-formed" {
	page=$PREFIX/share/man/man3/tamalloc.3
	for name in $(nm --dynamic --defined-only "$LIB/libtamalloc.so" | awk '$2 == "T" { sub(/@.*/, "", $3); print $3 }'); do
		grep -q "$name" "$page"
	done
	command -v man || skip "no man"
	run man --warnings -l "$page"
	[ "$status" -eq 0 ]
	[[ $output != *warning* ]]
}
