// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Where reads that miss the page cache are carried out, over a store whose
 * reads take a given time in the caller's thread, and another elsewhere (what
 * one of many side by side takes), on a clock of the test's.
 */
#include "disk_fixture.h"

#include "base/counter.h"
#include "disk/io/meter.h"
#include "disk/io/miss.h"
#include "stores/delay.h"

#define US     UINT64_C(1000)
#define MS     UINT64_C(1000000)
#define BLOCKS 128u /* that are written and read */

static atomic_uint_fast64_t clock_now_ns;
static struct store_delays delays;

static uint64_t test_clock_ns(void)
{
	return atomic_load(&clock_now_ns);
}

static struct store *delayed(struct store *lower)
{
	return store_delay_new(lower, &delays, &clock_now_ns);
}

static void takes(uint64_t here_ns, uint64_t there_ns)
{
	atomic_store(&delays.here_ns, here_ns);
	atomic_store(&delays.there_ns, there_ns);
}

static void start(struct fixture *f, uint64_t here_ns, uint64_t there_ns)
{
	atomic_store(&clock_now_ns, MS);
	atomic_store(&delays.cached, false);
	takes(here_ns, there_ns);
	meter_clock_ns = test_clock_ns;
	fixture_wrap = delayed;
	fixture_start(f, FIXTURE_CFG, 1);
	assert_int_equal(do_write(f, SEQ(0), BLOCKS, 7), DISK_OK);
}

static void stop(struct fixture *f)
{
	fixture_stop(f);
	fixture_wrap = NULL;
	meter_clock_ns = counter_clock_ns;
}

/* Whether it was carried out in this thread. */
static bool read_one(struct fixture *f, uint32_t n, uint32_t nr_blocks)
{
	uint32_t block = n * 7 % (BLOCKS - nr_blocks + 1);
	struct iovec iov = { f->buf, nr_blocks * BLOCK };
	struct disk_io io = rw_io(DISK_READ, SEQ(0) + block, nr_blocks, &iov);
	bool here;

	disk_io_new(&io);
	memset(f->buf, 0, BLOCK);
	here = disk_try(f->disk, &io);
	if (!here)
		disk_run(f->disk, &io);
	assert_int_equal(io.status, DISK_OK);
	assert_filled(f->buf, SEQ(0) + block, nr_blocks, 7);
	return here;
}

static unsigned here_of(struct fixture *f, unsigned nr)
{
	unsigned here = 0;

	for (unsigned n = 0; n < nr; n++)
		here += read_one(f, n, 1);
	return here;
}

static void data_that_come_at_once(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, 140 * US, 530 * US);
	/* It has to be seen first. */
	here_of(&f, 256);
	assert_in_range(here_of(&f, 10000), 9700, 10000);
	stop(&f);
}

/* A call of the kernel is saved for most of them. */
static void most_are_not_asked_for_before(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, 140 * US, 530 * US);
	here_of(&f, 256);
	atomic_store(&delays.refused, 0);
	here_of(&f, 800);
	assert_in_range(delays.refused, 50, 200);
	/* And soon no more, when nothing misses. */
	atomic_store(&delays.cached, true);
	here_of(&f, 10);
	assert_int_equal(atomic_load(&f.disk->where.misses.likely), 0);
	stop(&f);
}

static void a_device_that_takes_its_time(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, 31 * US, 11 * US);
	assert_in_range(here_of(&f, 20000), 1, 600);
	stop(&f);
}

/* What is hardly better is no reason to let others wait. */
static void a_little_less(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, 100 * US, 115 * US);
	assert_in_range(here_of(&f, 20000), 1, 1000);
	stop(&f);
}

static void a_slow_device_is_hardly_tried(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, 8 * MS, 1 * MS);
	assert_int_equal(here_of(&f, 4000), 3);
	assert_in_range(here_of(&f, 60000), 3, 12);
	stop(&f);
}

/* Where threads wait for each other, three in a row take some milliseconds now
 * and then, and it is the better way none the less. */
static void some_wait_for_threads(void **state)
{
	struct fixture f;
	unsigned here = 0;

	(void)state;
	start(&f, 250 * US, 900 * US);
	for (unsigned n = 0; n < 10000; n++) {
		takes(n % 20 < 3 ? 3 * MS : 250 * US, 900 * US);
		here += read_one(&f, n, 1);
	}
	assert_in_range(here, 9400, 10000);
	stop(&f);
}

/* As on a machine that is busy with something else: all is slow, and here it is
 * still better. */
static void all_is_slow(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, 1400 * US, 2900 * US);
	here_of(&f, 256);
	assert_in_range(here_of(&f, 10000), 9700, 10000);
	stop(&f);
}

/* Few come: nothing is known, and nobody is kept waiting. */
static void a_slow_initiator(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, 100 * US, 8 * MS);
	assert_int_equal(here_of(&f, 3000), 0);
	stop(&f);
}

static void it_becomes_slow(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, 100 * US, 400 * US);
	here_of(&f, 1000);
	takes(20 * MS, 5 * MS);
	assert_in_range(here_of(&f, 2000), 4, 6);
	assert_in_range(here_of(&f, 20000), 0, 4);
	/* … and quick again. */
	takes(100 * US, 400 * US);
	here_of(&f, 40000);
	assert_in_range(here_of(&f, 5000), 4700, 5000);
	stop(&f);
}

/* One of them takes long: that may be the scheduler. */
static void one_is_slow(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, 100 * US, 400 * US);
	here_of(&f, 1000);
	takes(20 * MS, 400 * US);
	assert_true(read_one(&f, 0, 1));
	takes(100 * US, 400 * US);
	assert_in_range(here_of(&f, 1000), 900, 1000);
	stop(&f);
}

/* The machine stands still for a moment, now and then; what was learned of both
 * ways stays. */
static void pauses(uint64_t here_ns, uint64_t there_ns, unsigned from,
		   unsigned to)
{
	struct fixture f;

	start(&f, here_ns, there_ns);
	here_of(&f, 1000);
	for (unsigned n = 0; n < 5; n++) {
		takes(80 * MS, 80 * MS);
		read_one(&f, n, 1);
		takes(here_ns, there_ns);
		assert_in_range(here_of(&f, 1000), from, to);
	}
	stop(&f);
}

static void a_pause(void **state)
{
	(void)state;
	/* A trial of the other way is 192 reads. */
	pauses(50 * US, 95 * US, 800, 1000);
	pauses(60 * US, 20 * US, 0, 200);
}

/* Some of them, and that is over at once. */
static void some_are_slow(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, 50 * US, 95 * US);
	here_of(&f, 1000);
	takes(20 * MS, 95 * US);
	assert_int_equal(here_of(&f, 6), 4);
	takes(50 * US, 95 * US);
	assert_in_range(here_of(&f, 10000), 8500, 10000);
	stop(&f);
	start(&f, 250 * US, 500 * US);
	here_of(&f, 1030);
	for (int i = 0; i < 8; i++) {
		takes(4 * MS, 500 * US);
		assert_int_equal(here_of(&f, 2), 2);
		takes(250 * US, 500 * US);
		assert_in_range(here_of(&f, 1000), 800, 1000);
	}
	stop(&f);
}

/* Each miss that does not hold them up lets forty cached ones pass. */
static void others_would_wait(void **state)
{
	struct fixture f;
	unsigned here = 0;
	bool one;

	(void)state;
	start(&f, 31 * US, 42 * US);
	for (unsigned n = 0; n < 10000; n++) {
		one = read_one(&f, n, 1);
		here += one;
		atomic_store(&delays.cached, true);
		here_of(&f, one ? 1 : 40);
		atomic_store(&delays.cached, false);
	}
	assert_in_range(here, 1, 400);
	stop(&f);
}

static void large_ones_go_elsewhere(void **state)
{
	struct fixture f;
	unsigned here = 0;

	(void)state;
	start(&f, 100 * US, 400 * US);
	here_of(&f, 1000);
	for (unsigned n = 0; n < 100; n++)
		here += read_one(&f, n, 32 * 1024 / BLOCK + 1);
	assert_int_equal(here, 0);
	stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(data_that_come_at_once),
		cmocka_unit_test(most_are_not_asked_for_before),
		cmocka_unit_test(a_device_that_takes_its_time),
		cmocka_unit_test(a_little_less),
		cmocka_unit_test(a_slow_device_is_hardly_tried),
		cmocka_unit_test(some_wait_for_threads),
		cmocka_unit_test(all_is_slow),
		cmocka_unit_test(a_slow_initiator),
		cmocka_unit_test(it_becomes_slow),
		cmocka_unit_test(one_is_slow),
		cmocka_unit_test(a_pause),
		cmocka_unit_test(some_are_slow),
		cmocka_unit_test(others_would_wait),
		cmocka_unit_test(large_ones_go_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
