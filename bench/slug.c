// SPDX-License-Identifier: MIT
#include "slug.h"

char *slug(const char *name, char *out, size_t out_bytes)
{
	size_t n = 0;

	for (; *name && n + 1 < out_bytes; name++) {
		char c = *name;

		if (c >= 'A' && c <= 'Z')
			c += 'a' - 'A';
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.'))
			c = '-';
		if (c == '-' && n > 0 && out[n - 1] == '-')
			continue;
		out[n++] = c;
	}
	if (out_bytes > 0)
		out[n] = 0;
	return out;
}
