#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2154 # for other shells and jq; set by helper.bash
# The host's side of target vm, with a script in the place of the virtual machine; scripts/stages/65-vm-suite.sh
# tests the real one.
bats_require_minimum_version 1.5.0
load helper

# fake_vm: makes a script that is called as scripts/vm.sh is; stdin is its body. Before it, $taken and $facts are
# files, and guest runs the guest's command on this machine.
fake_vm() {
	export TABENCH_VM=$dir/fake-vm
	{
		echo "#!/bin/bash"
		echo "dir=$dir tabench=$tabench"
		cat <<-'END'
			while [ "$1" != -- ]; do
				case $1 in --facts) facts=$2 ;; --add) case $2 in *:/taken) taken=${2%:/taken} ;; esac ;; esac
				shift
			done
			shift
			while [ "$1" != --out ]; do shift; done
			guest() { "$tabench" run --guest "$taken" --out "$dir/guest.$RANDOM/${out##*/}" "${options[@]}"; }
			out=$2
			shift 2
			options=("$@")
		END
		cat
	} >"$TABENCH_VM"
	chmod +x "$TABENCH_VM"
}

vm_small=("${small[@]}" --target vm)

@test "the guest's samples are in samples.jsonl, of target vm, in instructions, and the same samples as the guest took" {
	fake_vm <<<'echo kernel_source=Linux 6.12 >"$facts"; guest | tee "$dir/lines"'
	"$tabench" run "${vm_small[@]}" --out "$dir/run"
	[ "$(count "$dir/run" '.target == "vm" and .clock == "icount" and all(.phases[]; .cost_unit == "instructions")')" -eq 3 ]
	[ "$(count "$dir/run" true)" -eq 3 ]
	cmp <(jq -cS 'select(.kind)' "$dir/lines") <(jq -cS . "$dir/run/samples.jsonl")
	[ "$(count "$dir/run" '.metrics | has("probe_cost_faults_instructions") and (has("probe_cost_faults_ns") | not)')" -eq 3 ]
	jq -e '.vm.outcome == "ok" and .vm.emulated and .vm.machine.kernel_source == "Linux 6.12" and
		(.vm.environment.kernel.release | length > 0)' "$dir/run/run.json"
	while read -r line; do
		/usr/bin/python3 -m jsonschema -i <(echo "$line") "$root/results/schema.json"
	done <"$dir/run/samples.jsonl"
}

@test "host and vm in one run: cells of their own, and no report puts them into one ratio" {
	fake_vm <<<'echo >"$facts"; guest'
	"$tabench" run "${small[@]}" --target host,vm --out "$dir/run"
	[ "$(count "$dir/run" '.target == "host"')" -eq "$small_samples" ]
	[ "$(count "$dir/run" '.target == "vm"')" -eq 3 ]
	[ "$(jq -s '[.[] | select(.purpose == "measure")] | group_by(.cell_id) | map(map(.target) | unique | length) | max' \
		"$dir/run/samples.jsonl")" -eq 1 ]
	"$tabench" report "$dir/run" >"$dir/report"
	for file in report.html report.md; do
		grep -q "instructions" "$dir/run/$file"
		grep -qi "a quarter" "$dir/run/$file"
		grep -q "TLB" "$dir/run/$file"
	done
}

@test "no qemu, no kernel source: unsupported with the reason, and the host's part is done" {
	mkdir "$dir/bin"
	ln -s /usr/bin/* "$dir/bin/"
	rm -f "$dir/bin"/qemu-system-*
	PATH=$dir/bin run --separate-stderr "$tabench" run "${small[@]}" --target host,vm --out "$dir/run"
	[ "$status" -eq 0 ]
	[[ $stderr == *"vm: unsupported: qemu-system-x86_64 was not found; scripts/setup.sh kernel installs it"* ]]
	[ "$(count "$dir/run" true)" -eq "$small_samples" ]
	PATH=$dir/bin run --separate-stderr "$tabench" run "${vm_small[@]}" --out "$dir/vm"
	[ "$status" -eq 4 ]
	jq -e '.vm.outcome == "unsupported"' "$dir/vm/run.json"

	KERNEL_SRC=$dir/none run --separate-stderr "$tabench" run "${small[@]}" --target host,vm --out "$dir/source"
	[ "$status" -eq 0 ]
	# Where the packages of the kernel's build are not installed either, that is said first.
	[[ $stderr == *"vm: unsupported: "*"$dir/none"* || $stderr == *"scripts/setup.sh kernel installs it"* ]]
}

@test "a guest that dies loses no sample that it sent, and --resume takes only the others" {
	fake_vm <<<'echo >"$facts"; guest | head -n 3; echo "vm: FAILED: Kernel panic" >&2; exit 1'
	run --separate-stderr "$tabench" run "${vm_small[@]}" --out "$dir/run"
	[ "$status" -eq 1 ]
	[[ $stderr == *"vm: failed: "*"Kernel panic"* ]]
	[ "$(count "$dir/run" true)" -eq 2 ]
	jq -e '.vm.outcome == "failed"' "$dir/run/run.json"

	cp "$dir/run/samples.jsonl" "$dir/kept"
	fake_vm <<<'echo >"$facts"; guest | tee "$dir/lines"'
	"$tabench" run --samples-only --target vm --resume "$dir/run"
	[ "$(grep -c '"kind"' "$dir/lines")" -eq 1 ]
	[ "$(count "$dir/run" true)" -eq 3 ]
	cmp -n "$(stat -c %s "$dir/kept")" "$dir/kept" "$dir/run/samples.jsonl"
	no_duplicates "$dir/run"

	fake_vm <<<'touch "$dir/booted"'
	"$tabench" run --samples-only --target vm --resume "$dir/run"
	[ ! -e "$dir/booted" ]
}

@test "the end of a run ends the virtual machine" {
	fake_vm <<<'echo >"$facts"; echo $$ >"$dir/pid"; exec sleep 100'
	"$tabench" run "${vm_small[@]}" --out "$dir/run" &
	wait_for test -s "$dir/pid"
	kill -INT $!
	wait_for gone "$(cat "$dir/pid")"
	run wait $!
	jq -e '.vm.outcome == "interrupted" and .sessions[0].ended == "interrupted"' "$dir/run/run.json"
}

@test "lines that are none of the guest's end it, and nothing is written outside of the run" {
	fake_vm <<<'echo >"$facts"; echo "{\"guest\":\"file\",\"name\":\"../x\",\"text\":\"\"}"; sleep 5'
	run --separate-stderr "$tabench" run "${vm_small[@]}" --out "$dir/run"
	[ "$status" -eq 1 ]
	[ ! -e "$dir/run/x" ]
}
