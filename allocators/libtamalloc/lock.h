/* SPDX-License-Identifier: MIT */
/*
 * The library's locks. They are taken in the order of the enum, and all of them around fork(): the
 * child then finds every structure whole. The thread that forks may use the library meanwhile
 * (from other atfork handlers): its locks and unlocks do nothing then.
 */
#ifndef TA_LOCK_H
#define TA_LOCK_H

#include "size_class.h"

enum ta__lock {
	TA__LOCK_CLASS, /* one for each size class */
	TA__LOCK_SEGMENTS = TA__LOCK_CLASS + TA__N_CLASSES,
	TA__LOCK_CACHES,
	TA__LOCK_TABLE,
	TA__LOCK_PATTERNS,
	TA__LOCK_ACCEL,
	TA__N_LOCKS
};

void ta__lock(unsigned lock);
void ta__unlock(unsigned lock);

#endif
