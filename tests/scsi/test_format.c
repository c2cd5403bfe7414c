// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* FORMAT UNIT and SANITIZE. */
#include <sched.h>
#include <unistd.h>

#include "disk/internal.h"
#include "disk/io/io.h"
#include "disk/io/turn.h"
#include "rig.h"

#define OPTS   "capacity_mb=8,zone_size_mb=1,conv_zones=2,max_open_zones=2"
#define SEQ(n) ((2 + (uint64_t)(n)) * MIB_BLOCKS)

RIG_EACH(OPTS)

/* Data in both kinds of zones, one FULL, one explicitly opened. */
static void fill(void)
{
	rig_write(&rig, 0, 64);
	rig_write(&rig, SEQ(0), 300);
	rig_write(&rig, SEQ(1), 1);
	rig_zone(&rig, 2, SEQ(1));
	rig_zone(&rig, 3, SEQ(2));
	check_good(&rig);
}

static void check_bytes(uint64_t lba, uint32_t nr, uint8_t byte)
{
	uint8_t *want = malloc(nr * 512);

	memset(want, byte, nr * 512);
	rig_rw(&rig, 0x88, lba, nr, NULL, nr * 512);
	check_data(&rig, want, nr * 512);
	free(want);
}

static void check_all_empty(void)
{
	for (unsigned i = 0; i < 6; i++)
		check_zone(&rig, SEQ(i), ZC_EMPTY, SEQ(i));
}

/* By FINISH ZONE with ALL, after fill(). */
static void check_finished(void)
{
	for (unsigned i = 0; i < 3; i++)
		check_zone(&rig, SEQ(i), ZC_FULL, SEQ(i + 1));
	check_zone(&rig, SEQ(3), ZC_EMPTY, SEQ(3));
}

static void format(void **state)
{
	uint8_t list[8] = { 0 };

	(void)state;
	fill();
	CMD(&rig, NULL, 0, 0x04);
	check_good(&rig);
	check_all_empty();
	check_bytes(0, 64, 0);
	check_bytes(SEQ(0), 64, 0);
	/* with a list, short and long; IMMED */
	fill();
	CMD(&rig, list, 4, 0x04, 0x10);
	check_good(&rig);
	check_all_empty();
	fill();
	list[1] = 0x82;
	CMD(&rig, list, 8, 0x04, 0x38);
	check_good(&rig);
	check_all_empty();
	/* without one LONGLIST and CMPLST are ignored */
	fill();
	CMD(&rig, NULL, 0, 0x04, 0x28);
	check_good(&rig);
	check_all_empty();
	CMD(&rig, NULL, 0, 0x00);
	check_good(&rig);
}

static void format_refused(void **state)
{
	uint8_t list[8] = { 0 };

	(void)state;
	fill();
	CMD(&rig, NULL, 0, 0x04, 0x11);
	check_bad_cdb(&rig, 1, 0);
	CMD(&rig, list, 3, 0x04, 0x10);
	check_sense(&rig, 0x51a00);
	CMD(&rig, list, 7, 0x04, 0x30);
	check_sense(&rig, 0x51a00);
	list[1] = 0x88; /* IP */
	CMD(&rig, list, 4, 0x04, 0x10);
	check_bad_param(&rig, 1, 3);
	list[1] = 0x20; /* DCRT without FOV */
	CMD(&rig, list, 4, 0x04, 0x10);
	check_bad_param(&rig, 1, 5);
	list[1] = 0;
	list[3] = 4; /* a defect list */
	CMD(&rig, list, 4, 0x04, 0x10);
	check_bad_param(&rig, 2, -1);
	CMD(&rig, list, 8, 0x04, 0x30); /* reserved, where the list is long */
	check_bad_param(&rig, 3, -1);
	list[3] = 0;
	for (unsigned i = 4; i < 8; i++) {
		list[i] = 8;
		CMD(&rig, list, 8, 0x04, 0x30);
		check_bad_param(&rig, 4, -1);
		list[i] = 0;
	}
	check_zone(&rig, SEQ(0), ZC_IMP_OPEN, SEQ(0) + 300);
}

static void sanitize_erase(void **state)
{
	(void)state;
	fill();
	CMD(&rig, NULL, 0, 0x48, 0x02);
	check_good(&rig);
	check_all_empty();
	check_bytes(0, 64, 0);
	/* ZNR: FINISH ZONE, all */
	fill();
	CMD(&rig, NULL, 0, 0x48, 0x42);
	check_good(&rig);
	check_bytes(0, 64, 0);
	check_bytes(SEQ(0), 301, 0);
	check_finished();
	CMD(&rig, NULL, 4, 0x48, 0x02, [8] = 4);
	check_bad_cdb(&rig, 7, -1);
	CMD(&rig, NULL, 0, 0x48, 0x03); /* cryptographic erase */
	check_bad_cdb(&rig, 1, 4);
}

static void sanitize_overwrite(void **state)
{
	uint8_t list[6] = { 0x01, 0, 0, 2, 0x5a, 0x5a };

	(void)state;
	fill();
	CMD(&rig, list, 6, 0x48, 0x41, [8] = 6);
	check_good(&rig);
	check_bytes(0, 64, 0x5a);
	check_bytes(2 * MIB_BLOCKS - 8, 8, 0x5a);
	/* what FINISH ZONE has filled as well */
	check_bytes(SEQ(0), MIB_BLOCKS, 0x5a);
	check_bytes(SEQ(1), 64, 0x5a);
	check_bytes(SEQ(2), 64, 0x5a);
	check_finished();
	/* two passes, inverted in between; IMMED; write pointers reset */
	list[0] = 0x82;
	list[4] = list[5] = 0xc3;
	CMD(&rig, list, 6, 0x48, 0x81, [8] = 6);
	check_good(&rig);
	check_bytes(0, 64, 0xc3);
	check_all_empty();
	/* lengths, TEST, OVERWRITE COUNT */
	CMD(&rig, list, 5, 0x48, 0x01, [8] = 6);
	check_bad_cdb(&rig, 7, -1);
	CMD(&rig, list, 4, 0x48, 0x01, [8] = 4);
	check_bad_cdb(&rig, 7, -1);
	CMD(&rig, list, 5, 0x48, 0x01, [8] = 5);
	check_bad_param(&rig, 2, -1);
	list[0] = 0x21;
	CMD(&rig, list, 6, 0x48, 0x01, [8] = 6);
	check_bad_param(&rig, 0, 5);
	list[0] = 0;
	CMD(&rig, list, 6, 0x48, 0x01, [8] = 6);
	check_bad_param(&rig, 0, 4);
}

/* What other commands are told meanwhile. */
static void progress(void **state)
{
	static const uint8_t want[18] = {
		0x70, 0, 2, 0, 0,    0, 0,    10,   0,
		0,    0, 0, 4, 0x04, 0, 0x80, 0x80, 0
	};
	uint8_t sanitizing[18];

	(void)state;
	rig.unit->job.kind = JOB_FORMAT;
	rig.unit->job.lba = rig.unit->capacity_blocks / 2;
	memcpy(sanitizing, want, sizeof(want));
	be16_put(sanitizing + 16, 65536 / 2);
	CMD(&rig, NULL, 18, 0x03, 0, 0, 0, 18);
	check_data(&rig, sanitizing, 18);
	CMD(&rig, NULL, 0, 0x00);
	assert_int_equal(rig.cmd.status, SCSI_CHECK_CONDITION);
	assert_memory_equal(rig.cmd.sense, sanitizing, 18);
	rig_rw(&rig, 0x88, 0, 1, NULL, 512);
	assert_memory_equal(rig.cmd.sense, sanitizing, 18);
	CMD(&rig, NULL, 0, 0x04);
	assert_memory_equal(rig.cmd.sense, sanitizing, 18);
	CMD(&rig, NULL, 96, 0x12, [4] = 96);
	check_good(&rig);
	rig.unit->job.kind = JOB_SANITIZE;
	rig.unit->job.lba = rig.unit->capacity_blocks;
	be16_put(sanitizing + 16, 65535);
	sanitizing[13] = 0x1b;
	CMD(&rig, NULL, 18, 0x03, 0, 0, 0, 18);
	check_data(&rig, sanitizing, 18);
	rig.unit->job.kind = JOB_NONE;
	CMD(&rig, NULL, 0, 0x00);
	check_good(&rig);
}

/* From now on no zone can be reset, or (false) all can again. */
static void resets_fail(bool fail)
{
	struct store_fault_plan plan = { .fail_at = fail ? 0 : UINT64_MAX,
					 .fail_count = UINT64_MAX,
					 .error = EIO,
					 .only = 1u << STORE_RESET };

	store_fault_arm(rig.fault, &plan);
}

static void failures(void **state)
{
	uint8_t list[5] = { 0x01, 0, 0, 1, 0x5a };

	(void)state;
	fill();
	resets_fail(true);
	CMD(&rig, NULL, 0, 0x04);
	check_sense(&rig, 0x33101);
	/* no way out without AUSE but another one */
	CMD(&rig, NULL, 0, 0x48, 0x02);
	check_sense(&rig, 0x33103);
	rig_rw(&rig, 0x88, 0, 1, NULL, 512);
	check_sense(&rig, 0x33103);
	CMD(&rig, NULL, 18, 0x03, 0, 0, 0, 18);
	check_good(&rig);
	assert_int_equal(be16_get(rig.data + 12), 0x3103);
	CMD(&rig, NULL, 0, 0x48, 0x1f);
	check_bad_cdb(&rig, 1, 4);
	/* … which must not have AUSE either */
	CMD(&rig, NULL, 0, 0x48, 0x22);
	check_bad_cdb(&rig, 1, 5);
	CMD(&rig, list, 5, 0x48, 0x21, [8] = 5);
	check_bad_cdb(&rig, 1, 5);
	resets_fail(false);
	CMD(&rig, NULL, 0, 0x48, 0x02);
	check_good(&rig);
	check_all_empty();
}

/* With AUSE, and what can be written is not sanitized. */
static void fail_with_ause(uint8_t byte_1)
{
	fill();
	check_good(&rig);
	resets_fail(true);
	CMD(&rig, NULL, 0, 0x48, 0x22 | byte_1);
	check_sense(&rig, 0x33103);
	CMD(&rig, NULL, 0, 0x48, 0x22);
	check_sense(&rig, 0x33103);
	resets_fail(false);
}

/* What was not sanitized cannot be read, unless ZNR has the write pointers
 * stay. */
static void exit_failure_mode(void **state)
{
	(void)state;
	fail_with_ause(0);
	CMD(&rig, NULL, 0, 0x48, 0x1f);
	check_good(&rig);
	check_all_empty();
	check_bytes(SEQ(0), 300, 0);
	fail_with_ause(0);
	CMD(&rig, NULL, 0, 0x48, 0x9f); /* IMMED */
	check_good(&rig);
	check_all_empty();
	fail_with_ause(0);
	CMD(&rig, NULL, 0, 0x48, 0x5f);
	check_good(&rig);
	check_zone(&rig, SEQ(0), ZC_IMP_OPEN, SEQ(0) + 300);
	check_zone(&rig, SEQ(1), ZC_FULL, SEQ(2));
	check_zone(&rig, SEQ(2), ZC_EXP_OPEN, SEQ(2));
	/* none has failed: there is nothing to be done */
	CMD(&rig, NULL, 0, 0x48, 0x1f);
	check_good(&rig);
	check_zone(&rig, SEQ(1), ZC_FULL, SEQ(2));
}

/* Then it has failed as the SANITIZE had. */
static void exit_fails(void **state)
{
	(void)state;
	fail_with_ause(0);
	resets_fail(true);
	CMD(&rig, NULL, 0, 0x48, 0x1f);
	check_sense(&rig, 0x33103);
	rig_rw(&rig, 0x88, SEQ(0), 1, NULL, 512);
	check_sense(&rig, 0x33103);
	resets_fail(false);
	CMD(&rig, NULL, 0, 0x48, 0x1f);
	check_good(&rig);
	check_all_empty();
}

/* What could not be made durable by SANITIZE is unreadable, and that is not for
 * EXIT FAILURE MODE to mend. */
static void exit_beside_bad_blocks(void **state)
{
	struct store_fault_plan plan = { .fail_count = 1,
					 .error = EIO,
					 .only = 1u << STORE_SYNC };

	(void)state;
	for (unsigned znr = 0; znr < 2; znr++) {
		fill();
		store_fault_arm(rig.fault, &plan);
		CMD(&rig, NULL, 0, 0x48, 0x22);
		check_sense(&rig, 0x33103);
		assert_int_equal(store_fault_hits(rig.fault), 1);
		CMD(&rig, NULL, 0, 0x48, 0x1f | znr << 6);
		check_good(&rig);
		check_all_empty();
		rig_rw(&rig, 0x88, 0, 1, NULL, 512);
		assert_int_equal(be16_get(rig.cmd.sense + 12), 0x1100);
		rig_write(&rig, 0, 512);
		check_good(&rig);
		CMD(&rig, NULL, 0, 0x48, 0x22);
		check_good(&rig);
	}
}

/* SBC-4 4.11.2; the CDBs that are not allowed differ from those in what makes
 * the difference. */
static const struct {
	uint8_t cdb[16];
	bool allowed;
} sanitizing[] = {
	{ { 0x03, [4] = 64 }, true },
	{ { 0x12, [4] = 64 }, true },
	{ { 0x1a, 0, 0x1c, 0, 64 }, true },
	{ { 0x1a, 0, 0x08, 0, 64 }, true },
	{ { 0x1a, 0, 0x8a, 0, 64 }, true },
	{ { 0x5a, 0, 0x0a, [8] = 64 }, true },
	{ { 0x25 }, true },
	{ { 0x4d, 0, 0x4d, [8] = 64 }, true },
	{ { 0x95, 0, [13] = 64, 0xbf }, true },
	{ { 0x9e, 0x10, [13] = 32 }, true },
	{ { 0xa0, [9] = 64 }, true },
	{ { 0xa3, 0x0c, [9] = 64 }, true },
	{ { 0xa3, 0x0d, [9] = 64 }, true },
	{ { 0x00 }, false },
	{ { 0x1a, 0, 0x01, 0, 64 }, false },
	{ { 0x1a, 0, 0x1c, 1, 64 }, false },
	{ { 0x1a, 0, 0x3f, 0, 64 }, false },
	{ { 0x5a, 0, 0x07, [8] = 64 }, false },
	{ { 0x15, 0x10, 0, 0, 0 }, false },
	{ { 0x1b, 0, 0, 0, 1 }, false },
	{ { 0x1c, 0x01, [4] = 64 }, false },
	{ { 0x4c, 0, 0x40 }, false },
	{ { 0x4d, 0, 0x40, [8] = 64 }, false },
	{ { 0x4d, 0, 0x4e, [8] = 64 }, false },
	{ { 0x88, [13] = 1 }, false },
	{ { 0x94, 0x04, [14] = 1 }, false },
	{ { 0x95, 0, [8] = 8, [13] = 64, 0xbf }, false },
	{ { 0x95, 0, [13] = 65, 0xbf }, false },
	{ { 0x95, 0, [13] = 64, 0x3f }, false },
	{ { 0x95, 0, [13] = 64, 0x80 }, false },
	{ { 0x9e, 0x12, [13] = 64 }, false },
	{ { 0xa3, 0x05, [9] = 64 }, false },
	{ { 0xab, 0x01, [9] = 64 }, false },
};

static void check_sanitizing(uint16_t asc)
{
	for (unsigned i = 0; i < ZL_ARRAY_SIZE(sanitizing); i++) {
		rig_cmd(&rig, sanitizing[i].cdb, 16, NULL, 64);
		if (sanitizing[i].allowed) {
			check_good(&rig);
			continue;
		}
		assert_int_equal(rig.cmd.status, SCSI_CHECK_CONDITION);
		assert_int_equal(be16_get(rig.cmd.sense + 12), asc);
	}
}

static void commands_during_sanitize(void **state)
{
	(void)state;
	rig.unit->job.kind = JOB_SANITIZE;
	check_sanitizing(0x041b);
	CMD(&rig, NULL, 0, 0x48, 0x02);
	assert_int_equal(be16_get(rig.cmd.sense + 12), 0x041b);
	rig.unit->job.kind = JOB_NONE;
	rig.unit->sanitize_failed = true;
	check_sanitizing(0x3103);
	CMD(&rig, NULL, 0, 0x48, 0x02);
	check_good(&rig);
}

static void format_later(uint8_t response_code)
{
	struct store_fault_plan plan = { .fail_count = 1,
					 .error = EIO,
					 .only = 1u << STORE_RESET };
	static const uint8_t immed[4] = { 0, 0x02 };

	fill();
	store_fault_arm(rig.fault, &plan);
	CMD(&rig, immed, 4, 0x04, 0x10);
	check_good(&rig);
	CMD(&rig, NULL, 96, 0x12, [4] = 96);
	check_good(&rig);
	CMD(&rig, NULL, 0, 0x00);
	assert_int_equal(rig.cmd.status, SCSI_CHECK_CONDITION);
	assert_int_equal(rig.cmd.sense[0], response_code);
}

/* GOOD has been said by then: a deferred error (SPC-5 4.4). */
static void format_fails_later(void **state)
{
	static const uint8_t fixed[18] = {
		0x71, 0, 3, [7] = 10, [12] = 0x31, 0x01
	};
	static const uint8_t d_sense[16] = {
		[4] = 0x0a, 10, 4, 0x10, [15] = 1
	};

	(void)state;
	format_later(0x71);
	assert_memory_equal(rig.cmd.sense, fixed, sizeof(fixed));
	CMD(&rig, NULL, 0, 0x00);
	check_good(&rig);
	CMD(&rig, d_sense, 16, 0x15, 0x10, 0, 0, 16);
	check_good(&rig);
	format_later(0x73);
	assert_int_equal(be16_get(rig.cmd.sense + 2), 0x3101);
	/* REQUEST SENSE has it as data */
	rig.unit->format_failed = true;
	CMD(&rig, NULL, 18, 0x03, 0, 0, 0, 18);
	check_data(&rig, fixed, sizeof(fixed));
	CMD(&rig, NULL, 0, 0x04);
	check_good(&rig);
	check_all_empty();
}

static void reopen(void)
{
	rig_damage(&rig, UINT32_MAX, UINT32_MAX);
}

/* A SANITIZE that has failed is not forgotten when the disk is closed. */
static void failure_stays(void **state)
{
	static const uint8_t wce_off[24] = { [4] = 0x08, 18 };

	(void)state;
	fill();
	CMD(&rig, wce_off, 24, 0x15, 0x11, 0, 0, 24);
	check_good(&rig);
	resets_fail(true);
	CMD(&rig, NULL, 0, 0x48, 0x02);
	check_sense(&rig, 0x33103);
	reopen();
	rig_rw(&rig, 0x88, 0, 1, NULL, 512);
	check_sense(&rig, 0x33103);
	CMD(&rig, NULL, 0, 0x48, 0x1f);
	check_bad_cdb(&rig, 1, 4);
	/* one that succeeds ends it; parameters are saved beside it */
	CMD(&rig, NULL, 0, 0x48, 0x02);
	check_good(&rig);
	reopen();
	check_all_empty();
	assert_false(rig.unit->wce);
	fill();
	resets_fail(true);
	CMD(&rig, NULL, 0, 0x48, 0x22); /* AUSE */
	check_sense(&rig, 0x33103);
	reopen();
	CMD(&rig, NULL, 0, 0x48, 0x1f);
	check_good(&rig);
	reopen();
	rig_rw(&rig, 0x88, 0, 1, NULL, 512);
	check_good(&rig);
	check_all_empty();
	assert_false(rig.unit->wce);
}

/* Nor one that the end of the daemon interrupted. */
static void interrupted(void **state)
{
	struct disk_io io = { .op = DISK_SAVE,
			      .lba = SAVED_FAILED | SAVED_AUSE,
			      .save_mask = SAVED_SANITIZE };

	(void)state;
	fill();
	assert_int_equal(disk_run(rig.disk, &io), DISK_OK);
	reopen();
	rig_rw(&rig, 0x88, 0, 1, NULL, 512);
	check_sense(&rig, 0x33103);
	CMD(&rig, NULL, 0, 0x48, 0x5f);
	check_good(&rig);
	check_zone(&rig, SEQ(0), ZC_CLOSED, SEQ(0) + 300);
}

/* GOOD for a command with IMMED says that the job cannot be forgotten. */
static void immed_marks(void **state)
{
	struct store_fault_plan plan = { .fail_count = UINT64_MAX,
					 .error = EIO };
	static const uint8_t immed[4] = { 0, 0x02 };

	(void)state;
	fill();
	store_fault_arm(rig.fault, &plan);
	CMD(&rig, NULL, 0, 0x48, 0x82); /* block erase */
	check_sense(&rig, 0x33103);
	rig.unit->sanitize_failed = false;
	CMD(&rig, immed, 4, 0x04, 0x10);
	check_sense(&rig, 0x33101);
	check_zone(&rig, SEQ(0), ZC_IMP_OPEN, SEQ(0) + 300);
}

static void check_deferred(void)
{
	CMD(&rig, NULL, 0, 0x00);
	assert_int_equal(rig.cmd.status, SCSI_CHECK_CONDITION);
	assert_int_equal(rig.cmd.sense[0], 0x71);
	CMD(&rig, NULL, 0, 0x00);
	check_good(&rig);
}

/* What a FORMAT UNIT with IMMED has not done is told after each opening, until
 * there is one that succeeds. */
static void format_interrupted(void **state)
{
	struct disk_io io = { .op = DISK_SAVE,
			      .lba = SAVED_FORMAT,
			      .save_mask = SAVED_FORMAT };
	static const uint8_t immed[4] = { 0, 0x02 };

	(void)state;
	fill();
	assert_int_equal(disk_run(rig.disk, &io), DISK_OK);
	rig_die(&rig);
	check_deferred();
	check_zone(&rig, SEQ(0), ZC_CLOSED, SEQ(0) + 300);
	reopen();
	check_deferred();
	CMD(&rig, NULL, 0, 0x04);
	check_good(&rig);
	rig_die(&rig);
	check_all_empty();
	format_later(0x71);
	rig_die(&rig);
	check_deferred();
	CMD(&rig, immed, 4, 0x04, 0x10);
	check_good(&rig);
	rig_die(&rig);
	check_all_empty();
}

static void *free_unit(void *arg)
{
	scsi_unit_free(arg);
	return NULL;
}

/* Nor one that may have hours to go when the device is removed. */
static void removed(void **state)
{
	uint8_t list[5] = { 0x01, 0, 0, 1, 0x5a };
	struct disk *d = rig.disk;
	struct slot_turn turn;
	pthread_t thread;

	(void)state;
	fill();
	/* The first sequential zone is busy, until the unit is being freed. */
	pthread_mutex_lock(&d->lock);
	assert_true(turn_take(d, 2, &turn));
	pthread_mutex_unlock(&d->lock);
	CMD(&rig, list, 5, 0x48, 0x81 | 0x20, [8] = 5); /* IMMED, AUSE */
	check_good(&rig);
	assert_int_equal(pthread_create(&thread, NULL, free_unit, rig.unit), 0);
	while (!rig.unit->job.give_up)
		sched_yield();
	turn_leave(d, 2);
	pthread_join(thread, NULL);
	assert_int_equal(scsi_unit_new(d, NULL, &rig.unit), 0);
	CMD(&rig, NULL, 0, 0x00);
	check_sense(&rig, 0x33103);
	CMD(&rig, NULL, 0, 0x48, 0x5f);
	check_good(&rig);
	check_zone(&rig, SEQ(0), ZC_EMPTY, SEQ(0));
	check_zone(&rig, SEQ(1), ZC_FULL, SEQ(2));
}

/* Nor does an injected delay hold a FORMAT UNIT up then. */
static void removed_with_a_delay(void **state)
{
	struct inject_fault f = { .kind = INJECT_DELAY,
				  .nr_blocks = UINT64_MAX,
				  .count = INJECT_ALWAYS,
				  .delay_ms = 600000 };
	const uint8_t list[4] = { 0, 0x02 }; /* IMMED */
	struct zl_err err;
	uint32_t id;

	(void)state;
	fill();
	assert_int_equal(disk_fault_add(rig.disk, &f, &id, &err), 0);
	CMD(&rig, list, 4, 0x04, 0x10);
	check_good(&rig);
	alarm(60);
	scsi_unit_free(rig.unit);
	alarm(0);
	assert_int_equal(scsi_unit_new(rig.disk, NULL, &rig.unit), 0);
	check_all_empty();
}

/* Zones that cannot be written are left alone. */
static void damaged_zones(void **state)
{
	(void)state;
	fill();
	rig_damage(&rig, 7, 3);
	CMD(&rig, NULL, 0, 0x48, 0x02);
	check_good(&rig);
	check_zone(&rig, SEQ(5), ZC_OFFLINE, UINT64_MAX);
	check_zone(&rig, SEQ(1), ZC_READ_ONLY, UINT64_MAX);
	check_zone(&rig, SEQ(0), ZC_EMPTY, SEQ(0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(format),
		T(format_refused),
		T(sanitize_erase),
		T(sanitize_overwrite),
		T(progress),
		T(failures),
		T(exit_failure_mode),
		T(exit_fails),
		T(exit_beside_bad_blocks),
		T(commands_during_sanitize),
		T(format_fails_later),
		T(failure_stays),
		T(interrupted),
		T(immed_marks),
		T(format_interrupted),
		T(removed),
		T(removed_with_a_delay),
		T(damaged_zones),
	};

	return cmocka_run_group_tests_name("format", tests, NULL, NULL);
}
