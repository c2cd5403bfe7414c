// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * The simulated power failure where the store's calls fail, or where more is
 * changed than can be kept in memory.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/num.h"
#include "disk/internal.h"
#include "disk/io/io.h"
#include "stores/fault.h"
#include "stores/mem.h"

/*
 * A disk of two conventional zones of 128 MiB, and one of the other kind, over
 * a store whose calls are counted or fail.
 */
#define BIG_ZONE UINT32_C(262144) /* blocks */
#define MANY	 UINT32_C(8192)

struct big {
	struct store_mem *mem;
	struct store *fault;
	struct disk *disk;
	uint8_t *buf;
};

static void big_start_as(struct big *b, const char *cfg)
{
	struct disk_open_args args = { .may_make = true };
	struct zl_err err = { "" };
	struct disk_opts opts;

	assert_int_equal(
		disk_opts_parse(&opts, cfg, strlen(cfg), ',', false, &err), 0);
	args.opts = &opts;
	b->mem = store_mem_new();
	b->fault = store_fault_new(store_mem_open(b->mem));
	b->buf = malloc(MANY * 512);
	assert_int_equal(
		disk_open_store(b->fault, "test", &args, &b->disk, &err), 0);
}

#define BIG_CFG \
	"zone_size_mb=128,conv_zones=2,capacity_mb=384,discard_write_cache"

static void big_start(struct big *b)
{
	big_start_as(b, BIG_CFG);
}

static void big_stop(struct big *b)
{
	disk_close(b->disk);
	store_mem_free(b->mem);
	free(b->buf);
}

static enum disk_status big_run(struct big *b, enum disk_op op, uint64_t lba,
				uint32_t nr)
{
	struct iovec iov = { b->buf, MANY * 512 };
	struct disk_io io = { .op = op, .lba = lba, .nr_blocks = nr };

	if (op == DISK_READ || op == DISK_WRITE) {
		io.iov = &iov;
		io.iov_cnt = 1;
	}
	return disk_run(b->disk, &io);
}

static void big_arm(struct big *b, enum store_op op, uint64_t fail_count)
{
	const struct store_fault_plan plan = { .fail_count = fail_count,
					       .error = EIO,
					       .only = 1u << op };

	store_fault_arm(b->fault, &plan);
}

/* More than can be kept is durable at once. */
static void a_whole_zone_is_unmapped(void **state)
{
	const struct disk_powerfail how = { 0 };
	struct zl_err err;
	struct big b;

	(void)state;
	big_start(&b);
	memset(b.buf, 'n', MANY * 512);
	for (uint64_t zone = 0; zone < 2; zone++)
		assert_int_equal(big_run(&b, DISK_WRITE, zone * BIG_ZONE, MANY),
				 DISK_OK);
	assert_int_equal(big_run(&b, DISK_SYNC, 0, 0), DISK_OK);
	/* What is kept is read first, in pieces of 4 KiB. */
	big_arm(&b, STORE_READ, 0);
	for (uint64_t zone = 0; zone < 2; zone++)
		assert_int_equal(
			big_run(&b, DISK_UNMAP, zone * BIG_ZONE, BIG_ZONE),
			DISK_OK);
	assert_in_range(store_fault_calls(b.fault), 0, (64 << 20) / 4096);
	assert_int_equal(disk_powerfail(b.disk, &how, &err), 0);
	assert_int_equal(big_run(&b, DISK_READ, BIG_ZONE, MANY), DISK_OK);
	assert_int_equal(b.buf[0], 0);
	big_stop(&b);
}

/* … or not done. */
static void a_whole_zone_cannot_be_made_durable(void **state)
{
	const struct store_fault_plan second = { .fail_at = 1,
						 .fail_count = 1,
						 .error = EIO,
						 .only = 1u << STORE_SYNC };
	struct big b;

	(void)state;
	big_start(&b);
	assert_int_equal(big_run(&b, DISK_WRITE, 0, MANY), DISK_OK);
	/* The first one is of what was written before. */
	store_fault_arm(b.fault, &second);
	assert_int_equal(big_run(&b, DISK_UNMAP, 0, BIG_ZONE),
			 DISK_WRITE_ERROR);
	assert_int_equal(store_fault_calls(b.fault), 2);
	big_stop(&b);
}

/* … nor what is overwritten in a sequential write preferred zone. */
static void an_overwriting_write_cannot_be_made_durable(void **state)
{
	const struct store_fault_plan second = { .fail_at = 1,
						 .fail_count = 1,
						 .error = EIO,
						 .only = 1u << STORE_SYNC };
	const uint64_t lba = 2 * BIG_ZONE;
	struct big b;

	(void)state;
	big_start_as(&b, BIG_CFG ",model=host-aware");
	assert_int_equal(big_run(&b, DISK_WRITE, lba, MANY), DISK_OK);
	assert_int_equal(big_run(&b, DISK_SYNC, 0, 0), DISK_OK);
	for (uint64_t fill = 0; fill + MANY < BIG_ZONE / 2; fill += MANY)
		assert_int_equal(big_run(&b, DISK_WRITE, fill, MANY), DISK_OK);
	store_fault_arm(b.fault, &second);
	assert_int_equal(big_run(&b, DISK_WRITE, lba, MANY), DISK_WRITE_ERROR);
	assert_int_equal(store_fault_calls(b.fault), 2);
	big_stop(&b);
}

/* Nor does it help that another zone is what fills the memory. */
static void another_zone_has_filled_the_cache(void **state)
{
	struct big b;

	(void)state;
	big_start(&b);
	for (uint64_t lba = 0; lba + MANY < BIG_ZONE / 2; lba += MANY)
		assert_int_equal(big_run(&b, DISK_WRITE, lba, MANY), DISK_OK);
	big_arm(&b, STORE_READ, 0);
	assert_int_equal(big_run(&b, DISK_WRITE, BIG_ZONE, MANY), DISK_OK);
	assert_int_equal(big_run(&b, DISK_WRITE, 2 * BIG_ZONE - MANY, MANY),
			 DISK_OK);
	assert_int_equal(store_fault_calls(b.fault), 0);
	big_stop(&b);
}

/* What cannot be read can be written again, and stays. */
static void a_bad_sector_is_overwritten(void **state)
{
	static const struct {
		enum disk_op op;
		uint64_t lba;
	} rows[] = { { DISK_WRITE, 0 },
		     { DISK_WRITE, 2 * BIG_ZONE },
		     { DISK_UNMAP, 0 } };
	const struct disk_powerfail how = { 0 };
	struct zl_err err;
	struct big b;

	(void)state;
	for (unsigned i = 0; i < ZL_ARRAY_SIZE(rows); i++) {
		big_start_as(&b, BIG_CFG ",model=host-aware");
		memset(b.buf, 'o', MANY * 512);
		assert_int_equal(big_run(&b, DISK_WRITE, rows[i].lba, 64),
				 DISK_OK);
		assert_int_equal(big_run(&b, DISK_SYNC, 0, 0), DISK_OK);
		/* This can be taken back no longer. */
		assert_int_equal(big_run(&b, DISK_WRITE, rows[i].lba + 56, 8),
				 DISK_OK);
		big_arm(&b, STORE_READ, UINT64_MAX);
		memset(b.buf, 'n', MANY * 512);
		assert_int_equal(big_run(&b, rows[i].op, rows[i].lba + 3, 8),
				 DISK_OK);
		assert_true(store_fault_hits(b.fault));
		big_arm(&b, STORE_READ, 0);
		assert_int_equal(disk_powerfail(b.disk, &how, &err), 0);
		assert_int_equal(big_run(&b, DISK_READ, rows[i].lba, 16),
				 DISK_OK);
		assert_int_equal(b.buf[3 * 512 - 1], 'o');
		assert_int_equal(b.buf[3 * 512],
				 rows[i].op == DISK_WRITE ? 'n' : 0);
		assert_int_equal(b.buf[11 * 512], 'o');
		big_stop(&b);
	}
}

/* … or is not written, where what there is cannot be made durable first. */
static void a_bad_sector_and_no_sync(void **state)
{
	struct big b;

	(void)state;
	big_start(&b);
	assert_int_equal(big_run(&b, DISK_WRITE, 0, 64), DISK_OK);
	store_fault_arm(b.fault,
			&(struct store_fault_plan){ .fail_count = UINT64_MAX,
						    .error = EIO,
						    .only = 1u << STORE_READ |
							    1u << STORE_SYNC });
	assert_int_equal(big_run(&b, DISK_WRITE, 128, 8), DISK_WRITE_ERROR);
	big_arm(&b, STORE_READ, 0);
	assert_int_equal(big_run(&b, DISK_READ, 0, 8), DISK_READ_ERROR);
	big_stop(&b);
}

/* What was acknowledged before is not known to be durable, ever. */
static void flushing_a_full_cache_fails(void **state)
{
	struct big b;
	uint64_t lba = 0, end;

	(void)state;
	big_start(&b);
	big_arm(&b, STORE_SYNC, 1);
	while (big_run(&b, DISK_WRITE, lba, MANY) == DISK_OK)
		lba += MANY;
	assert_in_range(lba, MANY, BIG_ZONE - 1);
	assert_int_equal(store_fault_hits(b.fault), 1);
	assert_int_not_equal(big_run(&b, DISK_SYNC, 0, 0), DISK_OK);
	assert_int_equal(big_run(&b, DISK_READ, 0, MANY), DISK_READ_ERROR);
	/* Until it is written again. */
	for (end = lba + MANY, lba = 0; lba < end; lba += MANY)
		assert_int_equal(big_run(&b, DISK_WRITE, lba, MANY), DISK_OK);
	assert_int_equal(big_run(&b, DISK_SYNC, 0, 0), DISK_OK);
	big_stop(&b);
}

/* … nor does a sync that is not even tried hide that. */
static void flushing_fails_and_then_cannot_be_tried(void **state)
{
	const struct store_fault_plan not_tried = { .fail_count = 1,
						    .error = EROFS,
						    .only = 1u << STORE_SYNC };
	struct big b;
	uint64_t lba = 0;

	(void)state;
	big_start(&b);
	big_arm(&b, STORE_SYNC, 1);
	while (big_run(&b, DISK_WRITE, lba, MANY) == DISK_OK)
		lba += MANY;
	assert_int_equal(store_fault_hits(b.fault), 1);
	/* The command that failed has found out what it lost. */
	assert_int_equal(big_run(&b, DISK_READ, 0, MANY), DISK_READ_ERROR);
	store_fault_arm(b.fault, &not_tried);
	assert_int_not_equal(big_run(&b, DISK_SYNC, 0, 0), DISK_OK);
	assert_int_not_equal(big_run(&b, DISK_SYNC, 0, 0), DISK_OK);
	assert_int_equal(big_run(&b, DISK_READ, 0, MANY), DISK_READ_ERROR);
	big_stop(&b);
}

/* Where files can have no second name. */
static void a_reset_that_cannot_be_taken_back(void **state)
{
	const struct store_fault_plan no_links = {
		.fail_count = UINT64_MAX,
		.error = EPERM,
		.only = UINT32_C(1) << 29, /* setting aside */
	};
	const struct disk_powerfail how = { 0 };
	struct disk_io reset = { .op = DISK_ZONE,
				 .zone_op = ZO_RESET,
				 .lba = 2 * BIG_ZONE };
	struct zone_info info;
	struct zl_err err;
	struct big b;

	(void)state;
	big_start(&b);
	memset(b.buf, 'n', MANY * 512);
	assert_int_equal(big_run(&b, DISK_WRITE, reset.lba, MANY), DISK_OK);
	assert_int_equal(big_run(&b, DISK_SYNC, 0, 0), DISK_OK);
	store_fault_arm(b.fault, &no_links);
	assert_int_equal(disk_run(b.disk, &reset), DISK_OK);
	assert_int_equal(store_fault_hits(b.fault), 1);
	assert_int_equal(big_run(&b, DISK_WRITE, reset.lba, 8), DISK_OK);
	assert_int_equal(disk_powerfail(b.disk, &how, &err), 0);
	disk_zone_at(b.disk, reset.lba, &info);
	assert_int_equal(info.cond, ZC_EMPTY);
	assert_int_equal(big_run(&b, DISK_READ, reset.lba, MANY), DISK_OK);
	assert_int_equal(b.buf[0], 0);
	big_stop(&b);
}

/* What a reset zone's file is called is not known to be durable. */
static void syncing_the_names_fails(void **state)
{
	const struct store_fault_plan names = {
		.fail_count = 1,
		.error = EIO,
		.only = UINT32_C(1) << 20, /* syncing the directory */
	};
	struct disk_io reset = { .op = DISK_ZONE,
				 .zone_op = ZO_RESET,
				 .lba = 2 * BIG_ZONE };
	struct big b;

	(void)state;
	big_start(&b);
	assert_int_equal(big_run(&b, DISK_WRITE, reset.lba, 8), DISK_OK);
	assert_int_equal(big_run(&b, DISK_SYNC, 0, 0), DISK_OK);
	assert_int_equal(disk_run(b.disk, &reset), DISK_OK);
	store_fault_arm(b.fault, &names);
	assert_int_equal(big_run(&b, DISK_SYNC, 0, 0), DISK_WRITE_ERROR);
	assert_int_equal(store_fault_hits(b.fault), 1);
	assert_int_equal(big_run(&b, DISK_SYNC, 0, 0), DISK_OK);
	assert_int_equal(store_fault_calls(b.fault), 2);
	big_stop(&b);
}

/* What a failed write left was synced with the rest, but was never written: it
 * is not where the way back ends. */
static void the_rest_of_a_failed_write(void **state)
{
	const struct store_fault_plan rest = { .fail_count = 2,
					       .error = EIO,
					       .partial_bytes = 4096,
					       .only = 1u << STORE_WRITE |
						       1u << STORE_CUT };
	const struct disk_powerfail how = { 0 };
	const uint64_t lba = 2 * BIG_ZONE;
	struct zone_info info;
	struct zl_err err;
	struct big b;

	(void)state;
	big_start(&b);
	assert_int_equal(big_run(&b, DISK_WRITE, lba, 8), DISK_OK);
	store_fault_arm(b.fault, &rest);
	assert_int_equal(big_run(&b, DISK_WRITE, lba + 8, 16),
			 DISK_WRITE_ERROR);
	assert_int_equal(big_run(&b, DISK_SYNC, 0, 0), DISK_OK);
	assert_int_equal(big_run(&b, DISK_WRITE, lba + 8, 16), DISK_OK);
	assert_int_equal(disk_powerfail(b.disk, &how, &err), 0);
	disk_zone_at(b.disk, lba, &info);
	assert_int_equal(info.wp_lba, lba + 8);
	big_stop(&b);
}

/* Somebody has made a file longer than its zone: as opening has it. */
static void a_file_is_too_long(void **state)
{
	const struct disk_powerfail how = { 0 };
	const uint64_t lba = 2 * BIG_ZONE;
	struct zone_info info;
	struct zl_err err;
	struct big b;

	(void)state;
	big_start(&b);
	assert_int_equal(store_resize(b.fault, 2, (BIG_ZONE + 8) * 512), 0);
	assert_int_equal(big_run(&b, DISK_WRITE, lba, 8), DISK_OK);
	assert_int_equal(disk_powerfail(b.disk, &how, &err), 0);
	disk_zone_at(b.disk, lba, &info);
	assert_int_equal(info.cond, ZC_READ_ONLY);
	assert_int_equal(big_run(&b, DISK_READ, lba, 8), DISK_OK);
	big_stop(&b);
}

/* What a power failure left is not known to be durable, ever: not in a
 * conventional zone, and not in another one. */
static void syncing_what_is_left_fails(void **state)
{
	const struct disk_powerfail how = { 0 };
	const uint64_t lba[] = { 0, 2 * BIG_ZONE };
	struct zl_err err;
	struct big b;

	(void)state;
	for (size_t i = 0; i < ZL_ARRAY_SIZE(lba); i++) {
		big_start(&b);
		assert_int_equal(big_run(&b, DISK_WRITE, lba[i], 8), DISK_OK);
		assert_int_equal(big_run(&b, DISK_SYNC, 0, 0), DISK_OK);
		assert_int_equal(big_run(&b, DISK_WRITE, lba[i] + 8, 8),
				 DISK_OK);
		big_arm(&b, STORE_SYNC, 1);
		assert_int_equal(disk_powerfail(b.disk, &how, &err), -EIO);
		assert_int_equal(store_fault_hits(b.fault), 1);
		/* All of the second one is gone: what is to be tried again is
		 * its size. */
		big_arm(&b, STORE_SYNC, i);
		assert_int_not_equal(big_run(&b, DISK_SYNC, 0, 0), DISK_OK);
		big_stop(&b);
	}
}

/* What is unreadable since its sync failed is gone with the failure. */
static void what_could_not_be_synced(void **state)
{
	const struct disk_powerfail how = { 0 };
	const uint64_t lba = 2 * BIG_ZONE;
	struct zl_err err;
	struct big b;

	(void)state;
	big_start(&b);
	assert_int_equal(big_run(&b, DISK_WRITE, lba, 8), DISK_OK);
	assert_int_equal(big_run(&b, DISK_SYNC, 0, 0), DISK_OK);
	assert_int_equal(big_run(&b, DISK_WRITE, lba + 8, 8), DISK_OK);
	big_arm(&b, STORE_SYNC, 1);
	assert_int_not_equal(big_run(&b, DISK_SYNC, 0, 0), DISK_OK);
	assert_int_equal(big_run(&b, DISK_READ, lba, 16), DISK_READ_ERROR);
	assert_int_equal(disk_powerfail(b.disk, &how, &err), 0);
	assert_int_equal(big_run(&b, DISK_READ, lba, 16), DISK_OK);
	assert_int_equal(big_run(&b, DISK_SYNC, 0, 0), DISK_OK);
	big_stop(&b);
}

/* Then it is there, and is made durable as it is. */
static void what_cannot_be_taken_back(void **state)
{
	const struct store_fault_plan stuck = { .fail_count = 1,
						.error = EIO,
						.only = 1u << STORE_CUT |
							1u << STORE_SYNC };
	const struct disk_powerfail how = { 0 };
	struct zone_info info;
	struct zl_err err;
	struct big b;

	(void)state;
	big_start(&b);
	assert_int_equal(big_run(&b, DISK_WRITE, 2 * BIG_ZONE, 8), DISK_OK);
	store_fault_arm(b.fault, &stuck);
	assert_int_equal(disk_powerfail(b.disk, &how, &err), -EIO);
	assert_int_equal(store_fault_calls(b.fault), 2);
	disk_zone_at(b.disk, 2 * BIG_ZONE, &info);
	assert_int_equal(info.wp_lba, info.start_lba + 8);
	big_stop(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_zone_is_unmapped),
		cmocka_unit_test(a_whole_zone_cannot_be_made_durable),
		cmocka_unit_test(an_overwriting_write_cannot_be_made_durable),
		cmocka_unit_test(another_zone_has_filled_the_cache),
		cmocka_unit_test(a_bad_sector_is_overwritten),
		cmocka_unit_test(a_bad_sector_and_no_sync),
		cmocka_unit_test(flushing_a_full_cache_fails),
		cmocka_unit_test(flushing_fails_and_then_cannot_be_tried),
		cmocka_unit_test(a_reset_that_cannot_be_taken_back),
		cmocka_unit_test(syncing_the_names_fails),
		cmocka_unit_test(the_rest_of_a_failed_write),
		cmocka_unit_test(a_file_is_too_long),
		cmocka_unit_test(syncing_what_is_left_fails),
		cmocka_unit_test(what_could_not_be_synced),
		cmocka_unit_test(what_cannot_be_taken_back),
	};

	return cmocka_run_group_tests_name("crash/powerfail_trouble", tests,
					   NULL, NULL);
}
