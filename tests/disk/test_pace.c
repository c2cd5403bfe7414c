// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Which I/Os are carried out in the caller's thread. */
#include "disk_fixture.h"

#include <errno.h>

#define SMALL 8	 /* blocks of 4096: 32 KiB */
#define LARGE 32 /* more than that */

static uint64_t time_ns;

static uint64_t test_clock(void)
{
	return time_ns;
}

static struct disk *new_disk(unsigned cpus)
{
	static struct disk d;

	memset(&d, 0, sizeof(d));
	d.block_shift = 12;
	pace_init(&d);
	d.pace.nr_cpus = cpus;
	pace_clock_ns = test_clock;
	time_ns = 1000000;
	return &d;
}

static void small_ones_always(void **state)
{
	struct disk *d = new_disk(4);

	(void)state;
	pace_leave(d);
	atomic_store(&d->work.busy, 1);
	assert_true(pace_here(d, SMALL));
}

static void a_large_one_that_is_alone(void **state)
{
	struct disk *d = new_disk(2);

	(void)state;
	pace_leave(d);
	time_ns += 20000;
	assert_true(pace_here(d, LARGE));
	/* The next one was waiting already: two side by side. */
	pace_leave(d);
	time_ns += 100;
	assert_false(pace_here(d, LARGE));
}

/* A quick initiator that waits for each answer looks like a queue. */
static void a_quick_one_that_is_alone(void **state)
{
	struct disk *d = new_disk(2);
	struct disk_io io;
	int here = 0;

	(void)state;
	pace_leave(d);
	assert_false(pace_here(d, LARGE));
	pace_handed_over(d, &io);
	pace_done(d, &io);
	/* It was done before the next one came: now for a while here. */
	while (here < 1000 && pace_here(d, LARGE))
		here++;
	assert_in_range(here, 10, 999);
	/* This time the next one comes before. */
	pace_handed_over(d, &io);
	atomic_store(&d->work.busy, 1);
	assert_true(pace_here(d, LARGE));
	atomic_store(&d->work.busy, 0);
	pace_done(d, &io);
	assert_false(pace_here(d, LARGE));
}

static void workers_get_the_other_processors(void **state)
{
	struct disk *d = new_disk(3);

	(void)state;
	time_ns += 20000;
	atomic_store(&d->work.busy, 1);
	assert_false(pace_here(d, LARGE));
	atomic_store(&d->work.busy, 2);
	assert_true(pace_here(d, LARGE));
	d->pace.nr_cpus = 1;
	atomic_store(&d->work.busy, 0);
	assert_true(pace_here(d, LARGE));
}

static void a_slow_write_is_the_last_for_a_while(void **state)
{
	struct disk *d = new_disk(2);
	uint64_t start = time_ns;

	(void)state;
	time_ns += 1000000;
	pace_waited(d, start);
	assert_true(pace_may_wait(d));
	time_ns += 20000000;
	pace_waited(d, start);
	assert_false(pace_may_wait(d));
	time_ns += 1000000000;
	assert_true(pace_may_wait(d));
}

/* As ext4 does: the write is not known to be one that does not wait. */
static void a_store_that_cannot_tell(void **state)
{
	struct store_fault_plan plan = { .fail_at = 0,
					 .fail_count = 1,
					 .error = EOPNOTSUPP,
					 .only = 1u << STORE_WRITE };
	struct fixture f;
	struct iovec iov;
	struct disk_io io = {
		.op = DISK_WRITE, .nr_blocks = 1, .iov = &iov, .iov_cnt = 1
	};

	(void)state;
	fixture_start(&f, FIXTURE_CFG, 1);
	iov = (struct iovec){ f.buf, BLOCK };
	memset(f.buf, 5, BLOCK);
	store_fault_arm(f.fault, &plan);
	io.lba = SEQ(0);
	assert_true(disk_try(f.disk, &io));
	assert_int_equal(io.status, DISK_OK);
	assert_int_equal(store_fault_hits(f.fault), 1);
	/* A sync is under way: not now. */
	f.disk->syncing = true;
	io.lba++;
	assert_false(disk_try(f.disk, &io));
	f.disk->syncing = false;
	/* It fails, perhaps with a part of it written: that goes first. */
	plan.error = EIO;
	plan.partial_bytes = BLOCK / 2;
	store_fault_arm(f.fault, &plan);
	assert_false(disk_try(f.disk, &io));
	assert_int_equal(wp_of(&f, SEQ(0)), SEQ(0) + 1);
	assert_int_equal(do_write(&f, SEQ(0) + 1, 1, 3), DISK_OK);
	assert_sizes_match(&f);
	fixture_stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* With the real clock: first. */
		cmocka_unit_test(a_store_that_cannot_tell),
		cmocka_unit_test(small_ones_always),
		cmocka_unit_test(a_large_one_that_is_alone),
		cmocka_unit_test(a_quick_one_that_is_alone),
		cmocka_unit_test(workers_get_the_other_processors),
		cmocka_unit_test(a_slow_write_is_the_last_for_a_while),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
