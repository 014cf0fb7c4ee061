/* SPDX-License-Identifier: MIT */
/*
 * Whether the machine's free memory has pages of the hypervisor's behind it.
 *
 * A guest with free page reporting (virtio balloon) hands free blocks of 2 MiB and above back
 * within seconds. Who touches such a block next waits for a fault in the host, far longer than
 * a huge page takes otherwise, and chance decides which sample meets it. Smaller free blocks
 * are kept, so that it falls on huge pages most. A run therefore touches the memory that a sample
 * will commit right before the sample starts, and frees it: all samples begin alike.
 */
#ifndef TA_BACKING_H
#define TA_BACKING_H

#include <stdbool.h>
#include <stdint.h>

/* Does a hypervisor take back free memory? Looks below system_root(); false where it is not said.
 */
bool backing_is_taken_back(void);

/* What to touch for a sample that commits committed_bytes: more, since the kernel may not hand out
 * the same blocks again. */
uint64_t backing_bytes(uint64_t committed_bytes);

/*
 * Touches that many bytes of private anonymous memory, in huge pages where there are any, and frees
 * them; no more than half of what is available, and nothing if it cannot be mapped: this prepares,
 * it measures nothing. Thread-safe.
 */
void backing_warm(uint64_t bytes);

#endif
