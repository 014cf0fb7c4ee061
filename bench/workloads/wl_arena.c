// SPDX-License-Identifier: MIT
/*
 * arena: objects of 16 to 4,096 bytes taken one after the other from a block that is made for more
 * of them; each links to the one before and has a counter that nobody sets to 0. Then all are
 * walked.
 */
#include "app.h"
#include "permute.h"

static const struct wl_param params_table[] = {
	{"used_pct", "percent", 30, 1, 100, "how much of the block the objects take"},
	{0},
};

static size_t used_bytes(size_t size_bytes, const int64_t *params)
{
	return size_bytes / 100 * (size_t)params[0];
}

static uint64_t compute(struct app *app)
{
	size_t used = used_bytes(app->size_bytes, app->params), at = 0;
	uint64_t before = 0, objects = 0, result = 0;

	/* A link is the number of a word, plus 1; 0 ends the list. */
	for (;;) {
		size_t bytes = 16 * (1 + mix(mix(app->seed) + objects) % 256);

		if (bytes > used - at)
			break;
		put64(app, at / 8, before);
		put64(app, at / 8 + 1, get64(app, at / 8 + 1) + mix(at));
		before = at / 8 + 1;
		at += bytes;
		objects++;
	}
	for (uint64_t link = before; link; link = get64(app, link - 1))
		result = result * 31 + get64(app, link);
	app->operations = objects;
	return result;
}

static uint64_t app_pages(size_t size_bytes, size_t page_bytes, const int64_t *params)
{
	return at_most_all(used_bytes(size_bytes, params) / page_bytes + 1, size_bytes, page_bytes);
}

static struct workload arena = {
	.name = "arena",
	.summary = "bump allocation of small objects from a block that is larger than they need",
	.unit = "object",
	.params = params_table,
	APP_HOOKS,
};

REGISTER_WORKLOAD(arena)
