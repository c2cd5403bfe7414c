/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * Threads for what may block.  One is always there, and sleeps; others start
 * when something waits for them, and end when nothing has for some seconds, so
 * that an idle disk has few.
 */
#ifndef ZL_DISK_IO_WORK_H
#define ZL_DISK_IO_WORK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct disk;
struct io;
struct worker;

struct worker_pool {
	pthread_mutex_t lock; /* for all below but busy */
	pthread_cond_t more;
	struct io *head, *tail;
	struct worker *workers;
	unsigned max_workers;
	unsigned nr_workers; /* that run, or are about to */
	unsigned nr_idle;    /* of them: have nothing to do … */
	unsigned nr_queued;  /* … and so many I/Os wait for one */
	atomic_uint busy;    /* pushed and not yet run to the end */
	unsigned idle_ms;    /* how long one waits before it ends */
	bool stop;
};

/* Up to @max_workers threads; 0: everything runs where it is pushed.  -errno.
 */
int work_start(struct worker_pool *pool, unsigned max_workers);
/* Nothing is under way. */
void work_stop(struct worker_pool *pool);
/* Any thread. */
void work_push(struct disk *d, struct io *io);

static inline unsigned work_busy(struct worker_pool *pool)
{
	return atomic_load_explicit(&pool->busy, memory_order_relaxed);
}

#endif
