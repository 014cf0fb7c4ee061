/* SPDX-License-Identifier: MIT */
/* What the checks of tabench doctor are made of; private to doctor*.c. */
#ifndef TA_DOCTOR_LOOKS_H
#define TA_DOCTOR_LOOKS_H

#include <stdint.h>

#include "doctor.h"

#define CPU	   "/sys/devices/system/cpu/"
#define THP	   "/sys/kernel/mm/transparent_hugepage/"
#define KSM	   "/sys/kernel/mm/ksm/run"
#define MiB(bytes) ((bytes) >> 20)

/* Sets all of a finding; effect and remedy must outlive it. */
void doctor_say(struct doctor_finding *finding, enum doctor_state state, const char *effect,
		const char *remedy, const char *format, ...) __attribute__((format(printf, 5, 6)));
#define OK(f, ...) doctor_say(f, DOCTOR_OK, NULL, NULL, __VA_ARGS__)

/* CPUs or nodes in a list such as "0-3,8"; 0 where path cannot be read. */
unsigned doctor_count_list(const char *path);

/* One for each line of the table in doctor.c. */
void doctor_look_governor(struct doctor_finding *finding);
void doctor_look_turbo(struct doctor_finding *finding);
void doctor_look_smt(struct doctor_finding *finding);
void doctor_look_load(struct doctor_finding *finding);
void doctor_look_hypervisor(struct doctor_finding *finding);
void doctor_look_balloon(struct doctor_finding *finding);
void doctor_look_memory(struct doctor_finding *finding);
void doctor_look_thp(struct doctor_finding *finding);
void doctor_look_khugepaged(struct doctor_finding *finding);
void doctor_look_numa_balancing(struct doctor_finding *finding);
void doctor_look_ksm(struct doctor_finding *finding);
void doctor_look_compaction(struct doctor_finding *finding);
void doctor_look_swap(struct doctor_finding *finding);
void doctor_look_overcommit(struct doctor_finding *finding);
void doctor_look_aslr(struct doctor_finding *finding);
void doctor_look_init_on_alloc(struct doctor_finding *finding);
void doctor_look_debug(struct doctor_finding *finding);
void doctor_look_cgroup(struct doctor_finding *finding);
void doctor_look_perf(struct doctor_finding *finding);

#endif
