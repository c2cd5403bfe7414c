// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* GET LBA STATUS(16). */
#include "rig.h"

#define SEQ(n)	  ((2 + (uint64_t)(n)) * MIB_BLOCKS)
#define NR_BLOCKS (12 * MIB_BLOCKS)
#define MAPPED	  0
#define FREE	  1 /* deallocated */

/* Byte 7: COMPLETION CONDITION and RTP. */
#define AT_ALLOC 0x03
#define AT_END	 0x07

struct extent {
	uint64_t lba;
	uint32_t blocks;
	uint8_t status;
};

RIG_EACH("capacity_mb=12,zone_size_mb=1,conv_zones=2,"
	 "provisioning=thin")

static void lba_status(uint64_t lba, uint32_t alloc, size_t len)
{
	uint8_t cdb[16] = { 0x9e, 0x12 };

	be64_put(cdb + 2, lba);
	be32_put(cdb + 10, alloc);
	rig_cmd(&rig, cdb, sizeof(cdb), NULL, len);
}

static size_t put_answer(uint8_t *d, uint8_t byte_7, const struct extent *e,
			 uint32_t nr)
{
	memset(d, 0, 8 + 16 * nr);
	be32_put(d, 4 + 16 * nr);
	d[7] = byte_7;
	for (uint32_t i = 0; i < nr; i++) {
		be64_put(d + 8 + 16 * i, e[i].lba);
		be32_put(d + 8 + 16 * i + 8, e[i].blocks);
		d[8 + 16 * i + 12] = e[i].status;
	}
	return 8 + 16 * nr;
}

/* From @lba to the end. */
static void check_extents(uint64_t lba, const struct extent *e, uint32_t nr)
{
	uint8_t want[1024];
	size_t len = put_answer(want, AT_END, e, nr);

	lba_status(lba, 4096, 1000);
	check_data(&rig, want, len);
}

static void check_one(uint64_t lba, uint32_t blocks, uint8_t status)
{
	const struct extent e = { lba, blocks, status };
	bool at_end = lba + blocks == rig.unit->capacity_blocks;
	uint8_t want[24];

	lba_status(lba, 24, 24);
	put_answer(want, at_end ? AT_END : AT_ALLOC, &e, 1);
	check_data(&rig, want, sizeof(want));
}

#define Z MIB_BLOCKS

static const struct extent conditions[] = {
	{ 0, Z, MAPPED },
	{ Z, Z, MAPPED },
	{ SEQ(0), Z, FREE },
	{ SEQ(1), 5, MAPPED },
	{ SEQ(1) + 5, Z - 5, FREE },
	{ SEQ(2), Z, FREE },
	{ SEQ(3), 1, MAPPED },
	{ SEQ(3) + 1, Z - 1, FREE },
	{ SEQ(4), Z, MAPPED },
	{ SEQ(5), Z, FREE },
	{ SEQ(6), Z, MAPPED },
	{ SEQ(7), Z, MAPPED },
	{ SEQ(8), Z, FREE },
	{ SEQ(9), Z, FREE },
};
#define NR_EXTENTS ZL_ARRAY_SIZE(conditions)

static void extents(void **state)
{
	(void)state;
	rig_make_conditions(&rig);
	check_extents(0, conditions, NR_EXTENTS);
	check_extents(SEQ(8), conditions + 12, 2);
	rig_zone(&rig, ZO_RESET, SEQ(4));
	check_good(&rig);
	check_one(SEQ(4), Z, FREE);
}

/* The first descriptor begins where it was asked to. */
static void starting_lba(void **state)
{
	(void)state;
	rig_make_conditions(&rig);
	check_one(1, Z - 1, MAPPED);
	check_one(Z - 1, 1, MAPPED);
	check_one(SEQ(0) + 7, Z - 7, FREE);
	check_one(SEQ(1) + 4, 1, MAPPED);
	check_one(SEQ(1) + 5, Z - 5, FREE);
	check_one(SEQ(1) + 6, Z - 6, FREE);
	check_one(SEQ(4) + 6, Z - 6, MAPPED);
	check_one(NR_BLOCKS - 1, 1, FREE);
	lba_status(NR_BLOCKS, 24, 24);
	check_range(&rig, NR_BLOCKS);
	lba_status(UINT64_MAX, 0, 0);
	check_range(&rig, UINT64_MAX);
}

/* As many whole descriptors as fit, but one is always said to be there. */
static void allocation_lengths(void **state)
{
	uint8_t want[8 + 16 * NR_EXTENTS];
	uint32_t nr;

	(void)state;
	rig_make_conditions(&rig);
	for (uint32_t alloc = 0; alloc <= sizeof(want) + 33; alloc++) {
		nr = alloc < 24 ? 1 : (alloc - 8) / 16;
		nr = (uint32_t)min_u64(nr, NR_EXTENTS);
		put_answer(want, nr == NR_EXTENTS ? AT_END : AT_ALLOC,
			   conditions, nr);
		lba_status(0, alloc, 500);
		check_data(&rig, want, min_u64(alloc, 8 + 16 * nr));
	}
	/* What counts is the allocation length, not the buffer. */
	put_answer(want, AT_END, conditions, NR_EXTENTS);
	lba_status(0, UINT32_MAX, 30);
	check_data(&rig, want, 30);
	lba_status(0, UINT32_MAX, 0);
	check_good(&rig);
}

static void report_types(void **state)
{
	(void)state;
	for (unsigned type = 1; type < 256; type++) {
		CMD(&rig, NULL, 24, 0x9e,
		    0x12, [13] = 24, [14] = (uint8_t)type);
		check_bad_cdb(&rig, 14, -1);
	}
	/* the LBA is looked at first */
	CMD(&rig, NULL, 24, 0x9e, 0x12, 0xff, [13] = 24, 1);
	check_range(&rig, UINT64_MAX);
}

static void gaps(void **state)
{
	static const struct extent gap[] = {
		{ 0, 4 * Z, MAPPED },		{ 4 * Z, 8, MAPPED },
		{ 4 * Z + 8, 3 * Z - 8, FREE }, { 7 * Z, Z, FREE },
		{ 8 * Z, 3 * Z, MAPPED },	{ 11 * Z, Z, FREE },
	};
	struct rig old = rig;

	(void)state;
	rig_start(&rig, "capacity_mb=12,zone_size_mb=4,zone_capacity_mb=3,"
			"conv_zones=1,provisioning=thin");
	rig_write(&rig, 4 * Z, 8);
	check_good(&rig);
	rig_zone(&rig, ZO_FINISH, 8 * Z);
	check_good(&rig);
	check_extents(0, gap, 6);
	check_one(7 * Z + 1, Z - 1, FREE);
	check_one(NR_BLOCKS - 1, 1, FREE);
	rig_stop(&rig);
	rig = old;
}

/* LBPME and page B2h say so: then nothing is deallocated. */
static void fully_provisioned(void **state)
{
	static const char *const opts[] = {
		"capacity_mb=4,zone_size_mb=1,conv_zones=0",
		"capacity_mb=4,zone_size_mb=1,conv_zones=2,model=host-aware",
		"capacity_mb=4,zone_size_mb=1,conv_zones=2",
		"capacity_mb=4,zone_size_mb=1,conv_zones=2,provisioning=full",
	};
	static const struct extent mapped[] = {
		{ 0, Z, MAPPED },
		{ Z, Z, MAPPED },
		{ 2 * Z, Z, MAPPED },
		{ 3 * Z, Z, MAPPED },
	};
	struct rig old = rig;

	(void)state;
	for (size_t i = 0; i < ZL_ARRAY_SIZE(opts); i++) {
		rig_start(&rig, opts[i]);
		rig_write(&rig, 2 * Z, 3);
		check_extents(0, mapped, 4);
		CMD(&rig, NULL, 32, 0x9e, 0x10, [13] = 32);
		assert_int_equal(rig.data[14], 0);
		rig_stop(&rig);
	}
	rig = old;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(extents),	 T(starting_lba), T(allocation_lengths),
		T(report_types), T(gaps),	  T(fully_provisioned),
	};

	return cmocka_run_group_tests_name("lba_status", tests, NULL, NULL);
}
