// SPDX-License-Identifier: MIT
/* The checks of tabench doctor that look at the processor and at who else uses it. */
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "doctor_looks.h"
#include "environment.h"
#include "system_files.h"

#define BUSY_PER_CPU 0.25
#define STEAL_PCT    1.0
#define SET_ON_HOST \
	"in a virtual machine it is its host's to set; elsewhere load the cpufreq driver"

/* How many paths the pattern has, and the line of the first that is not wanted; *others: how many
 * are not. */
static unsigned look_at_all(const char *pattern, const char *wanted, char *other,
			    size_t other_bytes, unsigned *others)
{
	char at[SYSTEM_PATH_CHARS], text[64];
	glob_t paths;
	unsigned n = 0;

	*others = 0;
	if (glob(system_path(pattern, at), 0, NULL, &paths))
		return 0;
	for (size_t i = 0; i < paths.gl_pathc; i++) {
		const char *path = paths.gl_pathv[i] + strlen(system_path("", at));

		if (!system_line(path, text, sizeof(text)))
			continue;
		n++;
		if (strcmp(text, wanted) && !(*others)++)
			snprintf(other, other_bytes, "%s", text);
	}
	globfree(&paths);
	return n;
}

void doctor_look_governor(struct doctor_finding *f)
{
	char other[64];
	unsigned others, n = look_at_all(CPU "cpufreq/policy*/scaling_governor", "performance",
					 other, sizeof(other), &others);

	if (!n)
		doctor_say(f, DOCTOR_UNKNOWN,
			   "how fast the clock runs, and whether it changes, cannot be told",
			   SET_ON_HOST, "no cpufreq here");
	else if (others)
		doctor_say(f, DOCTOR_SPOILS,
			   "the clock's rate follows the load: the first samples run slower than "
			   "the last",
			   "cpupower frequency-set -g performance", "%s in %u of %u policies",
			   other, others, n);
	else
		OK(f, "performance in all %u policies", n);
}

void doctor_look_turbo(struct doctor_finding *f)
{
	uint64_t value;
	bool on;

	if (system_number(CPU "intel_pstate/no_turbo", &value)) {
		on = !value;
	} else if (system_number(CPU "cpufreq/boost", &value)) {
		on = value;
	} else {
		doctor_say(f, DOCTOR_UNKNOWN,
			   "whether the clock is boosted while it is cool cannot be told",
			   SET_ON_HOST, "no switch for it here");
		return;
	}
	if (on)
		doctor_say(f, DOCTOR_SPOILS,
			   "the clock is raised while the processor is cool: a long run slows down",
			   "echo 1 >" CPU "intel_pstate/no_turbo, or echo 0 >" CPU "cpufreq/boost",
			   "on");
	else
		OK(f, "off");
}

void doctor_look_smt(struct doctor_finding *f)
{
	uint64_t active;

	if (!system_number(CPU "smt/active", &active))
		doctor_say(f, DOCTOR_UNKNOWN, "whether two CPUs share a core cannot be told",
			   "see lscpu, line 'Thread(s) per core'", "not said");
	else if (active)
		doctor_say(f, DOCTOR_COLOURS,
			   "two CPUs share a core, its caches and TLB: what runs on the other one "
			   "counts",
			   "leave the machine alone meanwhile, or echo off >" CPU "smt/control",
			   "on");
	else
		OK(f, "off");
}

/* How many others run or wait for a CPU, the mean of a tenth of a second; -1: cannot be told. The
 * load average says what was: a build that has just ended is in it for minutes. */
static double others_running(char *load, size_t load_bytes)
{
	char text[64];
	double sum = 0;
	int rounds = system_is_copy() ? 1 : 10;

	for (int i = 0; i < rounds; i++) {
		int running;

		if (i)
			usleep(10000);
		if (!system_line("/proc/loadavg", text, sizeof(text)) ||
		    sscanf(text, "%*s %*s %*s %d/", &running) != 1)
			return -1;
		sum += running > 1 ? running - 1 : 0; /* one is this process */
	}
	snprintf(load, load_bytes, "%.*s", (int)strcspn(text, " "), text);
	return sum / rounds;
}

void doctor_look_load(struct doctor_finding *f)
{
	unsigned cpus = doctor_count_list(CPU "online");
	char load[16];
	double others = others_running(load, sizeof(load));

	if (!cpus || others < 0)
		doctor_say(f, DOCTOR_UNKNOWN, "whether others use the machine cannot be told",
			   "see top", "not said");
	else if (others > BUSY_PER_CPU * cpus)
		doctor_say(f, DOCTOR_SPOILS,
			   "others take the caches and the time that are measured",
			   "end what is running", "%.1f others run on %u CPUs, load average %s",
			   others, cpus, load);
	else
		OK(f, "%.1f others run on %u CPUs, load average %s", others, cpus, load);
}

/* Of the time since boot, what the hypervisor gave to others, in percent. */
static double steal_pct(void)
{
	char text[256];
	const char *line = system_field("/proc/stat", "cpu", text, sizeof(text));
	double sum = 0, steal = 0;
	char *at = text;

	for (int i = 0; line && i < 8; i++) {
		double ticks = strtod(at, &at);

		sum += ticks;
		if (i == 7)
			steal = ticks;
	}
	return sum > 0 ? 100 * steal / sum : 0;
}

void doctor_look_hypervisor(struct doctor_finding *f)
{
	char flags[4096], type[64];
	char signature[13];
	const char *has = system_field("/proc/cpuinfo", "flags", flags, sizeof(flags));
	double steal = steal_pct();

	if (!system_line("/sys/hypervisor/type", type, sizeof(type)) &&
	    !(has && strstr(has, " hypervisor"))) {
		if (has)
			OK(f, "none");
		else
			doctor_say(f, DOCTOR_UNKNOWN,
				   "whether this is a virtual machine cannot be told",
				   "see systemd-detect-virt", "not said");
		return;
	}
	if (system_is_copy() || !environment_hypervisor(signature))
		strcpy(signature, "present");
	if (steal > STEAL_PCT)
		doctor_say(f, DOCTOR_SPOILS, "its host gave that share of the time to others",
			   "measure on the machine itself, or on a host with CPUs reserved for "
			   "this one",
			   "%s; %.1f %% of the time since boot was stolen", signature, steal);
	else
		doctor_say(f, DOCTOR_COLOURS,
			   "a TLB miss walks two page tables, and a first touch may fault in the "
			   "host too",
			   "measure on the machine itself where that matters", "%s", signature);
}
