// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* A host-aware disk, device type 00h, byte for byte. */
#include "rig.h"

#define OPTS	 "capacity_mb=8,zone_size_mb=1,conv_zones=2,model=host-aware"
#define SEQ(n)	 ((2 + (uint64_t)(n)) * MIB_BLOCKS)
#define LAST_LBA (8 * MIB_BLOCKS - 1)

RIG_EACH(OPTS)

static void vpd(uint8_t page)
{
	CMD(&rig, NULL, 300, 0x12, 1, page, 1, 44);
}

static void inquiry(void **state)
{
	static const uint8_t head[8] = { 0x00, 0, 0x07, 0x02, 0x5b, 0, 0, 2 };

	(void)state;
	CMD(&rig, NULL, 96, 0x12, 0, 0, 0, 96);
	check_good(&rig);
	assert_memory_equal(rig.data, head, sizeof(head));
	/* SAM-5, SPC-5, SBC-4, ZBC-2 */
	assert_int_equal(be64_get(rig.data + 58), UINT64_C(0x00a005c006000660));
	vpd(0x00);
	check_good(&rig);
	for (size_t i = 4; i < 12; i++) {
		uint8_t page = rig.data[i];

		vpd(page);
		assert_int_equal(rig.data[0], 0x00);
		assert_int_equal(rig.data[1], page);
		vpd(0x00);
	}
}

static void characteristics(void **state)
{
	/* WABEREQ 01b, ZONED 01b, FUAB, VBULS */
	static const uint8_t want[64] = { 0x00, 0xb1, 0,    0x3c, 0x1c,
					  0x20, 0,    0x42, 0x13 };

	(void)state;
	vpd(0xb1);
	check_data(&rig, want, sizeof(want));
}

static void check_zoned_page(uint32_t optimal_open)
{
	/* host-aware, URSWRZ; constant zone length */
	uint8_t want[64] = { 0x00, 0xb6, 0, 0x3c, 0x11, [23] = 1 };

	be32_put(want + 8, optimal_open);
	memset(want + 12, 0xff, 8);
	vpd(0xb6);
	check_data(&rig, want, sizeof(want));
}

static void zoned_page(void **state)
{
	(void)state;
	check_zoned_page(UINT32_MAX);
	rig_stop(&rig);
	rig_start(&rig, OPTS ",max_open_zones=3");
	check_zoned_page(3);
}

/* RC_BASIS 00b, and the whole disk all the same; no provisioning. */
static void capacity(void **state)
{
	static const uint8_t provisioning[8] = { 0x00, 0xb2, 0, 4 };
	uint8_t ten[8] = { 0 }, sixteen[32] = { 0 };

	(void)state;
	be32_put(ten, LAST_LBA);
	be32_put(ten + 4, 512);
	be64_put(sixteen, LAST_LBA);
	be32_put(sixteen + 8, 512);
	CMD(&rig, NULL, 8, 0x25);
	check_data(&rig, ten, sizeof(ten));
	CMD(&rig, NULL, 32, 0x9e, 0x10, [13] = 32);
	check_data(&rig, sixteen, sizeof(sixteen));
	vpd(0xb2);
	check_data(&rig, provisioning, sizeof(provisioning));
	vpd(0xb0);
	assert_int_equal(be32_get(rig.data + 20), 0);
}

static void put_desc(uint8_t *d, uint8_t type, uint8_t byte_1,
		     uint64_t start_lba, uint64_t wp)
{
	d[0] = type;
	d[1] = byte_1;
	be64_put(d + 8, MIB_BLOCKS);
	be64_put(d + 16, start_lba);
	be64_put(d + 24, wp);
}

#define NON_SEQ 0x02

static void report(void **state)
{
	uint8_t want[64 + 8 * 64] = { [2] = 2 };

	(void)state;
	rig_write(&rig, SEQ(0) + 4, 4);
	check_good(&rig);
	rig_write(&rig, SEQ(1), 4);
	rig_write(&rig, SEQ(2) + MIB_BLOCKS - 1, 1);
	rig_zone(&rig, ZO_OPEN, SEQ(3));
	rig_write(&rig, SEQ(4) + 1, 1);
	rig_zone(&rig, ZO_CLOSE, SEQ(4));
	check_good(&rig);
	want[4] = 3; /* SAME: all lengths, not all types */
	be64_put(want + 8, LAST_LBA);
	put_desc(want + 64, 1, 0, 0, UINT64_MAX);
	put_desc(want + 128, 1, 0, MIB_BLOCKS, UINT64_MAX);
	put_desc(want + 192, 3, 0x20 | NON_SEQ, SEQ(0), SEQ(0) + 8);
	put_desc(want + 256, 3, 0x20, SEQ(1), SEQ(1) + 4);
	put_desc(want + 320, 3, 0xe0 | NON_SEQ, SEQ(2), SEQ(3));
	put_desc(want + 384, 3, 0x30, SEQ(3), SEQ(3));
	put_desc(want + 448, 3, 0x40 | NON_SEQ, SEQ(4), SEQ(4) + 2);
	put_desc(want + 512, 3, 0x10, SEQ(5), SEQ(5));
	rig_report(&rig, 0, 0, sizeof(want), sizeof(want));
	check_data(&rig, want, sizeof(want));

	/* NON_SEQ alone: the third, fifth and seventh. */
	memmove(want + 64, want + 192, 64);
	memmove(want + 128, want + 320, 64);
	memmove(want + 192, want + 448, 64);
	be32_put(want, 3 * 64);
	want[4] = 1;
	rig_report(&rig, 0, 0x11, 1024, 1024);
	check_data(&rig, want, 4 * 64);
	rig_zone(&rig, ZO_RESET, SEQ(2));
	check_good(&rig);
	rig_report(&rig, 0, 0x11, 64, 64);
	assert_int_equal(be32_get(rig.data), 2 * 64);
}

static void reset_recommended(void **state)
{
	struct inject_fault fault = { .kind = INJECT_RESET_RECOMMENDED,
				      .lba = SEQ(0),
				      .nr_blocks = 1 };
	struct zl_err err;
	uint32_t id;

	(void)state;
	rig_write(&rig, SEQ(0) + 4, 4);
	assert_int_equal(disk_fault_add(rig.disk, &fault, &id, &err), 0);
	rig_report(&rig, 0, 0x10, 128, 128);
	assert_int_equal(be32_get(rig.data), 64);
	assert_int_equal(rig.data[64], 3);
	assert_int_equal(rig.data[65], 0x20 | NON_SEQ | 0x01);
	rig_zone(&rig, ZO_RESET, SEQ(0));
	rig_report(&rig, 0, 0x10, 64, 64);
	assert_int_equal(be32_get(rig.data), 0);
}

/* Reads and writes as on any disk. */
static void anywhere(void **state)
{
	uint8_t data[8 * 512];

	(void)state;
	rig_write(&rig, SEQ(0) - 4, 8);
	check_good(&rig);
	check_zone(&rig, SEQ(0), ZC_IMP_OPEN, SEQ(0) + 4);
	rig_write(&rig, SEQ(2) - 4, 8);
	check_good(&rig);
	check_zone(&rig, SEQ(1), ZC_FULL, SEQ(2));
	check_zone(&rig, SEQ(2), ZC_IMP_OPEN, SEQ(2) + 4);
	for (unsigned i = 0; i < 8; i++)
		memset(data + 512 * i, (int)(SEQ(2) - 4 + i + 1) & 0xff, 512);
	rig_rw(&rig, 0x88, SEQ(2) - 4, 8, NULL, sizeof(data));
	check_data(&rig, data, sizeof(data));
	rig_rw(&rig, 0x88, SEQ(0) - 4, 8, NULL, sizeof(data));
	check_good(&rig);
	/* Never written: zeros. */
	rig_rw(&rig, 0x88, SEQ(4), 8, NULL, sizeof(data));
	memset(data, 0, sizeof(data));
	check_data(&rig, data, sizeof(data));
	/* But not beyond the last. */
	rig_write(&rig, LAST_LBA, 1);
	check_good(&rig);
	rig_write(&rig, LAST_LBA, 2);
	check_range(&rig, LAST_LBA + 1);
}

static void other_writes(void **state)
{
	uint8_t two[2 * 512];

	(void)state;
	/* WRITE SAME across two zones, not at the write pointer. */
	memset(two, 7, 512);
	rig_rw(&rig, 0x93, SEQ(1) - 3, 6, two, 512);
	check_good(&rig);
	check_zone(&rig, SEQ(0), ZC_FULL, SEQ(1));
	check_zone(&rig, SEQ(1), ZC_IMP_OPEN, SEQ(1) + 3);
	/* COMPARE AND WRITE */
	memset(two, 7, 512);
	memset(two + 512, 8, 512);
	CMD(&rig, two, sizeof(two), 0x89, [8] = SEQ(1) >> 8,
	    SEQ(1) & 0xff, [13] = 1);
	check_good(&rig);
	rig_rw(&rig, 0x88, SEQ(1), 1, NULL, 512);
	check_data(&rig, two + 512, 512);
	/* WRITE AND VERIFY(16) with BYTCHK 01b */
	rig_rw(&rig, 0x8e, SEQ(1), 1, two, 512);
	check_good(&rig);
	/* WRITE SAME with UNMAP: of a part of one. */
	CMD(&rig, two, 512, 0x93, 0x08, [8] = (SEQ(0) - 1) >> 8,
	    (SEQ(0) - 1) & 0xff, [13] = 2);
	check_bad_cdb(&rig, 1, 3);
}

static void management(void **state)
{
	(void)state;
	rig_zone(&rig, ZO_FINISH, SEQ(0));
	check_good(&rig);
	check_zone(&rig, SEQ(0), ZC_FULL, SEQ(1));
	rig_write(&rig, SEQ(0) + 9, 1);
	check_good(&rig);
	check_zone(&rig, SEQ(0), ZC_FULL, SEQ(1));
	rig_zone(&rig, ZO_RESET, SEQ(0));
	check_good(&rig);
	rig_zone(&rig, ZO_OPEN, 0);
	check_bad_cdb(&rig, 2, -1);
	/* SEQUENTIALIZE ZONE is not there. */
	rig_zone(&rig, 0x10, SEQ(0));
	check_bad_cdb(&rig, 1, 4);
	rig_zone(&rig, ZO_OPEN, LAST_LBA + 1);
	check_range(&rig, LAST_LBA + 1);
}

/* The number of open zones is optimal, no more. */
static void no_limit(void **state)
{
	(void)state;
	rig_stop(&rig);
	rig_start(&rig, OPTS ",max_open_zones=2");
	for (unsigned i = 0; i < 6; i++) {
		rig_zone(&rig, ZO_OPEN, SEQ(i));
		check_good(&rig);
	}
	rig_write(&rig, SEQ(5) + 3, 1);
	check_good(&rig);
	check_zone(&rig, SEQ(0), ZC_EXP_OPEN, SEQ(0));
}

static void zones_at_fault(void **state)
{
	(void)state;
	rig_damage(&rig, 4, 3); /* SEQ(2) offline, SEQ(1) read-only */
	rig_write(&rig, SEQ(1) - 1, 2);
	check_sense(&rig, ZONE_IS_READ_ONLY);
	rig_write(&rig, SEQ(2) + 1, 1);
	check_sense(&rig, ZONE_IS_OFFLINE);
	rig_rw(&rig, 0x88, SEQ(2) - 1, 2, NULL, 1024);
	check_sense(&rig, ZONE_IS_OFFLINE);
	rig_write(&rig, SEQ(0), 1);
	check_good(&rig);
}

/* Log page 14h,01h: NON_SEQ zones at most, suboptimal write commands. */
static void statistics(void **state)
{
	(void)state;
	rig_write(&rig, SEQ(0), 4);
	rig_write(&rig, SEQ(0) + 2, 4);
	rig_write(&rig, SEQ(1) + 2, 4);
	rig_write(&rig, SEQ(1) + 2, 4);
	rig_zone(&rig, ZO_RESET, SEQ(0));
	CMD(&rig, NULL, 256, 0x4d, 0, 0x54, 1, [8] = 255);
	check_good(&rig);
	assert_int_equal(be16_get(rig.data + 2), 10 * 12);
	assert_int_equal(be16_get(rig.data + 4 + 4 * 12), 0x0004);
	assert_int_equal(be32_get(rig.data + 4 + 4 * 12 + 8), 2);
	assert_int_equal(be16_get(rig.data + 4 + 6 * 12), 0x0006);
	assert_int_equal(be32_get(rig.data + 4 + 6 * 12 + 8), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(inquiry),  T(characteristics), T(zoned_page),
		T(capacity), T(report),		 T(reset_recommended),
		T(anywhere), T(other_writes),	 T(management),
		T(no_limit), T(zones_at_fault),	 T(statistics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
