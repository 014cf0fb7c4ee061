// SPDX-License-Identifier: MIT
/*
 * A partitioned hash join as databases do it: for each partition a table is sized ahead for the
 * rows that the planner expects, which are far more than come; the build side is inserted, the
 * probe side looked up. Tables are calloc'ed and freed once a partition, so all but the first are
 * made of recycled memory where the allocator recycles.
 *
 * hash-join PARTITIONS EXPECTED-ROWS ROWS-PER-PARTITION [sort]: prints matches and a checksum; with
 * "sort" by sorting and merging, without a table, which is what the result must be.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct row {
	uint64_t key; /* never 0 */
	uint64_t value;
};

static uint64_t mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* Side 0 is built, side 1 probes; about half of the keys are in both. */
static struct row row_of(uint64_t partition, uint64_t i, unsigned side)
{
	uint64_t number = partition << 32 | (side && i % 2 ? i + 0x40000000u : i);

	return (struct row){mix(number + 1) | 1, mix(number ^ (uint64_t)side << 63)};
}

struct result {
	uint64_t matches, sum;
};

static void match(struct result *result, uint64_t built, uint64_t probed)
{
	result->matches++;
	result->sum += built ^ probed;
}

static void join_by_table(uint64_t partition, size_t slots, uint64_t rows, struct result *result)
{
	struct row *table = calloc(slots, sizeof(*table));
	size_t mask = slots - 1;

	if (!table) {
		fputs("hash-join: no memory for the table\n", stderr);
		exit(1);
	}
	for (uint64_t i = 0; i < rows; i++) {
		struct row row = row_of(partition, i, 0);
		size_t at = row.key >> 20 & mask;

		while (table[at].key)
			at = (at + 1) & mask;
		table[at] = row;
	}
	for (uint64_t i = 0; i < rows; i++) {
		struct row row = row_of(partition, i, 1);

		for (size_t at = row.key >> 20 & mask; table[at].key; at = (at + 1) & mask)
			if (table[at].key == row.key)
				match(result, table[at].value, row.value);
	}
	free(table);
}

static int by_key(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return (x->key > y->key) - (x->key < y->key);
}

static void join_by_sorting(uint64_t partition, uint64_t rows, struct result *result)
{
	struct row *sides[2];

	for (unsigned side = 0; side < 2; side++) {
		sides[side] = malloc(rows * sizeof(struct row));
		if (!sides[side])
			exit(1);
		for (uint64_t i = 0; i < rows; i++)
			sides[side][i] = row_of(partition, i, side);
		qsort(sides[side], rows, sizeof(struct row), by_key);
	}
	for (uint64_t i = 0, k = 0; i < rows && k < rows;) {
		const struct row *built = &sides[0][i], *probed = &sides[1][k];

		if (built->key == probed->key)
			match(result, built->value, probed->value);
		i += built->key <= probed->key;
		k += built->key >= probed->key;
	}
	free(sides[0]);
	free(sides[1]);
}

int main(int argc, char **argv)
{
	uint64_t partitions = argc > 3 ? strtoull(argv[1], NULL, 10) : 0;
	uint64_t expected = argc > 3 ? strtoull(argv[2], NULL, 10) : 0;
	uint64_t rows = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
	bool sort = argc > 4 && !strcmp(argv[4], "sort");
	struct result result = {0};
	size_t slots = 1;

	if (!partitions || !rows || expected < rows) {
		fputs("usage: hash-join PARTITIONS EXPECTED-ROWS ROWS-PER-PARTITION [sort]; more "
		      "rows must be expected than come\n",
		      stderr);
		return 2;
	}
	while (slots < expected)
		slots *= 2;
	for (uint64_t p = 0; p < partitions; p++) {
		if (sort)
			join_by_sorting(p, rows, &result);
		else
			join_by_table(p, slots, rows, &result);
	}
	printf("%" PRIu64 " matches, sum %016" PRIx64 "\n", result.matches, result.sum);
	return 0;
}
