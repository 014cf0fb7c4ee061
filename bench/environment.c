// SPDX-License-Identifier: MIT
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "backing.h"
#include "cgroup.h"
#include "doctor.h"
#include "environment.h"
#include "system_files.h"

#define TOUCH_ROUNDS 5
#define TOUCH_BYTES  ((size_t)16 << 20) /* for measure_touch_s() */

#define THP	     "/sys/kernel/mm/transparent_hugepage/"

static json_t *text_or_null(const char *text)
{
	json_t *value = text && *text ? json_string(text) : NULL;

	return value ? value : json_null();
}

static json_t *line_of(const char *path)
{
	char text[4096];

	return text_or_null(system_line(path, text, sizeof(text)));
}

static json_t *number_of(const char *path)
{
	char text[64];
	const char *line = system_line(path, text, sizeof(text));

	return line && *line ? json_integer(strtoll(line, NULL, 10)) : json_null();
}

/* "always [madvise] never" -> "madvise" */
static json_t *chosen_of(const char *path)
{
	char text[64];

	return text_or_null(system_choice(path, text, sizeof(text)));
}

static uint64_t huge_page_bytes(void)
{
	uint64_t bytes = 0;
	json_t *enabled = chosen_of(THP "enabled");
	const char *choice = json_string_value(enabled);

	if (choice && strcmp(choice, "never"))
		system_number(THP "hpage_pmd_size", &bytes);
	json_decref(enabled);
	return bytes;
}

/* In processor time, the fastest of a few rounds: what the machine does where nothing disturbs it.
 */
static double measure_touch_s(void)
{
	size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	double best = 0;

	for (int round = 0; round < TOUCH_ROUNDS; round++) {
		struct timespec begin, end;
		unsigned char *area;
		double elapsed;

		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
		area = mmap(NULL, TOUCH_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
		if (area == MAP_FAILED)
			return 0;
		madvise(area, TOUCH_BYTES, MADV_NOHUGEPAGE); /* fails where there are none */
		for (size_t i = 0; i < TOUCH_BYTES; i += page_bytes)
			((volatile unsigned char *)area)[i] = 1;
		munmap(area, TOUCH_BYTES);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
		elapsed = (double)(end.tv_sec - begin.tv_sec) +
			  (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
		if (!round || elapsed < best)
			best = elapsed;
	}
	return best / ((double)TOUCH_BYTES / (double)page_bytes);
}

void environment_for_plan(struct plan_options *options)
{
	uint64_t available = system_meminfo_bytes("MemAvailable"),
		 room = cgroup_memory_room_bytes();
	json_t *enabled = chosen_of(THP "enabled");

	options->memory_available_bytes = room < available ? room : available;
	options->huge_page_bytes = huge_page_bytes();
	options->thp_always =
		json_string_value(enabled) && !strcmp(json_string_value(enabled), "always");
	json_decref(enabled);
	options->touch_s = measure_touch_s();
}

/* ---- the record ---- */

int path_beside_program(const char *file, char *out, size_t out_bytes)
{
	char path[4096];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (length < 0)
		return -errno;
	path[length] = 0;
	*strrchr(path, '/') = 0;
	return snprintf(out, out_bytes, "%s/%s", path, file) < (int)out_bytes ? 0 : -ENAMETOOLONG;
}

/* The first line that a program prints; NULL if it fails or prints nothing. */
static const char *output_of(const char *const argv[], char *out, size_t out_bytes)
{
	int fds[2], status;
	size_t used = 0;
	ssize_t got;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return NULL;
	pid = fork();
	if (pid == 0) {
		int null_fd = open("/dev/null", O_RDWR);

		dup2(null_fd, STDIN_FILENO);
		dup2(null_fd, STDERR_FILENO);
		dup2(fds[1], STDOUT_FILENO);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	close(fds[1]);
	while (pid > 0 && used + 1 < out_bytes &&
	       (got = read(fds[0], out + used, out_bytes - 1 - used)) > 0)
		used += (size_t)got;
	close(fds[0]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status))
		return NULL;
	out[used] = 0;
	out[strcspn(out, "\n")] = 0;
	return *out ? out : NULL;
}

/* Of the C library, and of the packages and files of what is preloaded. */
static json_t *allocator_versions_json(void)
{
	json_t *versions = json_pack("{s:s}", "glibc", gnu_get_libc_version());
	char version[128], file[4096];

	for (const struct allocator *a = allocator_first(); a; a = a->next) {
		const char *package = a->package;

		if (a->preload && realpath(a->preload, file))
			package = package ? package : "";
		else if (a->worker)
			snprintf(file, sizeof(file), "%s", a->worker);
		else
			continue;
		if (!*package ||
		    !output_of((const char *const[]){"dpkg-query", "-W",
						     "-f=${Package} ${Version}\n", package, NULL},
			       version, sizeof(version)))
			strcpy(version, "unknown");
		json_object_set_new(versions, a->name, json_sprintf("%s (%s)", version, file));
	}
	return versions;
}

static json_t *git_json(void)
{
	char here[4096], revision[128], change[4096];
	const char *dirty;

	if (path_beside_program("", here, sizeof(here)) ||
	    !output_of((const char *const[]){"git", "-C", here, "rev-parse", "HEAD", NULL},
		       revision, sizeof(revision)))
		return json_null();
	dirty = output_of((const char *const[]){"git", "-C", here, "status", "--porcelain",
						"--untracked-files=no", NULL},
			  change, sizeof(change));
	return json_pack("{s:s, s:b}", "revision", revision, "dirty", dirty != NULL);
}

static json_t *cpu_json(void)
{
	char model[256], vendor[128];

	return json_pack(
		"{s:o, s:o, s:I, s:I}", "model",
		text_or_null(system_field("/proc/cpuinfo", "model name", model, sizeof(model))),
		"vendor",
		text_or_null(system_field("/proc/cpuinfo", "vendor_id", vendor, sizeof(vendor))),
		"online", (json_int_t)sysconf(_SC_NPROCESSORS_ONLN), "configured",
		(json_int_t)sysconf(_SC_NPROCESSORS_CONF));
}

static json_t *caches_json(void)
{
	json_t *caches = json_array();

	for (int i = 0; i < 8; i++) {
		char base[96], path[128], size[32];

		snprintf(base, sizeof(base), "/sys/devices/system/cpu/cpu0/cache/index%d", i);
		snprintf(path, sizeof(path), "%s/size", base);
		if (!system_line(path, size, sizeof(size)))
			break;
		snprintf(path, sizeof(path), "%s/level", base);
		json_t *level = number_of(path);

		snprintf(path, sizeof(path), "%s/type", base);
		json_array_append_new(caches,
				      json_pack("{s:o, s:o, s:I}", "level", level, "type",
						line_of(path), "bytes",
						strtoll(size, NULL, 10) *
							(strchr(size, 'M') ? 1 << 20 : 1 << 10)));
	}
	return caches;
}

static json_t *kernel_json(void)
{
	struct utsname name;

	uname(&name);
	return json_pack("{s:s, s:s, s:s, s:o}", "release", name.release, "version", name.version,
			 "machine", name.machine, "command_line", line_of("/proc/cmdline"));
}

static json_t *memory_json(void)
{
	uint64_t room = cgroup_memory_room_bytes();

	return json_pack("{s:I, s:I, s:I, s:o}", "total_bytes", system_meminfo_bytes("MemTotal"),
			 "available_bytes", system_meminfo_bytes("MemAvailable"), "swap_bytes",
			 system_meminfo_bytes("SwapTotal"), "cgroup_room_bytes",
			 room < (1ull << 60) ? json_integer((json_int_t)room) : json_null());
}

/* Directories in path whose names begin with prefix. */
static json_t *numa_nodes_json(void)
{
	DIR *directory = opendir("/sys/devices/system/node");
	struct dirent *entry;
	json_int_t nodes = 0;

	if (!directory)
		return json_null();
	while ((entry = readdir(directory)))
		nodes += !strncmp(entry->d_name, "node", 4) &&
			 isdigit((unsigned char)entry->d_name[4]);
	closedir(directory);
	return json_integer(nodes);
}

static json_t *thp_json(void)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "enabled", chosen_of(THP "enabled"), "defrag",
			 chosen_of(THP "defrag"), "shmem_enabled", chosen_of(THP "shmem_enabled"),
			 "use_zero_page", number_of(THP "use_zero_page"), "huge_page_bytes",
			 number_of(THP "hpage_pmd_size"));
}

/* {"64kB": "never", ...} */
static json_t *mthp_json(void)
{
	json_t *sizes = json_object();
	DIR *directory = opendir(THP);
	struct dirent *entry;

	while (directory && (entry = readdir(directory))) {
		char path[512];

		if (strncmp(entry->d_name, "hugepages-", 10))
			continue;
		snprintf(path, sizeof(path), THP "%s/enabled", entry->d_name);
		json_object_set_new(sizes, entry->d_name + 10, chosen_of(path));
	}
	if (directory)
		closedir(directory);
	return sizes;
}

bool environment_hypervisor(char signature[13])
{
#if defined(__x86_64__)
	unsigned eax, ebx, ecx, edx;

	if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & (1u << 31)))
		return false;
	__cpuid(0x40000000, eax, ebx, ecx, edx);
	memcpy(signature, &ebx, 4);
	memcpy(signature + 4, &ecx, 4);
	memcpy(signature + 8, &edx, 4);
	signature[12] = 0;
	for (char *c = signature; *c; c++)
		if (!isprint((unsigned char)*c))
			*c = '?';
	return true;
#else
	(void)signature;
	return false;
#endif
}

static json_t *load_json(void)
{
	double load[3];
	int n = getloadavg(load, 3);

	return n == 3 ? json_pack("[f, f, f]", load[0], load[1], load[2]) : json_null();
}

json_t *environment_json(void)
{
	char signature[13], os[128], libc[64], compiler[128];
	bool is_virtual = environment_hypervisor(signature);
	bool emulated = is_virtual && !strncmp(signature, "TCGTCG", 6);
	json_t *environment = json_object();

	snprintf(libc, sizeof(libc), "glibc %s", gnu_get_libc_version());
#ifdef __clang__
	snprintf(compiler, sizeof(compiler), "%s", __VERSION__);
#else
	snprintf(compiler, sizeof(compiler), "gcc %s", __VERSION__);
#endif
#define SET(name, value) json_object_set_new(environment, name, value)
	SET("os", text_or_null(system_field("/etc/os-release", "PRETTY_NAME", os, sizeof(os))));
	SET("cpu", cpu_json());
	SET("caches", caches_json());
	SET("kernel", kernel_json());
	SET("memory", memory_json());
	SET("numa_nodes", numa_nodes_json());
	SET("thp", thp_json());
	SET("mthp", mthp_json());
	SET("overcommit",
	    json_pack("{s:o, s:o}", "mode", number_of("/proc/sys/vm/overcommit_memory"),
		      "ratio_pct", number_of("/proc/sys/vm/overcommit_ratio")));
	SET("swappiness", number_of("/proc/sys/vm/swappiness"));
	SET("aslr", number_of("/proc/sys/kernel/randomize_va_space"));
	SET("perf_event_paranoid", number_of("/proc/sys/kernel/perf_event_paranoid"));
	SET("governor", line_of("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"));
	SET("hypervisor", is_virtual ? json_string(signature) : json_null());
	SET("free_page_reporting", json_boolean(backing_is_taken_back()));
	SET("emulated", json_boolean(emulated));
	/* Where instructions are counted there is nothing that spoils them. */
	SET("doctor", emulated ? json_null() : doctor_json());
	SET("load", load_json());
	SET("page_bytes", json_integer(sysconf(_SC_PAGESIZE)));
	SET("root", json_boolean(geteuid() == 0));
	SET("libc", json_string(libc));
	SET("compiler", json_string(compiler));
	SET("allocator_versions", allocator_versions_json());
	SET("kernel_source", json_null());
	SET("git", git_json());
#undef SET
	return environment;
}
