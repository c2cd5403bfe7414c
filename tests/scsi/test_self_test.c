// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* SEND DIAGNOSTIC's self-tests, and what log page 10h keeps of them. */
#include <sched.h>
#include <unistd.h>

#include "disk/activity.h"
#include "disk/internal.h"
#include "disk/io/meter.h"
#include "rig.h"

#define OPTS   "capacity_mb=8,zone_size_mb=1,conv_zones=2,max_open_zones=2"
#define SEQ(n) ((2 + (uint64_t)(n)) * MIB_BLOCKS)

#define SHORT_BLOCKS 128u /* of a zone in a short test */

RIG_EACH(OPTS)

/* Byte 1 of SEND DIAGNOSTIC. */
enum {
	DEFAULT = 0x04,
	BG_SHORT = 0x20,
	BG_EXTENDED = 0x40,
	ABORT = 0x80,
	FG_SHORT = 0xa0,
	FG_EXTENDED = 0xc0,
};

static void send(uint8_t byte_1)
{
	CMD(&rig, NULL, 0, 0x1d, byte_1);
}

/* Entry @nr (from 1, the newest) of log page 10h. */
static void entry(unsigned nr, uint8_t value[16])
{
	CMD(&rig, NULL, 512, 0x4d, 0, 0x50, [7] = 2);
	check_good(&rig);
	assert_int_equal(rig.cmd.data_in_bytes, 404);
	memcpy(value, rig.data + 4 + 20 * (nr - 1) + 4, 16);
}

static void check_entry(unsigned nr, uint8_t byte_4, uint64_t lba)
{
	uint8_t want[16] = { byte_4 }, is[16];

	be64_put(want + 4, lba);
	if (lba != UINT64_MAX) {
		want[12] = 0x03;
		want[13] = 0x11;
	}
	entry(nr, is);
	assert_memory_equal(is, want, sizeof(want));
}

static void check_unused(unsigned nr)
{
	static const uint8_t zeros[16];
	uint8_t is[16];

	entry(nr, is);
	assert_memory_equal(is, zeros, sizeof(zeros));
}

static uint64_t verified(void)
{
	CMD(&rig, NULL, 512, 0x4d, 0, 0x45, [6] = 5, 2);
	check_good(&rig);
	return be64_get(rig.data + 8);
}

/* All of what is written, or the beginning of each zone; gaps and empty zones
 * have nothing to be read. */
static void what_is_read(void **state)
{
	uint64_t before;

	(void)state;
	rig_write(&rig, SEQ(0), 300);
	rig_write(&rig, SEQ(2), 5);
	rig_zone(&rig, ZO_FINISH, SEQ(3));
	check_good(&rig);
	before = verified();
	send(FG_SHORT);
	check_good(&rig);
	assert_true(rig.ran);
	/* two conventional zones, SEQ(0), SEQ(2), SEQ(3) */
	assert_int_equal(verified() - before, (4 * SHORT_BLOCKS + 5) * 512);
	before = verified();
	send(FG_EXTENDED);
	check_good(&rig);
	assert_int_equal(verified() - before, (3 * MIB_BLOCKS + 300 + 5) * 512);
	before = verified();
	send(DEFAULT);
	check_good(&rig);
	assert_int_equal(verified() - before, (4 * SHORT_BLOCKS + 5) * 512);
	check_entry(1, 6 << 5, UINT64_MAX);
	check_entry(2, 5 << 5, UINT64_MAX);
	check_unused(3); /* the default one is in no log */
}

/* Of a disk with very many zones, some. */
static void many_zones(void **state)
{
	(void)state;
	rig_stop(&rig);
	rig_start(&rig, "capacity_mb=1024,zone_size_mb=1,conv_zones=1023");
	send(FG_SHORT);
	check_good(&rig);
	assert_in_range(verified(), 256 * SHORT_BLOCKS * 512,
			400 * SHORT_BLOCKS * 512);
}

static void twenty_entries(void **state)
{
	(void)state;
	check_unused(1);
	for (unsigned i = 0; i < 20; i++)
		send(BG_SHORT);
	check_good(&rig);
	check_entry(20, 1 << 5, UINT64_MAX);
	send(BG_EXTENDED);
	check_entry(1, 2 << 5, UINT64_MAX);
	check_entry(2, 1 << 5, UINT64_MAX);
	check_entry(20, 1 << 5, UINT64_MAX);
}

static void fields(void **state)
{
	(void)state;
	send(0x24); /* SELFTEST with a code */
	check_bad_cdb(&rig, 1, 7);
	send(0x60); /* reserved codes */
	check_bad_cdb(&rig, 1, 7);
	send(0xe0);
	check_bad_cdb(&rig, 1, 7);
	send(ABORT); /* of nothing */
	check_bad_cdb(&rig, 1, 7);
	CMD(&rig, NULL, 4, 0x1d, BG_SHORT, 0, 0, 4);
	check_bad_cdb(&rig, 3, -1);
	CMD(&rig, NULL, 4, 0x1d, DEFAULT, 0, 0, 4);
	check_bad_cdb(&rig, 3, -1);
	check_unused(1);
	send(DEFAULT | 0x03); /* DEVOFFL, UNITOFFL */
	check_good(&rig);
}

static void add_fault(enum inject_kind kind, uint64_t lba, uint32_t delay_ms)
{
	struct inject_fault f = { .kind = kind,
				  .lba = lba,
				  .nr_blocks = 1,
				  .count = INJECT_ALWAYS,
				  .delay_ms = delay_ms };
	struct zl_err err;
	uint32_t id;

	assert_int_equal(disk_fault_add(rig.disk, &f, &id, &err), 0);
}

/* The first block that cannot be read; nothing behind it is. */
static void unreadable(void **state)
{
	(void)state;
	rig_write(&rig, SEQ(1), 8);
	rig_write(&rig, SEQ(3), 8);
	add_fault(INJECT_READ_ERROR, SEQ(1) + 3, 0);
	send(FG_SHORT);
	check_sense(&rig, 0x43e03);
	check_entry(1, 5 << 5 | 4, SEQ(1) + 3);
	send(DEFAULT);
	check_sense(&rig, 0x43e03);
	send(BG_EXTENDED);
	check_good(&rig);
	check_entry(1, 2 << 5 | 4, SEQ(1) + 3);
	check_entry(2, 5 << 5 | 4, SEQ(1) + 3);
	/* all else goes on */
	rig_rw(&rig, 0x88, SEQ(1), 1, NULL, 512);
	check_good(&rig);
}

static uint64_t refused(void)
{
	struct disk_activity a;

	disk_get_activity(rig.disk, &a);
	return a.failed[0];
}

/* What is OFFLINE is no news, and is not tried; what is READ ONLY can be read.
 */
static void damaged_zones(void **state)
{
	(void)state;
	rig_write(&rig, SEQ(1), 8);
	rig_damage(&rig, 3, 2);
	send(FG_EXTENDED);
	check_good(&rig);
	assert_int_equal(refused(), 0);
	rig_stop(&rig);
	rig_start(&rig, OPTS ",urswrz=0");
	rig_damage(&rig, 3, 2);
	send(FG_EXTENDED);
	check_good(&rig);
}

/* Out of descriptors or memory: neither well nor ill. */
static void not_completed(void **state)
{
	struct store_fault_plan plan = { .fail_count = UINT64_MAX,
					 .error = EMFILE,
					 .only = 1u << STORE_READ };

	(void)state;
	store_fault_arm(rig.fault, &plan);
	send(FG_SHORT);
	check_sense(&rig, 0xb5500);
	check_entry(1, 5 << 5 | 3, UINT64_MAX);
}

/* A test in the background that stands still at @lba, until let_go(). */
static void slow_at(uint64_t lba)
{
	rig_write(&rig, SEQ(5), 1);
	add_fault(INJECT_DELAY, lba, 600000);
	send(BG_SHORT);
	check_good(&rig);
}

static void slow(void)
{
	slow_at(SEQ(5));
}

static void wait_for_end(void)
{
	while (rig.unit->self_test.running)
		sched_yield();
}

static void let_go(void)
{
	struct zl_err err;

	assert_int_equal(disk_fault_clear(rig.disk, &err), 0);
	wait_for_end();
}

static void in_progress(void **state)
{
	static const uint8_t poll[18] = { 0x70, 0, 2, 0, 0, 0, 0, 10,
					  0,	0, 0, 0, 4, 9, 0, 0x80 };

	(void)state;
	slow();
	check_entry(1, 1 << 5 | 0xf, UINT64_MAX);
	CMD(&rig, NULL, 18, 0x03, 0, 0, 0, 18);
	assert_memory_equal(rig.data, poll, 16);
	assert_int_equal(be16_get(rig.data + 16), 7 * 65536 / 8);
	/* no other one, but all other commands */
	send(DEFAULT);
	assert_int_equal(rig.cmd.sense[2], 2);
	assert_int_equal(be16_get(rig.cmd.sense + 12), 0x0409);
	CMD(&rig, NULL, 0, 0x00);
	check_good(&rig);
	rig_rw(&rig, 0x88, 0, 1, NULL, 512);
	check_good(&rig);
	let_go();
	check_entry(1, 1 << 5, UINT64_MAX);
	check_unused(2);
	CMD(&rig, NULL, 18, 0x03, 0, 0, 0, 18);
	assert_int_equal(rig.data[2], 0);
}

static uint64_t (*real_clock)(void);

static uint64_t hours_later(void)
{
	return real_clock() + 5 * UINT64_C(3600000000000);
}

static void check_hours(uint16_t hours)
{
	uint8_t is[16];

	entry(1, is);
	assert_int_equal(be16_get(is + 2), hours);
}

/* Those at its end. */
static void hours(void **state)
{
	(void)state;
	real_clock = meter_clock_ns;
	meter_clock_ns = hours_later;
	slow();
	check_hours(0);
	let_go();
	check_hours(5);
	/* No thread of the disk's looks at it any more. */
	rig_stop(&rig);
	meter_clock_ns = real_clock;
	rig_start(&rig, OPTS);
}

/* LOG SELECT with PCR: the results go, but not the test under way. */
static void reset(void **state)
{
	(void)state;
	send(FG_SHORT);
	CMD(&rig, NULL, 0, 0x4c, 0x02, 0x02);
	CMD(&rig, NULL, 0, 0x4c, 0x00, 0xd0); /* PC 11b: it is no counter */
	check_entry(1, 5 << 5, UINT64_MAX);
	CMD(&rig, NULL, 0, 0x4c, 0x02, 0x50);
	check_good(&rig);
	check_unused(1);
	send(FG_SHORT);
	slow();
	CMD(&rig, NULL, 0, 0x4c, 0x02);
	check_good(&rig);
	check_entry(1, 1 << 5 | 0xf, UINT64_MAX);
	check_unused(2);
	let_go();
	check_entry(1, 1 << 5, UINT64_MAX);
	check_unused(2);
}

static void aborted(void **state)
{
	(void)state;
	slow_at(0);
	send(ABORT);
	check_good(&rig);
	let_go();
	check_entry(1, 1 << 5 | 1, UINT64_MAX);
	assert_int_equal(verified(), SHORT_BLOCKS * 512);
	send(ABORT);
	check_bad_cdb(&rig, 1, 7);
}

/* By START STOP UNIT, and by FORMAT UNIT or SANITIZE. */
static void stopped(void **state)
{
	(void)state;
	slow();
	CMD(&rig, NULL, 0, 0x1b, 0, 0, 0, 0x04); /* NO_FLUSH */
	check_good(&rig);
	let_go();
	CMD(&rig, NULL, 0, 0x1b, 0, 0, 0, 1);
	check_entry(1, 1 << 5 | 2, UINT64_MAX);
	/* by a start as well, though there is nothing to be started */
	slow();
	CMD(&rig, NULL, 0, 0x1b, 0, 0, 0, 1);
	check_good(&rig);
	let_go();
	check_entry(1, 1 << 5 | 2, UINT64_MAX);
	slow();
	rig.unit->job.kind = JOB_FORMAT;
	let_go();
	rig.unit->job.kind = JOB_NONE;
	check_entry(1, 1 << 5 | 2, UINT64_MAX);
}

static void power_fails(void **state)
{
	(void)state;
	rig_stop(&rig);
	rig_start(&rig, OPTS ",discard_write_cache");
	slow_at(0);
	rig_fail_power(&rig);
	let_go();
	CMD(&rig, NULL, 0, 0x00);
	check_sense(&rig, 0x62901);
	check_entry(1, 1 << 5 | 2, UINT64_MAX);
}

/* The unit goes: nothing waits for a delay, or for a test to be done. */
static void removed(void **state)
{
	(void)state;
	slow();
	alarm(60);
	scsi_unit_free(rig.unit);
	alarm(0);
	assert_int_equal(scsi_unit_new(rig.disk, NULL, &rig.unit), 0);
	check_unused(1);
}

/* Others are refused while a command waits for its test. */
static void foreground(void **state)
{
	(void)state;
	rig.unit->self_test.foreground = true;
	rig.unit->self_test.running = true;
	CMD(&rig, NULL, 0, 0x00);
	assert_int_equal(rig.cmd.sense[2], 2);
	assert_int_equal(be16_get(rig.cmd.sense + 12), 0x0409);
	CMD(&rig, NULL, 96, 0x12, [4] = 96);
	check_good(&rig);
	CMD(&rig, NULL, 18, 0x03, 0, 0, 0, 18);
	assert_int_equal(be16_get(rig.data + 12), 0x0409);
	rig.unit->self_test.foreground = false;
	rig.unit->self_test.running = false;
}

/* Begun and dropped: as if it had never come. */
static void dropped(void **state)
{
	(void)state;
	rig.drop = true;
	send(FG_SHORT);
	send(BG_SHORT);
	rig.drop = false;
	assert_false(rig.unit->self_test.running);
	check_unused(1);
	send(FG_SHORT);
	check_good(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_is_read), T(many_zones),	   T(twenty_entries),
		T(fields),	 T(unreadable),	   T(damaged_zones),
		T(in_progress),	 T(not_completed), T(aborted),
		T(reset),	 T(hours),	   T(stopped),
		T(removed),	 T(foreground),	   T(dropped),
		T(power_fails),
	};

	return cmocka_run_group_tests_name("self_test", tests, NULL, NULL);
}
