// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * What OPEN, CLOSE, FINISH, RESET and a write make of a sequential write
 * required zone, one row for each command and condition, and the commands'
 * other forms: ZONE COUNT and ALL.
 */
#include "zone_test.h"

#define SLOT	 3
#define ZONE_LBA 48
#define WRITE	 0 /* of one block at the write pointer; no zone_op has it */

static const struct transition {
	const char *name;
	unsigned int command;
	enum zone_cond from;
	uint32_t from_wp;
	enum zone_verdict verdict;
	enum zone_cond to;
	uint32_t to_wp;
} transitions[] = {
#define OPENED ZC_EXP_OPEN
	{ "open: empty to explicitly open", ZO_OPEN, ZC_EMPTY, 0, ZV_OK, OPENED,
	  0 },
	{ "open: implicitly open to explicitly open", ZO_OPEN, ZC_IMP_OPEN, 5,
	  ZV_OK, OPENED, 5 },
	{ "open: explicitly open stays", ZO_OPEN, OPENED, 5, ZV_OK, OPENED, 5 },
	{ "open: closed to explicitly open", ZO_OPEN, ZC_CLOSED, 5, ZV_OK,
	  OPENED, 5 },
	{ "open: full stays", ZO_OPEN, ZC_FULL, 16, ZV_OK, ZC_FULL, 16 },
	{ "open: read only refused", ZO_OPEN, ZC_READ_ONLY, 5, ZV_READ_ONLY,
	  ZC_READ_ONLY, 5 },
	{ "open: offline refused", ZO_OPEN, ZC_OFFLINE, 5, ZV_OFFLINE,
	  ZC_OFFLINE, 5 },
	{ "open: inactive refused", ZO_OPEN, ZC_INACTIVE, 0, ZV_INACTIVE,
	  ZC_INACTIVE, 0 },

	{ "close: empty stays", ZO_CLOSE, ZC_EMPTY, 0, ZV_OK, ZC_EMPTY, 0 },
	{ "close: implicitly open to closed", ZO_CLOSE, ZC_IMP_OPEN, 5, ZV_OK,
	  ZC_CLOSED, 5 },
	{ "close: implicitly open, unwritten, to empty", ZO_CLOSE, ZC_IMP_OPEN,
	  0, ZV_OK, ZC_EMPTY, 0 },
	{ "close: explicitly open to closed", ZO_CLOSE, OPENED, 5, ZV_OK,
	  ZC_CLOSED, 5 },
	{ "close: explicitly open, unwritten, to empty", ZO_CLOSE, OPENED, 0,
	  ZV_OK, ZC_EMPTY, 0 },
	{ "close: closed stays", ZO_CLOSE, ZC_CLOSED, 5, ZV_OK, ZC_CLOSED, 5 },
	{ "close: full stays", ZO_CLOSE, ZC_FULL, 16, ZV_OK, ZC_FULL, 16 },
	{ "close: read only refused", ZO_CLOSE, ZC_READ_ONLY, 5, ZV_READ_ONLY,
	  ZC_READ_ONLY, 5 },
	{ "close: offline refused", ZO_CLOSE, ZC_OFFLINE, 5, ZV_OFFLINE,
	  ZC_OFFLINE, 5 },
	{ "close: inactive refused", ZO_CLOSE, ZC_INACTIVE, 0, ZV_INACTIVE,
	  ZC_INACTIVE, 0 },

	{ "finish: empty to full", ZO_FINISH, ZC_EMPTY, 0, ZV_OK, ZC_FULL, 16 },
	{ "finish: implicitly open to full", ZO_FINISH, ZC_IMP_OPEN, 5, ZV_OK,
	  ZC_FULL, 16 },
	{ "finish: explicitly open to full", ZO_FINISH, OPENED, 5, ZV_OK,
	  ZC_FULL, 16 },
	{ "finish: closed to full", ZO_FINISH, ZC_CLOSED, 5, ZV_OK, ZC_FULL,
	  16 },
	{ "finish: full stays", ZO_FINISH, ZC_FULL, 16, ZV_OK, ZC_FULL, 16 },
	{ "finish: read only refused", ZO_FINISH, ZC_READ_ONLY, 5, ZV_READ_ONLY,
	  ZC_READ_ONLY, 5 },
	{ "finish: offline refused", ZO_FINISH, ZC_OFFLINE, 5, ZV_OFFLINE,
	  ZC_OFFLINE, 5 },
	{ "finish: inactive refused", ZO_FINISH, ZC_INACTIVE, 0, ZV_INACTIVE,
	  ZC_INACTIVE, 0 },

	{ "reset: empty stays", ZO_RESET, ZC_EMPTY, 0, ZV_OK, ZC_EMPTY, 0 },
	{ "reset: implicitly open to empty", ZO_RESET, ZC_IMP_OPEN, 5, ZV_OK,
	  ZC_EMPTY, 0 },
	{ "reset: explicitly open to empty", ZO_RESET, OPENED, 5, ZV_OK,
	  ZC_EMPTY, 0 },
	{ "reset: closed to empty", ZO_RESET, ZC_CLOSED, 5, ZV_OK, ZC_EMPTY,
	  0 },
	{ "reset: full to empty", ZO_RESET, ZC_FULL, 16, ZV_OK, ZC_EMPTY, 0 },
	{ "reset: read only refused", ZO_RESET, ZC_READ_ONLY, 5, ZV_READ_ONLY,
	  ZC_READ_ONLY, 5 },
	{ "reset: offline refused", ZO_RESET, ZC_OFFLINE, 5, ZV_OFFLINE,
	  ZC_OFFLINE, 5 },
	{ "reset: inactive refused", ZO_RESET, ZC_INACTIVE, 0, ZV_INACTIVE,
	  ZC_INACTIVE, 0 },

	{ "write: empty to implicitly open", WRITE, ZC_EMPTY, 0, ZV_OK,
	  ZC_IMP_OPEN, 1 },
	{ "write: implicitly open stays", WRITE, ZC_IMP_OPEN, 5, ZV_OK,
	  ZC_IMP_OPEN, 6 },
	{ "write: explicitly open stays", WRITE, OPENED, 5, ZV_OK, OPENED, 6 },
	{ "write: closed to implicitly open", WRITE, ZC_CLOSED, 5, ZV_OK,
	  ZC_IMP_OPEN, 6 },
	{ "write: implicitly open to full", WRITE, ZC_IMP_OPEN, 15, ZV_OK,
	  ZC_FULL, 16 },
	{ "write: explicitly open to full", WRITE, OPENED, 15, ZV_OK, ZC_FULL,
	  16 },
	{ "write: closed to full", WRITE, ZC_CLOSED, 15, ZV_OK, ZC_FULL, 16 },
	{ "write: read only refused", WRITE, ZC_READ_ONLY, 5, ZV_READ_ONLY,
	  ZC_READ_ONLY, 5 },
	{ "write: offline refused", WRITE, ZC_OFFLINE, 5, ZV_OFFLINE,
	  ZC_OFFLINE, 5 },
	{ "write: inactive refused", WRITE, ZC_INACTIVE, 5, ZV_INACTIVE,
	  ZC_INACTIVE, 5 },
#undef OPENED
};

static void every_transition(void **state)
{
	const struct transition *t;
	enum zone_verdict verdict;
	struct disk d;

	(void)state;
	for (size_t i = 0; i < ZL_ARRAY_SIZE(transitions); i++) {
		t = &transitions[i];
		print_message("  %s\n", t->name);
		disk_init(&d, &plain_geo);
		zone_set_state(&d.set, SLOT, t->from, t->from_wp);
		if (t->command == WRITE)
			verdict = disk_write(&d, ZONE_LBA + t->from_wp, 1);
		else
			verdict = zone_op_run(&d.set, t->command, ZONE_LBA, 0,
					      false);
		assert_verdict(verdict, t->verdict);
		assert_zone(&d, SLOT, t->to, t->to_wp);
	}
}

/* Slots 2 to 7 in all conditions that a command can meet, none refused. */
static void disk_of_all_conditions(struct disk *d)
{
	disk_init(d, &plain_geo);
	zone_set_state(&d->set, 3, ZC_IMP_OPEN, 1);
	zone_set_state(&d->set, 4, ZC_EXP_OPEN, 2);
	zone_set_state(&d->set, 5, ZC_CLOSED, 3);
	zone_set_state(&d->set, 6, ZC_FULL, 16);
	zone_set_state(&d->set, 7, ZC_EXP_OPEN, 0);
}

static void open_all_takes_closed_zones_only(void **state)
{
	struct disk d;

	(void)state;
	disk_of_all_conditions(&d);
	assert_verdict(zone_op_run(&d.set, ZO_OPEN, 1, 99, true), ZV_OK);
	assert_zone(&d, 2, ZC_EMPTY, 0);
	assert_zone(&d, 3, ZC_CLOSED, 1); /* made room, and is left at that */
	assert_zone(&d, 4, ZC_EXP_OPEN, 2);
	assert_zone(&d, 5, ZC_EXP_OPEN, 3);
	assert_zone(&d, 6, ZC_FULL, 16);
	assert_zone(&d, 7, ZC_EXP_OPEN, 0);
}

static void close_all(void **state)
{
	struct disk d;

	(void)state;
	disk_of_all_conditions(&d);
	zone_set_state(&d.set, 0, ZC_OFFLINE, 0);
	assert_verdict(zone_op_run(&d.set, ZO_CLOSE, 1, 99, true), ZV_OK);
	assert_zone(&d, 0, ZC_OFFLINE, 0);
	assert_zone(&d, 1, ZC_NOT_WP, 0);
	assert_zone(&d, 2, ZC_EMPTY, 0);
	assert_zone(&d, 3, ZC_CLOSED, 1);
	assert_zone(&d, 4, ZC_CLOSED, 2);
	assert_zone(&d, 5, ZC_CLOSED, 3);
	assert_zone(&d, 6, ZC_FULL, 16);
	assert_zone(&d, 7, ZC_EMPTY, 0);
}

static void finish_all_leaves_empty_zones(void **state)
{
	struct disk d;

	(void)state;
	disk_of_all_conditions(&d);
	assert_verdict(zone_op_run(&d.set, ZO_FINISH, 1, 99, true), ZV_OK);
	assert_zone(&d, 2, ZC_EMPTY, 0);
	for (uint32_t i = 3; i < 8; i++)
		assert_zone(&d, i, ZC_FULL, 16);
}

static void reset_all_passes_over_zones_out_of_reach(void **state)
{
	struct disk d;

	(void)state;
	disk_of_all_conditions(&d);
	zone_set_state(&d.set, 4, ZC_READ_ONLY, 2);
	zone_set_state(&d.set, 5, ZC_OFFLINE, 3);
	assert_verdict(zone_op_run(&d.set, ZO_RESET, 1, 99, true), ZV_OK);
	assert_zone(&d, 2, ZC_EMPTY, 0);
	assert_zone(&d, 3, ZC_EMPTY, 0);
	assert_zone(&d, 4, ZC_READ_ONLY, 2);
	assert_zone(&d, 5, ZC_OFFLINE, 3);
	assert_zone(&d, 6, ZC_EMPTY, 0);
	assert_zone(&d, 7, ZC_EMPTY, 0);
}

static void zone_count_acts_on_that_many_zones(void **state)
{
	struct disk d;

	(void)state;
	disk_of_all_conditions(&d);
	assert_verdict(zone_op_run(&d.set, ZO_RESET, 48, 3, false), ZV_OK);
	assert_zone(&d, 3, ZC_EMPTY, 0);
	assert_zone(&d, 4, ZC_EMPTY, 0);
	assert_zone(&d, 5, ZC_EMPTY, 0);
	assert_zone(&d, 6, ZC_FULL, 16);
	/* Other than ALL, FINISH with ZONE COUNT takes EMPTY zones too. */
	assert_verdict(zone_op_run(&d.set, ZO_FINISH, 32, 2, false), ZV_OK);
	assert_zone(&d, 2, ZC_FULL, 16);
	assert_zone(&d, 3, ZC_FULL, 16);
	assert_zone(&d, 4, ZC_EMPTY, 0);
}

static void zone_count_changes_all_or_nothing(void **state)
{
	struct disk d, before;

	(void)state;
	disk_of_all_conditions(&d);
	zone_set_state(&d.set, 6, ZC_READ_ONLY, 9);
	zone_set_state(&d.set, 7, ZC_OFFLINE, 9);
	before = d;
	assert_verdict(zone_op_run(&d.set, ZO_RESET, 32, 7, false),
		       ZV_ZONE_COUNT);
	assert_verdict(zone_op_run(&d.set, ZO_RESET, 32, UINT16_MAX, false),
		       ZV_ZONE_COUNT);
	assert_verdict(zone_op_run(&d.set, ZO_RESET, 32, 6, false),
		       ZV_READ_ONLY);
	assert_verdict(zone_op_run(&d.set, ZO_OPEN, 32, 4, false),
		       ZV_NO_RESOURCES);
	assert_memory_equal(d.slots, before.slots, sizeof(d.slots));
}

static void zone_id_must_be_the_start_of_a_write_pointer_zone(void **state)
{
	static const uint64_t bad[] = { 0, 16, 31, 33, 47, 127 };
	struct disk d;

	(void)state;
	disk_init(&d, &plain_geo);
	for (enum zone_op op = ZO_CLOSE; op <= ZO_RESET; op++) {
		for (size_t i = 0; i < ZL_ARRAY_SIZE(bad); i++)
			assert_verdict(
				zone_op_run(&d.set, op, bad[i], 0, false),
				ZV_ZONE_ID);
		assert_verdict(zone_op_run(&d.set, op, 128, 0, false),
			       ZV_LBA_RANGE);
		assert_verdict(zone_op_run(&d.set, op, UINT64_MAX, 0, false),
			       ZV_LBA_RANGE);
	}
}

static void gap_zones_take_no_command(void **state)
{
	struct zone_geo geo = plain_geo;
	struct disk d;

	(void)state;
	geo.zone_cap_blocks = 12;
	disk_init(&d, &geo);
	assert_verdict(zone_op_run(&d.set, ZO_OPEN, 32 + 12, 0, false), ZV_GAP);
	assert_verdict(zone_op_run(&d.set, ZO_OPEN, 32 + 13, 0, false),
		       ZV_ZONE_ID);
	assert_verdict(zone_op_run(&d.set, ZO_OPEN, 32, 1, false), ZV_OK);
	/* The second zone from LBA 32 is the gap. */
	assert_verdict(zone_op_run(&d.set, ZO_OPEN, 32, 2, false),
		       ZV_ZONE_COUNT);
	assert_zone(&d, 2, ZC_EXP_OPEN, 0);
	assert_zone(&d, 3, ZC_EMPTY, 0);
}

static void reset_clears_attributes(void **state)
{
	struct zone_info info;
	struct disk d;

	(void)state;
	disk_init(&d, &plain_geo);
	zone_set_state(&d.set, SLOT, ZC_FULL, 16);
	zone_set_attrs(&d.set, SLOT, ZA_RESET | ZA_PUEP);
	assert_verdict(zone_op_run(&d.set, ZO_RESET, ZONE_LBA, 0, false),
		       ZV_OK);
	zone_info_at(&d.set, ZONE_LBA, &info);
	assert_int_equal(info.attrs, ZA_PUEP);
}

static void next_finds_the_slots_to_change(void **state)
{
	struct zone_sel sel;
	struct disk d;

	(void)state;
	disk_of_all_conditions(&d);
	assert_verdict(zone_op_check(&d.set, ZO_FINISH, 0, 0, true, &sel),
		       ZV_OK);
	assert_int_equal(zone_op_next(&d.set, ZO_FINISH, &sel, 0), 3);
	assert_int_equal(zone_op_next(&d.set, ZO_FINISH, &sel, 5), 5);
	assert_int_equal(zone_op_next(&d.set, ZO_FINISH, &sel, 6), 7);
	assert_int_equal(zone_op_next(&d.set, ZO_FINISH, &sel, 8), UINT32_MAX);
	assert_verdict(zone_op_check(&d.set, ZO_FINISH, 32, 2, false, &sel),
		       ZV_OK);
	assert_int_equal(zone_op_next(&d.set, ZO_FINISH, &sel, 0), 2);
	assert_int_equal(zone_op_next(&d.set, ZO_FINISH, &sel, 3), 3);
	assert_int_equal(zone_op_next(&d.set, ZO_FINISH, &sel, 4), UINT32_MAX);
	/* A zone that a fault has hit since the check is passed over. */
	zone_set_state(&d.set, 2, ZC_OFFLINE, 0);
	assert_int_equal(zone_op_next(&d.set, ZO_FINISH, &sel, 0), 3);
}

static void power_on_closes_opened_zones(void **state)
{
	struct disk d;

	(void)state;
	disk_of_all_conditions(&d);
	zone_set_state(&d.set, 2, ZC_READ_ONLY, 4);
	zone_power_on(&d.set);
	assert_zone(&d, 0, ZC_NOT_WP, 0);
	assert_zone(&d, 2, ZC_READ_ONLY, 4);
	assert_zone(&d, 3, ZC_CLOSED, 1);
	assert_zone(&d, 4, ZC_CLOSED, 2);
	assert_zone(&d, 5, ZC_CLOSED, 3);
	assert_zone(&d, 6, ZC_FULL, 16);
	assert_zone(&d, 7, ZC_EMPTY, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_transition),
		cmocka_unit_test(open_all_takes_closed_zones_only),
		cmocka_unit_test(close_all),
		cmocka_unit_test(finish_all_leaves_empty_zones),
		cmocka_unit_test(reset_all_passes_over_zones_out_of_reach),
		cmocka_unit_test(zone_count_acts_on_that_many_zones),
		cmocka_unit_test(zone_count_changes_all_or_nothing),
		cmocka_unit_test(
			zone_id_must_be_the_start_of_a_write_pointer_zone),
		cmocka_unit_test(gap_zones_take_no_command),
		cmocka_unit_test(reset_clears_attributes),
		cmocka_unit_test(next_finds_the_slots_to_change),
		cmocka_unit_test(power_on_closes_opened_zones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
