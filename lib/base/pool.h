/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * Threads for work that may block, shared by all who have some.
 *
 * Who has work has a lane.  A lane's jobs begin in the order in which they were
 * put there, so many at once at most; lanes with jobs take turns, so that none
 * waits for all that another has.  Threads start when something waits for them,
 * end when nothing has for some seconds, and there is a bounded number of them:
 * but for those that have been at one job for a second.  Whatever that waits
 * for, a file system that hangs, others are not to wait for it, too: they get
 * threads in their place.
 *
 * While there are lanes, one thread is always there, and sleeps.
 *
 * A job must not wait for another one.  A process that forks while it has lanes
 * has none in the child.  Any thread.
 */
#ifndef ZL_BASE_POOL_H
#define ZL_BASE_POOL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct pool_worker;

/* In what is to be done. */
struct pool_job {
	struct pool_job *next;
};

/* All but name and the numbers below it is the pool's own, under the lock. */
struct pool {
	const char *name; /* of its threads */
	unsigned max;	  /* threads that are not stuck */
	unsigned idle_ms, stuck_ms;

	pthread_mutex_t lock;
	pthread_cond_t changed; /* a job has ended, or a thread */
	unsigned nr_lanes;
	struct pool_lane *ready, *last_ready; /* that could begin a job */
	unsigned nr_startable;		      /* jobs that could begin */
	unsigned nr_coming; /* threads that have not looked for one yet */
	unsigned nr_workers;
	struct pool_worker *all, *idle, *ended;
	pthread_t watch;
	bool watch_started, watch_over;
	bool stop;
};

#define POOL_IDLE_MS  5000
#define POOL_STUCK_MS 1000

/* Of up to @max_workers threads. */
#define POOL_INIT(thread_name, max_workers)                         \
	{                                                           \
		.name = (thread_name), .max = (max_workers),        \
		.idle_ms = POOL_IDLE_MS, .stuck_ms = POOL_STUCK_MS, \
		.lock = PTHREAD_MUTEX_INITIALIZER,                  \
		.changed = PTHREAD_COND_INITIALIZER                 \
	}

struct pool_lane {
	struct pool *pool;
	void (*run)(struct pool_job *job);
	unsigned max; /* jobs at once; 0: each runs where it is put */
	/* Under the pool's lock. */
	struct pool_job *head, *tail;
	struct pool_lane *next_ready;
	bool is_ready;
	unsigned nr_queued, nr_running;
	atomic_uint busy; /* put and not yet run to the end */
};

/* @lane is the caller's memory until pool_lane_end().  0 or -errno. */
int pool_lane_begin(struct pool_lane *lane, struct pool *pool, unsigned max,
		    void (*run)(struct pool_job *job));
/* Nothing is put there any more.  Waits until all that was is done, and no
 * thread is in run() for it; with the last lane the threads end. */
void pool_lane_end(struct pool_lane *lane);

void pool_put(struct pool_lane *lane, struct pool_job *job);

static inline unsigned pool_lane_busy(const struct pool_lane *lane)
{
	return atomic_load_explicit(&lane->busy, memory_order_relaxed);
}

#endif
