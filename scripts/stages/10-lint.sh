#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Format, licence lines, static analysis and spelling. `make lint` runs this stage alone.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
scripts/setup.sh build kernel test

# Tracked files and those about to be, so that the check says before the commit what is wrong.
files() { git ls-files --cached --others --exclude-standard --deduplicate -- "$@" | while read -r file; do [ ! -f "$file" ] || echo "$file"; done; }

failed=0
report() { # NAME STATUS
	if [ "$2" -eq 0 ]; then echo "ok - $1"; else
		echo "not ok - $1"
		failed=1
	fi
}
each() { # PER-CALL COMMAND... : over the files on stdin, in parallel
	xargs -r -P "$(nproc)" -n "$@"
}

status=0
{ files '*.sh' '*.bats' '*.bash' .ci/run | each 20 shellcheck -x >&2; } || status=1
report "shellcheck finds nothing" $status

# kernel/ keeps the kernel's own style, which checkpatch checks.
status=0
{ files 'allocators/*.[ch]' 'bench/*.[ch]' | xargs clang-format --dry-run -Werror >&2; } || status=1
report "clang-format changes nothing" $status

status=0
while read -r file; do
	head -n 3 "$file" | grep -q 'SPDX-License-Identifier: ' || {
		echo "$file: no SPDX line among the first three" >&2
		status=1
	}
done < <(files '*.[ch]' '*.sh' '*.bats' '*.bash' '*.gp' '*.awk' '*.jq' '*CMakeLists.txt' Makefile)
report "every source file has an SPDX line" $status

status=0
# Words of roff, of C and of Spanish; a test's process name.
words=bu,te,nin,nam,damon,statics,childs,comando
{ files ':!results/reference' ':!*.svg' | xargs codespell --quiet-level 2 --ignore-words-list "$words" >&2; } || status=1
report "codespell finds nothing" $status

status=0
cppcheck -j "$(nproc)" --quiet --std=c11 --enable=warning,performance,portability --error-exitcode=1 \
	--suppressions-list=scripts/cppcheck.txt -D_GNU_SOURCE -Iallocators -Ibench \
	--file-list=<(files 'allocators/*.c' 'bench/*.c' 'kernel/demo/*.c') >&2 || status=1
report "cppcheck finds nothing" $status

# Every file that the build knows, as it is compiled there; .clang-tidy names the checks.
status=0
{ cmake -S . -B build >&2 && jq -r '.[].file' build/compile_commands.json | grep '\.c$' | sort -u |
	each 8 clang-tidy --quiet -p build 2> >(grep -vE 'warnings? generated' >&2) >&2; } || status=1
report "clang-tidy finds nothing" $status

# Of the kernel's own files: the kernel's style, and sparse. Both need its source, which the stage "kernel" builds.
scripts/kernel.sh style || failed=1
scripts/kernel.sh sparse || failed=1
exit $failed
