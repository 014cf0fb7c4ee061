// SPDX-License-Identifier: MIT
#include <string.h>

#include "prim.h"
#include "runs.h"

#define PAGE	       prim_page_bytes()
#define HUGE_BYTES     ((uintptr_t)2 << 20)
#define HUGE_PAGES     (HUGE_BYTES / PAGE)
#define EVIDENCE       8    /* pages behind a fault that make it a part of a run */
#define LOOK_BACK      64   /* pages: no longer a run is seen at first */
#define MIN_AHEAD      8    /* pages: fewer are not worth a call */
#define LONG_RUN       1024 /* pages from which a run goes on in huge ones, if */
#define PROVE_FROM     64 /* pages: from so many ahead on, one more behind their end must follow */
#define HUGE_WASTE_PCT 27 /* of all that was written are at most in vain then */
#define SHARE_OF_SHORT 8  /* one in so many of a run's pages may be ahead, */
#define SHARE_OF_LONG  5
#define SHARE_OF_ALL   5  /* and of all that was written by the thread */
#define FIRST_CREDIT   16 /* faults that may be watched in vain */
#define MOST_CREDIT    64
#define WORTH	       8  /* credit for a fault that continued a run */
#define WEIGHED	       64 /* single pages whose time is known well enough */
#define DEAR	       2  /* times what single pages take: what a huge one may not take */
#define NEAR	       64 /* pages: so far behind its start, single ones still become a huge page */

static int pagemap = -1;
static enum { HUGE_UNKNOWN, HUGE_TO_BE_HAD, HUGE_NEVER } huge_pages;
static bool populate_fails, make_huge_fails, has_advised;
static struct ta__runs_count count;

void ta__runs_begin(int pagemap_fd)
{
	__atomic_store_n(&pagemap, pagemap_fd, __ATOMIC_RELAXED);
	__atomic_store_n(&huge_pages, HUGE_UNKNOWN, __ATOMIC_RELAXED);
}

void ta__runs_get_count(struct ta__runs_count *copy)
{
	copy->runs = __atomic_load_n(&count.runs, __ATOMIC_RELAXED);
	copy->ahead_pages = __atomic_load_n(&count.ahead_pages, __ATOMIC_RELAXED);
	copy->used_pages = __atomic_load_n(&count.used_pages, __ATOMIC_RELAXED);
}

bool ta__runs_has_advised(void)
{
	return __atomic_load_n(&has_advised, __ATOMIC_RELAXED);
}

static void add_count(uint64_t *counter, uint64_t add)
{
	__atomic_fetch_add(counter, add, __ATOMIC_RELAXED);
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* ---- evidence ---- */

/* Which pages of [first, first + n) were written; those outside of the region were not. */
static bool look(const struct ta__region *region, uintptr_t first, size_t n, bool *own)
{
	size_t skip = first < region->lo ? (region->lo - first) / PAGE : 0;
	size_t end = first + n * PAGE > region->hi ? (region->hi - first) / PAGE : n;

	memset(own, 0, n * sizeof(*own));
	return prim_own_pages(__atomic_load_n(&pagemap, __ATOMIC_RELAXED), first + skip * PAGE,
			      end - skip, own + skip);
}

static bool all(const bool *own, size_t n, bool value)
{
	for (size_t i = 0; i < n; i++)
		if (own[i] != value)
			return false;
	return true;
}

/* Of a run that has reached page: how many of the pages before it were written without a gap. */
static size_t length_so_far(const struct ta__region *region, uintptr_t page, bool descends)
{
	bool own[LOOK_BACK];
	size_t n = 0;

	if (!look(region, descends ? page + PAGE : page - LOOK_BACK * PAGE, LOOK_BACK, own))
		return 0;
	while (n < LOOK_BACK && own[descends ? n : LOOK_BACK - 1 - n])
		n++;
	return n;
}

static bool was_written(uintptr_t page)
{
	bool own = false;

	return prim_own_pages(__atomic_load_n(&pagemap, __ATOMIC_RELAXED), page, 1, &own) && own;
}

/* ---- going ahead ---- */

/* Asked when a run is long enough: most programs have none. */
static bool has_huge_pages(void)
{
	if (__atomic_load_n(&huge_pages, __ATOMIC_RELAXED) == HUGE_UNKNOWN)
		__atomic_store_n(&huge_pages, prim_has_huge_pages() ? HUGE_TO_BE_HAD : HUGE_NEVER,
				 __ATOMIC_RELAXED);
	return __atomic_load_n(&huge_pages, __ATOMIC_RELAXED) == HUGE_TO_BE_HAD;
}

/* Pages that were made for the run, and are not known to be written. */
static size_t not_used(const struct ta__run *run)
{
	return run->ahead + run->unproved - run->others;
}

static size_t outstanding(const struct ta__runs *runs)
{
	size_t pages = 0;

	for (unsigned i = 0; i < TA__N_RUNS; i++)
		pages += not_used(&runs->runs[i]);
	return pages;
}

/* Pages to make ahead of the run now, where its last fault has made some already: not past the
 * length of the run before it, nor too many in all. */
static size_t window(const struct ta__runs *runs, const struct ta__run *run, size_t made)
{
	size_t limit = runs->written / SHARE_OF_ALL,
	       spent = runs->wasted + outstanding(runs) + made;
	size_t pages = run->pages / (run->pages < LONG_RUN ? SHARE_OF_SHORT : SHARE_OF_LONG);

	if (run->pages < runs->typical)
		pages = smaller(run->pages, runs->typical - run->pages);
	return smaller(larger(pages, MIN_AHEAD), limit > spent ? limit - spent : 0);
}

/* The edge of what the run has reached: the next page's start, or, descending, the last one's. */
static uintptr_t edge_after(const struct ta__run *run, uintptr_t page)
{
	return run->descends ? page : page + PAGE;
}

static uintptr_t next_from(const struct ta__run *run, uintptr_t edge)
{
	return run->descends ? edge - PAGE : edge;
}

static size_t room_from(const struct ta__run *run, const struct ta__region *region, uintptr_t edge)
{
	return (run->descends ? edge - region->lo : region->hi - edge) / PAGE;
}

/* From one edge of the run to another, which is further. */
static size_t pages_between(const struct ta__run *run, uintptr_t edge, uintptr_t further)
{
	return (run->descends ? edge - further : further - edge) / PAGE;
}

/* Pages from the edge to the next boundary of huge pages. */
static size_t rest_from(const struct ta__run *run, uintptr_t edge)
{
	return (run->descends ? edge : -edge) % HUGE_BYTES / PAGE;
}

/* Where other threads write, too: a page is to be counted by one of them only. */
static void count_others(struct ta__run *run, uintptr_t first, size_t n)
{
	bool own[LOOK_BACK];

	if (prim_is_single_threaded())
		return;
	for (size_t at = 0; at < n; at += LOOK_BACK) {
		size_t length = smaller(LOOK_BACK, n - at);
		bool known = prim_own_pages(__atomic_load_n(&pagemap, __ATOMIC_RELAXED),
					    first + at * PAGE, length, own);

		for (size_t i = 0; i < length; i++)
			run->others += !known || own[i];
	}
}

static bool populate(struct ta__run *run, uintptr_t *edge, size_t pages)
{
	uintptr_t lo = run->descends ? *edge - pages * PAGE : *edge;

	if (!pages)
		return true;
	count_others(run, lo, pages);
	if (!prim_populate((void *)lo, pages * PAGE)) {
		run->others = 0;
		if (prim_kernel_cannot())
			populate_fails = true;
		return false;
	}
	*edge = run->descends ? lo : lo + pages * PAGE;
	return true;
}

/*
 * From a boundary of huge pages on, the next faults make huge pages. edge is such a boundary,
 * behind which nothing is advised yet. false: no whole one is left in the region.
 */
static bool advise(struct ta__run *run, const struct ta__region *region, uintptr_t edge)
{
	size_t room = room_from(run, region, edge) * PAGE / HUGE_BYTES * HUGE_BYTES;
	size_t bytes = run->pages / SHARE_OF_LONG * PAGE / HUGE_BYTES * HUGE_BYTES;
	uintptr_t lo;

	if (bytes < HUGE_BYTES)
		bytes = HUGE_BYTES;
	bytes = smaller(bytes, room);
	lo = run->descends ? edge - bytes : edge;
	if (!bytes || !prim_advise_huge((void *)lo, bytes))
		return false;
	__atomic_store_n(&has_advised, true, __ATOMIC_RELAXED);
	run->advised[0] = lo;
	run->advised[1] = lo + bytes;
	return true;
}

static bool is_advised(const struct ta__run *run, uintptr_t page)
{
	return page >= run->advised[0] && page < run->advised[1];
}

/* So many pages more in vain, beside what the thread has written? */
static bool may_waste(const struct ta__runs *runs, size_t pages)
{
	size_t waste = runs->wasted + outstanding(runs) + pages;

	return waste * 100 <= runs->written * HUGE_WASTE_PCT;
}

/* What was asked for and is not reached yet shall be pages again: the thread went elsewhere. */
static void retract(struct ta__run *run)
{
	uintptr_t lo = run->advised[0], hi = run->advised[1];

	if (!is_advised(run, run->next))
		return;
	if (run->descends)
		hi = run->next + PAGE;
	else
		lo = run->next;
	prim_advise_small((void *)lo, hi - lo);
	run->advised[0] = run->advised[1] = 0;
}

/* The thread's fault was not where a run expected it, and may have made a huge page of that run's.
 */
static void count_stray(struct ta__runs *runs, uintptr_t page)
{
	for (unsigned i = 0; i < TA__N_RUNS; i++)
		if (runs->runs[i].pages && is_advised(&runs->runs[i], page))
			runs->wasted += HUGE_PAGES - 1;
}

static void retract_all(struct ta__runs *runs)
{
	for (unsigned i = 0; i < TA__N_RUNS; i++)
		if (runs->runs[i].pages)
			retract(&runs->runs[i]);
}

/*
 * The run has come to page, and the thread took so long for that, and for what was made ahead. A
 * huge page may have to be made free first, by moving others or by a hypervisor; where that takes
 * longer than single pages do, the run goes on in those until it is twice as long.
 */
static void weigh(struct ta__run *run, uintptr_t page, uint64_t took_ns)
{
	size_t pages = run->made + (is_advised(run, page) ? HUGE_PAGES : 1);

	if (!is_advised(run, page) && !run->made_huge) {
		run->small_ns += took_ns;
		run->small_pages += pages;
		return;
	}
	if (run->small_pages >= WEIGHED &&
	    took_ns / pages > DEAR * run->small_ns / run->small_pages)
		run->huge_from = 2 * run->pages;
}

/* Single pages behind edge, a few, and none before it: they become a huge page. */
static bool make_huge(struct ta__run *run, const struct ta__region *region, uintptr_t *edge)
{
	uintptr_t lo = next_from(run, *edge) / HUGE_BYTES * HUGE_BYTES, hi = lo + HUGE_BYTES;

	if (make_huge_fails || lo < region->lo || hi > region->hi)
		return false;
	__atomic_store_n(&has_advised, true, __ATOMIC_RELAXED);
	count_others(run, run->descends ? lo : *edge, rest_from(run, *edge));
	if (!prim_make_huge((void *)lo, HUGE_BYTES)) {
		run->others = 0;
		if (prim_kernel_cannot())
			make_huge_fails = true;
		else
			run->huge_from = 2 * run->pages;
		return false;
	}
	run->made_huge = true;
	*edge = run->descends ? lo : hi;
	return true;
}

/*
 * false: pages as before. edge is behind made pages that the fault has made beside its own.
 *
 * A run may end at once, and its thread's next touch may be of what was asked to be huge: then all
 * that was made, the pages up to a boundary of huge pages, and a whole huge page are in vain. Where
 * that is too much, only what the run comes to becomes huge: no fault elsewhere can make it so.
 * Nor with other threads, whose touches of what was asked for are not known here.
 */
static bool go_on_huge(const struct ta__runs *runs, struct ta__run *run,
		       const struct ta__region *region, uintptr_t *edge, size_t made)
{
	size_t rest = rest_from(run, *edge), room = room_from(run, region, *edge);
	bool may_ask = prim_is_single_threaded() && may_waste(runs, made + rest + HUGE_PAGES),
	     begun = rest + NEAR >= HUGE_PAGES;

	if (run->pages < run->huge_from || !may_ask)
		retract(run);
	if (run->pages < run->huge_from || run->pages < LONG_RUN || !region->may_be_huge ||
	    !may_waste(runs, HUGE_PAGES) || !has_huge_pages())
		return false;
	if (!(begun && room >= rest && make_huge(run, region, edge)) &&
	    ((begun && !may_ask) || room < rest + HUGE_PAGES || !populate(run, edge, rest)))
		return false;
	if (!may_ask || is_advised(run, next_from(run, *edge)) || advise(run, region, *edge))
		return true;
	run->huge_from = SIZE_MAX;
	return run->made_huge;
}

static void forget(struct ta__runs *runs, struct ta__run *run)
{
	if (run->pages)
		retract(run);
	runs->wasted += not_used(run);
	if (run->pages > LOOK_BACK)
		runs->typical = run->pages;
	*run = (struct ta__run){0};
}

/* All that was made for the run is written. */
static void credit(struct ta__runs *runs, struct ta__run *run)
{
	runs->written += not_used(run);
	add_count(&count.used_pages, not_used(run));
	run->pages += run->ahead + run->unproved;
	run->ahead = run->unproved = run->others = 0;
}

/*
 * The run's next page was just written. So were those made ahead of it, if this was the run: a
 * stride may meet this one page by chance, and then passes over the one behind it.
 */
static void arrive(struct ta__runs *runs, struct ta__run *run, uintptr_t page, uint64_t took_ns)
{
	run->pages++;
	runs->written++;
	if (run->ahead >= PROVE_FROM && !is_advised(run, page)) {
		run->unproved = run->ahead;
		run->ahead = 0;
	} else {
		credit(runs, run);
	}
	if (took_ns)
		weigh(run, page, took_ns);
	run->made = 0;
	run->made_huge = false;
}

/* The run has reached page, which was just written. */
static void extend(struct ta__runs *runs, struct ta__run *run, const struct ta__region *region,
		   uintptr_t page)
{
	uintptr_t start = edge_after(run, page), edge = start;
	size_t pages, by_fault; /* beside page */

	run->stamp = ++runs->now;
	if (is_advised(run, page)) /* this fault made the whole huge page */
		edge = run->descends ? page / HUGE_BYTES * HUGE_BYTES
				     : (page / HUGE_BYTES + 1) * HUGE_BYTES;
	by_fault = pages_between(run, start, edge);
	if (run->pages >= EVIDENCE && !populate_fails && !run->unproved) {
		if (!was_written(page)) { /* it reads: that makes no memory, and shall make none */
			forget(runs, run);
			return;
		}
		if (!go_on_huge(runs, run, region, &edge, by_fault)) {
			pages = window(runs, run, pages_between(run, start, edge));
			pages = smaller(pages, room_from(run, region, edge));
			/* A huge page may begin at the boundary: the run shall come to it. */
			if (region->may_be_huge && run->pages >= LONG_RUN &&
			    run->pages >= run->huge_from && rest_from(run, edge))
				pages = smaller(pages, rest_from(run, edge));
			if (pages >= MIN_AHEAD && !populate(run, &edge, pages)) {
				forget(runs, run);
				return;
			}
		}
	}
	run->ahead = pages_between(run, start, edge);
	run->made = run->ahead - by_fault;
	add_count(&count.ahead_pages, run->unproved ? 0 : not_used(run));
	if (room_from(run, region, edge) == 0) { /* the region's end: as good as known */
		credit(runs, run);
		forget(runs, run);
		return;
	}
	run->next = next_from(run, edge);
}

/* ---- which run ---- */

/* Between its last fault and the next that was expected: the kernel had no huge page. */
static bool missed_huge(const struct ta__run *run, uintptr_t page)
{
	uintptr_t far = run->descends ? page - run->next : run->next - page;

	return run->ahead && far && far <= run->ahead * PAGE;
}

static struct ta__run *run_of(struct ta__runs *runs, uintptr_t page, uint64_t took_ns)
{
	for (unsigned i = 0; i < TA__N_RUNS; i++) {
		struct ta__run *run = &runs->runs[i];

		if (!run->pages)
			continue;
		if (run->next == page) {
			arrive(runs, run, page, took_ns);
			return run;
		}
		if (missed_huge(run, page)) {
			retract(run);
			run->huge_from = 2 * (run->pages + 1);
			add_count(&count.ahead_pages, -(uint64_t)not_used(run));
			run->ahead = run->others = 0;
			run->pages++;
			runs->written++;
			return run;
		}
		/* One page so far, and now the one below: it descends. */
		if (run->pages == 1 && page == run->next - 2 * PAGE) {
			run->descends = true;
			run->pages = 2;
			runs->written++;
			return run;
		}
	}
	return NULL;
}

static struct ta__run *new_run(struct ta__runs *runs)
{
	struct ta__run *oldest = &runs->runs[0];

	for (unsigned i = 1; i < TA__N_RUNS; i++)
		if (runs->runs[i].stamp < oldest->stamp)
			oldest = &runs->runs[i];
	forget(runs, oldest);
	return oldest;
}

/* One fault in many: is it at the edge of pages written in order? */
static bool looks_like_run(struct ta__runs *runs, const struct ta__region *region, uintptr_t page)
{
	bool own[2 * EVIDENCE + 1]; /* page is in the middle */
	bool descends;
	struct ta__run *run;
	size_t pages;

	if (!look(region, page - EVIDENCE * PAGE, 2 * EVIDENCE + 1, own))
		return false;
	descends = all(own + EVIDENCE, EVIDENCE + 1, true) && all(own, EVIDENCE, false);
	if (!descends &&
	    !(all(own, EVIDENCE + 1, true) && all(own + EVIDENCE + 1, EVIDENCE, false)))
		return false;
	pages = length_so_far(region, page, descends) + 1;
	run = new_run(runs);
	run->descends = descends;
	run->pages = pages;
	/* A run that was lost sight of may be longer; what it wrote before is known already. */
	runs->written += pages;
	add_count(&count.runs, 1);
	extend(runs, run, region, page);
	return run->pages;
}

static bool still_worth(struct ta__runs *runs, int credit)
{
	runs->credit += credit;
	if (runs->credit > MOST_CREDIT)
		runs->credit = MOST_CREDIT;
	runs->watches = runs->credit > 0;
	if (!runs->watches)
		retract_all(runs);
	return runs->watches;
}

bool ta__runs_other_fault(struct ta__runs *runs)
{
	return still_worth(runs, -1);
}

bool ta__runs_fault(struct ta__runs *runs, const struct ta__region *region, uintptr_t page,
		    bool every)
{
	struct ta__run *run;
	uint64_t before_ns = runs->at_ns;

	if (every && page == runs->last) /* both events saw this fault */
		return runs->watches;
	runs->last = page;
	runs->at_ns = prim_thread_ns();
	run = run_of(runs, page, every ? runs->at_ns - before_ns : 0);
	if (run) {
		bool grown = run->pages >= EVIDENCE;

		extend(runs, run, region, page);
		if (!every)
			runs->credit = FIRST_CREDIT;
		return still_worth(runs, !run->pages ? -1 : grown ? WORTH : 0);
	}
	if (!every) {
		if (!looks_like_run(runs, region, page))
			return false;
		runs->credit = FIRST_CREDIT;
		return still_worth(runs, 0);
	}
	count_stray(runs, page);
	retract_all(runs);
	run = new_run(runs);
	run->pages = 1;
	run->next = page + PAGE;
	run->stamp = ++runs->now;
	return still_worth(runs, -1);
}
