// SPDX-License-Identifier: MIT
#include "report_model.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Numbers ---- */

const char *text_number(double value, char out[NUMBER_CHARS])
{
	double size = fabs(value);

	if (isnan(value))
		return strcpy(out, "-");
	snprintf(out, NUMBER_CHARS,
		 value == floor(value) || size >= 1000 ? "%.0f"
		 : size >= 100			       ? "%.1f"
		 : size >= 1			       ? "%.2f"
						       : "%.3f",
		 value);
	return out;
}

const char *text_bytes(double bytes, char out[NUMBER_CHARS])
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	int u = 0;

	if (isnan(bytes))
		return strcpy(out, "-");
	while (fabs(bytes) >= 1024 && u < 4) {
		bytes /= 1024;
		u++;
	}
	snprintf(out, NUMBER_CHARS, bytes == floor(bytes) ? "%.0f %s" : "%.1f %s", bytes, units[u]);
	return out;
}

const char *text_cost(double cost, const char *unit, char out[NUMBER_CHARS])
{
	static const char *const times[] = {"ns", "us", "ms", "s"};
	static const char *const counts[] = {"instructions", "k instructions", "M instructions",
					     "G instructions"};
	bool is_time = !unit || strcmp(unit, "instructions");
	int u = 0;

	if (isnan(cost))
		return strcpy(out, "-");
	while (fabs(cost) >= 1000 && u < 3) {
		cost /= 1000;
		u++;
	}
	snprintf(out, NUMBER_CHARS, fabs(cost) >= 100 ? "%.0f %s" : "%.3g %s", cost,
		 is_time ? times[u] : counts[u]);
	return out;
}

const char *text_ratio(double ratio, char out[NUMBER_CHARS])
{
	if (isnan(ratio))
		return strcpy(out, "-");
	snprintf(out, NUMBER_CHARS,
		 ratio >= 99.95	  ? "%.0f"
		 : ratio >= 9.995 ? "%.1f"
				  : "%.2f",
		 ratio);
	return out;
}

const char *text_regret_memory(const struct verdict *verdict, const struct result *result,
			       char out[NUMBER_CHARS])
{
	const char *why;

	if (!isnan(result->regret_memory))
		return text_ratio(result->regret_memory, out);
	double more = verdict->leanest && result_ranked(result, &why)
			      ? result->of[CELL_COMMITTED_PER_TOUCHED].value -
					verdict->leanest->of[CELL_COMMITTED_PER_TOUCHED].value
			      : NAN;

	out[0] = '+';
	text_ratio(more, isnan(more) ? out : out + 1);
	return out;
}

/* ---- Groups ---- */

const struct result *verdict_cell(const struct verdict *verdict, const char *subject)
{
	for (size_t i = 0; i < verdict->n_cells; i++)
		if (!strcmp(verdict->cells[i].identity->subject, subject))
			return &verdict->cells[i];
	return NULL;
}

bool verdict_is_latency(const struct verdict *verdict)
{
	for (size_t i = 0; i < verdict->n_cells; i++) {
		const struct result *r = &verdict->cells[i];

		if (r->n && (!isnan(r->of[CELL_LATENCY_P50].value) ||
			     result_headline(r) == CELL_REUSE_COST_PER_OPERATION))
			return true;
	}
	return false;
}

bool verdict_is_apart(const struct verdict *verdict)
{
	bool is_fraction = !strcmp(verdict->group->workload, CROSSOVER_WORKLOAD) &&
			   !isnan(sample_param(verdict->group, CROSSOVER_PARAM));

	return is_fraction || verdict_is_latency(verdict);
}

const char *workload_title(const struct sample *sample, char *out, size_t bytes)
{
	size_t used = (size_t)snprintf(out, bytes, "%s", sample->workload);
	char params[128];
	const char *p = sample_params_text(sample, NULL, params, sizeof(params));

	while (*p && used < bytes) {
		int length = (int)strcspn(p, ";"), name = (int)strcspn(p, "=");
		/* A limit of 0 is no limit. */
		bool zero = length == name + 2 && p[name + 1] == '0';
		bool shown = strncmp(p, "max_", 4) || !zero;

		if (shown)
			used += (size_t)snprintf(out + used, bytes - used, ", %.*s %.*s", name, p,
						 length - name - 1, p + name + 1);
		p += length + (p[length] == ';');
	}
	return out;
}

const struct crossing *report_main_crossing(const struct report *report)
{
	const struct crossing *first = NULL;

	for (size_t i = 0; i < report->crossings.n; i++) {
		const struct crossing *c = &report->crossings.pairs[i];

		if (c->kind == CROSSING_UNKNOWN)
			continue;
		if (!strcmp(c->lazy->subject, "mmap") &&
		    !strcmp(c->eager->subject, "glibc/malloc+memset"))
			return c;
		if (!first)
			first = c;
	}
	return first;
}

const struct result *report_fattest(const struct report *report, const struct verdict **verdict)
{
	const struct result *fattest = NULL;
	double most = 1;

	for (size_t i = 0; i < report->verdicts.n; i++) {
		const struct verdict *v = &report->verdicts.groups[i];

		/* Of one target only: the first, host before vm. */
		if (verdict_is_apart(v) ||
		    strcmp(v->group->target, report->panels[0].group->target))
			continue;
		for (size_t k = 0; k < v->n_cells; k++) {
			const struct result *r = &v->cells[k];

			if (r->regret_memory > most && !r->tied_memory) {
				most = r->regret_memory;
				fattest = r;
				*verdict = v;
			}
		}
	}
	return fattest;
}

/* ---- The whole ---- */

static int read_run_json(struct report *r)
{
	json_error_t error;
	char *path;

	if (asprintf(&path, "%s/run.json", r->run_dir) < 0)
		return -ENOMEM;
	r->run = json_load_file(path, 0, &error);
	if (!json_is_object(r->run)) {
		samples_note(&r->samples,
			     "run.json cannot be read (%s): the environment is unknown",
			     error.text);
		json_decref(r->run);
		r->run = json_object();
	}
	free(path);
	if (!r->run)
		return -ENOMEM;
	r->environment = json_object_get(r->run, "environment");
	r->run_id = json_string_value(json_object_get(r->run, "run_id"));
	if (!r->run_id)
		r->run_id = r->samples.n && r->samples.rows[0].run_id ? r->samples.rows[0].run_id
								      : "unknown run";
	return 0;
}

static double page_bytes(struct report *r)
{
	const json_t *page = json_object_get(r->environment, "page_bytes");

	if (json_is_number(page))
		return json_number_value(page);
	samples_note(&r->samples, "run.json does not say the page size; this machine's was taken");
	return (double)sysconf(_SC_PAGESIZE);
}

/* What became of the virtual machine's part, where it did not come to its end. */
static void add_vm_note(struct report *r)
{
	const json_t *vm = json_object_get(r->run, "vm");
	const char *outcome = json_string_value(json_object_get(vm, "outcome"));
	const char *reason = json_string_value(json_object_get(vm, "reason"));

	if (outcome && strcmp(outcome, "ok"))
		samples_note(&r->samples, "vm: %s: %s", outcome, reason ? reason : "no reason");
}

/* What tabench doctor found when the run began that spoils results. */
static void add_machine_notes(struct report *r)
{
	json_t *found = json_object_get(r->environment, "doctor"), *check;
	const char *name;

	json_object_foreach(found, name, check)
	{
		const char *state = json_string_value(json_object_get(check, "state"));
		const char *text = json_string_value(json_object_get(check, "found"));
		const char *effect = json_string_value(json_object_get(check, "effect"));
		const char *remedy = json_string_value(json_object_get(check, "remedy"));

		if (state && !strcmp(state, "spoils"))
			samples_note(&r->samples,
				     "this machine spoils results: %s: %s: %s; remedy: %s", name,
				     text ? text : "?", effect ? effect : "?",
				     remedy ? remedy : "?");
	}
}

/* How the run ended, and whether it can carry claims. */
static void add_notes(struct report *r)
{
	const json_t *sessions = json_object_get(r->run, "sessions");
	const char *ended = json_string_value(
		json_object_get(json_array_get(sessions, json_array_size(sessions) - 1), "ended"));
	bool too_few = false;
	size_t fewest = SIZE_MAX;
	char text[400];

	if (json_array_size(sessions) && ended && strcmp(ended, "complete"))
		samples_note(&r->samples, "the run ended before its plan was done (%s)", ended);
	if (json_integer_value(json_object_get(r->run, "not_precise")))
		samples_note(&r->samples,
			     "the time was up before the intervals of %d workloads were as narrow "
			     "as --precision asked",
			     (int)json_integer_value(json_object_get(r->run, "not_precise")));
	add_vm_note(r);
	add_machine_notes(r);
	for (size_t i = 0; i < r->n_panels; i++) {
		too_few |= r->panels[i].too_few;
		if (r->panels[i].too_few && r->panels[i].repetitions < fewest)
			fewest = r->panels[i].repetitions;
	}
	if (r->controls.floor > CONTROLS_TOO_NOISY)
		samples_note(&r->samples,
			     "a noisy machine: %s, above %.0f %%; no comparison with another run "
			     "will be possible",
			     controls_floor_text(&r->controls, text, sizeof(text)),
			     100 * CONTROLS_TOO_NOISY);
	if (controls_drifted(&r->controls))
		samples_note(&r->samples,
			     "the machine's speed drifted: %s; ratios inside of blocks are free of "
			     "it, raw times are not",
			     controls_canary_text(&r->controls, text, sizeof(text)));
	if (too_few)
		samples_note(&r->samples,
			     "too few repetitions for a claim: %zu where at least %d are needed; "
			     "intervals then are about the whole range",
			     fewest, STATS_MIN_REPETITIONS);
	if (r->verified.failed)
		samples_note(&r->samples,
			     "%zu cells failed verify: their memory did not hold what it must; "
			     "they are not ranked",
			     r->verified.failed);
	else if (r->verified.ok && (double)r->verified.passed < 0.99 * (double)r->verified.ok)
		samples_note(&r->samples, "only %zu of %zu ok cells have a passing verify",
			     r->verified.passed, r->verified.ok);
}

int report_build(struct report *r, const char *run_dir)
{
	int err;

	*r = (struct report){.run_dir = run_dir};
	err = samples_read(&r->samples, run_dir);
	if (err == 0)
		err = read_run_json(r);
	if (err == 0)
		err = results_build(&r->results, &r->samples, page_bytes(r));
	if (err == 0)
		err = verdicts_build(&r->verdicts, &r->results);
	if (err == 0)
		err = crossings_build(&r->crossings, &r->results);
	if (err == 0)
		err = controls_measure(&r->controls, &r->samples, &r->results);
	if (err == 0)
		err = overhead_measure(&r->overhead, &r->samples);
	if (err == 0)
		err = stat_rows_build(&r->stats, &r->samples, &r->results);
	if (err == 0)
		err = panels_build(r);
	if (err)
		return err;
	r->verified = verified_count(&r->results);
	r->timelines = timelines_read(run_dir);
	add_notes(r);
	return 0;
}

void report_free(struct report *r)
{
	panels_free(r);
	for (size_t i = 0; i < r->n_charts; i++) {
		free(r->charts[i].name);
		free(r->charts[i].title);
		free(r->charts[i].caption);
	}
	free(r->charts);
	stat_rows_free(&r->stats);
	crossings_free(&r->crossings);
	verdicts_free(&r->verdicts);
	results_free(&r->results);
	samples_free(&r->samples);
	json_decref(r->run);
}
