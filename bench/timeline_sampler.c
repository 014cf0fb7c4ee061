// SPDX-License-Identifier: MIT
/* The sampler: one thread, three preads a process and tick, absolute deadlines. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "timeline.h"
#include "timeline_tree.h"

#define MAX_ROWS 16384u

struct sampler {
	struct tree *tree;
	pthread_t thread;
	bool running;
	sem_t stop;
	uint64_t period_ns;
	struct timeline_row *rows;
	size_t n_rows;
	uint64_t missed_ticks;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* False: sampler_stop() was called meanwhile. */
static bool sleep_until(struct sampler *s, uint64_t t_ns)
{
	struct timespec t = {.tv_sec = (time_t)(t_ns / 1000000000u),
			     .tv_nsec = (long)(t_ns % 1000000000u)};
	int result;

	do
		result = sem_clockwait(&s->stop, CLOCK_MONOTONIC, &t);
	while (result && errno == EINTR);
	return result != 0;
}

/* Keeps the first row and every second one after it, and samples half as often from now on. */
static void thin_out(struct sampler *s)
{
	for (size_t i = 1; 2 * i < s->n_rows; i++)
		s->rows[i] = s->rows[2 * i];
	s->n_rows = (s->n_rows + 1) / 2;
	s->period_ns *= 2;
}

static void *sampler_main(void *argument)
{
	static const struct sched_param no_priority;
	struct sampler *s = argument;
	uint64_t deadline_ns = now_ns(), missed;

	/* Waking up preempts no one: on a busy machine a tick is missed rather than the program
	 * slowed. */
	pthread_setschedparam(pthread_self(), SCHED_BATCH, &no_priority);
	prctl(PR_SET_TIMERSLACK, 1ul);
	while (tree_sample(s->tree, &s->rows[s->n_rows])) {
		if (++s->n_rows == MAX_ROWS)
			thin_out(s);
		missed = (now_ns() - deadline_ns) / s->period_ns;
		s->missed_ticks += missed;
		deadline_ns += (missed + 1) * s->period_ns;
		if (!sleep_until(s, deadline_ns))
			break;
	}
	return NULL;
}

struct sampler *sampler_start(pid_t pid, uint64_t period_ns)
{
	struct sampler *s = calloc(1, sizeof(*s));
	sigset_t all, before;
	int error;

	if (!s)
		return NULL;
	s->period_ns = period_ns ? period_ns : TIMELINE_PERIOD_NS;
	sem_init(&s->stop, 0, 0);
	s->tree = tree_open(pid);
	s->rows = mmap(NULL, MAX_ROWS * sizeof(*s->rows), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (s->rows == MAP_FAILED)
		s->rows = NULL;
	if (!s->tree || !s->rows) {
		error = errno;
		goto free_sampler;
	}
	/* Signals are for the caller's threads. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&s->thread, NULL, sampler_main, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error)
		goto free_sampler;
	s->running = true;
	return s;

free_sampler:
	sampler_free(s);
	errno = error;
	return NULL;
}

void sampler_stop(struct sampler *s)
{
	if (!s->running)
		return;
	sem_post(&s->stop);
	pthread_join(s->thread, NULL);
	s->running = false;
}

const struct timeline_row *sampler_rows(const struct sampler *s, size_t *n_rows)
{
	*n_rows = s->n_rows;
	return s->rows;
}

uint64_t sampler_missed_ticks(const struct sampler *s)
{
	return s->missed_ticks;
}

struct tree *sampler_tree(const struct sampler *s)
{
	return s->tree;
}

void sampler_free(struct sampler *s)
{
	if (!s)
		return;
	sampler_stop(s);
	if (s->rows)
		munmap(s->rows, MAX_ROWS * sizeof(*s->rows));
	tree_close(s->tree);
	free(s);
}

uint64_t timeline_batch_bytes(void)
{
	uint64_t cpus = (uint64_t)sysconf(_SC_NPROCESSORS_CONF);
	uint64_t batch = 2 * cpus > 32 ? 2 * cpus : 32; /* percpu_counter_batch */
	uint64_t pages = cpus * batch;

	/* Before Linux 6.2: a cache per thread, written back every 64 faults. */
	return (pages > 64 ? pages : 64) * (uint64_t)sysconf(_SC_PAGESIZE);
}
