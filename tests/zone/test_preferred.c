// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Sequential write preferred zones: those of host-aware disks. */
#include "zone_test.h"

#define ZONE(n) ((n)*16u)

/* 2 conventional zones, then 6 of 16 blocks; three open ones are optimal. */
static void start(struct disk *d)
{
	struct zone_geo geo = plain_geo;

	geo.runs[1].type = ZT_SEQ_PREFERRED;
	disk_init(d, &geo);
}

static void assert_attrs(struct disk *d, uint32_t slot, uint8_t attrs)
{
	struct zone_info info;

	zone_info_at(&d->set, ZONE(slot), &info);
	assert_int_equal(info.type, ZT_SEQ_PREFERRED);
	assert_int_equal(info.attrs, attrs);
}

static void in_order(void **state)
{
	struct disk d;

	(void)state;
	start(&d);
	assert_zone(&d, 2, ZC_EMPTY, 0);
	assert_verdict(disk_write(&d, ZONE(2), 5), ZV_OK);
	assert_zone(&d, 2, ZC_IMP_OPEN, 5);
	assert_verdict(disk_write(&d, ZONE(2) + 5, 11), ZV_OK);
	assert_zone(&d, 2, ZC_FULL, 16);
	assert_attrs(&d, 2, 0);
	assert_int_equal(d.set.nr_non_seq, 0);
}

static void behind_the_write_pointer(void **state)
{
	struct disk d;

	(void)state;
	start(&d);
	assert_verdict(disk_write(&d, ZONE(2) + 3, 2), ZV_OK);
	assert_zone(&d, 2, ZC_IMP_OPEN, 5);
	assert_attrs(&d, 2, ZA_NON_SEQ);
	/* The attribute stays when writes are in order again. */
	assert_verdict(disk_write(&d, ZONE(2) + 5, 1), ZV_OK);
	assert_attrs(&d, 2, ZA_NON_SEQ);
	/* The last block alone makes it FULL. */
	assert_verdict(disk_write(&d, ZONE(2) + 15, 1), ZV_OK);
	assert_zone(&d, 2, ZC_FULL, 16);
	assert_int_equal(d.set.nr_non_seq, 1);
}

static void before_the_write_pointer(void **state)
{
	struct disk d;

	(void)state;
	start(&d);
	disk_write(&d, ZONE(2), 8);
	assert_verdict(disk_write(&d, ZONE(2), 8), ZV_OK);
	assert_zone(&d, 2, ZC_IMP_OPEN, 8);
	assert_attrs(&d, 2, ZA_NON_SEQ);
	/* Across it: the write pointer is at the end. */
	assert_verdict(disk_write(&d, ZONE(2) + 6, 4), ZV_OK);
	assert_zone(&d, 2, ZC_IMP_OPEN, 10);
}

static void full_zones_are_written(void **state)
{
	struct disk d;

	(void)state;
	start(&d);
	disk_write(&d, ZONE(2), 16);
	assert_attrs(&d, 2, 0);
	assert_verdict(disk_write(&d, ZONE(2) + 4, 4), ZV_OK);
	assert_zone(&d, 2, ZC_FULL, 16);
	assert_attrs(&d, 2, ZA_NON_SEQ);
	/* FULL zones hold no resource and need none. */
	assert_int_equal(zone_nr_open(&d.set), 0);
}

static void across_zones_and_types(void **state)
{
	struct disk d;

	(void)state;
	start(&d);
	/* The end of a conventional zone, a whole one, a part of a third. */
	assert_verdict(disk_write(&d, ZONE(2) - 4, 4 + 16 + 3), ZV_OK);
	assert_zone(&d, 1, ZC_NOT_WP, 0);
	assert_zone(&d, 2, ZC_FULL, 16);
	assert_zone(&d, 3, ZC_IMP_OPEN, 3);
	assert_attrs(&d, 2, 0);
	assert_attrs(&d, 3, 0);
	/* Each zone by itself: in order in the second one only. */
	assert_verdict(disk_write(&d, ZONE(3) + 12, 4 + 2), ZV_OK);
	assert_zone(&d, 3, ZC_FULL, 16);
	assert_zone(&d, 4, ZC_IMP_OPEN, 2);
	assert_attrs(&d, 3, ZA_NON_SEQ);
	assert_attrs(&d, 4, 0);
	assert_verdict(zone_read_check(&d.set, 0, 128, NULL), ZV_OK);
	assert_verdict(zone_write_check(&d.set, 0, 128, NULL), ZV_OK);
	assert_verdict(zone_write_check(&d.set, 0, 129, NULL), ZV_LBA_RANGE);
	assert_verdict(zone_read_check(&d.set, 128, 1, NULL), ZV_LBA_RANGE);
}

static void a_part_of_a_write(void **state)
{
	struct disk d;

	(void)state;
	start(&d);
	assert_verdict(zone_write_begin(&d.set, ZONE(2) + 14, 6, NULL), ZV_OK);
	assert_zone(&d, 2, ZC_IMP_OPEN, 0);
	assert_zone(&d, 3, ZC_IMP_OPEN, 0);
	zone_write_end(&d.set, ZONE(2) + 14, 0);
	assert_attrs(&d, 2, 0);
	zone_write_end(&d.set, ZONE(2) + 14, 1);
	assert_zone(&d, 2, ZC_IMP_OPEN, 15);
	assert_attrs(&d, 2, ZA_NON_SEQ);
	assert_zone(&d, 3, ZC_IMP_OPEN, 0);
}

static void zones_at_fault(void **state)
{
	uint32_t slot;
	struct disk d;

	(void)state;
	start(&d);
	zone_set_state(&d.set, 3, ZC_READ_ONLY, 4);
	zone_set_state(&d.set, 5, ZC_OFFLINE, 4);
	assert_verdict(zone_write_check(&d.set, ZONE(2), 17, &slot),
		       ZV_READ_ONLY);
	assert_int_equal(slot, 3);
	assert_verdict(zone_write_check(&d.set, ZONE(2), 16, NULL), ZV_OK);
	assert_verdict(zone_read_check(&d.set, ZONE(2), 48, NULL), ZV_OK);
	assert_verdict(zone_read_check(&d.set, ZONE(2), 49, &slot), ZV_OFFLINE);
	assert_int_equal(slot, 5);
	assert_verdict(zone_op_run(&d.set, ZO_RESET, ZONE(3), 0, false),
		       ZV_READ_ONLY);
}

static void management(void **state)
{
	struct disk d;

	(void)state;
	start(&d);
	disk_write(&d, ZONE(2) + 4, 1);
	assert_verdict(zone_op_run(&d.set, ZO_CLOSE, ZONE(2), 0, false), ZV_OK);
	assert_zone(&d, 2, ZC_CLOSED, 5);
	assert_verdict(zone_op_run(&d.set, ZO_OPEN, ZONE(2), 0, false), ZV_OK);
	assert_zone(&d, 2, ZC_EXP_OPEN, 5);
	assert_verdict(zone_op_run(&d.set, ZO_FINISH, ZONE(2), 0, false),
		       ZV_OK);
	assert_zone(&d, 2, ZC_FULL, 16);
	assert_attrs(&d, 2, ZA_NON_SEQ);
	zone_set_attrs(&d.set, 2, ZA_NON_SEQ | ZA_RESET);
	assert_verdict(zone_op_run(&d.set, ZO_RESET, ZONE(2), 0, false), ZV_OK);
	assert_zone(&d, 2, ZC_EMPTY, 0);
	assert_attrs(&d, 2, 0);
	assert_verdict(zone_op_run(&d.set, ZO_OPEN, ZONE(1), 0, false),
		       ZV_ZONE_ID);
}

/* More than the optimal number is no reason to refuse anything. */
static void open_zones(void **state)
{
	struct disk d;

	(void)state;
	start(&d);
	for (uint32_t i = 2; i < 6; i++)
		disk_write(&d, ZONE(i), 1);
	assert_zone(&d, 2, ZC_CLOSED, 1);
	assert_zone(&d, 5, ZC_IMP_OPEN, 1);
	assert_verdict(zone_op_run(&d.set, ZO_OPEN, ZONE(2), 4, false), ZV_OK);
	for (uint32_t i = 2; i < 6; i++)
		assert_zone(&d, i, ZC_EXP_OPEN, 1);
	assert_int_equal(zone_nr_open(&d.set), 4);
	disk_write(&d, ZONE(6), 1);
	disk_write(&d, ZONE(7), 1);
	assert_zone(&d, 6, ZC_CLOSED, 1);
	assert_zone(&d, 7, ZC_IMP_OPEN, 1);
	/* Nothing to open, nothing to close for it. */
	assert_verdict(zone_op_run(&d.set, ZO_OPEN, ZONE(2), 0, false), ZV_OK);
	assert_zone(&d, 7, ZC_IMP_OPEN, 1);
	assert_verdict(zone_op_run(&d.set, ZO_OPEN, 0, 0, true), ZV_OK);
	assert_zone(&d, 6, ZC_EXP_OPEN, 1);
	assert_zone(&d, 7, ZC_CLOSED, 1);
}

static void state_from_the_medium(void **state)
{
	struct disk d;

	(void)state;
	start(&d);
	zone_set_state(&d.set, 2, ZC_CLOSED, 7);
	zone_set_attrs(&d.set, 2, ZA_NON_SEQ | ZA_PUEP);
	assert_zone(&d, 2, ZC_CLOSED, 7);
	zone_set_state(&d.set, 2, ZC_EMPTY, 0);
	assert_attrs(&d, 2, ZA_PUEP);
	assert_zone(&d, 2, ZC_EMPTY, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order),
		cmocka_unit_test(behind_the_write_pointer),
		cmocka_unit_test(before_the_write_pointer),
		cmocka_unit_test(full_zones_are_written),
		cmocka_unit_test(across_zones_and_types),
		cmocka_unit_test(a_part_of_a_write),
		cmocka_unit_test(zones_at_fault),
		cmocka_unit_test(management),
		cmocka_unit_test(open_zones),
		cmocka_unit_test(state_from_the_medium),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
