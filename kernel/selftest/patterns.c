// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random patterns of first touches, 1,000 of them by seed, half with each fill:
 * whatever the order, every byte is right and no more is committed than the
 * documented bound allows. How much was, is printed as a distribution.
 *
 * "PATTERN=SEED patterns" runs one of them only.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "kselftest_harness.h"
#include "region.h"

#define PATTERNS	1000
#define PAGES_MAX	1024
#define THREADS_MAX	4

/*
 * Random patterns of first touches, 1,000 of them by seed, half with each fill:
 * whatever the order, every byte is right and no more is committed than the
 * documented bound allows. How much was, is printed as a distribution.
 *
 * "PATTERN=SEED patterns" runs one of them only.
 */
struct memory {
	unsigned char *p;
	size_t pages;
	unsigned char fill;
	/* The byte that each page was written with; 0: never. Threads write the same. */
	unsigned char written[PAGES_MAX];
	unsigned char read[PAGES_MAX];
	unsigned int bad;
};

struct walker {
	struct memory *memory;
	const struct kind *kind;
	__u64 rng;
	size_t touches;
	unsigned int reads_pct;
	pthread_t thread;
};

struct kind {
	const char *name;
	void (*walk)(struct walker *walker);
};

/* xorshift64*: the same on every machine; below [0, below) */
static size_t pick(struct walker *w, size_t below)
{
	w->rng ^= w->rng >> 12;
	w->rng ^= w->rng << 25;
	w->rng ^= w->rng >> 27;
	return (w->rng * 0x2545f4914f6cdd1dULL >> 32) % below;
}

static unsigned char value_of(size_t page)
{
	return 1 + page % 251;
}

/* One touch, of some byte of the page. */
static void touch(struct walker *w, size_t page)
{
	struct memory *m = w->memory;
	unsigned char *p = m->p + page * page_bytes();

	w->touches++;
	if (pick(w, 100) < w->reads_pct) {
		/* The last byte is never written. */
		if (load_byte(p + page_bytes() - 1) != m->fill)
			__atomic_fetch_add(&m->bad, 1, __ATOMIC_RELAXED);
		m->read[page] = 1;
	} else {
		store_byte(p + page % (page_bytes() - 1), value_of(page));
		m->written[page] = 1;
	}
}

static void touch_wrapped(struct walker *w, size_t page)
{
	touch(w, page % w->memory->pages);
}

/* Every n-th page, n odd, once or twice around. */
static void walk_odd_stride(struct walker *w)
{
	const size_t pages = w->memory->pages, stride = 1 + 2 * pick(w, 40);
	size_t at = pick(w, pages), count = pick(w, pages);
	bool down = pick(w, 2);

	while (count--) {
		touch(w, at);
		at = (at + (down ? pages - stride % pages : stride)) % pages;
	}
}

/* Few pages often, many rarely, spread over the region or side by side. */
static void walk_zipf(struct walker *w)
{
	const size_t pages = w->memory->pages, spread = pick(w, 2) ? 1 : 389;
	const size_t base = pick(w, pages);

	for (size_t count = pick(w, pages); count--;) {
		size_t rank = pages / (1 + pick(w, pages));

		touch_wrapped(w, base + rank * spread);
	}
}

/* A matrix of rows of pages, gone through in tiles. */
static void walk_tiles(struct walker *w)
{
	const size_t columns = 1 + pick(w, 64), rows = w->memory->pages / columns;
	const size_t height = 1 + pick(w, 16), width = 1 + pick(w, columns);

	for (size_t y = 0; y < rows; y += height)
		for (size_t x = 0; x < columns; x += width) {
			if (pick(w, 3))
				continue;
			for (size_t r = y; r < y + height && r < rows; r++)
				for (size_t c = x; c < x + width && c < columns; c++)
					touch(w, r * columns + c);
		}
}

/* Runs anywhere, up or down, of any length. */
static void walk_mixed_directions(struct walker *w)
{
	for (size_t runs = 1 + pick(w, 20); runs--;) {
		size_t at = pick(w, w->memory->pages), length = 1 + pick(w, 1 << pick(w, 9));
		bool down = pick(w, 2);

		while (length--) {
			touch_wrapped(w, at);
			at += down ? w->memory->pages - 1 : 1;
		}
	}
}

/* Several streams in turn, each with a direction and a step of its own. */
static void walk_streams(struct walker *w)
{
	const size_t pages = w->memory->pages, streams = 2 + pick(w, 6);
	const size_t length = 1 + pick(w, pages / streams);
	size_t at[8], step[8];

	for (size_t s = 0; s < streams; s++) {
		at[s] = pick(w, pages);
		step[s] = 1 + (pick(w, 4) ? 0 : pick(w, 3));
		if (pick(w, 2))
			step[s] = pages - step[s];
	}
	for (size_t i = 0; i < length; i++)
		for (size_t s = 0; s < streams; s++) {
			touch(w, at[s]);
			at[s] = (at[s] + step[s]) % pages;
		}
}

static void walk_uniform(struct walker *w)
{
	for (size_t count = pick(w, w->memory->pages); count--;)
		touch(w, pick(w, w->memory->pages));
}

/* a of every b pages. */
static void walk_combs(struct walker *w)
{
	const size_t b = 2 + pick(w, 128), a = 1 + pick(w, b), offset = pick(w, b);

	for (size_t at = offset; at < w->memory->pages; at += b)
		for (size_t i = at; i < at + a && i < w->memory->pages; i++)
			touch(w, i);
}

/* Trust earned densely, then a page here and there. */
static void walk_dense_then_sparse(struct walker *w)
{
	const size_t pages = w->memory->pages, dense = pick(w, pages);
	size_t at = dense;

	for (size_t i = 0; i < dense; i++)
		touch(w, i);
	while ((at += 1 + pick(w, 100)) < pages)
		touch(w, at);
}

/* Dense but for holes, one in so many. */
static void walk_holes(struct walker *w)
{
	const size_t one_in = 2 + pick(w, 100);

	for (size_t i = 0; i < w->memory->pages; i++)
		if (pick(w, one_in))
			touch(w, i);
}

static const struct kind kinds[] = {
	{ "odd stride", walk_odd_stride },
	{ "Zipf", walk_zipf },
	{ "tiles", walk_tiles },
	{ "mixed directions", walk_mixed_directions },
	{ "streams", walk_streams },
	{ "uniform", walk_uniform },
	{ "combs", walk_combs },
	{ "dense, then sparse", walk_dense_then_sparse },
	{ "holes", walk_holes },
};

static void *walk(void *arg)
{
	struct walker *w = arg;

	w->kind->walk(w);
	return NULL;
}

/* Everything that was never written is fill, and everything written is there. */
static bool every_byte_is_right(const struct memory *m)
{
	const size_t page = page_bytes();

	for (size_t i = 0; i < m->pages; i++) {
		const unsigned char *p = m->p + i * page;
		size_t at = i % (page - 1);

		if (m->written[i]) {
			if (p[at] != value_of(i) || first_bad(p, at, m->fill) != at ||
			    first_bad(p + at + 1, page - at - 1, m->fill) != page - at - 1)
				return false;
		} else if (first_bad(p, page, m->fill) != page) {
			return false;
		}
	}
	return !m->bad;
}

struct result {
	size_t touched;		/* pages that the pattern needs committed */
	size_t committed;
	const char *kind;
	size_t threads;
	bool right;
};

static struct result run(unsigned int seed, unsigned char fill)
{
	static struct memory memory;
	struct walker choice = { .rng = seed * 0x9e3779b97f4a7c15ULL + 1 }, walkers[THREADS_MAX];
	struct result result = { 0 };
	size_t bytes;

	for (int i = 0; i < 8; i++)
		pick(&choice, 2);
	memset(&memory, 0, sizeof(memory));
	memory.pages = 16 + pick(&choice, PAGES_MAX - 16);
	memory.fill = fill;
	bytes = memory.pages * page_bytes();
	memory.p = tamalloc(bytes, fill, 0);
	if (memory.p == MAP_FAILED)
		return result;

	/* Every second pattern of a fill in one thread, which is the same each time. */
	result.threads = seed % 4 < 2 ? 1 : 1 + pick(&choice, THREADS_MAX);
	result.kind = kinds[seed % ARRAY_LEN(kinds)].name;
	for (size_t i = 0; i < result.threads; i++) {
		walkers[i] = (struct walker){
			.memory = &memory,
			/* All threads of a kind, or each of its own. */
			.kind = &kinds[(seed + (seed % 3 ? 0 : i)) % ARRAY_LEN(kinds)],
			.rng = choice.rng + i * 0x632be59bd9b4e019ULL,
			.reads_pct = pick(&choice, 2) ? 0 : pick(&choice, 60),
		};
	}
	if (result.threads == 1) {
		walk(&walkers[0]);
	} else {
		for (size_t i = 0; i < result.threads; i++)
			if (pthread_create(&walkers[i].thread, NULL, walk, &walkers[i]))
				exit(1);
		for (size_t i = 0; i < result.threads; i++)
			pthread_join(walkers[i].thread, NULL);
	}
	for (size_t i = 0; i < memory.pages; i++)
		result.touched += memory.written[i] || (memory.read[i] && fill);
	result.committed = smaps_kb(getpid(), memory.p, bytes, "Anonymous:") * 1024 / page_bytes();
	result.right = every_byte_is_right(&memory);
	munmap(memory.p, bytes);
	return result;
}

/* Upper ends of the classes of the distribution, in percent committed of touched. */
static const unsigned int classes[] = { 100, 102, 105, 110, 115, 120, 125, 133, 150, 167 };

static void print_distribution(const unsigned int *count, unsigned int all)
{
	printf("# committed / touched   patterns\n");
	for (size_t i = 0; i <= ARRAY_LEN(classes); i++) {
		if (i < ARRAY_LEN(classes))
			printf("#   %s %u.%02u  %10u\n", i ? "up to  " : "exactly",
			       classes[i] / 100, classes[i] % 100, count[i]);
		else
			printf("#   more          %10u\n", count[i]);
	}
	printf("#   all           %10u\n", all);
}

TEST_F_TIMEOUT(region, random_patterns_keep_every_byte_and_the_bound, LIMIT_LONG)
{
	const char *only = getenv("PATTERN");
	unsigned int first = only ? atoi(only) : 1, last = only ? first : repeat(PATTERNS);
	const unsigned int step = only ? 1 : 2;		/* every second one with each fill */
	unsigned int count[ARRAY_LEN(classes) + 1] = { 0 }, worst_seed = 0, class, all = 0;
	struct result worst = { .touched = 1 };
	int wrong = 0;

	/* Beside memory of the same fill a pattern's would merge with it, and reach into it. */
	ASSERT_EQ(0, munmap(self->p, self->len));
	if (!only)
		first += !self->fill;
	for (unsigned int seed = first; seed <= last && wrong < 5; seed += step) {
		struct result r = run(seed, self->fill);

		EXPECT_TRUE(r.right)
		{
			TH_LOG("seed %u, %s, %zu threads: a byte is wrong", seed, r.kind,
			       r.threads);
			wrong++;
		}
		/* Committed by reading only: nothing, where zeros need no page. */
		if (!r.touched) {
			EXPECT_EQ(0, r.committed);
			continue;
		}
		EXPECT_LE(r.touched, r.committed);
		EXPECT_GE(r.touched + FAULT_AHEAD_PAGES_MAX(r.touched), r.committed)
		{
			TH_LOG("seed %u, %s, %zu threads: %zu pages touched, %zu committed", seed,
			       r.kind, r.threads, r.touched, r.committed);
			wrong++;
		}
		for (class = 0; class < ARRAY_LEN(classes); class++)
			if (r.committed * 100 <= r.touched * classes[class])
				break;
		count[class]++;
		all++;
		if (r.committed * worst.touched > worst.committed * r.touched) {
			worst = r;
			worst_seed = seed;
		}
	}
	print_distribution(count, all);
	if (all)
		printf("# most: %zu for %zu touched, seed %u, %s, %zu threads\n", worst.committed,
		       worst.touched, worst_seed, worst.kind, worst.threads);
}

TEST_HARNESS_MAIN
