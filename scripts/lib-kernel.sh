# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# Functions behind scripts/kernel.sh: where the kernel's source comes from, how ours is laid in, the key of
# everything that goes into a build, and the build itself. All state is below $TAMALLOC_CACHE:
#
#   source/<id>/            Linux as it came, never built in and never changed
#   patched/<id>-<kind>/    the same files (hard links) with kernel/src and kernel/patches in it
#   build/<id>-<variant>/   object files, one directory a variant (patched-bench, unpatched-debug, ...)
#   kernels/<key>/          finished kernels: bzImage, config, System.map, modules/, build.log
#
# Callers set root (the clone), variant_patched and variant_debug (0 or 1); find_source before kernel_key and build_kernel.

: "${root:?}" "${variant_patched:?}" "${variant_debug:?}"

TAMALLOC_CACHE=${TAMALLOC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tamalloc}
supported_series=6.12
debian_tarball=/usr/src/linux-source-$supported_series.tar.xz
# What a build needs on disk: source 1.8 GB, objects 1 GB (bench) or 2 GB (debug). A rebuild needs little.
disk_first_mib=5000
disk_again_mib=1000
kernels_kept=12
# Part of every key: raise it when a change in this file changes what is built.
recipe=1

say() { echo "kernel: $*" >&2; }
die() {
	say "$@"
	exit "${code:-1}"
}

variant_name() {
	local patched=unpatched kind=bench
	[ "$variant_patched" -eq 0 ] || patched=patched
	[ "$variant_debug" -eq 0 ] || kind=debug
	echo "$patched-$kind"
}

# The configuration fragments of this variant, in order.
config_fragments() {
	echo "$root/kernel/config/base"
	if [ "$variant_debug" -eq 1 ]; then echo "$root/kernel/config/debug"; else echo "$root/kernel/config/bench"; fi
	[ "$variant_patched" -eq 0 ] || echo "$root/kernel/config/tamalloc"
	[ "$variant_patched$variant_debug" != 11 ] || echo "$root/kernel/config/tamalloc-debug"
	[ -z "${CONFIG_EXTRA:-}" ] || echo "$CONFIG_EXTRA"
}

check_tools() {
	local tool
	command -v "${CC:-gcc}" >/dev/null ||
		die "no C compiler: '${CC:-gcc}' was not found; install gcc or set CC="
	for tool in make ld flex bison bc xz perl rsync patch; do
		command -v "$tool" >/dev/null || die "'$tool' was not found; scripts/setup.sh kernel installs it"
	done
}

check_disk() {
	local need_mib=$1 have_mib
	mkdir -p "$TAMALLOC_CACHE" || die "cannot create $TAMALLOC_CACHE; set TAMALLOC_CACHE to a directory you can write"
	have_mib=$(df -Pm "$TAMALLOC_CACHE" | awk 'NR == 2 { print $4 }')
	[ "$have_mib" -ge "$need_mib" ] ||
		die "not enough disk space: $TAMALLOC_CACHE has $have_mib MiB free, the build needs $need_mib; set TAMALLOC_CACHE to a larger disk"
}

# Where Linux comes from. Sets source_from (a tarball or a tree) and source_id, which names its content:
# a tarball's checksum, a tree's file names, sizes and times.
find_source() {
	source_from=${KERNEL_SRC:-$debian_tarball}
	if [ -f "$source_from" ]; then
		# The checksum takes half a second: kept, for as long as name, size and time of the tarball stay.
		local stamp sums=$TAMALLOC_CACHE/tarballs
		stamp=$(stat -c '%s %Y' "$source_from")" $(realpath "$source_from")"
		source_id=$(grep -sF "$stamp" "$sums" | head -1 | cut -d' ' -f1) || true
		if [ -z "$source_id" ]; then
			source_id=$(sha256sum < "$source_from" | cut -c1-12)
			mkdir -p "$TAMALLOC_CACHE" && echo "$source_id $stamp" >> "$sums"
		fi
	elif [ -f "$source_from/Makefile" ] && [ -f "$source_from/Kconfig" ]; then
		check_version "$source_from"
		if [ -e "$source_from/.config" ] || [ -d "$source_from/include/config" ]; then
			die "$source_from has been built in; run 'make mrproper' there first"
		fi
		source_id=tree-$( (cd "$source_from" && find . -path ./.git -prune -o -type f -printf '%P %s %T@\n') |
			LC_ALL=C sort | sha256sum | cut -c1-12)
	elif [ -n "${KERNEL_SRC:-}" ]; then
		die "KERNEL_SRC=$KERNEL_SRC is neither a kernel tree nor a tarball"
	else
		die "no kernel source: $debian_tarball is missing; install linux-source-$supported_series or set KERNEL_SRC= to a tree or tarball"
	fi
	pristine=$TAMALLOC_CACHE/source/$source_id
	patched=$TAMALLOC_CACHE/patched/$source_id-$(variant_name)
}

kernel_version() { # TREE
	awk -F' *= *' '/^VERSION/ { v = $2 } /^PATCHLEVEL/ { p = $2 } /^SUBLEVEL/ { print v "." p "." $2; exit }' "$1/Makefile"
}

check_version() { # TREE
	local version
	version=$(kernel_version "$1")
	case $version in
	"$supported_series".*) ;;
	*) die "wrong kernel version: $source_from is Linux ${version:-of an unknown version}, supported is $supported_series; set KERNEL_SRC= to such a tree or tarball" ;;
	esac
}

# Unpack or copy the source to $pristine, once.
lay_source() ( # a subshell: the lock ends with it
	[ ! -d "$pristine" ] || return 0
	lock_cache source
	[ ! -d "$pristine" ] || return 0
	local tmp=$pristine.new
	rm -rf "$tmp"
	mkdir -p "$tmp"
	if [ -f "$source_from" ]; then
		say "unpacking $source_from"
		tar -xf "$source_from" -C "$tmp" --strip-components=1 ||
			die "cannot unpack $source_from; is it a complete kernel tarball?"
		[ -f "$tmp/Makefile" ] || die "wrong kernel version: $source_from holds no kernel tree"
		(check_version "$tmp") || { rm -rf "$tmp"; exit 1; }
	else
		say "copying $source_from"
		rsync -a --exclude=/.git "$source_from/" "$tmp/"
	fi
	mv "$tmp" "$pristine"
)

# Our patches, in order: the lines of kernel/patches/series, or all by name.
list_patches() {
	local dir=$root/kernel/patches p
	[ -d "$dir" ] || return 0
	if [ -f "$dir/series" ]; then
		while read -r p; do echo "$dir/$p"; done < <(sed -E 's/#.*//; s/[[:space:]]+$//; /^$/d' "$dir/series")
	else
		find "$dir" -name '*.patch' | LC_ALL=C sort
	fi
}

# Files that a patch touches.
patched_files() { sed -nE 's#^(\+\+\+|---) [ab]/([^[:space:]]+).*#\2#p' "$@" | sort -u; }

# Bring $patched to Linux + kernel/patches + kernel/src. Only files whose content differs are written, so
# that make rebuilds no more than it must; what a former patch set touched is put back.
lay_ours() {
	local stage file list=$patched/.tamalloc-files patches
	[ -d "$patched" ] || {
		mkdir -p "${patched%/*}"
		rm -rf "$patched.new"
		cp -al "$pristine" "$patched.new" && mv "$patched.new" "$patched"
	}
	stage=$(mktemp -d "$TAMALLOC_CACHE/stage.XXXXXX")
	mapfile -t patches < <(list_patches)
	if [ ${#patches[@]} -gt 0 ]; then
		while read -r file; do
			[ -f "$pristine/$file" ] && (cd "$pristine" && cp --parents -p "$file" "$stage")
		done < <(patched_files "${patches[@]}")
		for file in "${patches[@]}"; do
			patch -d "$stage" -p1 -s --no-backup-if-mismatch -F0 < "$file" > "$stage.log" 2>&1 || {
				say "$(head -3 "$stage.log" | tr '\n' ' ')"
				rm -rf "$stage" "$stage.log"
				die "kernel/patches/${file##*/} does not apply to Linux $(kernel_version "$pristine")"
			}
		done
		rm -f "$stage.log"
	fi
	[ ! -d "$root/kernel/src" ] || rsync -a --exclude=.gitkeep "$root/kernel/src/" "$stage/"

	(cd "$stage" && find . -type f -printf '%P\n' | LC_ALL=C sort) > "$stage.files"
	if [ -f "$list" ]; then
		while read -r file; do
			[ ! -e "$stage/$file" ] || continue
			rm -f "$patched/$file"
			[ ! -e "$pristine/$file" ] || { cp "$pristine/$file" "$patched/$file"; }
		done < "$list"
	fi
	cp "$stage.files" "$list"
	while read -r file; do
		cmp -s "$stage/$file" "$patched/$file" && continue
		mkdir -p "$patched/$(dirname "$file")"
		# a new inode: the old one may be the pristine file
		rm -f "$patched/$file"
		cp "$stage/$file" "$patched/$file"
	done < "$stage.files"
	rm -rf "$stage" "$stage.files"
}

# Out-of-tree modules that are built with a kernel: kernel/modules and the self-tests' own.
list_modules() {
	local dir
	for dir in "$root/kernel/modules" "$root"/kernel/selftest/modules; do
		[ ! -f "$dir/Kbuild" ] || echo "$dir"
	done
}

# The key of all that goes into this variant's build.
kernel_key() {
	local dir
	{
		echo "recipe $recipe source $source_id variant $(variant_name)"
		"${CC:-gcc}" -v 2>&1 | tail -1
		ld -v
		config_fragments | while read -r dir; do sed '/^#/d; /^$/d' "$dir"; done
		if [ "$variant_patched" -eq 1 ]; then
			list_patches | while read -r dir; do cat "$dir"; done
			[ ! -d "$root/kernel/src" ] || tree_content "$root/kernel/src"
		fi
		list_modules | while read -r dir; do tree_content "$dir"; done
	} | sha256sum | cut -c1-16
}

tree_content() { # DIR: names and content of its source files, not of its tests
	(cd "$1" && find . -type f ! -path './test/*' ! -name '*.o' ! -name '*.ko' ! -name '*.mod*' ! -name '.*' -print0 | LC_ALL=C sort -z | xargs -0 -r sha256sum)
}

# make in the build directory of this variant, with everything that could differ from run to run fixed.
kernel_make() {
	local cc=${CC:-gcc}
	! command -v ccache >/dev/null || cc="ccache $cc"
	# paths relative to the cache, so that ccache finds what another tree or clone has compiled
	CCACHE_BASEDIR=$TAMALLOC_CACHE CCACHE_NOHASHDIR=1 \
	KBUILD_BUILD_TIMESTAMP='2000-01-01' KBUILD_BUILD_USER=tamalloc KBUILD_BUILD_HOST=tamalloc KBUILD_BUILD_VERSION=1 \
		make -C "$tree" O="$build" CC="$cc" HOSTCC="$cc" -j"${JOBS:-$(nproc)}" "$@"
}

# Write .config from the fragments over allnoconfig and check that every line took effect.
configure() {
	local fragment=$build/tamalloc.fragment line lost=()
	mkdir -p "$build"
	config_fragments | while read -r line; do cat "$line"; done > "$fragment.new"
	kernel_make -s KCONFIG_ALLCONFIG="$fragment.new" allnoconfig > "$log" 2>&1 ||
		{ tail -5 "$log" >&2; die "the kernel's configuration failed; log: $log"; }
	while read -r line; do
		case $line in
		CONFIG_*=n) ! grep -q "^${line%n}" "$build/.config" || lost+=("$line") ;;
		CONFIG_*) grep -qxF "$line" "$build/.config" || lost+=("$line") ;;
		esac
	done < "$fragment.new"
	[ ${#lost[@]} -eq 0 ] || die "kernel/config: these lines have no effect in this kernel: ${lost[*]}"
	mv "$fragment.new" "$fragment"
}

# Run make in the background, its output to the log, a line of progress on stderr every 15 s.
make_with_progress() {
	local status=0 started=$SECONDS shown=$SECONDS make_pid
	kernel_make "$@" >> "$log" 2>&1 &
	make_pid=$!
	trap 'kill "$make_pid" 2>/dev/null; wait; exit 130' INT TERM
	while kill -0 "$make_pid" 2>/dev/null; do
		sleep 0.5
		if [ $((SECONDS - shown)) -ge 15 ]; then
			shown=$SECONDS
			say "$(variant_name): $(grep -cE '^  (CC|AS)' "$log" || true) files compiled, $((SECONDS - started)) s"
		fi
	done
	wait "$make_pid" || status=$?
	trap - INT TERM
	[ "$status" -eq 0 ] && return 0
	grep -E -m5 -A3 '(error|Error|ERROR)[: ]' "$log" >&2 || tail -5 "$log" >&2
	! grep -q 'No space left on device' "$log" || die "not enough disk space: $TAMALLOC_CACHE is full"
	die "the kernel's build failed; log: $log"
}

# A lock on a name in the cache, which all clones of this user share, held until this process ends.
lock_cache() { # NAME
	local fd
	mkdir -p "$TAMALLOC_CACHE"/{source,build,kernels}
	exec {fd}> "$TAMALLOC_CACHE/lock-$1"
	flock -n "$fd" || { say "waiting for another build of $1 in $TAMALLOC_CACHE"; flock "$fd"; }
}

# Everything from source to kernels/$key. Needs find_source; sets key.
build_kernel() {
	local tree=$pristine build log out dir module need=$disk_again_mib started=$SECONDS
	build=$TAMALLOC_CACHE/build/$source_id-$(variant_name)
	log=$build.log
	[ -f "$build/vmlinux" ] || need=$disk_first_mib
	check_tools
	check_disk "$need"
	lock_cache "$(variant_name)"
	key=$(kernel_key) # the files may have changed in the wait
	out=$TAMALLOC_CACHE/kernels/$key
	[ ! -f "$out/bzImage" ] || return 0 # the other build was ours
	lay_source
	if [ "$variant_patched" -eq 1 ]; then
		lay_ours
		tree=$patched
	fi
	say "building Linux $(kernel_version "$pristine"), $(variant_name); log: $log"
	: > "$log"
	configure
	# shellcheck disable=SC2046
	make_with_progress bzImage $(grep -q '=m$' "$build/.config" && echo modules || echo modules_prepare)
	rm -rf "$out.new"
	mkdir -p "$out.new/modules"
	while read -r dir; do
		module=$build/external/${dir##*/}
		mkdir -p "$module"
		rsync -a --checksum --exclude='*.o' --exclude='*.ko' "$dir/" "$module/"
		kernel_make M="$module" KBUILD_MODPOST_WARN=1 modules >> "$log" 2>&1 ||
			{ tail -15 "$log" >&2; die "building the modules in ${dir#"$root/"} failed; log: $log"; }
		find "$module" -name '*.ko' -exec cp -t "$out.new/modules" {} +
	done < <(list_modules)
	cp "$build/arch/x86/boot/bzImage" "$build/System.map" "$out.new/"
	cp "$build/.config" "$out.new/config"
	cp "$log" "$out.new/build.log"
	kernel_version "$pristine" > "$out.new/version"
	[ "$(kernel_key)" = "$key" ] || die "kernel/ was changed while it was built; run it again"
	rm -rf "$out"
	mv "$out.new" "$out"
	say "built $(variant_name) in $((SECONDS - started)) s"
	prune_kernels
}

# Keep the kernels used last.
prune_kernels() {
	local old
	find "$TAMALLOC_CACHE/kernels" -mindepth 1 -maxdepth 1 -type d -printf '%T@ %p\n' | sort -rn | tail -n +$((kernels_kept + 1)) |
		while read -r _ old; do rm -rf "$old"; done
}
