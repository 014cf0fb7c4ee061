// SPDX-License-Identifier: MIT
#include <pthread.h>
#include <stdbool.h>

#include "lock.h"

struct lock {
	_Alignas(64) pthread_mutex_t mutex; /* a cache line each */
};

static struct lock locks[TA__N_LOCKS] = {
	[0 ... TA__N_LOCKS - 1] = {PTHREAD_MUTEX_INITIALIZER},
};
static __thread bool forking __attribute__((tls_model("initial-exec")));

void ta__lock(unsigned lock)
{
	if (!forking)
		pthread_mutex_lock(&locks[lock].mutex);
}

void ta__unlock(unsigned lock)
{
	if (!forking)
		pthread_mutex_unlock(&locks[lock].mutex);
}

static void before_fork(void)
{
	for (unsigned i = 0; i < TA__N_LOCKS; i++)
		pthread_mutex_lock(&locks[i].mutex);
	forking = true;
}

static void after_fork(void)
{
	forking = false;
	for (unsigned i = TA__N_LOCKS; i--;)
		pthread_mutex_unlock(&locks[i].mutex);
}

__attribute__((constructor)) static void register_fork_handlers(void)
{
	pthread_atfork(before_fork, after_fork, after_fork);
}
