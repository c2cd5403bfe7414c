// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Trouble with the backing store: every call that every command makes fails
 * once with every errno.  The sense data is the errno's, no other zone is
 * affected, the same command works when the cause is gone, and no initiator can
 * flood the log.
 */
#include "base/log.h"
#include "disk/internal.h"
#include "rig.h"

#define SEQ(n) ((uint64_t)(2 + (n)) * MIB_BLOCKS)

static struct rig rig;

static int start(void **state)
{
	(void)state;
	rig_start(&rig,
		  "capacity_mb=8,zone_size_mb=1,conv_zones=2,block_size=512");
	return 0;
}

static int stop(void **state)
{
	(void)state;
	rig_stop(&rig);
	return 0;
}

static void write_4(void)
{
	rig_write(&rig, SEQ(0) + 4, 4);
}

static void write_4_fua(void)
{
	uint8_t data[2048] = { 1 };

	CMD(&rig, data, sizeof(data), 0x8a,
	    0x08, [8] = SEQ(0) >> 8, [9] = 4, [13] = 4);
}

static void write_conv(void)
{
	rig_write(&rig, MIB_BLOCKS - 2, 4);
}

static void read_4(void)
{
	rig_rw(&rig, 0x88, SEQ(0), 4, NULL, 2048);
}

static void sync_cache(void)
{
	CMD(&rig, NULL, 0, 0x35);
}

static void reset(void)
{
	rig_zone(&rig, 0x04, SEQ(0));
}

static void finish(void)
{
	rig_zone(&rig, 0x02, SEQ(0));
}

static void open_zone(void)
{
	rig_zone(&rig, 0x03, SEQ(0));
}

static const struct {
	const char *name;
	void (*run)(void);
} commands[] = {
	{ "WRITE", write_4 },
	{ "WRITE with FUA", write_4_fua },
	{ "WRITE over two conventional zones", write_conv },
	{ "READ", read_4 },
	{ "SYNCHRONIZE CACHE", sync_cache },
	{ "RESET WRITE POINTER", reset },
	{ "FINISH ZONE", finish },
	{ "OPEN ZONE", open_zone },
};

static const struct {
	int error;
	/* 0: MEDIUM ERROR, one of two codes */
	uint32_t code;
} errors[] = {
	{ EIO, 0 },	     { ENOSPC, 0x72707 }, { EDQUOT, 0x72707 },
	{ EROFS, 0x72700 },  { ENFILE, 0xb5500 }, { EMFILE, 0xb5500 },
	{ ENOMEM, 0xb5500 },
};

static uint32_t sense_code(void)
{
	const uint8_t *s = rig.cmd.sense;

	return (uint32_t)(s[2] & 0xf) << 16 | (uint32_t)s[12] << 8 | s[13];
}

static void check_failed(unsigned command, unsigned error)
{
	uint32_t got = sense_code(), want = errors[error].code;

	assert_int_equal(rig.cmd.status, SCSI_CHECK_CONDITION);
	if (got == want || (!want && (got == 0x31100 || got == 0x30c00)))
		return;
	/* A journal that cannot be written is an error of writing. */
	if (commands[command].run == open_zone && got == 0x30c00)
		return;
	fail_msg("%s with errno %d: sense %05X", commands[command].name,
		 errors[error].error, got);
}

/* The zone beside takes writes and has its data. */
static void check_other_zone(uint32_t at)
{
	rig_write(&rig, SEQ(1) + at, 1);
	check_good(&rig);
	rig_rw(&rig, 0x88, SEQ(1) + at, 1, NULL, 512);
	check_good(&rig);
	assert_int_equal(rig.data[0], (uint8_t)(SEQ(1) + at + 1));
}

static void arm(uint64_t at, uint64_t count, int error)
{
	struct store_fault_plan plan = { .fail_at = at,
					 .fail_count = count,
					 .error = error ? error : EIO };

	store_fault_arm(rig.fault, &plan);
}

/* One call of one command fails; false: the command has no such call. */
static bool one_fault(unsigned command, unsigned error, uint64_t at)
{
	bool hit;

	start(NULL);
	rig_write(&rig, SEQ(0), 4);
	check_good(&rig);
	arm(at, 1, errors[error].error);
	commands[command].run();
	hit = store_fault_hits(rig.fault);
	arm(UINT64_MAX, 0, 0);
	if (rig.cmd.status != SCSI_GOOD)
		check_failed(command, error);
	check_other_zone(0);
	/* What a failed sync lost is bad until the zone is reset. */
	if (commands[command].run == sync_cache && rig.cmd.status != SCSI_GOOD)
		reset();
	assert_true(zone_slot_wp_blocks(&rig.disk->zones, 2) <= MIB_BLOCKS);
	if (hit && commands[command].run != sync_cache &&
	    commands[command].run != write_4_fua) {
		read_4();
		if (commands[command].run != reset)
			check_good(&rig);
	}
	stop(NULL);
	return hit;
}

static void every_call_of_every_command(void **state)
{
	unsigned total = 0;
	uint64_t at;

	(void)state;
	for (unsigned c = 0; c < ZL_ARRAY_SIZE(commands); c++)
		for (unsigned e = 0; e < ZL_ARRAY_SIZE(errors); e++)
			for (at = 0; one_fault(c, e, at); at++)
				total++;
	print_message("%u calls failed\n", total);
	assert_true(total >= ZL_ARRAY_SIZE(commands) * ZL_ARRAY_SIZE(errors));
}

/* It lasts for a while, then the same command works. */
static void recovery(void **state)
{
	(void)state;
	for (unsigned e = 0; e < ZL_ARRAY_SIZE(errors); e++) {
		start(NULL);
		rig_write(&rig, SEQ(0), 4);
		arm(0, UINT64_MAX, errors[e].error);
		for (int i = 0; i < 3; i++) {
			write_4();
			check_failed(0, e);
		}
		arm(UINT64_MAX, 0, 0);
		write_4();
		check_good(&rig);
		check_zone(&rig, SEQ(0), ZC_IMP_OPEN, SEQ(0) + 8);
		rig_rw(&rig, 0x88, SEQ(0), 8, NULL, 4096);
		check_good(&rig);
		for (unsigned i = 0; i < 8; i++)
			assert_int_equal(rig.data[i * 512],
					 (uint8_t)(SEQ(0) + i + 1));
		stop(NULL);
	}
}

static unsigned logged[ZL_LOG_DEBUG + 1];

static void count_line(enum zl_log_level level, const char *line)
{
	(void)line;
	logged[level]++;
}

/* Backing errors are limited; mistakes are for who debugs them. */
static void no_flood(void **state)
{
	(void)state;
	start(NULL);
	zl_log_set(count_line);
	memset(logged, 0, sizeof(logged));
	arm(0, UINT64_MAX, EIO);
	for (int i = 0; i < 1000; i++)
		write_4_fua();
	for (int i = 0; i < 1000; i++) {
		rig_write(&rig, SEQ(0), 4);
		sync_cache();
	}
	arm(UINT64_MAX, 0, 0);
	/* Some windows may pass, on a slow machine. */
	assert_in_range(logged[ZL_LOG_ERR] + logged[ZL_LOG_WARN], 1, 200);
	memset(logged, 0, sizeof(logged));
	for (int i = 0; i < 1000; i++) {
		rig_write(&rig, SEQ(0) + 99, 4);
		CMD(&rig, NULL, 0, 0xff);
		rig_zone(&rig, 0x04, 0);
	}
	assert_int_equal(logged[ZL_LOG_ERR] + logged[ZL_LOG_WARN] +
				 logged[ZL_LOG_INFO],
			 0);
	assert_true(logged[ZL_LOG_DEBUG] >= 3000);
	zl_log_set(NULL);
	stop(NULL);
}

/* Hosts believe the blocks before INFORMATION, which were not transferred. */
static void information_of_a_read(void **state)
{
	struct inject_fault f = { .kind = INJECT_READ_ERROR,
				  .lba = SEQ(0) + 2,
				  .nr_blocks = 1,
				  .count = INJECT_ALWAYS };
	struct zl_err err;
	uint32_t id;

	(void)state;
	start(NULL);
	rig_write(&rig, SEQ(0), 4);
	assert_int_equal(disk_fault_add(rig.disk, &f, &id, &err), 0);
	rig_rw(&rig, 0x88, SEQ(0), 4, NULL, 2048);
	check_sense(&rig, 0x31100);
	rig_rw(&rig, 0x88, SEQ(0) + 2, 2, NULL, 1024);
	check_medium(&rig, 0x31100, SEQ(0) + 2);
	f.kind = INJECT_WRITE_ERROR;
	f.written_blocks = 2;
	f.lba = SEQ(0) + 4;
	assert_int_equal(disk_fault_add(rig.disk, &f, &id, &err), 0);
	rig_write(&rig, SEQ(0) + 4, 4);
	check_medium(&rig, 0x30c00, SEQ(0) + 6);
	check_zone(&rig, SEQ(0), ZC_IMP_OPEN, SEQ(0) + 6);
	f.kind = INJECT_BUSY;
	assert_int_equal(disk_fault_add(rig.disk, &f, &id, &err), 0);
	rig_write(&rig, SEQ(0) + 4, 4);
	assert_int_equal(rig.cmd.status, SCSI_BUSY);
	stop(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_call_of_every_command),
		cmocka_unit_test(recovery),
		cmocka_unit_test(no_flood),
		cmocka_unit_test(information_of_a_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
