// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* How many threads there are for what may block. */
#include "disk_fixture.h"

#include <dirent.h>
#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>

#include "base/clock.h"
#include "disk/io/work.h"
#include "skip.h"

#define MAX_WORKERS 4u
#define NR_IOS	    8u

static struct disk d;
static struct io ios[NR_IOS];
static sem_t begun, go_on, over;

static void run_io(struct io *io)
{
	(void)io;
	sem_post(&begun);
	while (sem_wait(&go_on))
		;
	sem_post(&over);
}

static void push(unsigned nr)
{
	for (unsigned i = 0; i < nr; i++) {
		ios[i].run = run_io;
		work_push(&d, &ios[i]);
	}
}

static void wait_for(sem_t *sem, unsigned nr)
{
	while (nr--)
		while (sem_wait(sem))
			;
}

static void let_go(unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		sem_post(&go_on);
	wait_for(&over, nr);
}

static void set_idle_ms(unsigned ms)
{
	pthread_mutex_lock(&d.work.lock);
	d.work.idle_ms = ms;
	pthread_mutex_unlock(&d.work.lock);
}

static unsigned workers(void)
{
	unsigned nr;

	pthread_mutex_lock(&d.work.lock);
	nr = d.work.nr_workers;
	pthread_mutex_unlock(&d.work.lock);
	return nr;
}

static bool become(unsigned nr)
{
	for (int i = 0; i < 30000 && workers() != nr; i++)
		clock_sleep_ms(1);
	return workers() == nr;
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
		assert_non_null(f);
		while (fgets(line, sizeof(line), f))
			if (sscanf(line, "voluntary_ctxt_switches: %lu", &nr) ==
			    1)
				all += nr;
		fclose(f);
	}
	closedir(dir);
	return all;
}

/* An idle disk costs nothing. */
static void the_only_one_sleeps(void **state)
{
	unsigned long before;

	(void)state;
#ifdef __SANITIZE_THREAD__
	skip_test("ThreadSanitizer has a thread of its own");
#endif
	push(1);
	wait_for(&begun, 1);
	let_go(1);
	clock_sleep_ms(50);
	before = nr_sleeps();
	assert_true(before > 0);
	clock_sleep_ms(200);
	assert_int_equal(nr_sleeps(), before);
}

static int setup(void **state)
{
	(void)state;
	sem_init(&begun, 0, 0);
	sem_init(&go_on, 0, 0);
	sem_init(&over, 0, 0);
	if (work_start(&d.work, MAX_WORKERS))
		return -1;
	set_idle_ms(20);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	work_stop(&d.work);
	return 0;
}

static void one_is_always_there(void **state)
{
	(void)state;
	assert_int_equal(workers(), 1);
	/* From here on it waits for 20 ms each time. */
	for (int round = 0; round < 3; round++) {
		push(1);
		wait_for(&begun, 1);
		let_go(1);
		clock_sleep_ms(60);
		assert_int_equal(workers(), 1);
	}
}

/* As many run at once as there may be, and all come to their end. */
static void more_come_when_something_waits(void **state)
{
	(void)state;
	for (int round = 0; round < 3; round++) {
		push(NR_IOS);
		wait_for(&begun, MAX_WORKERS);
		assert_int_equal(workers(), MAX_WORKERS);
		let_go(NR_IOS);
		wait_for(&begun, NR_IOS - MAX_WORKERS);
		assert_true(become(1));
	}
	assert_int_equal(work_busy(&d.work), 0);
}

/* One that comes while another ends is not forgotten. */
static void they_end_while_others_come(void **state)
{
	(void)state;
	set_idle_ms(1);
	for (int round = 0; round < 300; round++) {
		push(3);
		wait_for(&begun, 3);
		let_go(3);
		if (round % 2)
			clock_sleep_ms(1);
	}
}

static void stopped_while_several_are_there(void **state)
{
	(void)state;
	set_idle_ms(5000);
	push(NR_IOS);
	let_go(NR_IOS);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(one_is_always_there),
		T(the_only_one_sleeps),
		T(more_come_when_something_waits),
		T(they_end_while_others_come),
		T(stopped_while_several_are_there),
	};

	return skip_run_tests(tests, NULL, NULL);
}
