// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Where zones lie, what REPORT ZONES shows of them, impossible geometries. */
#include <stdlib.h>

#include <sys/mman.h>

#include "skip.h"
#include "zone_test.h"

static void plain(void **state)
{
	struct disk d;

	(void)state;
	disk_init(&d, &plain_geo);
	assert_int_equal(d.set.nr_slots, 8);
	assert_int_equal(zone_count_all(&d.set), 8);
	assert_int_equal(zone_slot_of(&d.set, 0), 0);
	assert_int_equal(zone_slot_of(&d.set, 31), 1);
	assert_int_equal(zone_slot_of(&d.set, 32), 2);
	assert_int_equal(zone_slot_of(&d.set, 127), 7);
	assert_int_equal(zone_slot_start_lba(&d.set, 7), 112);
	assert_false(zone_slot_has_wp(&d.set, 1));
	assert_true(zone_slot_has_wp(&d.set, 2));
}

/* 3 slots of 10 blocks and one of 4; capacity 8, so that it has no gap. */
static void gap_zones_and_a_smaller_last_zone(void **state)
{
	static const struct zone_geo geo = {
		.capacity_blocks = 34,
		.zone_blocks = 10,
		.zone_cap_blocks = 8,
		.runs = { { 1, ZT_CONVENTIONAL },
			  { UINT32_MAX, ZT_SEQ_REQUIRED } },
		.phys_blocks = 2,
	};
	static const struct {
		uint64_t start_lba, blocks;
		enum zone_type type;
		uint32_t slot;
	} zones[] = {
		{ 0, 10, ZT_CONVENTIONAL, 0 }, { 10, 8, ZT_SEQ_REQUIRED, 1 },
		{ 18, 2, ZT_GAP, 1 },	       { 20, 8, ZT_SEQ_REQUIRED, 2 },
		{ 28, 2, ZT_GAP, 2 },	       { 30, 4, ZT_SEQ_REQUIRED, 3 },
	};
	struct zone_info info;
	struct disk d;

	(void)state;
	disk_init(&d, &geo);
	assert_int_equal(zone_count_all(&d.set), ZL_ARRAY_SIZE(zones));
	for (size_t i = 0; i < ZL_ARRAY_SIZE(zones); i++)
		for (uint64_t b = 0; b < zones[i].blocks; b++) {
			zone_info_at(&d.set, zones[i].start_lba + b, &info);
			assert_int_equal(info.start_lba, zones[i].start_lba);
			assert_int_equal(info.blocks, zones[i].blocks);
			assert_int_equal(info.type, zones[i].type);
			assert_int_equal(info.slot, zones[i].slot);
			assert_int_equal(info.cond,
					 zones[i].type == ZT_SEQ_REQUIRED
						 ? ZC_EMPTY
						 : ZC_NOT_WP);
		}
	assert_int_equal(zone_slot_blocks(&d.set, 3), 4);
	assert_int_equal(zone_slot_cap_blocks(&d.set, 3), 4);
	assert_int_equal(zone_slot_cap_blocks(&d.set, 0), 10);
}

static void a_gap_in_the_smaller_last_zone(void **state)
{
	struct zone_geo geo = plain_geo;
	struct disk d;

	(void)state;
	geo.zone_cap_blocks = 4;
	geo.capacity_blocks = 128 - 10;
	disk_init(&d, &geo);
	assert_int_equal(zone_slot_blocks(&d.set, 7), 6);
	assert_int_equal(zone_slot_cap_blocks(&d.set, 7), 4);
	assert_int_equal(zone_count_all(&d.set), 2 + 6 * 2);
}

static void the_write_pointer_shown(void **state)
{
	static const struct {
		enum zone_cond cond;
		uint32_t wp_blocks;
		uint64_t wp_lba;
	} rows[] = {
		{ ZC_EMPTY, 0, 48 },	       { ZC_IMP_OPEN, 3, 51 },
		{ ZC_EXP_OPEN, 0, 48 },	       { ZC_CLOSED, 15, 63 },
		{ ZC_FULL, 16, 64 },	       { ZC_READ_ONLY, 3, UINT64_MAX },
		{ ZC_OFFLINE, 3, UINT64_MAX }, { ZC_INACTIVE, 0, UINT64_MAX },
	};
	struct zone_info info;
	struct disk d;

	(void)state;
	disk_init(&d, &plain_geo);
	for (size_t i = 0; i < ZL_ARRAY_SIZE(rows); i++) {
		zone_set_state(&d.set, 3, rows[i].cond, rows[i].wp_blocks);
		zone_set_attrs(&d.set, 3, ZA_RESET);
		zone_info_at(&d.set, 50, &info);
		assert_int_equal(info.cond, rows[i].cond);
		assert_true(info.wp_lba == rows[i].wp_lba);
		assert_int_equal(info.attrs, ZA_RESET);
		assert_true(zone_set_check(&d.set));
	}
	zone_set_state(&d.set, 0, ZC_READ_ONLY, 7);
	zone_info_at(&d.set, 0, &info);
	assert_true(info.wp_lba == UINT64_MAX);
	assert_int_equal(info.cond, ZC_READ_ONLY);
	assert_true(zone_set_check(&d.set));
}

static void impossible_geometries(void **state)
{
	struct zone_geo geo;

	(void)state;
#define IMPOSSIBLE(field, value, part)                               \
	do {                                                         \
		geo = plain_geo;                                     \
		geo.field = value;                                   \
		assert_non_null(zone_geo_error(&geo));               \
		assert_non_null(strstr(zone_geo_error(&geo), part)); \
	} while (0)
	IMPOSSIBLE(capacity_blocks, 0, "capacity is 0");
	IMPOSSIBLE(zone_blocks, 0, "zone size is 0");
	IMPOSSIBLE(zone_blocks, 129, "larger than the disk");
	IMPOSSIBLE(zone_cap_blocks, 0, "zone capacity is 0");
	IMPOSSIBLE(zone_cap_blocks, 17, "larger than the zone size");
	IMPOSSIBLE(phys_blocks, 0, "power of two");
	IMPOSSIBLE(phys_blocks, 3, "power of two");
	IMPOSSIBLE(phys_blocks, 32, "whole physical blocks");
	IMPOSSIBLE(runs[0].end, 8, "leave no sequential");
	IMPOSSIBLE(runs[0].end, UINT32_MAX, "leave no sequential");
	IMPOSSIBLE(runs[1].end, 7, "without a type");
	IMPOSSIBLE(runs[1].type, 0, "without a type");
	IMPOSSIBLE(runs[1].type, 0xf, "without a type");
	IMPOSSIBLE(runs[0].type, 0x42, "without a type");
	IMPOSSIBLE(capacity_blocks, UINT64_C(16) * UINT32_MAX, "more than");
	IMPOSSIBLE(capacity_blocks, UINT64_MAX, "more than");
#undef IMPOSSIBLE
	geo = plain_geo;
	geo.runs[1].type = ZT_SEQ_PREFERRED;
	assert_null(zone_geo_error(&geo));
	geo.zone_cap_blocks--;
	assert_string_equal(zone_geo_error(&geo),
			    "a host-aware disk has no gap zones");
	geo.zone_cap_blocks++;
	geo.urswrz = false;
	assert_non_null(strstr(zone_geo_error(&geo), "URSWRZ 0"));
	geo = plain_geo;
	geo.runs[0].end = 7;
	geo.max_open = 100;
	assert_null(zone_geo_error(&geo));
	geo.capacity_blocks = UINT64_C(16) * (UINT32_MAX - 1);
	assert_null(zone_geo_error(&geo));
	assert_int_equal(zone_geo_slots(&geo), UINT32_MAX - 1);
}

/* The largest zones there are: no sum may wrap. */
static void addresses_near_2_to_the_64(void **state)
{
	static const struct zone_geo geo = {
		.capacity_blocks = UINT64_C(0xffffffff) * 0xfffffffe,
		.zone_blocks = 0xffffffff,
		.zone_cap_blocks = 0xffffffff,
		.runs = { { UINT32_MAX, ZT_SEQ_REQUIRED } },
		.phys_blocks = 1,
		.urswrz = true,
	};
	size_t bytes = (size_t)zone_geo_slots(&geo) * sizeof(struct zone_slot);
	struct zone_set set = { .geo = geo, .nr_slots = zone_geo_slots(&geo) };
	uint64_t last_lba = geo.capacity_blocks - 1;

	(void)state;
	/* One of them is looked at. */
	set.slots = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (set.slots == MAP_FAILED)
		skip_test("no 64 GiB of addresses");
	set.slots[0xfffffffd].type = ZT_SEQ_REQUIRED;
	assert_null(zone_geo_error(&geo));
	assert_int_equal(set.nr_slots, 0xfffffffe);
	assert_int_equal(zone_slot_of(&set, last_lba), 0xfffffffd);
	assert_int_equal(zone_slot_blocks(&set, 0xfffffffd), 0xffffffff);
	assert_true(zone_slot_start_lba(&set, 0xfffffffd) + 0xfffffffe ==
		    last_lba);
	assert_verdict(zone_read_check(&set, last_lba, 1, NULL), ZV_OK);
	assert_verdict(zone_read_check(&set, last_lba, 2, NULL), ZV_LBA_RANGE);
	assert_verdict(zone_read_check(&set, last_lba, UINT64_MAX, NULL),
		       ZV_LBA_RANGE);
	munmap(set.slots, bytes);
}

/* RESET ALL of a large empty disk must not walk over it a million times. */
static void a_million_slots(void **state)
{
	static const struct zone_geo geo = {
		.capacity_blocks = UINT64_C(1000000) << 19,
		.runs = { { UINT32_MAX, ZT_SEQ_REQUIRED } },
		.zone_blocks = 1 << 19,
		.zone_cap_blocks = 1 << 19,
		.phys_blocks = 8,
		.max_open = 128,
		.urswrz = true,
	};
	struct zone_slot *slots = calloc(1000000, sizeof(*slots));
	struct zone_set set;

	(void)state;
	assert_non_null(slots);
	zone_set_init(&set, &geo, slots);
	for (int i = 0; i < 1000000; i++)
		assert_verdict(zone_op_run(&set, ZO_RESET, 0, 0, true), ZV_OK);
	zone_set_state(&set, 999999, ZC_FULL, 1 << 19);
	assert_verdict(zone_op_run(&set, ZO_RESET, 0, 0, true), ZV_OK);
	assert_int_equal(slots[999999].cond, ZC_EMPTY);
	assert_true(zone_set_check(&set));
	assert_true(sizeof(struct zone_slot) <= 16);
	free(slots);
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(zone_cond_name(ZC_EMPTY), "EMPTY");
	assert_string_equal(zone_cond_name(0xb), "reserved");
	assert_string_equal(zone_type_name(ZT_SEQ_REQUIRED),
			    "sequential write required");
	assert_string_equal(zone_type_name(0), "reserved");
	for (enum zone_verdict v = ZV_OK; v <= ZV_NO_RESOURCES; v++)
		assert_string_not_equal(zone_verdict_name(v), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain),
		cmocka_unit_test(gap_zones_and_a_smaller_last_zone),
		cmocka_unit_test(a_gap_in_the_smaller_last_zone),
		cmocka_unit_test(the_write_pointer_shown),
		cmocka_unit_test(impossible_geometries),
		cmocka_unit_test(addresses_near_2_to_the_64),
		cmocka_unit_test(a_million_slots),
		cmocka_unit_test(names),
	};

	return skip_run_tests(tests, NULL, NULL);
}
