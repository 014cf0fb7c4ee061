# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# Functions that build the kernel self-tests and turn what they print in the guest into TAP.
# Callers set root (the clone).

: "${root:?}"
selftest_dir=$root/build/kernel-selftest

die() {
	echo "${0##*/}: $*" >&2
	exit "${code:-1}"
}

# make in the directories of the self-tests of the system calls and of the modules.
selftest_make() {
	local tree dir
	tree=$("$root/scripts/kernel.sh" source)
	for dir in kernel/selftest kernel/modules/test; do
		make -s --no-print-directory -C "$root/$dir" KSFT="$tree/tools/testing/selftests" \
			UAPI="$root/kernel/src/include/uapi" OUTPUT="$selftest_dir" "$@"
	done
}

build_selftests() {
	local log=$root/build/kernel-selftest.log
	mkdir -p "$selftest_dir"
	selftest_make all > "$log" 2>&1 || {
		cat "$log" >&2
		die "the kernel self-tests do not build"
	}
}

# The names of the programs that are tests.
selftest_programs() {
	# shellcheck disable=SC2016 # make expands it
	selftest_make --eval 'tam-programs:; @echo $(notdir $(TEST_GEN_PROGS))' tam-programs | tr ' ' '\n'
}

# KTAP of several programs, as scripts/vm-selftests.sh marks it, to one TAP line a case. Everything
# goes to stderr as well. Fails never: the lines tell.
selftests_to_tap() { # LABEL
	tee /dev/stderr | awk -v label="$1" '
		function flush_program(status) {
			if (status == 4 && !cases)
				print "ok - " label ": " program " # SKIP " reason
			else if (status != 0 && !bad)
				print "not ok - " label ": " program ": exit status " status
			else if (!cases)
				print "not ok - " label ": " program ": ran no test case"
			program = ""
		}
		/^# program / { program = $3; cases = bad = 0; reason = "no reason given"; next }
		/^# exit / { flush_program($3); next }
		/^1\.\.0 # SKIP/ { reason = substr($0, index($0, "SKIP") + 5) }
		/^(not )?ok / {
			cases++
			result = "ok"
			if ($1 == "not") { result = "not ok"; bad++ }
			sub(/^(not )?ok [0-9]+ *(- )?/, "")
			print result " - " label ": " program ": " $0
		}
		END { if (program != "") print "not ok - " label ": " program ": did not end" }
	'
}
