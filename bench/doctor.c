// SPDX-License-Identifier: MIT
#include <glob.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backing.h"
#include "cgroup.h"
#include "doctor.h"
#include "environment.h"
#include "probes/perf_counter.h"
#include "system_files.h"

#define CPU	     "/sys/devices/system/cpu/"
#define THP	     "/sys/kernel/mm/transparent_hugepage/"
#define KSM	     "/sys/kernel/mm/ksm/run"
#define BUSY_PER_CPU 0.25
#define SELDOM_MS    600000 /* khugepaged that wakes up this rarely does not meet a sample */
#define STEAL_PCT    1.0
#define LITTLE_MEMORY                                                              \
	((uint64_t)1 << 30) /* default blocks are of 256 MiB, some twice in memory \
			     */
#define SET_ON_HOST \
	"in a virtual machine it is its host's to set; elsewhere load the cpufreq driver"
#define MiB(bytes) ((bytes) >> 20)

const char *doctor_state_name(enum doctor_state state)
{
	static const char *const names[] = {"ok", "colours", "spoils", "unknown"};

	return names[state];
}

__attribute__((format(printf, 5, 6))) static void say(struct doctor_finding *f,
						      enum doctor_state state, const char *effect,
						      const char *remedy, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(f->found, sizeof(f->found), format, arguments);
	va_end(arguments);
	f->state = state;
	f->effect = effect;
	f->remedy = remedy;
}

#define OK(f, ...) say(f, DOCTOR_OK, NULL, NULL, __VA_ARGS__)

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

/* CPUs or nodes in a list as "0-3,8". */
static unsigned count_list(const char *path)
{
	char text[1024], *at = text;
	unsigned n = 0;

	if (!system_line(path, text, sizeof(text)))
		return 0;
	while (*at >= '0' && *at <= '9') {
		unsigned long first = strtoul(at, &at, 10), last = first;

		if (*at == '-')
			last = strtoul(at + 1, &at, 10);
		n += (unsigned)(last - first + 1);
		at += *at == ',';
	}
	return n;
}

/* ---- the processor ---- */

static void look_governor(struct doctor_finding *f)
{
	char other[64];
	unsigned others, n = look_at_all(CPU "cpufreq/policy*/scaling_governor", "performance",
					 other, sizeof(other), &others);

	if (!n)
		say(f, DOCTOR_UNKNOWN,
		    "how fast the clock runs, and whether it changes, cannot be told", SET_ON_HOST,
		    "no cpufreq here");
	else if (others)
		say(f, DOCTOR_SPOILS,
		    "the clock's rate follows the load: the first samples run slower than the last",
		    "cpupower frequency-set -g performance", "%s in %u of %u policies", other,
		    others, n);
	else
		OK(f, "performance in all %u policies", n);
}

static void look_turbo(struct doctor_finding *f)
{
	uint64_t value;
	bool on;

	if (system_number(CPU "intel_pstate/no_turbo", &value)) {
		on = !value;
	} else if (system_number(CPU "cpufreq/boost", &value)) {
		on = value;
	} else {
		say(f, DOCTOR_UNKNOWN,
		    "whether the clock is boosted while it is cool cannot be told", SET_ON_HOST,
		    "no switch for it here");
		return;
	}
	if (on)
		say(f, DOCTOR_SPOILS,
		    "the clock is raised while the processor is cool: a long run slows down",
		    "echo 1 >" CPU "intel_pstate/no_turbo, or echo 0 >" CPU "cpufreq/boost", "on");
	else
		OK(f, "off");
}

static void look_smt(struct doctor_finding *f)
{
	uint64_t active;

	if (!system_number(CPU "smt/active", &active))
		say(f, DOCTOR_UNKNOWN, "whether two CPUs share a core cannot be told",
		    "see lscpu, line 'Thread(s) per core'", "not said");
	else if (active)
		say(f, DOCTOR_COLOURS,
		    "two CPUs share a core, its caches and TLB: what runs on the other one counts",
		    "leave the machine alone meanwhile, or echo off >" CPU "smt/control", "on");
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

static void look_load(struct doctor_finding *f)
{
	unsigned cpus = count_list(CPU "online");
	char load[16];
	double others = others_running(load, sizeof(load));

	if (!cpus || others < 0)
		say(f, DOCTOR_UNKNOWN, "whether others use the machine cannot be told", "see top",
		    "not said");
	else if (others > BUSY_PER_CPU * cpus)
		say(f, DOCTOR_SPOILS, "others take the caches and the time that are measured",
		    "end what is running", "%.1f others run on %u CPUs, load average %s", others,
		    cpus, load);
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

static void look_hypervisor(struct doctor_finding *f)
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
			say(f, DOCTOR_UNKNOWN, "whether this is a virtual machine cannot be told",
			    "see systemd-detect-virt", "not said");
		return;
	}
	if (system_is_copy() || !environment_hypervisor(signature))
		strcpy(signature, "present");
	if (steal > STEAL_PCT)
		say(f, DOCTOR_SPOILS, "its host gave that share of the time to others",
		    "measure on the machine itself, or on a host with CPUs reserved for this one",
		    "%s; %.1f %% of the time since boot was stolen", signature, steal);
	else
		say(f, DOCTOR_COLOURS,
		    "a TLB miss walks two page tables, and a first touch may fault in the host too",
		    "measure on the machine itself where that matters", "%s", signature);
}

/* ---- memory ---- */

static void look_balloon(struct doctor_finding *f)
{
	if (backing_is_taken_back())
		say(f, DOCTOR_COLOURS,
		    "whoever touches a huge page next may wait for a fault in the host, which "
		    "costs "
		    "many times what the page does",
		    "none for samples: a run touches that memory before each, but with --cold; for "
		    "other programs a guest without free page reporting",
		    "the hypervisor takes back free blocks of huge pages' size");
	else
		OK(f, "free memory stays this machine's");
}

static void look_memory(struct doctor_finding *f)
{
	uint64_t available = system_meminfo_bytes("MemAvailable");
	uint64_t total = system_meminfo_bytes("MemTotal");

	if (!total)
		say(f, DOCTOR_UNKNOWN, "what fits cannot be told", "mount /proc", "not said");
	else if (available < LITTLE_MEMORY)
		say(f, DOCTOR_COLOURS, "cells that do not fit are unsupported; reclaim disturbs",
		    "end what holds the memory, or give smaller blocks (--size)",
		    "%lu of %lu MiB available", MiB(available), MiB(total));
	else
		OK(f, "%lu of %lu MiB available", MiB(available), MiB(total));
}

static void look_thp(struct doctor_finding *f)
{
	char enabled[32], defrag[32] = "not said", at[SYSTEM_PATH_CHARS], text[64];
	unsigned always = 0;
	glob_t sizes;

	if (!system_choice(THP "enabled", enabled, sizeof(enabled))) {
		OK(f, "none in this kernel");
		return;
	}
	system_choice(THP "defrag", defrag, sizeof(defrag));
	if (!glob(system_path(THP "hugepages-*/enabled", at), 0, NULL, &sizes)) {
		for (size_t i = 0; i < sizes.gl_pathc; i++) {
			const char *path = sizes.gl_pathv[i] + strlen(system_path("", at));

			always +=
				system_choice(path, text, sizeof(text)) && !strcmp(text, "always");
		}
		globfree(&sizes);
	}
	if (!strcmp(enabled, "always") || always)
		say(f, DOCTOR_COLOURS,
		    "plain mappings get huge pages: mmap is measured as mmap/thp or mmap/mthp is",
		    "echo madvise >" THP "enabled, never into those of the sizes",
		    "%s, %u sizes always, defrag %s", enabled, always, defrag);
	else if (!strcmp(enabled, "never"))
		say(f, DOCTOR_COLOURS, "no huge pages: mmap/thp is unsupported",
		    "echo madvise >" THP "enabled", "never");
	else if (!strcmp(defrag, "always"))
		say(f, DOCTOR_COLOURS, "a fault may wait for memory to be compacted",
		    "echo madvise >" THP "defrag", "%s, defrag always", enabled);
	else
		OK(f, "%s, defrag %s", enabled, defrag);
}

static void look_khugepaged(struct doctor_finding *f)
{
	char enabled[32];
	uint64_t sleep_ms;

	if (!system_choice(THP "enabled", enabled, sizeof(enabled)) || !strcmp(enabled, "never"))
		OK(f, "does not run");
	else if (!system_number(THP "khugepaged/scan_sleep_millisecs", &sleep_ms))
		say(f, DOCTOR_UNKNOWN, "how often it looks for pages to join cannot be told",
		    "echo never >" THP "enabled stops it", "not said");
	else if (sleep_ms < SELDOM_MS)
		say(f, DOCTOR_COLOURS, "it joins small pages into huge ones while samples run",
		    "echo 4000000 >" THP "khugepaged/scan_sleep_millisecs", "looks every %lu s",
		    sleep_ms / 1000);
	else
		OK(f, "looks every %lu s", sleep_ms / 1000);
}

static void look_numa_balancing(struct doctor_finding *f)
{
	unsigned nodes = count_list("/sys/devices/system/node/online");
	uint64_t on;

	if (!system_number("/proc/sys/kernel/numa_balancing", &on) || !on)
		OK(f, "off");
	else if (nodes > 1)
		say(f, DOCTOR_SPOILS,
		    "it unmaps pages to see who uses them: page faults that no subject made",
		    "sysctl kernel.numa_balancing=0", "on, %u nodes", nodes);
	else
		OK(f, "on, but there is one node");
}

static void look_ksm(struct doctor_finding *f)
{
	uint64_t run;

	if (!system_number(KSM, &run) || run != 1)
		OK(f, "off");
	else
		say(f, DOCTOR_COLOURS, "it looks for equal pages, and fills are equal pages",
		    "echo 0 >" KSM, "on");
}

static void look_compaction(struct doctor_finding *f)
{
	uint64_t value;

	if (!system_number("/proc/sys/vm/compaction_proactiveness", &value) || !value)
		OK(f, "only on demand");
	else
		say(f, DOCTOR_COLOURS,
		    "pages are moved in the background, and faults wait for them",
		    "sysctl vm.compaction_proactiveness=0", "proactive (%lu)", value);
}

static void look_swap(struct doctor_finding *f)
{
	uint64_t total = system_meminfo_bytes("SwapTotal"), swappiness = 60;
	uint64_t used = total - system_meminfo_bytes("SwapFree");

	system_number("/proc/sys/vm/swappiness", &swappiness);
	if (!total)
		OK(f, "none");
	else if (!swappiness)
		OK(f, "%lu MiB, swappiness 0", MiB(total));
	else
		say(f, DOCTOR_COLOURS, "pages that a sample needs may be on the disk",
		    "swapoff -a, or sysctl vm.swappiness=0", "%lu MiB, %lu used, swappiness %lu",
		    MiB(total), MiB(used), swappiness);
}

static void look_overcommit(struct doctor_finding *f)
{
	uint64_t mode;

	if (!system_number("/proc/sys/vm/overcommit_memory", &mode))
		say(f, DOCTOR_UNKNOWN, "what may be reserved cannot be told", "mount /proc",
		    "not said");
	else if (mode == 2)
		say(f, DOCTOR_COLOURS,
		    "what is reserved is charged, NORESERVE or not: large lazy cells are refused",
		    "sysctl vm.overcommit_memory=0", "mode 2, never");
	else if (mode == 1)
		say(f, DOCTOR_COLOURS, "nothing is refused: who asks for too much is killed later",
		    "sysctl vm.overcommit_memory=0", "mode 1, always");
	else
		OK(f, "mode 0, heuristic");
}

/* ---- the kernel ---- */

static void look_aslr(struct doctor_finding *f)
{
	uint64_t value;

	if (!system_number("/proc/sys/kernel/randomize_va_space", &value))
		say(f, DOCTOR_UNKNOWN, "whether addresses are random cannot be told", "mount /proc",
		    "not said");
	else if (value)
		OK(f, "on (%lu): repetitions average over layouts", value);
	else
		say(f, DOCTOR_COLOURS,
		    "each sample has the same addresses: one lucky layout is measured again and "
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

static void look_init_on_alloc(struct doctor_finding *f)
{
	int on_alloc = init_on("init_on_alloc", "CONFIG_INIT_ON_ALLOC_DEFAULT_ON");
	int on_free = init_on("init_on_free", "CONFIG_INIT_ON_FREE_DEFAULT_ON");

	if (on_alloc < 0 && on_free < 0)
		say(f, DOCTOR_UNKNOWN,
		    "whether the kernel clears all that it allocates cannot be told",
		    "dmesg has a line 'mem auto-init'; the package of the kernel has its config",
		    "no kernel configuration here");
	else if (on_free > 0)
		say(f, DOCTOR_COLOURS, "each page is cleared once more when it is freed",
		    "boot with init_on_free=0", "init_on_free=1");
	else if (on_alloc > 0)
		say(f, DOCTOR_COLOURS,
		    "the kernel clears what drivers allocate: kmalloc costs what kzalloc does",
		    "boot with init_on_alloc=0", "on");
	else
		OK(f, "off");
}

static void look_debug(struct doctor_finding *f)
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
			say(f, DOCTOR_SPOILS, "each page fault pays for checks of a debug kernel",
			    "boot a kernel that is no debug kernel", "%s", options[i]);
			return;
		}
	if (config)
		OK(f, "no debug kernel");
	else
		say(f, DOCTOR_UNKNOWN, "whether this is a debug kernel cannot be told",
		    "the package of the kernel has its config", "no kernel configuration here");
}

/* ---- what this process may do ---- */

static void look_cgroup(struct doctor_finding *f)
{
	uint64_t v1 = cgroup_memory_limit_bytes(1), v2 = cgroup_memory_limit_bytes(2);
	uint64_t limit = v1 < v2 ? v1 : v2, total = system_meminfo_bytes("MemTotal");
	double cpus = cgroup_cpu_limit();

	if (cpus > 0)
		say(f, DOCTOR_SPOILS,
		    "who has used up the quota stands still until the next period begins",
		    "start the container or service without a quota of CPU time",
		    "a quota of %.2f CPUs", cpus);
	else if (limit < total)
		say(f, DOCTOR_COLOURS,
		    "cells that do not fit are unsupported, and reclaim begins at the limit",
		    "start the container or service without a limit of memory",
		    "%lu MiB of memory (version %d)", MiB(limit), v1 < v2 ? 1 : 2);
	else
		OK(f, "no limit");
}

static void look_perf(struct doctor_finding *f)
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
		say(f, DOCTOR_COLOURS,
		    user >= 0 ? "faults that the kernel takes on a program's behalf are not counted"
			      : "faults come from getrusage, which counts populated pages too",
		    "sysctl kernel.perf_event_paranoid=1, or the capability CAP_PERFMON",
		    "%s (level %s)", user >= 0 ? "user mode only" : "refused", paranoid);
}

#define CHECK(what, ...)                                        \
	{                                                       \
		.name = #what, .look = look_##what, __VA_ARGS__ \
	}
#define SETTINGS(...) .settings = {__VA_ARGS__}

static const struct doctor_check checks[] = {
	CHECK(governor, SETTINGS({CPU "cpufreq/policy*/scaling_governor", "performance"})),
	CHECK(turbo, SETTINGS({CPU "intel_pstate/no_turbo", "1"}, {CPU "cpufreq/boost", "0"})),
	CHECK(smt, .left = "CPUs that go and come back are lost to who was bound to them"),
	CHECK(load, .left = "what runs here is yours to end"),
	CHECK(hypervisor, .left = "a machine cannot leave its host"),
	CHECK(balloon, .left = "it is the host that decides on its memory"),
	CHECK(memory, .left = "what runs here is yours to end"),
	CHECK(thp, .left = "it is a part of the result"),
	CHECK(khugepaged, SETTINGS({THP "khugepaged/scan_sleep_millisecs", "4000000"},
				   {THP "khugepaged/alloc_sleep_millisecs", "4000000"})),
	CHECK(numa_balancing, SETTINGS({"/proc/sys/kernel/numa_balancing", "0"})),
	CHECK(ksm, SETTINGS({KSM, "0"})),
	CHECK(compaction, SETTINGS({"/proc/sys/vm/compaction_proactiveness", "0"})),
	CHECK(swap, SETTINGS({"/proc/sys/vm/swappiness", "0"})),
	CHECK(overcommit, .left = "other programs might fail under another mode"),
	CHECK(aslr, .left = "it is a part of the result"),
	CHECK(init_on_alloc, .left = "it is chosen at boot"),
	CHECK(debug, .left = "it is chosen when a kernel is built"),
	CHECK(cgroup, .left = "who set the limit has a reason"),
	CHECK(perf, .left = "it is a question of what users may see"),
};

const struct doctor_check *doctor_check(unsigned i)
{
	return i < sizeof(checks) / sizeof(checks[0]) ? &checks[i] : NULL;
}

void doctor_look(const struct doctor_check *check, struct doctor_finding *finding)
{
	*finding = (struct doctor_finding){.state = DOCTOR_UNKNOWN};
	check->look(finding);
}

json_t *doctor_json(void)
{
	json_t *object = json_object();
	const struct doctor_check *check;

	for (unsigned i = 0; (check = doctor_check(i)); i++) {
		struct doctor_finding f;

		doctor_look(check, &f);
		if (f.state != DOCTOR_OK)
			json_object_set_new(object, check->name,
					    json_pack("{s:s, s:s, s:s?, s:s?}", "state",
						      doctor_state_name(f.state), "found", f.found,
						      "effect", f.effect, "remedy", f.remedy));
	}
	return object;
}
