// SPDX-License-Identifier: MIT
/*
 * sparse-matrix: a square matrix of 64-bit numbers, stored densely, of which few are not 0. It is
 * put together from the edges of a graph (each vertex has one to the next and one to a random other
 * one), each of which adds to four of them; then x'Ax is computed from those.
 */
#include "app.h"
#include "permute.h"

static uint64_t side(size_t size_bytes)
{
	uint64_t n = 1;

	for (uint64_t step = (uint64_t)1 << 31; step; step >>= 1)
		if ((n + step) * (n + step) <= size_bytes / 8)
			n += step;
	return n;
}

static void add(const struct app *app, uint64_t index, uint64_t what)
{
	put64(app, index, get64(app, index) + what);
}

/* The other end of edge e of the 2n edges; the first is e / 2. */
static uint64_t other_end(const struct app *app, uint64_t e, uint64_t n)
{
	return e & 1 ? mix(mix(app->seed) + e) % n : (e / 2 + 1) % n;
}

static uint64_t compute(struct app *app)
{
	uint64_t n = side(app->size_bytes), result = 0;

	for (uint64_t e = 0; e < 2 * n; e++) {
		uint64_t i = e / 2, k = other_end(app, e, n), weight = mix(e);

		add(app, i * n + i, weight);
		add(app, k * n + k, weight);
		add(app, i * n + k, -weight);
		add(app, k * n + i, -weight);
	}
	for (uint64_t e = 0; e < 2 * n; e++) {
		uint64_t i = e / 2, k = other_end(app, e, n), x_i = mix(i + 1), x_k = mix(k + 1);

		result += get64(app, i * n + i) * x_i * x_i + get64(app, i * n + k) * x_i * x_k +
			  get64(app, k * n + i) * x_k * x_i;
	}
	app->operations = 4 * n;
	return result;
}

static uint64_t app_pages(size_t size_bytes, size_t page_bytes, const int64_t *params)
{
	(void)params;
	return at_most_all(5 * side(size_bytes), size_bytes, page_bytes);
}

static struct workload sparse_matrix = {
	.name = "sparse-matrix",
	.summary = "puts a matrix of few non-zeros together in dense storage, then computes x'Ax",
	.unit = "edge",
	APP_HOOKS,
};

REGISTER_WORKLOAD(sparse_matrix)
