// SPDX-License-Identifier: MIT
/* A comparison as text and as JSON. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "compare.h"

/* ---- What differs around the runs ---- */

/* Left out: what differs from moment to moment, or is too long to tell. */
static bool is_told(const char *key)
{
	static const char *const silent[] = {"load",	     "available_bytes", "free_bytes",
					     "command_line", "version",		NULL};

	for (const char *const *name = silent; *name; name++)
		if (!strcmp(key, *name))
			return false;
	return true;
}

typedef void told(void *arg, const char *name, const json_t *before, const json_t *after);

/* Calls tell for each setting of environment a that is another in b; of objects, for each part. */
static void differences(const json_t *a, const json_t *b, const char *prefix, told *tell, void *arg)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)a, key, value)
	{
		const json_t *other = json_object_get(b, key);
		char *name;

		if (!is_told(key) || json_equal(value, other) ||
		    asprintf(&name, "%s%s%s", prefix, *prefix ? "." : "", key) < 0)
			continue;
		if (json_is_object(value) && json_is_object(other))
			differences(value, other, name, tell, arg);
		else
			tell(arg, name, value, other);
		free(name);
	}
}

static void print_difference(void *arg, const char *name, const json_t *before, const json_t *after)
{
	char *x = before ? json_dumps(before, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
	char *y = after ? json_dumps(after, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;

	fprintf(arg, "differs: %s: %s, %s\n", name, x ? x : "unknown", y ? y : "unknown");
	free(x);
	free(y);
}

/* ---- Text ---- */

static void print_head(const struct comparison *c, FILE *out)
{
	bool two = c->base != c->new;

	fprintf(out, two ? "BASE %s\n" : "%s\n", c->base->title);
	if (two) {
		fprintf(out, "NEW  %s\n", c->new->title);
		differences(c->base->environment, c->new->environment, "", print_difference, out);
	}
	if (!isnan(c->options.limit)) {
		fprintf(out, "limit: %g times, by the median or a narrow interval\n",
			c->options.limit);
		return;
	}
	if (!c->floor_needed)
		return;
	if (two)
		fprintf(out,
			"times: only ratios inside each run are compared, to the baseline in the "
			"same block\n");
	if (!isnan(c->options.floor))
		fprintf(out, "noise floor: %.1f %%, as named\n", 100 * c->floor);
	else if (isnan(c->floor))
		fprintf(out, "noise floor: unknown\n");
	else if (two)
		fprintf(out, "noise floor: %.1f %% (A/A pairs: %zu in BASE, %zu in NEW)\n",
			100 * c->floor, c->base->floor_pairs, c->new->floor_pairs);
	else
		fprintf(out, "noise floor: %.1f %% (A/A pairs: %zu)\n", 100 * c->floor,
			c->base->floor_pairs);
	fprintf(out,
		"a finding: further from 1 than the floor, and p (Mann-Whitney, Holm over %zu "
		"rows) "
		"below %g\n",
		c->tested, COMPARE_ALPHA);
}

static void print_row(const struct comparison *c, const struct compare_row *row, FILE *out)
{
	const struct series *s = row->base;

	fprintf(out, "%-10s ", finding_name(row->finding));
	if (row->ratio.n)
		fprintf(out, "%7.3f  [%.3f, %.3f]  n %-3zu ", row->ratio.value, row->ratio.lo,
			row->ratio.hi, row->ratio.n);
	if (!isnan(row->p))
		fprintf(out, "p %-8.2g delta %5.2f  ", row->p, row->delta);
	else if (row->ratio.n)
		fprintf(out, "%-24s", "exact");
	fprintf(out, "%s %s: %s", s->target, s->group, s->subject);
	if (c->base == c->new)
		fprintf(out, ", %s to it", row->new->subject);
	else if (row->baseline)
		fprintf(out, " / %s", row->baseline->subject);
	fprintf(out, ", %s%s%s\n", s->metric, row->why ? ": " : "", row->why ? row->why : "");
}

void comparison_print(const struct comparison *c, bool all, FILE *out)
{
	const struct compare_row *largest = NULL;

	print_head(c, out);
	for (size_t i = 0; i < c->n; i++) {
		const struct compare_row *row = &c->rows[i];

		if (all || row->finding < FINDING_NONE)
			print_row(c, row, out);
		if (!largest && row->finding == FINDING_NONE)
			largest = row;
	}
	for (size_t i = 0; i < c->n_notes; i++)
		fprintf(out, "note: %s\n", c->notes[i]);
	fprintf(out, "%zu worse, %zu better, %zu without a finding", c->count[FINDING_WORSE],
		c->count[FINDING_BETTER], c->count[FINDING_NONE]);
	if (largest)
		fprintf(out, " (the largest: %.3f)", largest->ratio.value);
	fprintf(out, ", %zu not judged%s\n", c->count[FINDING_NOT_JUDGED],
		all || c->count[FINDING_NONE] + c->count[FINDING_NOT_JUDGED] == 0
			? ""
			: "; --all prints them");
}

/* ---- JSON ---- */

static json_t *number(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static json_t *row_json(const struct compare_row *row)
{
	const struct series *s = row->base;

	return json_pack("{s:s, s:s, s:s, s:s, s:s?, s:s?, s:s, s:b, s:{s:o, s:o, s:o, s:I}, s:o, "
			 "s:o, s:s, s:s?}",
			 "target", s->target, "group", s->group, "metric", s->metric, "subject",
			 s->subject, "new_subject", row->new ? row->new->subject : NULL, "baseline",
			 row->baseline ? row->baseline->subject : NULL, "unit", s->unit, "exact",
			 s->exact, "ratio", "median", number(row->ratio.value), "lo",
			 number(row->ratio.lo), "hi", number(row->ratio.hi), "n",
			 (json_int_t)row->ratio.n, "p_holm", number(row->p), "cliffs_delta",
			 number(row->delta), "finding", finding_name(row->finding), "why",
			 row->why);
}

static void add_difference(void *arg, const char *name, const json_t *before, const json_t *after)
{
	json_object_set_new(arg, name, json_pack("[O?, O?]", (json_t *)before, (json_t *)after));
}

int comparison_write_json(const struct comparison *c, FILE *out)
{
	json_t *rows = json_array(), *notes = json_array(), *environment = json_object(), *root;
	char why[256];
	int error;

	for (size_t i = 0; i < c->n; i++)
		json_array_append_new(rows, row_json(&c->rows[i]));
	for (size_t i = 0; i < c->n_notes; i++)
		json_array_append_new(notes, json_string(c->notes[i]));
	if (c->base != c->new)
		differences(c->base->environment, c->new->environment, "", add_difference,
			    environment);
	root = json_pack(
		"{s:i, s:s, s:s, s:o, s:I, s:I, s:I, s:o, s:I, s:f, s:I, s:I, s:I, s:I, s:b, s:s?, "
		"s:o, s:o}",
		"schema", 1, "base", c->base->path, "new", c->new->path, "noise_floor",
		number(c->floor), "aa_pairs_base", (json_int_t)c->base->floor_pairs, "aa_pairs_new",
		(json_int_t)c->new->floor_pairs, "tested", (json_int_t)c->tested, "limit",
		number(c->options.limit), "rows_compared", (json_int_t)c->n, "alpha", COMPARE_ALPHA,
		"worse", (json_int_t)c->count[FINDING_WORSE], "better",
		(json_int_t)c->count[FINDING_BETTER], "same", (json_int_t)c->count[FINDING_NONE],
		"not_judged", (json_int_t)c->count[FINDING_NOT_JUDGED], "baseline_suspect",
		c->baseline_suspect, "undecided", comparison_undecided(c, why, sizeof(why)),
		"notes", notes, "rows", rows);
	if (root)
		json_object_set_new(root, "differs", environment);
	error = root && !json_dumpf(root, out, JSON_INDENT(1)) ? 0 : -EIO;
	if (!error)
		fputc('\n', out);
	json_decref(root);
	return error;
}
