// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* VERIFY, WRITE AND VERIFY, COMPARE AND WRITE, WRITE SAME, UNMAP, PRE-FETCH. */
#include "disk/io/io.h"
#include "rig.h"

#define OPTS                                                          \
	"capacity_mb=8,zone_size_mb=1,conv_zones=2,max_open_zones=2," \
	"provisioning=thin"
#define NR_BLOCKS (8 * MIB_BLOCKS)
#define SEQ(n)	  ((2 + (uint64_t)(n)) * MIB_BLOCKS)

RIG_EACH(OPTS)

/* A 16-byte CDB with its byte 1. */
static void cmd16(uint8_t opcode, uint8_t byte_1, uint64_t lba, uint32_t nr,
		  const void *out, size_t len)
{
	uint8_t cdb[16] = { opcode, byte_1 };

	be64_put(cdb + 2, lba);
	be32_put(cdb + 10, nr);
	rig_cmd(&rig, cdb, sizeof(cdb), out, len);
}

static void check_miscompare(uint32_t offset)
{
	check_medium(&rig, 0xe1d00, offset);
}

/* What rig_write() writes. */
static void expected(uint8_t *data, uint64_t lba, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++)
		memset(data + i * 512, (uint8_t)(lba + i + 1), 512);
}

static void check_zeros_at(uint64_t lba, uint32_t nr)
{
	static const uint8_t zeros[64 * 512];

	rig_rw(&rig, 0x88, lba, nr, NULL, nr * 512);
	check_data(&rig, zeros, nr * 512);
}

static void verify_compares(uint64_t lba)
{
	uint8_t data[300 * 512];

	rig_write(&rig, lba, 300);
	check_good(&rig);
	expected(data, lba, 300);
	cmd16(0x8f, 0x02, lba, 300, data, sizeof(data));
	check_good(&rig);
	/* more data-out than compared */
	cmd16(0x8f, 0x12, lba, 299, data, sizeof(data));
	check_good(&rig);
	/* each of some bytes wrong, beyond the first chunk as well */
	for (size_t at = 0; at < sizeof(data); at += 12799) {
		data[at] ^= 0x10;
		cmd16(0x8f, 0x02, lba, 300, data, sizeof(data));
		check_miscompare((uint32_t)at);
		data[at] ^= 0x10;
	}
	/* the medium alone: no data-out */
	cmd16(0x8f, 0, lba, 300, NULL, 0);
	check_good(&rig);
	cmd16(0x8f, 0x02, lba, 300, data, sizeof(data) - 1);
	check_bad_cdb(&rig, 10, -1);
	cmd16(0x8f, 0x04, lba, 1, data, 512);
	check_bad_cdb(&rig, 1, 2);
	cmd16(0x8f, 0x02, lba, 0, NULL, 0);
	check_good(&rig);
}

static void verify(void **state)
{
	(void)state;
	verify_compares(SEQ(0));
	verify_compares(100);
	verify_compares(MIB_BLOCKS - 10);
	cmd16(0x8f, 0, NR_BLOCKS - 1, 2, NULL, 0);
	check_range(&rig, NR_BLOCKS);
	cmd16(0x8f, 0, NR_BLOCKS, 0, NULL, 0);
	check_good(&rig);
	/* zones of two types; an unwritten zone reads as zeros */
	cmd16(0x8f, 0, SEQ(0) - 1, 2, NULL, 0);
	check_sense(&rig, 0x52106);
	cmd16(0x8f, 0, SEQ(3), MIB_BLOCKS, NULL, 0);
	check_good(&rig);
	check_zone(&rig, SEQ(3), ZC_EMPTY, SEQ(3));
}

static void verify_one_block(void **state)
{
	uint8_t block[512];

	(void)state;
	memset(block, 0x5a, sizeof(block));
	block[7] = 1;
	cmd16(0x93, 0, 50, 200, block, 512);
	check_good(&rig);
	cmd16(0x8f, 0x06, 50, 200, block, 512);
	check_good(&rig);
	cmd16(0x8f, 0x06, 50, 201, block, 512);
	check_miscompare(200 * 512);
	block[511] = 0;
	cmd16(0x8f, 0x06, 50, 200, block, 512);
	check_miscompare(511);
	cmd16(0x8f, 0x06, 50, 200, block, 511);
	check_bad_cdb(&rig, 10, -1);
	cmd16(0x8f, 0x06, 50, 0, NULL, 0);
	check_good(&rig);
}

static void verify_other_lengths(void **state)
{
	uint8_t data[512];

	(void)state;
	rig_write(&rig, 3, 1);
	expected(data, 3, 1);
	CMD(&rig, data, 512, 0x2f, 0x02, [5] = 3, [8] = 1);
	check_good(&rig);
	CMD(&rig, data, 512, 0x2f, 0x02, [5] = 4, [8] = 1);
	check_miscompare(0);
	CMD(&rig, data, 512, 0xaf, 0x02, [5] = 3, [9] = 1);
	check_good(&rig);
	CMD(&rig, data, 511, 0xaf, 0x02, [5] = 3, [9] = 1);
	check_bad_cdb(&rig, 6, -1);
}

static void verify_restricted(void **state)
{
	(void)state;
	rig_stop(&rig);
	rig_start(&rig, OPTS ",urswrz=0");
	rig_write(&rig, SEQ(0), 8);
	cmd16(0x8f, 0, SEQ(0), 8, NULL, 0);
	check_good(&rig);
	cmd16(0x8f, 0, SEQ(0), 9, NULL, 0);
	check_sense(&rig, 0x52106);
	cmd16(0x8f, 0, SEQ(0), MIB_BLOCKS + 1, NULL, 0);
	check_sense(&rig, 0x52107);
}

static void medium_errors(void **state)
{
	struct store_fault_plan reads = { .fail_count = UINT64_MAX,
					  .error = EIO,
					  .only = 1u << STORE_READ };
	struct store_fault_plan writes = { .fail_count = UINT64_MAX,
					   .error = EIO,
					   .only = 1u << STORE_WRITE };
	uint8_t data[1024] = { 0 };

	(void)state;
	rig_write(&rig, SEQ(0), 300);
	store_fault_arm(rig.fault, &reads);
	cmd16(0x8f, 0, SEQ(0) + 2, 200, NULL, 0);
	check_medium(&rig, 0x31100, (uint32_t)SEQ(0) + 2);
	cmd16(0x89, 0, 0, 1, data, 1024);
	check_medium(&rig, 0x31100, 0);
	store_fault_arm(rig.fault, &writes);
	cmd16(0x89, 0, 0, 1, data, 1024);
	check_medium(&rig, 0x30c00, 0);
	cmd16(0x8e, 0, SEQ(0) + 300, 1, data, 512);
	check_medium(&rig, 0x30c00, (uint32_t)SEQ(0) + 300);
	check_zone(&rig, SEQ(0), ZC_IMP_OPEN, SEQ(0) + 300);
	cmd16(0x93, 1, SEQ(0) + 300, 1, NULL, 0);
	check_medium(&rig, 0x30c00, (uint32_t)SEQ(0) + 300);
	writes.only = 1u << STORE_PUNCH;
	store_fault_arm(rig.fault, &writes);
	cmd16(0x93, 9, 40, 1, NULL, 0);
	check_medium(&rig, 0x30c00, 40);
}

static void write_verify(void **state)
{
	uint8_t data[8 * 512], back[8 * 512];
	static const struct {
		uint8_t opcode, nr_at;
	} forms[] = { { 0x2e, 8 }, { 0xae, 9 }, { 0x8e, 13 } };

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + i / 512);
	for (size_t i = 0; i < ZL_ARRAY_SIZE(forms); i++) {
		uint8_t cdb[16] = { forms[i].opcode, i == 1 ? 0x02 : 0x10 };
		uint64_t lba = SEQ(0) + i * 8;

		if (forms[i].opcode == 0x8e)
			be64_put(cdb + 2, lba);
		else
			be32_put(cdb + 2, (uint32_t)lba);
		cdb[forms[i].nr_at] = 8;
		rig_cmd(&rig, cdb, sizeof(cdb), data, sizeof(data));
		check_good(&rig);
		memcpy(back, data, sizeof(back));
		rig_rw(&rig, 0x88, lba, 8, NULL, sizeof(back));
		check_data(&rig, back, sizeof(back));
		check_zone(&rig, SEQ(0), ZC_IMP_OPEN, lba + 8);
	}
	/* not at the write pointer, too little data, values of BYTCHK */
	cmd16(0x8e, 0, SEQ(0), 8, data, sizeof(data));
	check_sense(&rig, 0x52104);
	cmd16(0x8e, 0, SEQ(1), 8, data, sizeof(data) - 1);
	check_bad_cdb(&rig, 10, -1);
	cmd16(0x8e, 0x04, SEQ(1), 8, data, sizeof(data));
	check_bad_cdb(&rig, 1, 2);
	cmd16(0x8e, 0x06, SEQ(1), 8, data, sizeof(data));
	check_bad_cdb(&rig, 1, 2);
	cmd16(0x8e, 0, SEQ(1), 0, NULL, 0);
	check_good(&rig);
	check_zone(&rig, SEQ(1), ZC_EMPTY, SEQ(1));
}

static void compare_write(void **state)
{
	uint8_t data[2 * 3 * 512], want[3 * 512];

	(void)state;
	rig_write(&rig, 10, 3);
	expected(data, 10, 3);
	memset(data + 1536, 0x99, 1536);
	cmd16(0x89, 0, 10, 3, data, sizeof(data));
	check_good(&rig);
	memset(want, 0x99, sizeof(want));
	rig_rw(&rig, 0x88, 10, 3, NULL, sizeof(want));
	check_data(&rig, want, sizeof(want));
	/* now it differs, in the first byte; then in the last */
	cmd16(0x89, 0, 10, 3, data, sizeof(data));
	check_miscompare(0);
	memset(data, 0x99, 1536);
	data[1535] = 0;
	memset(data + 1536, 0x11, 1536);
	cmd16(0x89, 0x08, 10, 3, data, sizeof(data));
	check_miscompare(1535);
	rig_rw(&rig, 0x88, 10, 3, NULL, sizeof(want));
	check_data(&rig, want, sizeof(want));
	/* too little data; too much; too much to compare; nothing */
	cmd16(0x89, 0, 10, 3, data, sizeof(data) - 1);
	check_bad_cdb(&rig, 13, -1);
	cmd16(0x89, 0, 10, 2, data, sizeof(data));
	check_bad_cdb(&rig, 13, -1);
	cmd16(0x89, 0, 10, 129, NULL, 0);
	check_bad_cdb(&rig, 13, -1);
	cmd16(0x89, 0, 10, 0, NULL, 0);
	check_good(&rig);
	cmd16(0x89, 0, NR_BLOCKS - 1, 2, NULL, 2048);
	check_range(&rig, NR_BLOCKS);
	/* the longest one */
	{
		static uint8_t long_data[256 * 512];

		cmd16(0x89, 0, 100, 128, long_data, sizeof(long_data));
		check_good(&rig);
	}
}

/* The rules for writes come before the comparison. */
static void compare_write_sequential(void **state)
{
	uint8_t data[1024] = { 0 };

	(void)state;
	rig_write(&rig, SEQ(0), 1);
	cmd16(0x89, 0, SEQ(0), 1, data, sizeof(data));
	check_sense(&rig, 0x52104);
	/* at the write pointer there are zeros to compare with */
	data[0] = 1;
	cmd16(0x89, 0, SEQ(0) + 1, 1, data, sizeof(data));
	check_miscompare(0);
	check_zone(&rig, SEQ(0), ZC_IMP_OPEN, SEQ(0) + 1);
	data[0] = 0;
	cmd16(0x89, 0, SEQ(0) + 1, 1, data, sizeof(data));
	check_good(&rig);
	check_zone(&rig, SEQ(0), ZC_IMP_OPEN, SEQ(0) + 2);
	rig_zone(&rig, 2, SEQ(0));
	cmd16(0x89, 0, SEQ(0) + 1, 1, data, sizeof(data));
	check_bad_cdb(&rig, 2, -1);
}

/* There its reading is refused as any other is. */
static void compare_write_restricted(void **state)
{
	uint8_t data[1024] = { 0 };

	(void)state;
	rig_stop(&rig);
	rig_start(&rig, OPTS ",urswrz=0");
	rig_write(&rig, SEQ(0), 1);
	cmd16(0x89, 0, SEQ(0) + 1, 1, data, sizeof(data));
	check_sense(&rig, 0x52106);
	check_zone(&rig, SEQ(0), ZC_IMP_OPEN, SEQ(0) + 1);
	cmd16(0x89, 0, SEQ(0), 1, data, sizeof(data));
	check_sense(&rig, 0x52104);
}

static void write_same(void **state)
{
	uint8_t block[512], want[40 * 512];

	(void)state;
	memset(block, 0xd7, sizeof(block));
	memset(want, 0xd7, sizeof(want));
	cmd16(0x93, 0, SEQ(0), 20, block, 512);
	check_good(&rig);
	CMD(&rig, block, 512, 0x41, 0, 0, 0, (uint8_t)(SEQ(0) >> 8), 20, 0, 0,
	    20);
	check_good(&rig);
	check_zone(&rig, SEQ(0), ZC_IMP_OPEN, SEQ(0) + 40);
	rig_rw(&rig, 0x88, SEQ(0), 40, NULL, sizeof(want));
	check_data(&rig, want, sizeof(want));
	/* without a data-out buffer: zeros; to the end of the zone */
	cmd16(0x93, 0x01, SEQ(0) + 40, MIB_BLOCKS - 40, NULL, 0);
	check_good(&rig);
	check_zone(&rig, SEQ(0), ZC_FULL, SEQ(0) + MIB_BLOCKS);
	check_zeros_at(SEQ(0) + 40, 64);
	cmd16(0x93, 0x01, SEQ(0) + 40, 1, NULL, 0);
	check_bad_cdb(&rig, 2, -1);
	cmd16(0x93, 0x01, SEQ(1) + 8, 1, NULL, 0);
	check_sense(&rig, 0x52104);
	cmd16(0x93, 0x01, SEQ(1), MIB_BLOCKS + 1, NULL, 0);
	check_sense(&rig, 0x52105);
	cmd16(0x93, 0x01, SEQ(0) - 1, 2, NULL, 0);
	check_sense(&rig, 0x52105);
	/* WSNZ, the limit, no data, ANCHOR */
	cmd16(0x93, 0x01, SEQ(1), 0, NULL, 0);
	check_bad_cdb(&rig, 10, -1);
	CMD(&rig, block, 512, 0x41);
	check_bad_cdb(&rig, 7, -1);
	cmd16(0x93, 0, SEQ(1), 1, block, 511);
	check_bad_cdb(&rig, 10, -1);
	cmd16(0x93, 0, SEQ(1), 2, want, 1024);
	check_bad_cdb(&rig, 10, -1);
	cmd16(0x93, 0x11, SEQ(1), 1, NULL, 0);
	check_bad_cdb(&rig, 1, 4);
	cmd16(0x93, 0x01, NR_BLOCKS - 1, 2, NULL, 0);
	check_range(&rig, NR_BLOCKS);
}

static void write_same_limit(void **state)
{
	(void)state;
	rig_stop(&rig);
	rig_start(&rig, "capacity_mb=128,zone_size_mb=64,conv_zones=1");
	cmd16(0x93, 0x01, 0, 65537, NULL, 0);
	check_bad_cdb(&rig, 10, -1);
	cmd16(0x93, 0x01, 5, 65536, NULL, 0);
	check_good(&rig);
}

static void write_same_unmap(void **state)
{
	uint8_t block[512] = { 0 };

	(void)state;
	rig_write(&rig, 0, 64);
	cmd16(0x93, 0x08, 0, 10, block, 512); /* zeros */
	check_good(&rig);
	check_zeros_at(0, 10);
	cmd16(0x93, 0x09, 10, 10, NULL, 0);
	check_good(&rig);
	check_zeros_at(0, 20);
	block[511] = 1; /* not what unmapped blocks read as: written */
	cmd16(0x93, 0x08, 4, 1, block, 512);
	check_good(&rig);
	cmd16(0x8f, 0x06, 4, 1, block, 512);
	check_good(&rig);
	rig_rw(&rig, 0x88, 20, 1, NULL, 512);
	assert_int_equal(rig.data[0], 21);
}

/* What has a write pointer is written, by the rules of any write. */
static void write_same_unmap_sequential(void **state)
{
	uint8_t block[512] = { 0 };

	(void)state;
	cmd16(0x93, 0x08, SEQ(0), 10, block, 512);
	check_good(&rig);
	check_zone(&rig, SEQ(0), ZC_IMP_OPEN, SEQ(0) + 10);
	cmd16(0x93, 0x09, SEQ(0) + 10, 10, NULL, 0);
	check_good(&rig);
	CMD(&rig, block, 512, 0x41, 0x08, 0, 0, (uint8_t)(SEQ(0) >> 8), 20, 0,
	    0, 10);
	check_good(&rig);
	check_zone(&rig, SEQ(0), ZC_IMP_OPEN, SEQ(0) + 30);
	check_zeros_at(SEQ(0), 30);
	block[511] = 1;
	cmd16(0x93, 0x08, SEQ(0) + 30, 1, block, 512);
	check_good(&rig);
	cmd16(0x8f, 0x06, SEQ(0) + 30, 1, block, 512);
	check_good(&rig);
	cmd16(0x93, 0x09, SEQ(0) + 30, 1, NULL, 0);
	check_sense(&rig, 0x52104);
	cmd16(0x93, 0x09, SEQ(0) + 32, 1, NULL, 0);
	check_sense(&rig, 0x52104);
	cmd16(0x93, 0x09, SEQ(0) + 31, MIB_BLOCKS, NULL, 0);
	check_sense(&rig, 0x52105);
	cmd16(0x93, 0x09, SEQ(0) - 1, 2, NULL, 0);
	check_sense(&rig, 0x52105);
	cmd16(0x93, 0x09, SEQ(0) + 31, MIB_BLOCKS - 31, NULL, 0);
	check_good(&rig);
	check_zone(&rig, SEQ(0), ZC_FULL, SEQ(1));
	cmd16(0x93, 0x09, SEQ(0), 1, NULL, 0);
	check_bad_cdb(&rig, 2, -1);
	rig_zone(&rig, ZO_OPEN, SEQ(1));
	rig_zone(&rig, ZO_OPEN, SEQ(2));
	cmd16(0x93, 0x09, SEQ(3), 1, NULL, 0);
	check_sense(&rig, 0x7550e);
	check_zone(&rig, SEQ(3), ZC_EMPTY, SEQ(3));
}

/* The default: neither UNMAP nor its bit is there. */
static void no_unmap(void **state)
{
	static const uint64_t lbas[] = { 0, SEQ(0) };
	uint8_t block[512] = { 0 }, list[24] = { 0, 22, 0, 16, [19] = 1 };

	(void)state;
	rig_stop(&rig);
	rig_start(&rig, "capacity_mb=8,zone_size_mb=1,conv_zones=2");
	CMD(&rig, list, 24, 0x42, [8] = 24);
	check_sense(&rig, 0x52000);
	for (size_t i = 0; i < ZL_ARRAY_SIZE(lbas); i++) {
		cmd16(0x93, 0x08, lbas[i], 1, block, 512);
		check_bad_cdb(&rig, 1, 3);
		cmd16(0x93, 0x09, lbas[i], 1, NULL, 0);
		check_bad_cdb(&rig, 1, 3);
		CMD(&rig, block, 512, 0x41, 0x08, 0, 0, (uint8_t)(lbas[i] >> 8),
		    0, 0, 0, 1);
		check_bad_cdb(&rig, 1, 3);
		cmd16(0x93, 0x01, lbas[i], 1, NULL, 0);
		check_good(&rig);
	}
}

static void unmap(void **state)
{
	uint8_t list[8 + 3 * 16] = { 0, 54, 0, 48 };

	(void)state;
	rig_write(&rig, 0, 64);
	rig_write(&rig, MIB_BLOCKS - 4, 8);
	be64_put(list + 8, 8);
	be32_put(list + 16, 3);
	be64_put(list + 24, MIB_BLOCKS - 2);
	be32_put(list + 32, 5);
	CMD(&rig, list, sizeof(list), 0x42, [8] = 56);
	check_good(&rig);
	check_zeros_at(8, 3);
	check_zeros_at(MIB_BLOCKS - 2, 5);
	rig_rw(&rig, 0x88, 7, 1, NULL, 512);
	assert_int_equal(rig.data[511], 8);
	rig_rw(&rig, 0x88, 11, 1, NULL, 512);
	assert_int_equal(rig.data[0], 12);
	rig_rw(&rig, 0x88, MIB_BLOCKS + 3, 1, NULL, 512);
	assert_int_equal(rig.data[0], 4);
	/* a sequential zone: nothing is unmapped */
	be64_put(list + 8, 20);
	be64_put(list + 24, SEQ(0) - 2);
	CMD(&rig, list, sizeof(list), 0x42, [8] = 56);
	check_bad_param(&rig, 24, -1);
	rig_rw(&rig, 0x88, 20, 1, NULL, 512);
	assert_int_equal(rig.data[0], 21);
	be64_put(list + 24, NR_BLOCKS - 4);
	CMD(&rig, list, sizeof(list), 0x42, [8] = 56);
	check_range(&rig, NR_BLOCKS);
	/* a descriptor cut off is none; lengths */
	CMD(&rig, list, sizeof(list), 0x42, [8] = 8 + 31);
	check_good(&rig);
	check_zeros_at(20, 3);
	CMD(&rig, NULL, 0, 0x42);
	check_good(&rig);
	CMD(&rig, list, 8, 0x42, [8] = 7);
	check_sense(&rig, 0x51a00);
	CMD(&rig, list, 20, 0x42, [8] = 24);
	check_bad_cdb(&rig, 7, -1);
	CMD(&rig, list, 56, 0x42, 1, [8] = 56);
	check_bad_cdb(&rig, 1, 0);
}

static void unmap_many(void **state)
{
	static uint8_t list[8 + 65 * 16];

	(void)state;
	be16_put(list + 2, 65 * 16);
	CMD(&rig, list, sizeof(list), 0x42, [7] = 4, [8] = 8 + 16);
	check_bad_param(&rig, 2, -1);
	rig_write(&rig, 0, 64);
	for (unsigned i = 0; i < 64; i++) {
		be64_put(list + 8 + 16 * i, i);
		be32_put(list + 16 + 16 * i, 1);
	}
	be16_put(list + 2, 64 * 16);
	CMD(&rig, list, sizeof(list), 0x42, [7] = 4, [8] = 8);
	check_good(&rig);
	check_zeros_at(0, 64);
}

static void prefetch(void **state)
{
	(void)state;
	CMD(&rig, NULL, 0, 0x34, 0x02, [8] = 16);
	check_good(&rig);
	cmd16(0x90, 0, NR_BLOCKS - 1, 1, NULL, 0);
	check_good(&rig);
	cmd16(0x90, 0, NR_BLOCKS - 1, 2, NULL, 0);
	check_range(&rig, NR_BLOCKS);
}

static void write_protected(void **state)
{
	uint8_t mode[16] = { [4] = 0x0a, 10, 0, 0x10, 0x08, [15] = 1 };
	uint8_t data[1024] = { 0 };

	(void)state;
	CMD(&rig, mode, 16, 0x15, 0x10, 0, 0, 16);
	check_good(&rig);
	cmd16(0x8e, 0, 0, 1, data, 512);
	check_sense(&rig, 0x72702);
	cmd16(0x89, 0, 0, 1, data, 1024);
	check_sense(&rig, 0x72702);
	cmd16(0x93, 1, 0, 1, NULL, 0);
	check_sense(&rig, 0x72702);
	CMD(&rig, NULL, 0, 0x42);
	check_sense(&rig, 0x72702);
	cmd16(0x8f, 0, 0, 1, NULL, 0);
	check_good(&rig);
}

static void damaged_zones(void **state)
{
	uint8_t data[1024] = { 0 }, list[24] = { 0, 22, 0, 16, [19] = 1 };

	(void)state;
	rig_damage(&rig, 3, 1);
	cmd16(0x8f, 0, SEQ(1), 1, NULL, 0);
	check_sense(&rig, 0x72c0e);
	cmd16(0x93, 1, SEQ(1), 1, NULL, 0);
	check_sense(&rig, 0x72c0e);
	cmd16(0x89, 0, MIB_BLOCKS, 1, data, 1024);
	check_sense(&rig, 0x72708);
	cmd16(0x8e, 0, MIB_BLOCKS, 1, data, 512);
	check_sense(&rig, 0x72708);
	be64_put(list + 8, MIB_BLOCKS);
	CMD(&rig, list, 24, 0x42, [8] = 24);
	check_sense(&rig, 0x72708);
}

static void gap_zone(void **state)
{
	uint8_t list[8 + 2 * 16] = { 0, 38, 0, 32 };

	(void)state;
	rig_stop(&rig);
	rig_start(&rig, "capacity_mb=16,zone_size_mb=4,zone_capacity_mb=3,"
			"conv_zones=1,provisioning=thin");
	cmd16(0x8f, 0, 7 * MIB_BLOCKS, 1, NULL, 0);
	check_good(&rig);
	cmd16(0x8f, 0, 7 * MIB_BLOCKS - 1, 2, NULL, 0);
	check_sense(&rig, 0x52106);
	cmd16(0x93, 1, 7 * MIB_BLOCKS, 1, NULL, 0);
	check_sense(&rig, 0x52109);
	/* UNMAP: nothing is unmapped */
	rig_write(&rig, 0, 8);
	be32_put(list + 16, 8);
	be64_put(list + 24, 7 * MIB_BLOCKS);
	be32_put(list + 32, 1);
	CMD(&rig, list, sizeof(list), 0x42, [8] = sizeof(list));
	check_bad_param(&rig, 24, -1);
	rig_rw(&rig, 0x88, 0, 1, NULL, 512);
	assert_int_equal(rig.data[0], 1);
}

/*
 * Many threads count up the same block with COMPARE AND WRITE while others
 * write beside it: no increment is lost.
 */
#define THREADS 4
#define ROUNDS	200

static void *count_up(void *arg)
{
	struct disk *disk = arg;
	uint64_t buf[128] = { 0 };
	struct iovec iov = { buf, sizeof(buf) };
	struct disk_io io = { .op = DISK_COMPARE_WRITE,
			      .lba = 7,
			      .nr_blocks = 1,
			      .iov = &iov,
			      .iov_cnt = 1 };

	for (int done = 0; done < ROUNDS;) {
		buf[64] = buf[0] + 1;
		if (disk_run(disk, &io) == DISK_OK) {
			done++;
			buf[0]++;
			continue;
		}
		/* Somebody else did: read what is there. */
		struct disk_io in = { .op = DISK_READ,
				      .lba = 7,
				      .nr_blocks = 1,
				      .iov = &iov,
				      .iov_cnt = 1 };
		iov.iov_len = 512;
		if (disk_run(disk, &in) != DISK_OK)
			return "read failed";
		iov.iov_len = sizeof(buf);
	}
	return NULL;
}

static void *write_beside(void *arg)
{
	struct disk *disk = arg;
	uint8_t data[512] = { 1 };
	struct iovec iov = { data, sizeof(data) };
	struct disk_io io = { .op = DISK_WRITE,
			      .lba = 8,
			      .nr_blocks = 1,
			      .iov = &iov,
			      .iov_cnt = 1 };

	for (int i = 0; i < ROUNDS * 5; i++)
		if (!(i % 2 && disk_try(disk, &io)) &&
		    disk_run(disk, &io) != DISK_OK)
			return "write failed";
	return NULL;
}

static void compare_write_is_atomic(void **state)
{
	struct store_mem *mem = store_mem_new();
	struct disk_open_args args = { .may_make = true, .nr_workers = 3 };
	struct disk_opts opts;
	struct zl_err err;
	pthread_t thread[THREADS + 1];
	uint64_t last[64];
	struct iovec iov = { last, sizeof(last) };
	struct disk_io io = { .op = DISK_READ,
			      .lba = 7,
			      .nr_blocks = 1,
			      .iov = &iov,
			      .iov_cnt = 1 };
	struct disk *disk;
	void *what;

	(void)state;
	assert_int_equal(
		disk_opts_parse(&opts, OPTS, strlen(OPTS), ',', false, &err),
		0);
	args.opts = &opts;
	assert_int_equal(disk_open_store(store_mem_open(mem), "atomic", &args,
					 &disk, &err),
			 0);
	for (int i = 0; i <= THREADS; i++)
		pthread_create(&thread[i], NULL,
			       i < THREADS ? count_up : write_beside, disk);
	for (int i = 0; i <= THREADS; i++) {
		pthread_join(thread[i], &what);
		assert_null(what);
	}
	assert_int_equal(disk_run(disk, &io), DISK_OK);
	assert_int_equal(last[0], THREADS * ROUNDS);
	disk_close(disk);
	store_mem_free(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(verify),
		T(verify_one_block),
		T(verify_other_lengths),
		T(verify_restricted),
		T(medium_errors),
		T(write_verify),
		T(compare_write),
		T(compare_write_sequential),
		T(compare_write_restricted),
		T(write_same),
		T(write_same_limit),
		T(write_same_unmap),
		T(write_same_unmap_sequential),
		T(no_unmap),
		T(unmap),
		T(unmap_many),
		T(prefetch),
		T(write_protected),
		T(damaged_zones),
		T(gap_zone),
		cmocka_unit_test(compare_write_is_atomic),
	};

	return cmocka_run_group_tests_name("media", tests, NULL, NULL);
}
