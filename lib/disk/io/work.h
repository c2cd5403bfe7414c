/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* Threads for what may block. */
#ifndef ZL_DISK_IO_WORK_H
#define ZL_DISK_IO_WORK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct disk;
struct io;

struct worker_pool {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct io *head, *tail;
	pthread_t *threads;
	unsigned nr_threads;
	atomic_uint busy; /* pushed and not yet run to the end */
	bool stop;
};

/* work.c: threads for what may block; without threads it runs at once */
int work_start(struct worker_pool *pool, unsigned nr_threads);
void work_stop(struct worker_pool *pool);
void work_push(struct disk *d, struct io *io);

static inline unsigned work_busy(struct worker_pool *pool)
{
	return atomic_load_explicit(&pool->busy, memory_order_relaxed);
}

#endif
