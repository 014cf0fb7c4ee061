// SPDX-License-Identifier: MIT
/* What every report says about its method. bench/README.md and results/README.md say it at length.
 */
#include <stdio.h>
#include <string.h>

#include "report_model.h"

static const char *const method[] = {
	"Every sample is a fresh process that links libc only: it takes memory, touches it, lets a "
	"checksum "
	"prove what it touched, gives it back, and ends.",
	"Subjects are interleaved: each block holds every cell once, in a random order of its own. "
	"Ratios "
	"are formed inside a block, so that what slows a whole block down cancels.",
	"Values are medians. On a host, intervals are 95 % bootstrap intervals over repetitions "
	"(percentile method at the expanded level for small samples, fixed seed); in the virtual "
	"machine "
	"they are the range of the repetitions. No repetition is dropped; the strips show each.",
	"A claim about a host needs at least 9 repetitions; with fewer the report says so.",
	"Where a hypervisor takes back free memory (free page reporting), what a sample will "
	"commit is "
	"touched and freed right before it, lest chance decide which sample waits for the host; "
	"not "
	"so with --cold.",
	"Time is alloc + touch + free together, divided by the pages touched: moving cost from one "
	"phase to "
	"another is not a gain. The phases stand apart in the tables.",
	"Two subjects are tied when the interval of their ratio includes 1, or, in memory and in "
	"counted "
	"instructions, when they differ by at most 0.5 %.",
	"Once per cell a process of its own reads every byte and compares it with the fill "
	"(verify). A cell "
	"that fails is not ranked.",
	"The timeline's sampler never runs during a timed sample; its cost is measured apart.",
	"A host and an emulated guest never stand in one ratio or one table.",
	NULL,
};

static const char *const definitions[] = {
	"reserved: address space obtained.",
	"committed (of an allocation): memory made its own, as growth of the worker's Anonymous + "
	"Swap + "
	"Private_Hugetlb + Shared_Hugetlb (smaps_rollup), plus memfd or shared-memory blocks, plus "
	"bytes "
	"that a driver holds. The zero page counts 0. Page tables are a column of their own.",
	"touched: pages that the workload wrote or read, of the base page size.",
	"committed / touched: bytes committed per byte of touched pages; 1.00 means that nothing "
	"is "
	"wasted.",
	"regret: a subject's value divided by the best subject's in the same workload; 1.00 is the "
	"best.",
	"null: memory that is there already (mapped, populated and filled beforehand); its row is "
	"the cost of "
	"the loop alone and is never ranked.",
	NULL,
};

static const char *const threats[] = {
	"The numbers hold for this machine, kernel and these settings; the environment below names "
	"them. "
	"Transparent huge pages and overcommit change the order of subjects.",
	"Raw times of shared or virtual machines drift; compare ratios of one run, not times of "
	"two.",
	"One thread touches a fresh mapping, the workload threads apart: long-lived fragmented "
	"heaps and the "
	"load of other programs are not in these rows.",
	"Small runs (profile smoke) show that everything works; they do not carry claims.",
	NULL,
};

const char *nothing_ranked(const struct report *report)
{
	for (size_t i = 0; i < report->verdicts.n; i++)
		if (verdict_is_latency(&report->verdicts.groups[i]))
			return "this run holds single operations only; see Latency in the report";
	return "this run holds no sample that can be ranked";
}

const char *nothing_missing(const struct report *report)
{
	return report->results.n ? "Everything that was planned ran." : "Nothing ran.";
}

bool panel_is_emulated(const struct panel *panel)
{
	return !strcmp(panel->group->target, "vm");
}

const char *panel_note(const struct panel *panel, char out[PANEL_NOTE_CHARS])
{
	if (!panel_is_emulated(panel))
		return NULL;
	snprintf(
		out, PANEL_NOTE_CHARS,
		"Costs are instructions that an emulated machine executed, not time: they ignore "
		"TLB "
		"misses, caches, memory bandwidth and what a processor pays for accessed bits. A "
		"memset in user space with wide stores (glibc/malloc+memset, and every eager fill "
		"of "
		"a subject in user space) counts about a quarter of what the kernel's rep stosq "
		"counts for the same bytes: a gain that comes from counting alone is none. "
		"Intervals "
		"are the range of the repetitions. Those differ, here by up to %.1f %% of a total, "
		"because each finds the page allocator as the one before left it and has a seed of "
		"its "
		"own; a whole second run of the same code repeats them (scripts/vm-repeat.sh "
		"checks "
		"it: within 0.5 %%). * marks totals below 10 million instructions, which are not "
		"compared.",
		panel->spread_pct);
	return out;
}

const struct text_section report_method = {"Method", method};
const struct text_section report_definitions = {"Definitions", definitions};
const struct text_section report_threats = {"Threats to validity", threats};
