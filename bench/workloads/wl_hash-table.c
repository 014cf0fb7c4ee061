// SPDX-License-Identifier: MIT
/*
 * hash-table: an open-addressing table of 16-byte slots (key, value), key 0 = empty, far larger
 * than what is in it. Inserts its keys, finds each, and looks for as many that are not there.
 */
#include "app.h"
#include "permute.h"

static const struct wl_param params_table[] = {
	{"load_permille", "1/1000 of the slots", 1, 1, 900, "how full the table becomes"},
	{0},
};

static uint64_t slot_count(size_t size_bytes)
{
	return size_bytes / 16;
}

static uint64_t key_count(size_t size_bytes, const int64_t *params)
{
	uint64_t keys = slot_count(size_bytes) * (uint64_t)params[0] / 1000;

	return keys ? keys : 1;
}

/* Odd: one that is inserted; even: one that is not. */
static uint64_t key_at(const struct app *app, uint64_t i, bool present)
{
	return (mix(mix(app->seed + 1) + i) & ~(uint64_t)1) | present;
}

/* The slot that holds the key, or the empty one where it belongs. */
static uint64_t find(const struct app *app, uint64_t key)
{
	uint64_t slots = slot_count(app->size_bytes);
	uint64_t slot = (uint64_t)((unsigned __int128)mix(key) * slots >> 64);

	for (uint64_t there; (there = get64(app, 2 * slot)) && there != key;)
		slot = slot + 1 == slots ? 0 : slot + 1;
	return slot;
}

static uint64_t compute(struct app *app)
{
	uint64_t keys = key_count(app->size_bytes, app->params), result = 0;

	for (uint64_t i = 0; i < keys; i++) {
		uint64_t key = key_at(app, i, true), slot = find(app, key);

		put64(app, 2 * slot, key);
		put64(app, 2 * slot + 1, get64(app, 2 * slot + 1) + mix(key + i));
	}
	for (uint64_t i = 0; i < keys; i++) {
		uint64_t absent = find(app, key_at(app, i, false));

		result = result * 31 + get64(app, 2 * find(app, key_at(app, i, true)) + 1);
		result = result * 31 + get64(app, 2 * absent + 1);
	}
	app->operations = 3 * keys;
	return result;
}

static uint64_t app_pages(size_t size_bytes, size_t page_bytes, const int64_t *params)
{
	return at_most_all(2 * key_count(size_bytes, params), size_bytes, page_bytes);
}

static struct workload hash_table = {
	.name = "hash-table",
	.summary = "fills and searches a hash table that is far larger than its contents",
	.unit = "insertion or search",
	.params = params_table,
	APP_HOOKS,
};

REGISTER_WORKLOAD(hash_table)
