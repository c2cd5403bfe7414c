// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* What is durable when, beside what tests/disk/test_io.c has of it. */
#include <errno.h>

#include "disk/disk_fixture.h"

static struct fixture fixture;

static int setup(void **state)
{
	fixture_start(&fixture, FIXTURE_CFG, 0);
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	fixture_stop(*state);
	return 0;
}

static void arm(struct fixture *f, uint64_t at, uint64_t count)
{
	struct store_fault_plan plan = {
		.fail_at = at,
		.fail_count = count,
		.error = EIO,
		.only = 1u << STORE_SYNC,
	};

	store_fault_arm(f->fault, &plan);
}

static enum disk_status unmap(struct fixture *f, uint64_t lba, uint32_t blocks,
			      bool fua)
{
	struct disk_io io;

	return run_rw(f, &io, DISK_UNMAP, lba, blocks, fua);
}

/* With the write cache off, what has been unmapped stays so. */
static void unmap_is_durable_when_asked(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(do_write(f, ZONE - 4, 8, 1), DISK_OK);
	assert_int_equal(do_sync(f), DISK_OK);
	arm(f, UINT64_MAX, 0);
	assert_int_equal(unmap(f, ZONE - 4, 4, false), DISK_OK);
	assert_int_equal(store_fault_calls(f->fault), 0);
	assert_int_equal(unmap(f, ZONE - 4, 8, true), DISK_OK);
	assert_int_equal(store_fault_calls(f->fault), 2);
	assert_int_equal(do_read(f, ZONE - 4, 8), DISK_OK);
	assert_zeros(f->buf, 8 * BLOCK);
}

static void unmap_whose_sync_fails_is_not_forgotten(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(do_write(f, 0, 16, 1), DISK_OK);
	arm(f, 0, 1);
	assert_int_equal(unmap(f, 4, 4, true), DISK_WRITE_ERROR);
	/* With what was dirty beside it. */
	assert_int_equal(do_read(f, 4, 4), DISK_READ_ERROR);
	assert_int_equal(do_read(f, 0, 1), DISK_READ_ERROR);
	assert_int_equal(do_sync(f), DISK_WRITE_ERROR);
	assert_int_equal(do_write(f, 0, 4, 2), DISK_OK);
	assert_int_equal(do_write(f, 8, 8, 2), DISK_OK);
	/* The same once more. */
	assert_int_equal(unmap(f, 4, 4, true), DISK_OK);
	assert_int_equal(do_read(f, 4, 4), DISK_OK);
	assert_zeros(f->buf, 4 * BLOCK);
	assert_int_equal(do_sync(f), DISK_OK);
}

/* From a round's first sync on, another one is wanted, and so is an end. */
static struct store_ops ops;
static const struct store_ops *real_ops;
static struct disk_io late;
static bool late_done;

static void note_late(struct disk_io *io)
{
	(void)io;
	late_done = true;
}

static void submit_and_stop(struct store *st, struct store_req *req)
{
	if (req->op == STORE_SYNC && !fixture.disk->sync_stops) {
		late = (struct disk_io){ .op = DISK_SYNC, .done = note_late };
		disk_submit(fixture.disk, &late);
		/* As a thread in sync_stop() does. */
		pthread_mutex_lock(&fixture.disk->lock);
		fixture.disk->sync_stops++;
		pthread_mutex_unlock(&fixture.disk->lock);
	}
	real_ops->submit(st, req);
}

static void syncs_do_not_keep_a_power_failure_waiting(void **state)
{
	struct fixture *f = *state;

	late_done = false;
	real_ops = f->fault->ops;
	ops = *real_ops;
	ops.submit = submit_and_stop;
	f->fault->ops = &ops;
	assert_int_equal(do_write(f, 0, 1, 1), DISK_OK);
	assert_int_equal(do_sync(f), DISK_OK);
	f->fault->ops = real_ops;
	/* No further round, though somebody waits for one. */
	assert_false(late_done);
	assert_false(f->disk->syncing);
	f->disk->sync_stops--;
	sync_stop(f->disk);
	assert_false(late_done);
	sync_resume(f->disk);
	assert_true(late_done);
	assert_int_not_equal(late.status, DISK_OK);
	assert_int_equal(do_sync(f), DISK_OK);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(unmap_is_durable_when_asked),
		T(unmap_whose_sync_fails_is_not_forgotten),
		T(syncs_do_not_keep_a_power_failure_waiting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
