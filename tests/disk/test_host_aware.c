// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Host-aware disks: sequential write preferred zones and their files. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "disk/io/io.h"
#include "disk/life/open.h"
#include "disk_fixture.h"
#include "refusals.h"
#include "zone/internal.h"

#define CFG	 FIXTURE_CFG ",model=host-aware"
#define CFG_512E CFG ",physical_block_size=4096"

static struct fixture fix;
static struct fixture *const f = &fix;

static int start(void **state)
{
	(void)state;
	fixture_start(f, CFG, 0);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	fixture_stop(f);
	return 0;
}

static bool non_seq(uint64_t lba)
{
	struct zone_info info;

	disk_zone_at(f->disk, lba, &info);
	return info.attrs & ZA_NON_SEQ;
}

static void check_zone(uint64_t lba, enum zone_cond cond, uint32_t wp_blocks,
		       bool out_of_order)
{
	struct zone_info info;

	disk_zone_at(f->disk, lba, &info);
	assert_int_equal(info.type, ZT_SEQ_PREFERRED);
	assert_string_equal(zone_cond_name(info.cond), zone_cond_name(cond));
	assert_int_equal(info.wp_lba, lba + wp_blocks);
	assert_int_equal(info.attrs, out_of_order ? ZA_NON_SEQ : 0);
	assert_sizes_match(f);
}

static void check_data(uint64_t lba, uint32_t blocks, uint32_t tag)
{
	assert_int_equal(do_read(f, lba, blocks), DISK_OK);
	assert_filled(f->buf, lba, blocks, tag);
}

static void check_zeros(uint64_t lba, uint32_t blocks)
{
	assert_int_equal(do_read(f, lba, blocks), DISK_OK);
	assert_zeros(f->buf, (size_t)blocks * BLOCK);
}

/* The process dies; the next one finds the files as they are. */
static void die_and_reopen(const char *options)
{
	disk_abandon(f->disk);
	fixture_open(f, options, 0);
}

static void out_of_order(void **state)
{
	struct disk_stats s;

	(void)state;
	assert_int_equal(do_write(f, SEQ(0) + 100, 10, 1), DISK_OK);
	check_zone(SEQ(0), ZC_IMP_OPEN, 110, true);
	check_zeros(SEQ(0), 100);
	check_data(SEQ(0) + 100, 10, 1);
	assert_int_equal(do_write(f, SEQ(0) + 50, 60, 2), DISK_OK);
	check_zone(SEQ(0), ZC_IMP_OPEN, 110, true);
	check_data(SEQ(0) + 50, 60, 2);
	assert_int_equal(do_write(f, SEQ(1), 20, 3), DISK_OK);
	assert_int_equal(do_write(f, SEQ(1) + 20, 20, 4), DISK_OK);
	check_zone(SEQ(1), ZC_IMP_OPEN, 40, false);
	disk_get_stats(f->disk, &s);
	assert_int_equal(s.n[DC_MAX_NON_SEQ], 1);
	assert_int_equal(s.n[DC_NON_SEQ_WRITES], 2);

	fixture_reopen(f, CFG);
	check_zone(SEQ(0), ZC_CLOSED, 110, true);
	check_zone(SEQ(1), ZC_CLOSED, 40, false);
	check_zeros(SEQ(0), 50);
	check_data(SEQ(0) + 50, 60, 2);
	check_data(SEQ(1) + 20, 20, 4);
	disk_get_stats(f->disk, &s);
	assert_int_equal(s.n[DC_MAX_NON_SEQ], 1);
	assert_int_equal(s.n[DC_NON_SEQ_WRITES], 2);
	/* In the directory there is nothing wrong. */
	assert_int_equal(do_zone(f, ZO_RESET, SEQ(0), false), DISK_OK);
	check_zone(SEQ(0), ZC_EMPTY, 0, false);
}

static void full_zones(void **state)
{
	(void)state;
	assert_int_equal(do_write(f, SEQ(0) + ZONE - 1, 1, 1), DISK_OK);
	check_zone(SEQ(0), ZC_FULL, ZONE, true);
	assert_int_equal(do_write(f, SEQ(0) + 7, 3, 2), DISK_OK);
	check_zone(SEQ(0), ZC_FULL, ZONE, true);
	assert_int_equal(do_zone(f, ZO_FINISH, SEQ(1), false), DISK_OK);
	check_zone(SEQ(1), ZC_FULL, ZONE, false);
	assert_int_equal(do_write(f, SEQ(1), 3, 3), DISK_OK);
	check_zone(SEQ(1), ZC_FULL, ZONE, true);
	die_and_reopen(CFG);
	check_zone(SEQ(0), ZC_FULL, ZONE, true);
	check_zone(SEQ(1), ZC_FULL, ZONE, true);
	check_data(SEQ(0) + 7, 3, 2);
	check_data(SEQ(0) + ZONE - 1, 1, 1);
	check_data(SEQ(1), 3, 3);
	check_zeros(SEQ(1) + 3, ZONE - 3);
}

/* One write: the end of a conventional zone, a zone, the start of another. */
static void across_zones(void **state)
{
	(void)state;
	assert_int_equal(do_write(f, SEQ(0) - 9, 9 + ZONE + 5, 1), DISK_OK);
	check_zone(SEQ(0), ZC_FULL, ZONE, false);
	check_zone(SEQ(1), ZC_IMP_OPEN, 5, false);
	check_data(SEQ(0) - 9, 9 + ZONE + 5, 1);
	assert_int_equal(do_write_fua(f, SEQ(1) + ZONE - 2, 4, 2), DISK_OK);
	check_zone(SEQ(1), ZC_FULL, ZONE, true);
	check_zone(SEQ(2), ZC_IMP_OPEN, 2, false);
	/* The last block of the disk. */
	assert_int_equal(do_write_fua(f, CAPACITY - 1, 1, 3), DISK_OK);
	check_zone(CAPACITY - ZONE, ZC_FULL, ZONE, true);
	assert_int_equal(do_write(f, CAPACITY - 1, 2, 3), DISK_REFUSED);
	fixture_reopen(f, CFG);
	check_data(SEQ(0) - 9, 9 + ZONE + 5, 1);
	check_data(SEQ(1) + ZONE - 2, 4, 2);
	check_data(CAPACITY - 1, 1, 3);
}

/* The journal forgets with the zone, whoever ends. */
static void reset_and_written_again(void **state)
{
	(void)state;
	for (int dies = 0; dies < 2; dies++) {
		assert_int_equal(do_write(f, SEQ(0) + 8, 1, 1), DISK_OK);
		assert_int_equal(do_zone(f, ZO_RESET, SEQ(0), false), DISK_OK);
		assert_int_equal(do_write(f, SEQ(0), 8, 2), DISK_OK);
		if (dies)
			die_and_reopen(CFG);
		else
			fixture_reopen(f, CFG);
		check_zone(SEQ(0), ZC_CLOSED, 8, false);
		check_data(SEQ(0), 8, 2);
		assert_int_equal(do_write(f, SEQ(0), 8, 3), DISK_OK);
		die_and_reopen(CFG);
		check_zone(SEQ(0), ZC_CLOSED, 8, true);
		assert_int_equal(do_zone(f, ZO_RESET, 0, true), DISK_OK);
	}
}

static void opened_explicitly(void **state)
{
	(void)state;
	fixture_reopen(f, CFG);
	assert_int_equal(do_write(f, SEQ(2) + 3, 1, 1), DISK_OK);
	assert_int_equal(do_zone(f, ZO_OPEN, SEQ(2), false), DISK_OK);
	die_and_reopen(CFG);
	check_zone(SEQ(2), ZC_EXP_OPEN, 4, true);
	assert_int_equal(do_zone(f, ZO_CLOSE, SEQ(2), false), DISK_OK);
	check_zone(SEQ(2), ZC_CLOSED, 4, true);
}

/* Blocks, not physical ones, are what is written. */
static void parts_of_physical_blocks(void **state)
{
	(void)state;
	fixture_start(f, CFG_512E, 0);
	assert_int_equal(do_write(f, SEQ(0), 3, 1), DISK_OK);
	assert_int_equal(do_write(f, SEQ(0) + 3, 2, 2), DISK_OK);
	check_zone(SEQ(0), ZC_IMP_OPEN, 5, false);
	die_and_reopen(CFG_512E);
	check_zone(SEQ(0), ZC_CLOSED, 5, false);
	check_data(SEQ(0) + 3, 2, 2);
	fixture_stop(f);
}

static void compare_and_write(void **state)
{
	struct iovec iov = { f->buf, (size_t)8 * BLOCK };
	struct disk_io io = rw_io(DISK_COMPARE_WRITE, SEQ(1) - 2, 4, &iov);
	struct disk_io again = io;

	(void)state;
	assert_int_equal(do_write(f, SEQ(1) - 2, 4, 1), DISK_OK);
	fill(f->buf, SEQ(1) - 2, 4, 1);
	fill(f->buf + (size_t)4 * BLOCK, SEQ(1) - 2, 4, 2);
	assert_int_equal(disk_run(f->disk, &io), DISK_OK);
	assert_int_equal(disk_run(f->disk, &again), DISK_MISCOMPARE);
	check_data(SEQ(1) - 2, 4, 2);
	check_zone(SEQ(1), ZC_IMP_OPEN, 2, true);
	/* Across the border of the zone types as well. */
	assert_int_equal(do_write(f, SEQ(0) - 2, 4, 1), DISK_OK);
	fill(f->buf, SEQ(0) - 2, 4, 1);
	fill(f->buf + (size_t)4 * BLOCK, SEQ(0) - 2, 4, 2);
	again.lba = SEQ(0) - 2;
	assert_int_equal(disk_run(f->disk, &again), DISK_OK);
	check_data(SEQ(0) - 2, 4, 2);
}

/* After the daemon's death it does not go by content, as nowhere. */
static void compare_and_write_repeated(void **state)
{
	struct iovec iov = { f->buf, (size_t)2 * BLOCK };
	struct disk_io io = rw_io(DISK_COMPARE_WRITE, SEQ(1) + 3, 1, &iov);
	struct disk_io again = io;

	(void)state;
	memset(f->buf, 0, BLOCK);
	fill(f->buf + BLOCK, SEQ(1) + 3, 1, 2);
	assert_int_equal(disk_run(f->disk, &io), DISK_OK);
	die_and_reopen(CFG);
	assert_int_equal(disk_run(f->disk, &again), DISK_MISCOMPARE);
}

static void no_unmapping(void **state)
{
	struct disk_io io = { .op = DISK_UNMAP,
			      .lba = SEQ(0) - 1,
			      .nr_blocks = 2 };

	(void)state;
	assert_int_equal(do_write(f, SEQ(0) - 1, 2, 1), DISK_OK);
	assert_int_equal(disk_run(f->disk, &io), DISK_REFUSED);
	check_data(SEQ(0) - 1, 2, 1);
}

/*
 * Trouble below.
 */

static void arm(unsigned only, uint64_t fail_at, uint64_t partial)
{
	struct store_fault_plan plan = { .fail_at = fail_at,
					 .fail_count = 1,
					 .only = only,
					 .error = EIO,
					 .partial_bytes = partial };

	store_fault_arm(f->fault, &plan);
}

static void a_write_fails(void **state)
{
	struct disk_io io;

	(void)state;
	assert_int_equal(do_write(f, SEQ(0), 10, 1), DISK_OK);
	arm(1u << STORE_WRITE, 0, 3 * BLOCK + 100);
	fill(f->buf, SEQ(0) + 20, 10, 2);
	assert_int_equal(run_rw(f, &io, DISK_WRITE, SEQ(0) + 20, 10, false),
			 DISK_WRITE_ERROR);
	assert_int_equal(io.bad_lba, SEQ(0) + 20);
	check_zone(SEQ(0), ZC_IMP_OPEN, 10, false);
	assert_int_equal(do_write(f, SEQ(0) + 30, 1, 3), DISK_OK);
	check_zeros(SEQ(0) + 10, 20);
	check_data(SEQ(0), 10, 1);
}

/* What the first zone has got stays, and the error names the second. */
static void the_second_part_fails(void **state)
{
	struct disk_io io;

	(void)state;
	arm(1u << STORE_WRITE, 1, 512);
	fill(f->buf, SEQ(1) - 4, 8, 1);
	assert_int_equal(run_rw(f, &io, DISK_WRITE, SEQ(1) - 4, 8, false),
			 DISK_WRITE_ERROR);
	assert_int_equal(io.bad_lba, SEQ(1));
	check_zone(SEQ(0), ZC_FULL, ZONE, true);
	check_zone(SEQ(1), ZC_IMP_OPEN, 0, false);
	check_data(SEQ(1) - 4, 4, 1);
	check_zeros(SEQ(1), 4);
	assert_int_equal(do_write(f, SEQ(1) - 4, 8, 2), DISK_OK);
	check_zone(SEQ(1), ZC_IMP_OPEN, 4, false);
}

/* What could not be cut off is cut off before the next write, or at close. */
static void a_cut_fails_too(void **state)
{
	struct store_fault_plan plan = { .fail_count = 2,
					 .only = 1u << STORE_WRITE |
						 1u << STORE_CUT,
					 .error = EIO,
					 .partial_bytes = 3 * BLOCK };

	(void)state;
	for (int close = 0; close < 2; close++) {
		store_fault_arm(f->fault, &plan);
		assert_int_equal(do_write(f, SEQ(0) + 4, 8, 1),
				 DISK_WRITE_ERROR);
		arm(0, UINT64_MAX, 0);
		if (close)
			fixture_reopen(f, CFG);
		else
			assert_int_equal(do_write(f, SEQ(0), 1, 2), DISK_OK);
		assert_sizes_match(f);
		check_zeros(SEQ(0) + 1, 20);
	}
}

static void a_sync_fails(void **state)
{
	struct disk_io io;

	(void)state;
	arm(1u << STORE_SYNC, 1, 0);
	fill(f->buf, SEQ(1) - 4, 8, 1);
	assert_int_equal(run_rw(f, &io, DISK_WRITE, SEQ(1) - 4, 8, true),
			 DISK_WRITE_ERROR);
	assert_int_equal(io.bad_lba, SEQ(1));
	/* Its blocks cannot be trusted until they are written again. */
	assert_int_equal(do_read(f, SEQ(1), 1), DISK_READ_ERROR);
	check_data(SEQ(1) - 4, 4, 1);
	assert_int_equal(do_write_fua(f, SEQ(1), 4, 2), DISK_OK);
	check_data(SEQ(1), 4, 2);
}

/* Each call of a write across zones, one after the other. */
static void each_call_fails(void **state)
{
	enum disk_status status;
	unsigned failed = 0;
	uint64_t at = 0;

	(void)state;
	do {
		assert_int_equal(do_zone(f, ZO_RESET, 0, true), DISK_OK);
		arm(0, at++, 512);
		status = do_write_fua(f, SEQ(1) - 3, 6, (uint32_t)at);
		arm(0, UINT64_MAX, 0);
		failed += status != DISK_OK;
		assert_sizes_match(f);
		assert_int_equal(do_write_fua(f, SEQ(1) - 3, 6, 99), DISK_OK);
		check_data(SEQ(1) - 3, 6, 99);
		die_and_reopen(CFG);
		assert_true(non_seq(SEQ(0)));
		check_data(SEQ(1) - 3, 6, 99);
	} while (status != DISK_OK && failed < 20);
	/* two writes, two syncs, and the journal */
	assert_in_range(failed, 5, 19);
}

/* A write that could not tell the journal leaves that to the next one, though
 * that is in order. */
static void the_journal_fails(void **state)
{
	struct iovec iov = { f->buf, BLOCK };
	struct disk_io io = rw_io(DISK_WRITE, SEQ(0) + 9, 1, &iov);

	(void)state;
	f->disk->where.try_blocks = 1;
	arm(0, 1, 0);
	assert_int_equal(do_write(f, SEQ(0) + 8, 1, 1), DISK_WRITE_ERROR);
	check_zone(SEQ(0), ZC_IMP_OPEN, 9, true);
	fill(f->buf, io.lba, 1, 2);
	if (!disk_try(f->disk, &io))
		disk_run(f->disk, &io);
	assert_int_equal(io.status, DISK_OK);
	die_and_reopen(CFG);
	check_zone(SEQ(0), ZC_CLOSED, 10, true);
}

/* The reset that comes again says what the first one could not. */
static void the_journal_fails_at_a_reset(void **state)
{
	const struct store_fault_plan no_append = {
		.fail_count = 1,
		.error = EIO,
		.only = UINT32_C(1) << 25,
	};

	(void)state;
	assert_int_equal(do_write(f, SEQ(0) + 8, 1, 1), DISK_OK);
	store_fault_arm(f->fault, &no_append);
	assert_int_equal(do_zone(f, ZO_RESET, SEQ(0), false), DISK_WRITE_ERROR);
	assert_int_equal(store_fault_hits(f->fault), 1);
	assert_int_equal(do_zone(f, ZO_RESET, SEQ(0), false), DISK_OK);
	assert_int_equal(do_write(f, SEQ(0), 1, 1), DISK_OK);
	die_and_reopen(CFG);
	check_zone(SEQ(0), ZC_CLOSED, 1, false);
}

/* It was explicitly opened, too, and the record of that was what failed. */
static void a_sync_tells_the_journal_of_a_reset(void **state)
{
	const struct store_fault_plan no_append = {
		.fail_count = 1,
		.error = EIO,
		.only = UINT32_C(1) << 25,
	};

	(void)state;
	assert_int_equal(do_write(f, SEQ(0) + 8, 1, 1), DISK_OK);
	assert_int_equal(do_zone(f, ZO_OPEN, SEQ(0), false), DISK_OK);
	store_fault_arm(f->fault, &no_append);
	assert_int_equal(do_zone(f, ZO_RESET, SEQ(0), false), DISK_WRITE_ERROR);
	assert_int_equal(store_fault_hits(f->fault), 1);
	assert_int_equal(do_write(f, SEQ(0), 1, 1), DISK_OK);
	assert_int_equal(do_sync(f), DISK_OK);
	die_and_reopen(CFG);
	check_zone(SEQ(0), ZC_CLOSED, 1, false);
}

/* The process died in the reset; the zone is EMPTY, and explicitly opened. */
static void died_in_a_reset(void **state)
{
	(void)state;
	assert_int_equal(do_zone(f, ZO_OPEN, SEQ(0), false), DISK_OK);
	assert_int_equal(do_write(f, SEQ(0) + 8, 1, 1), DISK_OK);
	assert_int_equal(store_resize(f->fault, NR_CONV, 0), 0);
	die_and_reopen(CFG);
	check_zone(SEQ(0), ZC_EXP_OPEN, 0, false);
	assert_int_equal(do_write(f, SEQ(0), 1, 1), DISK_OK);
	die_and_reopen(CFG);
	check_zone(SEQ(0), ZC_EXP_OPEN, 1, false);
}

static void faults_keep_the_attribute(void **state)
{
	struct inject_fault fault = { .kind = INJECT_READ_ONLY,
				      .lba = SEQ(0),
				      .nr_blocks = 1 };
	struct zl_err err;
	uint32_t id;

	(void)state;
	assert_int_equal(do_write(f, SEQ(0) + 1, 1, 1), DISK_OK);
	assert_int_equal(disk_fault_add(f->disk, &fault, &id, &err), 0);
	assert_int_equal(do_write(f, SEQ(0) - 1, 2, 1), DISK_REFUSED);
	assert_true(non_seq(SEQ(0)));
	fixture_reopen(f, CFG);
	assert_int_equal(cond_of(f, SEQ(0)), ZC_READ_ONLY);
	assert_true(non_seq(SEQ(0)));
	assert_int_equal(disk_fault_restore(f->disk, SEQ(0), 1, &err), 0);
	check_zone(SEQ(0), ZC_CLOSED, 2, true);
}

/*
 * Simulated power failures.
 */

#define CFG_PF CFG ",discard_write_cache"

static void fail_power(void)
{
	static const struct disk_powerfail everything;

	assert_int_equal(disk_powerfail(f->disk, &everything, NULL), 0);
}

static void what_was_not_flushed_is_taken_back(void **state)
{
	(void)state;
	fixture_start(f, CFG_PF, 0);
	assert_int_equal(do_write(f, SEQ(0), 50, 1), DISK_OK);
	assert_int_equal(do_write(f, SEQ(1) + 5, 5, 1), DISK_OK);
	assert_int_equal(do_write(f, SEQ(2) + 5, 5, 1), DISK_OK);
	assert_int_equal(do_sync(f), DISK_OK);
	/* Over the end of what was flushed; a reset; both. */
	assert_int_equal(do_write(f, SEQ(0) + 40, 20, 2), DISK_OK);
	assert_int_equal(do_write(f, SEQ(0) + 5, 1, 2), DISK_OK);
	assert_int_equal(do_zone(f, ZO_RESET, SEQ(1), false), DISK_OK);
	assert_int_equal(do_write(f, SEQ(1), 30, 2), DISK_OK);
	assert_int_equal(do_write(f, SEQ(2) + 6, 1, 2), DISK_OK);
	assert_int_equal(do_zone(f, ZO_RESET, SEQ(2), false), DISK_OK);
	assert_int_equal(do_write(f, SEQ(2) + 2, 1, 2), DISK_OK);
	assert_int_equal(do_write(f, SEQ(3) + 2, 1, 2), DISK_OK);
	fail_power();
	check_data(SEQ(0), 50, 1);
	assert_int_equal(wp_of(f, SEQ(0)), SEQ(0) + 50);
	check_zone(SEQ(1), ZC_CLOSED, 10, true);
	check_zeros(SEQ(1), 5);
	check_data(SEQ(1) + 5, 5, 1);
	check_zone(SEQ(2), ZC_CLOSED, 10, true);
	check_zeros(SEQ(2), 5);
	check_data(SEQ(2) + 5, 5, 1);
	check_zone(SEQ(3), ZC_EMPTY, 0, false);
	fixture_reopen(f, CFG_PF);
	check_zone(SEQ(1), ZC_CLOSED, 10, true);
	check_zone(SEQ(3), ZC_EMPTY, 0, false);
	fixture_stop(f);
}

static void what_was_flushed_stays(void **state)
{
	(void)state;
	fixture_start(f, CFG_PF, 0);
	assert_int_equal(do_write(f, SEQ(0) + 5, 5, 1), DISK_OK);
	assert_int_equal(do_zone(f, ZO_RESET, SEQ(0), false), DISK_OK);
	assert_int_equal(do_write(f, SEQ(0), 9, 2), DISK_OK);
	assert_int_equal(do_sync(f), DISK_OK);
	assert_int_equal(do_write_fua(f, SEQ(1) + 9, 1, 2), DISK_OK);
	assert_int_equal(do_write(f, SEQ(1) + 3, 1, 3), DISK_OK);
	fail_power();
	check_zone(SEQ(0), ZC_CLOSED, 9, false);
	check_data(SEQ(0), 9, 2);
	check_zone(SEQ(1), ZC_CLOSED, 10, true);
	check_data(SEQ(1) + 9, 1, 2);
	check_zeros(SEQ(1), 9);
	fixture_stop(f);
}

/*
 * Against a model: the tag of each block, random commands, and now and then the
 * process ends or dies.
 */

struct model {
	uint32_t tag[CAPACITY]; /* 0: zeros */
	uint32_t wp[NR_ZONES];
	bool non_seq[NR_ZONES];
	uint64_t rng;
};

static uint32_t rnd(struct model *m, uint32_t n)
{
	m->rng = m->rng * UINT64_C(6364136223846793005) +
		 UINT64_C(1442695040888963407);
	return (uint32_t)((m->rng >> 33) % n);
}

static void model_write(struct model *m, uint64_t lba, uint32_t nr,
			uint32_t tag)
{
	for (uint64_t i = lba; i < lba + nr; i++) {
		uint32_t z = (uint32_t)(i / ZONE), off = i % ZONE;

		m->tag[i] = tag;
		if (z < NR_CONV)
			continue;
		if ((i == lba || !off) && off != m->wp[z])
			m->non_seq[z] = true;
		if (off >= m->wp[z])
			m->wp[z] = off + 1;
	}
}

static void model_reset(struct model *m, uint32_t z)
{
	memset(m->tag + z * ZONE, 0, ZONE * sizeof(m->tag[0]));
	m->wp[z] = 0;
	m->non_seq[z] = false;
}

static void random_write(struct model *m, uint32_t tag)
{
	uint32_t nr = 1 + rnd(m, rnd(m, 8) ? 16 : ZONE + 64);
	uint32_t z = rnd(m, NR_ZONES);
	uint64_t lba = (uint64_t)z * ZONE + rnd(m, ZONE);

	if (z >= NR_CONV && rnd(m, 2))
		lba = (uint64_t)z * ZONE + m->wp[z];
	if (lba + nr > CAPACITY)
		return;
	if (rnd(m, 6))
		assert_int_equal(do_write(f, lba, nr, tag), DISK_OK);
	else
		assert_int_equal(do_write_fua(f, lba, nr, tag), DISK_OK);
	model_write(m, lba, nr, tag);
}

static void random_op(struct model *m)
{
	uint32_t z = NR_CONV + rnd(m, NR_ZONES - NR_CONV);
	enum zone_op op = ZO_CLOSE + rnd(m, 4);

	assert_int_equal(do_zone(f, op, (uint64_t)z * ZONE, false), DISK_OK);
	if (op == ZO_RESET)
		model_reset(m, z);
	if (op == ZO_FINISH)
		m->wp[z] = ZONE;
}

static void check_all(struct model *m)
{
	for (uint32_t z = 0; z < NR_ZONES; z++) {
		uint64_t lba = (uint64_t)z * ZONE;

		assert_int_equal(do_read(f, lba, ZONE), DISK_OK);
		for (uint32_t i = 0; i < ZONE; i++) {
			uint8_t *block = f->buf + (size_t)i * BLOCK;

			if (m->tag[lba + i])
				assert_filled(block, lba + i, 1,
					      m->tag[lba + i]);
			else
				assert_zeros(block, BLOCK);
		}
		if (z < NR_CONV)
			continue;
		assert_int_equal(wp_of(f, lba), lba + m->wp[z]);
		assert_int_equal(non_seq(lba), m->non_seq[z]);
	}
	assert_sizes_match(f);
}

static void random_commands(void **state)
{
	static struct model m;

	(void)state;
	for (uint32_t seed = 1; seed <= 5; seed++) {
		memset(&m, 0, sizeof(m));
		m.rng = seed;
		fixture_start(f, CFG ",max_open_zones=3", 0);
		for (uint32_t i = 1; i <= 300; i++) {
			if (rnd(&m, 5))
				random_write(&m, i);
			else
				random_op(&m);
			if (!rnd(&m, 30))
				die_and_reopen(CFG);
			if (!rnd(&m, 30))
				fixture_reopen(f, CFG);
			if (i % 50 == 0)
				check_all(&m);
		}
		fixture_stop(f);
	}
}

/*
 * Writes across zones side by side, with what else takes turns.
 */

static atomic_bool over;

static void *write_across(void *arg)
{
	uint64_t rng = (uintptr_t)arg;
	uint8_t *data = calloc(64, BLOCK);
	struct iovec iov = { data, (size_t)64 * BLOCK };

	for (int i = 0; i < 300; i++) {
		struct disk_io io = { .op = i % 8 ? DISK_WRITE
						  : DISK_COMPARE_WRITE,
				      .nr_blocks = i % 8 ? 64 : 32,
				      .fua = i % 16 == 1,
				      .iov = &iov,
				      .iov_cnt = 1 };

		rng = rng * UINT64_C(6364136223846793005) + 99;
		io.lba = SEQ((rng >> 33) % 4) - 1 - (rng >> 40) % 31;
		disk_run(f->disk, &io);
		/* Compared with who knows what; all else succeeds. */
		assert_true(io.status == DISK_OK ||
			    io.status == DISK_MISCOMPARE);
	}
	free(data);
	return NULL;
}

static void *change_zones(void *arg)
{
	(void)arg;
	for (unsigned i = 0; !over; i++) {
		struct disk_io io = { .op = DISK_ZONE,
				      .zone_op = ZO_CLOSE + i % 4,
				      .lba = SEQ(i % 5),
				      .zone_all = i % 7 == 0 };

		assert_int_equal(disk_run(f->disk, &io), DISK_OK);
		if (i % 32 == 0)
			fail_power();
		if (i % 16 == 0)
			do_sync(f);
	}
	return NULL;
}

static void side_by_side(void **state)
{
	pthread_t writer[3], changer;

	(void)state;
	fixture_start(f, CFG_PF ",max_open_zones=2", 0);
	disk_close(f->disk);
	fixture_open(f, CFG_PF, 4);
	over = false;
	assert_int_equal(pthread_create(&changer, NULL, change_zones, NULL), 0);
	for (uintptr_t i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&writer[i], NULL, write_across,
						(void *)(i + 1)),
				 0);
	for (int i = 0; i < 3; i++)
		pthread_join(writer[i], NULL);
	over = true;
	pthread_join(changer, NULL);
	assert_true(zone_set_check(&f->disk->zones));
	assert_sizes_match(f);
	fixture_stop(f);
}

#define T(t)   cmocka_unit_test_setup_teardown(t, start, stop)
#define OWN(t) cmocka_unit_test(t)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(out_of_order),
		T(full_zones),
		T(across_zones),
		T(reset_and_written_again),
		T(opened_explicitly),
		OWN(parts_of_physical_blocks),
		T(compare_and_write),
		T(compare_and_write_repeated),
		T(no_unmapping),
		T(a_write_fails),
		T(the_second_part_fails),
		T(a_cut_fails_too),
		T(a_sync_fails),
		T(each_call_fails),
		T(the_journal_fails),
		T(the_journal_fails_at_a_reset),
		T(a_sync_tells_the_journal_of_a_reset),
		T(died_in_a_reset),
		T(faults_keep_the_attribute),
		OWN(what_was_not_flushed_is_taken_back),
		OWN(what_was_flushed_stays),
		OWN(random_commands),
		OWN(side_by_side),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
