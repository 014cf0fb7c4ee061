/* SPDX-License-Identifier: MIT */
/* Reads "Key:   123 kB" files of /proc without memory of its own and without faults after the first
 * time. */
#ifndef TA_PROC_H
#define TA_PROC_H

#include <stdint.h>

/*
 * For each of the n keys (colon included) the sum over all lines of the file that begin with it, in
 * bytes, or PROBE_UNKNOWN if there was none. The file is read from its beginning. 0 or -errno (then
 * all values are PROBE_UNKNOWN). One caller at a time: the buffer is static.
 */
int proc_sum_kib_lines(int fd, const char *const *keys, unsigned n, uint64_t *values);

/* How many lines the file has, or PROBE_UNKNOWN. */
uint64_t proc_count_lines(int fd);

#endif
