// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Threads that several share. */
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/pool.h"
#include "skip.h"

#define MAX	 4u /* threads */
#define NR_LANES 12u
#define NR_JOBS	 8u /* of a lane */

static struct pool pool = POOL_INIT("test", MAX);

struct job {
	struct pool_job head; /* first */
	struct mine *mine;
	unsigned nr;
};

static struct mine {
	struct pool_lane lane;
	struct job jobs[NR_JOBS];
	sem_t go_on; /* each job waits for one */
	unsigned begun[NR_JOBS], nr_begun;
} mine[NR_LANES];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned order[NR_LANES * NR_JOBS], nr_order; /* lanes, as they began */
static sem_t begun, over;

static void run(struct pool_job *head)
{
	struct job *job = (struct job *)head;
	struct mine *m = job->mine;

	pthread_mutex_lock(&lock);
	m->begun[m->nr_begun++ % NR_JOBS] = job->nr;
	order[nr_order++ % ZL_ARRAY_SIZE(order)] = (unsigned)(m - mine);
	pthread_mutex_unlock(&lock);
	sem_post(&begun);
	while (sem_wait(&m->go_on))
		;
	sem_post(&over);
}

static void put(struct mine *m, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		pool_put(&m->lane, &m->jobs[i].head);
}

static void wait_for(sem_t *sem, unsigned nr)
{
	while (nr--)
		while (sem_wait(sem))
			;
}

static void go_on(struct mine *m, unsigned nr)
{
	while (nr--)
		sem_post(&m->go_on);
}

static void let_go(struct mine *m, unsigned nr)
{
	go_on(m, nr);
	wait_for(&over, nr);
}

static unsigned workers(void)
{
	unsigned nr;

	pthread_mutex_lock(&pool.lock);
	nr = pool.nr_workers;
	pthread_mutex_unlock(&pool.lock);
	return nr;
}

static bool become(unsigned nr)
{
	for (int i = 0; i < 30000 && workers() != nr; i++)
		clock_sleep_ms(1);
	return workers() == nr;
}

static void begin_lane(unsigned i, unsigned max)
{
	struct mine *m = &mine[i];

	memset(m, 0, sizeof(*m));
	sem_init(&m->go_on, 0, 0);
	for (unsigned j = 0; j < NR_JOBS; j++) {
		m->jobs[j].mine = m;
		m->jobs[j].nr = j;
	}
	assert_int_equal(pool_lane_begin(&m->lane, &pool, max, run), 0);
}

static void end_lane(unsigned i)
{
	pool_lane_end(&mine[i].lane);
	sem_destroy(&mine[i].go_on);
}

/* While its threads are at work. */
static void set_ms(unsigned *of_the_pool, unsigned ms)
{
	pthread_mutex_lock(&pool.lock);
	*of_the_pool = ms;
	pthread_mutex_unlock(&pool.lock);
}

static int setup(void **state)
{
	(void)state;
	sem_init(&begun, 0, 0);
	sem_init(&over, 0, 0);
	nr_order = 0;
	pool.idle_ms = 20;
	pool.stuck_ms = 3600 * 1000;
	for (unsigned i = 0; i < NR_LANES; i++)
		begin_lane(i, 2);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (unsigned i = 0; i < NR_LANES; i++)
		end_lane(i);
	assert_int_equal(workers(), 0);
	assert_null(pool.ended);
	return 0;
}

/* How often the other threads of this process have gone to sleep. */
static unsigned long nr_sleeps(void)
{
	unsigned long all = 0, nr;
	char path[300], line[128];
	DIR *dir = opendir("/proc/self/task");
	struct dirent *e;
	FILE *f;

	assert_non_null(dir);
	while ((e = readdir(dir))) {
		if (*e->d_name == '.' || atoi(e->d_name) == getpid())
			continue;
		snprintf(path, sizeof(path), "/proc/self/task/%s/status",
			 e->d_name);
		f = fopen(path, "r");
		/* It has ended meanwhile. */
		if (!f)
			continue;
		while (fgets(line, sizeof(line), f))
			if (sscanf(line, "voluntary_ctxt_switches: %lu", &nr) ==
			    1)
				all += nr;
		fclose(f);
	}
	closedir(dir);
	return all;
}

/* However many share it, while nobody has anything to do. */
static void one_is_always_there(void **state)
{
	unsigned long before;
	unsigned tries = 0;

	(void)state;
	assert_int_equal(workers(), 1);
	for (int round = 0; round < 3; round++) {
		put(&mine[round], 2);
		wait_for(&begun, 2);
		let_go(&mine[round], 2);
		assert_true(become(1));
	}
#ifdef __SANITIZE_THREAD__
	skip_test("ThreadSanitizer has a thread of its own");
#endif
	/* The others may still be on their way out. */
	do {
		before = nr_sleeps();
		assert_true(before > 0);
		clock_sleep_ms(200);
	} while (nr_sleeps() != before && ++tries < 100);
	assert_true(tries < 100);
}

/* As many run at once as there may be, of each lane and of all. */
static void more_come_when_something_waits(void **state)
{
	(void)state;
	for (int round = 0; round < 3; round++) {
		put(&mine[0], NR_JOBS);
		wait_for(&begun, 2);
		assert_int_equal(workers(), 2);
		assert_int_equal(pool_lane_busy(&mine[0].lane), NR_JOBS);
		put(&mine[1], NR_JOBS);
		put(&mine[2], NR_JOBS);
		wait_for(&begun, 2);
		assert_int_equal(workers(), MAX);
		for (unsigned i = 0; i < 3; i++)
			go_on(&mine[i], NR_JOBS);
		wait_for(&over, 3 * NR_JOBS);
		wait_for(&begun, 3 * NR_JOBS - 4);
		assert_true(become(1));
		assert_int_equal(pool_lane_busy(&mine[0].lane), 0);
	}
}

/* Jobs before the lane's @i-th one that began later than it. */
static unsigned nr_overtaken(const struct mine *m, unsigned i)
{
	unsigned nr = 0;

	for (unsigned later = i + 1; later < NR_JOBS; later++)
		nr += m->begun[later] < m->begun[i];
	return nr;
}

/* A thread that has been given one may be held up before it begins. */
static void jobs_of_a_lane_begin_in_order(void **state)
{
	(void)state;
	put(&mine[0], NR_JOBS);
	for (unsigned i = 0; i < NR_JOBS; i++)
		let_go(&mine[0], 1);
	for (unsigned i = 0; i < NR_JOBS; i++)
		assert_in_range(nr_overtaken(&mine[0], i), 0,
				mine[0].lane.max - 1);
}

/* Who comes late with one job does not wait for all that others have: when as
 * many have begun as came late, those are the late ones, but for the threads
 * that are held up. */
static void lanes_take_turns(void **state)
{
	unsigned seen = 0;

	(void)state;
	for (unsigned i = 0; i < 2; i++)
		put(&mine[i], NR_JOBS);
	wait_for(&begun, 4);
	for (unsigned i = 2; i < NR_LANES; i++)
		put(&mine[i], 1);
	for (unsigned i = 0; i < 2; i++)
		go_on(&mine[i], NR_JOBS);
	for (unsigned i = 2; i < NR_LANES; i++)
		go_on(&mine[i], 1);
	wait_for(&over, 2 * NR_JOBS + NR_LANES - 2);
	for (unsigned nr = 4; nr < 4 + NR_LANES - 2; nr++)
		seen += order[nr] >= 2;
	assert_in_range(seen, NR_LANES - 2 - (MAX - 1), NR_LANES - 2);
}

/* What hangs takes up no thread that others need: neither two of one … */
static void one_that_hangs(void **state)
{
	(void)state;
	put(&mine[0], NR_JOBS);
	wait_for(&begun, 2);
	for (unsigned i = 1; i < NR_LANES; i++) {
		put(&mine[i], NR_JOBS);
		go_on(&mine[i], NR_JOBS);
	}
	wait_for(&over, (NR_LANES - 1) * NR_JOBS);
	assert_in_range(workers(), 2, MAX);
	let_go(&mine[0], NR_JOBS);
}

/* … nor all there are: others come in their place, and go when they return. */
static void all_but_one_hang(void **state)
{
	unsigned last = NR_LANES - 1;

	(void)state;
	set_ms(&pool.stuck_ms, 30);
	for (unsigned i = 0; i < last; i++)
		put(&mine[i], 2);
	put(&mine[last], NR_JOBS);
	go_on(&mine[last], NR_JOBS);
	wait_for(&over, NR_JOBS);
	wait_for(&begun, 2 * last + NR_JOBS);
	assert_true(workers() >= 2 * last);
	for (unsigned i = 0; i < last; i++)
		go_on(&mine[i], 2);
	wait_for(&over, 2 * last);
	assert_true(become(1));
}

/* One that was stuck goes, as another has come for it: not without a word about
 * what it was that its lane waited for. */
static void who_goes_leaves_nothing_behind(void **state)
{
	(void)state;
	set_ms(&pool.max, 1);
	set_ms(&pool.idle_ms, 3600 * 1000);
	set_ms(&pool.stuck_ms, 30);
	end_lane(0);
	begin_lane(0, 1);
	put(&mine[0], 2);
	go_on(&mine[1], 1);
	put(&mine[1], 1);
	wait_for(&over, 1); /* by the other one, which is idle now */
	go_on(&mine[0], 2);
	wait_for(&over, 2);
	set_ms(&pool.max, MAX);
}

/* One that comes while another ends is not forgotten. */
static void they_end_while_others_come(void **state)
{
	(void)state;
	set_ms(&pool.idle_ms, 1);
	for (unsigned round = 0; round < 300; round++) {
		for (unsigned i = 0; i < 3; i++)
			put(&mine[(round + i) % NR_LANES], 1);
		wait_for(&begun, 3);
		for (unsigned i = 0; i < 3; i++)
			let_go(&mine[(round + i) % NR_LANES], 1);
		if (round % 2)
			clock_sleep_ms(1);
	}
}

/* A lane that ends waits for its own jobs, and for no others. */
static void lanes_come_and_go(void **state)
{
	(void)state;
	put(&mine[0], 1);
	for (unsigned round = 0; round < 100; round++) {
		put(&mine[1], NR_JOBS);
		go_on(&mine[1], NR_JOBS);
		end_lane(1);
		wait_for(&over, NR_JOBS);
		begin_lane(1, 1 + round % 3);
	}
	let_go(&mine[0], 1);
}

static pthread_t runner;

static void run_where(struct pool_job *job)
{
	(void)job;
	runner = pthread_self();
}

static void without_threads_where_it_is_put(void **state)
{
	struct pool_job job;
	struct pool_lane lane;

	(void)state;
	assert_int_equal(pool_lane_begin(&lane, &pool, 0, run_where), 0);
	pool_put(&lane, &job);
	assert_true(pthread_equal(runner, pthread_self()));
	pool_lane_end(&lane);
}

/* Again and again from none. */
static void the_last_takes_the_threads_along(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 50; round++) {
		put(&mine[0], round % NR_JOBS);
		go_on(&mine[0], round % NR_JOBS);
		for (unsigned i = 0; i < NR_LANES; i++)
			end_lane(i);
		assert_int_equal(workers(), 0);
		for (unsigned i = 0; i < NR_LANES; i++)
			begin_lane(i, 2);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(one_is_always_there),
		T(more_come_when_something_waits),
		T(jobs_of_a_lane_begin_in_order),
		T(lanes_take_turns),
		T(one_that_hangs),
		T(all_but_one_hang),
		T(who_goes_leaves_nothing_behind),
		T(they_end_while_others_come),
		T(lanes_come_and_go),
		T(without_threads_where_it_is_put),
		T(the_last_takes_the_threads_along),
	};

	return skip_run_tests(tests, NULL, NULL);
}
