// SPDX-License-Identifier: MIT
/*
 * threads: as many threads as the cell says write the pages, each a share of its own that has no
 * gaps, in ascending order. They are started before the baseline and wait; to wake them and to wait
 * for them is part of the phase touch.
 */
#define TOUCH_WRITES true
#include "touch.h"

#include <pthread.h>

struct crew;

struct member {
	struct crew *crew;
	unsigned number;
	pthread_t thread;
};

struct crew {
	const struct wl *w;
	pthread_barrier_t begin, end;
	unsigned size; /* the calling thread is number 0 */
	bool dismissed;
	struct member members[];
};

static inline uint64_t page_at(const struct wl *w, uint64_t k)
{
	(void)w;
	return k;
}

static uint64_t pages(size_t size_bytes, size_t page_bytes, const int64_t *params)
{
	(void)params;
	return region_pages(size_bytes, page_bytes);
}

NO_LOOK_UPS static void touch_share(const struct crew *crew, unsigned number)
{
	struct wl view = *crew->w;
	uint64_t all = pages(view.size_bytes, view.page_bytes, view.params);
	uint64_t from = all * number / crew->size, to = all * (number + 1) / crew->size;

	view.block.addr = page_address(&view, from);
	touch_pass(&view, to - from, true);
}

static void *work(void *arg)
{
	struct member *member = arg;
	struct crew *crew = member->crew;

	pthread_barrier_wait(&crew->begin); /* all are there */
	pthread_barrier_wait(&crew->begin); /* go */
	if (!crew->dismissed) {
		touch_share(crew, member->number);
		pthread_barrier_wait(&crew->end);
	}
	return NULL;
}

static size_t crew_bytes(unsigned size)
{
	return sizeof(struct crew) + size * sizeof(struct member);
}

/* A barrier cannot be left: without all of its threads the crew cannot be, and the worker ends. */
static int setup(struct wl *w)
{
	struct crew *crew = mmap(NULL, crew_bytes(w->threads), PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int error = 0;

	if (crew == MAP_FAILED)
		return -errno;
	crew->w = w;
	crew->size = w->threads;
	crew->dismissed = true;
	error = pthread_barrier_init(&crew->begin, NULL, w->threads);
	if (!error)
		error = pthread_barrier_init(&crew->end, NULL, w->threads);
	for (unsigned i = 1; i < w->threads && !error; i++) {
		crew->members[i] = (struct member){.crew = crew, .number = i};
		error = pthread_create(&crew->members[i].thread, NULL, work, &crew->members[i]);
	}
	if (error)
		return -error;
	pthread_barrier_wait(&crew->begin);
	w->priv = crew;
	return 0;
}

static int run(struct wl *w)
{
	struct crew *crew = w->priv;
	int error;

	wl_phase_begin(w, PHASE_ALLOC);
	error = wl_alloc(w, w->size_bytes, &w->block);
	wl_phase_end(w);
	if (error)
		return error;
	crew->dismissed = false;
	wl_phase_begin(w, PHASE_TOUCH);
	pthread_barrier_wait(&crew->begin);
	touch_share(crew, 0);
	pthread_barrier_wait(&crew->end);
	wl_phase_end(w);
	w->touched_pages = w->operations = pages(w->size_bytes, w->page_bytes, w->params);
	return touch_finish(w);
}

static void teardown(struct wl *w)
{
	struct crew *crew = w->priv;

	if (crew->dismissed)
		pthread_barrier_wait(&crew->begin);
	for (unsigned i = 1; i < crew->size; i++)
		pthread_join(crew->members[i].thread, NULL);
	pthread_barrier_destroy(&crew->begin);
	pthread_barrier_destroy(&crew->end);
	munmap(crew, crew_bytes(crew->size));
}

static struct workload threads = {
	.name = "threads",
	.summary =
		"several threads write each page once, each thread a share of its own, ascending",
	.threaded = true,
	TOUCH_HOOKS_BUT_RUN,
	.setup = setup,
	.run = run,
	.teardown = teardown,
};

REGISTER_WORKLOAD(threads)
