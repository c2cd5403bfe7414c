// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Open resources: who gets one, and who is closed for it. */
#include "zone_test.h"

#define ZONE(slot) ((slot)*16)

static void a_write_closes_the_least_recently_used(void **state)
{
	struct disk d;

	(void)state;
	disk_init(&d, &plain_geo);
	assert_verdict(disk_write(&d, ZONE(2), 1), ZV_OK);
	assert_verdict(disk_write(&d, ZONE(3), 1), ZV_OK);
	assert_verdict(disk_write(&d, ZONE(4), 1), ZV_OK);
	/* Slot 2 has been used since; slot 3 is the oldest now. */
	assert_verdict(disk_write(&d, ZONE(2) + 1, 1), ZV_OK);
	assert_verdict(disk_write(&d, ZONE(5), 1), ZV_OK);
	assert_zone(&d, 2, ZC_IMP_OPEN, 2);
	assert_zone(&d, 3, ZC_CLOSED, 1);
	assert_zone(&d, 4, ZC_IMP_OPEN, 1);
	assert_zone(&d, 5, ZC_IMP_OPEN, 1);
	/* A closed zone is the newest when it is written again. */
	assert_verdict(disk_write(&d, ZONE(3) + 1, 1), ZV_OK);
	assert_zone(&d, 4, ZC_CLOSED, 1);
	assert_verdict(disk_write(&d, ZONE(6), 1), ZV_OK);
	assert_zone(&d, 2, ZC_CLOSED, 2);
	assert_zone(&d, 3, ZC_IMP_OPEN, 2);
}

static void a_refused_write_uses_nothing(void **state)
{
	struct disk d;

	(void)state;
	disk_init(&d, &plain_geo);
	for (uint32_t i = 2; i < 5; i++)
		assert_verdict(disk_write(&d, ZONE(i), 1), ZV_OK);
	assert_verdict(disk_write(&d, ZONE(2), 1), ZV_UNALIGNED_WRITE);
	assert_verdict(disk_write(&d, ZONE(5), 17), ZV_WRITE_BOUNDARY);
	assert_verdict(disk_write(&d, ZONE(5), 0), ZV_OK);
	assert_zone(&d, 5, ZC_EMPTY, 0);
	assert_verdict(disk_write(&d, ZONE(5), 1), ZV_OK);
	assert_zone(&d, 2, ZC_CLOSED, 1);
}

static void explicitly_opened_zones_are_never_closed(void **state)
{
	uint32_t slot = 99;
	struct disk d;

	(void)state;
	disk_init(&d, &plain_geo);
	assert_verdict(zone_op_run(&d.set, ZO_OPEN, ZONE(2), 3, false), ZV_OK);
	assert_verdict(zone_write_begin(&d.set, ZONE(5), 1, &slot),
		       ZV_NO_RESOURCES);
	assert_int_equal(slot, 5);
	assert_verdict(zone_op_run(&d.set, ZO_OPEN, ZONE(5), 0, false),
		       ZV_NO_RESOURCES);
	assert_zone(&d, 5, ZC_EMPTY, 0);
	/* Those that are open can be written, … */
	assert_verdict(disk_write(&d, ZONE(2), 15), ZV_OK);
	assert_zone(&d, 2, ZC_EXP_OPEN, 15);
	/* … and one that becomes full gives its resource back. */
	assert_verdict(disk_write(&d, ZONE(2) + 15, 1), ZV_OK);
	assert_verdict(disk_write(&d, ZONE(5), 1), ZV_OK);
	assert_zone(&d, 5, ZC_IMP_OPEN, 1);
}

static void filling_an_empty_zone_needs_a_resource(void **state)
{
	struct disk d;

	(void)state;
	disk_init(&d, &plain_geo);
	assert_verdict(zone_op_run(&d.set, ZO_OPEN, ZONE(2), 3, false), ZV_OK);
	assert_verdict(disk_write(&d, ZONE(5), 16), ZV_NO_RESOURCES);
	assert_verdict(zone_op_run(&d.set, ZO_CLOSE, ZONE(2), 0, false), ZV_OK);
	assert_verdict(disk_write(&d, ZONE(5), 16), ZV_OK);
	assert_zone(&d, 5, ZC_FULL, 16);
	/* It was held for the write only. */
	assert_verdict(zone_op_run(&d.set, ZO_OPEN, ZONE(2), 0, false), ZV_OK);
}

static void finish_needs_no_resource(void **state)
{
	struct disk d;

	(void)state;
	disk_init(&d, &plain_geo);
	assert_verdict(zone_op_run(&d.set, ZO_OPEN, ZONE(2), 3, false), ZV_OK);
	assert_verdict(zone_op_run(&d.set, ZO_FINISH, ZONE(5), 0, false),
		       ZV_OK);
	assert_zone(&d, 5, ZC_FULL, 16);
}

static void open_closes_implicitly_opened_zones(void **state)
{
	struct disk d;

	(void)state;
	disk_init(&d, &plain_geo);
	for (uint32_t i = 2; i < 5; i++)
		assert_verdict(disk_write(&d, ZONE(i), 1), ZV_OK);
	assert_verdict(zone_op_run(&d.set, ZO_OPEN, ZONE(5), 0, false), ZV_OK);
	assert_zone(&d, 2, ZC_CLOSED, 1);
	assert_zone(&d, 3, ZC_IMP_OPEN, 1);
	assert_zone(&d, 5, ZC_EXP_OPEN, 0);
	/* An implicitly opened zone takes its resource along. */
	assert_verdict(zone_op_run(&d.set, ZO_OPEN, ZONE(3), 0, false), ZV_OK);
	assert_zone(&d, 3, ZC_EXP_OPEN, 1);
	assert_zone(&d, 4, ZC_IMP_OPEN, 1);
}

static void open_never_closes_what_it_opens(void **state)
{
	struct disk d;

	(void)state;
	disk_init(&d, &plain_geo);
	for (uint32_t i = 2; i < 5; i++)
		assert_verdict(disk_write(&d, ZONE(i), 1), ZV_OK);
	/* Slot 2 is the oldest, but among those to open. */
	assert_verdict(zone_op_run(&d.set, ZO_OPEN, ZONE(5), 1, false), ZV_OK);
	disk_write(&d, ZONE(2) + 1, 1);
	assert_verdict(zone_op_run(&d.set, ZO_CLOSE, ZONE(5), 1, false), ZV_OK);
	disk_write(&d, ZONE(3) + 1, 1);
	assert_verdict(zone_op_run(&d.set, ZO_OPEN, ZONE(4), 3, false), ZV_OK);
	assert_zone(&d, 2, ZC_CLOSED, 2);
	assert_zone(&d, 3, ZC_CLOSED, 2);
	for (uint32_t i = 4; i < 7; i++)
		assert_int_equal(d.slots[i].cond, ZC_EXP_OPEN);
}

static void open_all_is_all_or_nothing(void **state)
{
	struct disk d, before;

	(void)state;
	disk_init(&d, &plain_geo);
	zone_set_state(&d.set, 2, ZC_CLOSED, 1);
	zone_set_state(&d.set, 3, ZC_CLOSED, 1);
	zone_set_state(&d.set, 4, ZC_EXP_OPEN, 1);
	zone_set_state(&d.set, 5, ZC_EXP_OPEN, 1);
	before = d;
	assert_verdict(zone_op_run(&d.set, ZO_OPEN, 0, 0, true),
		       ZV_NO_RESOURCES);
	assert_memory_equal(d.slots, before.slots, sizeof(d.slots));
	assert_true(zone_set_check(&d.set));
}

static void open_apply_checks_the_resources_again(void **state)
{
	struct zone_sel sel;
	struct disk d;

	(void)state;
	disk_init(&d, &plain_geo);
	assert_verdict(zone_op_check(&d.set, ZO_OPEN, ZONE(2), 3, false, &sel),
		       ZV_OK);
	zone_set_state(&d.set, 7, ZC_EXP_OPEN, 0);
	assert_verdict(zone_open_apply(&d.set, &sel), ZV_NO_RESOURCES);
	assert_zone(&d, 2, ZC_EMPTY, 0);
	zone_set_state(&d.set, 3, ZC_OFFLINE, 0);
	assert_verdict(zone_open_apply(&d.set, &sel), ZV_OK);
	assert_zone(&d, 2, ZC_EXP_OPEN, 0);
	assert_zone(&d, 3, ZC_OFFLINE, 0);
	assert_zone(&d, 4, ZC_EXP_OPEN, 0);
}

static void no_limit(void **state)
{
	struct zone_geo geo = plain_geo;
	struct disk d;

	(void)state;
	geo.max_open = 0;
	disk_init(&d, &geo);
	assert_verdict(zone_op_run(&d.set, ZO_OPEN, ZONE(2), 5, false), ZV_OK);
	assert_verdict(disk_write(&d, ZONE(7), 1), ZV_OK);
	assert_zone(&d, 7, ZC_IMP_OPEN, 1);
}

/* Between begin and end others may take the resource. */
static void a_zone_closed_during_its_write(void **state)
{
	struct zone_geo geo = plain_geo;
	struct disk d;

	(void)state;
	geo.max_open = 1;
	disk_init(&d, &geo);
	assert_verdict(zone_write_begin(&d.set, ZONE(2), 4, NULL), ZV_OK);
	assert_zone(&d, 2, ZC_IMP_OPEN, 0);
	assert_verdict(zone_write_begin(&d.set, ZONE(3), 16, NULL), ZV_OK);
	assert_zone(&d, 2, ZC_EMPTY, 0);
	zone_write_end(&d.set, ZONE(2), 4);
	assert_zone(&d, 2, ZC_CLOSED, 4);
	zone_write_end(&d.set, ZONE(3), 16);
	assert_zone(&d, 3, ZC_FULL, 16);
}

static void a_failed_write_keeps_the_zone_open(void **state)
{
	struct disk d;

	(void)state;
	disk_init(&d, &plain_geo);
	assert_verdict(zone_write_begin(&d.set, ZONE(2), 4, NULL), ZV_OK);
	zone_write_end(&d.set, ZONE(2), 0);
	assert_zone(&d, 2, ZC_IMP_OPEN, 0);
	assert_verdict(zone_write_begin(&d.set, ZONE(2), 4, NULL), ZV_OK);
	zone_write_end(&d.set, ZONE(2), 3);
	assert_zone(&d, 2, ZC_IMP_OPEN, 3);
}

static void a_write_overtaken_by_others(void **state)
{
	struct disk d;

	(void)state;
	disk_init(&d, &plain_geo);
	for (uint32_t i = 2; i < 5; i++)
		assert_verdict(zone_write_begin(&d.set, ZONE(i), 4, NULL),
			       ZV_OK);
	assert_verdict(zone_op_run(&d.set, ZO_FINISH, ZONE(2), 0, false),
		       ZV_OK);
	zone_set_state(&d.set, 3, ZC_READ_ONLY, 0);
	zone_power_on(&d.set);
	for (uint32_t i = 2; i < 5; i++)
		zone_write_end(&d.set, ZONE(i), 4);
	assert_zone(&d, 2, ZC_FULL, 16);
	assert_zone(&d, 3, ZC_READ_ONLY, 4);
	assert_zone(&d, 4, ZC_CLOSED, 4);
}

/* The checker of the other tests must not say yes to anything. */
static void the_check_finds_wrong_accounts(void **state)
{
	struct disk d;

	(void)state;
#define SPOIL(what)                                   \
	do {                                          \
		disk_init(&d, &plain_geo);            \
		disk_write(&d, ZONE(2), 1);           \
		disk_write(&d, ZONE(3), 1);           \
		assert_true(zone_set_check(&d.set));  \
		what;                                 \
		assert_false(zone_set_check(&d.set)); \
	} while (0)
	SPOIL(d.set.nr_cond[ZC_EMPTY]++);
	SPOIL(d.slots[4].wp_blocks = 1);
	SPOIL(d.slots[2].wp_blocks = 16);
	SPOIL(d.slots[0].wp_blocks = 1);
	SPOIL(d.slots[0].cond = ZC_EMPTY);
	SPOIL(d.set.pools[ZR_LIMITED].lru_head = 3);
	SPOIL(d.set.pools[ZR_LIMITED].lru_tail = 2);
	SPOIL(d.set.pools[ZR_LIMITED].nr_imp--);
	SPOIL(d.set.pools[ZR_LIMITED].nr_exp++);
	SPOIL(d.set.pools[ZR_OPTIMAL].nr_exp++);
	SPOIL(d.set.nr_wp++);
	SPOIL(d.set.nr_gaps++);
	SPOIL(d.slots[4].type = ZT_SEQ_PREFERRED);
	SPOIL(d.slots[2].lru_next = UINT32_MAX);
	SPOIL(d.slots[3].lru_prev = 3);
	SPOIL(d.slots[3].lru_next = 2);
	SPOIL(d.slots[4].lru_next = 3);
	SPOIL(d.set.geo.max_open = 1);
#undef SPOIL
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_write_closes_the_least_recently_used),
		cmocka_unit_test(a_refused_write_uses_nothing),
		cmocka_unit_test(explicitly_opened_zones_are_never_closed),
		cmocka_unit_test(filling_an_empty_zone_needs_a_resource),
		cmocka_unit_test(finish_needs_no_resource),
		cmocka_unit_test(open_closes_implicitly_opened_zones),
		cmocka_unit_test(open_never_closes_what_it_opens),
		cmocka_unit_test(open_all_is_all_or_nothing),
		cmocka_unit_test(open_apply_checks_the_resources_again),
		cmocka_unit_test(no_limit),
		cmocka_unit_test(a_zone_closed_during_its_write),
		cmocka_unit_test(a_failed_write_keeps_the_zone_open),
		cmocka_unit_test(a_write_overtaken_by_others),
		cmocka_unit_test(the_check_finds_wrong_accounts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
