# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: MIT
#
# Functions behind "scripts/kernel.sh series": a mailable patch series from kernel/patches, kernel/src,
# kernel/selftest and kernel/man, in the order of Documentation/process/adding-syscalls.rst (core, wiring,
# self-tests, man page) and with the self-tests behind what they test, and its checks. Needs scripts/lib-kernel.sh and find_source.

: "${root:?}" "${TAMALLOC_CACHE:?}" "${pristine:?}" "${source_id:?}"

# What checkpatch says of kernel code and a user-space test cannot follow: macros that only the kernel has
# (BIT, __printf), names from elf.h, volatile accesses to memory that a signal or a fault changes, macros of
# kselftest_harness.h, system calls that are not there. MAINTAINERS names the series' files by patterns once.
selftest_ignores=BIT_MACRO,PREFER_DEFINED_ATTRIBUTE_MACRO,CAMELCASE,VOLATILE,MACRO_WITH_FLOW_CONTROL,MACRO_ARG_REUSE,COMPLEX_MACRO,ENOSYS,NAKED_SSCANF,EMBEDDED_FUNCTION_NAME,FILE_PATH_CHANGES

series_out=$root/build/kernel-series
series_git=$series_out/git
series_selftests=tools/testing/selftests/tamalloc
series_selftests_list=$root/kernel/patches/selftests.txt
series_not_mailed=0008- # an export for kernel/modules, which is no part of the series

# The author of the first patch signs what is made here.
series_identity() {
	local from
	from=$(sed -n '/^From: /{:a;N;/\n[^ ]/!ba;s/\n[^ ].*//;s/\n */ /;s/^From: //p;q}' "$(list_patches | head -1)")
	export GIT_AUTHOR_NAME=${from% <*} GIT_AUTHOR_EMAIL=${from##*<}
	GIT_AUTHOR_EMAIL=${GIT_AUTHOR_EMAIL%>}
	export GIT_COMMITTER_NAME=$GIT_AUTHOR_NAME GIT_COMMITTER_EMAIL=$GIT_AUTHOR_EMAIL
	GIT_AUTHOR_DATE=$(sed -n 's/^Date: //p;T;q' "$(list_patches | head -1)")
	export GIT_AUTHOR_DATE GIT_COMMITTER_DATE=$GIT_AUTHOR_DATE
}

sgit() { git -C "$series_git" "$@"; }

series_commit() { # MESSAGE
	sgit add -A -f
	sgit commit -q -s -m "$1"
}

# Text of stdin into FILE of the series before the first line that matches PATTERN.
insert_before() { # FILE PATTERN
	local text
	text=$(cat && echo .) # with the newlines at its end
	awk -v text="${text%.}" -v pattern="$2" '!done && $0 ~ pattern { printf "%s", text; done = 1 } { print }' "$series_git/$1" > "$series_out/new"
	cat "$series_out/new" > "$series_git/$1"
	rm "$series_out/new"
}

# A repository that holds the files that the series touches, one commit a patch. Its objects are the series.
make_series_commits() {
	local patches file object patch
	mapfile -t patches < <(list_patches | grep -v "/${series_not_mailed}[^/]*\$")
	[ ${#patches[@]} -gt 0 ] || die "kernel/patches has no patch: there is no series"
	rm -rf "$series_out"
	mkdir -p "$series_git"
	series_identity
	sgit init -q -b base
	{
		patched_files "${patches[@]}"
		printf '%s\n' MAINTAINERS tools/testing/selftests/Makefile
	} | while read -r file; do
		[ ! -f "$pristine/$file" ] || (cd "$pristine" && cp --parents -p "$file" "$series_git")
	done
	series_commit "Linux $(kernel_version "$pristine")"
	sgit tag base_commit
	for patch in "${patches[@]}"; do
		sgit am -q --keep-non-patch "$patch" > "$series_out/am.log" 2>&1 ||
			die "kernel/patches/${patch##*/} does not apply: $(head -1 "$series_out/am.log")"
		# Our own files come with the patch that tells make of them.
		if patched_files "$patch" | grep -qx mm/Makefile; then
			cp -r "$root/kernel/src/." "$series_git/"
			for file in "$series_git"/mm/tam*.c; do
				object=${file##*/}
				grep -qw "${object%.c}.o" "$series_git/mm/Makefile" || rm "$file"
			done
			series_maintainers
			sgit add -A -f
			sgit commit -q --amend --no-edit
		fi
		patch=${patch##*/}
		series_selftests_behind "${patch%%-*}"
	done
	rm -f "$series_out/am.log"
	series_has_all_selftests
	sgit branch -q -m series
}

# The entry in MAINTAINERS, with each file that there is so far: checkpatch wants to see a new one in it.
series_maintainers() {
	sed -i '/^TAMALLOC AND TAMSTAT$/,/^$/d' "$series_git/MAINTAINERS"
	insert_before MAINTAINERS '^TASKSTATS STATISTICS INTERFACE' <<-LINES
		TAMALLOC AND TAMSTAT
		M:	$GIT_AUTHOR_NAME <$GIT_AUTHOR_EMAIL>
		L:	linux-mm@kvack.org
		S:	Maintained
		$({
		(cd "$root/kernel/src" && find Documentation include -type f)
		(cd "$series_git" && printf '%s\n' mm/tam*.[ch])
		[ ! -d "$series_git/$series_selftests" ] || echo "$series_selftests/"
	} | LC_ALL=C sort | sed 's/^/F:\t/')

	LINES
	grep -q '^TAMALLOC AND TAMSTAT' "$series_git/MAINTAINERS" || die "MAINTAINERS has changed: there is no place for our entry"
}

# The self-tests that kernel/patches/selftests.txt puts behind patch NUMBER, each paragraph of it as a commit.
series_selftests_behind() { # NUMBER
	local to=$series_git/$series_selftests line i files=() messages=() names
	while IFS= read -r line; do
		if [[ $line == "== behind $1: "* ]]; then
			files+=("${line#*: }")
			messages+=('')
		elif [[ $line == "== "* ]]; then
			[ ${#files[@]} -eq 0 ] || break
		elif [ ${#files[@]} -gt 0 ]; then
			messages[-1]+=$line$'\n'
		fi
	done < "$series_selftests_list"
	for i in "${!files[@]}"; do
		read -ra names <<< "${files[i]}"
		if [ ! -d "$to" ]; then
			mkdir -p "$to"
			series_maintainers
			insert_before tools/testing/selftests/Makefile '^TARGETS \+= tc-testing' <<< 'TARGETS += tamalloc'
		fi
		(cd "$root/kernel/selftest" && cp -t "$to" -- "${names[@]}") || die "kernel/patches/selftests.txt names a file that is not there"
		find "$to" -name '*.c' ! -name tam_test.c ! -name 'fuzz_*' -printf '%f\n' | LC_ALL=C sort |
			sed '1i # SPDX-License-Identifier: GPL-2.0-only
s/\.c$//' > "$to/.gitignore"
		series_commit "${messages[i]}"
	done
}

series_has_all_selftests() {
	local lost
	lost=$(comm -23 <(cd "$root/kernel/selftest" && printf '%s\n' *.[ch] Makefile settings | LC_ALL=C sort) \
		<(cd "$series_git/$series_selftests" && printf '%s\n' * | LC_ALL=C sort) | tr '\n' ' ')
	[ -z "$lost" ] || die "kernel/patches/selftests.txt puts these behind no patch of the series: $lost"
}

# 0000 to NNNN as git format-patch writes them, and the man pages as a patch of their own repository.
write_series() {
	local man=$series_out/man-pages
	sgit format-patch -q --cover-letter --no-signature -o "$series_out" base_commit..series
	sed -i -e 's/\*\*\* SUBJECT HERE \*\*\*/tamalloc, tamstat: lazily filled memory, process memory statistics/' \
		-e "/\*\*\* BLURB HERE \*\*\*/{r $root/kernel/patches/cover-letter.txt
d}" "$series_out"/0000-cover-letter.patch
	mkdir -p "$man/man/man2"
	git -C "$man" init -q -b master
	git -C "$man" commit -q --allow-empty -m base
	cp "$root"/kernel/man/*.2 "$man/man/man2/"
	git -C "$man" add -A
	git -C "$man" commit -q -s -m "tamalloc.2, tamstat.2: new pages, of the calls that the kernel series adds"
	git -C "$man" format-patch -q --no-signature -o "$series_out" --start-number 1 --suffix=.man-pages.patch -1
	rm -rf "$man"
}

# One TAP line for each patch and check.
tap() { # STATUS NAME
	if [ "$1" -eq 0 ]; then echo "ok - $2"; else
		echo "not ok - $2"
		series_failed=1
	fi
}

check_series_style() {
	local patch status ignores
	for patch in "$series_out"/0*-*.patch; do
		[[ $patch != *cover-letter* && $patch != *.man-pages.patch ]] || continue
		ignores=(--ignore FILE_PATH_CHANGES)
		[[ $patch != *-selftests-* ]] || ignores=(--ignore "$selftest_ignores")
		status=0
		(cd "$series_out" && perl "$pristine/scripts/checkpatch.pl" "--root=$pristine" --strict "${ignores[@]}" --no-summary --terse --show-types "$patch") >&2 || status=1
		tap $status "checkpatch --strict: ${patch##*/}"
	done
}

# kernel/modules is no part of the series.
check_module_style() {
	local status=0 file
	for file in "$root"/kernel/modules/*.[ch]; do
		perl "$pristine/scripts/checkpatch.pl" "--root=$pristine" --strict --no-summary --terse --show-types -f "$file" >&2 2>/dev/null || status=1 # spdxcheck may lack a Python module
	done
	tap $status "checkpatch --strict: kernel/modules"
}

# The objects of the files that the series touches so far, built with CONFIG_TAMALLOC y and n after each
# patch; at the end the whole kernel both ways, and sparse over our own files.
check_series_builds() {
	local tree=$TAMALLOC_CACHE/patched/$source_id-series build log commit value file objects subject status touched
	lock_cache series
	[ -d "$tree" ] || {
		cp -al "$pristine" "$tree.new"
		mv "$tree.new" "$tree"
	}
	mapfile -t touched < <(sgit diff --name-only base_commit series)
	for file in "${touched[@]}"; do
		put_file base_commit "$file" "$tree"
	done
	build=$TAMALLOC_CACHE/build/$source_id-series-base
	log=$build.log
	variant_patched=0
	configure
	kernel_make prepare mm/ >> "$log" 2>&1 || die "Linux as it came does not build; log: $log"
	for commit in $(sgit rev-list --reverse base_commit..series); do
		subject=$(sgit log -1 --format=%s "$commit")
		if [[ $subject == selftests/* ]]; then
			status=0
			build_series_selftests "$commit" >&2 || status=1
			tap $status "builds: $subject"
			continue
		fi
		for file in "${touched[@]}"; do
			put_file "$commit" "$file" "$tree"
		done
		for value in y n; do
			variant_patched=$([ $value = y ] && echo 1 || echo 0)
			# before the option is there both ways are the same
			grep -q '^config TAMALLOC' "$tree/mm/Kconfig" || variant_patched=0
			build=$TAMALLOC_CACHE/build/$source_id-series-$value
			log=$build.log
			: > "$log"
			configure
			mapfile -t objects < <(series_objects "$tree" "$value")
			status=0
			kernel_make prepare "${objects[@]}" >> "$log" 2>&1 || status=1
			[ $status -eq 0 ] || grep -E -m5 -A3 '(error|Error)[: ]' "$log" >&2
			! grep -q 'warning:' "$log" || { grep -m5 -A3 'warning:' "$log" >&2; status=1; }
			tap $status "builds with CONFIG_TAMALLOC=$value: $subject"
		done
	done
	variant_patched=1
	build=$TAMALLOC_CACHE/build/$source_id-series-y
	status=0
	mapfile -t objects < <(series_objects "$tree" y | grep '^mm/tam')
	kernel_make C=2 "${objects[@]}" > "$build.log" 2>&1 || status=1
	! grep -E '(tamalloc[a-z_]*|tamstat)\.[ch]:[0-9:]+ (warning|error)' "$build.log" >&2 || status=1
	grep -q CHECK "$build.log" || status=1
	tap $status "sparse finds nothing in our files"
	for value in y n; do
		build=$TAMALLOC_CACHE/build/$source_id-series-$value
		log=$build.log
		status=0
		(make_with_progress bzImage) || status=1
		tap $status "the whole series links with CONFIG_TAMALLOC=$value"
	done
	status=0
	check_series_text "$TAMALLOC_CACHE/build/$source_id-series-base" "$TAMALLOC_CACHE/build/$source_id-series-n" || status=1
	tap $status "with CONFIG_TAMALLOC=n the code of mm/*.o is that of Linux as it came, oom_kill.o aside"
}

# What the code of an object file is, without its data, where bug tables hold line numbers, and without the
# names of symbols, of which those of initcalls do.
code_of() { objdump -d --no-addresses "$1" | tail -n +3 | sed 's/<[^>]*>//'; }

# With CONFIG_TAMALLOC off nothing of ours is left in mm/, but for the function that patch 1 moves to
# oom_kill.c. Compares the objects of the whole series with those of Linux as it came.
check_series_text() { # DIRECTORY of Linux as it came, DIRECTORY of the series
	local object name differ=()
	for object in "$1"/mm/*.o; do
		name=${object##*/}
		cmp -s <(code_of "$object") <(code_of "$2/mm/$name") || differ+=("$name")
	done
	echo "kernel: text differs with CONFIG_TAMALLOC=n: ${differ[*]:-none}" >&2
	[ "${differ[*]}" = "oom_kill.o" ]
}

# FILE as of COMMIT into TREE, written only if it differs.
put_file() { # COMMIT FILE TREE
	local new=$series_out/new
	if ! sgit show "$1:$2" > "$new" 2>/dev/null; then
		rm -f "$3/$2"
	elif ! cmp -s "$new" "$3/$2"; then
		mkdir -p "$(dirname "$3/$2")"
		rm -f "$3/$2" # a new inode: the old one may be the pristine file
		cp "$new" "$3/$2"
	fi
	rm -f "$new"
}

# The programs of kernel/selftest that there are as of COMMIT.
build_series_selftests() { # COMMIT
	local tree=$series_out/tree log=$series_out/selftests.log
	rm -rf "$tree"
	mkdir -p "$tree/built"
	sgit archive "$1" "$series_selftests" include/uapi/linux/tamalloc.h | tar -xC "$tree"
	if make -C "$tree/$series_selftests" KSFT="$pristine/tools/testing/selftests" UAPI="$tree/include/uapi" OUTPUT="$tree/built" > "$log" 2>&1; then
		rm -rf "$tree" "$log"
	else
		tail -5 "$log"
		return 1
	fi
}

# The objects of the touched C files that are there, ours only with CONFIG_TAMALLOC; the debug kernel
# builds tamalloc_debug.o, which has an option of its own.
series_objects() { # TREE VALUE
	local file
	for file in $(sgit diff --name-only base_commit series); do
		case $file in
		mm/tamalloc_debug.c) ;;
		mm/tam*.c) [ "$2" = n ] || [ ! -f "$1/$file" ] || echo "${file%.c}.o" ;;
		tools/*) ;;
		*.c) [ ! -f "$1/$file" ] || echo "${file%.c}.o" ;;
		*.tbl) echo arch/x86/entry/syscall_64.o ;;
		esac
	done
}
