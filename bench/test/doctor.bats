#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2154 # for jq; set by helper.bash
# tabench doctor, on this machine and on made-up ones.
bats_require_minimum_version 1.5.0
load helper

cpu=/sys/devices/system/cpu
thp=/sys/kernel/mm/transparent_hugepage
scope=/sys/fs/cgroup/user.slice/session-1.scope

put() { # PATH TEXT : a file of the made-up machine
	mkdir -p "$(dirname "$machine$1")"
	printf '%s\n' "$2" >"$machine$1"
}

# A machine on which nothing colours or spoils a result: a server of one node, four CPUs, version 2 of control groups.
setup() {
	machine=$dir/machine
	rm -rf "$machine"
	for n in 0 1 2 3; do put $cpu/cpufreq/policy$n/scaling_governor performance; done
	put $cpu/intel_pstate/no_turbo 1
	put $cpu/smt/active 0
	put $cpu/online 0-3
	put /proc/loadavg "0.40 0.30 0.20 1/200 1234"
	put /proc/stat "cpu  1000 0 500 90000 0 0 0 0 0 0"
	put /proc/cpuinfo "flags		: fpu vme de pse"
	printf '%s\n' "MemTotal:       32000000 kB" "MemAvailable:   30000000 kB" "SwapTotal: 0 kB" "SwapFree: 0 kB" >"$machine/proc/meminfo"
	put $thp/enabled "always [madvise] never"
	put $thp/defrag "always defer defer+madvise [madvise] never"
	put $thp/khugepaged/scan_sleep_millisecs 4000000
	put $thp/hugepages-64kB/enabled "always inherit madvise [never]"
	put /proc/sys/kernel/numa_balancing 0
	put /sys/devices/system/node/online 0
	put /sys/kernel/mm/ksm/run 0
	put /proc/sys/vm/compaction_proactiveness 0
	put /proc/sys/vm/swappiness 60
	put /proc/sys/vm/overcommit_memory 0
	put /proc/sys/kernel/randomize_va_space 2
	put /proc/sys/kernel/osrelease 6.1.0-0-amd64
	put /proc/cmdline "BOOT_IMAGE=/vmlinuz quiet"
	put /boot/config-6.1.0-0-amd64 "
CONFIG_MEMCG=y"
	put /proc/sys/kernel/perf_event_paranoid 1
	put /proc/self/mountinfo "30 20 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate"
	put /proc/self/cgroup "0::/user.slice/session-1.scope"
	put /sys/fs/cgroup/cgroup.controllers "cpuset cpu io memory pids"
	put $scope/memory.max max
	put $scope/cpu.max "max 100000"
}

# The machine, after COMMAND changed it, has CHECK in STATE, with a remedy and an effect; FOUND is in what was found.
# What STATE does to the exit status.
expect() { # CHECK STATE FOUND
	local wanted=0
	[ "$2" != spoils ] || wanted=1
	run --separate-stderr "$tabench" doctor --json --root "$machine"
	[ "$status" -eq "$wanted" ] || { echo "$output" >&3; return 1; }
	jq -e --arg name "$1" --arg state "$2" --arg found "$3" '.checks[] | select(.name == $name) | .state == $state and
		(.found | contains($found)) and (.state == "ok" or (.effect | length > 10) and (.remedy | length > 5))' \
		<<<"$output" >/dev/null || { jq --arg name "$1" '.checks[] | select(.name == $name)' <<<"$output" >&3; return 1; }
	# and no other check thinks otherwise of it
	jq -e --arg name "$1" '[.checks[] | select(.name != $name and .state != "ok")] == []' <<<"$output" >/dev/null ||
		{ jq -c '.checks[] | select(.state != "ok")' <<<"$output" >&3; return 1; }
	setup # as before, for the next
}

@test "doctor: a quiet machine is ok everywhere, and the exit status is 0" {
	run --separate-stderr "$tabench" doctor --json --root "$machine"
	[ "$status" -eq 0 ]
	jq -e 'all(.checks[]; .state == "ok" and .remedy == null) and .counts == {ok: (.checks | length), colours: 0, spoils: 0, unknown: 0}' <<<"$output"
	run "$tabench" doctor --root "$machine"
	[ "$status" -eq 0 ]
	[[ ${lines[-1]} == *" ok, 0 colour results, 0 spoil them, 0 unknown" ]]
}

@test "doctor: the processor" {
	put $cpu/cpufreq/policy2/scaling_governor powersave
	expect governor spoils "powersave in 1 of 4"
	rm -r "$machine$cpu/cpufreq"
	expect governor unknown cpufreq
	put $cpu/intel_pstate/no_turbo 0
	expect turbo spoils on
	rm -r "$machine$cpu/intel_pstate"
	put $cpu/cpufreq/boost 1
	expect turbo spoils on
	put $cpu/smt/active 1
	expect smt colours on
	put /proc/loadavg "2.31 1 1 3/200 1234"
	expect load spoils "2.0 others run on 4 CPUs, load average 2.31"
	put /proc/loadavg "2.31 1 1 1/200 1234" # what has ended
	expect load ok "0.0 others"
	put /proc/cpuinfo "flags		: fpu hypervisor lahf_lm"
	expect hypervisor colours present
	put /proc/cpuinfo "flags		: fpu hypervisor lahf_lm"
	put /proc/stat "cpu  1000 0 500 90000 0 0 0 5000 0 0"
	expect hypervisor spoils "5.2 %"
}

@test "doctor: memory" {
	local balloon=/sys/bus/virtio/devices/virtio0
	put $balloon/device 0x0005
	put $balloon/features 0110010110000000
	expect balloon colours "takes back"
	put $balloon/device 0x0005
	put $balloon/features 0110000110000000 # statistics, but no reporting
	expect balloon ok "stays"
	put $balloon/device 0x0002 # a disk, whose bits mean other things
	put $balloon/features 0110010110000000
	expect balloon ok "stays"
	printf '%s\n' "MemTotal: 2000000 kB" "MemAvailable: 500000 kB" >"$machine/proc/meminfo"
	expect memory colours "488 of 1953 MiB"
	put $thp/enabled "[always] madvise never"
	expect thp colours always
	put $thp/enabled "always madvise [never]"
	expect thp colours never
	put $thp/hugepages-64kB/enabled "[always] inherit madvise never"
	expect thp colours "1 sizes always"
	put $thp/defrag "[always] defer defer+madvise madvise never"
	expect thp colours "defrag always"
	put $thp/khugepaged/scan_sleep_millisecs 10000
	expect khugepaged colours "10 s"
	put /proc/sys/kernel/numa_balancing 1
	expect numa_balancing ok "one node"
	put /proc/sys/kernel/numa_balancing 1
	put /sys/devices/system/node/online 0-1
	expect numa_balancing spoils "2 nodes"
	put /sys/kernel/mm/ksm/run 1
	expect ksm colours on
	put /proc/sys/vm/compaction_proactiveness 20
	expect compaction colours 20
	printf '%s\n' "MemTotal: 32000000 kB" "MemAvailable: 30000000 kB" "SwapTotal: 1024000 kB" "SwapFree: 1000000 kB" >"$machine/proc/meminfo"
	expect swap colours "1000 MiB, 23 used"
	put /proc/sys/vm/overcommit_memory 2
	expect overcommit colours "mode 2"
	put /proc/sys/vm/overcommit_memory 1
	expect overcommit colours "mode 1"
}

@test "doctor: the kernel" {
	put /proc/sys/kernel/randomize_va_space 0
	expect aslr colours off
	put /boot/config-6.1.0-0-amd64 "
CONFIG_INIT_ON_ALLOC_DEFAULT_ON=y"
	expect init_on_alloc colours on
	put /boot/config-6.1.0-0-amd64 "
CONFIG_INIT_ON_ALLOC_DEFAULT_ON=y"
	put /proc/cmdline "quiet init_on_alloc=0"
	expect init_on_alloc ok off
	put /proc/cmdline "quiet init_on_free=1"
	expect init_on_alloc colours init_on_free
	put /boot/config-6.1.0-0-amd64 "
CONFIG_KASAN=y"
	expect debug spoils KASAN
	# compressed in /proc, as kernels without a package have it
	rm "$machine/boot/config-6.1.0-0-amd64"
	printf '\nCONFIG_PROVE_LOCKING=y\n' | gzip >"$machine/proc/config.gz"
	expect debug spoils PROVE_LOCKING
}

@test "doctor: limits of control groups of both versions, wherever they are mounted; perf" {
	put $scope/memory.max 1073741824
	expect cgroup colours "1024 MiB of memory (version 2)"
	put /sys/fs/cgroup/user.slice/memory.max 536870912 # of the group above
	expect cgroup colours "512 MiB"
	put $scope/cpu.max "150000 100000"
	expect cgroup spoils "1.50 CPUs"
	# version 1 beside a version 2 that has no controllers, each somewhere else
	put /proc/self/mountinfo "30 20 0:26 / /cg/mem\\040ory rw - cgroup cgroup rw,memory
31 20 0:27 / /cg/cpu rw - cgroup cgroup rw,cpu,cpuacct
32 20 0:28 / /cg/unified rw - cgroup2 none rw"
	put /proc/self/cgroup "4:memory:/a/b
3:cpu,cpuacct:/c
0::/"
	put /cg/unified/cgroup.controllers ""
	put "/cg/mem ory/a/b/memory.limit_in_bytes" 9223372036854771712
	put "/cg/mem ory/a/memory.limit_in_bytes" 268435456
	put /cg/cpu/c/cpu.cfs_quota_us -1
	put /cg/cpu/c/cpu.cfs_period_us 100000
	expect cgroup colours "256 MiB of memory (version 1)"
	# in a container the mount's root is the container's group
	put /proc/self/mountinfo "30 20 0:26 /docker/12ab /cg/memory rw - cgroup cgroup rw,memory"
	put /proc/self/cgroup "4:memory:/docker/12ab/inner"
	put /cg/memory/inner/memory.limit_in_bytes 134217728
	expect cgroup colours "128 MiB of memory (version 1)"
	put /proc/sys/kernel/perf_event_paranoid 3
	expect perf colours "level 3"
}

@test "doctor: nothing can be told of an empty machine, and nothing is made up" {
	mkdir -p "$dir/empty/proc"
	run --separate-stderr "$tabench" doctor --json --root "$dir/empty"
	[ "$status" -eq 0 ]
	jq -e 'all(.checks[]; .state == "unknown" or .state == "ok") and .counts.unknown >= 8' <<<"$output"
	jq -e '.checks[] | select(.name == "governor" or .name == "load" or .name == "memory") | .state == "unknown"' <<<"$output"
}

@test "doctor: on this machine every check answers, and tells what it would do" {
	run --separate-stderr "$tabench" doctor --json
	[ "$status" -le 1 ]
	[ -z "$stderr" ]
	jq -e '(.checks | map(.name)) as $names |
		(["governor", "turbo", "smt", "load", "thp", "khugepaged", "numa_balancing", "swap", "overcommit", "aslr",
		"hypervisor", "init_on_alloc", "cgroup", "perf"] - $names) == [] and
		all(.checks[]; (.found | length > 0) and (.quiet or (.left | length > 10)) and (.state == "ok" or .remedy != null))' <<<"$output"
	[ "$status" -eq "$(jq 'if .counts.spoils > 0 then 1 else 0 end' <<<"$output")" ]
	run "$tabench" doctor
	[ "${#lines[@]}" -gt 14 ]
}

@test "doctor: without rights to perf, getrusage is what is left, and it says so" {
	[ "$(id -u)" -eq 0 ] || skip "not root: no rights to drop"
	[ "$(cat /proc/sys/kernel/perf_event_paranoid)" -ge 2 ] || skip "kernel.perf_event_paranoid is below 2"
	run --separate-stderr unprivileged "$tabench" doctor --json
	jq -e '.checks[] | select(.name == "perf") | .state == "colours" and (.remedy | contains("perf_event_paranoid"))' <<<"$output"
}

@test "doctor: a run records what is not ok, and its report begins with what spoils it" {
	"$tabench" run "${small[@]}" --out "$dir/run"
	jq -e '.environment.doctor | type == "object" and all(.[]; .state != "ok" and (.found | length > 0))' "$dir/run/run.json"
	[ "$("$tabench" doctor --json | jq -r '.checks[] | select(.state != "ok" and .name != "load") | .name' | sort)" = \
		"$(jq -r '.environment.doctor | keys[] | select(. != "load")' "$dir/run/run.json" | sort)" ]
	jq '.environment.doctor = {ksm: {state: "colours", found: "on", effect: "e", remedy: "r"}}' "$dir/run/run.json" >"$dir/json"
	cp "$dir/json" "$dir/run/run.json"
	"$tabench" report --no-plots "$dir/run" >"$dir/verdict"
	run ! grep -q 'spoils results' "$dir/run/report.md"
	jq '.environment.doctor.turbo = {state: "spoils", found: "on", effect: "it slows down", remedy: "switch it off"}' "$dir/json" >"$dir/run/run.json"
	"$tabench" report --no-plots "$dir/run" >"$dir/verdict"
	grep -q 'this machine spoils results: turbo: on: it slows down; remedy: switch it off' "$dir/run/report.md"
	jq -e '[.notes[] | select(startswith("this machine spoils results: "))] | length == 1' "$dir/run/summary.json"
}

@test "doctor: bad input" {
	run --separate-stderr "$tabench" doctor now
	[ "$status" -eq 2 ]
	one_line "takes no argument, but 'now'"
	run --separate-stderr "$tabench" doctor --root "$dir/none"
	[ "$status" -eq 2 ]
	one_line "no copy of a machine"
	run "$tabench" doctor --help
	[ "$status" -eq 0 ]
	[[ $output == *"Exit status: 0 nothing spoils results; 1 something does; 2 wrong usage."* ]]
	run --separate-stderr bash -c '"$1" doctor >/dev/full' _ "$tabench"
	[ "$status" -eq 1 ]
	one_line "cannot write"
}
