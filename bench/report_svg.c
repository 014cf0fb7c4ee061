// SPDX-License-Identifier: MIT
/* Several SVG files in one document: ids prefixed, sizes left to the style sheet, no script. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report_html.h"
#include "report_model.h"

static char *read_file(const char *path)
{
	FILE *in = fopen(path, "re");
	char *text = NULL;
	size_t capacity = 0;

	if (!in)
		return NULL;
	if (getdelim(&text, &capacity, '\0', in) < 0) {
		free(text);
		text = NULL;
	}
	fclose(in);
	return text;
}

static bool starts(const char *at, const char *with)
{
	return !strncmp(at, with, strlen(with));
}

/* Past the element that begins at p ("<title>...</title>", "<script .../>"). */
static const char *skip_element(const char *p, const char *name)
{
	const char *open_end = strchr(p, '>'), *close = p;

	if (!open_end)
		return p + strlen(p);
	if (open_end[-1] == '/')
		return open_end + 1;
	while ((close = strstr(close, "</")) != NULL) {
		if (starts(close + 2, name) && strchr(close, '>'))
			return strchr(close, '>') + 1;
		close += 2;
	}
	return p + strlen(p);
}

/* The root's start tag without width and height, with a role and a name. Returns what follows it.
 */
static const char *root_tag(FILE *out, const char *p, const char *label)
{
	const char *end = strchr(p, '>');

	fputs("<svg role=\"img\" aria-label=\"", out);
	html_text(out, label);
	fputc('"', out);
	p += strlen("<svg");
	while (p < end) {
		const char *name, *quote, *close;

		while (p < end && isspace((unsigned char)*p))
			p++;
		name = p;
		p += strcspn(p, "= \t\n>");
		quote = p + 1;
		if (*p != '=' || (*quote != '"' && *quote != '\'') ||
		    !(close = strchr(quote + 1, *quote)))
			break;
		p = close + 1;
		if (!starts(name, "width=") && !starts(name, "height="))
			fprintf(out, " %.*s", (int)(p - name), name);
	}
	fputc('>', out);
	return end + 1;
}

static void copy_prefixed(FILE *out, const char *p, const char *prefix)
{
	static const char *const dropped[] = {"title", "desc", "script"};
	static const char *const references[] = {" id=\"", " id='", "href=\"#", "href='#", "url(#"};

	while (*p) {
		const char *before = p;

		for (size_t i = 0; *p == '<' && i < 3; i++)
			if (starts(p + 1, dropped[i]) &&
			    !isalnum((unsigned char)p[1 + strlen(dropped[i])]))
				p = skip_element(p, dropped[i]);
		for (size_t i = 0; p == before && i < 5; i++) {
			if (!starts(p, references[i]))
				continue;
			fprintf(out, "%s%s", references[i], prefix);
			p += strlen(references[i]);
		}
		if (p == before)
			fputc(*p++, out);
	}
}

int svg_inline(FILE *out, const char *path, const char *prefix, const char *label)
{
	char *text = read_file(path);

	if (!text)
		return errno ? -errno : -EINVAL;
	const char *svg = strstr(text, "<svg"), *end = svg ? strstr(svg, "</svg>") : NULL;

	if (end) {
		copy_prefixed(out, root_tag(out, svg, label), prefix);
	}
	free(text);
	return end ? 0 : -EINVAL;
}
