// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* What is durable when, beside what tests/disk/test_io.c has of it. */
#include <errno.h>
#include <semaphore.h>
#include <time.h>

#include "base/clock.h"
#include "base/num.h"
#include "disk/disk_fixture.h"
#include "disk/io/io.h"
#include "disk/io/slot.h"
#include "disk/io/sync.h"

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

/* @op as in store_fault_plan.only. */
static void arm_op(struct fixture *f, unsigned op, uint64_t at, uint64_t count)
{
	struct store_fault_plan plan = {
		.fail_at = at,
		.fail_count = count,
		.error = EIO,
		.only = 1u << op,
	};

	store_fault_arm(f->fault, &plan);
}

static void arm(struct fixture *f, uint64_t at, uint64_t count)
{
	arm_op(f, STORE_SYNC, at, count);
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

static void compare_and_write_is_durable_when_asked(void **state)
{
	const struct store_fault_plan durable_writes = {
		.fail_at = UINT64_MAX,
		.only = 1u << STORE_WRITE,
		.only_flags = STORE_DSYNC,
	};
	struct fixture *f = *state;
	struct iovec iov = { f->buf, 2 * BLOCK };
	struct disk_io io = { .op = DISK_COMPARE_WRITE,
			      .nr_blocks = 1,
			      .iov = &iov,
			      .iov_cnt = 1 };

	memset(f->buf, 0, BLOCK);
	memset(f->buf + BLOCK, 'x', BLOCK);
	store_fault_arm(f->fault, &durable_writes);
	assert_int_equal(disk_run(f->disk, &io), DISK_OK);
	assert_int_equal(store_fault_calls(f->fault), 0);
	memset(f->buf, 'x', BLOCK);
	io.fua = true;
	assert_int_equal(disk_run(f->disk, &io), DISK_OK);
	assert_int_equal(store_fault_calls(f->fault), 1);
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

/* From the lowest to the highest block, in whatever order they came. */
static void all_that_was_dirty_is_bad(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(do_write(f, 100, 4, 1), DISK_OK);
	assert_int_equal(do_write(f, 200, 4, 1), DISK_OK);
	assert_int_equal(do_write(f, 50, 4, 1), DISK_OK);
	arm(f, 0, 1);
	assert_int_equal(do_sync(f), DISK_WRITE_ERROR);
	assert_int_equal(do_read(f, 46, 4), DISK_OK);
	for (uint64_t lba = 50; lba < 204; lba += 50)
		assert_int_equal(do_read(f, lba + 3, 1), DISK_READ_ERROR);
	assert_int_equal(do_read(f, 204, 4), DISK_OK);
	assert_int_equal(do_write(f, SEQ(0), 8, 1), DISK_OK);
	arm(f, 0, 1);
	assert_int_equal(do_sync(f), DISK_WRITE_ERROR);
	assert_int_equal(do_read(f, SEQ(0) + 7, 1), DISK_READ_ERROR);
}

int __real_bad_add(struct bad_ranges *bad, uint32_t slot, uint32_t lo,
		   uint32_t hi);
int __wrap_bad_add(struct bad_ranges *bad, uint32_t slot, uint32_t lo,
		   uint32_t hi);
static bool fail_bad_add;

int __wrap_bad_add(struct bad_ranges *bad, uint32_t slot, uint32_t lo,
		   uint32_t hi)
{
	return fail_bad_add ? -ENOMEM : __real_bad_add(bad, slot, lo, hi);
}

/* … nor forgotten when the zone gets another condition and loses it again. */
static void a_condition_leaves_what_is_bad(void **state)
{
	struct fixture *f = *state;
	struct inject_fault offline = { .kind = INJECT_OFFLINE,
					.lba = SEQ(0),
					.nr_blocks = 1 };
	struct zl_err err;
	uint16_t before;
	uint32_t id;

	assert_int_equal(do_write(f, SEQ(0), 8, 1), DISK_OK);
	pthread_mutex_lock(&f->disk->lock);
	fail_bad_add = true;
	slot_add_bad(f->disk, NR_CONV, 0, 8);
	fail_bad_add = false;
	before = f->disk->slots.at[NR_CONV].flags & ~SLOT_BAD_NEWS;
	pthread_mutex_unlock(&f->disk->lock);
	assert_int_equal(disk_fault_add(f->disk, &offline, &id, &err), 0);
	assert_int_equal(disk_fault_restore(f->disk, SEQ(0), 1, &err), 0);
	assert_int_equal(f->disk->slots.at[NR_CONV].flags & ~SLOT_BAD_NEWS,
			 before);
	assert_int_equal(do_read(f, SEQ(0), 1), DISK_READ_ERROR);
}

/* Also if there was no memory to say which. */
static void all_is_bad(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(do_write(f, SEQ(0), 8, 1), DISK_OK);
	assert_int_equal(do_sync(f), DISK_OK);
	fail_bad_add = true;
	pthread_mutex_lock(&f->disk->lock);
	slot_add_bad(f->disk, NR_CONV, 0, 8);
	pthread_mutex_unlock(&f->disk->lock);
	fail_bad_add = false;
	assert_int_equal(do_read(f, SEQ(0), 1), DISK_READ_ERROR);
	assert_int_equal(do_sync(f), DISK_WRITE_ERROR);
	assert_int_equal(do_zone(f, ZO_RESET, SEQ(0), false), DISK_OK);
	assert_int_equal(do_sync(f), DISK_OK);
}

/* A block that two requests have a part of each is rewritten with the second.
 */
static void half_a_block_is_still_bad(void **state)
{
	const struct store_fault_plan second = { .fail_at = 1,
						 .fail_count = 1,
						 .error = EIO,
						 .only = 1u << STORE_WRITE };
	const struct store_fault_plan none = { .fail_at = UINT64_MAX };
	struct fixture *f = *state;
	struct iovec iov[9];
	struct disk_io io = { .op = DISK_WRITE,
			      .lba = ZONE - 2,
			      .nr_blocks = 4,
			      .iov = iov,
			      .iov_cnt = 9 };

	for (size_t i = 0; i < 9; i++)
		iov[i] = (struct iovec){ f->buf + 100 * i, 100 };
	iov[8].iov_len = 4 * BLOCK - 800;
	assert_int_equal(do_write(f, ZONE - 2, 4, 1), DISK_OK);
	pthread_mutex_lock(&f->disk->lock);
	slot_add_bad(f->disk, 0, ZONE - 2, ZONE);
	pthread_mutex_unlock(&f->disk->lock);
	store_fault_arm(f->fault, &second);
	assert_int_equal(disk_run(f->disk, &io), DISK_WRITE_ERROR);
	store_fault_arm(f->fault, &none);
	assert_int_equal(do_read(f, ZONE - 2, 1), DISK_OK);
	assert_int_equal(do_read(f, ZONE - 1, 1), DISK_READ_ERROR);
	assert_int_equal(disk_run(f->disk, &io), DISK_OK);
	assert_int_equal(do_read(f, ZONE - 2, 4), DISK_OK);
	assert_int_equal(do_sync(f), DISK_OK);
}

/* Each of many, and no other. */
static void dirty_slots_are_found(void **state)
{
	const uint32_t nr = 200;
	struct disk d = { .zones.nr_slots = nr };
	uint32_t lo, hi;

	(void)state;
	assert_int_equal(slot_table_alloc(&d.slots, nr), 0);
	for (uint32_t i = 0; i < nr; i++) {
		slot_mark_dirty(&d, i, 0, 1, 0);
		assert_int_equal(slot_next_unsynced(&d, 0), i);
		assert_int_equal(slot_next_unsynced(&d, i + 1), UINT32_MAX);
		assert_true(slot_take_dirty(&d, i, &lo, &hi));
		assert_int_equal(slot_next_unsynced(&d, 0), UINT32_MAX);
	}
	slot_table_free(&d.slots);
}

/*
 * What happens beside: before, or after, the store has done the next request of
 * a kind, or added to the journal.
 */
static struct store_ops ops;
static const struct store_ops *real_ops;
static void (*beside)(struct fixture *f);
static unsigned beside_op; /* enum store_op, or: */
#define BESIDE_JOURNAL STORE_NR_OPS
#define BESIDE_STAT    (STORE_NR_OPS + 1)
static bool beside_after;

static void run_beside(void)
{
	void (*fn)(struct fixture * f) = beside;

	beside = NULL;
	fn(&fixture);
}

static void submit_beside(struct store *st, struct store_req *req)
{
	struct store_req copy = *req;

	if (!beside || req->op != beside_op) {
		real_ops->submit(st, req);
		return;
	}
	if (!beside_after)
		run_beside();
	req->res = store_run(st->lower, &copy);
	if (beside)
		run_beside();
	req->done(req);
}

static int append_beside(struct store *st, const char *name, const void *data,
			 size_t len, bool sync)
{
	int ret = real_ops->meta_append(st, name, data, len, sync);

	if (beside && beside_op == BESIDE_JOURNAL)
		run_beside();
	return ret;
}

/* Beside whoever looks how long a file is that somebody has cut. */
static int stat_beside(struct store *st, uint32_t slot, struct store_stat *stat)
{
	int ret;

	if (!beside || beside_op != BESIDE_STAT)
		return real_ops->stat(st, slot, stat);
	if (!beside_after)
		run_beside();
	ret = store_stat(st->lower, slot, stat);
	if (beside)
		run_beside();
	return ret;
}

static void do_beside(struct fixture *f, unsigned op, bool after,
		      void (*fn)(struct fixture *f))
{
	real_ops = f->fault->ops;
	ops = *real_ops;
	ops.submit = submit_beside;
	ops.stat = stat_beside;
	ops.meta_append = append_beside;
	beside = fn;
	beside_op = op;
	beside_after = after;
	f->fault->ops = &ops;
}

static void end_beside(struct fixture *f)
{
	assert_null(beside);
	f->fault->ops = real_ops;
	real_ops = NULL;
}

static void arm_beside(struct fixture *f)
{
	f->fault->ops = real_ops;
	arm(f, 0, 1);
	f->fault->ops = &ops;
}

static void fail_sync(struct fixture *f)
{
	arm_beside(f);
	assert_int_equal(do_sync(f), DISK_WRITE_ERROR);
}

/* Some sync of the zone has failed; not one of a command, which would tell the
 * journal, in whose middle this is. */
static void lose(struct fixture *f)
{
	store_lost(f->disk->store, NR_CONV);
}

static void fail_fua(struct fixture *f)
{
	arm_beside(f);
	assert_int_equal(do_write_fua(f, SEQ(0) + 4, 4, 1), DISK_WRITE_ERROR);
}

static void sync_beside_a_failing_one_fails(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(do_write(f, SEQ(0), 4, 1), DISK_OK);
	do_beside(f, STORE_SYNC, false, fail_fua);
	assert_int_equal(do_sync(f), DISK_WRITE_ERROR);
	end_beside(f);
	assert_int_equal(do_read(f, SEQ(0), 4), DISK_READ_ERROR);
	assert_int_equal(do_sync(f), DISK_WRITE_ERROR);
	assert_sizes_match(f);
}

/* No file could be opened: nothing was tried, and nothing is lost. */
static void sync_without_descriptors_is_repeated(void **state)
{
	const struct store_fault_plan plan = { .fail_count = 2,
					       .error = EMFILE,
					       .only = 1u << STORE_SYNC };
	struct fixture *f = *state;

	assert_int_equal(do_write(f, SEQ(0), 4, 1), DISK_OK);
	store_fault_arm(f->fault, &plan);
	assert_int_equal(do_sync(f), DISK_INTERNAL);
	assert_int_equal(do_write_fua(f, SEQ(0) + 4, 4, 1), DISK_INTERNAL);
	assert_int_equal(do_read(f, SEQ(0), 4), DISK_OK);
	assert_int_equal(do_sync(f), DISK_OK);
	assert_int_equal(store_fault_calls(f->fault), 3);
}

/* Between the parts of one write. */
static void fua_in_parts_whose_sync_fails_beside(void **state)
{
	struct fixture *f = *state;
	struct iovec iov[17];
	struct disk_io io = { .op = DISK_WRITE,
			      .fua = true,
			      .lba = SEQ(0) + 100,
			      .nr_blocks = 16,
			      .iov = iov,
			      .iov_cnt = 17 };

	fixture_stop(f);
	fixture_start(f, FIXTURE_CFG ",model=host-aware", 0);
	for (unsigned i = 0; i < 17; i++)
		iov[i] = (struct iovec){ f->buf + i * BLOCK, BLOCK };
	do_beside(f, BESIDE_JOURNAL, true, lose);
	assert_int_equal(disk_run(f->disk, &io), DISK_WRITE_ERROR);
	end_beside(f);
	assert_int_equal(do_read(f, SEQ(0) + 100, 16), DISK_READ_ERROR);
	assert_int_equal(do_write_fua(f, SEQ(0) + 100, 16, 2), DISK_OK);
	assert_int_equal(do_sync(f), DISK_OK);
}

/* The zeros at the ends of a hole may have been among what was lost. */
static void unmap_whose_sync_fails_beside(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(do_write(f, 100, 4, 1), DISK_OK);
	do_beside(f, STORE_PUNCH, true, fail_sync);
	assert_int_equal(unmap(f, 1, 4, false), DISK_WRITE_ERROR);
	end_beside(f);
	assert_int_equal(do_write(f, 100, 4, 1), DISK_OK);
	assert_int_equal(do_sync(f), DISK_WRITE_ERROR);
	assert_int_equal(do_read(f, 1, 4), DISK_READ_ERROR);
	assert_int_equal(unmap(f, 1, 4, false), DISK_OK);
	assert_int_equal(do_sync(f), DISK_OK);
}

static void refill_whose_sync_fails_beside(void **state)
{
	struct fixture *f = *state;
	struct disk_io io;

	assert_int_equal(do_write(f, SEQ(0), 4, 1), DISK_OK);
	do_beside(f, STORE_WRITE, true, fail_sync);
	assert_int_equal(run_rw(f, &io, DISK_REFILL, SEQ(0), 1, false),
			 DISK_WRITE_ERROR);
	end_beside(f);
	assert_int_equal(do_sync(f), DISK_WRITE_ERROR);
	assert_int_equal(do_read(f, SEQ(0), 4), DISK_READ_ERROR);
	assert_int_equal(do_zone(f, ZO_RESET, SEQ(0), false), DISK_OK);
	assert_int_equal(do_sync(f), DISK_OK);
}

/*
 * While one command tells the journal durably, another must not answer as if
 * that were done: it is given time to do so.
 */
static struct disk_io second;
static sem_t second_over;
static bool first_is_told, was_early;

static void note_second(struct disk_io *io)
{
	(void)io;
	was_early |= !first_is_told;
	sem_post(&second_over);
}

static int append_slowly(struct store *st, const char *name, const void *data,
			 size_t len, bool sync)
{
	struct timespec end;

	if (sync && !first_is_told) {
		second = (struct disk_io){ .op = DISK_SYNC,
					   .done = note_second };
		disk_submit(fixture.disk, &second);
		clock_gettime(CLOCK_REALTIME, &end);
		end.tv_sec++;
		if (!sem_timedwait(&second_over, &end))
			sem_post(&second_over);
		first_is_told = true;
	}
	return real_ops->meta_append(st, name, data, len, sync);
}

static void sync_waits_for_what_the_journal_is_told(void **state)
{
	struct fixture *f = *state;

	fixture_stop(f);
	fixture_start(f, FIXTURE_CFG ",model=host-aware", 2);
	sem_init(&second_over, 0, 0);
	assert_int_equal(do_write_fua(f, SEQ(0) + 8, 4, 1), DISK_OK);
	assert_int_equal(do_zone(f, ZO_RESET, SEQ(0), false), DISK_OK);
	real_ops = f->fault->ops;
	ops = *real_ops;
	ops.meta_append = append_slowly;
	f->fault->ops = &ops;
	assert_int_equal(do_write_fua(f, SEQ(0), 4, 2), DISK_OK);
	assert_true(first_is_told);
	while (sem_wait(&second_over))
		;
	assert_false(was_early);
	assert_int_equal(second.status, DISK_OK);
	f->fault->ops = real_ops;
}

static enum disk_status zone_fua(struct fixture *f, enum zone_op op, bool all)
{
	struct disk_io io = { .op = DISK_ZONE,
			      .zone_op = op,
			      .lba = all ? 0 : SEQ(0),
			      .zone_all = all,
			      .fua = true };

	return disk_run(f->disk, &io);
}

/* Repeated, it finds nothing to reset, but it is not durable yet. */
static void reset_whose_sync_fails_is_repeated(void **state)
{
	struct fixture *f = *state;

	for (int all = 0; all < 2; all++) {
		assert_int_equal(do_write_fua(f, SEQ(0), 4, 1), DISK_OK);
		arm(f, 0, 2);
		assert_int_equal(zone_fua(f, ZO_RESET, all), DISK_WRITE_ERROR);
		assert_int_equal(cond_of(f, SEQ(0)), ZC_EMPTY);
		assert_int_equal(zone_fua(f, ZO_RESET, all), DISK_WRITE_ERROR);
		assert_int_equal(zone_fua(f, ZO_RESET, all), DISK_OK);
		assert_int_equal(store_fault_calls(f->fault), 3);
		assert_int_equal(zone_fua(f, ZO_RESET, all), DISK_OK);
		assert_int_equal(store_fault_calls(f->fault), 3);
		assert_int_equal(do_sync(f), DISK_OK);
	}
}

/* What it filled the zone with is bad, but that the zone is FULL must last. */
static void finish_whose_sync_fails_is_repeated(void **state)
{
	struct fixture *f = *state;

	for (int all = 0; all < 2; all++) {
		assert_int_equal(do_zone(f, ZO_RESET, SEQ(0), false), DISK_OK);
		assert_int_equal(do_write_fua(f, SEQ(0), 4, 1), DISK_OK);
		arm(f, 0, 2);
		assert_int_equal(zone_fua(f, ZO_FINISH, all), DISK_WRITE_ERROR);
		assert_int_equal(cond_of(f, SEQ(0)), ZC_FULL);
		assert_int_equal(zone_fua(f, ZO_FINISH, all), DISK_WRITE_ERROR);
		assert_int_equal(zone_fua(f, ZO_FINISH, all), DISK_OK);
		assert_int_equal(store_fault_calls(f->fault), 3);
		assert_int_equal(do_read(f, SEQ(0), 4), DISK_OK);
		assert_int_equal(do_read(f, SEQ(0) + 4, 4), DISK_READ_ERROR);
	}
}

/* Its own sync ended well, but one beside it had what could go wrong. */
static void reset_whose_sync_fails_beside(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(do_write(f, SEQ(0), 4, 1), DISK_OK);
	do_beside(f, STORE_RESET, true, fail_sync);
	assert_int_equal(zone_fua(f, ZO_RESET, false), DISK_WRITE_ERROR);
	end_beside(f);
	assert_int_equal(store_fault_calls(f->fault), 2);
	assert_int_equal(zone_fua(f, ZO_RESET, false), DISK_OK);
	assert_int_equal(store_fault_calls(f->fault), 3);
	assert_int_equal(zone_fua(f, ZO_RESET, false), DISK_OK);
	assert_int_equal(store_fault_calls(f->fault), 3);
}

/* What could not be told the journal is told with the next one. */
static void the_journal_cannot_be_synced(void **state)
{
	const struct store_fault_plan plan = {
		.fail_count = 1,
		.error = EIO,
		.only = UINT32_C(3) << 24, /* replacing and adding */
	};
	struct fixture *f = *state;

	fixture_stop(f);
	fixture_start(f, FIXTURE_CFG ",model=host-aware", 0);
	assert_int_equal(do_write_fua(f, SEQ(0) + 8, 4, 1), DISK_OK);
	assert_int_equal(do_zone(f, ZO_RESET, SEQ(0), false), DISK_OK);
	store_fault_arm(f->fault, &plan);
	assert_int_equal(do_sync(f), DISK_WRITE_ERROR);
	assert_int_equal(do_sync(f), DISK_OK);
	assert_int_equal(store_fault_calls(f->fault), 2);
	assert_int_equal(do_sync(f), DISK_OK);
	assert_int_equal(store_fault_calls(f->fault), 2);
}

/* FINISH fails, but has cut off what a failed write left. */
static void what_finish_cut_off_is_synced(void **state)
{
	const struct store_fault_plan stuck = { .fail_count = 2,
						.error = EIO,
						.partial_bytes = BLOCK,
						.only = 1u << STORE_WRITE |
							1u << STORE_CUT };
	const struct store_fault_plan no_finish = {
		.fail_count = 1, .error = EIO, .only = 1u << STORE_FINISH
	};
	struct fixture *f = *state;

	assert_int_equal(do_write_fua(f, SEQ(0), 4, 1), DISK_OK);
	store_fault_arm(f->fault, &stuck);
	assert_int_equal(do_write(f, SEQ(0) + 4, 4, 1), DISK_WRITE_ERROR);
	store_fault_arm(f->fault, &no_finish);
	assert_int_equal(do_zone(f, ZO_FINISH, SEQ(0), false),
			 DISK_WRITE_ERROR);
	arm(f, UINT64_MAX, 0);
	assert_int_equal(do_sync(f), DISK_OK);
	assert_int_equal(store_fault_calls(f->fault), 1);
	assert_sizes_match(f);
}

/* It may have changed a part. */
static void what_failed_is_synced(void **state)
{
	struct store_fault_plan plan = { .fail_count = 1, .error = EIO };
	struct fixture *f = *state;
	struct disk_io io;

	assert_int_equal(do_write_fua(f, 0, 8, 1), DISK_OK);
	plan.only = 1u << STORE_PUNCH;
	store_fault_arm(f->fault, &plan);
	assert_int_equal(unmap(f, 0, 8, false), DISK_WRITE_ERROR);
	arm(f, UINT64_MAX, 0);
	assert_int_equal(do_sync(f), DISK_OK);
	assert_int_equal(store_fault_calls(f->fault), 1);
	/* The zone is empty, the pattern did not get there. */
	assert_int_equal(do_write_fua(f, SEQ(0), 8, 1), DISK_OK);
	plan.only = 1u << STORE_WRITE;
	store_fault_arm(f->fault, &plan);
	assert_int_equal(run_rw(f, &io, DISK_REFILL, SEQ(0), 1, false),
			 DISK_WRITE_ERROR);
	assert_int_equal(cond_of(f, SEQ(0)), ZC_EMPTY);
	arm(f, UINT64_MAX, 0);
	assert_int_equal(do_sync(f), DISK_OK);
	assert_int_equal(store_fault_calls(f->fault), 1);
}

static struct disk_io writes[2];
static unsigned writes_over;

static void note_write(struct disk_io *io)
{
	/* The first one first. */
	assert_ptr_equal(io, &writes[writes_over]);
	assert_int_equal(io->status, DISK_OK);
	writes_over++;
}

static void submit_second(struct fixture *f)
{
	disk_submit(f->disk, &writes[1]);
}

/* An initiator that knows nothing of the first one must not find the second on
 * the medium, if the process dies between the two. */
static void posted_before_the_next_begins(void **state)
{
	struct fixture *f = *state;
	struct iovec iov = { f->buf, BLOCK };

	writes_over = 0;
	for (unsigned i = 0; i < 2; i++)
		writes[i] = (struct disk_io){ .op = DISK_WRITE,
					      .lba = SEQ(0) + i,
					      .nr_blocks = 1,
					      .iov = &iov,
					      .iov_cnt = 1,
					      .done = note_write };
	do_beside(f, STORE_WRITE, false, submit_second);
	disk_submit(f->disk, &writes[0]);
	end_beside(f);
	assert_int_equal(writes_over, 2);
}

/* From a round's first sync on, another one is wanted, and so is an end. */
static struct disk_io late;
static bool late_done;

static void note_late(struct disk_io *io)
{
	(void)io;
	late_done = true;
}

static void submit_and_stop(struct store *st, struct store_req *req)
{
	if (req->op == STORE_SYNC && !fixture.disk->sync.stops) {
		late = (struct disk_io){ .op = DISK_SYNC, .done = note_late };
		disk_submit(fixture.disk, &late);
		/* As a thread in sync_stop() does. */
		pthread_mutex_lock(&fixture.disk->lock);
		fixture.disk->sync.stops++;
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
	assert_false(f->disk->sync.running);
	f->disk->sync.stops--;
	assert_true(sync_stop(f->disk, UINT64_MAX));
	assert_false(late_done);
	sync_resume(f->disk);
	assert_true(late_done);
	assert_int_not_equal(late.status, DISK_OK);
	assert_int_equal(do_sync(f), DISK_OK);
}

/* As beside a snapshot: who came meanwhile gets what it wanted. */
static void or_they_go_on_when_it_is_over(void **state)
{
	struct fixture *f = *state;

	late_done = false;
	late = (struct disk_io){ .op = DISK_SYNC, .done = note_late };
	assert_int_equal(do_write(f, 0, 1, 1), DISK_OK);
	assert_true(sync_stop(f->disk, UINT64_MAX));
	/* Another one does not wait for good. */
	assert_false(sync_stop(f->disk, 0));
	disk_submit(f->disk, &late);
	assert_false(late_done);
	sync_go_on(f->disk);
	while (!late_done)
		sched_yield();
	assert_int_equal(late.status, DISK_OK);
	assert_int_equal(do_sync(f), DISK_OK);
}

static void write_and_want_sync(struct fixture *f)
{
	late = (struct disk_io){ .op = DISK_SYNC, .done = note_late };
	assert_int_equal(do_write(f, 0, 1, 2), DISK_OK);
	disk_submit(f->disk, &late);
}

/* The one that is under way may have been too early for its writes. */
static void who_comes_during_a_sync_gets_another(void **state)
{
	struct fixture *f = *state;

	late_done = false;
	assert_int_equal(do_write(f, 0, 1, 1), DISK_OK);
	arm(f, UINT64_MAX, 0); /* counts from the second one on */
	do_beside(f, STORE_SYNC, true, write_and_want_sync);
	assert_int_equal(do_sync(f), DISK_OK);
	end_beside(f);
	assert_true(late_done);
	assert_int_equal(late.status, DISK_OK);
	assert_int_equal(store_fault_calls(f->fault), 1);
}

/* Which is made durable first: "z", a zone's file, or "j", the journal. */
static char durable[8];

static void note_durable(char what)
{
	size_t n = strlen(durable);

	assert_true(n + 1 < sizeof(durable));
	durable[n] = what;
	durable[n + 1] = 0;
}

static void submit_noted(struct store *st, struct store_req *req)
{
	if (req->op == STORE_SYNC)
		note_durable('z');
	real_ops->submit(st, req);
}

static int append_noted(struct store *st, const char *name, const void *data,
			size_t len, bool sync)
{
	if (sync)
		note_durable('j');
	return real_ops->meta_append(st, name, data, len, sync);
}

static enum disk_status sync_or(struct fixture *f, int how)
{
	if (how == 0)
		return do_sync(f);
	return how == 1 ? do_write_fua(f, SEQ(0), 4, 2)
			: zone_fua(f, ZO_RESET, false);
}

/* That a zone is no longer out of order is told after its reset: else a power
 * loss between the two would leave it as it was, but in order. */
static void a_reset_is_durable_before_the_journal(void **state)
{
	struct fixture *f = *state;

	fixture_stop(f);
	fixture_start(f, FIXTURE_CFG ",model=host-aware", 0);
	real_ops = f->fault->ops;
	ops = *real_ops;
	ops.submit = submit_noted;
	ops.meta_append = append_noted;
	for (int how = 0; how < 3; how++) {
		assert_int_equal(do_zone(f, ZO_RESET, SEQ(0), false), DISK_OK);
		assert_int_equal(do_write_fua(f, SEQ(0) + 8, 4, 1), DISK_OK);
		if (how < 2)
			assert_int_equal(do_zone(f, ZO_RESET, SEQ(0), false),
					 DISK_OK);
		durable[0] = 0;
		f->fault->ops = &ops;
		assert_int_equal(sync_or(f, how), DISK_OK);
		f->fault->ops = real_ops;
		assert_string_equal(durable, "zj");
	}
}

/*
 * Writes that are tried in the caller's thread.
 */
static bool try_write(struct fixture *f, uint64_t lba, uint32_t blocks)
{
	struct iovec iov = { f->buf, blocks * BLOCK };
	struct disk_io io = rw_io(DISK_WRITE, lba, blocks, &iov);

	fill(f->buf, lba, blocks, 3);
	return disk_try(f->disk, &io) && io.status == DISK_OK;
}

static void with_workers(struct fixture *f)
{
	fixture_stop(f);
	fixture_start(f, FIXTURE_CFG, 1);
}

static void a_tried_write_is_synced(void **state)
{
	const uint64_t lba[] = { 100, SEQ(0) };
	struct fixture *f = *state;

	with_workers(f);
	for (size_t i = 0; i < ZL_ARRAY_SIZE(lba); i++) {
		assert_true(try_write(f, lba[i], 4));
		arm(f, 0, 1);
		assert_int_equal(do_sync(f), DISK_WRITE_ERROR);
		assert_int_equal(store_fault_calls(f->fault), 1);
		assert_int_equal(do_read(f, lba[i] + 3, 1), DISK_READ_ERROR);
		/* It is not tried where something is bad. */
		assert_false(try_write(f, lba[i], 4));
		if (i)
			do_zone(f, ZO_RESET, lba[i], false);
		else
			do_write(f, lba[i], 4, 1);
		assert_int_equal(do_sync(f), DISK_OK);
		/* What failed before does not matter any more. */
		assert_true(try_write(f, lba[i], 4));
		assert_int_equal(do_read(f, lba[i], 4), DISK_OK);
		assert_int_equal(do_sync(f), DISK_OK);
	}
}

/* What it left is cut off, at the latest in the end. */
static void part_of_a_tried_write(void **state)
{
	const struct store_fault_plan part = { .fail_count = 1,
					       .error = EIO,
					       .partial_bytes = 2 * BLOCK,
					       .only = 1u << STORE_WRITE };
	struct fixture *f = *state;

	with_workers(f);
	assert_true(try_write(f, SEQ(0), 4));
	store_fault_arm(f->fault, &part);
	assert_false(try_write(f, SEQ(0) + 4, 4));
	/* It is not tried before that. */
	assert_false(try_write(f, SEQ(0) + 4, 1));
	assert_int_equal(do_write(f, SEQ(0) + 4, 1, 1), DISK_OK);
	assert_sizes_match(f);
	store_fault_arm(f->fault, &part);
	assert_false(try_write(f, SEQ(0) + 5, 4));
	fixture_reopen(f, FIXTURE_CFG);
	assert_int_equal(wp_of(f, SEQ(0)), SEQ(0) + 5);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void reset_and_write(struct fixture *f)
{
	assert_int_equal(do_zone(f, ZO_RESET, SEQ(0), false), DISK_OK);
	assert_int_equal(do_write(f, SEQ(0), 8, 3), DISK_OK);
}

static enum disk_status read_it(struct fixture *f)
{
	return do_read(f, SEQ(0), 8);
}

/* Somebody has cut the file, and whoever finds that out is overtaken by a
 * RESET: what is written after that is not what is gone. */
static void what_is_written_after_a_reset_is_not_gone(void **state)
{
	static enum disk_status (*const finds[])(struct fixture * f) = {
		read_it,
		do_sync,
	};
	struct fixture *f = *state;

	fixture_stop(f);
	fixture_start_files(f, FIXTURE_CFG, 0);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(do_zone(f, ZO_RESET, SEQ(0), false), DISK_OK);
		assert_int_equal(do_write(f, SEQ(0), 8, 1), DISK_OK);
		assert_int_equal(store_resize(f->fault, NR_CONV, 4 * BLOCK), 0);
		do_beside(f, BESIDE_STAT, i / 2, reset_and_write);
		finds[i % 2](f);
		end_beside(f);
		assert_int_equal(do_read(f, SEQ(0), 8), DISK_OK);
		assert_filled(f->buf, SEQ(0), 8, 3);
		assert_int_equal(do_sync(f), DISK_OK);
		assert_sizes_match(f);
	}
}

static enum disk_status read_conv(struct fixture *f)
{
	return do_read(f, 0, 8);
}

static enum disk_status write_conv(struct fixture *f)
{
	return do_write(f, 20, 1, 4);
}

static void write_beside(struct fixture *f)
{
	assert_int_equal(do_write(f, 10, 2, 3), DISK_OK);
}

static void try_beside(struct fixture *f)
{
	assert_true(try_write(f, 10, 2));
}

static void must_be_gone_but_for_that(struct fixture *f)
{
	assert_int_equal(do_read(f, 0, 4), DISK_OK);
	assert_int_equal(do_read(f, 4, 1), DISK_READ_ERROR);
	assert_int_equal(do_read(f, 9, 1), DISK_READ_ERROR);
	assert_int_equal(do_read(f, 10, 2), DISK_OK);
	assert_filled(f->buf, 10, 2, 3);
	assert_int_equal(do_read(f, 12, 1), DISK_READ_ERROR);
	assert_int_equal(do_read(f, 63, 1), DISK_READ_ERROR);
}

/* The same of a conventional zone, where nobody has the turn: what is written
 * while somebody looks is not gone, but all the rest is. */
static void what_is_written_beside_a_look_is_not_gone(void **state)
{
	static enum disk_status (*const finds[])(struct fixture * f) = {
		read_conv,
		write_conv,
	};
	struct fixture *f = *state;

	for (unsigned i = 0; i < 4; i++) {
		fixture_stop(f);
		fixture_start_files(f, FIXTURE_CFG, 0);
		assert_int_equal(do_write(f, 0, 64, 1), DISK_OK);
		/* The file is looked at again. */
		clock_sleep_ms(20);
		assert_int_equal(store_resize(f->fault, 0, 4 * BLOCK), 0);
		do_beside(f, BESIDE_STAT, i / 2, write_beside);
		finds[i % 2](f);
		end_beside(f);
		must_be_gone_but_for_that(f);
	}
}

static void nor_is_what_is_tried_beside_it(void **state)
{
	struct fixture *f = *state;

	with_workers(f);
	assert_int_equal(do_write(f, 0, 64, 1), DISK_OK);
	assert_int_equal(store_resize(f->fault, 0, 4 * BLOCK), 0);
	do_beside(f, BESIDE_STAT, true, try_beside);
	assert_int_equal(read_conv(f), DISK_READ_ERROR);
	end_beside(f);
	must_be_gone_but_for_that(f);
}

/* Lost in passing, and then a zone operation comes that fails: it is unreadable
 * whatever ends the disk. */
static void lost_before_what_fails(void **state)
{
	static const struct {
		enum zone_op op;
		enum store_op fails;
	} rows[] = { { ZO_FINISH, STORE_FINISH }, { ZO_RESET, STORE_RESET } };
	struct fixture *f = *state;

	fixture_stop(f);
	for (unsigned i = 0; i < 2; i++) {
		fixture_start(f, FIXTURE_CFG, 0);
		assert_int_equal(do_write(f, SEQ(0), 8, 1), DISK_OK);
		store_lost(f->disk->store, NR_CONV);
		arm_op(f, rows[i].fails, 0, UINT64_MAX);
		assert_int_equal(do_zone(f, rows[i].op, SEQ(0), false),
				 DISK_WRITE_ERROR);
		arm(f, UINT64_MAX, 0);
		assert_int_equal(do_sync(f), DISK_WRITE_ERROR);
		fixture_reopen(f, FIXTURE_CFG);
		assert_int_equal(do_read(f, SEQ(0), 8), DISK_READ_ERROR);
		if (!i)
			fixture_stop(f);
	}
}

/* Nor is it vouched for, if nobody can say how much of it is there. */
static void cut_and_not_examined(void **state)
{
	struct fixture *f = *state;

	fixture_stop(f);
	fixture_start_files(f, FIXTURE_CFG, 0);
	assert_int_equal(do_write(f, SEQ(0), 8, 1), DISK_OK);
	assert_int_equal(store_resize(f->fault, NR_CONV, 4 * BLOCK), 0);
	arm_op(f, 16, 0, UINT64_MAX);
	assert_int_equal(do_sync(f), DISK_WRITE_ERROR);
	assert_int_equal(store_fault_hits(f->fault), 1);
	arm(f, UINT64_MAX, 0);
	assert_int_equal(do_sync(f), DISK_WRITE_ERROR);
	assert_int_equal(do_read(f, SEQ(0), 4), DISK_OK);
	assert_int_equal(do_read(f, SEQ(0) + 4, 4), DISK_READ_ERROR);
}

static void cut_it(struct fixture *f)
{
	assert_int_equal(store_resize(f->fault, NR_CONV, 0), 0);
}

/* Somebody cuts what the first request of a write has brought; that it has two
 * is since there is more data than it asks for. */
static void what_a_write_has_brought_is_cut(void **state)
{
	struct fixture *f = *state;
	struct iovec iov[16];
	struct disk_io io = { .op = DISK_WRITE,
			      .lba = SEQ(0),
			      .nr_blocks = 16,
			      .iov = iov,
			      .iov_cnt = 16 };

	fixture_stop(f);
	fixture_start_files(f, FIXTURE_CFG, 0);
	for (unsigned i = 0; i < 16; i++)
		iov[i] = (struct iovec){ f->buf, BLOCK };
	iov[15].iov_len = 2 * BLOCK;
	do_beside(f, STORE_WRITE, true, cut_it);
	assert_int_equal(disk_run(f->disk, &io), DISK_WRITE_ERROR);
	end_beside(f);
	assert_int_equal(do_write(f, SEQ(0), 16, 2), DISK_OK);
	assert_int_equal(do_read(f, SEQ(0), 16), DISK_OK);
	assert_filled(f->buf, SEQ(0), 16, 2);
	assert_sizes_match(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(unmap_is_durable_when_asked),
		T(compare_and_write_is_durable_when_asked),
		T(unmap_whose_sync_fails_is_not_forgotten),
		T(all_that_was_dirty_is_bad),
		T(all_is_bad),
		T(a_condition_leaves_what_is_bad),
		T(half_a_block_is_still_bad),
		T(dirty_slots_are_found),
		T(sync_beside_a_failing_one_fails),
		T(sync_without_descriptors_is_repeated),
		T(fua_in_parts_whose_sync_fails_beside),
		T(unmap_whose_sync_fails_beside),
		T(refill_whose_sync_fails_beside),
		T(sync_waits_for_what_the_journal_is_told),
		T(reset_whose_sync_fails_is_repeated),
		T(finish_whose_sync_fails_is_repeated),
		T(reset_whose_sync_fails_beside),
		T(the_journal_cannot_be_synced),
		T(what_finish_cut_off_is_synced),
		T(what_failed_is_synced),
		T(posted_before_the_next_begins),
		T(a_tried_write_is_synced),
		T(part_of_a_tried_write),
		T(syncs_do_not_keep_a_power_failure_waiting),
		T(or_they_go_on_when_it_is_over),
		T(who_comes_during_a_sync_gets_another),
		T(a_reset_is_durable_before_the_journal),
		T(what_is_written_after_a_reset_is_not_gone),
		T(what_is_written_beside_a_look_is_not_gone),
		T(nor_is_what_is_tried_beside_it),
		T(what_a_write_has_brought_is_cut),
		T(lost_before_what_fails),
		T(cut_and_not_examined),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
