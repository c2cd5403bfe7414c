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

RIG_EACH("capacity_mb=8,zone_size_mb=1,conv_zones=2,block_size=512,"
	 "provisioning=thin")

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

static void read_4_fua(void)
{
	CMD(&rig, NULL, 2048, 0x88, 0x08, [8] = SEQ(0) >> 8, [13] = 4);
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

static void close_zone(void)
{
	rig_zone(&rig, 0x01, SEQ(0));
}

static const struct {
	const char *name;
	void (*run)(void);
} commands[] = {
	{ "WRITE", write_4 },
	{ "WRITE with FUA", write_4_fua },
	{ "WRITE over two conventional zones", write_conv },
	{ "READ", read_4 },
	{ "READ with FUA", read_4_fua },
	{ "SYNCHRONIZE CACHE", sync_cache },
	{ "RESET WRITE POINTER", reset },
	{ "FINISH ZONE", finish },
	{ "OPEN ZONE", open_zone },
	{ "CLOSE ZONE", close_zone },
};

/*
 * The table of docs/promises.md: errno × call → sense; 0: MEDIUM ERROR, one of
 * two codes.  A sync that was tried and failed has lost what it was for.
 */
static const struct {
	int error;
	uint32_t code, sync_code;
} errors[] = {
	{ EIO, 0, 0x30c00 },	      { ENOSPC, 0x72707, 0x30c00 },
	{ EDQUOT, 0x72707, 0x30c00 }, { EFBIG, 0, 0x30c00 },
	{ ESTALE, 0, 0x30c00 },	      { EROFS, 0x72700, 0x72700 },
	{ ENFILE, 0xb5500, 0xb5500 }, { EMFILE, 0xb5500, 0xb5500 },
	{ ENOMEM, 0xb5500, 0xb5500 },
};

static uint32_t sense_code(void)
{
	const uint8_t *s = rig.cmd.sense;

	return (uint32_t)(s[2] & 0xf) << 16 | (uint32_t)s[12] << 8 | s[13];
}

/* Whether the sense data is that of the call that failed last. */
static bool is_right(unsigned error, uint32_t got)
{
	bool sync = store_fault_last(rig.fault) == STORE_SYNC;
	uint32_t want = sync ? errors[error].sync_code : errors[error].code;

	return got == want || (!want && (got == 0x31100 || got == 0x30c00));
}

static void check_failed(unsigned command, unsigned error)
{
	uint32_t got = sense_code();

	assert_int_equal(rig.cmd.status, SCSI_CHECK_CONDITION);
	if (!is_right(error, got))
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

static bool write_cache;

/* One call of one command fails; false: the command has no such call. */
static bool one_fault(unsigned command, unsigned error, uint64_t at)
{
	bool hit;

	start(NULL);
	rig.unit->wce = write_cache;
	rig_write(&rig, SEQ(0), 4);
	check_good(&rig);
	arm(at, 1, errors[error].error);
	commands[command].run();
	hit = store_fault_hits(rig.fault);
	arm(UINT64_MAX, 0, 0);
	if (rig.cmd.status != SCSI_GOOD)
		check_failed(command, error);
	if (commands[command].run == open_zone && rig.cmd.status != SCSI_GOOD)
		assert_int_not_equal(zone_slot_cond(&rig.disk->zones, 2),
				     ZC_EXP_OPEN);
	check_other_zone(0);
	/* What a failed sync lost is bad until the zone is reset. */
	if (commands[command].run == sync_cache && rig.cmd.status != SCSI_GOOD)
		reset();
	assert_true(zone_slot_wp_blocks(&rig.disk->zones, 2) <= MIB_BLOCKS);
	if (hit && commands[command].run != sync_cache &&
	    commands[command].run != read_4_fua &&
	    commands[command].run != write_4_fua) {
		read_4();
		if (commands[command].run != reset)
			check_good(&rig);
	}
	stop(NULL);
	return hit;
}

static void every_call(bool wce)
{
	unsigned total = 0;
	uint64_t at;

	write_cache = wce;
	for (unsigned c = 0; c < ZL_ARRAY_SIZE(commands); c++)
		for (unsigned e = 0; e < ZL_ARRAY_SIZE(errors); e++)
			for (at = 0; one_fault(c, e, at); at++)
				total++;
	print_message("%u calls failed\n", total);
	assert_true(total >= ZL_ARRAY_SIZE(commands) * ZL_ARRAY_SIZE(errors));
}

static void every_call_of_every_command(void **state)
{
	(void)state;
	every_call(true);
}

static void every_call_without_a_cache(void **state)
{
	(void)state;
	every_call(false);
}

/*
 * The other commands that touch the medium.  Blocks 0 to 7 are written before,
 * each with its number plus 1; 0 to 3 are these commands' own.
 */

static void number(uint8_t *data, uint64_t lba, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		memset(data + i * 512, (uint8_t)(lba + i + 1), 512);
}

static void compare_and_write(void)
{
	uint8_t data[2048];

	number(data, 0, 2);
	number(data + 1024, 0, 2);
	CMD(&rig, data, sizeof(data), 0x89, [13] = 2);
}

static void compare_and_write_seq(void)
{
	uint8_t data[1024] = { 0 };

	CMD(&rig, data, sizeof(data), 0x89, [8] = SEQ(2) >> 8, [13] = 1);
}

static void write_same_seq(void)
{
	uint8_t data[512] = { 7 };

	CMD(&rig, data, sizeof(data), 0x93, [8] = SEQ(2) >> 8, [13] = 200);
}

static void write_same_conv(void)
{
	uint8_t data[512] = { 7 };

	CMD(&rig, data, sizeof(data), 0x93, [13] = 4);
}

static void write_same_unmap(void)
{
	uint8_t data[512] = { 0 };

	CMD(&rig, data, sizeof(data), 0x93, 0x08, [13] = 4);
}

static void unmap(void)
{
	uint8_t list[40] = { 0, 38, 0, 32, [19] = 2, [31] = 2, [35] = 2 };

	CMD(&rig, list, sizeof(list), 0x42, [8] = sizeof(list));
}

static void verify_data(void)
{
	uint8_t data[2048];

	number(data, SEQ(0), 4);
	CMD(&rig, data, sizeof(data), 0x8f, 0x02, [8] = SEQ(0) >> 8, [13] = 4);
}

static void verify_medium(void)
{
	CMD(&rig, NULL, 0, 0x8f, [8] = SEQ(0) >> 8, [13] = 4);
}

static void write_and_verify(void)
{
	uint8_t data[1024] = { 9 };

	CMD(&rig, data, sizeof(data), 0x8e, 0x02, [13] = 2);
}

static void write_and_verify_seq(void)
{
	uint8_t data[1024] = { 9 };

	CMD(&rig, data, sizeof(data), 0x8e, 0x02, [8] = SEQ(2) >> 8, [13] = 2);
}

static void format_unit(void)
{
	CMD(&rig, NULL, 0, 0x04);
}

static void sanitize_erase(void)
{
	CMD(&rig, NULL, 0, 0x48, 0x02);
}

static void sanitize_overwrite(void)
{
	uint8_t list[8] = { 1, 0, 0, 4, 1, 2, 3, 4 };

	CMD(&rig, list, sizeof(list), 0x48, 0x01, [8] = sizeof(list));
}

static const struct {
	const char *name;
	void (*run)(void);
	uint32_t code; /* of a failure, whatever the errno; 0: the errno's */
	/* It has written when the failing call comes: not the same again. */
	bool moves;
} others[] = {
	{ "COMPARE AND WRITE", compare_and_write },
	{ "COMPARE AND WRITE at a write pointer", compare_and_write_seq },
	{ "WRITE SAME at a write pointer", write_same_seq },
	{ "WRITE SAME", write_same_conv },
	{ "WRITE SAME with UNMAP", write_same_unmap },
	{ "UNMAP", unmap },
	{ "VERIFY, BYTCHK 1", verify_data },
	{ "VERIFY", verify_medium },
	{ "WRITE AND VERIFY", write_and_verify },
	{ "WRITE AND VERIFY at a write pointer", write_and_verify_seq, 0,
	  true },
	{ "FORMAT UNIT", format_unit, 0x33101 },
	{ "SANITIZE, block erase", sanitize_erase, 0x33103 },
	{ "SANITIZE, overwrite", sanitize_overwrite, 0x33103 },
};

/* VERIFY syncs what it is to find on the medium. */
static bool has_lost(unsigned command, unsigned error)
{
	return (others[command].run == verify_data ||
		others[command].run == verify_medium) &&
	       store_fault_last(rig.fault) == STORE_SYNC &&
	       errors[error].sync_code == 0x30c00;
}

static void check_other_failed(unsigned command, unsigned error)
{
	uint32_t got = sense_code(), want = others[command].code;

	assert_int_equal(rig.cmd.status, SCSI_CHECK_CONDITION);
	if (want ? got != want : !is_right(error, got))
		fail_msg("%s with errno %d: sense %05X", others[command].name,
			 errors[error].error, got);
}

static void check_numbered(uint64_t lba, unsigned nr)
{
	rig_rw(&rig, 0x88, lba, nr, NULL, nr * 512);
	check_good(&rig);
	for (unsigned i = 0; i < nr; i++)
		assert_int_equal(rig.data[i * 512], (uint8_t)(lba + i + 1));
}

static bool other_fault(unsigned command, unsigned error, uint64_t at,
			uint64_t partial_bytes)
{
	struct store_fault_plan plan = { .fail_at = at,
					 .fail_count = 1,
					 .error = errors[error].error,
					 .partial_bytes = partial_bytes };
	bool hit, lost = false;

	start(NULL);
	rig_write(&rig, SEQ(0), 4);
	rig_write(&rig, 0, 8);
	store_fault_arm(rig.fault, &plan);
	others[command].run();
	hit = store_fault_hits(rig.fault);
	arm(UINT64_MAX, 0, 0);
	if (rig.cmd.status != SCSI_GOOD) {
		check_other_failed(command, error);
		lost = has_lost(command, error);
		if (!others[command].moves && !lost) {
			others[command].run();
			check_good(&rig);
		}
	}
	/* What had been acknowledged is there; the zones beside go on. */
	if (!others[command].code && !lost) {
		check_numbered(SEQ(0), 4);
		check_numbered(4, 4);
	}
	if (others[command].run != sanitize_overwrite)
		check_other_zone(0);
	stop(NULL);
	return hit;
}

static void every_call_of_the_others(void **state)
{
	unsigned total = 0, calls;

	(void)state;
	for (unsigned c = 0; c < ZL_ARRAY_SIZE(others); c++) {
		calls = 0;
		for (unsigned e = 0; e < ZL_ARRAY_SIZE(errors); e++) {
			for (uint64_t at = 0; other_fault(c, e, at, 0); at++)
				calls++;
			for (uint64_t at = 0; other_fault(c, e, at, 700); at++)
				calls++;
		}
		assert_true(calls >= 2 * ZL_ARRAY_SIZE(errors));
		total += calls;
	}
	print_message("%u calls failed\n", total);
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

/* What is about no block in particular names none. */
static void no_information(void **state)
{
	struct store_fault_plan plan = { .fail_count = UINT64_MAX,
					 .error = EIO,
					 .only = 1u << STORE_SYNC };
	static const uint8_t d_sense_off[16] = {
		[4] = 0x0a, 10, 0, 0x10, [15] = 1
	};

	(void)state;
	start(NULL);
	rig_write(&rig, SEQ(0), 4);
	store_fault_arm(rig.fault, &plan);
	CMD(&rig, NULL, 0, 0x1b); /* STOP */
	check_sense(&rig, 0x30c00);
	sync_cache();
	check_sense(&rig, 0x30c00);
	plan.only = 0;
	store_fault_arm(rig.fault, &plan);
	CMD(&rig, d_sense_off, 16, 0x15, 0x11, 0, 0, 16);
	check_sense(&rig, 0x30c00);
	/* but a zone that cannot be changed */
	reset();
	check_medium(&rig, 0x30c00, SEQ(0));
	stop(NULL);
}

static void busy(enum inject_op op)
{
	struct inject_fault f = { .kind = INJECT_BUSY,
				  .op = op,
				  .nr_blocks = UINT64_MAX,
				  .count = INJECT_ALWAYS };
	struct zl_err err;
	uint32_t id;

	assert_int_equal(disk_fault_clear(rig.disk, &err), 0);
	assert_int_equal(disk_fault_add(rig.disk, &f, &id, &err), 0);
}

/* BUSY is sent again, so it must not have done anything. */
static void busy_is_the_first_thing(void **state)
{
	static const uint8_t wce_off[24] = { [4] = 0x08, 18 };
	static const uint8_t list[40] = {
		0, 38, 0, 32, [19] = 2, [31] = 2, [35] = 2
	};

	(void)state;
	start(NULL);
	busy(INJECT_OP_READ);
	write_and_verify_seq();
	check_good(&rig);
	check_zone(&rig, SEQ(2), ZC_IMP_OPEN, SEQ(2) + 2);
	busy(INJECT_OP_SYNC);
	CMD(&rig, wce_off, 24, 0x15, 0x10, 0, 0, 24);
	check_good(&rig);
	busy(INJECT_OP_ANY);
	CMD(&rig, list, sizeof(list), 0x42, [8] = sizeof(list));
	assert_int_equal(rig.cmd.status, SCSI_BUSY);
	format_unit();
	check_good(&rig);
	sanitize_erase();
	check_good(&rig);
	stop(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_call_of_every_command),
		cmocka_unit_test(every_call_without_a_cache),
		cmocka_unit_test(every_call_of_the_others),
		cmocka_unit_test(recovery),
		cmocka_unit_test(no_flood),
		cmocka_unit_test(information_of_a_read),
		cmocka_unit_test(no_information),
		cmocka_unit_test(busy_is_the_first_thing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
