// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Which I/Os are carried out in the caller's thread. */
#include "disk_fixture.h"

#include <errno.h>

#include "base/num.h"
#include "disk/io/io.h"
#include "disk/io/where.h"

#define SMALL 8	 /* blocks of 4096: 32 KiB */
#define LARGE 32 /* more than that */

static uint64_t time_ns;

static struct disk *new_disk(unsigned cpus)
{
	static struct store store;
	static struct disk d;

	memset(&d, 0, sizeof(d));
	d.store = &store;
	d.block_shift = 12;
	where_init(&d);
	where_start(&d);
	d.where.nr_cpus = cpus;
	time_ns = 1000000;
	return &d;
}

static bool here(struct disk *d, uint32_t nr_blocks)
{
	struct disk_io pub = { .nr_blocks = nr_blocks };
	struct io *io = io_of(&pub);

	io->pub = &pub;
	io->disk = d;
	return where_here(io);
}

/* A read that disk_try() has not taken. */
static void hand_over(struct disk *d, struct disk_io *pub)
{
	*pub = (struct disk_io){ .op = DISK_READ, .nr_blocks = LARGE };
	io_of(pub)->pub = pub;
	io_of(pub)->disk = d;
	where_choose(io_of(pub));
}

static void small_ones_always(void **state)
{
	struct disk *d = new_disk(4);

	(void)state;
	atomic_store(&d->work.busy, 1);
	assert_true(here(d, SMALL));
}

/* One goes to a worker and is done before the next one comes: returns how many
 * are carried out here then, before another goes there. */
static int here_after_one_alone(struct disk *d)
{
	struct disk_io io;
	int nr = 0;

	hand_over(d, &io);
	where_done(io_of(&io));
	while (nr < 10000 && here(d, LARGE))
		nr++;
	return nr;
}

static void large_ones_that_are_alone(void **state)
{
	struct disk *d = new_disk(2);
	int last = 0;

	(void)state;
	assert_false(here(d, LARGE));
	assert_int_equal(here_after_one_alone(d), 64);
	assert_int_equal(here_after_one_alone(d), 128);
	for (int i = 0; i < 10; i++)
		last = here_after_one_alone(d);
	assert_int_equal(last, 1024);
}

/* The next one comes before: one here, one there. */
static void large_ones_side_by_side(void **state)
{
	struct disk *d = new_disk(2);
	struct disk_io io;

	(void)state;
	assert_false(here(d, LARGE));
	assert_int_equal(here_after_one_alone(d), 64);
	for (int i = 0; i < 10; i++) {
		hand_over(d, &io);
		atomic_store(&d->work.busy, 1);
		assert_true(here(d, LARGE));
		atomic_store(&d->work.busy, 0);
		where_done(io_of(&io));
		assert_false(here(d, LARGE));
	}
	assert_int_equal(here_after_one_alone(d), 64);
}

static void workers_get_the_other_processors(void **state)
{
	struct disk *d = new_disk(3);

	(void)state;
	atomic_store(&d->work.busy, 1);
	assert_false(here(d, LARGE));
	atomic_store(&d->work.busy, 2);
	assert_true(here(d, LARGE));
	d->where.nr_cpus = 1;
	atomic_store(&d->work.busy, 0);
	assert_true(here(d, LARGE));
}

static bool is_avoided(struct disk *d)
{
	struct disk_io pub = { .op = DISK_WRITE };
	struct io *io = io_of(&pub);

	io->disk = d;
	io->start_ns = time_ns;
	return where_write_flags(io, false) == STORE_NOWAIT;
}

/* For how many ms writes are avoided after one that took @ms. */
static unsigned avoided_ms(struct disk *d, unsigned ms)
{
	uint64_t start = time_ns, end;

	time_ns += ms * UINT64_C(1000000);
	where_waited(&d->where, start, time_ns);
	for (end = time_ns; is_avoided(d); time_ns += 1000000)
		;
	return (unsigned)((time_ns - end) / 1000000);
}

static void a_slow_write_is_the_last_for_a_while(void **state)
{
	struct disk *d = new_disk(2);

	(void)state;
	assert_int_equal(avoided_ms(d, 1), 0);
	assert_int_equal(avoided_ms(d, 20), 20);
	/* The next one is slow again, and others after some that are not. */
	assert_int_equal(avoided_ms(d, 20), 40);
	assert_int_equal(avoided_ms(d, 9), 0);
	assert_int_equal(avoided_ms(d, 20), 80);
	for (int i = 0; i < 10; i++)
		avoided_ms(d, 20);
	assert_int_equal(avoided_ms(d, 20), 64 * 20);
}

/* It costs no more than it did. */
static void one_is_slow_now_and_then(void **state)
{
	struct disk *d = new_disk(2);

	(void)state;
	for (int i = 0; i < 10; i++) {
		assert_int_equal(avoided_ms(d, 20), 20);
		time_ns += 80 * UINT64_C(1000000);
	}
	assert_int_equal(avoided_ms(d, 20), 20);
	time_ns += 79 * UINT64_C(1000000);
	assert_int_equal(avoided_ms(d, 20), 40);
}

static bool try_write_here(struct fixture *f, uint64_t lba)
{
	struct iovec iov = { f->buf, BLOCK };
	struct disk_io io = rw_io(DISK_WRITE, lba, 1, &iov);

	memset(f->buf, 5, BLOCK);
	return disk_try(f->disk, &io) && io.status == DISK_OK;
}

/* As xfs does with the first write to a file in each tick, and ext4 with all:
 * they are not asked. */
static void a_store_that_would_rather_wait(void **state)
{
	static const int errors[] = { EAGAIN, EOPNOTSUPP };
	struct store_fault_plan plan = { .fail_at = 0,
					 .fail_count = UINT64_MAX,
					 .only = 1u << STORE_WRITE,
					 .only_flags = STORE_NOWAIT };
	const struct store_fault_plan none = { .fail_at = UINT64_MAX };
	struct fixture f;

	(void)state;
	fixture_start(&f, FIXTURE_CFG, 1);
	for (uint32_t i = 0; i < ZL_ARRAY_SIZE(errors); i++) {
		plan.error = errors[i];
		store_fault_arm(f.fault, &plan);
		assert_true(try_write_here(&f, SEQ(0) + i));
		assert_int_equal(store_fault_hits(f.fault), 0);
		/* A sync is under way: not now. */
		f.disk->sync.running = true;
		assert_false(try_write_here(&f, SEQ(0) + i + 1));
		assert_int_equal(store_fault_hits(f.fault), 1);
		f.disk->sync.running = false;
		/* One was slow. */
		where_waited(&f.disk->where, meter_clock_ns(), UINT64_MAX / 8);
		assert_false(try_write_here(&f, SEQ(0) + i + 1));
		assert_int_equal(store_fault_hits(f.fault), 2);
		/* Not avoided, then, if it need not wait. */
		store_fault_arm(f.fault, &none);
		assert_true(try_write_here(&f, SEQ(1) + i));
		atomic_store(&f.disk->where.avoid_until_ns, 0);
	}
	assert_int_equal(wp_of(&f, SEQ(0)), SEQ(0) + 2);
	assert_sizes_match(&f);
	fixture_stop(&f);
}

/* It fails, perhaps with a part of it written: that goes first. */
static void a_part_is_cut_off(void **state)
{
	struct store_fault_plan plan = { .fail_at = 0,
					 .fail_count = 1,
					 .error = EIO,
					 .partial_bytes = BLOCK / 2,
					 .only = 1u << STORE_WRITE };
	struct fixture f;

	(void)state;
	fixture_start(&f, FIXTURE_CFG, 1);
	store_fault_arm(f.fault, &plan);
	assert_false(try_write_here(&f, SEQ(0)));
	assert_int_equal(wp_of(&f, SEQ(0)), SEQ(0));
	assert_int_equal(do_write(&f, SEQ(0), 1, 3), DISK_OK);
	assert_sizes_match(&f);
	fixture_stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_store_that_would_rather_wait),
		cmocka_unit_test(a_part_is_cut_off),
		cmocka_unit_test(small_ones_always),
		cmocka_unit_test(large_ones_that_are_alone),
		cmocka_unit_test(large_ones_side_by_side),
		cmocka_unit_test(workers_get_the_other_processors),
		cmocka_unit_test(a_slow_write_is_the_last_for_a_while),
		cmocka_unit_test(one_is_slow_now_and_then),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
