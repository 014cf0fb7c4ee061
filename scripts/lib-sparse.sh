# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: MIT
#
# Function behind "scripts/kernel.sh sparse": sparse over our own files in mm/ and our modules, in the build directory of the
# patched kernel, which "kernel.sh build" goes on with. Needs scripts/lib-kernel.sh and find_source.

: "${root:?}" "${TAMALLOC_CACHE:?}" "${source_id:?}" "${patched:?}"

# TAP on stdout; 1 if sparse finds anything.
check_sparse() {
	local tree build log file objects=() module status=0
	command -v sparse >/dev/null || die "sparse is missing; apt-get install sparse"
	lock_cache "$(variant_name)"
	lay_source
	lay_ours
	tree=$patched build=$TAMALLOC_CACHE/build/$source_id-$(variant_name)
	log=$build.sparse.log
	mkdir -p "$build"
	configure
	for file in "$root"/kernel/src/mm/*.c; do
		file=${file##*/}
		[[ $file == *_debug.c ]] || objects+=("mm/${file%.c}.o") # the debug kernel's
	done
	kernel_make modules_prepare >"$log" 2>&1 || die "the kernel's headers cannot be prepared; log: $log"
	kernel_make C=2 "${objects[@]}" >"$log" 2>&1 || { tail -5 "$log" >&2; status=1; }
	module=$build/external/sparse
	mkdir -p "$module"
	rsync -a --checksum --exclude='*.o' --exclude='*.ko' --exclude=test "$root/kernel/modules/" "$module/"
	kernel_make M="$module" C=2 KBUILD_MODPOST_WARN=1 modules >>"$log" 2>&1 || { tail -5 "$log" >&2; status=1; }
	! grep -E '(mm/tam[a-z_]*|external/sparse/[a-z_]+|linux/tamalloc)\.[ch]:[0-9:]+ (warning|error)' "$log" >&2 || status=1
	# Without this a sparse that did not run would pass.
	[ "$(grep -c '^  CHECK ' "$log")" -ge $((${#objects[@]} + 2)) ] || { say "sparse did not run; log: $log"; status=1; }
	if [ $status -eq 0 ]; then echo "ok - sparse finds nothing in kernel/src/mm and kernel/modules"; else
		echo "not ok - sparse finds nothing in kernel/src/mm and kernel/modules"
	fi
	return $status
}
