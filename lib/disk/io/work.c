// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Threads for what may block. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "disk/internal.h"
#include "disk/io/io.h"
#include "disk/io/work.h"

static struct io *work_pop(struct worker_pool *pool)
{
	struct io *io;

	pthread_mutex_lock(&pool->lock);
	while (!pool->head && !pool->stop)
		pthread_cond_wait(&pool->more, &pool->lock);
	io = pool->head;
	if (io)
		pool->head = io->next;
	pthread_mutex_unlock(&pool->lock);
	return io;
}

static void *work_thread(void *arg)
{
	struct worker_pool *pool = arg;
	struct io *io;

	while ((io = work_pop(pool))) {
		io->run(io);
		atomic_fetch_sub(&pool->busy, 1);
	}
	return NULL;
}

void work_push(struct disk *d, struct io *io)
{
	struct worker_pool *pool = &d->work;

	if (!pool->nr_threads) {
		io->run(io);
		return;
	}
	io->next = NULL;
	atomic_fetch_add(&pool->busy, 1);
	pthread_mutex_lock(&pool->lock);
	if (pool->head)
		pool->tail->next = io;
	else
		pool->head = io;
	pool->tail = io;
	pthread_cond_signal(&pool->more);
	pthread_mutex_unlock(&pool->lock);
}

/* The daemon's signals are its own: workers take none. */
static int start_thread(pthread_t *thread, struct worker_pool *pool)
{
	sigset_t all, old;
	int ret;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(thread, NULL, work_thread, pool);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -ret;
}

int work_start(struct worker_pool *pool, unsigned nr_threads)
{
	int ret = 0;

	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->more, NULL);
	pool->head = pool->tail = NULL;
	pool->stop = false;
	atomic_store(&pool->busy, 0);
	pool->nr_threads = 0;
	pool->threads = NULL;
	if (nr_threads) {
		pool->threads = calloc(nr_threads, sizeof(*pool->threads));
		if (!pool->threads)
			ret = -ENOMEM;
	}
	while (!ret && pool->nr_threads < nr_threads) {
		ret = start_thread(&pool->threads[pool->nr_threads], pool);
		if (!ret)
			pool->nr_threads++;
	}
	if (ret)
		work_stop(pool);
	return ret;
}

void work_stop(struct worker_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	pool->stop = true;
	pthread_cond_broadcast(&pool->more);
	pthread_mutex_unlock(&pool->lock);
	for (unsigned i = 0; i < pool->nr_threads; i++)
		pthread_join(pool->threads[i], NULL);
	free(pool->threads);
	pthread_cond_destroy(&pool->more);
	pthread_mutex_destroy(&pool->lock);
}
