// SPDX-License-Identifier: MIT
/* What tamalloc.h promises, in one process. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "child.h"

#define OLD_ERRNO   4711       /* none that exists */
#define SLACK_BYTES (4 * 4096) /* records of the library, of libc and of this test */

static const size_t sizes[] = {0,
			       1,
			       15,
			       16,
			       17,
			       24,
			       128,
			       129,
			       160,
			       161,
			       4095,
			       4096,
			       4097,
			       32767,
			       32768,
			       32769,
			       100000,
			       512 << 10,
			       (512 << 10) + 1,
			       3 << 20,
			       BLOCK_BYTES};
#define N_SIZES (sizeof(sizes) / sizeof(*sizes))

static void every_usable_byte_is_the_fill(unsigned char fill)
{
	for (unsigned round = 0; round < 3; round++)
		for (size_t i = 0; i < N_SIZES; i++) {
			unsigned char *block = take(sizes[i], fill);
			size_t usable_bytes = tamalloc_usable_size(block);

			EXPECT(usable_bytes >= sizes[i] && usable_bytes > 0);
			EXPECT((uintptr_t)block % (sizes[i] > TAMALLOC_SMALL_BYTES ? 4096 : 16) ==
			       0);
			expect_bytes(block, 0, usable_bytes, fill);
			memset(block, 0x77, usable_bytes);
			tafree(block);
		}
}

/* Every size class, several blocks at once, none over another. */
static void small_blocks_are_apart(unsigned char fill)
{
	static unsigned char *blocks[2048];
	unsigned n = 0;

	for (size_t size = 1; size <= TAMALLOC_SMALL_BYTES; size += 1 + size / 9)
		for (unsigned k = 0; k < 9; k++)
			blocks[n++] = take(size, fill);
	for (unsigned i = 0; i < n; i++)
		memset(blocks[i], (int)(i % 251), tamalloc_usable_size(blocks[i]));
	for (unsigned i = 0; i < n; i++) {
		expect_bytes(blocks[i], 0, tamalloc_usable_size(blocks[i]),
			     (unsigned char)(i % 251));
		tafree(blocks[i]);
	}
}

static void large_blocks_commit_what_is_touched(unsigned char fill)
{
	size_t size = (size_t)1 << 30;
	unsigned char *block = take(size, fill);
	bool reads_commit = fill && !strcmp(stats().backend, "syscall");

	EXPECT(committed_pages(block, size) == 0);
	for (size_t i = 0; i < 10; i++)
		block[i * 100 * MIB] = 1;
	for (size_t i = 0; i < 10; i++)
		EXPECT(((volatile unsigned char *)block)[i * 100 * MIB + 50 * MIB] == fill);
	EXPECT(committed_pages(block, size) == (reads_commit ? 20 : 10));
	EXPECT(stats().eager_blocks == 0);
	tafree(block);
}

static void small_blocks_share_pages(unsigned char fill)
{
	uint64_t before, n = 10000;

	anonymous_bytes();
	take(24, fill);
	before = anonymous_bytes();
	for (uint64_t i = 0; i < n; i++)
		take(24, fill)[0] = 1;
	EXPECT(anonymous_bytes() - before < n * 48);
}

static void fresh_small_blocks_are_not_touched(unsigned char fill)
{
	uint64_t before;

	anonymous_bytes();
	take(16384, fill);
	before = anonymous_bytes();
	for (unsigned i = 0; i < 60; i++)
		take(16384, fill);
	if (fill) /* these are filled at once, as the header says */
		EXPECT(anonymous_bytes() - before >= 60 * 16384);
	else
		EXPECT(anonymous_bytes() - before <= SLACK_BYTES);
}

/* Fresh, touched in part, freed, used again: all of it is filled. */
static void small_blocks_touched_in_part_come_back_filled(unsigned char fill)
{
	for (size_t size = 4096; size <= TAMALLOC_SMALL_BYTES; size += 2048)
		for (unsigned round = 0; round < 3; round++) {
			unsigned char *block = take(size, fill);
			size_t usable_bytes = tamalloc_usable_size(block);

			expect_bytes(block, usable_bytes / 2, usable_bytes, fill);
			block[0] = block[usable_bytes - 1] = 0x77;
			tafree(block);
			EXPECT(take(size, fill) == block);
			expect_bytes(block, 0, usable_bytes, fill);
			block[usable_bytes / 3] = 0x77;
			tafree(block);
		}
}

/* A block used again may bring the 128 KiB around it with it, but not where some were never handed
 * out.
 */
static void small_blocks_used_again_commit_little_else(unsigned char fill)
{
	unsigned char *lone = take(12288, fill), *first = NULL, *block;

	tafree(lone);
	EXPECT(take(12288, fill) == lone);
	EXPECT(committed_pages(lone, 131072) == 3);
	if (fill) /* the others are filled at once */
		return;
	for (unsigned i = 0; i < 64; i++) { /* in batches, one behind the other */
		block = take(8192, fill);
		first = !first || block < first ? block : first;
	}
	EXPECT(committed_pages(first, 64 * 8192) == 0);
	for (unsigned i = 36; i < 44; i++) {
		block = first + i * 8192;
		block[0] = 0x77;
		tafree(block);
		EXPECT(take(8192, fill) == block);
		expect_bytes(block, 0, 8192, fill);
		EXPECT(committed_pages(block, 8192) == 2);
		EXPECT(committed_pages(first, 64 * 8192) <= (i == 36 ? 32 : 64));
	}
}

/* Blocks of whole pages share none: as many are committed as are touched. */
static void small_blocks_of_pages_are_aligned(unsigned char fill)
{
	for (size_t size = 4096; size <= TAMALLOC_SMALL_BYTES; size *= 2)
		EXPECT((uintptr_t)take(size, fill) % 4096 == 0);
}

static void errno_is_mallocs(unsigned char fill)
{
	static const size_t too_large[] = {(size_t)1 << 57, PTRDIFF_MAX - 4095, PTRDIFF_MAX,
					   SIZE_MAX - 4095, SIZE_MAX};
	unsigned char *block;

	for (unsigned i = 0; i < 5; i++) {
		errno = 0;
		EXPECT(!tamalloc_fill(launder_size(too_large[i]), fill) && errno == ENOMEM);
	}
	errno = 0;
	EXPECT(!tacalloc(launder_size((size_t)1 << 33), (size_t)1 << 33) && errno == ENOMEM);
	errno = OLD_ERRNO;
	for (size_t i = 0; i < N_SIZES; i++) {
		block = take(sizes[i], fill);
		block = tarealloc(block, sizes[i] * 2);
		tamalloc_discard(block, 0, SIZE_MAX);
		tafree(block);
	}
	EXPECT(errno == OLD_ERRNO);
	block = take(BLOCK_BYTES, fill);
	block[0] = 7;
	errno = 0;
	EXPECT(!tarealloc(block, launder_size((size_t)1 << 57)) && errno == ENOMEM);
	EXPECT(!tarealloc(block, launder_size(SIZE_MAX)) && errno == ENOMEM);
	EXPECT(block[0] == 7 && block[1] == fill && stats().large_blocks == 1);
	tafree(block);
	tafree(NULL);
	tamalloc_discard(NULL, 0, 1);
	EXPECT(tamalloc_usable_size(NULL) == 0);
}

/* From each size to each: what was written is kept, what is new is the fill. */
static void realloc_keeps_and_fills(unsigned char fill)
{
	for (size_t from = 0; from < N_SIZES; from++)
		for (size_t to = 0; to < N_SIZES; to++) {
			unsigned char *block = take(sizes[from], fill);
			size_t kept = sizes[from], now;

			memset(block, 0x77, kept);
			block = tarealloc(block, sizes[to]);
			EXPECT(block);
			now = tamalloc_usable_size(block);
			EXPECT(now >= sizes[to]);
			kept = kept < now ? kept : now;
			expect_bytes(block, 0, kept, 0x77);
			expect_bytes(block, kept, now, fill);
			tafree(block);
		}
	EXPECT(stats().large_blocks == 0 && stats().large_bytes == 0);
}

/* Growing large blocks again and again stays lazy, and several grow at once. */
static void growing_stays_lazy(unsigned char fill)
{
	unsigned char *a = take(4 * MIB, fill), *b = take(3 * MIB, fill);

	a[0] = b[0] = 1;
	for (size_t mib = 5; mib < 100; mib += 5) {
		a = tarealloc(a, mib << 20);
		b = tarealloc(b, (mib << 20) + 4096 * 3);
		EXPECT(a && b && a[0] == 1 && b[0] == 1);
	}
	EXPECT(committed_pages(a, 95 * MIB) == 1);
	EXPECT(committed_pages(b, 95 * MIB + 4096 * 3) == 1);
	expect_bytes(a, 1, 95 * MIB, fill);
	expect_bytes(b, 1, 95 * MIB + 4096 * 3, fill);
	tafree(a);
	tafree(b);
}

static void discard_empties(unsigned char fill)
{
	for (size_t i = 0; i < N_SIZES; i++) {
		unsigned char *block = take(sizes[i], fill);
		size_t usable = tamalloc_usable_size(block), from = usable / 3, to = usable / 3 * 2;

		memset(block, 0x77, usable);
		tamalloc_discard(block, from, to - from);
		expect_bytes(block, 0, from, 0x77);
		expect_bytes(block, from, to, fill);
		expect_bytes(block, to, usable, 0x77);
		tamalloc_discard(block, usable, 1);
		tamalloc_discard(block, 0, SIZE_MAX);
		expect_bytes(block, 0, usable, fill);
		tafree(block);
	}
}

static void discard_gives_memory_back(unsigned char fill)
{
	unsigned char *block = take(BLOCK_BYTES, fill);

	memset(block, 0x77, BLOCK_BYTES);
	EXPECT(committed_pages(block, BLOCK_BYTES) == (BLOCK_BYTES + 4095) / 4096);
	tamalloc_discard(block, 1, SIZE_MAX);
	EXPECT(committed_pages(block, BLOCK_BYTES) == 1);
	EXPECT(block[0] == 0x77);
	tafree(block);
}

/* Blocks of 8 MiB share one file, shorter than they are. */
static void stats_count(unsigned char fill)
{
	unsigned char *block = take(BLOCK_BYTES, fill), *other = take(BLOCK_BYTES, fill);
	struct tamalloc_stats now = stats(), cut;

	EXPECT(!strcmp(now.backend, "plain") || !strcmp(now.backend, "syscall"));
	EXPECT(now.large_blocks == 2 && now.large_bytes == 2 * tamalloc_usable_size(block));
	if (!strcmp(now.backend, "plain"))
		EXPECT(now.pattern_files == !!fill && now.pattern_bytes == (fill ? 256u << 10 : 0));
	memset(&cut, 0x77, sizeof(cut));
	tamalloc_stats(&cut, offsetof(struct tamalloc_stats, large_bytes));
	EXPECT(cut.large_blocks == 2 && cut.large_bytes == UINT64_C(0x7777777777777777));
	tafree(block);
	tafree(other);
	EXPECT(stats().large_blocks == 0);
}

/* A small file first, then a large one: the first is gone with its last block. */
static void patterns_are_replaced(unsigned char fill)
{
	unsigned char *small = take(100000, fill), *large = take(BLOCK_BYTES, fill);

	expect_bytes(small, 0, 100000, fill);
	tafree(small);
	small = take(100000, fill);
	expect_bytes(small, 0, 100000, fill);
	tafree(large);
	expect_bytes(small, 0, 100000, fill);
	tafree(small);
	EXPECT(stats().pattern_bytes <= 2 << 20);
	for (unsigned byte = 1; byte < 256; byte++) {
		small = take(70000, (unsigned char)byte);
		expect_bytes(small, 0, 70000, (unsigned char)byte);
		tafree(small);
	}
}

/* ---- threads ---- */

#define N_THREADS 4
#define N_FORKS	  200 /* enough to meet a lock that another thread holds */
#define N_SHARED  64

static _Atomic(unsigned char *) shared[N_SHARED];
static unsigned char shared_fill;

static unsigned next_random(unsigned *seed)
{
	return (*seed = *seed * 1103515245 + 12345) >> 8;
}

/* Takes blocks, swaps them with other threads', checks and frees what it got. */
static void *swap_blocks(void *argument)
{
	unsigned seed = (unsigned)(uintptr_t)argument;

	for (unsigned i = 0; i < 3000; i++) {
		size_t size = next_random(&seed) % (next_random(&seed) % 16 ? 3000 : 200000) + 1;
		unsigned char *block = take(size, shared_fill);

		EXPECT(block[0] == shared_fill && block[size - 1] == shared_fill);
		memset(block, 0x77, size < 5000 ? size : 5000);
		block = atomic_exchange(&shared[next_random(&seed) % N_SHARED], block);
		if (block) {
			EXPECT(block[0] == 0x77);
			tafree(block);
		}
	}
	return NULL;
}

static void threads_free_each_others_blocks(unsigned char fill)
{
	pthread_t threads[N_THREADS];

	shared_fill = fill;
	for (uintptr_t i = 0; i < N_THREADS; i++)
		EXPECT(!pthread_create(&threads[i], NULL, swap_blocks, (void *)(i + 1)));
	for (unsigned i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = 0; i < N_SHARED; i++)
		tafree(shared[i]);
	EXPECT(stats().large_blocks == 0);
}

/* Each thread has a byte of its own: a block mapped over another's would show it. */
static void *make_large_blocks(void *argument)
{
	unsigned char byte = (unsigned char)(uintptr_t)argument;

	for (unsigned i = 0; i < 300; i++) {
		size_t size = MIB + i % 7 * 65536;
		unsigned char *block = take(size, byte);

		sched_yield();
		for (size_t at = 0; at < size; at += 65536)
			EXPECT(block[at] == byte);
		tafree(block);
	}
	return NULL;
}

static void threads_make_large_blocks_at_once(unsigned char fill)
{
	pthread_t threads[N_THREADS];

	for (uintptr_t i = 0; i < N_THREADS; i++)
		EXPECT(!pthread_create(&threads[i], NULL, make_large_blocks, (void *)(fill + i)));
	for (unsigned i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
}

static void *take_many(void *argument)
{
	static unsigned char *blocks[20000];

	(void)argument;
	for (unsigned i = 0; i < 20000; i++)
		blocks[i] = take(256, 0);
	for (unsigned i = 0; i < 20000; i++)
		tafree(blocks[i]);
	return NULL;
}

/* What ended threads had at hand serves others; empty slabs go back to the system. */
static void ended_threads_leave_nothing(unsigned char fill)
{
	uint64_t after_first = 0;

	(void)fill;
	for (unsigned i = 0; i < 20; i++) {
		pthread_t thread;

		EXPECT(!pthread_create(&thread, NULL, take_many, NULL));
		pthread_join(thread, NULL);
		after_first = after_first ? after_first : stats().slab_bytes;
	}
	EXPECT(stats().slab_bytes <= after_first && after_first <= 2 << 20);
}

static atomic_bool stop;

static void *take_until_stopped(void *argument)
{
	unsigned seed = (unsigned)(uintptr_t)argument;

	while (!stop)
		tafree(take(next_random(&seed) % 100000, shared_fill));
	return NULL;
}

static void forks_while_threads_allocate(unsigned char fill)
{
	pthread_t threads[N_THREADS];
	int status;

	shared_fill = fill;
	for (uintptr_t i = 0; i < N_THREADS; i++)
		EXPECT(!pthread_create(&threads[i], NULL, take_until_stopped, (void *)(i + 1)));
	for (unsigned i = 0; i < N_FORKS; i++) {
		pid_t pid = fork();

		EXPECT(pid >= 0);
		if (!pid) {
			alarm(20);
			for (unsigned k = 0; k < N_SIZES; k++) {
				unsigned char *block = take(sizes[k], fill);

				expect_bytes(block, 0, sizes[k] < 100000 ? sizes[k] : 100000, fill);
				tafree(block);
			}
			_exit(0);
		}
		EXPECT(waitpid(pid, &status, 0) == pid && status == 0);
	}
	stop = true;
	for (unsigned i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
}

/* ---- wrong use ---- */

static void double_free_small(unsigned char fill)
{
	void *block = take(24, fill);

	tafree(block);
	tafree(block);
}

static void double_free_large(unsigned char fill)
{
	void *block = take(BLOCK_BYTES, fill);

	tafree(block);
	tafree(block);
}

static void free_of_a_stack_address(unsigned char fill)
{
	(void)fill;
	tafree(launder(&fill));
}

static void free_of_a_malloc(unsigned char fill)
{
	(void)fill;
	tafree(launder(malloc(100)));
}

static void free_of_the_inside_of_a_small_block(unsigned char fill)
{
	tafree(launder(take(100, fill) + 16));
}

static void free_of_the_inside_of_a_large_block(unsigned char fill)
{
	tafree(launder(take(BLOCK_BYTES, fill) + 4096));
}

static void realloc_of_a_freed_block(unsigned char fill)
{
	void *block = take(24, fill);

	tafree(block);
	EXPECT(tarealloc(launder(block), 100));
}

static const struct test_case cases[] = {
	CASE(every_usable_byte_is_the_fill),
	CASE(small_blocks_are_apart),
	CASE(large_blocks_commit_what_is_touched),
	CASE(small_blocks_share_pages),
	CASE(fresh_small_blocks_are_not_touched),
	CASE(small_blocks_touched_in_part_come_back_filled),
	CASE(small_blocks_used_again_commit_little_else),
	CASE(small_blocks_of_pages_are_aligned),
	CASE(errno_is_mallocs),
	CASE(realloc_keeps_and_fills),
	CASE(growing_stays_lazy),
	CASE(discard_empties),
	CASE(discard_gives_memory_back),
	CASE(stats_count),
	CASE(patterns_are_replaced),
	CASE(threads_free_each_others_blocks),
	CASE(threads_make_large_blocks_at_once),
	CASE(ended_threads_leave_nothing),
	CASE(forks_while_threads_allocate),
	DEATH(double_free_small, "this block was freed before"),
	DEATH(double_free_large, "not a block of tamalloc in use"),
	DEATH(free_of_a_stack_address, "not a block of tamalloc in use"),
	DEATH(free_of_a_malloc, "not a block of tamalloc in use"),
	DEATH(free_of_the_inside_of_a_small_block, "not the start of a block"),
	DEATH(free_of_the_inside_of_a_large_block, "not a block of tamalloc in use"),
	DEATH(realloc_of_a_freed_block, "this block was freed before"),
};

int main(void)
{
	return run_cases("libtamalloc", cases, N_CASES(cases));
}
