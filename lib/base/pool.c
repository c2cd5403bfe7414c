// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Threads that several share: see pool.h. */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/pool.h"
#include "base/thread.h"

#define WATCH_MS 100

struct pool_worker {
	struct pool *pool;
	pthread_t thread;
	pthread_cond_t more;
	struct pool_worker *next_all;
	struct pool_worker *next; /* that is idle, or has ended */
	bool idle;
	bool coming;	   /* woken or started for a job, and has none yet */
	uint64_t begun_ms; /* its job; 0 = it has none */
};

/*
 * All of this is under the lock, but for a job's run().
 */

/* How many of the lane's jobs could begin. */
static unsigned startable(const struct pool_lane *lane)
{
	return (unsigned)min_u64(lane->nr_queued, lane->max - lane->nr_running);
}

static void be_ready(struct pool_lane *lane)
{
	struct pool *p = lane->pool;

	if (lane->is_ready || !startable(lane))
		return;
	lane->is_ready = true;
	lane->next_ready = NULL;
	if (p->ready)
		p->last_ready->next_ready = lane;
	else
		p->ready = lane;
	p->last_ready = lane;
}

/* The lane whose turn it is begins a job; behind the others it may begin
 * another.  One can: there are startable ones. */
static struct pool_lane *begin_job(struct pool *p, struct pool_job **job)
{
	struct pool_lane *lane = p->ready;

	p->ready = lane->next_ready;
	lane->is_ready = false;
	*job = lane->head;
	lane->head = lane->head->next;
	p->nr_startable -= startable(lane);
	lane->nr_queued--;
	lane->nr_running++;
	p->nr_startable += startable(lane);
	be_ready(lane);
	return lane;
}

static void end_job(struct pool_lane *lane)
{
	struct pool *p = lane->pool;

	p->nr_startable -= startable(lane);
	lane->nr_running--;
	p->nr_startable += startable(lane);
	be_ready(lane);
	if (!lane->nr_running && !lane->nr_queued)
		pthread_cond_broadcast(&p->changed);
}

static uint64_t tick_ms(void)
{
	return clock_tick_ns() / 1000000;
}

static bool is_stuck(const struct pool_worker *w, uint64_t now_ms)
{
	return w->begun_ms && now_ms - w->begun_ms >= w->pool->stuck_ms;
}

/* Those that are stuck beside as many as there may be. */
static unsigned max_workers(const struct pool *p)
{
	uint64_t now_ms = tick_ms();
	unsigned nr = p->max;

	for (const struct pool_worker *w = p->all; w; w = w->next_all)
		nr += is_stuck(w, now_ms);
	return nr;
}

static void arrive(struct pool_worker *w)
{
	if (w->coming)
		w->pool->nr_coming--;
	w->coming = false;
}

static void unlink_idle(struct pool_worker *w)
{
	struct pool_worker **link = &w->pool->idle;

	while (*link != w)
		link = &(*link)->next;
	*link = w->next;
	w->idle = false;
}

/* Until it is woken, or @until (NULL: for ever); whether it was woken. */
static bool sleep_until(struct pool_worker *w, const struct timespec *until)
{
	struct pool *p = w->pool;
	int ret = 0;

	w->idle = true;
	w->next = p->idle;
	p->idle = w;
	while (w->idle && !p->stop && !ret)
		if (until)
			ret = pthread_cond_timedwait(&w->more, &p->lock, until);
		else
			pthread_cond_wait(&w->more, &p->lock);
	if (!w->idle)
		return true;
	unlink_idle(w);
	return false;
}

/* For a job that it could begin; false: it is to end.  The only one stays
 * however long that takes. */
static bool wait_for_job(struct pool_worker *w)
{
	struct pool *p = w->pool;
	struct timespec until;
	bool only, woken;

	while (!p->nr_startable) {
		if (p->stop)
			return false;
		only = p->nr_workers == 1;
		until = clock_at_ms(clock_ms() + p->idle_ms);
		woken = sleep_until(w, only ? NULL : &until);
		arrive(w);
		if (!woken && !p->nr_startable && p->nr_workers > 1)
			return false;
	}
	return true;
}

/* False: it was stuck, and has got somebody in its place. */
static bool run_job(struct pool_worker *w)
{
	struct pool *p = w->pool;
	struct pool_job *job;
	struct pool_lane *lane = begin_job(p, &job);
	bool was_stuck;

	w->begun_ms = tick_ms();
	pthread_mutex_unlock(&p->lock);
	lane->run(job);
	atomic_fetch_sub(&lane->busy, 1);
	pthread_mutex_lock(&p->lock);
	was_stuck = is_stuck(w, tick_ms());
	w->begun_ms = 0;
	end_job(lane);
	return !was_stuck || p->nr_workers <= p->max;
}

static void *work(void *arg);

/* Who has ended has let go of the lock, and has nothing left to do. */
static void join_ended(struct pool *p)
{
	struct pool_worker *w, *next = p->ended;

	p->ended = NULL;
	while ((w = next)) {
		next = w->next;
		pthread_join(w->thread, NULL);
		pthread_cond_destroy(&w->more);
		free(w);
	}
}

static int add_worker(struct pool *p)
{
	struct pool_worker *w = calloc(1, sizeof(*w));
	int ret;

	join_ended(p);
	if (!w)
		return -ENOMEM;
	w->pool = p;
	clock_cond_init(&w->more);
	w->coming = true;
	ret = thread_start(&w->thread, p->name, work, w);
	if (ret) {
		pthread_cond_destroy(&w->more);
		free(w);
		return ret;
	}
	w->next_all = p->all;
	p->all = w;
	p->nr_workers++;
	p->nr_coming++;
	return 0;
}

static void wake(struct pool_worker *w)
{
	unlink_idle(w);
	w->coming = true;
	w->pool->nr_coming++;
	pthread_cond_signal(&w->more);
}

/* Adds threads in the place of those that are stuck.  Where there is no memory
 * for another, those that there are do it. */
static void replace_stuck(struct pool *p)
{
	unsigned max = max_workers(p);

	while (p->nr_startable > p->nr_coming && p->nr_workers < max)
		if (add_worker(p))
			break;
}

/* While jobs wait for threads that are all busy. */
static void *watch(void *arg)
{
	struct pool *p = arg;

	pthread_mutex_lock(&p->lock);
	while (p->nr_startable && !p->stop) {
		pthread_mutex_unlock(&p->lock);
		clock_sleep_ms(WATCH_MS);
		pthread_mutex_lock(&p->lock);
		replace_stuck(p);
	}
	p->watch_over = true;
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static void join_watch(struct pool *p)
{
	if (p->watch_started)
		pthread_join(p->watch, NULL);
	p->watch_started = p->watch_over = false;
}

static void need_watch(struct pool *p)
{
	if (p->watch_started && !p->watch_over)
		return;
	join_watch(p);
	p->watch_started = !thread_start(&p->watch, "zloop-watch", watch, p);
}

static void need_worker(struct pool *p)
{
	if (p->nr_startable <= p->nr_coming)
		return;
	if (p->idle)
		wake(p->idle);
	else if (p->nr_workers >= max_workers(p) || add_worker(p))
		need_watch(p);
}

/* What has just ended may have been all that a job of its lane waited for. */
static void leave(struct pool_worker *w)
{
	struct pool *p = w->pool;
	struct pool_worker **link = &p->all;

	while (*link != w)
		link = &(*link)->next_all;
	*link = w->next_all;
	p->nr_workers--;
	if (!p->stop)
		need_worker(p);
	w->next = p->ended;
	p->ended = w;
	pthread_cond_broadcast(&p->changed);
}

static void *work(void *arg)
{
	struct pool_worker *w = arg;
	struct pool *p = w->pool;
	bool stays = true;

	pthread_mutex_lock(&p->lock);
	arrive(w);
	while (stays && wait_for_job(w))
		stays = run_job(w);
	leave(w);
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/*
 * From here on without the lock.
 */

void pool_put(struct pool_lane *lane, struct pool_job *job)
{
	struct pool *p = lane->pool;

	if (!lane->max) {
		lane->run(job);
		return;
	}
	job->next = NULL;
	atomic_fetch_add(&lane->busy, 1);
	pthread_mutex_lock(&p->lock);
	if (lane->head)
		lane->tail->next = job;
	else
		lane->head = job;
	lane->tail = job;
	p->nr_startable -= startable(lane);
	lane->nr_queued++;
	p->nr_startable += startable(lane);
	be_ready(lane);
	need_worker(p);
	pthread_mutex_unlock(&p->lock);
}

int pool_lane_begin(struct pool_lane *lane, struct pool *p, unsigned max,
		    void (*run)(struct pool_job *job))
{
	int ret = 0;

	*lane = (struct pool_lane){ .pool = p, .run = run, .max = max };
	if (!max)
		return 0;
	pthread_mutex_lock(&p->lock);
	while (p->stop)
		pthread_cond_wait(&p->changed, &p->lock);
	if (!p->nr_workers)
		ret = add_worker(p);
	p->nr_lanes += !ret;
	pthread_mutex_unlock(&p->lock);
	if (ret)
		lane->max = 0;
	return ret;
}

static void end_all(struct pool *p)
{
	p->stop = true;
	for (struct pool_worker *w = p->idle; w; w = w->next)
		pthread_cond_signal(&w->more);
	while (p->nr_workers)
		pthread_cond_wait(&p->changed, &p->lock);
	join_ended(p);
	/* It takes the lock once more. */
	pthread_mutex_unlock(&p->lock);
	join_watch(p);
	pthread_mutex_lock(&p->lock);
	p->stop = false;
	pthread_cond_broadcast(&p->changed);
}

void pool_lane_end(struct pool_lane *lane)
{
	struct pool *p = lane->pool;

	if (!lane->max)
		return;
	pthread_mutex_lock(&p->lock);
	while (lane->nr_running || lane->nr_queued)
		pthread_cond_wait(&p->changed, &p->lock);
	if (!--p->nr_lanes)
		end_all(p);
	pthread_mutex_unlock(&p->lock);
}
