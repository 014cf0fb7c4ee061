# SPDX-License-Identifier: MIT
# What README.md and results/reference say of a run, from its summary.json (--slurpfile run RUN/run.json).
# summary_csv : one row per subject of each verdict.   headline, tables : blocks of README.md, in Markdown.

def round_to($n): # significant digits
	if . == null or . == 0 then . else pow(10; $n - 1 - (fabs | log10 | floor)) as $p | (. * $p | round) / $p end;

def fixed($digits): # decimals
	pow(10; $digits) as $p | (. * $p | round) as $i | if $digits == 0 then "\($i)" else
		"\($i / $p | floor).\("000\($i % $p)" | .[-$digits:])" end;

def shown: if . >= 99.95 then fixed(0) elif . >= 9.995 then fixed(1) else fixed(2) end;

def summary_csv:
	["target", "workload", "params", "size_bytes", "threads", "fill", "subject", "outcome", "n", "cost_unit",
	 "total_cost_per_page", "total_cost_per_page_lo", "total_cost_per_page_hi", "committed_per_touched",
	 "regret_time", "regret_time_lo", "regret_time_hi", "regret_memory"],
	(.verdicts[] as $v | $v.subjects[] |
	 [$v.target, $v.workload, ($v.params | to_entries | map("\(.key)=\(.value)") | join(";")), $v.size_bytes, $v.threads,
	  $v.fill, .subject, .outcome, .n, $v.cost_unit] +
	 ([.total_cost_per_page.median, .total_cost_per_page.lo, .total_cost_per_page.hi, .committed_per_touched,
	   .regret_time.median, .regret_time.lo, .regret_time.hi, .regret_memory] | map(round_to(4)))) | @csv;

# The only verdict on a workload, on the machine's size, with one thread.
def verdict($target; $workload; $fill):
	[.verdicts[] | select(.target == $target and .workload == $workload and .fill == $fill and .threads == 1)] |
	if length == 1 then .[0] else error("the run has no workload \($workload) on target \($target)") end;

def of($subject):
	[.subjects[] | select(.subject == $subject and .ranked)] |
	if length == 1 then .[0] else error("the run has no \($subject)") end;

def memory($verdict):
	if .regret_memory then .regret_memory | shown
	else "+\(.committed_per_touched - ([$verdict.subjects[] | select(.ranked).committed_per_touched] | min) | shown)" end;

def cell($verdict; $subject):
	$verdict | of($subject) |
	"\(if .subject == $verdict.fastest then "**" elif .tied_time then "~" else "" end)\(.regret_time.median | shown)" +
	"\(if .subject == $verdict.fastest then "**" else "" end) / \(memory($verdict))";

def table($target; $fill; $subjects; $workloads):
	([.verdicts[] | select(.target == $target)][0].cost_unit) as $unit |
	"| | fastest of all | \($unit) a page |\($subjects | map(" \(.) |") | add)",
	"|---|---|--:|\($subjects | map("--:|") | add)",
	($workloads[] as $w | verdict($target; $w; $fill) as $v |
	 "| `\($w)` | \($v.fastest) | \($v | of($v.fastest).total_cost_per_page.median | shown) |" +
	 ($subjects | map(" \(cell($v; .)) |") | add));

def crossing($lazy; $eager):
	[.crossings[] | select(.target == "host" and .fill == 0 and .lazy == $lazy and .eager == $eager)] |
	if length == 1 then .[0].sentence else error("the run has no crossing of \($lazy) and \($eager)") end;

def mib: . / 1048576 | fixed(0);

def machine:
	$run[0] as $r | $r.environment as $e |
	"\($e.cpu.model), \($e.cpu.online) CPUs, \($e.memory.total_bytes / 1073741824 | fixed(0)) GiB" +
	"\(if $e.hypervisor then ", a virtual machine" else "" end), Linux \($e.kernel.release), \($e.os)";

def headline:
	verdict("host"; "sparse-1pct"; 0) as $sparse | verdict("host"; "dense-up"; 0) as $dense |
	verdict("vm"; "dense-up"; 0) as $vm_dense | verdict("vm"; "sparse-1pct"; 0) as $vm_sparse |
	($sparse.size_bytes | mib) as $mib |
	"- **Touch little, and who clears matters.** Of \($mib) MiB from `calloc`, one page in a hundred is written. Glibc commits " +
	"\($sparse | of("glibc/calloc").committed_per_touched | shown) bytes for each byte touched; mimalloc \($sparse | of("mimalloc/calloc").committed_per_touched | shown) " +
	"and tcmalloc \($sparse | of("tcmalloc/calloc").committed_per_touched | shown), and they take \($sparse | of("mimalloc/calloc").regret_time.median | shown) and " +
	"\($sparse | of("tcmalloc/calloc").regret_time.median | shown) times as long as the fastest.",
	"- **Touch all, and page size matters.** With every page written in order, `\($dense.fastest)` costs \($dense | of($dense.fastest).total_cost_per_page.median | shown) ns " +
	"a page; glibc's `calloc` \($dense | of("glibc/calloc").regret_time.median | shown) times that, `malloc` + `memset` \($dense | of("glibc/malloc+memset").regret_time.median | shown), " +
	"huge pages on request (`mmap/thp`) \($dense | of("mmap/thp").regret_time.median | shown).",
	"- **Where it turns.** \(crossing("mmap"; "mmap/populate") | sub("^a"; "A")).",
	"- **The system call** (emulated machine, counted instructions, not time): written in order, `tamalloc/syscall` takes " +
	"\(($vm_dense | of("tamalloc/syscall").total_cost_per_page.median) as $a | ($vm_dense | of("mmap").total_cost_per_page.median) as $b | $a / $b | shown) of `mmap`'s instructions a page. " +
	"With one page in a hundred touched it commits \($vm_sparse | of("tamalloc/syscall").committed_per_touched | shown) bytes a byte, where huge pages of 64 KiB commit " +
	"\($vm_sparse | of("mmap/mthp-64k").committed_per_touched | shown) and of 2 MiB \($vm_sparse | of("mmap/thp").committed_per_touched | shown).",
	"",
	"Made by `make bench` on \($run[0].started_utc[:10]) in \($run[0].sessions | map(.elapsed_s) | add / 60 | fixed(0)) minutes on \(machine).";

def tables:
	verdict("host"; "dense-up"; 0) as $host | verdict("vm"; "dense-up"; 0) as $vm |
	"This machine, \($host.size_bytes | mib) MiB, fill 0, \($host | of("mmap").n) repetitions:",
	"",
	table("host"; 0; ["glibc/calloc", "glibc/malloc+memset", "jemalloc/calloc", "mimalloc/calloc", "tcmalloc/calloc", "mmap/thp", "tamalloc/lib-plain"];
	      ["dense-up", "shuffled", "stride-16", "sparse-1pct", "read-dense", "recycle", "hash-table", "arena"]),
	"",
	"The patched kernel in an emulated machine, \($vm.size_bytes | mib) MiB, fill 0, counted instructions:",
	"",
	table("vm"; 0; ["mmap", "mmap/populate", "mmap/mthp-64k", "mmap/thp", "driver/lazy", "tamalloc/syscall-4k", "tamalloc/syscall"];
	      ["dense-up", "shuffled", "stride-16", "sparse-1pct", "chunks-1m", "recycle"]);
