// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "micro.h"

void micro_cell_id(const struct micro *m, char id[CELL_ID_CHARS])
{
	const struct cell cell = {.guest = m->guest};
	char identity[CELL_IDENTITY_CHARS];

	snprintf(identity, sizeof(identity), "%s|%s|%s|%zu|1|0|%s", cell_target(&cell), m->subject,
		 m->workload, (size_t)m->size_bytes, m->params);
	cell_id(identity, id);
}

static json_t *params_of(const struct micro *m)
{
	const char *equals = strchr(m->params, '=');
	json_t *params = json_object();
	char name[64];

	if (equals) {
		snprintf(name, sizeof(name), "%.*s", (int)(equals - m->params), m->params);
		json_object_set_new(params, name, json_integer(atoll(equals + 1)));
	}
	return params;
}

json_t *micro_sample(const struct micro *m)
{
	const struct cell cell = {.guest = m->guest};
	struct timespec now;
	char id[CELL_ID_CHARS];

	clock_gettime(CLOCK_REALTIME, &now);
	micro_cell_id(m, id);
	return json_pack(
		"{s:i, s:s, s:s, s:s, s:i, s:i, s:i, s:I, s:s, s:s, s:s, s:s, s:n, s:s, s:o, s:i, "
		"s:i, s:o, s:s, s:o, s:n, s:[], s:n, s:n, s:n, s:{s:n, s:n, s:n, s:n, s:n}, "
		"s:n, s:n, s:n, s:n, s:n, s:n, s:{s:n, s:n}, s:{}, s:o, s:o}",
		"schema", 1, "kind", m->kind ? m->kind : "micro", "run_id", m->run_id, "cell_id",
		id, "block", m->rep, "order", m->order, "rep", m->rep, "started_ns",
		(json_int_t)now.tv_sec * 1000000000 + now.tv_nsec, "purpose",
		m->purpose ? m->purpose : "measure", "target", cell_target(&cell), "clock",
		cell_clock(&cell), "subject", m->subject, "backend", "workload", m->workload,
		"size_bytes", m->size_bytes ? json_integer((json_int_t)m->size_bytes) : json_null(),
		"threads", 1, "fill", 0, "params", params_of(m), "outcome",
		!m->error	      ? "ok"
		: m->error == -ENOSYS ? "unsupported"
				      : "failed",
		"reason", m->error ? json_string(m->reason) : json_null(), "signal", "phases",
		"touched_pages", "reserved_bytes", "committed_bytes", "committed_parts", "anon",
		"swap", "hugetlb", "shmem_or_memfd", "driver", "page_table_bytes", "vma_count",
		"huge_bytes", "peak_rss_bytes", "rss_after_free_bytes", "latency", "hw", "cycles",
		"dtlb_misses", "probe_source", "verified",
		m->error || m->unverified ? json_null() : json_boolean(m->verified), "metrics",
		m->metrics);
}
