// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Zone domains and realms: what the disk says of itself, and the four commands,
 * byte for byte.
 */
#include "disk/internal.h"
#include "disk/io/slot.h"
#include "rig.h"

/* Four realms of 2 or 3 zones, of which the first and the last have only 2:
 * zones 0 to 7, a gap, 9 to 14.  See test_realm_rules.c. */
#define OPTS                                                    \
	"model=realms,zone_size_mb=1,realms=4,realm_zones=2+3," \
	"cmr_realms=1+1,max_open_zones=2"

#define Z	  MIB_BLOCKS
#define LAST_LBA  (15 * Z - 1)
#define FIRST_END (8 * Z - 1) /* of the first domain */

RIG_EACH(OPTS)

static void start_with(const char *more)
{
	char opts[300];

	rig_stop(&rig);
	snprintf(opts, sizeof(opts), OPTS ",%s", more);
	rig_start(&rig, opts);
}

/*
 * Identity.
 */

static void vpd(uint8_t page)
{
	CMD(&rig, NULL, 300, 0x12, 1, page, 1, 44);
}

static void check_identity(uint8_t type, uint8_t rc_basis, uint64_t last_lba)
{
	uint8_t ten[8] = { 0 }, sixteen[32] = { 0 };
	/* Domains and realms, AAORB, URSWRZ; constant zone lengths. */
	uint8_t zoned[64] = { type, 0xb6, 0, 0x3c, 0x23, [23] = 1 };
	/* ZONED 00b */
	uint8_t block[64] = { type, 0xb1, 0, 0x3c, 0x1c, 0x20, 0, 0x42, 0x03 };

	be32_put(ten, (uint32_t)last_lba);
	be32_put(ten + 4, 512);
	be64_put(sixteen, last_lba);
	be32_put(sixteen + 8, 512);
	sixteen[12] = (uint8_t)(rc_basis << 4);
	memset(zoned + 8, 0xff, 8);
	be32_put(zoned + 16, 2);

	CMD(&rig, NULL, 96, 0x12, 0, 0, 0, 96);
	check_good(&rig);
	assert_int_equal(rig.data[0], type);
	CMD(&rig, NULL, 8, 0x25);
	check_data(&rig, ten, sizeof(ten));
	CMD(&rig, NULL, 32, 0x9e, 0x10, [13] = 32);
	check_data(&rig, sixteen, sizeof(sixteen));
	vpd(0xb6);
	check_data(&rig, zoned, sizeof(zoned));
	vpd(0xb1);
	check_data(&rig, block, sizeof(block));
	/* Block descriptors: the same number of blocks. */
	CMD(&rig, NULL, 28, 0x5a, 0x10, 8, [8] = 28);
	check_good(&rig);
	assert_int_equal(be64_get(rig.data + 8), last_lba + 1);
}

static void identity(void **state)
{
	static const uint8_t pages[] = { 0x00, 0x80, 0x83, 0x86,
					 0xb0, 0xb1, 0xb2, 0xb6 };

	(void)state;
	check_identity(0x00, 0, FIRST_END);
	vpd(0x00);
	check_good(&rig);
	assert_memory_equal(rig.data + 4, pages, sizeof(pages));
	start_with("device_type=14h");
	check_identity(0x14, 1, LAST_LBA);
}

/* What lies behind the capacity that is told is there all the same. */
static void behind_the_capacity(void **state)
{
	(void)state;
	rig_rw(&rig, 0x88, 9 * Z, 1, NULL, 512);
	check_good(&rig);
	rig_rw(&rig, 0x88, LAST_LBA + 1, 1, NULL, 512);
	check_range(&rig, LAST_LBA + 1);
	rig_report(&rig, LAST_LBA, 0, 128, 128);
	check_good(&rig);
	assert_int_equal(be64_get(rig.data + 8), LAST_LBA);
}

/* Without realms none of the commands is there. */
static void ordinary_disk(void **state)
{
	(void)state;
	rig_stop(&rig);
	rig_start(&rig, "capacity_mb=4,zone_size_mb=1,conv_zones=1");
	for (uint8_t sa = 6; sa <= 9; sa++) {
		CMD(&rig, NULL, 64, 0x95, sa, [13] = 64);
		check_bad_cdb(&rig, 1, 4);
		CMD(&rig, NULL, 64, 0xa3, 0x0c, 2, 0x95, 0, sa, [9] = 64);
		check_good(&rig);
		assert_int_equal(rig.data[1] & 7, 1);
	}
	CMD(&rig, NULL, 64, 0x7f, [7] = 0x18, 0xf8, [31] = 64);
	check_sense(&rig, 0x52000);
	CMD(&rig, NULL, 64, 0x5a, 0x08, 0x0a, 0x0f, [8] = 64);
	check_bad_cdb(&rig, 3, -1);
}

static void check_usage(const uint8_t *usage, uint8_t len)
{
	uint16_t sa = usage[0] == 0x7f ? be16_get(usage + 8) : usage[1] & 0x1f;

	CMD(&rig, NULL, 64, 0xa3, 0x0c, 2, usage[0], (uint8_t)(sa >> 8),
	    (uint8_t)sa, [9] = 64);
	check_good(&rig);
	assert_int_equal(rig.data[1], 3);
	assert_int_equal(be16_get(rig.data + 2), len);
	assert_memory_equal(rig.data + 4, usage, len);
}

#define FF4 0xff, 0xff, 0xff, 0xff

static void operation_codes(void **state)
{
	static const uint8_t usage[][32] = {
		{ 0x95, 0x06, FF4, FF4, FF4, 0x3f, 0 },
		{ 0x95, 0x07, FF4, FF4, FF4, 0x3f, 0 },
		{ 0x95, 0x88, FF4, FF4, FF4, 0xff, 0 },
		{ 0x95, 0x89, FF4, FF4, FF4, 0xff, 0 },
		{ 0x7f, [7] = 0x18, 0xf8, 0x00, 0xc0, 0xff, FF4, FF4,
		  FF4, [28] = 0xff, 0xff, 0xff, 0xff },
		{ 0x7f, [7] = 0x18, 0xf8, 0x01, 0xc0, 0xff, FF4, FF4,
		  FF4, [28] = 0xff, 0xff, 0xff, 0xff },
	};

	(void)state;
	for (size_t i = 0; i < ZL_ARRAY_SIZE(usage); i++)
		check_usage(usage[i], usage[i][0] == 0x7f ? 32 : 16);
}

/*
 * REPORT ZONE DOMAINS.
 */

static void report(uint8_t sa, uint64_t lba, uint8_t option, uint32_t alloc,
		   size_t len)
{
	uint8_t cdb[16] = { 0x95, sa, [14] = option };

	be64_put(cdb + 2, lba);
	be32_put(cdb + 10, alloc);
	rig_cmd(&rig, cdb, sizeof(cdb), NULL, len);
}

static void put_domains_header(uint8_t *d, uint8_t nr, uint8_t option,
			       uint64_t locator)
{
	memset(d, 0, 64);
	be32_put(d, nr * 96u);
	be32_put(d + 4, 64 + nr * 96u);
	d[8] = 2;
	d[9] = nr;
	d[10] = option;
	be64_put(d + 16, locator);
}

static void put_domain(uint8_t *d, uint8_t id, uint8_t type, uint32_t first,
		       uint32_t nr)
{
	memset(d, 0, 96);
	d[0] = id;
	be64_put(d + 16, nr);
	be64_put(d + 24, first * Z);
	be64_put(d + 32, (first + nr) * Z - 1);
	d[40] = type;
	d[42] = 0x02;
}

static void domains(void **state)
{
	uint8_t want[64 + 2 * 96];

	(void)state;
	put_domains_header(want, 2, 0, 0);
	put_domain(want + 64, 0, 1, 0, 8);
	put_domain(want + 160, 1, 2, 9, 6);
	for (uint32_t alloc = 0; alloc < 300; alloc += 7) {
		report(0x07, 0, 0, alloc, 300);
		check_data(&rig, want, min_u64(alloc, sizeof(want)));
	}
	/* From the one that has the locator or lies behind it. */
	report(0x07, FIRST_END, 0, 300, 300);
	put_domains_header(want, 2, 0, FIRST_END);
	check_data(&rig, want, sizeof(want));
	for (uint64_t lba = 8 * Z; lba <= LAST_LBA; lba += Z) {
		put_domains_header(want, 1, 0, lba);
		put_domain(want + 64, 1, 2, 9, 6);
		report(0x07, lba, 0, 300, 300);
		check_data(&rig, want, 160);
	}
	/* 05.006 007 011 */
	report(0x07, LAST_LBA, 0, 300, 300);
	check_good(&rig);
	report(0x07, LAST_LBA + 1, 0, 300, 300);
	check_range(&rig, LAST_LBA + 1);
	report(0x07, 0, 0x15, 300, 300);
	check_bad_cdb(&rig, 14, 5);
}

/* Domains by number in the list of an option, as bits. */
static void check_domain_option(uint8_t option, unsigned want)
{
	uint8_t nr = 0;

	report(0x07, 0, option, 300, 300);
	check_good(&rig);
	for (uint8_t id = 0; id < 2; id++)
		if (want >> id & 1)
			assert_int_equal(rig.data[64 + 96 * nr++], id);
	assert_int_equal(rig.data[9], nr);
	assert_int_equal(rig.data[10], option);
	assert_int_equal(be32_get(rig.data), nr * 96);
}

/* ZONE ACTIVATE or ZONE QUERY, (16). */
static void activate(uint8_t byte_1, uint32_t zone, uint16_t nr, uint8_t other)
{
	uint8_t cdb[16] = { 0x95, byte_1, [14] = other };

	be64_put(cdb + 2, zone * (uint64_t)Z);
	be16_put(cdb + 10, nr);
	be16_put(cdb + 12, 400);
	rig_cmd(&rig, cdb, sizeof(cdb), NULL, 400);
}

/* 05.008 to 010 */
static void domain_options(void **state)
{
	(void)state;
	check_domain_option(1, 0x1);
	check_domain_option(2, 0x1);
	check_domain_option(3, 0x2);
	activate(0x08, 2, 2, 1);
	check_domain_option(1, 0);
	check_domain_option(2, 0x3);
	check_domain_option(3, 0);
	activate(0x08, 4, 2, 1);
	check_domain_option(1, 0x2);
	check_domain_option(2, 0x3);
	check_domain_option(3, 0);
}

/*
 * REPORT REALMS.
 */

static void put_realms_header(uint8_t *d, uint32_t nr, uint64_t next_lba)
{
	memset(d, 0, 64);
	be32_put(d, nr * 48);
	be32_put(d + 4, nr);
	be32_put(d + 8, 48);
	be64_put(d + 12, next_lba);
}

static void put_realm(uint8_t *d, uint32_t id, uint8_t active)
{
	memset(d, 0, 48);
	be32_put(d, id);
	d[7] = active;
	be64_put(d + 16, 2 * id * (uint64_t)Z);
	be64_put(d + 24, 2 * (id + 1) * (uint64_t)Z - 1);
	if (id != 1 && id != 2)
		return;
	be64_put(d + 32, (6 + 3 * id) * (uint64_t)Z);
	be64_put(d + 40, (9 + 3 * id) * (uint64_t)Z - 1);
}

static void put_realms(uint8_t *d)
{
	for (uint32_t i = 0; i < 4; i++)
		put_realm(d + 48 * i, i, i == 1);
}

static void realms(void **state)
{
	uint8_t all[64 + 4 * 48], want[64 + 4 * 48];

	(void)state;
	activate(0x08, 2, 2, 1);
	put_realms(all + 64);
	memcpy(want, all, sizeof(want));
	for (uint32_t alloc = 0; alloc < 300; alloc++) {
		uint64_t fit = alloc < 64 ? 0 : (alloc - 64) / 48;

		put_realms_header(want, 4, fit < 4 ? 2 * fit * Z : 0);
		report(0x06, 0, 0, alloc, 300);
		check_data(&rig, want, min_u64(alloc, sizeof(want)));
	}
	/* From the realm that has the locator in any domain; of the gap the
	 * next. */
	for (uint32_t zone = 0; zone < 15; zone++) {
		uint32_t first = zone < 8    ? zone / 2
				 : zone == 8 ? 1
					     : (zone - 6) / 3;
		uint32_t nr = 4 - first;

		put_realms_header(want, nr, 0);
		memcpy(want + 64, all + 64 + 48 * first, 48 * nr);
		report(0x06, zone * (uint64_t)Z + Z - 1, 0, 300, 300);
		check_data(&rig, want, 64 + 48 * nr);
	}
	/* 05.022 026 */
	report(0x06, LAST_LBA + 1, 0, 300, 300);
	check_range(&rig, LAST_LBA + 1);
	report(0x06, 0, 0x15, 300, 300);
	check_bad_cdb(&rig, 14, 5);
}

static void check_realm_option(uint8_t option, uint32_t nr, uint32_t first)
{
	report(0x06, 0, option, 300, 300);
	check_good(&rig);
	assert_int_equal(be32_get(rig.data + 4), nr);
	if (nr)
		assert_int_equal(be32_get(rig.data + 64), first);
}

/* 05.023 to 025 */
static void realm_options(void **state)
{
	(void)state;
	activate(0x08, 2, 2, 1);
	check_realm_option(1, 0, 0);
	check_realm_option(2, 1, 1);
	check_realm_option(3, 0, 0);
	start_with("domains=sobr+seqp");
	rig_zone_all(&rig, ZO_RESET);
	activate(0x08, 2, 2, 1);
	check_realm_option(1, 3, 0);
	check_realm_option(2, 0, 0);
	check_realm_option(3, 1, 1);
}

/*
 * ZONE ACTIVATE and ZONE QUERY.
 */

static void put_result(uint8_t *d, uint32_t nr, uint8_t flags, uint8_t other,
		       uint32_t zones)
{
	memset(d, 0, 64);
	be32_put(d, nr * 32);
	be32_put(d + 4, nr * 32);
	d[8] = flags;
	d[10] = other;
	be32_put(d + 16, zones);
}

static void put_change(uint8_t *d, uint8_t type, uint8_t cond, uint8_t domain,
		       uint32_t zone, uint32_t nr)
{
	memset(d, 0, 32);
	d[0] = type;
	d[1] = (uint8_t)(cond << 4);
	d[2] = domain;
	be64_put(d + 8, nr);
	be64_put(d + 16, zone * (uint64_t)Z);
}

/* 03.220 and 020, one realm and then two. */
static void query_and_activate(void **state)
{
	uint8_t want[64 + 4 * 32];

	(void)state;
	put_change(want + 64, 1, 5, 0, 2, 2);
	put_change(want + 96, 1, 5, 0, 4, 2);
	put_change(want + 128, 2, 1, 1, 9, 3);
	put_change(want + 160, 2, 1, 1, 12, 3);
	put_result(want, 4, 0x80, 1, 4);
	activate(0x09, 2, 4, 1);
	check_data(&rig, want, sizeof(want));
	/* Nothing has changed. */
	activate(0x09, 2, 4, 1);
	check_data(&rig, want, sizeof(want));
	check_zone(&rig, 9 * Z, ZC_INACTIVE, UINT64_MAX);
	put_result(want, 4, 0x81, 1, 4);
	activate(0x08, 2, 4, 1);
	check_data(&rig, want, sizeof(want));
	check_zone(&rig, 2 * Z, ZC_INACTIVE, UINT64_MAX);
	check_zone(&rig, 5 * Z, ZC_INACTIVE, UINT64_MAX);
	check_zone(&rig, 6 * Z, ZC_NOT_WP, UINT64_MAX);
	check_zone(&rig, 9 * Z, ZC_EMPTY, 9 * Z);
	check_zone(&rig, 14 * Z, ZC_EMPTY, 14 * Z);
	/* 03.021: back, one of them, named by its inactive zones: the domain is
	 * theirs, whatever OTHER ZONE DOMAIN ID says. */
	put_result(want, 2, 0x81, 1, 2);
	put_change(want + 64, 1, 0, 0, 4, 2);
	put_change(want + 96, 2, 5, 1, 12, 3);
	activate(0x08, 4, 2, 1);
	check_data(&rig, want, 128);
	check_zone(&rig, 4 * Z, ZC_NOT_WP, UINT64_MAX);
	check_zone(&rig, 12 * Z, ZC_INACTIVE, UINT64_MAX);
}

/* 03.022, 023: ALL leaves out what is active already or has no zones there. */
static void all_realms(void **state)
{
	uint8_t want[64 + 2 * 32];

	(void)state;
	activate(0x08, 2, 2, 1);
	put_result(want, 2, 0x01, 1, 0);
	want[11] = 0x01;
	put_change(want + 64, 1, 5, 0, 4, 2);
	put_change(want + 96, 2, 1, 1, 12, 3);
	activate(0x88, 9999, 0, 1);
	check_data(&rig, want, sizeof(want));
	/* Nothing is left to be done. */
	put_result(want, 0, 0x01, 1, 0);
	want[11] = 0x01;
	activate(0x88, 0, 0, 1);
	check_data(&rig, want, 64);
}

/* The header counts all descriptors, and those that fit. */
static void allocation_lengths(void **state)
{
	uint8_t want[64 + 2 * 32], cdb[16] = { 0x95, 0x09, [14] = 1 };

	(void)state;
	be64_put(cdb + 2, 2 * Z);
	be16_put(cdb + 10, 2);
	put_result(want, 2, 0x80, 1, 2);
	put_change(want + 64, 1, 5, 0, 2, 2);
	put_change(want + 96, 2, 1, 1, 9, 3);
	for (uint16_t alloc = 0; alloc < 200; alloc++) {
		be16_put(cdb + 12, alloc);
		rig_cmd(&rig, cdb, sizeof(cdb), NULL, 200);
		if (alloc < 64) {
			check_bad_cdb(&rig, 12, -1);
			continue;
		}
		be32_put(want + 4,
			 (uint32_t)min_u64((alloc - 64) / 32, 2) * 32);
		check_data(&rig, want, min_u64(alloc, sizeof(want)));
	}
	be16_put(cdb + 12, 128);
	rig_cmd(&rig, cdb, sizeof(cdb), NULL, 70);
	check_data(&rig, want, 70);
}

static void check_unmet(uint8_t bits, uint64_t lba, uint8_t other,
			uint32_t zones)
{
	uint8_t want[64];

	put_result(want, 0, 0xc0, other, zones);
	want[9] = bits;
	be64_put(want + 24, lba);
	check_data(&rig, want, sizeof(want));
}

/* What both commands are refused, or say is unmet; nothing changes. */
static void check_all_unmet(uint8_t byte_1)
{
	activate(byte_1, 15, 2, 1); /* 03.101 */
	check_range(&rig, 15 * Z);
	activate(byte_1, 12, 4, 0); /* 03.102 */
	check_bad_cdb(&rig, 10, -1);
	activate(byte_1, 2, 0, 1); /* 03.103 */
	check_bad_cdb(&rig, 10, -1);
	CMD(&rig, NULL, 400, 0x95, byte_1, [8] = 0x10, 1, 0, 2, 1, 0,
	    1); /* 03.104 */
	check_bad_cdb(&rig, 2, -1);
	activate(byte_1, 8, 1, 1); /* in the gap */
	check_bad_cdb(&rig, 2, -1);
	activate(byte_1, 2, 2, 2); /* no such domain */
	check_bad_cdb(&rig, 14, -1);
	activate(byte_1, 3, 2, 1); /* 03.105 */
	check_unmet(0x04, 3 * Z, 1, 2);
	activate(byte_1, 2, 1, 1); /* 03.106 */
	check_unmet(0x04, 2 * Z, 1, 1);
	activate(byte_1, 6, 4, 1); /* 05.409: over the domain's end */
	check_unmet(0x28, 8 * Z, 1, 4);
	activate(byte_1, 0, 2, 1); /* has no zones there */
	check_unmet(0x10, 0, 1, 2);
	activate(byte_1, 2, 6, 1); /* the third has none */
	check_unmet(0x10, 6 * Z, 1, 6);
	activate(byte_1, 2, 2, 0); /* is active there */
	check_unmet(0x01, 2 * Z, 0, 2);
}

static void unmet(void **state)
{
	(void)state;
	check_all_unmet(0x09);
	check_all_unmet(0x08);
	check_zone(&rig, 2 * Z, ZC_NOT_WP, UINT64_MAX);
	check_zone(&rig, 9 * Z, ZC_INACTIVE, UINT64_MAX);
}

static void check_not_empty(uint32_t zone)
{
	activate(0x09, 9, 6, 0);
	check_unmet(0x02, zone * (uint64_t)Z, 0, 6);
	activate(0x08, 9, 6, 0);
	check_unmet(0x02, zone * (uint64_t)Z, 0, 6);
	check_zone(&rig, 4 * Z, ZC_INACTIVE, UINT64_MAX);
	CMD(&rig, NULL, 400, 0x95, 0x88, [12] = 1, 0, 0);
	check_good(&rig);
	assert_int_equal(rig.data[9], 0x02);
	assert_int_equal(be64_get(rig.data + 24), zone * (uint64_t)Z);
}

/* 05.400 to 404, 407; both realms are sequential. */
static void not_empty(void **state)
{
	(void)state;
	activate(0x08, 2, 4, 1);
	rig_write(&rig, 9 * Z, 1); /* implicitly opened */
	check_not_empty(9);
	rig_zone(&rig, ZO_CLOSE, 9 * Z);
	check_not_empty(9);
	rig_zone(&rig, ZO_FINISH, 9 * Z);
	check_not_empty(9);
	rig_zone(&rig, ZO_RESET, 9 * Z);
	rig_zone(&rig, ZO_OPEN, 13 * Z); /* explicitly, without data */
	check_not_empty(13);
	rig_zone(&rig, ZO_CLOSE, 13 * Z);
	rig_write(&rig, 14 * Z, 1);
	check_not_empty(14);
	rig_zone(&rig, ZO_RESET, 14 * Z);
	activate(0x08, 9, 6, 0);
	check_good(&rig);
	assert_int_equal(rig.data[8], 0x81);
}

/* 05.405, 406.  Such zones are FULL at first: a host that knows nothing of
 * zones can write to them. */
static void not_empty_before_required(void **state)
{
	(void)state;
	start_with("domains=sobr+seq");
	check_zone(&rig, 0, ZC_FULL, Z);
	rig_write(&rig, 5, 1);
	check_good(&rig);
	activate(0x08, 2, 4, 1);
	check_unmet(0x02, 2 * Z, 1, 4);
	rig_zone_all(&rig, ZO_RESET);
	rig_write(&rig, 3 * Z, 1);
	activate(0x08, 2, 4, 1);
	check_unmet(0x02, 3 * Z, 1, 4);
	rig_write(&rig, 3 * Z, Z);
	activate(0x08, 2, 4, 1);
	check_unmet(0x02, 3 * Z, 1, 4);
}

/* 03.107: conventional zones may be written.  The data are gone for good. */
static void written_conventional(void **state)
{
	uint8_t zeros[512] = { 0 };

	(void)state;
	rig_write(&rig, 2 * Z, 1);
	activate(0x08, 2, 2, 1);
	assert_int_equal(rig.data[8], 0x81);
	rig_rw(&rig, 0x88, 2 * Z, 1, NULL, 512);
	check_data(&rig, zeros, 512);
	activate(0x08, 9, 3, 0);
	assert_int_equal(rig.data[8], 0x81);
	rig_rw(&rig, 0x88, 2 * Z, 1, NULL, 512);
	check_data(&rig, zeros, 512);
}

static void activate_32(uint8_t sa, uint8_t byte_10, uint8_t domain,
			uint32_t zone, uint32_t nr)
{
	uint8_t cdb[32] = { 0x7f, [7] = 0x18, 0xf8, sa, byte_10, domain };

	be64_put(cdb + 12, zone * (uint64_t)Z);
	be32_put(cdb + 20, nr);
	be32_put(cdb + 28, 400);
	rig_cmd(&rig, cdb, sizeof(cdb), NULL, 400);
}

/* The number of zones is the CDB's with ZSRC, else the mode page's, which is
 * that of a realm at first. */
static void cdb_32(void **state)
{
	(void)state;
	activate_32(1, 0x40, 1, 2, 4);
	check_good(&rig);
	assert_int_equal(be32_get(rig.data), 4 * 32);
	assert_int_equal(be32_get(rig.data + 16), 4);
	activate_32(1, 0, 1, 2, 4);
	check_good(&rig);
	assert_int_equal(be32_get(rig.data), 2 * 32);
	assert_int_equal(be32_get(rig.data + 16), 2);
	activate_32(0, 0, 1, 2, 0);
	check_good(&rig);
	assert_int_equal(rig.data[8], 0x81);
	check_zone(&rig, 9 * Z, ZC_EMPTY, 9 * Z);
	check_zone(&rig, 12 * Z, ZC_INACTIVE, UINT64_MAX);
	activate_32(0, 0x80, 1, 0, 0);
	check_good(&rig);
	check_zone(&rig, 12 * Z, ZC_EMPTY, 12 * Z);
	activate_32(1, 0x40, 2, 2, 4);
	check_bad_cdb(&rig, 11, -1);
	activate_32(1, 0x40, 1, 2, 0);
	check_bad_cdb(&rig, 20, -1);
	activate_32(1, 0x40, 1, 8, 1);
	check_bad_cdb(&rig, 12, -1);
	CMD(&rig, NULL, 400, 0x7f, [7] = 0x10, 0xf8, 1, [30] = 1);
	check_bad_cdb(&rig, 7, -1);
	CMD(&rig, NULL, 400, 0x7f, [7] = 0x18, 0xf8, 1, 0x80, [31] = 63);
	check_bad_cdb(&rig, 28, -1);
}

static void write_protected(void **state)
{
	static const uint8_t list[16] = { [4] = 0x0a, 10,   0,
					  0x10,	      0x08, [15] = 1 };

	(void)state;
	CMD(&rig, list, 16, 0x15, 0x10, 0, 0, 16);
	check_good(&rig);
	activate(0x09, 2, 2, 1);
	check_good(&rig);
	activate(0x08, 2, 2, 1);
	check_sense(&rig, 0x72702);
}

/*
 * Mode page 0Ah,0Fh.
 */

static void sense(uint8_t pc, uint32_t nr, uint8_t urswrz, uint16_t max)
{
	uint8_t want[28] = { 0, 26, 0, 0x10, [8] = 0x8a | 0x40, 0x0f, 0, 16 };

	be32_put(want + 12, nr);
	want[18] = urswrz;
	be16_put(want + 24, max);
	CMD(&rig, NULL, 60, 0x5a, 0x08, (uint8_t)(pc << 6) | 0x0a,
	    0x0f, [8] = 60);
	check_data(&rig, want, sizeof(want));
}

static void select_page(bool sp, uint32_t nr, uint8_t urswrz, uint16_t max)
{
	uint8_t list[28] = { [8] = 0x4a, 0x0f, 0, 16 };

	be32_put(list + 12, nr);
	list[18] = urswrz;
	be16_put(list + 24, max);
	CMD(&rig, list, 28, 0x55, 0x10 | sp, [8] = 28);
}

static void mode_page(void **state)
{
	(void)state;
	sense(0, 2, 1, 0);
	sense(1, UINT32_MAX, 1, UINT16_MAX);
	sense(2, 2, 1, 0);
	sense(3, 2, 1, 0);
	select_page(false, 4, 0, 4);
	check_good(&rig);
	sense(0, 4, 0, 4);
	sense(2, 2, 1, 0);
	sense(3, 2, 1, 0);
	/* 0 leaves the number as it is; lowering the maximum lowers it. */
	select_page(false, 0, 0, 0xfffe);
	check_good(&rig);
	sense(0, 4, 0, 0xfffe);
	select_page(false, 4, 0, 3);
	check_good(&rig);
	sense(0, 3, 0, 3);
	/* 03.110 wants 5/24/00 */
	select_page(false, 4, 0, 3);
	check_bad_param(&rig, 12, -1);
	select_page(false, 3, 2, 3);
	check_bad_param(&rig, 18, 1);
	sense(0, 3, 0, 3);
	select_page(true, 2, 0, 0);
	check_good(&rig);
	sense(3, 2, 0, 0);
	sense(2, 2, 1, 0);
}

/* URSWRZ is that of the VPD page and of reads. */
static void unrestricted_reads(void **state)
{
	(void)state;
	activate(0x08, 2, 2, 1);
	rig_rw(&rig, 0x88, 9 * Z, 1, NULL, 512);
	check_good(&rig);
	select_page(false, 2, 0, 0);
	rig_rw(&rig, 0x88, 9 * Z, 1, NULL, 512);
	check_sense(&rig, 0x52106);
	vpd(0xb6);
	assert_int_equal(rig.data[4], 0x22);
	select_page(false, 2, 1, 0);
	rig_rw(&rig, 0x88, 9 * Z, 1, NULL, 512);
	check_good(&rig);
	vpd(0xb6);
	assert_int_equal(rig.data[4], 0x23);
}

/* A write to a conventional zone is under way, or none. */
static void write_beside(uint32_t nr)
{
	pthread_mutex_lock(&rig.disk->lock);
	rig.disk->gate.shared = nr;
	pthread_mutex_unlock(&rig.disk->lock);
}

/* A gap has no file that a conventional write could change. */
static void fua_in_a_gap(void **state)
{
	(void)state;
	write_beside(1);
	rig_rw(&rig, 0x8f, 8 * Z, 1, NULL, 0);
	check_good(&rig);
	CMD(&rig, NULL, 512, 0x88, 0x08, [8] = 8 * Z >> 8, [13] = 1);
	check_good(&rig);
	write_beside(0);
	CMD(&rig, NULL, 0, 0x35);
	check_good(&rig);
	assert_int_equal(slot_next_unsynced(rig.disk, 0), UINT32_MAX);
}

/* The number of zones in a CDB is not limited (03.100). */
static void maximum_activation(void **state)
{
	(void)state;
	start_with("max_activation=2");
	sense(0, 2, 1, 2);
	sense(2, 2, 1, 2);
	activate(0x08, 2, 4, 1);
	check_good(&rig);
	assert_int_equal(rig.data[8], 0x81);
}

/* What was not saved outlives the daemon, but not an orderly end. */
static void mode_page_lasts(void **state)
{
	(void)state;
	select_page(true, 3, 1, 9);
	select_page(false, 5, 0, 7);
	rig_die(&rig);
	sense(0, 5, 0, 7);
	sense(3, 3, 1, 9);
	rig_damage(&rig, UINT32_MAX, UINT32_MAX);
	sense(0, 3, 1, 9);
}

/* So do activations, whatever the end. */
static void activation_lasts(void **state)
{
	uint8_t want[64 + 4 * 48];

	(void)state;
	activate(0x08, 2, 2, 1);
	put_realms_header(want, 4, 0);
	put_realms(want + 64);
	rig_die(&rig);
	report(0x06, 0, 0, 300, 300);
	check_data(&rig, want, sizeof(want));
	check_zone(&rig, 2 * Z, ZC_INACTIVE, UINT64_MAX);
	check_zone(&rig, 9 * Z, ZC_EMPTY, 9 * Z);
	rig_damage(&rig, UINT32_MAX, UINT32_MAX);
	report(0x06, 0, 0, 300, 300);
	check_data(&rig, want, sizeof(want));
}

static uint32_t statistic(uint16_t code)
{
	CMD(&rig, NULL, 300, 0x4d, 0, 0x54, 0x01, 0, (uint8_t)(code >> 8),
	    (uint8_t)code, 1, 44);
	check_good(&rig);
	assert_int_equal(be16_get(rig.data + 4), code);
	return be32_get(rig.data + 12);
}

static uint32_t empty_zones(void)
{
	uint32_t nr[16];

	disk_count_zones(rig.disk, nr);
	return nr[ZC_EMPTY];
}

/* 0003h: INACTIVE zones are not EMPTY. */
static void fewest_empty_zones(void **state)
{
	uint32_t first = empty_zones();

	(void)state;
	assert_int_equal(statistic(0x0003), first);
	activate(0x08, 2, 2, 1);
	assert_true(empty_zones() > first);
	assert_int_equal(statistic(0x0003), first);
	CMD(&rig, NULL, 0, 0x4c, 0x02);
	assert_int_equal(statistic(0x0003), empty_zones());
	rig_write(&rig, 9 * Z, 8);
	rig_zone(&rig, ZO_RESET, 9 * Z);
	assert_int_equal(statistic(0x0003), empty_zones() - 1);
	activate(0x08, 9, 3, 0);
	check_good(&rig);
	assert_int_equal(statistic(0x0003), empty_zones());
	rig_die(&rig);
	assert_int_equal(statistic(0x0003), empty_zones());
}

/* 000Bh, on disks that have such zones. */
static void open_before_required(void **state)
{
	(void)state;
	CMD(&rig, NULL, 300, 0x4d, 0, 0x54, 0x01, 0, 0, 0x0b, 1, 44);
	check_bad_cdb(&rig, 5, -1);
	start_with("domains=sobr+seq");
	rig_zone_all(&rig, ZO_RESET);
	assert_int_equal(statistic(0x000b), 0);
	for (uint32_t i = 0; i < 3; i++)
		rig_write(&rig, i * (uint64_t)Z, 8);
	rig_zone(&rig, ZO_RESET, 0);
	activate(0x08, 4, 2, 1);
	rig_write(&rig, 12 * Z, 8);
	assert_int_equal(statistic(0x000b), 3);
}

/* A zone that may have data that somebody wants keeps its realm. */
static void damaged_zones(void **state)
{
	(void)state;
	activate(0x08, 2, 2, 1);
	rig_damage(&rig, 10, UINT32_MAX);
	check_zone(&rig, 10 * Z, ZC_OFFLINE, UINT64_MAX);
	activate(0x08, 9, 3, 0);
	check_unmet(0x02, 10 * (uint64_t)Z, 0, 3);
	check_zone(&rig, 2 * Z, ZC_INACTIVE, UINT64_MAX);
	/* FORMAT UNIT leaves it, too, and no other. */
	activate(0x08, 4, 2, 1);
	CMD(&rig, NULL, 0, 0x04);
	check_good(&rig);
	check_zone(&rig, 10 * Z, ZC_OFFLINE, UINT64_MAX);
	check_zone(&rig, 9 * Z, ZC_EMPTY, 9 * Z);
	check_zone(&rig, 4 * Z, ZC_NOT_WP, UINT64_MAX);
	check_zone(&rig, 12 * Z, ZC_INACTIVE, UINT64_MAX);
}

static void check_as_made(void)
{
	check_good(&rig);
	check_zone(&rig, 2 * Z, ZC_NOT_WP, UINT64_MAX);
	check_zone(&rig, 9 * Z, ZC_INACTIVE, UINT64_MAX);
}

static void format(void **state)
{
	(void)state;
	activate(0x08, 2, 2, 1);
	rig_write(&rig, 9 * Z, 8);
	CMD(&rig, NULL, 0, 0x04);
	check_as_made();
	activate(0x08, 2, 2, 1);
	rig_write(&rig, 9 * Z, 8);
	CMD(&rig, NULL, 0, 0x48, 0x02);
	check_as_made();
	/* ZNR: FINISH ZONE, all; the realms stay. */
	activate(0x08, 2, 2, 1);
	rig_write(&rig, 9 * Z, 8);
	CMD(&rig, NULL, 0, 0x48, 0x42);
	check_good(&rig);
	check_zone(&rig, 2 * Z, ZC_INACTIVE, UINT64_MAX);
	check_zone(&rig, 9 * Z, ZC_FULL, 10 * Z);
	start_with("active=seq");
	check_zone(&rig, 9 * Z, ZC_EMPTY, 9 * Z);
	activate(0x08, 2, 4, 0);
	check_zone(&rig, 9 * Z, ZC_INACTIVE, UINT64_MAX);
	CMD(&rig, NULL, 0, 0x04);
	check_good(&rig);
	check_zone(&rig, 9 * Z, ZC_EMPTY, 9 * Z);
}

/* REPORT ZONES, options 08h and 3Eh, and SAME. */
/* Conventional zones 0 to 5; sequential ones 7 to 9 and, of a realm without
 * conventional ones, 10 to 12; preferred ones 14 to 16 and 17 to 19. */
static void format_without_first_domain(void **state)
{
	(void)state;
	start_with("domains=conv+seq+seqp,smr_realms=1");
	check_zone(&rig, 10 * Z, ZC_EMPTY, 10 * Z);
	activate(0x08, 2, 2, 2);
	activate(0x08, 10, 3, 2);
	check_zone(&rig, 14 * Z, ZC_EMPTY, 14 * Z);
	check_zone(&rig, 17 * Z, ZC_EMPTY, 17 * Z);
	CMD(&rig, NULL, 0, 0x04);
	check_good(&rig);
	for (int i = 0; i < 2; i++) {
		check_zone(&rig, 2 * Z, ZC_NOT_WP, UINT64_MAX);
		check_zone(&rig, 14 * Z, ZC_INACTIVE, UINT64_MAX);
		check_zone(&rig, 10 * Z, ZC_EMPTY, 10 * Z);
		check_zone(&rig, 17 * Z, ZC_INACTIVE, UINT64_MAX);
		rig_damage(&rig, UINT32_MAX, UINT32_MAX);
	}
}

static void report_zones(void **state)
{
	(void)state;
	activate(0x08, 2, 2, 1);
	rig_report(&rig, 0, 0, 4096, 4096);
	check_good(&rig);
	assert_int_equal(be32_get(rig.data), 15 * 64);
	assert_int_equal(rig.data[4], 3);
	assert_int_equal(be64_get(rig.data + 16), 0);
	assert_int_equal(rig.data[64 + 2 * 64], 0x01);
	assert_int_equal(rig.data[65 + 2 * 64], 0x50);
	assert_int_equal(be64_get(rig.data + 64 + 2 * 64 + 24), UINT64_MAX);
	assert_int_equal(rig.data[64 + 8 * 64], 0x05);
	assert_int_equal(rig.data[65 + 8 * 64], 0x00);
	assert_int_equal(rig.data[64 + 12 * 64], 0x02);
	assert_int_equal(rig.data[65 + 12 * 64], 0x50);
	rig_report(&rig, 0, 0x08, 4096, 4096);
	assert_int_equal(be32_get(rig.data), 5 * 64);
	assert_int_equal(be64_get(rig.data + 64 + 16), 2 * Z);
	rig_report(&rig, 0, 0x3e, 4096, 4096);
	assert_int_equal(be32_get(rig.data), 14 * 64);
	rig_report(&rig, 0, 0x3f, 4096, 4096);
	assert_int_equal(be32_get(rig.data), (6 + 1) * 64);
	rig_report(&rig, 0, 0x01, 4096, 4096);
	assert_int_equal(be32_get(rig.data), 3 * 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(identity),
		T(behind_the_capacity),
		T(ordinary_disk),
		T(operation_codes),
		T(domains),
		T(domain_options),
		T(realms),
		T(realm_options),
		T(query_and_activate),
		T(all_realms),
		T(allocation_lengths),
		T(unmet),
		T(not_empty),
		T(not_empty_before_required),
		T(written_conventional),
		T(cdb_32),
		T(write_protected),
		T(mode_page),
		T(unrestricted_reads),
		T(fua_in_a_gap),
		T(maximum_activation),
		T(mode_page_lasts),
		T(activation_lasts),
		T(fewest_empty_zones),
		T(open_before_required),
		T(damaged_zones),
		T(format),
		T(format_without_first_domain),
		T(report_zones),
	};

	return cmocka_run_group_tests_name("realms", tests, NULL, NULL);
}
