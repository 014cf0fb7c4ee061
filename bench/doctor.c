// SPDX-License-Identifier: MIT
#include "doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "doctor_looks.h"
#include "system_files.h"

const char *doctor_state_name(enum doctor_state state)
{
	static const char *const names[] = {"ok", "colours", "spoils", "unknown"};

	return names[state];
}

void doctor_say(struct doctor_finding *f, enum doctor_state state, const char *effect,
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

unsigned doctor_count_list(const char *path)
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

#define CHECK(what, ...)                                               \
	{                                                              \
		.name = #what, .look = doctor_look_##what, __VA_ARGS__ \
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
