// SPDX-License-Identifier: MIT
/* The checks of tabench doctor that look at how the kernel was built and booted, and what it lets
 * this process do. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgroup.h"
#include "doctor_looks.h"
#include "probes/perf_counter.h"
#include "system_files.h"

void doctor_look_aslr(struct doctor_finding *f)
{
	uint64_t value;

	if (!system_number("/proc/sys/kernel/randomize_va_space", &value))
		doctor_say(f, DOCTOR_UNKNOWN, "whether addresses are random cannot be told",
			   "mount /proc", "not said");
	else if (value)
		OK(f, "on (%lu): repetitions average over layouts", value);
	else
		doctor_say(f, DOCTOR_COLOURS,
			   "each sample has the same addresses: one lucky layout is measured again "
			   "and "
			   "again",
			   "sysctl kernel.randomize_va_space=2", "off");
}

/* The configuration that this kernel was built with, or NULL. Read once; never freed. */
static const char *kernel_config(void)
{
	static const char *const places[] = {"/boot/config-%s", "/lib/modules/%s/config"};
	static char *text;
	char release[128], path[256], at[SYSTEM_PATH_CHARS], command[SYSTEM_PATH_CHARS + 64];
	size_t room = 0;
	FILE *in = NULL;

	if (text)
		return text;
	for (int i = 0; i < 2 && !in; i++) {
		if (!system_line("/proc/sys/kernel/osrelease", release, sizeof(release)))
			break;
		snprintf(path, sizeof(path), i ? places[1] : places[0], release);
		in = system_open(path);
	}
	if (in) {
		if (getdelim(&text, &room, 0, in) < 0)
			text = NULL;
		fclose(in);
	} else if (!access(system_path("/proc/config.gz", at), R_OK)) {
		snprintf(command, sizeof(command), "exec zcat '%s' 2>/dev/null", at);
		in = popen(command, "re");
		if (in && getdelim(&text, &room, 0, in) < 0)
			text = NULL;
		if (in)
			pclose(in);
	}
	return text;
}

static bool configured(const char *config, const char *option)
{
	char line[96];

	snprintf(line, sizeof(line), "\n%s=y\n", option);
	return strstr(config, line);
}

/* 1, 0, or -1 where it cannot be told. */
static int init_on(const char *name, const char *option)
{
	char command_line[4096], *at = NULL, word[40];
	const char *line = system_line("/proc/cmdline", command_line, sizeof(command_line));
	const char *config = kernel_config();

	snprintf(word, sizeof(word), "%s=", name);
	if (line)
		at = strstr(command_line, word);
	if (at && (at == command_line || at[-1] == ' '))
		return strchr("1yY", at[strlen(word)]) || !strncmp(at + strlen(word), "on", 2);
	return config ? configured(config, option) : -1;
}

void doctor_look_init_on_alloc(struct doctor_finding *f)
{
	int on_alloc = init_on("init_on_alloc", "CONFIG_INIT_ON_ALLOC_DEFAULT_ON");
	int on_free = init_on("init_on_free", "CONFIG_INIT_ON_FREE_DEFAULT_ON");

	if (on_alloc < 0 && on_free < 0)
		doctor_say(f, DOCTOR_UNKNOWN,
			   "whether the kernel clears all that it allocates cannot be told",
			   "dmesg has a line 'mem auto-init'; the package of the kernel has its "
			   "config",
			   "no kernel configuration here");
	else if (on_free > 0)
		doctor_say(f, DOCTOR_COLOURS, "each page is cleared once more when it is freed",
			   "boot with init_on_free=0", "init_on_free=1");
	else if (on_alloc > 0)
		doctor_say(
			f, DOCTOR_COLOURS,
			"the kernel clears what drivers allocate: kmalloc costs what kzalloc does",
			"boot with init_on_alloc=0", "on");
	else
		OK(f, "off");
}

void doctor_look_debug(struct doctor_finding *f)
{
	static const char *const options[] = {"CONFIG_KASAN",
					      "CONFIG_PROVE_LOCKING",
					      "CONFIG_DEBUG_VM_PGTABLE",
					      "CONFIG_DEBUG_PAGEALLOC_ENABLE_DEFAULT",
					      "CONFIG_KMSAN",
					      "CONFIG_SLUB_DEBUG_ON"};
	const char *config = kernel_config();

	for (size_t i = 0; config && i < sizeof(options) / sizeof(options[0]); i++)
		if (configured(config, options[i])) {
			doctor_say(f, DOCTOR_SPOILS,
				   "each page fault pays for checks of a debug kernel",
				   "boot a kernel that is no debug kernel", "%s", options[i]);
			return;
		}
	if (config)
		OK(f, "no debug kernel");
	else
		doctor_say(f, DOCTOR_UNKNOWN, "whether this is a debug kernel cannot be told",
			   "the package of the kernel has its config",
			   "no kernel configuration here");
}

void doctor_look_cgroup(struct doctor_finding *f)
{
	uint64_t v1 = cgroup_memory_limit_bytes(1), v2 = cgroup_memory_limit_bytes(2);
	uint64_t limit = v1 < v2 ? v1 : v2, total = system_meminfo_bytes("MemTotal");
	double cpus = cgroup_cpu_limit();

	if (cpus > 0)
		doctor_say(f, DOCTOR_SPOILS,
			   "who has used up the quota stands still until the next period begins",
			   "start the container or service without a quota of CPU time",
			   "a quota of %.2f CPUs", cpus);
	else if (limit < total)
		doctor_say(f, DOCTOR_COLOURS,
			   "cells that do not fit are unsupported, and reclaim begins at the limit",
			   "start the container or service without a limit of memory",
			   "%lu MiB of memory (version %d)", MiB(limit), v1 < v2 ? 1 : 2);
	else
		OK(f, "no limit");
}

void doctor_look_perf(struct doctor_finding *f)
{
	char paranoid[32] = "not said";
	int all, user, cycles = -1;

	system_line("/proc/sys/kernel/perf_event_paranoid", paranoid, sizeof(paranoid));
	if (system_is_copy()) { /* only the level can be seen */
		all = user = strtol(paranoid, NULL, 10) > 1 ? -1 : 0;
	} else {
		all = perf_counter_open(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS_MIN, false);
		user = perf_counter_open(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS_MIN, true);
		cycles = perf_counter_open(PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES, true);
		close(all);
		close(user);
		close(cycles);
	}
	if (all >= 0)
		OK(f, "allowed (level %s)%s", paranoid,
		   system_is_copy() || cycles >= 0 ? "" : "; no hardware counters");
	else
		doctor_say(f, DOCTOR_COLOURS,
			   user >= 0
				   ? "faults that the kernel takes on a program's behalf are not "
				     "counted"
				   : "faults come from getrusage, which counts populated pages too",
			   "sysctl kernel.perf_event_paranoid=1, or the capability CAP_PERFMON",
			   "%s (level %s)", user >= 0 ? "user mode only" : "refused", paranoid);
}
