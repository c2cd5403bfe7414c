// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* READ, WRITE and SYNCHRONIZE CACHE. */
#include "rig.h"

#define OPTS	  "capacity_mb=8,zone_size_mb=1,conv_zones=2,max_open_zones=2"
#define NR_BLOCKS (8 * MIB_BLOCKS)
#define SEQ(n)	  ((2 + (uint64_t)(n)) * MIB_BLOCKS)

RIG_EACH(OPTS)

/* READ and WRITE in each CDB length. */
struct form {
	uint8_t read, write, sync;
	unsigned cdb_len, lba_at, lba_bytes, nr_at, nr_bytes;
};

static const struct form forms[] = {
	{ 0x08, 0x0a, 0, 6, 1, 3, 4, 1 },
	{ 0x28, 0x2a, 0x35, 10, 2, 4, 7, 2 },
	{ 0xa8, 0xaa, 0, 12, 2, 4, 6, 4 },
	{ 0x88, 0x8a, 0x91, 16, 2, 8, 10, 4 },
};

static void put(uint8_t *p, unsigned bytes, uint64_t v)
{
	while (bytes--) {
		p[bytes] = (uint8_t)v;
		v >>= 8;
	}
}

static void rw(const struct form *f, uint8_t opcode, uint64_t lba, uint32_t nr,
	       const void *out, size_t len)
{
	uint8_t cdb[16] = { opcode };

	put(cdb + f->lba_at, f->lba_bytes, lba);
	put(cdb + f->nr_at, f->nr_bytes, nr);
	rig_cmd(&rig, cdb, f->cdb_len, out, len);
}

/* What rig_write() put there. */
static void check_written(uint64_t lba, size_t bytes)
{
	check_good(&rig);
	assert_int_equal(rig.cmd.data_in_bytes, bytes);
	for (size_t i = 0; i < bytes; i++)
		assert_int_equal(rig.data[i], (uint8_t)(lba + i / 512 + 1));
	for (size_t i = bytes; i < rig.len; i++)
		assert_int_equal(rig.data[i], 0);
}

static void every_form(void **state)
{
	uint8_t out[3 * 512];
	uint64_t lba = SEQ(0);

	(void)state;
	for (size_t i = 0; i < ZL_ARRAY_SIZE(forms); i++, lba += 3) {
		memset(out, (int)(0x40 + i), sizeof(out));
		rw(&forms[i], forms[i].write, lba, 3, out, sizeof(out));
		check_good(&rig);
		for (size_t j = 0; j < ZL_ARRAY_SIZE(forms); j++) {
			rw(&forms[j], forms[j].read, lba, 3, NULL, sizeof(out));
			check_data(&rig, out, sizeof(out));
		}
		check_zone(&rig, SEQ(0), ZC_IMP_OPEN, lba + 3);
	}
}

/* In the 6-byte forms a length of 0 is 256 blocks. */
static void six_byte_length(void **state)
{
	static uint8_t out[256 * 512];

	(void)state;
	memset(out, 0x77, sizeof(out));
	rw(&forms[0], 0x0a, SEQ(0), 0, out, sizeof(out));
	check_good(&rig);
	check_zone(&rig, SEQ(0), ZC_IMP_OPEN, SEQ(0) + 256);
	rw(&forms[0], 0x08, SEQ(0), 0, NULL, sizeof(out) + 10);
	check_data(&rig, out, sizeof(out));
	rw(&forms[0], 0x0a, SEQ(0) + 256, 0, out, sizeof(out) - 1);
	check_bad_cdb(&rig, 4, -1);
}

static void range(void **state)
{
	(void)state;
	for (size_t i = 0; i < ZL_ARRAY_SIZE(forms); i++) {
		const struct form *f = &forms[i];
		uint8_t opcodes[] = { f->read, f->write, f->sync };

		uint64_t max = f->cdb_len == 16 ? UINT64_MAX : UINT32_MAX;

		for (size_t j = 0; j < 3; j++) {
			if (!opcodes[j])
				continue;
			rw(f, opcodes[j], NR_BLOCKS - 1, 2, NULL, 1024);
			check_range(&rig, NR_BLOCKS);
			rw(f, opcodes[j], NR_BLOCKS, 1, NULL, 512);
			check_range(&rig, NR_BLOCKS);
			assert_false(rig.ran);
			if (f->cdb_len == 6)
				continue;
			rw(f, opcodes[j], UINT64_MAX, 1, NULL, 512);
			check_range(&rig, max);
			rw(f, opcodes[j], UINT64_MAX, UINT32_MAX, NULL, 512);
			check_range(&rig, max);
			rw(f, opcodes[j], 1, UINT32_MAX >> (f->cdb_len == 10),
			   NULL, 512);
			check_range(&rig, NR_BLOCKS);
			/* nothing to transfer: behind the last passes */
			rw(f, opcodes[j], NR_BLOCKS, 0, NULL, 0);
			check_good(&rig);
			rw(f, opcodes[j], NR_BLOCKS + 1, 0, NULL, 0);
			check_range(&rig, NR_BLOCKS + 1);
		}
	}
}

static void zero_length(void **state)
{
	(void)state;
	rig_write(&rig, SEQ(0), 4);
	/* not even at the write pointer, and no implicit open */
	rig_rw(&rig, 0x8a, SEQ(0), 0, NULL, 0);
	check_good(&rig);
	rig_rw(&rig, 0x8a, SEQ(1) + 7, 0, NULL, 100);
	check_good(&rig);
	assert_false(rig.ran);
	check_zone(&rig, SEQ(0), ZC_IMP_OPEN, SEQ(0) + 4);
	check_zone(&rig, SEQ(1), ZC_EMPTY, SEQ(1));
	rig_rw(&rig, 0x88, SEQ(0), 0, NULL, 100);
	check_data(&rig, "", 0);
}

static void write_rules(void **state)
{
	(void)state;
	rig_write(&rig, SEQ(0) + 1, 1);
	check_sense(&rig, 0x52104);
	check_zone(&rig, SEQ(0), ZC_EMPTY, SEQ(0));
	rig_write(&rig, SEQ(0), 2);
	check_good(&rig);
	rig_write(&rig, SEQ(0) + 1, 1);
	check_sense(&rig, 0x52104);
	rig_write(&rig, SEQ(0) + 2, MIB_BLOCKS - 1);
	check_sense(&rig, 0x52105);
	check_zone(&rig, SEQ(0), ZC_IMP_OPEN, SEQ(0) + 2);
	rig_write(&rig, SEQ(0) + 2, MIB_BLOCKS - 2);
	check_good(&rig);
	check_zone(&rig, SEQ(0), ZC_FULL, SEQ(1));
	/* conventional: across zones, but not into a sequential one */
	rig_write(&rig, MIB_BLOCKS - 1, 2);
	check_good(&rig);
	rig_write(&rig, SEQ(0) - 1, 2);
	check_sense(&rig, 0x52105);
	/* no resource left: two opened explicitly */
	rig_zone(&rig, ZO_OPEN, SEQ(1));
	check_good(&rig);
	rig_zone(&rig, ZO_OPEN, SEQ(2));
	check_good(&rig);
	rig_write(&rig, SEQ(3), 1);
	check_sense(&rig, 0x7550e);
	check_zone(&rig, SEQ(3), ZC_EMPTY, SEQ(3));
}

/* INVALID FIELD IN CDB for a FULL zone points at the LBA. */
static void write_full(void **state)
{
	uint8_t out[512] = { 0 };

	(void)state;
	rig_zone(&rig, ZO_FINISH, SEQ(0));
	check_good(&rig);
	for (size_t i = 0; i < ZL_ARRAY_SIZE(forms); i++) {
		rw(&forms[i], forms[i].write, SEQ(0), 1, out, sizeof(out));
		check_bad_cdb(&rig, forms[i].lba_at, -1);
	}
	check_zone(&rig, SEQ(0), ZC_FULL, SEQ(1));
}

static void write_short_buffer(void **state)
{
	static const uint8_t out[4 * 512];
	static const size_t lens[] = { 0, 1, 511, 512, 4 * 512 - 1 };

	(void)state;
	for (size_t i = 1; i < ZL_ARRAY_SIZE(forms); i++) {
		const struct form *f = &forms[i];

		for (size_t j = 0; j < ZL_ARRAY_SIZE(lens); j++) {
			rw(f, f->write, SEQ(0), 4, out, lens[j]);
			check_bad_cdb(&rig, f->nr_at, -1);
			assert_false(rig.ran);
		}
	}
	check_zone(&rig, SEQ(0), ZC_EMPTY, SEQ(0));
	/* More than needed is left alone. */
	rig_rw(&rig, 0x8a, SEQ(0), 3, out, sizeof(out));
	check_good(&rig);
	check_zone(&rig, SEQ(0), ZC_IMP_OPEN, SEQ(0) + 3);
}

static void read_any_buffer(void **state)
{
	(void)state;
	rig_write(&rig, SEQ(0), 8);
	check_good(&rig);
	for (size_t len = 0; len < 5 * 512; len += 97) {
		rig_rw(&rig, 0x88, SEQ(0), 4, NULL, len);
		check_written(SEQ(0), min_u64(len, 4 * 512));
	}
	rig_rw(&rig, 0x88, SEQ(0), 4, NULL, 4 * 512);
	check_written(SEQ(0), 4 * 512);
	/* The rest of the range is checked all the same. */
	rig_rw(&rig, 0x88, SEQ(0) - 1, 2, NULL, 512);
	check_sense(&rig, 0x52106);
	rig_rw(&rig, 0x88, SEQ(0) - 1, 2, NULL, 0);
	check_sense(&rig, 0x52106);
	/* A length whose bytes do not fit 32 bits. */
	rig_rw(&rig, 0x8a, 0, NR_BLOCKS, NULL, 512);
	check_bad_cdb(&rig, 10, -1);
}

static void read_rules(void **state)
{
	static const uint8_t zeros[2 * 512];

	(void)state;
	rig_write(&rig, SEQ(0), 1);
	/* behind the write pointer, into the next zone */
	rig_rw(&rig, 0x88, SEQ(0) + 1, 2, NULL, 1024);
	check_data(&rig, zeros, sizeof(zeros));
	rig_rw(&rig, 0x88, SEQ(1) - 1, 2, NULL, 1024);
	check_data(&rig, zeros, sizeof(zeros));
	/* across zone types */
	rig_rw(&rig, 0x88, SEQ(0) - 1, 2, NULL, 1024);
	check_sense(&rig, 0x52106);
}

static void read_restricted(void **state)
{
	struct rig old = rig;

	(void)state;
	rig_start(&rig, OPTS ",urswrz=0");
	rig_write(&rig, SEQ(0), MIB_BLOCKS);
	rig_write(&rig, SEQ(1), 2);
	rig_rw(&rig, 0x88, SEQ(1), 2, NULL, 1024);
	check_written(SEQ(1), 1024);
	rig_rw(&rig, 0x88, SEQ(1), 3, NULL, 1536);
	check_sense(&rig, 0x52106);
	rig_rw(&rig, 0x88, SEQ(1) - 1, 2, NULL, 1024);
	check_sense(&rig, 0x52107);
	/* into another type: the change of type counts, not the boundary */
	rig_rw(&rig, 0x88, SEQ(0) - 1, 2, NULL, 1024);
	check_sense(&rig, 0x52106);
	rig_stop(&rig);
	rig = old;
}

/* 512e: sequential writes are whole physical blocks. */
static void physical_blocks(void **state)
{
	struct rig old = rig;

	(void)state;
	rig_start(&rig, OPTS ",physical_block_size=4096");
	rig_write(&rig, SEQ(0), 7);
	check_sense(&rig, 0x52104);
	rig_write(&rig, SEQ(0), 8);
	check_good(&rig);
	rig_write(&rig, SEQ(0) + 8, 9);
	check_sense(&rig, 0x52104);
	rig_write(&rig, 3, 1);
	check_good(&rig);
	rig_stop(&rig);
	rig = old;
}

static void blocks_of_4096(void **state)
{
	struct rig old = rig;
	uint8_t out[2 * 4096];

	(void)state;
	memset(out, 0x99, sizeof(out));
	rig_start(&rig, "capacity_mb=8,zone_size_mb=1,conv_zones=2,"
			"block_size=4096");
	rig_rw(&rig, 0x8a, 2 * 256, 2, out, sizeof(out) - 1);
	check_bad_cdb(&rig, 10, -1);
	rig_rw(&rig, 0x8a, 2 * 256, 2, out, sizeof(out));
	check_good(&rig);
	rig_rw(&rig, 0x88, 2 * 256, 2, NULL, sizeof(out) + 5);
	check_data(&rig, out, sizeof(out));
	check_zone(&rig, 2 * 256, ZC_IMP_OPEN, 2 * 256 + 2);
	rig_stop(&rig);
	rig = old;
}

static void gap(const char *opts, bool urswrz)
{
	struct rig old = rig;
	uint64_t seq = 4 * MIB_BLOCKS, first = seq + 3 * MIB_BLOCKS;

	rig_start(&rig, opts);
	rig_write(&rig, seq, 3 * MIB_BLOCKS);
	check_good(&rig);
	rig_write(&rig, first, 1);
	check_sense(&rig, 0x52109);
	rig_rw(&rig, 0x88, first, 1, NULL, 512);
	if (urswrz) {
		check_good(&rig);
		for (int i = 0; i < 512; i++)
			assert_int_equal(rig.data[i], 0);
	} else {
		check_sense(&rig, 0x52109);
	}
	/* in and out of it */
	rig_rw(&rig, 0x88, first - 1, 2, NULL, 1024);
	check_sense(&rig, urswrz ? 0x52106 : 0x52109);
	rig_rw(&rig, 0x88, 2 * seq - 1, 2, NULL, 1024);
	check_sense(&rig, urswrz ? 0x52106 : 0x52109);
	rig_zone(&rig, ZO_RESET, seq);
	rig_write(&rig, seq, 3 * MIB_BLOCKS + 1);
	check_sense(&rig, 0x52105);
	for (uint8_t sa = ZO_CLOSE; sa <= ZO_RESET; sa++) {
		rig_zone(&rig, sa, first);
		check_sense(&rig, 0x52109);
		rig_zone(&rig, sa, first + 1);
		check_bad_cdb(&rig, 2, -1);
	}
	rig_stop(&rig);
	rig = old;
}

static void gap_zones(void **state)
{
	(void)state;
	gap("capacity_mb=16,zone_size_mb=4,zone_capacity_mb=3,conv_zones=1",
	    true);
	gap("capacity_mb=16,zone_size_mb=4,zone_capacity_mb=3,conv_zones=1,"
	    "urswrz=0",
	    false);
}

static void maximum_transfer_length(void **state)
{
	struct scsi_unit_args args = { .max_xfer_blocks = 4 };
	struct rig old = rig;

	(void)state;
	rig_start_args(&rig, OPTS, &args);
	for (size_t i = 0; i < ZL_ARRAY_SIZE(forms); i++) {
		const struct form *f = &forms[i];

		rw(f, f->write, SEQ(0), 5, NULL, 5 * 512);
		check_bad_cdb(&rig, f->nr_at, -1);
		rw(f, f->read, SEQ(0), 5, NULL, 5 * 512);
		check_bad_cdb(&rig, f->nr_at, -1);
		rw(f, f->read, SEQ(0), 4, NULL, 4 * 512);
		check_good(&rig);
	}
	/* VERIFY too, whether it transfers data or not */
	for (uint8_t bytchk = 0; bytchk <= 6; bytchk += 2) {
		if (bytchk == 4)
			continue;
		CMD(&rig, NULL, 5 * 512, 0x8f, bytchk, [13] = 5);
		check_bad_cdb(&rig, 10, -1);
		CMD(&rig, NULL, bytchk ? 4 * 512 : 0, 0x8f, bytchk, [13] = 4);
		assert_true(rig.ran);
	}
	rig_write(&rig, SEQ(0), 4);
	check_good(&rig);
	rig_stop(&rig);
	rig = old;
}

static void damaged_zones(void **state)
{
	(void)state;
	rig_write(&rig, SEQ(1), 4);
	rig_damage(&rig, 2, 3);
	rig_write(&rig, SEQ(0), 1);
	check_sense(&rig, 0x72c0e);
	rig_rw(&rig, 0x88, SEQ(0), 1, NULL, 512);
	check_sense(&rig, 0x72c0e);
	rig_write(&rig, SEQ(1), 1);
	check_sense(&rig, 0x72708);
	rig_rw(&rig, 0x88, SEQ(1), 4, NULL, 4 * 512);
	check_written(SEQ(1), 4 * 512);
	for (uint8_t sa = 1; sa <= 4; sa++) {
		rig_zone(&rig, sa, SEQ(0));
		check_sense(&rig, 0x72c0e);
		rig_zone(&rig, sa, SEQ(1));
		check_sense(&rig, 0x72708);
		rig_zone_all(&rig, sa);
		check_good(&rig);
	}
	check_zone(&rig, SEQ(0), ZC_OFFLINE, UINT64_MAX);
	check_zone(&rig, SEQ(1), ZC_READ_ONLY, UINT64_MAX);
}

static void arm(enum store_op op, int error)
{
	struct store_fault_plan plan = { .fail_count = error ? 1 : 0,
					 .error = error,
					 .only = 1u << op };

	if (!error)
		plan.fail_at = UINT64_MAX;
	store_fault_arm(rig.fault, &plan);
}

static void medium_errors(void **state)
{
	static const struct {
		int error;
		uint32_t code;
	} plain[] = {
		{ ENOSPC, 0x72707 },
		{ EROFS, 0x72700 },
		{ ENOMEM, 0xb5500 },
		{ EMFILE, 0xb5500 },
	};

	(void)state;
	rig_write(&rig, SEQ(0), 4);
	check_good(&rig);
	arm(STORE_READ, EIO);
	rig_rw(&rig, 0x88, SEQ(0) + 1, 2, NULL, 1024);
	check_medium(&rig, 0x31100, SEQ(0) + 1);
	arm(STORE_WRITE, EIO);
	rig_write(&rig, SEQ(0) + 4, 1);
	check_medium(&rig, 0x30c00, SEQ(0) + 4);
	for (size_t i = 0; i < ZL_ARRAY_SIZE(plain); i++) {
		arm(STORE_WRITE, plain[i].error);
		rig_write(&rig, SEQ(0) + 4, 1);
		check_sense(&rig, plain[i].code);
		check_zone(&rig, SEQ(0), ZC_IMP_OPEN, SEQ(0) + 4);
	}
	rig_write(&rig, SEQ(0) + 4, 1);
	check_good(&rig);
	arm(STORE_SYNC, EIO);
	CMD(&rig, NULL, 0, 0x91);
	assert_int_equal(rig.cmd.status, SCSI_CHECK_CONDITION);
	assert_int_equal(rig.cmd.sense[2], 0x03);
	arm(STORE_RESET, EIO);
	rig_zone(&rig, ZO_RESET, SEQ(0));
	assert_int_equal(rig.cmd.status, SCSI_CHECK_CONDITION);
	assert_int_equal(rig.cmd.sense[2], 0x03);
}

/* An LBA over 32 bits does not fit the fixed format: VALID=0. */
static void medium_error_far_out(void **state)
{
	static const uint8_t want[20] = { 0x72, 3, 0x0c, 0,    0, 0, 0,
					  12,	0, 10,	 0x80, 0, 0, 0,
					  0,	1, 0x80, 0,    0, 0 };
	static const uint8_t list[] = { 0, 0, 0, 0, 0x0a, 10, 4,    0x10,
					0, 0, 0, 0, 0,	  0,  0xa3, 0xd8 };
	uint64_t lba = UINT64_C(0x180000000);
	struct rig old = rig;

	(void)state;
	rig_start(&rig, "capacity_mb=4194304,zone_size_mb=16384,conv_zones=0");
	arm(STORE_WRITE, EIO);
	rig_write(&rig, lba, 1);
	check_sense(&rig, 0x30c00);
	CMD(&rig, list, sizeof(list), 0x15, 0x10, 0, 0, sizeof(list));
	check_good(&rig);
	arm(STORE_WRITE, EIO);
	rig_write(&rig, lba, 1);
	assert_int_equal(rig.cmd.sense_len, sizeof(want));
	assert_memory_equal(rig.cmd.sense, want, sizeof(want));
	rig_stop(&rig);
	rig = old;
}

static void fua_and_sync(void **state)
{
	uint8_t out[512] = { 0 };

	(void)state;
	arm(STORE_SYNC, 0);
	rig_write(&rig, SEQ(0), 1);
	assert_int_equal(store_fault_calls(rig.fault), 0);
	CMD(&rig, out, 512, 0x2a, 0x08, 0, 0, 0x10, 1, 0, 0, 1);
	check_good(&rig);
	assert_int_equal(store_fault_calls(rig.fault), 1);
	rig_write(&rig, SEQ(0) + 2, 1);
	CMD(&rig, NULL, 0, 0x35, 0x02);
	check_good(&rig);
	assert_int_equal(store_fault_calls(rig.fault), 2);
	/* nothing dirty any more */
	CMD(&rig, NULL, 0, 0x91, 0x02, [13] = 8);
	check_good(&rig);
	assert_int_equal(store_fault_calls(rig.fault), 2);
	/* WRITE AND VERIFY: what is verified is on the medium */
	CMD(&rig, out, 512, 0x2e, 0, 0, 0, 0x10, 3, 0, 0, 1);
	check_good(&rig);
	assert_int_equal(store_fault_calls(rig.fault), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(every_form),
		T(six_byte_length),
		T(range),
		T(zero_length),
		T(write_rules),
		T(write_full),
		T(write_short_buffer),
		T(read_any_buffer),
		T(read_rules),
		T(read_restricted),
		T(physical_blocks),
		T(blocks_of_4096),
		T(gap_zones),
		T(maximum_transfer_length),
		T(damaged_zones),
		T(medium_errors),
		T(medium_error_far_out),
		T(fua_and_sync),
	};

	return cmocka_run_group_tests_name("rw", tests, NULL, NULL);
}
