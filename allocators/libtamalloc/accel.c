// SPDX-License-Identifier: MIT
#include <pthread.h>
#include <string.h>

#include "accel.h"
#include "lock.h"
#include "prim.h"
#include "runs.h"
#include "signals.h"

#define VARIABLE      "TAMALLOC_ACCEL"
#define MIN_BYTES     ((size_t)2 << 20) /* of a block that is watched */
#define MAX_REGIONS   64
#define MAX_THREADS   64 /* that may be watched at once, beyond one fault in PERIOD */
#define PERIOD	      64
#define LONG_PERIOD   256			    /* of a thread whose last trap was at no run */
#define NO_EVENT      (-2)			    /* -1: it was refused */
#define COOKIE_SPARSE ((uint64_t)(uintptr_t)&state) /* nobody else's */
#define COOKIE_EVERY  (COOKIE_SPARSE + 1)

struct event {
	int fd, thread_id;
	uint64_t id;
};

/* A thread whose faults came in order once, with an event of its own for all of them. */
struct watched {
	int thread_id; /* 0: unused */
	bool on;
	struct event every;
	struct event
		*sparse; /* NULL: inherited from the thread that made this one; has no descriptor */
	bool is_slow;	 /* its period is long */
	struct ta__runs runs;
};

static enum { UNKNOWN, ON, OFF } state;
static bool forced, forced_on;

/* Written under the lock, read in the handler without. */
static struct ta__region regions[MAX_REGIONS];
static unsigned n_regions;

static struct event sparse[MAX_THREADS]; /* one for each thread there was at first; shared */
static unsigned n_sparse;
static bool sparse_on;
static int pagemap = -1, process_id;

static struct watched watched[MAX_THREADS];
static __thread struct watched *mine __attribute__((tls_model("initial-exec")));

/* ---- in the handler ---- */

static bool region_of(uintptr_t addr, struct ta__region *region)
{
	for (unsigned i = 0; i < MAX_REGIONS; i++) {
		uintptr_t lo = __atomic_load_n(&regions[i].lo, __ATOMIC_ACQUIRE);

		if (lo && addr >= lo && addr < __atomic_load_n(&regions[i].hi, __ATOMIC_RELAXED)) {
			*region = regions[i];
			return region->lo == lo; /* else it went meanwhile */
		}
	}
	return false;
}

static struct event *sparse_of(int thread_id)
{
	for (unsigned i = 0; i < n_sparse; i++)
		if (sparse[i].thread_id == thread_id)
			return &sparse[i];
	return NULL;
}

/* A place of a thread that ended is taken over. */
static struct watched *claim(void)
{
	int self = prim_thread_id();

	for (unsigned i = 0; i < MAX_THREADS; i++) {
		struct watched *place = &watched[i];
		int owner = __atomic_load_n(&place->thread_id, __ATOMIC_RELAXED);

		if (owner && prim_thread_is_alive(owner))
			continue;
		if (!__atomic_compare_exchange_n(&place->thread_id, &owner, self, false,
						 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			continue;
		if (owner)
			prim_event_close(place->every.fd, place->every.id);
		place->on = false;
		place->every.fd = NO_EVENT;
		place->sparse = sparse_of(self);
		place->is_slow = false;
		memset(&place->runs, 0, sizeof(place->runs));
		return place;
	}
	return NULL;
}

static void switch_every(struct watched *thread, bool on)
{
	if (on && thread->every.fd == NO_EVENT)
		thread->every.fd = prim_fault_event(0, 1, false, COOKIE_EVERY, &thread->every.id);
	if (thread->on != on && prim_event_switch(thread->every.fd, on))
		thread->on = on;
}

/* Traps that meet no run shall come less often. */
static void pace(struct watched *thread, bool at_run)
{
	if (thread->is_slow == !at_run)
		return;
	thread->is_slow = !at_run;
	if (thread->sparse)
		prim_event_period(thread->sparse->fd, thread->sparse->id,
				  at_run ? PERIOD : LONG_PERIOD);
}

/* Nothing left to watch: blocks made later switch it on again. */
static void rest(void)
{
	if (__atomic_exchange_n(&sparse_on, false, __ATOMIC_RELAXED))
		for (unsigned i = 0; i < n_sparse; i++)
			prim_event_switch(sparse[i].fd, false);
}

static bool on_fault(const struct prim_trap *trap)
{
	uintptr_t page = trap->addr & ~(uintptr_t)(prim_page_bytes() - 1);
	bool every = trap->cookie == COOKIE_EVERY;
	struct watched *thread = mine;
	struct ta__region region;

	if (trap->cookie != COOKIE_SPARSE && !every)
		return false;
	if (trap->late)
		return true;
	if (!__atomic_load_n(&n_regions, __ATOMIC_RELAXED)) {
		rest();
		if (thread)
			switch_every(thread, false);
		return true;
	}
	if (!region_of(page, &region)) {
		if (thread && thread->on)
			switch_every(thread, ta__runs_other_fault(&thread->runs));
		else if (thread)
			pace(thread, false);
		return true;
	}
	if (!thread)
		thread = mine = claim();
	if (!thread)
		return true;
	/* while every fault is seen, those of the other event are among them */
	switch_every(thread, ta__runs_fault(&thread->runs, &region, page, thread->on));
	if (!every)
		pace(thread, thread->on);
	return true;
}

/* ---- on and off ---- */

static void close_events(void)
{
	for (unsigned i = 0; i < n_sparse; i++)
		prim_event_close(sparse[i].fd, sparse[i].id);
	for (unsigned i = 0; i < MAX_THREADS; i++)
		if (watched[i].thread_id)
			prim_event_close(watched[i].every.fd, watched[i].every.id);
	n_sparse = 0;
	sparse_on = false;
}

/* The events and what is known of the threads are the parent's; its pagemap is of the parent's
 * memory. */
static void in_child(void)
{
	if (state != ON)
		return;
	close_events();
	memset(watched, 0, sizeof(watched));
	mine = NULL;
	pagemap = -1; /* not closed: the number may be the program's by now */
	ta__runs_begin(-1);
	state = UNKNOWN;
}

static void add_event(int thread_id)
{
	struct event *event = &sparse[n_sparse];

	if (n_sparse == MAX_THREADS)
		return;
	event->thread_id = thread_id ? thread_id : prim_thread_id();
	event->fd = prim_fault_event(thread_id, PERIOD, true, COOKIE_SPARSE, &event->id);
	n_sparse += event->fd >= 0;
}

static bool is_wanted(void)
{
	const char *value;

	if (forced)
		return forced_on;
	value = prim_getenv(VARIABLE);
	if (!value || !*value || !strcmp(value, "0"))
		return false;
	if (strcmp(value, "1"))
		prim_warn(VARIABLE "='%s' is unknown: say 1 or 0; 0 is used", value);
	return !strcmp(value, "1");
}

/* The program's own handler stays, and so do a debugger's traps: not accelerated then. */
static bool begin(void)
{
	static bool has_child_handler;

	if (!is_wanted() || prim_trap_disposition() == PRIM_OTHER || prim_is_traced())
		return false;
	if (!ta__signals_watch(ta__accel_yield) && !forced) {
		prim_warn(VARIABLE "=1: the program's sigaction() is the C library's: link it with "
				   "libtamalloc-signals, as `pkg-config --libs tamalloc` says; "
				   "not accelerated");
		return false;
	}
	if (!has_child_handler && pthread_atfork(NULL, NULL, in_child))
		return false;
	has_child_handler = true;
	pagemap = prim_open_pagemap();
	if (pagemap < 0)
		return false;
	process_id = prim_process_id();
	ta__runs_begin(pagemap);
	add_event(0);
	if (n_sparse && (prim_is_single_threaded() || prim_other_threads(add_event)) &&
	    prim_trap_install(on_fault))
		return true;
	close_events();
	prim_close(pagemap);
	pagemap = -1;
	return false;
}

/* The program took SIGTRAP for itself. */
static void end(void)
{
	close_events();
	__atomic_store_n(&state, OFF, __ATOMIC_RELAXED);
}

/* Between vfork and exec the memory is the parent's, the signals and descriptors are not. */
void ta__accel_yield(void)
{
	if (ta__accel_is_on() && prim_process_id() == process_id)
		end();
}

void ta__accel_force(bool on)
{
	forced = true;
	forced_on = on;
}

bool ta__accel_is_on(void)
{
	return __atomic_load_n(&state, __ATOMIC_RELAXED) == ON;
}

/* ---- blocks ---- */

static bool is_for_us(const struct ta__block *block)
{
	return block->bytes >= MIN_BYTES && (block->kind == TA__ANON || block->kind == TA__TILES) &&
	       __atomic_load_n(&state, __ATOMIC_RELAXED) != OFF;
}

static void put_region(const struct ta__block *block)
{
	for (unsigned i = 0; i < MAX_REGIONS; i++)
		if (!regions[i].lo) {
			regions[i].hi = (uintptr_t)block->addr + block->bytes;
			regions[i].may_be_huge = block->kind == TA__ANON;
			__atomic_store_n(&regions[i].lo, (uintptr_t)block->addr, __ATOMIC_RELEASE);
			__atomic_store_n(&n_regions, n_regions + 1, __ATOMIC_RELAXED);
			return;
		}
}

void ta__accel_add(const struct ta__block *block)
{
	if (!is_for_us(block))
		return;
	ta__lock(TA__LOCK_ACCEL);
	if (state == UNKNOWN)
		__atomic_store_n(&state, begin() ? ON : OFF, __ATOMIC_RELAXED);
	else if (state == ON && prim_trap_disposition() != PRIM_OURS)
		end();
	if (state == ON) {
		if (block->kind == TA__ANON) /* also where huge pages are the default */
			prim_advise_small(block->addr, block->bytes);
		put_region(block);
		if (mine) /* it may be used in another way than the last */
			pace(mine, true);
		if (!__atomic_exchange_n(&sparse_on, true, __ATOMIC_RELAXED))
			for (unsigned i = 0; i < n_sparse; i++)
				prim_event_switch(sparse[i].fd, true);
	}
	ta__unlock(TA__LOCK_ACCEL);
}

void ta__accel_remove(const struct ta__block *block)
{
	if (!is_for_us(block))
		return;
	ta__lock(TA__LOCK_ACCEL);
	for (unsigned i = 0; i < MAX_REGIONS; i++)
		if (regions[i].lo == (uintptr_t)block->addr) {
			__atomic_store_n(&regions[i].lo, 0, __ATOMIC_RELEASE);
			__atomic_store_n(&n_regions, n_regions - 1, __ATOMIC_RELAXED);
			break;
		}
	ta__unlock(TA__LOCK_ACCEL);
}

bool ta__accel_make_small(const struct ta__block *block, size_t from, size_t to)
{
	return block->kind == TA__ANON && ta__runs_has_advised() &&
	       prim_advise_small(block->addr + from, to - from);
}
