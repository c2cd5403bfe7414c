// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* REPORT ZONES and zone management. */
#include "rig.h"

#define SEQ(n)	  ((2 + (uint64_t)(n)) * MIB_BLOCKS)
#define NR_BLOCKS (12 * MIB_BLOCKS)

RIG_EACH("capacity_mb=12,zone_size_mb=1,conv_zones=2,"
	 "max_open_zones=4")

static void put_desc(uint8_t *d, uint8_t type, uint8_t cond, uint64_t start_lba,
		     uint64_t len, uint64_t wp)
{
	memset(d, 0, 64);
	d[0] = type;
	d[1] = (uint8_t)(cond << 4);
	be64_put(d + 8, len);
	be64_put(d + 16, start_lba);
	be64_put(d + 24, wp);
}

static void put_zones(uint8_t *d)
{
	const uint64_t z = MIB_BLOCKS, none = UINT64_MAX;

	put_desc(d, 1, 0, 0, z, none);
	put_desc(d += 64, 1, 0, z, z, none);
	put_desc(d += 64, 2, 1, 2 * z, z, 2 * z);
	put_desc(d += 64, 2, 2, 3 * z, z, 3 * z + 5);
	put_desc(d += 64, 2, 3, 4 * z, z, 4 * z);
	put_desc(d += 64, 2, 4, 5 * z, z, 5 * z + 1);
	put_desc(d += 64, 2, 0xe, 6 * z, z, 7 * z);
	put_desc(d += 64, 2, 1, 7 * z, z, 7 * z);
	put_desc(d += 64, 2, 0xd, 8 * z, z, none);
	put_desc(d += 64, 2, 0xf, 9 * z, z, none);
	put_desc(d += 64, 2, 1, 10 * z, z, 10 * z);
	put_desc(d += 64, 2, 1, 11 * z, z, 11 * z);
}

static void put_header(uint8_t *d, uint32_t nr, uint8_t same)
{
	memset(d, 0, 64);
	be32_put(d, nr * 64);
	d[4] = same;
	be64_put(d + 8, NR_BLOCKS - 1);
}

static void whole_report(void **state)
{
	uint8_t want[64 + 12 * 64];

	(void)state;
	rig_make_conditions(&rig);
	put_header(want, 12, 3);
	put_zones(want + 64);
	rig_report(&rig, 0, 0, 4096, 4096);
	check_data(&rig, want, sizeof(want));
	/* any LBA: the zone that contains it comes first */
	rig_report(&rig, MIB_BLOCKS - 1, 0, 4096, 4096);
	check_data(&rig, want, sizeof(want));
	put_header(want + 9 * 64, 3, 1);
	rig_report(&rig, 9 * MIB_BLOCKS, 0, 4096, 256);
	check_data(&rig, want + 9 * 64, 64 * 4);
	rig_report(&rig, 10 * MIB_BLOCKS - 1, 0, 4096, 256);
	check_data(&rig, want + 9 * 64, 64 * 4);
	rig_report(&rig, NR_BLOCKS - 1, 0, 4096, 4096);
	put_header(want + 11 * 64, 1, 1);
	check_data(&rig, want + 11 * 64, 128);
	/* beyond the last LBA, whatever the rest */
	rig_report(&rig, NR_BLOCKS, 0, 0, 0);
	check_range(&rig, NR_BLOCKS);
	rig_report(&rig, UINT64_MAX, 0x2a, 4096, 4096);
	check_range(&rig, UINT64_MAX);
}

/* Which of the twelve zones each option reports; bit n: zone n. */
static const struct {
	uint8_t option;
	uint16_t zones;
} options[] = {
	{ 0x00, 0xfff }, { 0x01, 0xc84 }, { 0x02, 0x008 }, { 0x03, 0x010 },
	{ 0x04, 0x020 }, { 0x05, 0x040 }, { 0x06, 0x100 }, { 0x07, 0x200 },
	{ 0x08, 0 },	 { 0x10, 0 },	  { 0x11, 0 },	   { 0x3e, 0xfff },
	{ 0x3f, 0x003 },
};

static uint16_t zones_of_option(uint8_t option, bool *known)
{
	for (size_t i = 0; i < ZL_ARRAY_SIZE(options); i++) {
		if (options[i].option == option) {
			*known = true;
			return options[i].zones;
		}
	}
	*known = false;
	return 0;
}

static void reporting_options(void **state)
{
	uint8_t all[12 * 64], want[64 + sizeof(all)];
	uint16_t zones;
	uint32_t nr;
	bool known;

	(void)state;
	rig_make_conditions(&rig);
	put_zones(all);
	for (uint8_t option = 0; option < 0x40; option++) {
		zones = zones_of_option(option, &known);
		rig_report(&rig, 0, option, 4096, 1000);
		if (!known) {
			check_bad_cdb(&rig, 14, 5);
			continue;
		}
		nr = 0;
		for (int i = 0; i < 12; i++)
			if (zones >> i & 1)
				memcpy(want + 64 + 64 * nr++, all + 64 * i, 64);
		put_header(want, nr, !nr ? 0 : nr == 12 ? 3 : 1);
		check_data(&rig, want, 64 + 64 * nr);
		/* with PARTIAL and room for all it is the same */
		rig_report(&rig, 0, option | 0x80, 4096, 1000);
		check_data(&rig, want, 64 + 64 * nr);
	}
}

/* Every allocation length around the header and the first descriptors. */
static void partial(void **state)
{
	uint8_t want[64 + 12 * 64];
	uint32_t nr;

	(void)state;
	rig_make_conditions(&rig);
	put_zones(want + 64);
	for (uint32_t alloc = 0; alloc <= 64 + 12 * 64 + 1; alloc++) {
		nr = alloc < 64 ? 0 : (uint32_t)min_u64((alloc - 64) / 64, 12);
		put_header(want, nr, !nr ? 0 : nr < 3 ? 1 : 3);
		rig_report(&rig, 0, 0x80, alloc, 1000);
		check_data(&rig, want, min_u64(alloc, sizeof(want)));
		put_header(want, 12, 3);
		rig_report(&rig, 0, 0, alloc, 1000);
		check_data(&rig, want, min_u64(alloc, sizeof(want)));
	}
	/* The list length counts what the allocation length has room for, not
	 * what the buffer has. */
	put_header(want, 12, 3);
	rig_report(&rig, 0, 0x80, 4096, 70);
	check_data(&rig, want, 70);
}

static void report_same_as(const char *opts, uint64_t lba, uint8_t option,
			   uint8_t same, uint64_t granularity, uint32_t nr)
{
	struct rig old = rig;

	rig_start(&rig, opts);
	rig_report(&rig, lba, option, 4096, 4096);
	check_good(&rig);
	assert_int_equal(be32_get(rig.data), nr * 64);
	assert_int_equal(rig.data[4], same);
	assert_int_equal(be64_get(rig.data + 16), granularity);
	rig_stop(&rig);
	rig = old;
}

static void same_field(void **state)
{
	static const char runt[] = "capacity_mb=15,zone_size_mb=4,"
				   "conv_zones=0,smaller_last_zone";
	static const char mixed_runt[] = "capacity_mb=15,zone_size_mb=4,"
					 "conv_zones=1,smaller_last_zone";
	static const char gaps[] = "capacity_mb=16,zone_size_mb=4,"
				   "zone_capacity_mb=3,conv_zones=1";

	(void)state;
	report_same_as(runt, 0, 0, 2, 0, 4);
	report_same_as(runt, 12 * MIB_BLOCKS, 0, 1, 0, 1);
	report_same_as(mixed_runt, 0, 0, 0, 0, 4);
	report_same_as(mixed_runt, 4 * MIB_BLOCKS, 0, 2, 0, 3);
	report_same_as(gaps, 0, 0, 0, 4 * MIB_BLOCKS, 7);
	report_same_as(gaps, 0, 0x3e, 0, 4 * MIB_BLOCKS, 4);
	report_same_as(gaps, 4 * MIB_BLOCKS, 0x3e, 1, 4 * MIB_BLOCKS, 3);
	report_same_as(gaps, 0, 0x3f, 0, 4 * MIB_BLOCKS, 4);
}

static void gap_report(void **state)
{
	static const uint64_t m = MIB_BLOCKS;
	uint8_t want[64 + 4 * 64];
	struct rig old = rig;

	(void)state;
	rig_start(&rig, "capacity_mb=8,zone_size_mb=4,zone_capacity_mb=3,"
			"conv_zones=1");
	put_header(want, 3, 0);
	be64_put(want + 8, 8 * m - 1);
	be64_put(want + 16, 4 * m);
	put_desc(want + 64, 1, 0, 0, 4 * m, UINT64_MAX);
	put_desc(want + 128, 2, 1, 4 * m, 3 * m, 4 * m);
	put_desc(want + 192, 5, 0, 7 * m, m, UINT64_MAX);
	rig_report(&rig, 0, 0, 4096, 300);
	check_data(&rig, want, 256);
	rig_stop(&rig);
	rig = old;
}

static void zone_id(void **state)
{
	(void)state;
	for (uint8_t sa = 1; sa <= 4; sa++) {
		rig_zone(&rig, sa, 0); /* conventional */
		check_bad_cdb(&rig, 2, -1);
		rig_zone(&rig, sa, SEQ(0) + 1);
		check_bad_cdb(&rig, 2, -1);
		rig_zone(&rig, sa, NR_BLOCKS);
		check_range(&rig, NR_BLOCKS);
		rig_zone(&rig, sa, UINT64_MAX);
		check_range(&rig, UINT64_MAX);
		/* with ALL neither ZONE ID nor ZONE COUNT matters */
		CMD(&rig, NULL, 0, 0x94, sa, 0xff, [12] = 0xff, 0xff, 0x01);
		check_good(&rig);
	}
}

static void zone_count(void **state)
{
	uint64_t lba = SEQ(0);

	(void)state;
	/* three zones from the first sequential one */
	CMD(&rig, NULL, 0, 0x94, ZO_OPEN, [8] = (uint8_t)(lba >> 8),
	    (uint8_t)lba, [13] = 3);
	check_good(&rig);
	check_zone(&rig, SEQ(0), ZC_EXP_OPEN, SEQ(0));
	check_zone(&rig, SEQ(2), ZC_EXP_OPEN, SEQ(2));
	check_zone(&rig, SEQ(3), ZC_EMPTY, SEQ(3));
	/* beyond the last zone; more than can be open */
	CMD(&rig, NULL, 0, 0x94, ZO_OPEN, [8] = (uint8_t)(lba >> 8),
	    (uint8_t)lba, [13] = 11);
	check_bad_cdb(&rig, 12, -1);
	CMD(&rig, NULL, 0, 0x94, ZO_OPEN, [8] = (uint8_t)(lba >> 8),
	    (uint8_t)lba, [13] = 10);
	check_sense(&rig, 0x7550e);
	check_zone(&rig, SEQ(3), ZC_EMPTY, SEQ(3));
	/* 0 and 1 are the one zone */
	for (uint8_t count = 0; count < 2; count++) {
		lba = SEQ(4 + count);
		CMD(&rig, NULL, 0, 0x94, ZO_FINISH, [8] = (uint8_t)(lba >> 8),
		    (uint8_t)lba, [13] = count);
		check_good(&rig);
		check_zone(&rig, lba, ZC_FULL, lba + MIB_BLOCKS);
	}
	check_zone(&rig, SEQ(6), ZC_EMPTY, SEQ(6));
}

/* It takes no resource, even where every one is explicitly opened. */
static void finish_at_the_limit(void **state)
{
	(void)state;
	rig_write(&rig, SEQ(3), 1);
	rig_zone(&rig, ZO_CLOSE, SEQ(3));
	for (unsigned i = 0; i < 4; i++) {
		rig_zone(&rig, ZO_OPEN, SEQ(4 + i));
		check_good(&rig);
	}
	rig_zone(&rig, ZO_OPEN, SEQ(2));
	check_sense(&rig, 0x7550e);
	rig_write(&rig, SEQ(2), 1);
	check_sense(&rig, 0x7550e);
	rig_zone(&rig, ZO_FINISH, SEQ(2)); /* EMPTY */
	check_good(&rig);
	check_zone(&rig, SEQ(2), ZC_FULL, SEQ(3));
	rig_zone(&rig, ZO_FINISH, SEQ(3)); /* CLOSED */
	check_good(&rig);
	check_zone(&rig, SEQ(3), ZC_FULL, SEQ(4));
	check_zone(&rig, SEQ(4), ZC_EXP_OPEN, SEQ(4));
}

static void transitions(void **state)
{
	(void)state;
	rig_write(&rig, SEQ(0), 3);
	rig_zone(&rig, ZO_OPEN, SEQ(0));
	check_good(&rig);
	assert_true(rig.ran);
	check_zone(&rig, SEQ(0), ZC_EXP_OPEN, SEQ(0) + 3);
	rig_zone(&rig, ZO_CLOSE, SEQ(0));
	check_good(&rig);
	check_zone(&rig, SEQ(0), ZC_CLOSED, SEQ(0) + 3);
	rig_zone(&rig, ZO_FINISH, SEQ(0));
	check_good(&rig);
	check_zone(&rig, SEQ(0), ZC_FULL, SEQ(1));
	rig_zone(&rig, ZO_RESET, SEQ(0));
	check_good(&rig);
	check_zone(&rig, SEQ(0), ZC_EMPTY, SEQ(0));
	rig_write(&rig, SEQ(0), 1);
	rig_write(&rig, SEQ(1), 1);
	rig_zone_all(&rig, ZO_FINISH);
	check_good(&rig);
	check_zone(&rig, SEQ(0), ZC_FULL, SEQ(1));
	check_zone(&rig, SEQ(1), ZC_FULL, SEQ(2));
	check_zone(&rig, SEQ(2), ZC_EMPTY, SEQ(2));
	rig_zone_all(&rig, ZO_RESET);
	check_good(&rig);
	check_zone(&rig, SEQ(1), ZC_EMPTY, SEQ(1));
}

/* 20,480 zones: the report is streamed, PARTIAL ends it early. */
static void many_zones(void **state)
{
	uint32_t nr = 20480;
	struct rig old = rig;

	(void)state;
	rig_start(&rig, "capacity_mb=20480,zone_size_mb=1,conv_zones=0");
	rig_report(&rig, 0, 0, 64, 64);
	check_good(&rig);
	assert_int_equal(be32_get(rig.data), nr * 64);
	assert_int_equal(rig.data[4], 1);
	rig_report(&rig, 0, 0, UINT32_MAX, 64 + nr * 64 + 100);
	check_good(&rig);
	assert_int_equal(rig.cmd.data_in_bytes, 64 + nr * 64);
	for (uint32_t i = 0; i < nr; i++)
		assert_int_equal(be64_get(rig.data + 64 + i * 64 + 16),
				 (uint64_t)i * MIB_BLOCKS);
	rig_report(&rig, 0, 0x80, 64 + 3 * 64, 1024);
	check_good(&rig);
	assert_int_equal(be32_get(rig.data), 3 * 64);
	rig_stop(&rig);
	rig = old;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(whole_report), T(reporting_options),	 T(partial),
		T(same_field),	 T(gap_report),		 T(zone_id),
		T(zone_count),	 T(finish_at_the_limit), T(transitions),
		T(many_zones),
	};

	return cmocka_run_group_tests_name("zones", tests, NULL, NULL);
}
