// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Who may read and write where, and which answer wins when two would do. */
#include "zone_test.h"

/*
 * 0-15 and 16-31 conventional; sequential zones of 12 from 32, 48, 64, …, each
 * with a gap of 4 behind.  Written: 5 blocks from 32; all of 48; nothing else.
 * Slot 5 (80) is offline, slot 6 (96) read only with 5 blocks, 7 (112)
 * inactive.
 */
static void gap_disk(struct disk *d, bool urswrz)
{
	struct zone_geo geo = plain_geo;

	geo.zone_cap_blocks = 12;
	geo.urswrz = urswrz;
	disk_init(d, &geo);
	zone_set_state(&d->set, 2, ZC_CLOSED, 5);
	zone_set_state(&d->set, 3, ZC_FULL, 12);
	zone_set_state(&d->set, 5, ZC_OFFLINE, 5);
	zone_set_state(&d->set, 6, ZC_READ_ONLY, 5);
	zone_set_state(&d->set, 7, ZC_INACTIVE, 0);
}

struct access {
	const char *name;
	uint64_t lba, nr;
	enum zone_verdict verdict;
	uint32_t slot; /* at fault */
};

#define NONE UINT32_MAX

static void expect(const struct disk *d, const struct access *a,
		   enum zone_verdict (*check)(const struct zone_set *, uint64_t,
					      uint64_t, uint32_t *))
{
	uint32_t slot = 77;

	print_message("  %s\n", a->name);
	assert_verdict(check(&d->set, a->lba, a->nr, &slot), a->verdict);
	assert_int_equal(slot, a->verdict ? a->slot : 77);
	assert_verdict(check(&d->set, a->lba, a->nr, NULL), a->verdict);
}

static const struct access range[] = {
	{ "behind the last block", 128, 1, ZV_LBA_RANGE, NONE },
	{ "across the last block", 127, 2, ZV_LBA_RANGE, NONE },
	{ "far behind", UINT64_MAX, 1, ZV_LBA_RANGE, NONE },
	{ "a sum that wraps to 0", UINT64_MAX, 2, ZV_LBA_RANGE, NONE },
	{ "a length that wraps", 1, UINT64_MAX, ZV_LBA_RANGE, NONE },
	{ "length 0 behind the last block", 128, 0, ZV_OK, 0 },
	{ "length 0 beyond", 129, 0, ZV_LBA_RANGE, NONE },
	{ "length 0 in an offline zone", 80, 0, ZV_OK, 0 },
	{ "length 0 in a gap zone", 44, 0, ZV_OK, 0 },
};

static const struct access reads[] = {
	{ "conventional", 0, 16, ZV_OK, 0 },
	{ "across conventional zones", 8, 16, ZV_OK, 0 },
	{ "conventional into sequential", 31, 2, ZV_READ_INVALID, 1 },
	{ "below the write pointer", 32, 5, ZV_OK, 0 },
	{ "full zone", 48, 12, ZV_OK, 0 },
	{ "read only, below the old write pointer", 96, 5, ZV_OK, 0 },
	{ "offline", 80, 1, ZV_OFFLINE, 5 },
};

static const struct access unrestricted_reads[] = {
	{ "sequential into its gap", 59, 2, ZV_READ_INVALID, 3 },
	{ "gap zone", 44, 4, ZV_OK, 0 },
	{ "gap into sequential", 47, 2, ZV_READ_INVALID, 2 },
	{ "inactive", 112, 1, ZV_OK, 0 },
	{ "change of type before what comes then", 75, 8, ZV_READ_INVALID, 4 },
	{ "the gap of an offline zone is none", 92, 4, ZV_OK, 0 },
	{ "across the write pointer", 36, 2, ZV_OK, 0 },
	{ "empty zone", 64, 12, ZV_OK, 0 },
	{ "read only, above the old write pointer", 96, 12, ZV_OK, 0 },
};

static const struct access restricted_reads[] = {
	{ "sequential into its gap", 59, 2, ZV_GAP, 3 },
	{ "gap zone", 44, 4, ZV_GAP, 2 },
	{ "gap into sequential", 47, 2, ZV_GAP, 2 },
	{ "inactive", 112, 1, ZV_INACTIVE, 7 },
	{ "gap before what comes then", 75, 8, ZV_GAP, 4 },
	{ "the gap of an offline zone is none", 92, 4, ZV_GAP, 5 },
	{ "across the write pointer", 36, 2, ZV_READ_INVALID, 2 },
	{ "empty zone", 64, 1, ZV_READ_INVALID, 4 },
	{ "read only, above the old write pointer", 96, 6, ZV_READ_INVALID, 6 },
};

static void reading(void **state)
{
	struct disk d;

	(void)state;
	for (int urswrz = 0; urswrz < 2; urswrz++) {
		gap_disk(&d, urswrz);
		for (size_t i = 0; i < ZL_ARRAY_SIZE(range); i++)
			expect(&d, &range[i], zone_read_check);
		for (size_t i = 0; i < ZL_ARRAY_SIZE(reads); i++)
			expect(&d, &reads[i], zone_read_check);
	}
	gap_disk(&d, true);
	for (size_t i = 0; i < ZL_ARRAY_SIZE(unrestricted_reads); i++)
		expect(&d, &unrestricted_reads[i], zone_read_check);
	gap_disk(&d, false);
	for (size_t i = 0; i < ZL_ARRAY_SIZE(restricted_reads); i++)
		expect(&d, &restricted_reads[i], zone_read_check);
}

static void reading_across_sequential_zones(void **state)
{
	struct zone_geo geo = plain_geo;
	struct disk d;

	(void)state;
	disk_init(&d, &geo);
	zone_set_state(&d.set, 2, ZC_FULL, 16);
	zone_set_state(&d.set, 3, ZC_FULL, 16);
	assert_verdict(zone_read_check(&d.set, 32, 96, NULL), ZV_OK);
	d.set.geo.urswrz = false;
	assert_verdict(zone_read_check(&d.set, 47, 2, NULL), ZV_READ_BOUNDARY);
	assert_verdict(zone_read_check(&d.set, 47, 1, NULL), ZV_OK);
	zone_set_state(&d.set, 4, ZC_OFFLINE, 0);
	d.set.geo.urswrz = true;
	assert_verdict(zone_read_check(&d.set, 32, 96, NULL), ZV_OFFLINE);
	assert_verdict(zone_read_check(&d.set, 32, 32, NULL), ZV_OK);
}

static const struct access writes[] = {
	{ "conventional", 3, 1, ZV_OK, 0 },
	{ "across conventional zones", 0, 32, ZV_OK, 0 },
	{ "conventional into sequential", 31, 2, ZV_WRITE_BOUNDARY, 1 },
	{ "at the write pointer", 37, 1, ZV_OK, 0 },
	{ "to the zone's end", 37, 7, ZV_OK, 0 },
	{ "below the write pointer", 36, 1, ZV_UNALIGNED_WRITE, 2 },
	{ "above the write pointer", 38, 1, ZV_UNALIGNED_WRITE, 2 },
	{ "into the gap", 37, 8, ZV_WRITE_BOUNDARY, 2 },
	{ "boundary before alignment", 38, 8, ZV_WRITE_BOUNDARY, 2 },
	{ "full", 48, 1, ZV_FULL, 3 },
	{ "boundary before full", 59, 2, ZV_WRITE_BOUNDARY, 3 },
	{ "gap zone", 44, 1, ZV_GAP, 2 },
	{ "gap into sequential", 47, 2, ZV_GAP, 2 },
	{ "offline", 85, 1, ZV_OFFLINE, 5 },
	{ "read only", 101, 1, ZV_READ_ONLY, 6 },
	{ "inactive", 112, 1, ZV_INACTIVE, 7 },
	{ "boundary before what is behind it", 75, 8, ZV_WRITE_BOUNDARY, 4 },
	{ "the lowest zone out of reach is named", 80, 40, ZV_OFFLINE, 5 },
	{ "gap before what comes then", 79, 2, ZV_GAP, 4 },
	{ "the gap of an offline zone is none", 92, 4, ZV_GAP, 5 },
};

static void writing(void **state)
{
	struct disk d;

	(void)state;
	gap_disk(&d, true);
	for (size_t i = 0; i < ZL_ARRAY_SIZE(range); i++)
		expect(&d, &range[i], zone_write_check);
	for (size_t i = 0; i < ZL_ARRAY_SIZE(writes); i++)
		expect(&d, &writes[i], zone_write_check);
}

static void conventional_zones_at_fault(void **state)
{
	struct disk d;

	(void)state;
	disk_init(&d, &plain_geo);
	zone_set_state(&d.set, 1, ZC_READ_ONLY, 0);
	assert_verdict(zone_write_check(&d.set, 0, 16, NULL), ZV_OK);
	assert_verdict(zone_write_check(&d.set, 0, 17, NULL), ZV_READ_ONLY);
	assert_verdict(zone_read_check(&d.set, 0, 32, NULL), ZV_OK);
	zone_set_state(&d.set, 1, ZC_OFFLINE, 0);
	assert_verdict(zone_write_check(&d.set, 31, 1, NULL), ZV_OFFLINE);
	assert_verdict(zone_read_check(&d.set, 0, 17, NULL), ZV_OFFLINE);
	/* Not a write pointer zone, whatever else is wrong with it. */
	assert_verdict(zone_op_run(&d.set, ZO_RESET, 16, 0, false), ZV_ZONE_ID);
}

static void physical_blocks(void **state)
{
	struct zone_geo geo = plain_geo;
	struct disk d;

	(void)state;
	geo.phys_blocks = 8;
	disk_init(&d, &geo);
	assert_verdict(zone_write_check(&d.set, 32, 8, NULL), ZV_OK);
	assert_verdict(zone_write_check(&d.set, 32, 4, NULL),
		       ZV_UNALIGNED_WRITE);
	assert_verdict(zone_write_check(&d.set, 32, 12, NULL),
		       ZV_UNALIGNED_WRITE);
	/* Conventional zones have no such rule. */
	assert_verdict(zone_write_check(&d.set, 3, 2, NULL), ZV_OK);
	/* Part of a physical block written: only a reset helps. */
	assert_verdict(zone_write_begin(&d.set, 32, 8, NULL), ZV_OK);
	zone_write_end(&d.set, 32, 3);
	assert_zone(&d, 2, ZC_IMP_OPEN, 3);
	assert_verdict(zone_write_check(&d.set, 35, 5, NULL),
		       ZV_UNALIGNED_WRITE);
}

struct step {
	uint64_t off, nr; /* in zone 2, or from there on */
	enum zone_verdict verdict;
	enum zone_cond cond;
	uint32_t wp;
};

/* Sequential or before required, physical blocks of 4. */
static const struct step sobr_steps[] = {
	{ 4, 4, ZV_UNALIGNED_WRITE, ZC_EMPTY, 0 }, /* above */
	{ 0, 3, ZV_UNALIGNED_WRITE, ZC_EMPTY, 0 }, /* part of a block */
	{ 0, 8, ZV_OK, ZC_IMP_OPEN, 8 },	   /* at it */
	{ 1, 3, ZV_OK, ZC_IMP_OPEN, 8 },	   /* below */
	{ 5, 3, ZV_OK, ZC_IMP_OPEN, 8 },	   /* up to it */
	{ 5, 7, ZV_OK, ZC_IMP_OPEN, 12 },	   /* across it */
	{ 12, 3, ZV_UNALIGNED_WRITE, ZC_IMP_OPEN, 12 },
	{ 13, 3, ZV_UNALIGNED_WRITE, ZC_IMP_OPEN, 12 },
	{ 3, 13, ZV_OK, ZC_FULL, 16 },
	{ 7, 2, ZV_OK, ZC_FULL, 16 },		     /* FULL is no obstacle */
	{ 10, 10, ZV_OK, ZC_FULL, 16 },		     /* into the next one */
	{ 10, 36, ZV_UNALIGNED_WRITE, ZC_FULL, 16 }, /* 46: no whole block */
	{ 16, 5, ZV_UNALIGNED_WRITE, ZC_FULL, 16 },
	{ 30, 2, ZV_UNALIGNED_WRITE, ZC_FULL, 16 },
};

static void sequential_or_before(void **state)
{
	struct zone_geo geo = plain_geo;
	struct disk d;

	(void)state;
	geo.phys_blocks = 4;
	geo.runs[0] = (struct zone_run){ 2, ZT_SEQ_REQUIRED };
	geo.runs[1] = (struct zone_run){ UINT32_MAX, ZT_SEQ_OR_BEFORE };
	geo.urswrz = false;
	disk_init(&d, &geo);
	for (size_t i = 0; i < ZL_ARRAY_SIZE(sobr_steps); i++) {
		const struct step *s = &sobr_steps[i];

		print_message("  step %zu\n", i);
		assert_verdict(disk_write(&d, 32 + s->off, s->nr), s->verdict);
		assert_zone(&d, 2, s->cond, s->wp);
	}
	assert_zone(&d, 3, ZC_IMP_OPEN, 4);
	assert_verdict(zone_read_check(&d.set, 40, 12, NULL), ZV_OK);
	assert_verdict(zone_read_check(&d.set, 40, 13, NULL), ZV_READ_INVALID);
	assert_verdict(disk_write(&d, 28, 8), ZV_WRITE_BOUNDARY);
	/* Only RESET is for them; ALL passes them over. */
	for (enum zone_op op = ZO_CLOSE; op <= ZO_OPEN; op++) {
		assert_verdict(zone_op_run(&d.set, op, 48, 0, false),
			       ZV_ZONE_ID);
		assert_verdict(zone_op_run(&d.set, op, 16, 2, false),
			       ZV_ZONE_COUNT);
		assert_verdict(zone_op_run(&d.set, op, 0, 0, true), ZV_OK);
		assert_zone(&d, 3, ZC_IMP_OPEN, 4);
	}
	/* No more resources than it holds, which is none. */
	d.set.geo.max_open = 1;
	assert_verdict(zone_op_run(&d.set, ZO_OPEN, 0, 0, false), ZV_OK);
	assert_verdict(disk_write(&d, 52, 4), ZV_OK);
	zone_power_on(&d.set);
	assert_zone(&d, 3, ZC_CLOSED, 8);
	assert_verdict(zone_op_run(&d.set, ZO_RESET, 48, 0, false), ZV_OK);
	assert_zone(&d, 3, ZC_EMPTY, 0);
	assert_verdict(zone_op_run(&d.set, ZO_RESET, 0, 0, true), ZV_OK);
	assert_zone(&d, 2, ZC_EMPTY, 0);
	assert_true(zone_set_check(&d.set));
}

static void conventional_writes_change_nothing(void **state)
{
	struct disk d, before;

	(void)state;
	disk_init(&d, &plain_geo);
	before = d;
	assert_verdict(disk_write(&d, 5, 20), ZV_OK);
	assert_memory_equal(d.slots, before.slots, sizeof(d.slots));
	assert_true(zone_set_check(&d.set));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reading),
		cmocka_unit_test(reading_across_sequential_zones),
		cmocka_unit_test(writing),
		cmocka_unit_test(conventional_zones_at_fault),
		cmocka_unit_test(physical_blocks),
		cmocka_unit_test(sequential_or_before),
		cmocka_unit_test(conventional_writes_change_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
