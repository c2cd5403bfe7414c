// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* INQUIRY, VPD pages and READ CAPACITY, byte for byte. */
#include "rig.h"

#define OPTS_512N "capacity_mb=8,zone_size_mb=1,conv_zones=2,max_open_zones=3"
#define OPTS_THIN OPTS_512N ",provisioning=thin"
#define OPTS_512E OPTS_512N ",physical_block_size=4096"
#define OPTS_4KN  OPTS_512N ",block_size=4096"
#define OPTS_GAP                                                         \
	"capacity_mb=16,zone_size_mb=4,zone_capacity_mb=3,conv_zones=1," \
	"urswrz=0"
#define OPTS_RUNT "capacity_mb=15,zone_size_mb=4,conv_zones=0,smaller_last_zone"

static struct rig rig;

static void vpd(uint8_t page)
{
	CMD(&rig, NULL, 300, 0x12, 1, page, 1, 44);
}

static void standard_inquiry(void **state)
{
	static const uint8_t want[96] = {
		0x14,	  0,	0x07, 0x02, 0x5b, 0,   0,    0x02, 'Z',
		'L',	  'O',	'O',  'P',  ' ',  ' ', ' ',  'z',  'o',
		'n',	  'e',	'd',  ' ',  'd',  'i', 's',  'k',  ' ',
		' ',	  ' ',	' ',  ' ',  ' ',  '0', '.',  '1',  ' ',
		[58] = 0, 0xa0, 0x05, 0xc0, 0x06, 0,   0x06, 0x60,
	};

	(void)state;
	rig_start(&rig, OPTS_512N);
	CMD(&rig, NULL, 300, 0x12, 0, 0, 1, 44);
	assert_string_equal(ZL_VERSION, "0.1.0");
	check_data(&rig, want, sizeof(want));
	CMD(&rig, NULL, 36, 0x12, 0, 0, 0, 36);
	check_data(&rig, want, 36);
	/* a page code without EVPD; CMDDT */
	CMD(&rig, NULL, 96, 0x12, 0, 0x80, 0, 96);
	check_bad_cdb(&rig, 2, -1);
	CMD(&rig, NULL, 96, 0x12, 2, 0, 0, 96);
	check_bad_cdb(&rig, 1, 1);
	rig_stop(&rig);
}

static void names(void **state)
{
	struct scsi_unit_args args = { .vendor = "ACME",
				       .product = "sixteen letters+",
				       .revision = "12" };

	(void)state;
	rig_start_args(&rig, OPTS_512N, &args);
	CMD(&rig, NULL, 96, 0x12, 0, 0, 0, 96);
	check_good(&rig);
	assert_memory_equal(rig.data + 8, "ACME    sixteen letters+12  ", 28);
	rig_stop(&rig);
}

static void vpd_list(void **state)
{
	static const uint8_t want[] = { 0x14, 0x00, 0,	  8,	0x00, 0x80,
					0x83, 0x86, 0xb0, 0xb1, 0xb2, 0xb6 };

	(void)state;
	rig_start(&rig, OPTS_512N);
	vpd(0x00);
	check_data(&rig, want, sizeof(want));
	/* each listed page is there, with its own code; the others are not */
	for (unsigned page = 0; page < 256; page++) {
		vpd((uint8_t)page);
		if (!memchr(want + 4, (int)page, sizeof(want) - 4)) {
			check_bad_cdb(&rig, 2, -1);
			continue;
		}
		check_good(&rig);
		assert_int_equal(rig.data[0], 0x14);
		assert_int_equal(rig.data[1], page);
		assert_int_equal(be16_get(rig.data + 2) + 4u,
				 rig.cmd.data_in_bytes);
	}
	rig_stop(&rig);
}

static void vpd_names(void **state)
{
	uint8_t serial_page[20] = { 0x14, 0x80, 0, 16 };
	uint8_t id_page[68] = { 0x14,	  0x83, 0, 64, 2,    1,	   0,	 40,
				[48] = 1, 3,	0, 16, 0x60, 0x01, 0x40, 0x50 };
	const char *serial;

	(void)state;
	rig_start(&rig, OPTS_512N);
	serial = disk_meta(rig.disk)->serial;
	assert_int_equal(strlen(serial), 16);
	memcpy(serial_page + 4, serial, 16);
	vpd(0x80);
	check_data(&rig, serial_page, sizeof(serial_page));
	memcpy(id_page + 8, "ZLOOP   zoned disk      ", 24);
	memcpy(id_page + 32, serial, 16);
	be64_put(id_page + 60, strtoull(serial, NULL, 16));
	vpd(0x83);
	check_data(&rig, id_page, sizeof(id_page));
	rig_stop(&rig);
}

static void vpd_extended(void **state)
{
	static const uint8_t want[64] = { 0x14, 0x86, 0,    0x3c,
					  0,	0x01, 0x01, [11] = 1 };

	(void)state;
	rig_start(&rig, OPTS_512N);
	vpd(0x86);
	check_data(&rig, want, sizeof(want));
	rig_stop(&rig);
}

static void vpd_limits(void **state)
{
	struct scsi_unit_args args = { .max_xfer_blocks = 0x12345 };
	uint8_t want[64] = { 0x14, 0xb0, 0, 0x3c };

	(void)state;
	want[4] = 1; /* WSNZ */
	want[5] = 128;
	want[7] = 1;
	be64_put(want + 36, 65536);
	rig_start(&rig, OPTS_512N);
	vpd(0xb0);
	check_data(&rig, want, sizeof(want));
	rig_stop(&rig);
	be32_put(want + 20, UINT32_MAX);
	be32_put(want + 24, 64);
	be32_put(want + 28, 1);
	rig_start(&rig, OPTS_THIN);
	vpd(0xb0);
	check_data(&rig, want, sizeof(want));
	rig_stop(&rig);
	want[7] = 8;
	be32_put(want + 28, 8);
	be32_put(want + 8, 0x12345);
	rig_start_args(&rig, OPTS_512E ",provisioning=thin", &args);
	vpd(0xb0);
	check_data(&rig, want, sizeof(want));
	rig_stop(&rig);
}

static void vpd_characteristics(void **state)
{
	static const uint8_t want[64] = { 0x14, 0xb1, 0,    0x3c, 0x1c,
					  0x20, 0,    0x42, 0x03 };

	(void)state;
	rig_start(&rig, OPTS_512N);
	vpd(0xb1);
	check_data(&rig, want, sizeof(want));
	rig_stop(&rig);
}

/* Page B2h, READ CAPACITY(16) and page B0h agree. */
static void vpd_provisioning(void **state)
{
	static const uint8_t thin[8] = { 0x14, 0xb2, 0, 4, 0, 0xe4, 0x02 };
	static const uint8_t none[8] = { 0x14, 0xb2, 0, 4 };

	(void)state;
	rig_start(&rig, OPTS_THIN);
	vpd(0xb2);
	check_data(&rig, thin, sizeof(thin));
	CMD(&rig, NULL, 32, 0x9e, 0x10, [13] = 32);
	assert_int_equal(rig.data[14], 0xc0);
	rig_stop(&rig);
	rig_start(&rig, OPTS_512N);
	vpd(0xb2);
	check_data(&rig, none, sizeof(none));
	CMD(&rig, NULL, 32, 0x9e, 0x10, [13] = 32);
	assert_int_equal(rig.data[14], 0);
	vpd(0xb0);
	assert_int_equal(be32_get(rig.data + 20), 0);
	assert_int_equal(be32_get(rig.data + 24), 0);
	rig_stop(&rig);
}

static void check_zoned_page(const char *opts, uint8_t urswrz,
			     uint32_t max_open, uint8_t method,
			     uint64_t granularity)
{
	uint8_t want[64] = { 0x14, 0xb6, 0, 0x3c, urswrz };

	memset(want + 8, 0xff, 8);
	be32_put(want + 16, max_open);
	want[23] = method;
	be64_put(want + 24, granularity);
	rig_start(&rig, opts);
	vpd(0xb6);
	check_data(&rig, want, sizeof(want));
	rig_stop(&rig);
}

static void vpd_zoned(void **state)
{
	(void)state;
	check_zoned_page(OPTS_512N, 1, 3, 1, 0);
	check_zoned_page(OPTS_GAP, 0, UINT32_MAX, 8, 4 * MIB_BLOCKS);
	check_zoned_page(OPTS_RUNT, 1, UINT32_MAX, 0, 0);
}

static void check_capacity(const char *opts, uint32_t last_lba,
			   uint32_t block_bytes, uint8_t lbppbe)
{
	uint8_t ten[8], sixteen[32] = { [12] = 0x10, [13] = lbppbe };

	be32_put(ten, last_lba);
	be32_put(ten + 4, block_bytes);
	be64_put(sixteen, last_lba);
	be32_put(sixteen + 8, block_bytes);
	rig_start(&rig, opts);
	CMD(&rig, NULL, 40, 0x25);
	check_data(&rig, ten, 8);
	CMD(&rig, NULL, 5, 0x25);
	check_data(&rig, ten, 5);
	CMD(&rig, NULL, 40, 0x9e, 0x10, [13] = 40);
	check_data(&rig, sixteen, 32);
	rig_stop(&rig);
}

/* RC_BASIS 00b: the last block of the two conventional zones; REPORT ZONES has
 * the whole disk's. */
static void capacity_of_conventional_zones(void **state)
{
	uint8_t ten[8] = { 0, 0, 0x0f, 0xff, 0, 0, 0x02, 0 };
	uint8_t sixteen[32] = { [6] = 0x0f, 0xff, [10] = 0x02 };

	(void)state;
	rig_start(&rig, OPTS_512N ",rc_basis=0");
	CMD(&rig, NULL, 40, 0x25);
	check_data(&rig, ten, 8);
	CMD(&rig, NULL, 40, 0x9e, 0x10, [13] = 40);
	check_data(&rig, sixteen, 32);
	rig_report(&rig, 0, 0, 64, 64);
	assert_int_equal(be64_get(rig.data + 8), 8 * MIB_BLOCKS - 1);
	rig_rw(&rig, 0x88, 8 * MIB_BLOCKS - 1, 1, NULL, 512);
	check_good(&rig);
	rig_stop(&rig);
}

static void read_capacity(void **state)
{
	(void)state;
	check_capacity(OPTS_512N, 8 * 2048 - 1, 512, 0);
	check_capacity(OPTS_512E, 8 * 2048 - 1, 512, 3);
	check_capacity(OPTS_4KN, 8 * 256 - 1, 4096, 0);
	check_capacity(OPTS_GAP, 16 * 2048 - 1, 512, 0);
}

/* More blocks than READ CAPACITY(10) can say: 3 TiB of 512 bytes. */
static void read_capacity_large(void **state)
{
	static const uint8_t ten[8] = { 0xff, 0xff, 0xff, 0xff, 0, 0, 2, 0 };

	(void)state;
	rig_start(&rig, "capacity_mb=3145728,zone_size_mb=16384,conv_zones=0");
	CMD(&rig, NULL, 8, 0x25);
	check_data(&rig, ten, 8);
	CMD(&rig, NULL, 32, 0x9e, 0x10, [13] = 32);
	check_good(&rig);
	assert_int_equal(be64_get(rig.data), UINT64_C(3145728) * 2048 - 1);
	/* The short block descriptor saturates as well; the long one does not.
	 */
	CMD(&rig, NULL, 24, 0x1a, 0, 0x08, 0, 24);
	check_good(&rig);
	assert_int_equal(be32_get(rig.data + 4), UINT32_MAX);
	CMD(&rig, NULL, 44, 0x5a, 0x10, 0x08, [8] = 44);
	check_good(&rig);
	assert_int_equal(be64_get(rig.data + 8), UINT64_C(3145728) * 2048);
	rig_stop(&rig);
}

static void task_management(void **state)
{
	static const uint8_t brief[4] = { 0x88 };
	static const uint8_t extended[16] = { 0x88, 0, 0, 0x0c };

	(void)state;
	rig_start(&rig, OPTS_512N);
	CMD(&rig, NULL, 20, 0xa3, 0x0d, [9] = 20);
	check_data(&rig, brief, sizeof(brief));
	CMD(&rig, NULL, 20, 0xa3, 0x0d, 0x80, [9] = 20);
	check_data(&rig, extended, sizeof(extended));
	rig_stop(&rig);
}

static void request_sense(void **state)
{
	static const uint8_t fixed[18] = { 0x70, [7] = 10 };
	static const uint8_t descriptor[8] = { 0x72 };

	(void)state;
	rig_start(&rig, OPTS_512N);
	CMD(&rig, NULL, 20, 0x03, 0, 0, 0, 252);
	check_data(&rig, fixed, sizeof(fixed));
	CMD(&rig, NULL, 20, 0x03, 1, 0, 0, 252);
	check_data(&rig, descriptor, sizeof(descriptor));
	/* What failed before was reported then. */
	CMD(&rig, NULL, 0, 0xc0);
	check_sense(&rig, 0x52000);
	CMD(&rig, NULL, 20, 0x03, 0, 0, 0, 252);
	check_data(&rig, fixed, sizeof(fixed));
	rig_stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(standard_inquiry),
		cmocka_unit_test(names),
		cmocka_unit_test(vpd_list),
		cmocka_unit_test(vpd_names),
		cmocka_unit_test(vpd_extended),
		cmocka_unit_test(vpd_limits),
		cmocka_unit_test(vpd_characteristics),
		cmocka_unit_test(vpd_provisioning),
		cmocka_unit_test(vpd_zoned),
		cmocka_unit_test(read_capacity),
		cmocka_unit_test(capacity_of_conventional_zones),
		cmocka_unit_test(read_capacity_large),
		cmocka_unit_test(task_management),
		cmocka_unit_test(request_sense),
	};

	return cmocka_run_group_tests_name("layout", tests, NULL, NULL);
}
