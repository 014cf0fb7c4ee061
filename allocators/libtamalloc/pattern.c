// SPDX-License-Identifier: MIT
#include "lock.h"
#include "pattern.h"

#define N_FILLS 256

static struct ta__pattern *patterns[N_FILLS]; /* the newest, largest first */
static struct ta__pattern *unused;

bool ta__pattern_is_open(const struct ta__pattern *pattern)
{
	return pattern->fd >= 0 && prim_is_file(pattern->fd, &pattern->id);
}

/* A page of records at a time; they are used again, never given back. */
static void make_records(void)
{
	size_t count = prim_page_bytes() / sizeof(*unused);
	struct ta__pattern *records = prim_map(prim_page_bytes(), false);

	for (size_t i = 0; records && i < count; i++) {
		records[i].next = unused;
		unused = &records[i];
	}
}

static struct ta__pattern *make(unsigned char fill, size_t bytes)
{
	struct ta__pattern *pattern;
	struct prim_file_id id;
	int fd;

	if (!unused)
		make_records();
	if (!unused)
		return NULL;
	fd = prim_pattern_file(bytes, fill, &id);
	if (fd < 0)
		return NULL;
	pattern = unused;
	unused = pattern->next;
	*pattern = (struct ta__pattern){
		.next = patterns[fill], .id = id, .bytes = bytes, .fd = fd, .fill = fill};
	patterns[fill] = pattern;
	return pattern;
}

static void drop(struct ta__pattern *pattern)
{
	struct ta__pattern **link = &patterns[pattern->fill];

	while (*link != pattern)
		link = &(*link)->next;
	*link = pattern->next;
	if (ta__pattern_is_open(pattern)) /* else the number is somebody else's now */
		prim_close(pattern->fd);
	pattern->next = unused;
	unused = pattern;
}

/* Not kept without blocks: one that is too large, has a successor, or lost its descriptor. */
static void drop_if_idle(struct ta__pattern *pattern)
{
	if (!pattern->blocks && (pattern->bytes > TA__PATTERN_BYTES ||
				 pattern != patterns[pattern->fill] || pattern->fd < 0))
		drop(pattern);
}

struct ta__pattern *ta__pattern_get(unsigned char fill, size_t bytes)
{
	struct ta__pattern *newest, *pattern;

	ta__lock(TA__LOCK_PATTERNS);
	newest = pattern = patterns[fill];
	if (newest && !ta__pattern_is_open(newest))
		newest->fd = -1;
	if (!newest || newest->fd < 0 || newest->bytes < bytes) {
		pattern = make(fill, bytes);
		if (pattern && newest)
			drop_if_idle(newest);
	}
	if (pattern)
		pattern->blocks++;
	ta__unlock(TA__LOCK_PATTERNS);
	return pattern;
}

void ta__pattern_put(struct ta__pattern *pattern)
{
	ta__lock(TA__LOCK_PATTERNS);
	pattern->blocks--;
	drop_if_idle(pattern);
	ta__unlock(TA__LOCK_PATTERNS);
}

void ta__pattern_count(uint64_t *files, uint64_t *bytes)
{
	*files = *bytes = 0;
	ta__lock(TA__LOCK_PATTERNS);
	for (unsigned fill = 0; fill < N_FILLS; fill++)
		for (struct ta__pattern *p = patterns[fill]; p; p = p->next) {
			++*files;
			*bytes += p->bytes;
		}
	ta__unlock(TA__LOCK_PATTERNS);
}
