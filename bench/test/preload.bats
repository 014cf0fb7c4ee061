#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2054,SC2154 # for other shells and jq; commas in lists; set by helper.bash
# Malloc libraries under LD_PRELOAD: proved to be what was measured, or the sample has failed.
bats_require_minimum_version 1.5.0
load helper

own=(--profile smoke --workloads dense-up,sparse-1pct --size 1M --fill 0 --reps 2 --seed 1 --samples-only)

# A library whose calloc is an anonymous mapping; WITHOUT=1: one that has no calloc at all.
library() { # FILE
	cat >"$dir/library.c" <<-'END'
		#include <string.h>
		#include <sys/mman.h>
		int something;
		#ifndef WITHOUT
		static char early[1 << 20]; /* for the shell, which may stand before the worker */
		static size_t used;
		void *malloc(size_t n) { /* the size stands in front */
			size_t whole = (n + 31) & ~(size_t)15;
			char *p;
			if (n < 65536 && used + whole <= sizeof(early))
				p = early + (used += whole) - whole;
			else
				p = n >> 46 ? MAP_FAILED : mmap(0, whole, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			if (p == MAP_FAILED)
				return NULL;
			*(size_t *)p = n;
			return p + 16;
		}
		void *calloc(size_t n, size_t m) { return malloc(n * m); }
		void *realloc(void *old, size_t n) {
			size_t *size = (size_t *)((char *)old - 16);
			void *p = malloc(n);
			return old && p ? memcpy(p, old, n < *size ? n : *size) : p;
		}
		void free(void *p) { (void)p; }
		#endif
	END
	cc -O1 -shared -fPIC ${WITHOUT:+-DWITHOUT} -o "$1" "$dir/library.c"
}

refused() { # TEXT ARGUMENT...
	local text=$1
	shift
	run --separate-stderr "$tabench" "$@"
	[ "$status" -eq 2 ]
	[ -z "$output" ]
	one_line "$text"
}

@test "a library of one's own is listed, measured, proved, reported, and known when its run is resumed" {
	library "$dir/own.so"
	run "$tabench" list --preload "$dir/own.so" --name mine/calloc
	[ "$status" -eq 0 ]
	[[ $output == *"  mine/calloc "*"a library of your own"* ]]
	"$tabench" run "${own[@]}" --preload "$dir/own.so" --name mine/calloc --subjects mmap,mine/calloc --out "$dir/run"
	[ "$(count "$dir/run" '.subject == "mine/calloc" and .outcome == "ok" and .verified')" -ge 6 ]
	"$tabench" report "$dir/run" >"$dir/report"
	grep -q "mine/calloc" "$dir/run/report.md"
	head -n 5 "$dir/run/samples.jsonl" >"$dir/some"
	whole=$(wc -l <"$dir/run/samples.jsonl")
	cp "$dir/some" "$dir/run/samples.jsonl"
	"$tabench" run --resume "$dir/run" --samples-only
	[ "$(wc -l <"$dir/run/samples.jsonl")" -eq "$whole" ]
	[ "$(count "$dir/run" '.outcome != "ok"')" -eq 0 ]
}

@test "a library that is not there, a name that cannot be, one without the other" {
	library "$dir/own.so"
	refused "--preload $dir/none.so cannot be read: No such file or directory" \
		run "${own[@]}" --preload "$dir/none.so" --name mine --subjects mine
	refused "--preload $dir/none.so cannot be read" list --preload "$dir/none.so" --name mine
	refused "is taken by the subject glibc/malloc+memset" run "${own[@]}" --preload "$dir/own.so" --name glibc-malloc-memset
	for name in '' 'a b' 'a|b' 'a,b' "$(printf 'x%.0s' {1..40})"; do
		refused "give 1 to 39 letters" run "${own[@]}" --preload "$dir/own.so" --name "$name"
	done
	refused "belong together" run "${own[@]}" --preload "$dir/own.so"
	refused "belong together" run "${own[@]}" --name mine
	mkdir "$dir/a b"
	cp "$dir/own.so" "$dir/a b"
	refused "takes no path with a blank" run "${own[@]}" --preload "$dir/a b/own.so" --name mine
}

@test "a library that is ignored, because it has no calloc: every sample has failed and says whose calloc it was" {
	WITHOUT=1 library "$dir/own.so"
	run --separate-stderr "$tabench" run "${own[@]}" --preload "$dir/own.so" --name mine --subjects mine --out "$dir/run"
	[ "$status" -eq 1 ]
	[ "$(count "$dir/run" '.outcome == "ok"')" -eq 0 ]
	[ "$(count "$dir/run" '.outcome == "failed" and .phases == [] and (.reason | contains("calloc was that of ") and
		contains("/libc.so.6, not of '"$dir"'/own.so: the library was not preloaded, or has no calloc"))')" -ge 6 ]
}

@test "a library that is ignored, because LD_PRELOAD was lost, or that has gone meanwhile" {
	library "$dir/own.so"
	lost=$(fake_worker <<<'unset LD_PRELOAD; exec $TAWORKER "$@"')
	gone=$(fake_worker <<<"rm -f $dir/own.so; exec \$TAWORKER \"\$@\"")
	for worker in "$lost" "$gone"; do
		rm -rf "$dir/run"
		run --separate-stderr "$tabench" run "${own[@]}" --preload "$dir/own.so" --name mine --subjects mine \
			--worker "$worker" --out "$dir/run"
		[ "$(count "$dir/run" '.outcome == "ok"')" -eq 0 ]
		[ "$(count "$dir/run" '.outcome == "failed" or .outcome == "unsupported"')" -ge 6 ]
	done
}

@test "Debian's tcmalloc, mimalloc and TBB commit everything on calloc; glibc, jemalloc, Scudo and musl what is touched" {
	lazy=(glibc/calloc jemalloc/calloc scudo/calloc musl/calloc)
	eager=(tcmalloc/calloc mimalloc/calloc tbb/calloc)
	subjects=$(IFS=, && echo "${lazy[*]},${eager[*]}")
	for subject in "${lazy[@]}" "${eager[@]}"; do
		"$tabench" list --json | jq -e --arg s "$subject" 'any(.subjects[]; .name == $s and .supported)' >/dev/null ||
			skip "$subject is not installed"
	done
	"$tabench" run --profile smoke --subjects "$subjects" --workloads sparse-1pct --fill 0 --samples-only --out "$dir/run"
	"$tabench" report "$dir/run" >/dev/null
	awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next } { print $at["subject"], $at["committed_per_touched"] }' \
		"$dir/run/cells.csv" | tee "$dir/table" >&2
	for subject in "${lazy[@]}"; do awk -v s="$subject" '$1 == s { exit !($2 < 1.3) }' "$dir/table"; done
	for subject in "${eager[@]}"; do awk -v s="$subject" '$1 == s { exit !($2 > 95 && $2 < 105) }' "$dir/table"; done
	[ "$(wc -l <"$dir/table")" -eq 7 ]
}
