// SPDX-License-Identifier: MIT
/*
 * Random ways of touching a block, with the accelerator on, by 1 to 4 threads: every byte is right,
 * and what is committed is at most 1.30 of what was touched.
 *
 *   TA_TEST_PATTERNS=N    as many patterns (default 60)
 *   TA_TEST_SECONDS=N     or for as long
 *   TA_TEST_SEED=N        the first seed (default 1); pattern k has seed N + k
 */
#include <pthread.h>
#include <sys/mman.h>
#include <time.h>

#define TA_TEST_KEEPS_HUGE_PAGES
#include "child.h"

#define MOST_THREADS 4
#define MOST_PAGES   ((size_t)24576) /* of a block: 96 MiB */
#define MOST_PCT     130
#define N_BUCKETS    31 /* 100 to 130 % */
#define MARK	     0x77

struct walk {
	uint64_t random;
	unsigned char *block;
	size_t pages, budget; /* of the block; that the thread may yet touch */
	unsigned thread;
	bool *touched; /* by this thread */
};

static uint64_t next_random(uint64_t *state)
{
	uint64_t x = *state += UINT64_C(0x9E3779B97F4A7C15);

	x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
	return x ^ x >> 31;
}

static size_t below(struct walk *walk, size_t n)
{
	return next_random(&walk->random) % n;
}

/* Each thread has a byte of its own in each page. */
static void touch(struct walk *walk, size_t page)
{
	if (!walk->budget)
		return;
	walk->budget--;
	page %= walk->pages;
	walk->block[page * 4096 + walk->thread * 64] = MARK;
	walk->touched[page] = true;
}

/* count pages from start on, step apart, upwards or downwards. */
static void line(struct walk *walk, size_t start, size_t count, size_t step, bool down)
{
	for (size_t i = 0; i < count; i++) {
		size_t far = i * step;

		if (down ? far > start : start + far >= walk->pages)
			return;
		touch(walk, down ? start - far : start + far);
	}
}

/* The smaller the page's number, the likelier. */
static void zipf(struct walk *walk, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t bound = walk->pages >> below(walk, 12);

		touch(walk, below(walk, bound ? bound : 1) * 40503);
	}
}

/* A part of a matrix: short rows, far apart. */
static void tile(struct walk *walk)
{
	size_t row = 64 + below(walk, 512), width = 1 + below(walk, 64), rows = 1 + below(walk, 64);
	size_t corner = below(walk, walk->pages);

	for (size_t i = 0; i < rows; i++)
		line(walk, (corner + i * row) % walk->pages, width, 1, false);
}

static void two_lines(struct walk *walk, size_t count)
{
	size_t a = below(walk, walk->pages), b = below(walk, walk->pages);

	for (size_t i = 0; i < count; i++) {
		touch(walk, a + i);
		touch(walk, b + walk->pages - i % walk->pages);
	}
}

static void *take_walk(void *argument)
{
	struct walk *walk = argument;

	touch(walk, below(walk, walk->pages));
	while (walk->budget) {
		size_t start = below(walk, walk->pages), length = (size_t)1 << below(walk, 14);
		bool down = below(walk, 2);

		switch (below(walk, 6)) {
		case 0: /* as much as there is of it */
			line(walk, down ? walk->pages - 1 : 0, walk->pages, 1, down);
			break;
		case 1:
			line(walk, start, length, 1, down);
			break;
		case 2:
			line(walk, start, length, 1 + below(walk, 100), down);
			break;
		case 3:
			zipf(walk, length / 4);
			break;
		case 4:
			tile(walk);
			break;
		default:
			two_lines(walk, length / 2);
		}
		if (below(walk, 4) == 0)
			break;
	}
	return NULL;
}

static void check_bytes(const struct walk *walks, unsigned n, unsigned char fill)
{
	unsigned char expected[4096];

	for (size_t page = 0; page < walks->pages; page++) {
		memset(expected, fill, sizeof(expected));
		for (unsigned i = 0; i < n; i++)
			if (walks[i].touched[page])
				expected[i * 64] = MARK;
		if (memcmp(walks->block + page * 4096, expected, sizeof(expected)))
			wrong("page %zu is wrong", page);
	}
}

/* In per cent of the pages touched. */
static unsigned run_pattern(uint64_t seed)
{
	struct walk setup = {.random = seed}, walks[MOST_THREADS];
	unsigned n = 1 + (unsigned)below(&setup, MOST_THREADS);
	unsigned char fill = below(&setup, 2) ? 171 : 0;
	size_t pages = 512 + below(&setup, MOST_PAGES - 512), touched = 0, committed;
	unsigned char *block;
	pthread_t threads[MOST_THREADS];

	setenv("TAMALLOC_ACCEL", "1", 1);
	block = take(pages * 4096, fill);
	if (!stats().accel_is_on)
		skip_child(
			"no fault event with a signal here: perf refuses it, or before Linux 5.14");
	for (unsigned i = 0; i < n; i++) {
		walks[i] = (struct walk){.random = seed * 31 + i,
					 .block = block,
					 .pages = pages,
					 .budget = 1 + below(&setup, pages),
					 .thread = i,
					 .touched = calloc(pages, sizeof(bool))};
		EXPECT(walks[i].touched);
	}
	for (unsigned i = 1; i < n; i++)
		EXPECT(!pthread_create(&threads[i], NULL, take_walk, &walks[i]));
	take_walk(&walks[0]);
	for (unsigned i = 1; i < n; i++)
		pthread_join(threads[i], NULL);
	for (size_t page = 0; page < pages; page++) {
		bool any = false;

		for (unsigned i = 0; i < n; i++)
			any |= walks[i].touched[page];
		touched += any;
	}
	committed = committed_pages(block, pages * 4096);
	check_bytes(walks, n, fill);
	EXPECT(committed >= touched);
	tafree(block);
	return (unsigned)((committed * 100 + touched - 1) / touched);
}

static unsigned long number(const char *name, unsigned long without)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 10) : without;
}

/* A child for each: what one thread has learnt is not known to the next pattern. */
static void random_patterns(void **state)
{
	unsigned long seed = number("TA_TEST_SEED", 1), patterns = number("TA_TEST_PATTERNS", 60);
	unsigned long seconds = number("TA_TEST_SECONDS", 0), done = 0, buckets[N_BUCKETS] = {0};
	unsigned *pct = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	time_t end = time(NULL) + (time_t)seconds;

	(void)state;
	assert_true(pct != MAP_FAILED);
	for (; seconds ? time(NULL) < end : done < patterns; done++, seed++) {
		int status;
		pid_t pid;

		fflush(NULL);
		pid = fork();
		if (!pid) {
			alarm(time_limit_s());
			*pct = run_pattern(seed);
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED)
			skip();
		if (status)
			fail_msg("TA_TEST_SEED=%lu: status %#x", seed, status);
		if (*pct > MOST_PCT)
			fail_msg("TA_TEST_SEED=%lu: committed %u %% of what was touched, more than "
				 "%d",
				 seed, *pct, MOST_PCT);
		buckets[*pct - 100]++;
	}
	print_message("# %lu patterns, committed in %% of touched: number of patterns\n", done);
	for (unsigned i = 0; i < N_BUCKETS; i++)
		if (buckets[i])
			print_message("# %u: %lu\n", 100 + i, buckets[i]);
	munmap(pct, 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(random_patterns)};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("libtamalloc_patterns", tests, NULL, NULL);
}
