// SPDX-License-Identifier: MIT
/* Names of processes hold any bytes: what a terminal may be given of them. */
#include <stdio.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "show.h"

/* Marks that turn the direction of writing, and invisible characters, are printable to the C
 * library. */
static bool is_deceptive(wchar_t c)
{
	return c == 0xad || c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

static void escape(unsigned char c, char text[5])
{
	static const char letters[] = "\aa\bb\tt\nn\vv\ff\rr\\\\";
	const char *found = NULL;

	for (const char *at = letters; *at && !found; at += 2)
		if ((unsigned char)at[0] == c)
			found = at;
	if (found)
		snprintf(text, 5, "\\%c", found[1]);
	else
		snprintf(text, 5, "\\x%02x", c);
}

const char *name_text(const char *name, unsigned width, char *out)
{
	size_t left = strlen(name), used = 0;
	unsigned columns = 0;
	mbstate_t state;

	memset(&state, 0, sizeof(state));
	while (left) {
		char text[5];
		wchar_t c;
		size_t n = mbrtowc(&c, name, left, &state), bytes;
		int wide = n == (size_t)-1 || n == (size_t)-2 ? -1 : wcwidth(c);

		if (wide < 0 || c == L'\\' || is_deceptive(c)) {
			memset(&state, 0, sizeof(state));
			escape((unsigned char)*name, text);
			n = 1; /* the bytes that follow, if it was of several, are escaped as well
				*/
			bytes = strlen(text);
			wide = (int)bytes;
		} else {
			bytes = 0;
		}
		if (width && columns + (unsigned)wide > width)
			break;
		memcpy(out + used, bytes ? text : name, bytes ? bytes : n);
		used += bytes ? bytes : n;
		columns += (unsigned)wide;
		name += n;
		left -= n;
	}
	out[used] = 0;
	return out;
}
