/* SPDX-License-Identifier: MIT */
/* The one rule that turns a name into a file name or an anchor. */
#ifndef TA_SLUG_H
#define TA_SLUG_H

#include <stddef.h>

/*
 * Writes the slug of name ("glibc/malloc+memset" -> "glibc-malloc-memset") into out: letters become
 * lower case, every character outside [a-z0-9.-] a '-', runs of '-' collapse. Truncates at
 * out_bytes. Returns out.
 */
char *slug(const char *name, char *out, size_t out_bytes);

#endif
