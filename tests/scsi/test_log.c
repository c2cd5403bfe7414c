// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* LOG SENSE, LOG SELECT, and the small commands about the unit. */
#include "rig.h"

#define OPTS   "capacity_mb=8,zone_size_mb=1,conv_zones=2,max_open_zones=2"
#define SEQ(n) ((2 + (uint64_t)(n)) * MIB_BLOCKS)

RIG_EACH(OPTS)

#define LOG(code, sub, ptr) \
	CMD(&rig, NULL, 512, 0x4d, 0, 0x40 | (code), sub, 0, 0, ptr, 2, 0)

static void lists(void **state)
{
	static const uint8_t all[] = { 0,    0,	   0,	 9,    0x00, 0x02, 0x03,
				       0x05, 0x0d, 0x0e, 0x10, 0x15, 0x2f };
	static const uint8_t sub[] = { 0x40, 0xff, 0,	 40,   0x00, 0x00, 0x00,
				       0xff, 0x02, 0x00, 0x02, 0xff, 0x03, 0x00,
				       0x03, 0xff, 0x05, 0x00, 0x05, 0xff, 0x0d,
				       0x00, 0x0d, 0xff, 0x0e, 0x00, 0x0e, 0xff,
				       0x10, 0x00, 0x10, 0xff, 0x14, 0x01, 0x14,
				       0xff, 0x15, 0x00, 0x15, 0xff, 0x2f, 0x00,
				       0x2f, 0xff };
	static const uint8_t of_14[] = { 0x54, 0xff, 0,	   4,
					 0x14, 0x01, 0x14, 0xff };
	static const uint8_t of_0d[] = { 0x4d, 0xff, 0,	   4,
					 0x0d, 0x00, 0x0d, 0xff };

	(void)state;
	LOG(0, 0, 0);
	check_data(&rig, all, sizeof(all));
	LOG(0, 0xff, 0);
	check_data(&rig, sub, sizeof(sub));
	LOG(0, 0, 1);
	check_bad_cdb(&rig, 5, -1);
	LOG(0x14, 0xff, 0);
	check_data(&rig, of_14, sizeof(of_14));
	LOG(0x0d, 0xff, 0);
	check_data(&rig, of_0d, sizeof(of_0d));
	LOG(0x14, 0xff, 1);
	check_bad_cdb(&rig, 5, -1);
	LOG(0x16, 0xff, 0);
	check_bad_cdb(&rig, 2, 5);
	/* what is listed with them, too */
	for (size_t i = 4; i < sizeof(sub); i += 2) {
		LOG(sub[i], sub[i + 1], 0);
		check_good(&rig);
	}
	/* what is listed without subpages can be asked for so */
	for (size_t i = 4; i < sizeof(all); i++) {
		LOG(all[i], 0, 0);
		check_good(&rig);
	}
}

static void small_pages(void **state)
{
	static const uint8_t temperature[] = { 0x8d, 0,	  0, 12, 0, 0, 3, 2,
					       0,    255, 0, 1,	 3, 2, 0, 255 };
	static const uint8_t reference[] = {
		0x8d, 0, 0, 6, 0, 1, 3, 2, 0, 255
	};
	static const uint8_t cycles[] = { 0x8e, 0,   0,	  36,  0,   1,	 1,
					  6,	' ', ' ', ' ', ' ', ' ', ' ',
					  0,	2,   1,	  6,   ' ', ' ', ' ',
					  ' ',	' ', ' ', 0,   3,   3,	 4,
					  0,	0,   0,	  0,   0,   4,	 3,
					  4,	0,   0,	  0,   1 };
	static const uint8_t healthy[] = { 0xaf, 0, 0, 8, 0,   0,
					   3,	 4, 0, 0, 255, 0 };
	static const uint8_t no_scan[20] = { 0x95, 0, 0, 16, 0, 0, 3, 12 };
	uint8_t tests[404] = { 0x90, 0, 0x01, 0x90 };

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		tests[4 + 20 * i + 1] = (uint8_t)(i + 1);
		tests[4 + 20 * i + 2] = 3;
		tests[4 + 20 * i + 3] = 16;
	}
	LOG(0x0d, 0, 0);
	check_data(&rig, temperature, sizeof(temperature));
	LOG(0x0d, 0, 1);
	check_data(&rig, reference, sizeof(reference));
	LOG(0x0d, 0, 2);
	check_bad_cdb(&rig, 5, -1);
	LOG(0x0e, 0, 0);
	check_data(&rig, cycles, sizeof(cycles));
	LOG(0x10, 0, 0);
	check_data(&rig, tests, sizeof(tests));
	LOG(0x15, 0, 0);
	check_data(&rig, no_scan, sizeof(no_scan));
	LOG(0x2f, 0, 0);
	check_data(&rig, healthy, sizeof(healthy));
}

static void refused(void **state)
{
	(void)state;
	LOG(0x06, 0, 0);
	check_bad_cdb(&rig, 2, 5);
	LOG(0x14, 0, 0);
	check_bad_cdb(&rig, 3, -1);
	CMD(&rig, NULL, 64, 0x4d, 1, 0x4d, 0, 0, 0, 0, 0, 64);
	check_bad_cdb(&rig, 1, 0);
	CMD(&rig, NULL, 8, 0x4c, 0x02, 0, 0, 0, 0, 0, 0, 8);
	check_bad_cdb(&rig, 7, -1);
	CMD(&rig, NULL, 0, 0x4c, 0x02, 0x16);
	check_bad_cdb(&rig, 2, 5);
	CMD(&rig, NULL, 0, 0x4c, 0x01);
	check_bad_cdb(&rig, 1, 0);
	CMD(&rig, NULL, 0, 0x4c, 0x00, 0x16, 0xff);
	check_bad_cdb(&rig, 2, 5);
	CMD(&rig, NULL, 0, 0x4c, 0x00, 0x14);
	check_bad_cdb(&rig, 3, -1);
}

/* PC says something of data counters only (SPC-5 6.8). */
static void page_control(void **state)
{
	static const uint8_t counters[] = { 0x02, 0x03, 0x05 };
	static const uint8_t lists[][2] = {
		{ 0x00, 0x00 }, { 0x00, 0xff }, { 0x0d, 0x00 }, { 0x0e, 0x00 },
		{ 0x10, 0x00 }, { 0x14, 0x01 }, { 0x15, 0x00 }, { 0x2f, 0x00 },
	};

	(void)state;
	for (uint8_t pc = 0; pc < 4; pc++) {
		for (unsigned i = 0; i < ZL_ARRAY_SIZE(lists); i++) {
			CMD(&rig, NULL, 512, 0x4d, 0,
			    (uint8_t)(pc << 6 | lists[i][0]),
			    lists[i][1], [7] = 2);
			check_good(&rig);
		}
		for (unsigned i = 0; i < ZL_ARRAY_SIZE(counters); i++) {
			CMD(&rig, NULL, 512, 0x4d, 0,
			    (uint8_t)(pc << 6 | counters[i]), [7] = 2);
			if (pc == 1)
				check_good(&rig);
			else
				check_bad_cdb(&rig, 2, 7);
		}
	}
}

/* Codes 0, 1, 2, 3, 5, 8, 9 and Ah. */
static void check_statistics(const uint32_t want[8])
{
	static const uint8_t codes[8] = { 0, 1, 2, 3, 5, 8, 9, 10 };
	uint8_t page[100] = { 0xd4, 1, 0, 96 };

	for (unsigned i = 0; i < 8; i++) {
		uint8_t *p = page + 4 + 12 * i;

		p[1] = codes[i];
		p[2] = 3;
		p[3] = 8;
		be32_put(p + 8, want[i]);
	}
	LOG(0x14, 1, 0);
	check_data(&rig, page, sizeof(page));
}

static void statistics(void **state)
{
	(void)state;
	check_statistics((uint32_t[8]){ 0, 0, 0, 6, 0, 0, 0, 0 });
	rig_write(&rig, SEQ(0), 1);
	rig_zone(&rig, 3, SEQ(1));
	check_statistics((uint32_t[8]){ 2, 1, 1, 4, 0, 0, 0, 0 });
	rig_zone(&rig, 3, SEQ(2)); /* closes the first */
	check_statistics((uint32_t[8]){ 2, 2, 1, 3, 0, 0, 0, 0 });
	rig_zone(&rig, 3, SEQ(3));
	check_sense(&rig, 0x7550e);
	rig_write(&rig, SEQ(1) + 5, 1); /* not at the write pointer */
	check_sense(&rig, 0x52104);
	rig_rw(&rig, 0x88, SEQ(0) - 1, 2, NULL, 1024);
	check_sense(&rig, 0x52106);
	rig_zone(&rig, 4, SEQ(0));
	rig_zone(&rig, 4, SEQ(0)); /* is EMPTY: not emptied again */
	rig_zone(&rig, 4, SEQ(1)); /* was never written */
	check_statistics((uint32_t[8]){ 2, 2, 1, 3, 1, 1, 1, 1 });
	/* they outlive the closing of the disk */
	rig_damage(&rig, UINT32_MAX, UINT32_MAX);
	check_statistics((uint32_t[8]){ 2, 2, 1, 3, 1, 1, 1, 1 });
	/* LOG SELECT without PCR changes nothing, of another page neither */
	CMD(&rig, NULL, 0, 0x4c);
	check_good(&rig);
	CMD(&rig, NULL, 0, 0x4c, 0x02, 0x4d);
	check_good(&rig);
	CMD(&rig, NULL, 0, 0x4c, 0x02, 0x00, 0xff); /* subpages of 00h */
	check_good(&rig);
	CMD(&rig, NULL, 0, 0x4c, 0x00, 0xd4, 0x01); /* PC 11b: no counters */
	check_good(&rig);
	check_statistics((uint32_t[8]){ 2, 2, 1, 3, 1, 1, 1, 1 });
	CMD(&rig, NULL, 0, 0x4c, 0x02, 0x54, 0x01);
	check_good(&rig);
	check_statistics((uint32_t[8]){ 0, 0, 0, 6, 0, 0, 0, 0 });
	rig_zone(&rig, 3, SEQ(1));
	check_statistics((uint32_t[8]){ 1, 1, 0, 5, 0, 0, 0, 0 });
	rig_zone(&rig, 4, SEQ(1));
	CMD(&rig, NULL, 0, 0x4c, 0x02, 0x54, 0xff); /* all subpages of 14h */
	check_good(&rig);
	check_statistics((uint32_t[8]){ 0, 0, 0, 6, 0, 0, 0, 0 });
	rig_write(&rig, SEQ(4), 1);
	CMD(&rig, NULL, 0, 0x4c, 0x02);
	check_good(&rig);
	check_statistics((uint32_t[8]){ 1, 0, 1, 5, 0, 0, 0, 0 });
}

static void identity(void **state)
{
	static const uint8_t none[4], types[8] = { 0, 0, 0, 4 };
	static const uint8_t luns[16] = { 0, 0, 0, 8 }, no_luns[8];
	uint8_t serial[20] = { 0, 0, 0, 16 };

	(void)state;
	memcpy(serial + 4, disk_meta(rig.disk)->serial, 16);
	CMD(&rig, NULL, 64, 0xab, 1, [9] = 64);
	check_data(&rig, serial, sizeof(serial));
	CMD(&rig, NULL, 64, 0xa3, 5, [9] = 64);
	check_data(&rig, none, sizeof(none));
	CMD(&rig, NULL, 64, 0xa3, 5, [9] = 64, 0xfe);
	check_data(&rig, types, sizeof(types));
	CMD(&rig, NULL, 64, 0xa3, 5, [9] = 64, 0x04);
	check_bad_cdb(&rig, 10, 7);
	CMD(&rig, NULL, 64, 0xa0, [9] = 64);
	check_data(&rig, luns, sizeof(luns));
	CMD(&rig, NULL, 64, 0xa0, 0, 1, [9] = 64);
	check_data(&rig, no_luns, sizeof(no_luns));
	CMD(&rig, NULL, 64, 0xa0, 0, 3, [9] = 64);
	check_bad_cdb(&rig, 2, -1);
	CMD(&rig, NULL, 64, 0xa0, [9] = 15);
	check_bad_cdb(&rig, 6, -1);
}

static void diagnostics(void **state)
{
	static const uint8_t pages[5] = { 0, 0, 0, 1, 0 }, list[4];
	static const uint8_t too_long[5] = { 0, 0, 0, 1, 0 };

	(void)state;
	CMD(&rig, NULL, 0, 0x1d);
	check_good(&rig);
	CMD(&rig, NULL, 0, 0x1d, 0x10);
	check_good(&rig);
	/* PF: the list of pages, as sg_senddiag -l sends it */
	CMD(&rig, list, 4, 0x1d, 0x10, 0, 0, 4);
	check_good(&rig);
	CMD(&rig, NULL, 64, 0x1c, 0x00, 0, 0, 64);
	check_data(&rig, pages, sizeof(pages));
	CMD(&rig, NULL, 64, 0x1c, 0x01, 0, 0, 64);
	check_data(&rig, pages, sizeof(pages));
	CMD(&rig, NULL, 64, 0x1c, 0x01, 0x40, 0, 64);
	check_bad_cdb(&rig, 2, -1);
	/* vendor specific; cut off; another page; with something in it */
	CMD(&rig, list, 4, 0x1d, 0x00, 0, 0, 4);
	check_bad_cdb(&rig, 1, 4);
	CMD(&rig, list, 3, 0x1d, 0x10, 0, 0, 3);
	check_bad_cdb(&rig, 3, -1);
	CMD(&rig, list, 3, 0x1d, 0x10, 0, 0, 4);
	check_bad_cdb(&rig, 3, -1);
	for (uint8_t byte = 0; byte < 4; byte++) {
		uint8_t other[4] = { 0 };

		other[byte] = 1;
		CMD(&rig, other, 4, 0x1d, 0x10, 0, 0, 4);
		if (byte < 2)
			check_bad_param(&rig, byte, -1);
		else
			check_bad_cdb(&rig, 3, -1);
	}
	CMD(&rig, too_long, 5, 0x1d, 0x10, 0, 0, 5);
	check_bad_param(&rig, 2, -1);
}

/* Page @code: bytes processed and uncorrected errors; the rest is 0. */
static void check_errors(uint8_t code, uint64_t bytes, uint64_t errors)
{
	uint8_t page[4 + 7 * 12] = { 0x80 | code, 0, 0, 7 * 12 };

	for (uint8_t i = 0; i < 7; i++) {
		page[4 + 12 * i + 1] = i;
		page[4 + 12 * i + 3] = 8;
	}
	be64_put(page + 4 + 12 * 5 + 4, bytes);
	be64_put(page + 4 + 12 * 6 + 4, errors);
	LOG(code, 0, 0);
	check_data(&rig, page, sizeof(page));
}

static void check_all_errors(uint64_t written, uint64_t read, uint64_t verified)
{
	check_errors(0x02, written, 0);
	check_errors(0x03, read, 0);
	check_errors(0x05, verified, 0);
}

static void verify(uint64_t lba, uint32_t nr)
{
	rig_rw(&rig, 0x8f, lba, nr, NULL, 0);
}

static void error_counters(void **state)
{
	struct store_fault_plan reads = { .fail_count = UINT64_MAX,
					  .error = EIO };

	(void)state;
	check_all_errors(0, 0, 0);
	rig_write(&rig, SEQ(0), 8);
	rig_rw(&rig, 0x88, SEQ(0), 2, NULL, 1024);
	verify(SEQ(0), 5);
	check_good(&rig);
	check_all_errors(8 * 512, 2 * 512, 5 * 512);
	/* refused is no error */
	rig_write(&rig, SEQ(0), 1);
	check_sense(&rig, 0x52104);
	check_all_errors(8 * 512, 2 * 512, 5 * 512);
	store_fault_arm(rig.fault, &reads);
	rig_rw(&rig, 0x88, SEQ(0), 2, NULL, 1024);
	verify(SEQ(0), 5);
	verify(SEQ(0), 1);
	rig_write(&rig, SEQ(0) + 8, 1);
	reads.fail_at = UINT64_MAX;
	store_fault_arm(rig.fault, &reads);
	check_errors(0x02, 8 * 512, 1);
	check_errors(0x03, 2 * 512, 1);
	check_errors(0x05, 5 * 512, 2);
	/* LOG SELECT, PCR: of one page, and of all */
	CMD(&rig, NULL, 0, 0x4c, 0x02, 0x43);
	check_good(&rig);
	check_errors(0x02, 8 * 512, 1);
	check_errors(0x03, 0, 0);
	check_errors(0x05, 5 * 512, 2);
	CMD(&rig, NULL, 0, 0x4c, 0x02);
	check_good(&rig);
	check_all_errors(0, 0, 0);
	rig_rw(&rig, 0x88, SEQ(0), 2, NULL, 1024);
	check_all_errors(0, 1024, 0);
	/* PC 11b: cumulative values become the default ones; 10b: thresholds */
	CMD(&rig, NULL, 0, 0x4c, 0x00, 0x83);
	check_good(&rig);
	check_all_errors(0, 1024, 0);
	CMD(&rig, NULL, 0, 0x4c, 0x00, 0xc2);
	check_good(&rig);
	check_all_errors(0, 1024, 0);
	CMD(&rig, NULL, 0, 0x4c, 0x00, 0xc3);
	check_good(&rig);
	check_all_errors(0, 0, 0);
	/* SP: of what becomes what it was at first nothing is saved anyhow */
	rig_rw(&rig, 0x88, SEQ(0), 2, NULL, 1024);
	CMD(&rig, NULL, 0, 0x4c, 0x01, 0x82);
	check_good(&rig);
	check_all_errors(0, 1024, 0);
	CMD(&rig, NULL, 0, 0x4c, 0x03, 0x42);
	check_bad_cdb(&rig, 1, 0);
	CMD(&rig, NULL, 0, 0x4c, 0x01, 0x02);
	check_bad_cdb(&rig, 1, 0);
	check_all_errors(0, 1024, 0);
	CMD(&rig, NULL, 0, 0x4c, 0x01, 0xc3);
	check_good(&rig);
	check_all_errors(0, 0, 0);
	rig_rw(&rig, 0x88, SEQ(0), 2, NULL, 1024);
	CMD(&rig, NULL, 0, 0x4c, 0x03, 0x83);
	check_good(&rig);
	check_all_errors(0, 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(lists),	 T(small_pages),    T(refused),
		T(page_control), T(statistics),	    T(identity),
		T(diagnostics),	 T(error_counters),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
