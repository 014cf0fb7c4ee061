// SPDX-License-Identifier: MIT
#include "csv.h"

#include <math.h>
#include <string.h>

void csv_string(FILE *out, const char *value, bool first)
{
	if (!first)
		fputc(',', out);
	if (!value)
		return;
	bool quote = strpbrk(value, ",\"\r\n") != NULL;

	if (quote)
		fputc('"', out);
	for (; *value; value++) {
		if (*value == '"')
			fputc('"', out);
		fputc(*value == '\n' || *value == '\r' ? ' ' : *value, out);
	}
	if (quote)
		fputc('"', out);
}

void csv_number(FILE *out, double value, bool first)
{
	if (!first)
		fputc(',', out);
	if (isfinite(value))
		fprintf(out, value == floor(value) && fabs(value) < 0x1p53 ? "%.0f" : "%.10g",
			value);
}

char *csv_field(char **at)
{
	char *p = *at, *field = p, *to = p;
	bool quoted = *p == '"';

	for (p += quoted; *p && *p != '\n'; p++) {
		if (quoted && *p == '"') {
			if (p[1] != '"') {
				quoted = false;
				continue;
			}
			p++;
		} else if (!quoted && *p == ',') {
			break;
		}
		*to++ = *p;
	}
	*at = *p == ',' ? p + 1 : NULL;
	*to = '\0';
	return field;
}
