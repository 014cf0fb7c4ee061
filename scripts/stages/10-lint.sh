#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Shell scripts are shellcheck-clean, C is formatted, every source file names its licence.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
scripts/setup.sh test

# Tracked files and those about to be, so that the check says before the commit what is wrong.
files() { git ls-files --cached --others --exclude-standard -- "$@"; }

report() { # NAME STATUS
	if [ "$2" -eq 0 ]; then echo "ok - $1"; else echo "not ok - $1"; fi
}

status=0
{ files '*.sh' '*.bats' '*.bash' .ci/run | xargs shellcheck -x >&2; } || status=1
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
done < <(files '*.[ch]' '*.sh' '*.bats' '*.bash' '*.gp' '*CMakeLists.txt' Makefile)
report "every source file has an SPDX line" $status
