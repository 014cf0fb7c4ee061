#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2054,SC2154 # for other shells and jq; commas in lists; set by helper.bash
# What a user gets wrong: one clear line, the documented exit code, nothing written.
bats_require_minimum_version 1.5.0
load helper

usage_error() { # TEXT ARGUMENT...
	local text=$1
	shift
	run --separate-stderr "$tabench" "$@"
	[ "$status" -eq 2 ]
	one_line "$text"
	[ -z "$output" ]
}

@test "no command, unknown command" {
	usage_error "no command given"
	usage_error "did you mean 'run'?" rnu
	usage_error "unknown command 'xyzzy'" xyzzy
}

@test "--help of the program and of each command is exit code 0 and on stdout" {
	run --separate-stderr "$tabench" --help
	[ "$status" -eq 0 ]
	[ -n "$output" ]
	[ -z "$stderr" ]
	while read -r command; do
		run --separate-stderr "$tabench" "$command" --help
		[ "$status" -eq 0 ]
		[ -n "$output" ]
		[ -z "$stderr" ]
	done < <("$tabench" --help | sed -n 's/^  \([a-z]*\) .*/\1/p')
}

@test "unknown subject suggests the nearest" {
	usage_error "unknown subject 'mmpa'; did you mean 'mmap'?" run --subjects mmap/noreserve,mmpa
	usage_error "did you mean 'glibc/calloc'?" run --subjects calloc
	usage_error "tabench list shows them" run --subjects quicksort-of-things
	usage_error "an empty name" run --subjects mmap,,null
}

@test "unknown workload suggests the nearest" {
	usage_error "unknown workload 'dense-u'; did you mean 'dense-up'?" run --workloads dense-u
	usage_error "did you mean 'sparse-1pct'?" run --workloads sparse-1
}

@test "unknown profile suggests the nearest" {
	usage_error "unknown profile 'smoek'; did you mean 'smoke'?" run --profile smoek
}

@test "the environment's names are checked as the options are" {
	SUBJECTS=mmpa usage_error "did you mean 'mmap'?" run
	WORKLOADS=dense-u usage_error "did you mean 'dense-up'?" run
	PROFILE=ful usage_error "did you mean 'full'?" run
	TARGETS=hots usage_error "neither host, vm nor host,vm" run
}

@test "size 0, sizes from 2^47 on, sizes that are no numbers" {
	usage_error "size 0 measures nothing" run --size 0
	usage_error "must be below 128T" run --size 128T
	usage_error "must be below 128T" run --size 140737488355328
	usage_error "must be below 128T" run --size 99999999999999999999999
	usage_error "must be below 128T" run --size 18014398509481984K
	usage_error "is not a number of bytes" run --size -1
	usage_error "is not a number of bytes" run --size 12Q
	usage_error "is not a number of bytes" run --size M
}

@test "a size just below 2^47 is planned, and unsupported where eager" {
	run "$tabench" run --dry-run --size 140737488355327 --fill 0 --subjects mmap/populate --workloads dense-up
	[ "$status" -eq 0 ]
	[[ $output == *"unsupported: would commit"* ]]
}

@test "negative, zero, huge and worded repetitions" {
	for reps in -1 0 1001 99999999999999999999 many ''; do
		usage_error "is not a whole number from 1 to 1000" run --reps "$reps"
	done
}

@test "fill outside a byte" {
	usage_error "is not a whole number from 0 to 255" run --fill 256
	usage_error "is not a whole number from 0 to 255" run --fill 0,-1
}

@test "time limit and seed outside their ranges" {
	usage_error "from 1 to 86400" run --timeout-s 0
	usage_error "--seed" run --seed -5
}

@test "unknown options and superfluous arguments" {
	usage_error "'--repz'" run --repz 3
	usage_error "'--size'" run --size
	usage_error "unexpected 'smoke'" run smoke
	usage_error "unknown option or missing value: '--jsn'" list --jsn
	usage_error "exclude each other" run --out "$dir/a" --resume "$dir/b"
}

@test "a results directory that cannot be made" {
	echo >"$dir/file"
	run --separate-stderr "$tabench" run "${small[@]}" --out "$dir/file/run"
	[ "$status" -eq 1 ]
	one_line "cannot create the run directory $dir/file/run: Not a directory"
}

@test "a results directory that may not be written" {
	mkdir "$dir/read-only"
	chmod 555 "$dir/read-only"
	run --separate-stderr unprivileged "$tabench" run "${small[@]}" --out "$dir/read-only/run"
	[ "$status" -eq 1 ]
	one_line "Permission denied; name another place with --out"
}

@test "a run directory that exists is not written over" {
	"$tabench" run "${small[@]}" --out "$dir/run"
	cp -r "$dir/run" "$dir/before"
	run --separate-stderr "$tabench" run "${small[@]}" --out "$dir/run"
	[ "$status" -eq 1 ]
	one_line "continue that run with --resume"
	diff -r "$dir/before" "$dir/run"
}

@test "a worker that is not there" {
	run --separate-stderr "$tabench" run "${small[@]}" --out "$dir/run" --worker "$dir/none"
	[ "$status" -eq 1 ]
	one_line "cannot be executed: No such file or directory; build it, or name another by --worker"
	[ ! -e "$dir/run" ]
}

@test "a plan of which nothing can run ends with 4, and says why in its samples" {
	run --separate-stderr "$tabench" run --samples-only --profile smoke --subjects glibc/calloc --workloads dense-up \
		--fill 171 --out "$dir/run"
	[ "$status" -eq 4 ]
	[[ $stderr == *"nothing of the plan can run here"* ]]
	[ "$(count "$dir/run" '.outcome == "unsupported" and .reason == "glibc/calloc gives zeros only"')" -eq 1 ]
}

@test "resuming what is no run, or another plan" {
	mkdir "$dir/empty"
	run --separate-stderr "$tabench" run --resume "$dir/empty"
	[ "$status" -eq 1 ]
	one_line "cannot resume $dir/empty: run.json"
	"$tabench" run "${small[@]}" --out "$dir/run"
	usage_error "repetitions '3' is not that of the run" run --resume "$dir/run" --reps 3
	PROFILE=default usage_error "profile 'default' is not that of the run" run --resume "$dir/run"
}

@test "--dry-run writes nothing and starts no worker" {
	worker=$(fake_worker <<<"touch $dir/started")
	cd "$dir"
	run --separate-stderr "$tabench" run "${small[@]}" --worker "$worker" --dry-run
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[[ $output == *"host|mmap|dense-up|1048576|1|0|"* ]]
	[[ $output == *"estimated time: "* ]]
	[ ! -e started ]
	[ ! -e results ]
	run -0 "$tabench" run --dry-run --profile smoke --targets vm
	[[ $output == *"under emulation: 1:00 more"* ]]
}
