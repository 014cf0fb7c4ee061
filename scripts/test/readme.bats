#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2016 # set by bats; backticks of Markdown
# Every command in README.md is executed: by a test, or by scripts/try-readme.sh. What it links to is there.
bats_require_minimum_version 1.5.0

setup() {
	root=$BATS_TEST_DIRNAME/../..
	list=$root/scripts/readme-commands.txt
}

# The lines of shell blocks without their comments, and what stands in backticks and is a command of ours.
commands_of() { # FILE
	{
		awk '/^```/ { inside = $0 == "```sh"; next } inside' "$1" | sed -E 's/ +#.*//; /^$/d'
		awk '/^```/ { code = !code } !code' "$1" | grep -oE '`(make|sudo|cc|parallel|perf|build/[a-z]+|scripts/[a-z-]+\.sh)( [^`]*)?`' | tr -d '`'
	} | sort -u
}

unlisted() { # README : commands that the list does not have
	commands_of "$1" | grep -vxFf <(grep -v '^#' "$list" | cut -f 1)
}

@test "readme: every command is in scripts/readme-commands.txt" {
	run unlisted "$root/README.md"
	echo "not listed: $output"
	[ "$status" -eq 1 ]
	[ "$(commands_of "$root/README.md" | wc -l)" -ge 20 ]
	# A command that nobody executes is found, in a block and in the text.
	{
		cat "$root/README.md"
		printf '```sh\nbuild/tabench fly   # up\n```\nand `make wings FLY=1`\n'
	} >"$BATS_TEST_TMPDIR/README.md"
	run unlisted "$BATS_TEST_TMPDIR/README.md"
	[ "$output" = $'build/tabench fly\nmake wings FLY=1' ]
}

@test "readme: the list has no command that README.md has not, and each test file named holds what it says" {
	while IFS=$'\t' read -r command where what rest; do
		[ -n "$what" ] && [ -z "$rest" ]
		commands_of "$root/README.md" | grep -qxF -- "$command" || { echo "not in README.md: $command"; false; }
		case $where in
		fresh | whole) ;;
		*) grep -qF -- "$what" "$root/$where" || { echo "$where does not hold: $what"; false; } ;;
		esac
	done < <(grep -v '^#' "$list")
}

@test "readme: each target of make that it names is one; each file and heading that a guide links to is there" {
	for target in $(commands_of "$root/README.md" | sed -nE 's/^(sudo )?make ([a-z-]+).*/\2/p' | sort -u); do
		grep -qE "^$target:" "$root/Makefile" || { echo "no target $target"; false; }
	done
	missing=
	for guide in README.md allocators/README.md allocators/libtamalloc/README.md bench/README.md plots/README.md results/README.md scripts/README.md kernel/README.md kernel/EXERCISE.md; do
		while read -r link; do
			file=${link%%#*}
			file=${file:+$(dirname "$root/$guide")/$file}
			file=${file:-$root/$guide}
			[ -e "$file" ] || missing+="$guide: $link"$'\n'
			[[ $link == *#* ]] || continue
			grep -E '^#+ ' "$file" | sed -E 's/^#+ //' | tr 'A-Z ' 'a-z-' | sed -E 's/[^a-z0-9_-]//g' | grep -qxF -- "${link#*#}" ||
				missing+="$guide: $link: no such heading"$'\n'
		done < <(awk '/^```/ { code = !code } !code' "$root/$guide" | grep -oE '\]\([^)]+\)' | sed -E 's/^\]\(//; s/\)$//' | grep -vE '^https?:')
	done
	echo "$missing"
	[ -z "$missing" ]
}

@test "readme: each source file of the suite is in the table of bench/README.md, and each row names files" {
	table=$(sed -n '/^## Where things are/,/^## /p' "$root/bench/README.md" | grep -oE '^\| [^|]*' | grep -oE '`[^`]+`' | tr -d '`')
	missing=
	for file in "$root"/bench/*.[ch]; do
		for pattern in $table ''; do
			# shellcheck disable=SC2053 # a pattern
			[[ ${file##*/} != $pattern ]] || break
		done
		[ -n "$pattern" ] || missing+="${file##*/} "
	done
	for pattern in $table; do
		compgen -G "$root/bench/$pattern" >/dev/null || missing+="no file $pattern "
	done
	echo "$missing"
	[ -z "$missing" ]
}

@test "readme: each script is in the table of scripts/README.md, and each of its rows names files" {
	named=$(grep '^| `' "$root/scripts/README.md" | cut -d '|' -f 2 | grep -oE '`[^`]+`' | tr -d '`' | sort)
	echo "$named" | diff - <(cd "$root/scripts" && for file in *; do [ ! -f "$file" ] || [ "$file" = README.md ] || echo "$file"; done | sort)
}

@test "readme: the program of the recipe for C compiles without a warning" {
	awk '/^```c$/ { inside = 1; next } /^```/ { inside = 0 } inside' "$root/README.md" >"$BATS_TEST_TMPDIR/program.c"
	"${CC:-gcc}" -std=gnu11 -Wall -Wextra -Werror -I"$root/allocators/libtamalloc" -fsyntax-only "$BATS_TEST_TMPDIR/program.c"
	grep -q tamalloc_fill "$BATS_TEST_TMPDIR/program.c"
}
