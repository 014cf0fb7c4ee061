#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2054,SC2154 # commas in lists; set by helper.bash and bats
# The subjects under google-benchmark: its figures in the run and in the report, and what is said without it.
bats_require_minimum_version 1.5.0
load helper

small=(--profile smoke --subjects null,mmap,mmap/populate,tamalloc/syscall-4k --size 1M --fill 0 --reps 1 --seed 1)

@test "gbench: each subject has the file that google-benchmark wrote, and the report shows it" {
	[ -x "$root/build/tagbench" ] || skip "tagbench is not built: libbenchmark-dev or g++ is missing"
	"$tabench" run "${small[@]}" --out "$dir/run" >/dev/null
	[ "$(cut -d, -f1,2 "$dir/run/gbench/index.csv" | tail -n +2 | xargs)" = "mmap,ok mmap/populate,ok tamalloc/syscall-4k,unsupported" ]
	jq -e '[.benchmarks[].name] | length == 7 and (map(select(startswith("first_touch"))) | length == 1)' "$dir/run/gbench/mmap.json"
	# mmap faults at the first touch, once a page; populated memory at the allocation, once a page of it.
	jq -e '.benchmarks[] | select(.name | startswith("first_touch")) | .minor_faults > 0.99 and .minor_faults < 1.01' \
		"$dir/run/gbench/mmap.json"
	jq -e '.benchmarks[] | select(.name | startswith("first_touch")) | .minor_faults < 0.01' "$dir/run/gbench/mmap-populate.json"
	jq -e '.benchmarks[] | select(.name | startswith("alloc/4096")) | .minor_faults > 0.99 and .minor_faults < 1.01' \
		"$dir/run/gbench/mmap-populate.json"
	grep -q 'Under google-benchmark' "$dir/run/report.html"
	grep -q '| mmap/populate |.*faults' "$dir/run/report.md"
	xmllint --noout "$dir/run/report.html"
}

@test "gbench: where it is not built, each subject is unsupported, and the package is named" {
	mkdir -p "$dir/elsewhere/build"
	cp "$tabench" "$taworker" "$dir/elsewhere/build"
	"$dir/elsewhere/build/tabench" run "${small[@]}" --out "$dir/run" >/dev/null
	[ "$(grep -c ',unsupported,.*libbenchmark-dev' "$dir/run/gbench/index.csv")" -eq 3 ]
	grep -q 'install libbenchmark-dev' "$dir/run/report.md"
}

@test "gbench: a subject that fails is told, and half a file does not stay" {
	mkdir -p "$dir/elsewhere/build"
	cp "$tabench" "$taworker" "$dir/elsewhere/build"
	cat >"$dir/elsewhere/build/tagbench" <<-'EOF'
		#!/bin/sh
		for a; do case $a in --benchmark_out=*) echo '{"bench' >"${a#*=}" ;; esac; done
		echo "tagbench: out of luck" >&2
		exit 1
	EOF
	chmod +x "$dir/elsewhere/build/tagbench"
	run -1 "$dir/elsewhere/build/tabench" run "${small[@]}" --out "$dir/run"
	[ "$(grep -c ',failed,"exit status 1: out of luck",$' "$dir/run/gbench/index.csv")" -eq 2 ]
	run ! ls "$dir"/run/gbench/*.json
}

@test "gbench: tagbench says what is wrong with its arguments" {
	[ -x "$root/build/tagbench" ] || skip "tagbench is not built: libbenchmark-dev or g++ is missing"
	for arguments in "" "--subject=nix" "--subject=mmap --fill=256" "--subject=mmap --nonsense"; do
		# shellcheck disable=SC2086 # several words
		run -2 "$root/build/tagbench" $arguments
		[ -n "$output" ]
	done
	run -4 "$root/build/tagbench" --subject=musl/calloc
	[[ $output == *"is unsupported: "* ]]
	library=$(ldd "$root/build/tagbench" | awk '$1 == "libm.so.6" { print $3 }') # that has no calloc
	LD_PRELOAD=$library run -1 "$root/build/tagbench" --preload="$library" --subject=mine
	[[ $output == *"calloc is not that of $library"* ]]
	run -4 "$root/build/tagbench" --subject=glibc/calloc --fill=1
	[[ $output == *"gives zeros only"* ]]
}
