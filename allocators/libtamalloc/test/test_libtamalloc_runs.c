// SPDX-License-Identifier: MIT
/* Sequential runs with the calls to the operating system, and the time, as each case says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "libtamalloc/prim.h"

#define PAGE_BYTES ((uintptr_t)4096)
#define LO	   ((uintptr_t)1 << 32)
#define PAGES	   ((size_t)65536)
#define PER_HUGE   ((size_t)512)

/* A machine: which pages are there, which shall be huge, and what making one takes. */
static bool present[PAGES], huge[PAGES];
static uint64_t now_ns, small_ns, huge_ns;
static size_t n_present, huge_made, asked; /* for huge pages: single ones of them, not there yet */
static bool single_threaded = true, can_make_huge = true;

static size_t number(const void *addr)
{
	return ((uintptr_t)addr - LO) / PAGE_BYTES;
}

static void make_whole(size_t first)
{
	for (size_t i = first; i < first + PER_HUGE; i++) {
		n_present += !present[i];
		asked -= huge[i] && !present[i];
	}
	memset(present + first, true, PER_HUGE);
	now_ns += huge_ns;
	huge_made++;
}

static void make_page(size_t page)
{
	size_t first = page / PER_HUGE * PER_HUGE;

	if (huge[page]) {
		make_whole(first);
	} else {
		present[page] = true;
		n_present++;
		now_ns += small_ns;
	}
}

static size_t mock_page_bytes(void)
{
	return PAGE_BYTES;
}

static bool mock_populate(void *addr, size_t bytes)
{
	for (size_t i = number(addr); i < number(addr) + bytes / PAGE_BYTES; i++)
		if (!present[i])
			make_page(i);
	return true;
}

static bool mock_kernel_cannot(void)
{
	return !can_make_huge;
}

static bool set_huge(const void *addr, size_t bytes, bool value)
{
	assert_true(number(addr) + bytes / PAGE_BYTES <= PAGES);
	for (size_t i = number(addr); i < number(addr) + bytes / PAGE_BYTES; i++) {
		asked -= huge[i] && !present[i];
		huge[i] = value;
		asked += huge[i] && !present[i];
	}
	return true;
}

static bool mock_advise_huge(void *addr, size_t bytes)
{
	return set_huge(addr, bytes, true);
}

static bool mock_make_huge(void *addr, size_t bytes)
{
	assert_int_equal(bytes, PER_HUGE * PAGE_BYTES);
	assert_int_equal(number(addr) % PER_HUGE, 0);
	if (can_make_huge) {
		set_huge(addr, bytes, false);
		make_whole(number(addr));
	}
	return can_make_huge;
}

static bool mock_advise_small(void *addr, size_t bytes)
{
	return set_huge(addr, bytes, false);
}

static bool mock_has_huge_pages(void)
{
	return true;
}

static bool mock_own_pages(int pagemap, uintptr_t addr, size_t count, bool *own)
{
	assert_int_equal(pagemap, 7);
	memcpy(own, present + (addr - LO) / PAGE_BYTES, count);
	return true;
}

static bool mock_is_single_threaded(void)
{
	return single_threaded;
}

static uint64_t mock_thread_ns(void)
{
	return now_ns;
}

/* runs.c with these instead of prim.h's; the library's own then is not linked. */
#define prim_page_bytes		mock_page_bytes
#define prim_populate		mock_populate
#define prim_kernel_cannot	mock_kernel_cannot
#define prim_advise_huge	mock_advise_huge
#define prim_advise_small	mock_advise_small
#define prim_make_huge		mock_make_huge
#define prim_has_huge_pages	mock_has_huge_pages
#define prim_own_pages		mock_own_pages
#define prim_is_single_threaded mock_is_single_threaded
#define prim_thread_ns		mock_thread_ns
#include "libtamalloc/runs.c" /* NOLINT(bugprone-suspicious-include) */

/* Huge pages that are asked for and not made yet. */
static size_t huge_asked_for(void)
{
	return asked / PER_HUGE;
}

/* A thread on a region of which nothing was touched. */
static struct thread {
	struct ta__region region;
	struct ta__runs runs;
	size_t faults;
	bool every;
} thread;

static void begin(void)
{
	memset(present, false, sizeof(present));
	memset(huge, false, sizeof(huge));
	n_present = huge_made = asked = 0;
	make_huge_fails = false;
	thread = (struct thread){
		.region = {.lo = LO, .hi = LO + PAGES * PAGE_BYTES, .may_be_huge = true}};
	ta__runs_begin(7);
}

static void write_page(size_t page)
{
	if (present[page])
		return;
	make_page(page);
	if (thread.every || thread.faults % 64 == 63)
		thread.every = ta__runs_fault(&thread.runs, &thread.region, LO + page * PAGE_BYTES,
					      thread.every);
	thread.faults++;
}

/*
 * Writes all pages in order, and could stop at each, or touch next what was asked to be huge;
 * returns how many were made by faults.
 */
static size_t write_all(bool descends)
{
	begin();
	for (size_t i = 0; i < PAGES; i++) {
		write_page(descends ? PAGES - 1 - i : i);
		assert_true(n_present * 100 <= (i + 1) * 130);
		if (huge_asked_for())
			assert_true((n_present + PER_HUGE) * 100 <= (i + 2) * 130);
	}
	return thread.faults;
}

static void huge_pages_that_are_cheap(void **state)
{
	(void)state;
	small_ns = 600;
	huge_ns = PER_HUGE * small_ns / 4;
	for (int descends = 0; descends <= 1; descends++) {
		assert_true(write_all(descends) < 250);
		assert_in_range(huge_made, 120, 127);
	}
}

/* As dear as single pages, they are still used: each saves the rest. */
static void huge_pages_that_cost_the_same(void **state)
{
	(void)state;
	small_ns = 600;
	huge_ns = PER_HUGE * small_ns;
	write_all(false);
	assert_in_range(huge_made, 120, 127);
}

/*
 * A block of 16 MiB: from 7.4 MiB on a run may waste one huge page, but not two, and what is asked
 * for may be touched astray. So single pages become huge behind the run, to the end of the block.
 */
static void huge_pages_of_single_ones(void **state)
{
	(void)state;
	small_ns = 600;
	huge_ns = PER_HUGE * small_ns / 4;
	for (int descends = 0; descends <= 1; descends++) {
		begin();
		thread.region.hi = LO + 8 * PER_HUGE * PAGE_BYTES;
		for (size_t i = 0; i < 8 * PER_HUGE; i++) {
			write_page(descends ? 8 * PER_HUGE - 1 - i : i);
			assert_int_equal(huge_asked_for(), 0);
			assert_true(n_present * 100 <= (i + 1) * 130);
		}
		assert_int_equal(huge_made, 4);
	}
}

/* Before Linux 6.1: few, until a second one may be wasted. */
static void huge_pages_only_if_asked(void **state)
{
	(void)state;
	small_ns = 600;
	huge_ns = PER_HUGE * small_ns / 4;
	can_make_huge = false;
	for (int descends = 0; descends <= 1; descends++) {
		assert_true(write_all(descends) < 250); /* single ones go on instead */
		assert_in_range(huge_made, 118, 125);
	}
	can_make_huge = true;
}

/* Each time that the run has become twice as long, one more is tried: at 8, 16, 32, 64, 128 MiB. */
static void huge_pages_that_are_dear(void **state)
{
	(void)state;
	small_ns = 600;
	huge_ns = 4000000;
	for (int descends = 0; descends <= 1; descends++) {
		assert_true(write_all(descends) < 250);
		assert_in_range(huge_made, 3, 6);
	}
}

/* Where everything is slow, huge pages are no slower. */
static void all_pages_are_dear(void **state)
{
	(void)state;
	small_ns = 8000;
	huge_ns = 4000000;
	write_all(false);
	assert_in_range(huge_made, 120, 127);
}

/*
 * Another thread could touch what was asked for: nothing is. And what it has written before the
 * run comes to it, the run does not count as its own.
 */
static void other_threads(void **state)
{
	size_t counted;

	(void)state;
	single_threaded = false;
	small_ns = 600;
	huge_ns = PER_HUGE * small_ns / 4;
	begin();
	for (size_t page = 0; page < PAGES; page += 64) {
		for (size_t i = page; i < page + 64; i++)
			write_page(i);
		assert_int_equal(huge_asked_for(), 0);
	}
	assert_in_range(huge_made, 120, 127);
	assert_int_equal(thread.runs.written, PAGES);
	begin();
	for (size_t i = 1400; i < 1420; i++)
		make_page(i);
	for (size_t i = 0; i < 3000; i++)
		write_page(i);
	counted = thread.runs.written + thread.runs.wasted + outstanding(&thread.runs);
	assert_true(counted <= n_present - 20);
	assert_true(thread.runs.written > 2000);
	single_threaded = true;
}

/* The thread goes elsewhere, into a huge page that its run has asked for: that is waste. */
static void a_stray_touch(void **state)
{
	size_t page = 0;

	(void)state;
	small_ns = 600;
	huge_ns = PER_HUGE * small_ns / 4;
	begin();
	while (huge_asked_for() < 2)
		write_page(page++);
	for (page = PAGES - 1; !huge[page] || present[page];)
		page--; /* the end of what was asked for */
	assert_int_equal(thread.runs.wasted, 0);
	write_page(page);
	assert_true(thread.runs.wasted >= PER_HUGE - 1);
	assert_int_equal(huge_asked_for(), 0);
}

/* A run ends, and a stride meets the end of what was made ahead of it: no proof that it went on. */
static void a_stride_that_meets_the_end(void **state)
{
	size_t page = 0, before, strides = 0;

	(void)state;
	small_ns = 600;
	begin();
	thread.region.may_be_huge = false;
	do {
		before = n_present;
		write_page(page++);
	} while (n_present < before + 600);
	while (present[page])
		page++;
	for (before = n_present; page < PAGES; page += 3, strides++)
		write_page(page);
	assert_int_equal(n_present, before + strides); /* nothing but what was touched */
	assert_true(thread.runs.wasted >= 600);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(huge_pages_that_are_cheap),
		cmocka_unit_test(huge_pages_that_cost_the_same),
		cmocka_unit_test(huge_pages_of_single_ones),
		cmocka_unit_test(huge_pages_only_if_asked),
		cmocka_unit_test(huge_pages_that_are_dear),
		cmocka_unit_test(all_pages_are_dear),
		cmocka_unit_test(other_threads),
		cmocka_unit_test(a_stray_touch),
		cmocka_unit_test(a_stride_that_meets_the_end),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("libtamalloc_runs", tests, NULL, NULL);
}
