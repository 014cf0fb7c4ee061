// SPDX-License-Identifier: MIT
/* The charts of report.html: the first one beside the verdict, the others by machine; those of many
 * screens behind <details>. */
#include <stdlib.h>
#include <string.h>

#include "report_html.h"

#define TALL 1400 /* px, where the chart is 640 wide */

static void write_figure(FILE *out, const struct report *r, size_t i)
{
	const struct chart *c = &r->charts[i];
	char *path, prefix[24];

	snprintf(prefix, sizeof(prefix), "c%zu-", i);
	if (asprintf(&path, "%s/charts/%s.svg", r->run_dir, c->name) < 0)
		return;
	fputs("<figure>\n", out);
	if (svg_inline(out, path, prefix, c->title))
		fputs("<p>This chart's file is not an SVG image.</p>\n", out);
	fputs("<figcaption><b>", out);
	html_text(out, c->title);
	fputs(".</b> ", out);
	html_text(out, c->caption);
	fputs("</figcaption></figure>\n", out);
	free(path);
}

void html_headline(FILE *out, const struct report *r)
{
	for (size_t i = 0; i < r->n_charts; i++)
		if (r->charts[i].headline)
			write_figure(out, r, i);
}

/* Charts of one machine, the short ones side by side, then the tall ones, closed. */
static void write_group(FILE *out, const struct report *r, bool emulated)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_charts; i++) {
		const struct chart *c = &r->charts[i];

		if (c->emulated != emulated || c->headline || c->height > TALL)
			continue;
		if (!n++)
			fputs("<div class=\"charts\">\n", out);
		write_figure(out, r, i);
	}
	fputs(n ? "</div>\n" : "", out);
	for (size_t i = 0; i < r->n_charts; i++) {
		const struct chart *c = &r->charts[i];

		if (c->emulated != emulated || c->headline || c->height <= TALL)
			continue;
		html_details_begin(out, DETAILS_SCREEN, c->title);
		write_figure(out, r, i);
		html_details_end(out);
	}
}

void html_charts(FILE *out, const struct report *r)
{
	bool any[2] = {false, false};

	fputs("<section id=\"charts\"><h2>Charts</h2>\n", out);
	for (size_t i = 0; i < r->n_charts; i++)
		any[r->charts[i].emulated] |= !r->charts[i].headline;
	if (!r->n_charts)
		fputs("<p>This run's directory holds no charts. <code>tabench report</code> draws "
		      "them where gnuplot is installed (Debian package "
		      "<code>gnuplot-nox</code>).</p>\n",
		      out);
	else
		html_made_by(out, "make plots RUN=RUN");
	if (any[false])
		fputs("<h3>This machine</h3>\n", out);
	write_group(out, r, false);
	if (any[true])
		fputs("<h3>The patched kernel in an emulated machine: instructions, not "
		      "time</h3>\n",
		      out);
	write_group(out, r, true);
	fputs("</section>\n", out);
}
