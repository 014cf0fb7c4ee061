/* SPDX-License-Identifier: MIT */
/* What makes large blocks. Chosen once, at first use. */
#ifndef TA_BACKEND_H
#define TA_BACKEND_H

#include <stdbool.h>

enum ta__backend {
	TA__PLAIN = 1, /* anonymous mappings; for bytes other than 0 private views of a memfd */
	TA__SYSCALL,   /* the kernel's tamalloc */
};

enum ta__backend ta__backend(void);
const char *ta__backend_name(enum ta__backend backend);

/* Before first use: this one, whatever the environment says. false: the kernel has it not. */
bool ta__backend_force(enum ta__backend backend);

#endif
