// SPDX-License-Identifier: MIT
/* bitmap: sets bits at random, one for every four pages, then counts those of the whole block. */
#include "app.h"
#include "permute.h"

#define WORD_BITS     64
#define PAGES_PER_BIT 4

static uint64_t compute(struct app *app)
{
	uint64_t words = app->size_bytes / 8, fresh = 0, count = 0;
	uint64_t wanted = app->size_bytes / app->page_bytes / PAGES_PER_BIT;

	for (uint64_t i = 0; i < wanted; i++) {
		uint64_t bit = permute(i, words * WORD_BITS, app->seed);
		uint64_t word = get64(app, bit / WORD_BITS), mask = (uint64_t)1 << bit % WORD_BITS;

		fresh += !(word & mask);
		put64(app, bit / WORD_BITS, word | mask);
	}
	for (uint64_t i = 0; i < words; i++)
		count += (uint64_t)__builtin_popcountll(get64(app, i));
	app->operations = wanted + words;
	return count * 31 + fresh;
}

static uint64_t app_pages(size_t size_bytes, size_t page_bytes, const int64_t *params)
{
	(void)params;
	return at_most_all(UINT64_MAX, size_bytes, page_bytes);
}

static struct workload bitmap = {
	.name = "bitmap",
	.summary = "sets a few random bits of a bitmap, then counts those of all its words",
	.unit = "bit set or word counted",
	APP_HOOKS,
};

REGISTER_WORKLOAD(bitmap)
