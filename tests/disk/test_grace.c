// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Writes that are repeated after the death of a process of which nobody knows
 * what it had under way: accepted once and only where the medium has them,
 * refused by the standard otherwise.
 */
#include <errno.h>
#include <unistd.h>

#include "disk/io/grace.h"
#include "disk/io/io.h"
#include "disk/life/open.h"
#include "disk/medium/journal.h"
#include "disk_fixture.h"

#define CFG_LIMIT FIXTURE_CFG ",max_open_zones=2"
#define CFG_PHYS  FIXTURE_CFG ",physical_block_size=4096"

static uint64_t now_ms;

static uint64_t fake_clock(void)
{
	return now_ms;
}

static void start(struct fixture *f, const char *cfg)
{
	flight_clock_ms = fake_clock;
	fixture_start(f, cfg, 0);
}

static void die_and_return(struct fixture *f, const char *cfg,
			   unsigned nr_workers)
{
	disk_abandon(f->disk);
	fixture_open(f, cfg, nr_workers);
}

static uint64_t absorbed(struct fixture *f)
{
	struct disk_stats stats;

	disk_get_stats(f->disk, &stats);
	return stats.n[DC_RETRIES_ABSORBED];
}

static void assert_write_refused(struct fixture *f, uint64_t lba,
				 uint32_t blocks, uint32_t tag,
				 enum zone_verdict verdict)
{
	struct disk_io io;
	uint64_t before = absorbed(f), wp = wp_of(f, lba);

	fill(f->buf, lba, blocks, tag);
	assert_int_equal(run_rw(f, &io, DISK_WRITE, lba, blocks, false),
			 DISK_REFUSED);
	assert_int_equal(io.verdict, verdict);
	assert_int_equal(absorbed(f), before);
	assert_int_equal(wp_of(f, lba), wp);
}

/* The write is all or partly there and is accepted; the data are right. */
static void assert_absorbed(struct fixture *f, uint64_t lba, uint32_t blocks,
			    uint32_t tag)
{
	uint64_t before = absorbed(f);

	assert_int_equal(do_write(f, lba, blocks, tag), DISK_OK);
	assert_int_equal(absorbed(f), before + 1);
	assert_int_equal(do_read(f, lba, blocks), DISK_OK);
	assert_filled(f->buf, lba, blocks, tag);
	assert_sizes_match(f);
}

static void repeated_once(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, FIXTURE_CFG);
	assert_int_equal(do_write(&f, SEQ(0), 8, 1), DISK_OK);
	assert_int_equal(do_write(&f, SEQ(0) + 8, 100, 2), DISK_OK);
	die_and_return(&f, FIXTURE_CFG, 0);
	assert_int_equal(cond_of(&f, SEQ(0)), ZC_CLOSED);
	assert_absorbed(&f, SEQ(0) + 8, 100, 2);
	assert_int_equal(wp_of(&f, SEQ(0)), SEQ(0) + 108);
	assert_write_refused(&f, SEQ(0) + 8, 100, 2, ZV_UNALIGNED_WRITE);
	assert_int_equal(do_write(&f, SEQ(0) + 108, 1, 3), DISK_OK);
	/* A second death, a second grace. */
	die_and_return(&f, FIXTURE_CFG, 0);
	assert_int_equal(absorbed(&f), 1);
	assert_absorbed(&f, SEQ(0) + 108, 1, 3);
	fixture_stop(&f);
}

static enum disk_status compare_write(struct fixture *f, uint64_t lba,
				      uint32_t old, uint32_t new)
{
	struct iovec iov = { f->buf, 2 * BLOCK };
	struct disk_io io = rw_io(DISK_COMPARE_WRITE, lba, 1, &iov);

	fill(f->buf, lba, 1, old);
	fill(f->buf + BLOCK, lba, 1, new);
	return disk_run(f->disk, &io);
}

/* Another one that wants the same lock sends the same bytes. */
static void compare_and_write_never(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, FIXTURE_CFG);
	assert_int_equal(do_write(&f, 5, 1, 1), DISK_OK);
	assert_int_equal(compare_write(&f, 5, 1, 2), DISK_OK);
	die_and_return(&f, FIXTURE_CFG, 0);
	assert_int_equal(compare_write(&f, 5, 1, 2), DISK_MISCOMPARE);
	assert_int_equal(absorbed(&f), 0);
	assert_int_equal(compare_write(&f, 5, 2, 1), DISK_OK);
	fixture_stop(&f);
}

/* In a sequential zone it cannot have been carried out: it compares with what
 * is not written yet, which reads as zeros. */
static void compare_and_write_at_the_write_pointer(void **state)
{
	struct iovec iov;
	struct disk_io io = rw_io(DISK_COMPARE_WRITE, SEQ(0) + 100, 1, &iov);
	struct fixture f;

	(void)state;
	start(&f, FIXTURE_CFG);
	assert_int_equal(do_write(&f, SEQ(0), 100, 1), DISK_OK);
	die_and_return(&f, FIXTURE_CFG, 0);
	fill(f.buf, io.lba, 1, 1);
	memset(f.buf + BLOCK, 0, BLOCK);
	iov = (struct iovec){ f.buf, 2 * BLOCK };
	assert_int_equal(disk_run(f.disk, &io), DISK_MISCOMPARE);
	assert_int_equal(absorbed(&f), 0);
	fixture_stop(&f);
}

/* In every zone, in any order, with threads. */
static void many_zones(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, FIXTURE_CFG);
	for (unsigned n = 0; n < 6; n++)
		assert_int_equal(do_write(&f, SEQ(n), 1 + 300 * n, n), DISK_OK);
	die_and_return(&f, FIXTURE_CFG, 4);
	for (unsigned n = 6; n--;)
		assert_absorbed(&f, SEQ(n), 1 + 300 * n, n);
	assert_int_equal(absorbed(&f), 6);
	fixture_stop(&f);
}

static void other_data(void **state)
{
	struct fixture f;
	struct disk_io io;

	(void)state;
	start(&f, FIXTURE_CFG);
	assert_int_equal(do_write(&f, SEQ(0), 100, 1), DISK_OK);
	die_and_return(&f, FIXTURE_CFG, 0);
	assert_write_refused(&f, SEQ(0), 100, 2, ZV_UNALIGNED_WRITE);
	/* A single bit, in the last block, counts as well. */
	fill(f.buf, SEQ(0), 100, 1);
	f.buf[100 * BLOCK - 1] ^= 0x80;
	assert_int_equal(run_rw(&f, &io, DISK_WRITE, SEQ(0), 100, false),
			 DISK_REFUSED);
	assert_int_equal(io.verdict, ZV_UNALIGNED_WRITE);
	/* What was refused has not used the grace up. */
	assert_absorbed(&f, SEQ(0), 100, 1);
	fixture_stop(&f);
}

/* Where it begins and ends. */
static void other_places(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, FIXTURE_CFG);
	assert_int_equal(do_write(&f, SEQ(0), 100, 1), DISK_OK);
	die_and_return(&f, FIXTURE_CFG, 0);
	assert_write_refused(&f, SEQ(0), 99, 1, ZV_UNALIGNED_WRITE);
	assert_write_refused(&f, SEQ(0) + 101, 1, 1, ZV_UNALIGNED_WRITE);
	assert_write_refused(&f, SEQ(1) + 1, 1, 1, ZV_UNALIGNED_WRITE);
	assert_write_refused(&f, SEQ(0) + 50, ZONE, 1, ZV_WRITE_BOUNDARY);
	assert_absorbed(&f, SEQ(0) + 50, 50, 1);
	fixture_stop(&f);
}

static void partly_there(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, FIXTURE_CFG);
	assert_int_equal(do_write(&f, SEQ(0), 5, 1), DISK_OK);
	assert_int_equal(do_write(&f, SEQ(0) + 5, 20, 2), DISK_OK);
	/* The kill came in the middle of the 11th block. */
	assert_int_equal(store_resize(f.fault, NR_CONV, 10 * BLOCK + 7), 0);
	die_and_return(&f, FIXTURE_CFG, 0);
	assert_int_equal(wp_of(&f, SEQ(0)), SEQ(0) + 10);
	assert_absorbed(&f, SEQ(0) + 5, 20, 2);
	assert_int_equal(wp_of(&f, SEQ(0)), SEQ(0) + 25);
	assert_int_equal(cond_of(&f, SEQ(0)), ZC_IMP_OPEN);
	assert_int_equal(do_read(&f, SEQ(0), 5), DISK_OK);
	assert_filled(f.buf, SEQ(0), 5, 1);
	fixture_stop(&f);
}

static void count_repair(void *user, uint32_t slot, const char *what)
{
	(void)slot;
	(void)what;
	++*(int *)user;
}

/* Repairing what the kill has left takes nothing of this away. */
static void repaired_in_between(void **state)
{
	struct fixture f;
	struct zl_err err;
	int nr = 0;

	(void)state;
	flight_clock_ms = fake_clock;
	fixture_start_files(&f, FIXTURE_CFG, 0);
	assert_int_equal(do_zone(&f, ZO_OPEN, SEQ(1), false), DISK_OK);
	assert_int_equal(do_write(&f, SEQ(0), 20, 2), DISK_OK);
	assert_int_equal(store_resize(f.fault, NR_CONV, 10 * BLOCK + 7), 0);
	disk_abandon(f.disk);
	assert_int_equal(
		disk_repair(f.dir, NULL, false, count_repair, &nr, &err), 1);
	assert_int_equal(nr, 1);
	fixture_open(&f, FIXTURE_CFG, 0);
	assert_int_equal(cond_of(&f, SEQ(1)), ZC_EXP_OPEN);
	assert_int_equal(wp_of(&f, SEQ(0)), SEQ(0) + 10);
	assert_absorbed(&f, SEQ(0), 20, 2);
	fixture_stop(&f);
}

static void partly_there_physical_blocks(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, CFG_PHYS);
	assert_int_equal(do_write(&f, SEQ(0), 8, 1), DISK_OK);
	assert_int_equal(do_write(&f, SEQ(0) + 8, 64, 2), DISK_OK);
	assert_int_equal(store_resize(f.fault, NR_CONV, 29 * BLOCK), 0);
	die_and_return(&f, CFG_PHYS, 0);
	assert_int_equal(wp_of(&f, SEQ(0)), SEQ(0) + 24);
	assert_write_refused(&f, SEQ(0) + 9, 63, 2, ZV_UNALIGNED_WRITE);
	assert_write_refused(&f, SEQ(0) + 8, 63, 2, ZV_UNALIGNED_WRITE);
	assert_absorbed(&f, SEQ(0) + 8, 64, 2);
	assert_int_equal(do_write(&f, SEQ(0) + 72, 8, 3), DISK_OK);
	fixture_stop(&f);
}

static void zone_filled(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, FIXTURE_CFG);
	assert_int_equal(do_write(&f, SEQ(0), ZONE - 3, 1), DISK_OK);
	assert_int_equal(do_write(&f, SEQ(0) + ZONE - 3, 3, 2), DISK_OK);
	assert_int_equal(do_write(&f, SEQ(1), ZONE - 3, 3), DISK_OK);
	assert_int_equal(do_write(&f, SEQ(1) + ZONE - 3, 3, 4), DISK_OK);
	assert_int_equal(store_resize(f.fault, NR_CONV + 1, (ZONE - 1) * BLOCK),
			 0);
	die_and_return(&f, FIXTURE_CFG, 0);
	assert_int_equal(cond_of(&f, SEQ(0)), ZC_FULL);
	assert_write_refused(&f, SEQ(0) + ZONE - 3, 2, 2, ZV_FULL);
	assert_absorbed(&f, SEQ(0) + ZONE - 3, 3, 2);
	assert_int_equal(cond_of(&f, SEQ(0)), ZC_FULL);
	assert_write_refused(&f, SEQ(0) + ZONE - 3, 3, 2, ZV_FULL);
	assert_int_equal(cond_of(&f, SEQ(1)), ZC_CLOSED);
	assert_absorbed(&f, SEQ(1) + ZONE - 3, 3, 4);
	assert_int_equal(cond_of(&f, SEQ(1)), ZC_FULL);
	fixture_stop(&f);
}

/* What the dead process had not synced is durable after a repeated FUA. */
static void fua(void **state)
{
	const struct store_fault_plan no_sync = { .fail_count = 1,
						  .error = EIO,
						  .only = 1u << STORE_SYNC };
	struct fixture f;

	(void)state;
	start(&f, FIXTURE_CFG);
	assert_int_equal(do_write(&f, SEQ(0), 100, 1), DISK_OK);
	assert_int_equal(do_write(&f, SEQ(1), 100, 1), DISK_OK);
	die_and_return(&f, FIXTURE_CFG, 0);
	store_fault_arm(f.fault, &no_sync);
	assert_int_equal(do_write_fua(&f, SEQ(0), 100, 1), DISK_WRITE_ERROR);
	assert_int_equal(store_fault_hits(f.fault), 1);
	assert_int_equal(do_write_fua(&f, SEQ(1), 100, 1), DISK_OK);
	assert_int_equal(store_fault_calls(f.fault), 2);
	assert_int_equal(do_read(&f, SEQ(1), 100), DISK_OK);
	assert_filled(f.buf, SEQ(1), 100, 1);
	fixture_stop(&f);
}

/* The rest does not fit at first: its retry is a repeated write again. */
static void rest_fails(void **state)
{
	const struct store_fault_plan full = { .fail_count = 1,
					       .error = ENOSPC,
					       .only = 1u << STORE_WRITE };
	struct fixture f;

	(void)state;
	start(&f, FIXTURE_CFG);
	assert_int_equal(do_write(&f, SEQ(0), 100, 1), DISK_OK);
	assert_int_equal(store_resize(f.fault, NR_CONV, 40 * BLOCK), 0);
	die_and_return(&f, FIXTURE_CFG, 0);
	store_fault_arm(f.fault, &full);
	assert_int_equal(do_write(&f, SEQ(0), 100, 1), DISK_NO_SPACE);
	assert_int_equal(wp_of(&f, SEQ(0)), SEQ(0) + 40);
	assert_sizes_match(&f);
	assert_absorbed(&f, SEQ(0), 100, 1);
	fixture_stop(&f);
}

/* All of it is there, but neither the sync nor the cut after it worked. */
static void fua_fails_twice(void **state)
{
	const struct store_fault_plan no_sync_no_cut = {
		.fail_count = 2,
		.error = EIO,
		.only = 1u << STORE_SYNC | 1u << STORE_CUT,
	};
	struct fixture f;

	(void)state;
	start(&f, FIXTURE_CFG);
	assert_int_equal(do_write(&f, SEQ(0), ZONE, 1), DISK_OK);
	die_and_return(&f, FIXTURE_CFG, 0);
	store_fault_arm(f.fault, &no_sync_no_cut);
	assert_int_equal(do_write_fua(&f, SEQ(0), ZONE, 1), DISK_WRITE_ERROR);
	assert_int_equal(store_fault_hits(f.fault), 2);
	assert_int_equal(do_write_fua(&f, SEQ(0), ZONE, 1), DISK_OK);
	/* The cut, and the sync of this zone. */
	assert_int_equal(store_fault_calls(f.fault), 4);
	assert_int_equal(do_zone(&f, ZO_RESET, SEQ(0), false), DISK_OK);
	assert_int_equal(do_write(&f, SEQ(1), 4, 2), DISK_OK);
	assert_sizes_match(&f);
	fixture_stop(&f);
}

/* The medium cannot be read: nothing is known, so nothing is accepted. */
static void compare_fails(void **state)
{
	const struct store_fault_plan bad = { .fail_count = 1,
					      .error = EIO,
					      .only = 1u << STORE_READ };
	struct fixture f;

	(void)state;
	start(&f, FIXTURE_CFG);
	assert_int_equal(do_write(&f, SEQ(0), 100, 1), DISK_OK);
	die_and_return(&f, FIXTURE_CFG, 0);
	store_fault_arm(f.fault, &bad);
	assert_write_refused(&f, SEQ(0), 100, 1, ZV_UNALIGNED_WRITE);
	fixture_stop(&f);
}

/* In the middle of the comparison a sync fails. */
static struct store_ops ops;
static const struct store_ops *real_ops;
static struct fixture *beside;

static void submit_beside(struct store *st, struct store_req *req)
{
	if (beside && req->op == STORE_READ) {
		struct disk_io sync = { .op = DISK_SYNC };
		struct disk *d = beside->disk;

		beside = NULL;
		assert_int_equal(disk_run(d, &sync), DISK_WRITE_ERROR);
	}
	real_ops->submit(st, req);
}

/* What the dead daemon wrote cannot be made durable, before the write is
 * repeated or while it is: it is lost, whatever can still be read. */
static void sync_fails(void **state)
{
	const struct store_fault_plan no_sync = {
		.fail_count = 2,
		.error = EIO,
		.only = 1u << STORE_SYNC | UINT32_C(1) << 28 /* of everything */
	};
	struct disk_io sync;
	struct fixture f;
	struct zl_err err;

	(void)state;
	for (int during = 0; during < 2; during++) {
		start(&f, FIXTURE_CFG);
		assert_int_equal(do_write(&f, SEQ(0), 100, 1), DISK_OK);
		disk_abandon(f.disk);
		f.fault = store_fault_new(store_mem_open(f.mem));
		store_fault_arm(f.fault, &no_sync);
		assert_int_equal(disk_open_store(f.fault, "test",
						 &(struct disk_open_args){ 0 },
						 &f.disk, &err),
				 0);
		sync = (struct disk_io){ .op = DISK_SYNC };
		/* The conventional zones are synced first. */
		store_fault_arm(f.fault, &(struct store_fault_plan){
						 .fail_at = NR_CONV,
						 .fail_count = 1,
						 .error = EIO,
						 .only = 1u << STORE_SYNC });
		real_ops = f.fault->ops;
		ops = *real_ops;
		ops.submit = submit_beside;
		if (during) {
			beside = &f;
			f.fault->ops = &ops;
		} else {
			assert_int_equal(disk_run(f.disk, &sync),
					 DISK_WRITE_ERROR);
		}
		assert_write_refused(&f, SEQ(0), 100, 1, ZV_UNALIGNED_WRITE);
		assert_null(beside);
		f.fault->ops = real_ops;
		assert_int_equal(store_fault_hits(f.fault), 1);
		assert_int_equal(do_read(&f, SEQ(0), 100), DISK_READ_ERROR);
		fixture_stop(&f);
	}
}

static void ended_by_time(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, FIXTURE_CFG);
	assert_int_equal(do_write(&f, SEQ(0), 100, 1), DISK_OK);
	assert_int_equal(do_write(&f, SEQ(1), ZONE, 1), DISK_OK);
	assert_int_equal(do_write(&f, SEQ(2), 100, 1), DISK_OK);
	now_ms = 1000000;
	die_and_return(&f, FIXTURE_CFG, 0);
	/* 60 seconds are promised, whatever the code has. */
	now_ms += 60000 - 1;
	assert_absorbed(&f, SEQ(2), 100, 1);
	now_ms++;
	assert_write_refused(&f, SEQ(0), 100, 1, ZV_UNALIGNED_WRITE);
	assert_write_refused(&f, SEQ(1), ZONE, 1, ZV_FULL);
	fixture_stop(&f);
}

static void ended_by_a_write(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, FIXTURE_CFG);
	assert_int_equal(do_write(&f, SEQ(0), 100, 1), DISK_OK);
	die_and_return(&f, FIXTURE_CFG, 0);
	assert_int_equal(do_write(&f, SEQ(0) + 100, 1, 1), DISK_OK);
	assert_write_refused(&f, SEQ(0), 101, 1, ZV_UNALIGNED_WRITE);
	assert_write_refused(&f, SEQ(0) + 100, 1, 1, ZV_UNALIGNED_WRITE);
	fixture_stop(&f);
}

/* … nor may that write, wherever it was carried out, come twice. */
static void ended_by_a_write_tried_first(void **state)
{
	struct fixture f;
	struct iovec iov;
	struct disk_io io;

	(void)state;
	start(&f, FIXTURE_CFG);
	assert_int_equal(do_write(&f, SEQ(0), 100, 1), DISK_OK);
	die_and_return(&f, FIXTURE_CFG, 1);
	/* One that is tried at all. */
	assert_int_equal(do_read(&f, SEQ(0), 1), DISK_OK);
	fill(f.buf, SEQ(0) + 100, 8, 1);
	iov = (struct iovec){ f.buf, 8 * BLOCK };
	io = (struct disk_io){ .op = DISK_WRITE,
			       .lba = SEQ(0) + 100,
			       .nr_blocks = 8,
			       .iov = &iov,
			       .iov_cnt = 1 };
	if (!disk_try(f.disk, &io))
		disk_run(f.disk, &io);
	assert_int_equal(io.status, DISK_OK);
	assert_write_refused(&f, SEQ(0) + 100, 8, 1, ZV_UNALIGNED_WRITE);
	fixture_stop(&f);
}

static void ended_by_reset(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, FIXTURE_CFG);
	assert_int_equal(do_write(&f, SEQ(0), 100, 1), DISK_OK);
	die_and_return(&f, FIXTURE_CFG, 0);
	assert_int_equal(do_zone(&f, ZO_RESET, SEQ(0), false), DISK_OK);
	assert_int_equal(do_write(&f, SEQ(0), 100, 1), DISK_OK);
	assert_write_refused(&f, SEQ(0), 100, 1, ZV_UNALIGNED_WRITE);
	fixture_stop(&f);
}

static void ended_by_finish(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, FIXTURE_CFG);
	assert_int_equal(do_write(&f, SEQ(0), 100, 1), DISK_OK);
	assert_int_equal(do_write(&f, SEQ(1), ZONE, 1), DISK_OK);
	die_and_return(&f, FIXTURE_CFG, 0);
	assert_int_equal(do_zone(&f, ZO_FINISH, SEQ(0), false), DISK_OK);
	assert_write_refused(&f, SEQ(0), 100, 1, ZV_FULL);
	/* Also where there is nothing left to finish. */
	assert_int_equal(do_zone(&f, ZO_FINISH, SEQ(1), false), DISK_OK);
	assert_write_refused(&f, SEQ(1), ZONE, 1, ZV_FULL);
	fixture_stop(&f);
}

/* SANITIZE that keeps the write pointer. */
static void ended_by_refill(void **state)
{
	struct fixture f;
	struct disk_io io = { .op = DISK_REFILL,
			      .lba = SEQ(0),
			      .nr_blocks = 1 };

	(void)state;
	start(&f, FIXTURE_CFG);
	assert_int_equal(do_write(&f, SEQ(0), 100, 1), DISK_OK);
	die_and_return(&f, FIXTURE_CFG, 0);
	assert_int_equal(disk_run(f.disk, &io), DISK_OK);
	assert_int_equal(wp_of(&f, SEQ(0)), SEQ(0) + 100);
	memset(f.buf, 0, 100 * BLOCK);
	assert_int_equal(run_rw(&f, &io, DISK_WRITE, SEQ(0), 100, false),
			 DISK_REFUSED);
	assert_int_equal(io.verdict, ZV_UNALIGNED_WRITE);
	fixture_stop(&f);
}

/* Not by what does not write, nor by another zone. */
static void not_ended_by_others(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, FIXTURE_CFG);
	assert_int_equal(do_write(&f, SEQ(0), 100, 1), DISK_OK);
	assert_int_equal(do_write(&f, SEQ(1), 100, 1), DISK_OK);
	die_and_return(&f, FIXTURE_CFG, 0);
	assert_int_equal(do_write(&f, SEQ(1) + 100, 1, 1), DISK_OK);
	assert_int_equal(do_zone(&f, ZO_RESET, SEQ(1), false), DISK_OK);
	assert_int_equal(do_zone(&f, ZO_OPEN, SEQ(0), false), DISK_OK);
	assert_int_equal(do_zone(&f, ZO_CLOSE, SEQ(0), false), DISK_OK);
	assert_int_equal(do_sync(&f), DISK_OK);
	assert_int_equal(do_read(&f, SEQ(0), 100), DISK_OK);
	assert_int_equal(do_write(&f, 0, 8, 1), DISK_OK);
	assert_absorbed(&f, SEQ(0), 100, 1);
	fixture_stop(&f);
}

static void none_after_a_clean_stop(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, FIXTURE_CFG);
	assert_int_equal(do_write(&f, SEQ(0), 100, 1), DISK_OK);
	assert_write_refused(&f, SEQ(0), 100, 1, ZV_UNALIGNED_WRITE);
	fixture_reopen(&f, FIXTURE_CFG);
	assert_write_refused(&f, SEQ(0), 100, 1, ZV_UNALIGNED_WRITE);
	fixture_stop(&f);
}

static void none_after_a_reboot(void **state)
{
	const char *path = journal_boot_id_path;
	char other[] = "/tmp/zloop-boot-XXXXXX";
	int fd = mkstemp(other);
	struct fixture f;

	(void)state;
	assert_int_equal(write(fd, "other\n", 6), 6);
	close(fd);
	start(&f, FIXTURE_CFG);
	assert_int_equal(do_write(&f, SEQ(0), 100, 1), DISK_OK);
	disk_abandon(f.disk);
	journal_boot_id_path = other;
	fixture_open(&f, FIXTURE_CFG, 0);
	assert_write_refused(&f, SEQ(0), 100, 1, ZV_UNALIGNED_WRITE);
	journal_boot_id_path = path;
	unlink(other);
	fixture_stop(&f);
}

/* OPEN, CLOSE, FINISH and RESET may all be repeated. */
static void zone_operations(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, CFG_LIMIT);
	assert_int_equal(do_zone(&f, ZO_OPEN, SEQ(0), false), DISK_OK);
	assert_int_equal(do_zone(&f, ZO_OPEN, SEQ(1), false), DISK_OK);
	assert_int_equal(do_write(&f, SEQ(1), 10, 1), DISK_OK);
	die_and_return(&f, CFG_LIMIT, 0);
	/* Both hold their resources again. */
	assert_int_equal(cond_of(&f, SEQ(0)), ZC_EXP_OPEN);
	assert_int_equal(cond_of(&f, SEQ(1)), ZC_EXP_OPEN);
	assert_write_refused(&f, SEQ(2), 1, 1, ZV_NO_RESOURCES);
	assert_absorbed(&f, SEQ(1), 10, 1);
	assert_int_equal(do_zone(&f, ZO_OPEN, SEQ(0), false), DISK_OK);
	assert_int_equal(do_zone(&f, ZO_OPEN, SEQ(1), false), DISK_OK);

	assert_int_equal(do_zone(&f, ZO_CLOSE, SEQ(0), false), DISK_OK);
	assert_int_equal(do_zone(&f, ZO_CLOSE, SEQ(1), false), DISK_OK);
	die_and_return(&f, CFG_LIMIT, 0);
	assert_int_equal(do_zone(&f, ZO_CLOSE, SEQ(0), false), DISK_OK);
	assert_int_equal(do_zone(&f, ZO_CLOSE, SEQ(1), false), DISK_OK);
	assert_int_equal(cond_of(&f, SEQ(0)), ZC_EMPTY);
	assert_int_equal(cond_of(&f, SEQ(1)), ZC_CLOSED);

	assert_int_equal(do_zone(&f, ZO_FINISH, SEQ(1), false), DISK_OK);
	die_and_return(&f, CFG_LIMIT, 0);
	assert_int_equal(do_zone(&f, ZO_FINISH, SEQ(1), false), DISK_OK);
	assert_int_equal(cond_of(&f, SEQ(1)), ZC_FULL);

	assert_int_equal(do_zone(&f, ZO_RESET, SEQ(1), false), DISK_OK);
	die_and_return(&f, CFG_LIMIT, 0);
	assert_int_equal(do_zone(&f, ZO_RESET, SEQ(1), false), DISK_OK);
	assert_int_equal(cond_of(&f, SEQ(1)), ZC_EMPTY);
	assert_sizes_match(&f);
	fixture_stop(&f);
}

/* The rest needs an open resource, like any write. */
static void no_resources(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, CFG_LIMIT);
	assert_int_equal(do_write(&f, SEQ(0), 10, 1), DISK_OK);
	assert_int_equal(store_resize(f.fault, NR_CONV, 4 * BLOCK), 0);
	die_and_return(&f, CFG_LIMIT, 0);
	assert_int_equal(do_zone(&f, ZO_OPEN, SEQ(1), false), DISK_OK);
	assert_int_equal(do_zone(&f, ZO_OPEN, SEQ(2), false), DISK_OK);
	assert_write_refused(&f, SEQ(0), 10, 1, ZV_NO_RESOURCES);
	assert_int_equal(do_zone(&f, ZO_CLOSE, SEQ(1), false), DISK_OK);
	assert_absorbed(&f, SEQ(0), 10, 1);
	fixture_stop(&f);
}

/* The counter outlives a clean stop and the process's death. */
static void counted_for_ever(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, FIXTURE_CFG);
	assert_int_equal(do_write(&f, SEQ(0), 10, 1), DISK_OK);
	assert_int_equal(do_write(&f, SEQ(1), 10, 1), DISK_OK);
	die_and_return(&f, FIXTURE_CFG, 0);
	assert_absorbed(&f, SEQ(0), 10, 1);
	assert_absorbed(&f, SEQ(1), 10, 1);
	die_and_return(&f, FIXTURE_CFG, 0);
	assert_int_equal(absorbed(&f), 2);
	fixture_reopen(&f, FIXTURE_CFG);
	assert_int_equal(absorbed(&f), 2);
	fixture_stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(repeated_once),
		cmocka_unit_test(compare_and_write_never),
		cmocka_unit_test(compare_and_write_at_the_write_pointer),
		cmocka_unit_test(many_zones),
		cmocka_unit_test(other_data),
		cmocka_unit_test(other_places),
		cmocka_unit_test(partly_there),
		cmocka_unit_test(repaired_in_between),
		cmocka_unit_test(partly_there_physical_blocks),
		cmocka_unit_test(zone_filled),
		cmocka_unit_test(fua),
		cmocka_unit_test(rest_fails),
		cmocka_unit_test(fua_fails_twice),
		cmocka_unit_test(compare_fails),
		cmocka_unit_test(sync_fails),
		cmocka_unit_test(ended_by_time),
		cmocka_unit_test(ended_by_a_write),
		cmocka_unit_test(ended_by_a_write_tried_first),
		cmocka_unit_test(ended_by_reset),
		cmocka_unit_test(ended_by_finish),
		cmocka_unit_test(ended_by_refill),
		cmocka_unit_test(not_ended_by_others),
		cmocka_unit_test(none_after_a_clean_stop),
		cmocka_unit_test(none_after_a_reboot),
		cmocka_unit_test(zone_operations),
		cmocka_unit_test(no_resources),
		cmocka_unit_test(counted_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
