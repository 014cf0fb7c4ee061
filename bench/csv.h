/* SPDX-License-Identifier: MIT */
/* Fields of CSV files (RFC 4180), written and read; line breaks inside a field become spaces. */
#ifndef TA_CSV_H
#define TA_CSV_H

#include <stdbool.h>
#include <stdio.h>

/* Writes one field; first = no comma before it. NULL and NaN become empty fields. */
void csv_string(FILE *out, const char *value, bool first);
void csv_number(FILE *out, double value, bool first);

/*
 * The next field of a line, unquoted in place. *at points to it and moves past it, to NULL after
 * the last one; the line's end may be '\n' or the end of the string.
 */
char *csv_field(char **at);

#endif
