// SPDX-License-Identifier: MIT
/* The machine of report.html: what decides the figures in a short list, everything behind
 * <details>; and the commands that make the run again. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report_html.h"

/* The value at a dotted path, as text; "unknown" where run.json does not say it. */
static void value_at(const json_t *from, const char *path, char *out, size_t bytes)
{
	char key[64];
	int n;

	for (; from && *path; path += n + (path[n] == '.')) {
		n = (int)strcspn(path, ".");
		snprintf(key, sizeof(key), "%.*s", n, path);
		from = json_object_get(from, key);
	}
	if (json_is_string(from)) {
		snprintf(out, bytes, "%s", json_string_value(from));
	} else if (json_is_number(from)) {
		snprintf(out, bytes, "%.15g", json_number_value(from));
	} else if (json_is_boolean(from)) {
		snprintf(out, bytes, "%s", json_is_true(from) ? "yes" : "no");
	} else {
		snprintf(out, bytes, "unknown");
	}
}

static void write_item(FILE *out, const char *name, const char *text)
{
	fputs("<div><dt>", out);
	html_text(out, name);
	fputs("</dt><dd>", out);
	html_text(out, text);
	fputs("</dd></div>\n", out);
}

static void write_essentials(FILE *out, const struct report *report)
{
	static const char *const items[][2] = {
		{"System", "os"},
		{"Kernel", "kernel.release"},
		{"Processor", "cpu.model"},
		{"Processors online", "cpu.online"},
		{"Hypervisor", "hypervisor"},
		{"Hypervisor takes back free memory", "free_page_reporting"},
		{"Memory touched before each sample", "memory_warmed"},
		{"NUMA nodes", "numa_nodes"},
		{"Huge pages (THP)", "thp.enabled"},
		{"THP defrag", "thp.defrag"},
		{"Overcommit mode", "overcommit.mode"},
		{"Swappiness", "swappiness"},
		{"ASLR", "aslr"},
		{"Governor", "governor"},
		{"Page, bytes", "page_bytes"},
		{"C library", "libc"},
		{"Compiler", "compiler"},
		{"Revision of the suite", "git.revision"},
		{"Changed since that revision", "git.dirty"},
	};
	const json_t *memory = json_object_get(report->environment, "memory");
	const json_t *total = json_object_get(memory, "total_bytes");
	const json_t *swap = json_object_get(memory, "swap_bytes");
	char text[256], bytes[NUMBER_CHARS];

	fputs("<dl class=\"essentials\">\n", out);
	for (size_t i = 0; i < sizeof(items) / sizeof(*items); i++) {
		value_at(report->environment, items[i][1], text, sizeof(text));
		write_item(out, items[i][0], text);
	}
	write_item(out, "Memory", text_bytes(total ? json_number_value(total) : NAN, bytes));
	write_item(out, "Swap", text_bytes(swap ? json_number_value(swap) : NAN, bytes));
	value_at(report->run, "vm.environment.kernel.release", text, sizeof(text));
	if (strcmp(text, "unknown"))
		write_item(out, "Kernel of the emulated machine", text);
	fputs("</dl>\n", out);
}

static void environment_rows(FILE *out, const char *prefix, const json_t *value)
{
	char path[256];
	const char *key;
	json_t *child;
	size_t i;

	if (json_is_object(value)) {
		json_object_foreach((json_t *)value, key, child)
		{
			snprintf(path, sizeof(path), "%s%s%s", prefix, *prefix ? "." : "", key);
			environment_rows(out, path, child);
		}
		return;
	}
	if (json_is_array(value)) {
		json_array_foreach(value, i, child)
		{
			snprintf(path, sizeof(path), "%s[%zu]", prefix, i);
			environment_rows(out, path, child);
		}
		return;
	}
	char *text = json_dumps(value, JSON_ENCODE_ANY);

	fputs("<tr><th scope=\"row\">", out);
	html_text(out, prefix);
	fputs("</th><td class=\"words\">", out);
	html_text(out, json_is_string(value) ? json_string_value(value)
		       : json_is_null(value) ? "unknown"
		       : text		     ? text
					     : "");
	fputs("</td></tr>\n", out);
	free(text);
}

void html_environment(FILE *out, const struct report *report)
{
	static const char *const columns[] = {"Setting", "Value", NULL};

	write_essentials(out, report);
	html_details_begin(out, DETAILS_SCREEN, "All settings (run.json)");
	html_table_begin(out, "run.json", columns);
	environment_rows(out, "", report->run);
	html_table_end(out);
	html_details_end(out);
}

/* The arguments of this run's own "tabench run". */
static void write_run_command(FILE *out, const struct report *report)
{
	const json_t *arguments = json_object_get(report->run, "command"), *argument;
	size_t i;

	fputs("<li>this run: <code>build/tabench", out);
	if (!json_array_size(arguments))
		fputs(" run", out);
	json_array_foreach(arguments, i, argument)
	{
		fputc(' ', out);
		html_text(out, json_string_value(argument));
	}
	fputs("</code>, as <code>make bench</code> calls it</li>\n", out);
}

void html_how_to_repeat(FILE *out, const struct report *report)
{
	fputs("<h3>Commands</h3>\n<p>Each section names the command that prints its figures; RUN "
	      "there is this report's directory (results/...).</p>\n<ul>\n",
	      out);
	write_run_command(out, report);
	fputs("<li>this report and its CSV and JSON files again, from the samples: "
	      "<code>make report RUN=...</code></li>\n"
	      "<li>its charts alone: <code>make plots RUN=...</code></li>\n"
	      "<li>against a run of your own: <code>make compare BASE=... NEW=...</code></li>\n"
	      "</ul>\n",
	      out);
}
