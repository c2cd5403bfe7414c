// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Threads for what may block. */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/thread.h"
#include "disk/internal.h"
#include "disk/io/io.h"
#include "disk/io/work.h"

/* How long one of several has nothing to do before it ends. */
#define IDLE_MS 5000

struct worker {
	struct worker_pool *pool;
	pthread_t thread;
	bool started; /* to be joined */
	bool runs;    /* or is about to */
};

/* For something to do; false: the time is up.  Under the lock.  The only one
 * stays however long it takes, and sleeps until then. */
static bool wait_for_more(struct worker_pool *pool)
{
	struct timespec until = clock_at_ms(clock_ms() + pool->idle_ms);
	int ret = 0;

	pool->nr_idle++;
	while (!pool->head && !pool->stop && ret != ETIMEDOUT)
		if (pool->nr_workers == 1)
			pthread_cond_wait(&pool->more, &pool->lock);
		else
			ret = pthread_cond_timedwait(&pool->more, &pool->lock,
						     &until);
	pool->nr_idle--;
	return pool->head || pool->stop;
}

/* The next I/O, or NULL: the worker ends. */
static struct io *work_pop(struct worker *worker)
{
	struct worker_pool *pool = worker->pool;
	struct io *io;

	pthread_mutex_lock(&pool->lock);
	while (!pool->head && !pool->stop)
		if (!wait_for_more(pool) && pool->nr_workers > 1)
			break;
	io = pool->head;
	if (io) {
		pool->head = io->next;
		pool->nr_queued--;
	} else {
		worker->runs = false;
		pool->nr_workers--;
	}
	pthread_mutex_unlock(&pool->lock);
	return io;
}

static void *work_thread(void *arg)
{
	struct worker *worker = arg;
	struct io *io;

	while ((io = work_pop(worker))) {
		io->run(io);
		atomic_fetch_sub(&worker->pool->busy, 1);
	}
	return NULL;
}

/* Under the lock: who has ended has let go of it, and has nothing left to do.
 */
static int add_worker(struct worker_pool *pool)
{
	struct worker *worker = pool->workers;
	int ret;

	while (worker->runs)
		worker++;
	if (worker->started)
		pthread_join(worker->thread, NULL);
	worker->pool = pool;
	ret = thread_start(&worker->thread, "zloop-work", work_thread, worker);
	worker->started = worker->runs = !ret;
	pool->nr_workers += !ret;
	return ret;
}

/* Where there is no memory for another, those that there are do it. */
static void need_worker(struct worker_pool *pool)
{
	if (pool->nr_queued > pool->nr_idle &&
	    pool->nr_workers < pool->max_workers)
		add_worker(pool);
}

void work_push(struct disk *d, struct io *io)
{
	struct worker_pool *pool = &d->work;

	if (!pool->max_workers) {
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
	pool->nr_queued++;
	need_worker(pool);
	pthread_cond_signal(&pool->more);
	pthread_mutex_unlock(&pool->lock);
}

int work_start(struct worker_pool *pool, unsigned max_workers)
{
	int ret;

	*pool = (struct worker_pool){ .max_workers = max_workers,
				      .idle_ms = IDLE_MS };
	pthread_mutex_init(&pool->lock, NULL);
	clock_cond_init(&pool->more);
	if (!max_workers)
		return 0;
	pool->workers = calloc(max_workers, sizeof(*pool->workers));
	if (!pool->workers) {
		work_stop(pool);
		return -ENOMEM;
	}
	pthread_mutex_lock(&pool->lock);
	ret = add_worker(pool);
	pthread_mutex_unlock(&pool->lock);
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
	for (unsigned i = 0; pool->workers && i < pool->max_workers; i++)
		if (pool->workers[i].started)
			pthread_join(pool->workers[i].thread, NULL);
	free(pool->workers);
	pthread_cond_destroy(&pool->more);
	pthread_mutex_destroy(&pool->lock);
}
