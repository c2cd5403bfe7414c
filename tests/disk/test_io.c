// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Reads, writes, syncs and zone management of an open disk. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>

#include "base/num.h"
#include "disk/io/io.h"
#include "disk/life/open.h"
#include "disk_fixture.h"

static int setup(void **state)
{
	static struct fixture f;

	fixture_start(&f, FIXTURE_CFG, 0);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	fixture_stop(*state);
	return 0;
}

static void arm(struct fixture *f, uint64_t fail_at, uint64_t count, int error,
		uint32_t only)
{
	struct store_fault_plan plan = { .fail_at = fail_at,
					 .fail_count = count,
					 .error = error,
					 .only = only };

	store_fault_arm(f->fault, &plan);
}

static void disarm(struct fixture *f)
{
	arm(f, UINT64_MAX, 0, 0, 0);
}

static void write_moves_write_pointer(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(do_write(f, SEQ(0), 8, 1), DISK_OK);
	assert_int_equal(cond_of(f, SEQ(0)), ZC_IMP_OPEN);
	assert_int_equal(wp_of(f, SEQ(0)), SEQ(0) + 8);
	assert_int_equal(do_write(f, SEQ(0) + 8, 5, 2), DISK_OK);
	assert_int_equal(do_read(f, SEQ(0), 13), DISK_OK);
	assert_filled(f->buf, SEQ(0), 8, 1);
	assert_filled(f->buf + 8 * BLOCK, SEQ(0) + 8, 5, 2);
	assert_sizes_match(f);
}

static void write_not_at_write_pointer_is_refused(void **state)
{
	struct fixture *f = *state;
	struct disk_io io;

	assert_int_equal(run_rw(f, &io, DISK_WRITE, SEQ(0) + 1, 1, false),
			 DISK_REFUSED);
	assert_int_equal(io.verdict, ZV_UNALIGNED_WRITE);
	assert_int_equal(cond_of(f, SEQ(0)), ZC_EMPTY);
	assert_sizes_match(f);
}

static void write_to_the_end_makes_full(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(do_write(f, SEQ(1), ZONE, 3), DISK_OK);
	assert_int_equal(cond_of(f, SEQ(1)), ZC_FULL);
	assert_int_equal(do_write(f, SEQ(1), 1, 3), DISK_REFUSED);
	assert_sizes_match(f);
}

static void read_beyond_write_pointer_is_zeros(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(do_write(f, SEQ(0), 3, 1), DISK_OK);
	assert_int_equal(do_write(f, SEQ(1), 4, 2), DISK_OK);
	assert_int_equal(do_read(f, SEQ(0), ZONE + 8), DISK_OK);
	assert_filled(f->buf, SEQ(0), 3, 1);
	assert_zeros(f->buf + 3 * BLOCK, (ZONE - 3) * BLOCK);
	assert_filled(f->buf + ZONE * BLOCK, SEQ(1), 4, 2);
	assert_zeros(f->buf + (ZONE + 4) * BLOCK, 4 * BLOCK);
}

static void conventional_zones_take_writes_across(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(do_write(f, ZONE - 4, 8, 7), DISK_OK);
	assert_int_equal(do_write(f, ZONE - 1, 2, 8), DISK_OK);
	assert_int_equal(do_read(f, ZONE - 5, 10), DISK_OK);
	assert_zeros(f->buf, BLOCK);
	assert_filled(f->buf + BLOCK, ZONE - 4, 3, 7);
	assert_filled(f->buf + 4 * BLOCK, ZONE - 1, 2, 8);
	assert_filled(f->buf + 6 * BLOCK, ZONE + 1, 3, 7);
	assert_zeros(f->buf + 9 * BLOCK, BLOCK);
}

static void scattered_buffers_of_odd_sizes(void **state)
{
	struct fixture *f = *state;
	uint8_t *data = calloc(16, BLOCK);
	struct iovec iov[40];
	struct disk_io io = {
		.op = DISK_WRITE, .lba = SEQ(0), .nr_blocks = 16, .iov = iov
	};
	size_t at = 0, len;

	assert_non_null(data);
	fill(data, SEQ(0), 16, 9);
	for (len = 1; at < 16 * BLOCK; len = len * 3 % 397 + 1) {
		if (len > 16 * BLOCK - at || io.iov_cnt == 39)
			len = 16 * BLOCK - at;
		iov[io.iov_cnt++] = (struct iovec){ data + at, len };
		at += len;
	}
	assert_int_equal(disk_run(f->disk, &io), DISK_OK);
	memset(data, 0, 16 * BLOCK);
	io.op = DISK_READ;
	assert_int_equal(disk_run(f->disk, &io), DISK_OK);
	assert_filled(data, SEQ(0), 16, 9);
	free(data);
}

static void failed_write_is_taken_back(void **state)
{
	struct fixture *f = *state;
	struct store_fault_plan plan = { .fail_at = 0,
					 .fail_count = 1,
					 .error = EIO,
					 .partial_bytes = 700,
					 .only = 1u << STORE_WRITE };
	struct disk_io io;

	assert_int_equal(do_write(f, SEQ(0), 4, 1), DISK_OK);
	store_fault_arm(f->fault, &plan);
	fill(f->buf, SEQ(0) + 4, 4, 2);
	assert_int_equal(run_rw(f, &io, DISK_WRITE, SEQ(0) + 4, 4, false),
			 DISK_WRITE_ERROR);
	assert_int_equal(io.bad_lba, SEQ(0) + 4);
	assert_int_equal(wp_of(f, SEQ(0)), SEQ(0) + 4);
	assert_sizes_match(f);
	/* A plain retry works. */
	assert_int_equal(do_write(f, SEQ(0) + 4, 4, 2), DISK_OK);
	assert_int_equal(do_read(f, SEQ(0), 8), DISK_OK);
	assert_filled(f->buf + 4 * BLOCK, SEQ(0) + 4, 4, 2);
}

/* Writes four blocks, of which @bytes arrive that cannot be cut off again. */
static void write_leaving(struct fixture *f, uint64_t lba, uint64_t bytes)
{
	struct store_fault_plan plan = { .fail_at = 0,
					 .fail_count = 2,
					 .error = EIO,
					 .partial_bytes = bytes,
					 .only = 1u << STORE_WRITE |
						 1u << STORE_CUT };

	store_fault_arm(f->fault, &plan);
	assert_int_equal(do_write(f, lba, 4, 2), DISK_WRITE_ERROR);
	assert_int_equal(store_fault_hits(f->fault), 2);
}

static void failed_write_that_cannot_be_taken_back_is_later(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(do_write(f, SEQ(0), 4, 1), DISK_OK);
	write_leaving(f, SEQ(0) + 4, 700);
	/* What it left behind is not to be seen. */
	assert_int_equal(do_read(f, SEQ(0), 8), DISK_OK);
	assert_zeros(f->buf + 4 * BLOCK, 4 * BLOCK);
	disarm(f);
	assert_int_equal(do_zone(f, ZO_FINISH, SEQ(0), false), DISK_OK);
	assert_int_equal(do_read(f, SEQ(0), 8), DISK_OK);
	assert_filled(f->buf, SEQ(0), 4, 1);
	assert_zeros(f->buf + 4 * BLOCK, 4 * BLOCK);
	assert_sizes_match(f);
}

/* The zone is EMPTY, but its file is not: nothing may come back after the
 * process died. */
static void reset_takes_leftovers_of_an_empty_zone(void **state)
{
	struct fixture *f = *state;

	for (int all = 0; all < 2; all++) {
		write_leaving(f, SEQ(2), 3 * BLOCK);
		disarm(f);
		assert_int_equal(do_zone(f, ZO_CLOSE, 0, true), DISK_OK);
		assert_int_equal(cond_of(f, SEQ(2)), ZC_EMPTY);
		assert_int_equal(do_zone(f, ZO_RESET, all ? 0 : SEQ(2), all),
				 DISK_OK);
		assert_sizes_match(f);
		disk_abandon(f->disk);
		fixture_open(f, FIXTURE_CFG, 0);
		assert_int_equal(wp_of(f, SEQ(2)), SEQ(2));
		assert_int_equal(cond_of(f, SEQ(2)), ZC_EMPTY);
	}
}

/* Nor after SANITIZE, of which it may be that it left the zone alone. */
static void refill_takes_leftovers_of_an_empty_zone(void **state)
{
	struct fixture *f = *state;
	struct disk_io io;

	write_leaving(f, SEQ(2), 3 * BLOCK);
	disarm(f);
	assert_int_equal(run_rw(f, &io, DISK_REFILL, SEQ(2), 1, false),
			 DISK_OK);
	assert_sizes_match(f);
	disk_abandon(f->disk);
	fixture_open(f, FIXTURE_CFG, 0);
	assert_int_equal(wp_of(f, SEQ(2)), SEQ(2));
}

static void leftovers_are_cut_off_at_the_end(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(do_write(f, SEQ(0), 4, 1), DISK_OK);
	write_leaving(f, SEQ(0) + 4, 3 * BLOCK);
	fixture_reopen(f, FIXTURE_CFG);
	assert_int_equal(wp_of(f, SEQ(0)), SEQ(0) + 4);
	assert_sizes_match(f);
}

static void errors_of_the_backing_store(void **state)
{
	static const struct {
		int error;
		enum disk_status status;
	} cases[] = {
		{ ENOSPC, DISK_NO_SPACE },     { EDQUOT, DISK_NO_SPACE },
		{ EROFS, DISK_WRITE_PROTECT }, { EIO, DISK_WRITE_ERROR },
		{ EMFILE, DISK_INTERNAL },     { ENFILE, DISK_INTERNAL },
		{ ENOENT, DISK_WRITE_ERROR },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		arm(f, 0, 1, cases[i].error, 1u << STORE_WRITE);
		assert_int_equal(do_write(f, SEQ(0), 1, 1), cases[i].status);
		assert_sizes_match(f);
		arm(f, 0, 1, cases[i].error, 1u << STORE_WRITE);
		assert_int_equal(do_write(f, 5, 1, 1), cases[i].status);
	}
	disarm(f);
	assert_int_equal(do_write(f, SEQ(0), 1, 1), DISK_OK);
}

static void read_error_names_the_block(void **state)
{
	struct fixture *f = *state;
	struct disk_io io;

	assert_int_equal(do_write(f, ZONE - 2, 4, 1), DISK_OK);
	/* The second file's read fails. */
	arm(f, 1, 1, EIO, 1u << STORE_READ);
	assert_int_equal(run_rw(f, &io, DISK_READ, ZONE - 2, 4, false),
			 DISK_READ_ERROR);
	assert_int_equal(io.bad_lba, ZONE);
}

static void cut_file_is_a_read_error(void **state)
{
	struct fixture *f = *state;
	struct disk_io io;

	assert_int_equal(do_write(f, SEQ(0), 8, 1), DISK_OK);
	assert_int_equal(store_resize(f->fault, NR_CONV, 3 * BLOCK), 0);
	assert_int_equal(run_rw(f, &io, DISK_READ, SEQ(0), 8, false),
			 DISK_READ_ERROR);
	assert_int_equal(io.bad_lba, SEQ(0) + 3);
}

/* How much is gone is not known then, and nothing more is said to be. */
static void cut_file_cannot_be_examined(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(do_write(f, SEQ(0), 8, 1), DISK_OK);
	assert_int_equal(store_resize(f->fault, NR_CONV, 3 * BLOCK), 0);
	arm(f, 0, 1, EIO, 1u << 16);
	assert_int_equal(do_read(f, SEQ(0), 8), DISK_READ_ERROR);
	assert_int_equal(store_fault_hits(f->fault), 1);
	disarm(f);
	assert_int_equal(do_read(f, SEQ(0), 3), DISK_OK);
	assert_filled(f->buf, SEQ(0), 3, 1);
}

static void sync_touches_only_what_is_dirty(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(do_write(f, SEQ(0), 1, 1), DISK_OK);
	assert_int_equal(do_write(f, SEQ(0) + 1, 1, 1), DISK_OK);
	assert_int_equal(do_write(f, 3, 1, 1), DISK_OK);
	assert_int_equal(do_zone(f, ZO_FINISH, SEQ(2), false), DISK_OK);
	arm(f, UINT64_MAX, 0, 0, 1u << STORE_SYNC);
	assert_int_equal(do_sync(f), DISK_OK);
	assert_int_equal(store_fault_calls(f->fault), 3);
	assert_int_equal(do_sync(f), DISK_OK);
	assert_int_equal(store_fault_calls(f->fault), 3);
	/* Nothing of these is left to be synced. */
	assert_int_equal(do_write_fua(f, SEQ(0) + 2, 1, 1), DISK_OK);
	assert_int_equal(store_fault_calls(f->fault), 4);
	assert_int_equal(do_write_fua(f, 3, 1, 1), DISK_OK);
	assert_int_equal(do_sync(f), DISK_OK);
	assert_int_equal(store_fault_calls(f->fault), 4);
}

static void failed_sync_is_never_forgotten(void **state)
{
	struct fixture *f = *state;
	struct disk_io io;

	assert_int_equal(do_write(f, SEQ(0), 4, 1), DISK_OK);
	assert_int_equal(do_sync(f), DISK_OK);
	assert_int_equal(do_write(f, SEQ(0) + 4, 4, 1), DISK_OK);
	assert_int_equal(do_write(f, SEQ(1), 4, 1), DISK_OK);
	arm(f, 0, 1, EIO, 1u << STORE_SYNC);
	assert_int_equal(do_sync(f), DISK_WRITE_ERROR);
	disarm(f);
	assert_int_equal(do_sync(f), DISK_WRITE_ERROR);
	/* What was synced before is good, the rest is not. */
	assert_int_equal(do_read(f, SEQ(0), 4), DISK_OK);
	assert_int_equal(run_rw(f, &io, DISK_READ, SEQ(0), 8, false),
			 DISK_READ_ERROR);
	assert_int_equal(io.bad_lba, SEQ(0) + 4);
	/* Other zones go on. */
	assert_int_equal(do_read(f, SEQ(1), 4), DISK_OK);
	assert_int_equal(do_zone(f, ZO_RESET, SEQ(0), false), DISK_OK);
	assert_int_equal(do_sync(f), DISK_OK);
	assert_int_equal(do_write(f, SEQ(0), 8, 2), DISK_OK);
	assert_int_equal(do_read(f, SEQ(0), 8), DISK_OK);
}

/* Then nothing was tried, and nothing is lost. */
static void sync_of_a_read_only_file_system_is_repeated(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(do_write(f, SEQ(0), 4, 1), DISK_OK);
	assert_int_equal(do_write(f, 3, 2, 1), DISK_OK);
	arm(f, 0, UINT64_MAX, EROFS, 1u << STORE_SYNC);
	assert_int_equal(do_sync(f), DISK_WRITE_PROTECT);
	assert_int_equal(do_sync(f), DISK_WRITE_PROTECT);
	assert_int_equal(do_write_fua(f, SEQ(0) + 4, 4, 2), DISK_WRITE_PROTECT);
	assert_int_equal(do_read(f, SEQ(0), 4), DISK_OK);
	assert_int_equal(do_read(f, 3, 2), DISK_OK);
	arm(f, UINT64_MAX, 0, 0, 1u << STORE_SYNC);
	assert_int_equal(do_sync(f), DISK_OK);
	assert_int_equal(store_fault_calls(f->fault), 2);
	assert_int_equal(do_read(f, SEQ(0), 4), DISK_OK);
	assert_filled(f->buf, SEQ(0), 4, 1);
}

static void failed_sync_of_overwrites_ends_with_rewriting(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(do_write(f, 10, 10, 1), DISK_OK);
	arm(f, 0, 1, EIO, 1u << STORE_SYNC);
	assert_int_equal(do_sync(f), DISK_WRITE_ERROR);
	disarm(f);
	/* A hole in the middle, then both ends. */
	assert_int_equal(do_write(f, 14, 2, 2), DISK_OK);
	assert_int_equal(do_read(f, 14, 2), DISK_OK);
	assert_int_equal(do_read(f, 13, 1), DISK_READ_ERROR);
	assert_int_equal(do_read(f, 16, 1), DISK_READ_ERROR);
	assert_int_equal(do_write(f, 8, 6, 2), DISK_OK);
	assert_int_equal(do_sync(f), DISK_WRITE_ERROR);
	assert_int_equal(do_write(f, 16, 4, 2), DISK_OK);
	assert_int_equal(do_sync(f), DISK_OK);
	assert_int_equal(do_read(f, 8, 12), DISK_OK);
	assert_filled(f->buf, 8, 12, 2);
}

static void failed_fua_write_is_taken_back(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(do_write(f, SEQ(0), 4, 1), DISK_OK);
	arm(f, 0, 1, EIO, 1u << STORE_SYNC);
	assert_int_equal(do_write_fua(f, SEQ(0) + 4, 4, 2), DISK_WRITE_ERROR);
	disarm(f);
	assert_int_equal(wp_of(f, SEQ(0)), SEQ(0) + 4);
	assert_sizes_match(f);
	/* The earlier, unsynced blocks shared the failed sync. */
	assert_int_equal(do_read(f, SEQ(0), 4), DISK_READ_ERROR);
	assert_int_equal(do_sync(f), DISK_WRITE_ERROR);
}

/* A store that holds back the first sync and counts them. */
static struct store_ops held_ops;
static const struct store_ops *real_ops;
static struct store_req *held;
static unsigned syncs;

static void hold_submit(struct store *st, struct store_req *req)
{
	if (req->op == STORE_SYNC && ++syncs == 1)
		held = req;
	else
		real_ops->submit(st, req);
}

static void written(struct disk_io *io)
{
	*(bool *)io->user = true;
}

/* A sync that comes while a FUA write syncs the same zone waits for the file
 * as well: what was acknowledged before is not on the medium yet. */
static void sync_beside_a_fua_write(void **state)
{
	struct fixture *f = *state;
	struct iovec iov = { f->buf, 4 * BLOCK };
	bool done = false;
	struct disk_io io = { .op = DISK_WRITE,
			      .lba = SEQ(0) + 4,
			      .nr_blocks = 4,
			      .fua = true,
			      .iov = &iov,
			      .iov_cnt = 1,
			      .done = written,
			      .user = &done };

	assert_int_equal(do_write(f, SEQ(0), 4, 1), DISK_OK);
	real_ops = f->fault->ops;
	held_ops = *real_ops;
	held_ops.submit = hold_submit;
	held = NULL;
	syncs = 0;
	f->fault->ops = &held_ops;
	disk_submit(f->disk, &io);
	assert_non_null(held);
	assert_false(done);
	assert_int_equal(do_sync(f), DISK_OK);
	f->fault->ops = real_ops;
	assert_int_equal(syncs, 2);
	store_submit(f->fault, held);
	assert_true(done);
	assert_int_equal(io.status, DISK_OK);
	assert_int_equal(wp_of(f, SEQ(0)), SEQ(0) + 8);
}

/* A sync fails while a write has reached the file but is not complete. */
static struct fixture *beside;

static void sync_submit(struct store *st, struct store_req *req)
{
	if (req->op == STORE_WRITE) {
		beside->fault->ops = real_ops;
		req->res = store_run(
			st, &(struct store_req){ .op = STORE_WRITE,
						 .slot = req->slot,
						 .off = req->off,
						 .len = req->len,
						 .iov = req->iov,
						 .iov_cnt = req->iov_cnt });
		arm(beside, 0, 1, EIO, 1u << STORE_SYNC);
		assert_int_equal(do_sync(beside), DISK_WRITE_ERROR);
		disarm(beside);
		req->done(req);
	} else {
		real_ops->submit(st, req);
	}
}

static void let_sync_fail(struct fixture *f)
{
	beside = f;
	real_ops = f->fault->ops;
	held_ops = *real_ops;
	held_ops.submit = sync_submit;
	f->fault->ops = &held_ops;
}

static void write_beside_a_failing_sync(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(do_write(f, 0, 1, 1), DISK_OK);
	let_sync_fail(f);
	/* It shares the fate of what the sync was for. */
	assert_int_equal(do_write(f, 10, 1, 1), DISK_WRITE_ERROR);
	assert_int_equal(do_write(f, 0, 1, 2), DISK_OK);
	assert_int_equal(do_sync(f), DISK_WRITE_ERROR);
	assert_int_equal(do_write(f, 10, 1, 2), DISK_OK);
	assert_int_equal(do_sync(f), DISK_OK);
	assert_int_equal(do_write(f, 0, 1, 3), DISK_OK);
	let_sync_fail(f);
	assert_int_equal(do_write_fua(f, 20, 1, 3), DISK_WRITE_ERROR);
	/* A sequential zone that had been reset. */
	assert_int_equal(do_write(f, 0, 1, 4), DISK_OK);
	assert_int_equal(do_write_fua(f, 20, 1, 4), DISK_OK);
	assert_int_equal(do_sync(f), DISK_OK);
	assert_int_equal(do_write(f, SEQ(0), 4, 1), DISK_OK);
	assert_int_equal(do_zone(f, ZO_RESET, SEQ(0), false), DISK_OK);
	let_sync_fail(f);
	assert_int_equal(do_write_fua(f, SEQ(0), 4, 2), DISK_WRITE_ERROR);
	assert_int_equal(wp_of(f, SEQ(0)), SEQ(0));
	assert_sizes_match(f);
}

static void failed_sync_of_a_reset_is_tried_again(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(do_write(f, SEQ(0), 4, 1), DISK_OK);
	assert_int_equal(do_sync(f), DISK_OK);
	assert_int_equal(do_zone(f, ZO_RESET, SEQ(0), false), DISK_OK);
	arm(f, 0, 3, EIO, 1u << STORE_SYNC);
	assert_int_equal(do_sync(f), DISK_WRITE_ERROR);
	assert_int_equal(do_sync(f), DISK_WRITE_ERROR);
	assert_int_equal(do_write_fua(f, SEQ(0), 4, 2), DISK_WRITE_ERROR);
	assert_int_equal(do_sync(f), DISK_OK);
	assert_int_equal(store_fault_calls(f->fault), 4);
	assert_int_equal(do_sync(f), DISK_OK);
	assert_int_equal(store_fault_calls(f->fault), 4);
	assert_int_equal(do_read(f, SEQ(0), 4), DISK_OK);
	assert_zeros(f->buf, 4 * BLOCK);
}

/* Neither the new data nor the reset that was to take it back got through. */
static void failed_refill_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct disk_io io;

	assert_int_equal(do_write(f, SEQ(0), 512, 1), DISK_OK);
	arm(f, 2, 2, EIO, 1u << STORE_WRITE | 1u << STORE_RESET);
	assert_int_equal(run_rw(f, &io, DISK_REFILL, SEQ(0), 1, false),
			 DISK_WRITE_ERROR);
	disarm(f);
	assert_int_equal(wp_of(f, SEQ(0)), SEQ(0));
	assert_int_equal(do_write(f, SEQ(0), 1, 2), DISK_OK);
	assert_sizes_match(f);
}

static void reset_and_finish(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(do_write(f, SEQ(0), 4, 1), DISK_OK);
	assert_int_equal(do_zone(f, ZO_FINISH, SEQ(0), false), DISK_OK);
	assert_int_equal(cond_of(f, SEQ(0)), ZC_FULL);
	assert_int_equal(do_read(f, SEQ(0), ZONE), DISK_OK);
	assert_filled(f->buf, SEQ(0), 4, 1);
	assert_zeros(f->buf + 4 * BLOCK, (ZONE - 4) * BLOCK);
	assert_sizes_match(f);
	assert_int_equal(do_zone(f, ZO_RESET, SEQ(0), false), DISK_OK);
	assert_int_equal(cond_of(f, SEQ(0)), ZC_EMPTY);
	assert_int_equal(do_read(f, SEQ(0), 4), DISK_OK);
	assert_zeros(f->buf, 4 * BLOCK);
	assert_sizes_match(f);
}

static void reset_all(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(do_write(f, 0, 1, 5), DISK_OK);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(do_write(f, SEQ(i), i + 1, 1), DISK_OK);
	assert_int_equal(do_zone(f, ZO_RESET, 12345, true), DISK_OK);
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(cond_of(f, SEQ(i)), ZC_EMPTY);
	assert_sizes_match(f);
	assert_int_equal(do_read(f, 0, 1), DISK_OK);
	assert_filled(f->buf, 0, 1, 5);
}

/* Fails the 1st call of the command, then the 2nd, … until none is left. */
static void sweep(struct fixture *f, enum zone_op op, bool all)
{
	enum disk_status status;
	uint64_t at;

	for (at = 0;; at++) {
		disarm(f);
		assert_int_equal(do_zone(f, ZO_RESET, 0, true), DISK_OK);
		for (unsigned i = 0; i < 4; i++)
			assert_int_equal(do_write(f, SEQ(i), 2, 1), DISK_OK);
		arm(f, at, 1, EIO, 0);
		status = do_zone(f, op, all ? 0 : SEQ(1), all);
		if (!store_fault_hits(f->fault))
			break;
		disarm(f);
		assert_int_equal(status, DISK_WRITE_ERROR);
		/* Some zones changed, others not, but none lies. */
		assert_sizes_match(f);
		assert_int_equal(do_zone(f, op, all ? 0 : SEQ(1), all),
				 DISK_OK);
		assert_sizes_match(f);
	}
	assert_int_equal(status, DISK_OK);
	assert_true(at > 0);
}

static void faults_in_zone_management(void **state)
{
	sweep(*state, ZO_RESET, false);
	sweep(*state, ZO_RESET, true);
	sweep(*state, ZO_FINISH, false);
	sweep(*state, ZO_FINISH, true);
}

static void explicitly_opened_zones_are_closed_by_a_clean_stop(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(do_zone(f, ZO_OPEN, SEQ(0), false), DISK_OK);
	assert_int_equal(do_zone(f, ZO_OPEN, SEQ(1), false), DISK_OK);
	assert_int_equal(do_write(f, SEQ(1), 3, 1), DISK_OK);
	assert_int_equal(cond_of(f, SEQ(1)), ZC_EXP_OPEN);
	fixture_reopen(f, FIXTURE_CFG);
	assert_int_equal(cond_of(f, SEQ(0)), ZC_EMPTY);
	assert_int_equal(cond_of(f, SEQ(1)), ZC_CLOSED);
	assert_int_equal(wp_of(f, SEQ(1)), SEQ(1) + 3);
	assert_int_equal(do_read(f, SEQ(1), 3), DISK_OK);
	assert_filled(f->buf, SEQ(1), 3, 1);
}

/*
 * Many I/Os in flight with worker threads: writes of one zone arrive in order
 * and must all succeed; finishes and resets wait their turn.
 */
#define FLIGHT 64

struct in_flight {
	struct disk_io io[FLIGHT];
	struct iovec iov[FLIGHT];
	uint8_t buf[FLIGHT][BLOCK];
	pthread_mutex_t lock;
	pthread_cond_t landed;
	unsigned left;
};

static void flight_done(struct disk_io *io)
{
	struct in_flight *fl = io->user;

	pthread_mutex_lock(&fl->lock);
	fl->left--;
	pthread_cond_signal(&fl->landed);
	pthread_mutex_unlock(&fl->lock);
}

static void flight_add(struct fixture *f, struct in_flight *fl, unsigned i,
		       struct disk_io io)
{
	fl->iov[i] = (struct iovec){ fl->buf[i], BLOCK };
	fl->io[i] = io;
	fl->io[i].iov = &fl->iov[i];
	fl->io[i].iov_cnt = 1;
	fl->io[i].done = flight_done;
	fl->io[i].user = fl;
	if (io.op == DISK_WRITE)
		fill(fl->buf[i], io.lba, 1, i);
	disk_submit(f->disk, &fl->io[i]);
}

static void flight_wait(struct in_flight *fl)
{
	pthread_mutex_lock(&fl->lock);
	while (fl->left)
		pthread_cond_wait(&fl->landed, &fl->lock);
	pthread_mutex_unlock(&fl->lock);
	for (unsigned i = 0; i < FLIGHT; i++)
		assert_int_equal(fl->io[i].status, DISK_OK);
}

static void one_round(struct fixture *f, struct in_flight *fl)
{
	const unsigned zones = 4;

	fl->left = FLIGHT;
	for (unsigned i = 0; i < FLIGHT; i++) {
		uint64_t lba = SEQ(i % zones) + i / zones;
		struct disk_io io = { .op = DISK_WRITE,
				      .lba = lba,
				      .nr_blocks = 1 };

		if (i / zones == FLIGHT / zones - 1)
			io = (struct disk_io){ .op = DISK_ZONE,
					       .lba = SEQ(i % zones),
					       .zone_op = ZO_FINISH };
		if (i % 13 == 5)
			io.fua = true;
		flight_add(f, fl, i, io);
	}
	flight_wait(fl);
	for (unsigned z = 0; z < zones; z++) {
		assert_int_equal(cond_of(f, SEQ(z)), ZC_FULL);
		assert_int_equal(do_read(f, SEQ(z), 15), DISK_OK);
		for (unsigned b = 0; b < 15; b++)
			assert_filled(f->buf + b * BLOCK, SEQ(z) + b, 1,
				      b * zones + z);
	}
	/* Reads, syncs and resets together. */
	fl->left = FLIGHT;
	for (unsigned i = 0; i < FLIGHT; i++) {
		struct disk_io io = { .op = i % 3 ? DISK_READ : DISK_SYNC,
				      .lba = SEQ(i % zones) + 2,
				      .nr_blocks = 1 };

		if (i % 8 == 7)
			io = (struct disk_io){ .op = DISK_ZONE,
					       .lba = SEQ(i / 8 % zones),
					       .zone_all = i == FLIGHT - 1,
					       .zone_op = ZO_RESET };
		flight_add(f, fl, i, io);
	}
	flight_wait(fl);
	for (unsigned z = 0; z < zones; z++)
		assert_int_equal(cond_of(f, SEQ(z)), ZC_EMPTY);
	assert_sizes_match(f);
}

static void run_flights(struct fixture *f)
{
	struct in_flight *fl = calloc(1, sizeof(*fl));

	assert_non_null(fl);
	pthread_mutex_init(&fl->lock, NULL);
	pthread_cond_init(&fl->landed, NULL);
	for (unsigned round = 0; round < 50; round++)
		one_round(f, fl);
	fixture_stop(f);
	pthread_cond_destroy(&fl->landed);
	pthread_mutex_destroy(&fl->lock);
	free(fl);
}

static void many_in_flight_in_memory(void **state)
{
	struct fixture f;

	(void)state;
	fixture_start(&f, FIXTURE_CFG, 4);
	run_flights(&f);
}

static void many_in_flight_in_files(void **state)
{
	struct fixture f;

	(void)state;
	fixture_start_files(&f, FIXTURE_CFG, 4);
	/* Fewer than zones: files are opened again and again. */
	store_file_set_max_fds(4);
	run_flights(&f);
	store_file_set_max_fds(512);
}

/* A caller may free an I/O, or use it for another, as soon as it is done: what
 * is still looked at then is the sanitizers' to find. */
static _Atomic unsigned nr_live;

static void scribble(struct disk_io *io)
{
	io->op = DISK_READ;
	memset(io->own, 0xff, sizeof(io->own));
	free(io);
	atomic_fetch_sub(&nr_live, 1);
}

static void submit_some(struct disk *d, unsigned n)
{
	static uint8_t zeros[8 * BLOCK];
	static const struct iovec once = { zeros, sizeof(zeros) / 2 };
	static const struct iovec twice = { zeros, sizeof(zeros) };
	static const enum disk_op ops[] = {
		DISK_ZONE,	    DISK_ZONE,	  DISK_WRITE, DISK_WRITE,
		DISK_COMPARE_WRITE, DISK_COMPARE, DISK_SYNC,  DISK_UNMAP,
	};
	struct disk_io *io = calloc(1, sizeof(*io));

	assert_non_null(io);
	io->op = ops[n % ZL_ARRAY_SIZE(ops)];
	io->zone_op = ZO_CLOSE + n / 8 % 4;
	io->zone_all = n / 32 % 8 == 0;
	io->fua = n / 256 % 4 == 0;
	/* The beginnings of a conventional and of a sequential zone. */
	io->lba = n / 1024 % 4 ? SEQ(0) : SEQ(0) - ZONE;
	io->nr_blocks = io->op == DISK_ZONE || io->op == DISK_SYNC ? 0 : 4;
	io->iov = io->op == DISK_COMPARE_WRITE ? &twice : &once;
	io->iov_cnt = 1;
	io->done = scribble;
	disk_submit(d, io);
}

static void *submit_many(void *arg)
{
	uint64_t rng = (uintptr_t)&rng;

	for (int i = 0; i < 20000; i++) {
		while (atomic_load(&nr_live) > 8)
			sched_yield();
		atomic_fetch_add(&nr_live, 1);
		rng = rng * UINT64_C(6364136223846793005) + 99;
		submit_some(arg, (unsigned)(rng >> 33));
	}
	return NULL;
}

static void nothing_is_touched_once_done(void **state)
{
	struct fixture f;
	pthread_t other;

	(void)state;
	fixture_start(&f, FIXTURE_CFG, 2);
	assert_int_equal(pthread_create(&other, NULL, submit_many, f.disk), 0);
	submit_many(f.disk);
	pthread_join(other, NULL);
	while (atomic_load(&nr_live))
		sched_yield();
	fixture_stop(&f);
}

/*
 * disk_try() either does all of it, as disk_submit() would have, or nothing.
 */
static bool try_rw(struct fixture *f, struct disk_io *io, enum disk_op op,
		   uint64_t lba, uint32_t blocks)
{
	struct iovec iov = { f->buf, (size_t)blocks * BLOCK };

	if (op == DISK_WRITE)
		fill(f->buf, lba, blocks, 77);
	else
		memset(f->buf, 0xee, (size_t)blocks * BLOCK);
	*io = (struct disk_io){ .op = op,
				.lba = lba,
				.nr_blocks = blocks,
				.iov = &iov,
				.iov_cnt = 1 };
	return disk_try(f->disk, io);
}

static void trying(void **state)
{
	struct fixture f;
	struct disk_io io;

	(void)state;
	fixture_start(&f, FIXTURE_CFG, 1);
	assert_true(try_rw(&f, &io, DISK_WRITE, SEQ(0), 8));
	assert_int_equal(io.status, DISK_OK);
	assert_int_equal(wp_of(&f, SEQ(0)), SEQ(0) + 8);
	assert_true(try_rw(&f, &io, DISK_READ, SEQ(0), 8));
	assert_int_equal(io.status, DISK_OK);
	assert_filled(f.buf, SEQ(0), 8, 77);
	assert_true(try_rw(&f, &io, DISK_READ, SEQ(0) + 8, 8));
	assert_zeros(f.buf, 8 * BLOCK);
	/* Data and zeros, or two zones: the full path's. */
	assert_false(try_rw(&f, &io, DISK_READ, SEQ(0) + 4, 8));
	assert_false(try_rw(&f, &io, DISK_READ, SEQ(1) - 4, 8));
	assert_false(try_rw(&f, &io, DISK_WRITE, ZONE - 4, 8));
	assert_true(try_rw(&f, &io, DISK_WRITE, SEQ(0) + 9, 1));
	assert_int_equal(io.status, DISK_REFUSED);
	assert_int_equal(io.verdict, ZV_UNALIGNED_WRITE);
	assert_int_equal(do_sync(&f), DISK_OK);
	assert_sizes_match(&f);
	fixture_stop(&f);
}

static void trying_fails_without_a_trace(void **state)
{
	struct store_fault_plan plan = { .fail_at = 0,
					 .fail_count = 1,
					 .error = EAGAIN,
					 .only = 1u << STORE_WRITE };
	struct fixture f;
	struct disk_io io;

	(void)state;
	fixture_start(&f, FIXTURE_CFG, 1);
	store_fault_arm(f.fault, &plan);
	assert_false(try_rw(&f, &io, DISK_WRITE, SEQ(0), 8));
	assert_int_equal(store_fault_hits(f.fault), 1);
	assert_sizes_match(&f);
	assert_int_equal(do_write(&f, SEQ(0), 8, 1), DISK_OK);
	assert_int_equal(do_read(&f, SEQ(0), 8), DISK_OK);
	assert_filled(f.buf, SEQ(0), 8, 1);
	assert_sizes_match(&f);
	fixture_stop(&f);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(write_moves_write_pointer),
		T(write_not_at_write_pointer_is_refused),
		T(write_to_the_end_makes_full),
		T(read_beyond_write_pointer_is_zeros),
		T(conventional_zones_take_writes_across),
		T(scattered_buffers_of_odd_sizes),
		T(failed_write_is_taken_back),
		T(failed_write_that_cannot_be_taken_back_is_later),
		T(reset_takes_leftovers_of_an_empty_zone),
		T(refill_takes_leftovers_of_an_empty_zone),
		T(leftovers_are_cut_off_at_the_end),
		T(errors_of_the_backing_store),
		T(read_error_names_the_block),
		T(cut_file_is_a_read_error),
		T(cut_file_cannot_be_examined),
		T(sync_touches_only_what_is_dirty),
		T(failed_sync_is_never_forgotten),
		T(sync_of_a_read_only_file_system_is_repeated),
		T(failed_sync_of_overwrites_ends_with_rewriting),
		T(failed_fua_write_is_taken_back),
		T(sync_beside_a_fua_write),
		T(write_beside_a_failing_sync),
		T(failed_sync_of_a_reset_is_tried_again),
		T(failed_refill_leaves_nothing),
		T(reset_and_finish),
		T(reset_all),
		T(faults_in_zone_management),
		T(explicitly_opened_zones_are_closed_by_a_clean_stop),
		cmocka_unit_test(many_in_flight_in_memory),
		cmocka_unit_test(many_in_flight_in_files),
		cmocka_unit_test(nothing_is_touched_once_done),
		cmocka_unit_test(trying),
		cmocka_unit_test(trying_fails_without_a_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
