/* SPDX-License-Identifier: MIT */
/* The phases of a sample. A phase that a workload does not mark is absent from its record. */
#ifndef TA_PHASE_H
#define TA_PHASE_H

enum phase { PHASE_ALLOC, PHASE_TOUCH, PHASE_REUSE, PHASE_FREE, PHASE_COUNT };

static inline const char *phase_name(enum phase phase)
{
	static const char *const names[PHASE_COUNT] = {"alloc", "touch", "reuse", "free"};

	return names[phase];
}

#endif
