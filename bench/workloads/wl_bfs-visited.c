// SPDX-License-Identifier: MIT
/*
 * bfs-visited: breadth-first search through a part of a large graph; the block has one byte for
 * each vertex, 0: not visited, else its level. Edges lead to both neighbours and to one vertex far
 * away. It ends when as many vertices are visited as the block has pages.
 */
#define SCRATCH_WORDS_PER_PAGE 1 /* the queue */
#include "app.h"
#include "permute.h"

#define VISITED 0x80

static uint64_t visits(size_t size_bytes, size_t page_bytes)
{
	return at_most_all(UINT64_MAX, size_bytes, page_bytes);
}

static uint64_t far_from(const struct app *app, uint64_t vertex)
{
	return mix(vertex + mix(app->seed)) % app->size_bytes;
}

static uint64_t compute(struct app *app)
{
	volatile unsigned char *level = app->base;
	unsigned char fill = (unsigned char)app->pattern;
	uint64_t limit = visits(app->size_bytes, app->page_bytes), *queue = app->scratch;
	uint64_t tail = 1, result = 0, last = app->size_bytes - 1;

	queue[0] = far_from(app, 0);
	level[queue[0]] = VISITED ^ fill;
	for (uint64_t head = 0; head < tail && tail < limit; head++) {
		uint64_t from = queue[head];
		unsigned char next = (unsigned char)(((level[from] ^ fill) + 1) | VISITED);
		uint64_t to[] = {far_from(app, from), from == last ? 0 : from + 1,
				 from ? from - 1 : last};

		result = result * 31 + (from ^ (uint64_t)next << 56);
		for (unsigned i = 0; i < 3 && tail < limit; i++) {
			if (level[to[i]] != fill)
				continue;
			level[to[i]] = next ^ fill;
			queue[tail++] = to[i];
		}
	}
	app->operations = tail;
	return result * 31 + tail;
}

static uint64_t app_pages(size_t size_bytes, size_t page_bytes, const int64_t *params)
{
	(void)params;
	return visits(size_bytes, page_bytes);
}

static struct workload bfs_visited = {
	.name = "bfs-visited",
	.summary = "breadth-first search that visits a few of very many vertices",
	.unit = "vertex",
	APP_HOOKS,
};

REGISTER_WORKLOAD(bfs_visited)
