// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Disks like a drive: reports as they were published, and each way in which one
 * can be wrong. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "like.h"
#include "reports.h"
#include "run.h"

#define CNV "[type: 1(CONVENTIONAL)]\n"
#define SEQ "[type: 2(SEQ_WRITE_REQUIRED)]\n"

static void write_bytes(const char *name, const void *data, size_t len)
{
	FILE *f = fopen(name, "we");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static void write_text(const char *name, const char *text)
{
	write_bytes(name, text, strlen(text));
}

/* What is made of a report, without making a disk. */
struct fit {
	struct like like;
	struct disk_opts opts;
	uint64_t bytes;
	struct zl_err err;
	int ret;
};

static void fit(struct fit *f, const char *word, const char *options,
		bool state)
{
	assert_int_equal(disk_opts_parse(&f->opts, options, strlen(options),
					 ',', false, &f->err),
			 0);
	f->err.msg[0] = 0;
	f->ret = like_open(&f->like, word, &f->opts, &f->err);
	if (!f->ret)
		f->ret =
			like_fit(&f->like, state, &f->opts, &f->bytes, &f->err);
}

static uint64_t num(const struct fit *f, enum disk_opt_id id)
{
	return f->opts.num[id];
}

/* Fits, and the geometry is that. */
static void assert_geometry(const struct fit *f, uint64_t bytes,
			    uint64_t zone_mib, uint64_t conv)
{
	assert_int_equal(f->ret, 0);
	assert_int_equal(f->bytes, bytes);
	assert_int_equal(num(f, OPT_ZONE_SIZE_MB), zone_mib);
	assert_int_equal(num(f, OPT_CONV_ZONES), conv);
	assert_int_equal(f->like.nr, (bytes + zone_mib * 1048576 - 1) /
					     (zone_mib * 1048576));
}

static void fit_published(struct fit *f, const struct report_lines *r,
			  uint64_t zone_len, const char *options)
{
	char *text = report_text(r, zone_len);

	write_text("report", text);
	free(text);
	fit(f, "report", options, true);
}

static void hc620(void **state)
{
	struct fit f;

	(void)state;
	fit_published(&f, &report_hc620_blkzone, 0x80000, "block_size=4096");
	assert_geometry(&f, 15000173281280, 256, 524);
	assert_int_equal(like_written(&f.like, 524), 4096);
	assert_int_equal(like_written(&f.like, 525), 0);
	assert_false(disk_opt_given(&f.opts, OPT_MAX_OPEN_ZONES));
	like_close(&f.like);
	fit_published(&f, &report_hc620_zbc, 0x80000, "");
	assert_geometry(&f, 15000173281280, 256, 524);
	assert_int_equal(num(&f, OPT_BLOCK_SIZE), 4096);
	assert_int_equal(num(&f, OPT_PHYSICAL_BLOCK_SIZE), 4096);
	assert_int_equal(num(&f, OPT_MAX_OPEN_ZONES), 128);
	assert_int_equal(like_written(&f.like, 524), 4096);
	like_close(&f.like);
}

static void emulated(void **state)
{
	struct fit f;

	(void)state;
	fit_published(&f, &report_tcmu_zbc, 0x80000, "");
	assert_geometry(&f, UINT64_C(41943040) * 512, 256, 10);
	assert_int_equal(num(&f, OPT_BLOCK_SIZE), 512);
	assert_int_equal(num(&f, OPT_MAX_OPEN_ZONES), 35);
	like_close(&f.like);
	fit_published(&f, &report_scsi_debug_zbc, 0x20000, "");
	assert_geometry(&f, UINT64_C(33554432) * 512, 64, 32);
	assert_int_equal(num(&f, OPT_BLOCK_SIZE), 4096);
	assert_int_equal(num(&f, OPT_MAX_OPEN_ZONES), 8);
	like_close(&f.like);
	fit_published(&f, &report_scsi_debug_zbc6, 0x20000, "");
	assert_geometry(&f, UINT64_C(16777216) * 512, 64, 32);
	assert_int_equal(num(&f, OPT_BLOCK_SIZE), 4096);
	assert_int_equal(num(&f, OPT_MAX_OPEN_ZONES), 8);
	like_close(&f.like);
	fit_published(&f, &report_qemu_zns, 0x20000, "");
	assert_geometry(&f, UINT64_C(512) << 26, 64, 0);
	assert_int_equal(num(&f, OPT_ZONE_CAPACITY_MB), 62);
	like_close(&f.like);
	fit_published(&f, &report_zloop_kernel, 0x20000, "");
	assert_geometry(&f, UINT64_C(32) << 26, 64, 8);
	assert_int_equal(num(&f, OPT_ZONE_CAPACITY_MB), 63);
	like_close(&f.like);
}

static void drives(void **state)
{
	struct fit f;

	(void)state;
	fit(&f, "HC620-15tb", "", true);
	assert_geometry(&f, 15000173281280, 256, 524);
	assert_int_equal(num(&f, OPT_MAX_OPEN_ZONES), 128);
	like_close(&f.like);
	fit(&f, "hc620-14tb", "max_open_zones=3", true);
	assert_geometry(&f, 14000519643136, 256, 524);
	assert_int_equal(num(&f, OPT_MAX_OPEN_ZONES), 3);
	like_close(&f.like);
	fit(&f, "hc650-20tb", "", false);
	assert_int_equal(f.ret, -EINVAL);
	assert_contains(f.err.msg, "give conv_zones=NUMBER");
	like_close(&f.like);
	fit(&f, "hc650-20tb", "conv_zones=74508", false);
	assert_contains(f.err.msg, "use 74507 or less");
	like_close(&f.like);
	fit(&f, "hc650-20tb", "conv_zones=7", false);
	assert_geometry(&f, UINT64_C(4882956288) * 4096, 256, 7);
	like_close(&f.like);
}

/* Every drive that has a name is listed, and its numbers are possible. */
static void drives_that_are_listed(void **state)
{
	struct json_object *list;

	(void)state;
	assert_int_equal(zloop("help", "drives", NULL), 0);
	assert_contains(run_out, "\nhc620-15tb        55880   524      256   "
				 "128  4096/4096  7200  WD Ultrastar");
	assert_int_equal(zloop("help", "drives", "--json", NULL), 0);
	list = out_json();
	assert_true(json_object_array_length(list) >= 5);
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		struct fit f;

		fit(&f, member_str(o, "name"),
		    member(o, "conv_zones") ? "" : "conv_zones=1", true);
		assert_int_equal(f.ret, 0);
		assert_int_equal(f.like.nr, member_u64(o, "zones"));
		like_close(&f.like);
	}
	json_object_put(list);
}

/*
 * Through zloop, to the disk.
 */

/* The disk's zones are those of @sizes, in bytes; -1 for a conventional one. */
static void assert_files(const char *dir, const long long *sizes, unsigned nr)
{
	char name[64];

	for (unsigned i = 0; i < nr; i++) {
		snprintf(name, sizeof(name), "%s/%s-%06u", dir,
			 sizes[i] < 0 ? "cnv" : "seq", i);
		assert_true(exists(name));
		if (sizes[i] >= 0)
			assert_int_equal(file_size(name), sizes[i]);
	}
	assert_int_equal(zloop("check", dir, NULL), 0);
	assert_silent();
}

static void with_state(void **state)
{
	static const long long sizes[] = {
		0,
		0x5c8 * 512,
		0,
		0x60 * 512,
		0x18 * 512,
		64 << 20,
		64 << 20,
		0,
		64 << 20,
		0,
		0x1c168 * 512,
	};
	static const long long empty[11] = { 0 };

	(void)state;
	write_text("report", report_femu);
	assert_int_equal(
		zloop("create", "--like", "report", "--with-state", "d", NULL),
		0);
	assert_silent();
	assert_files("d", sizes, 11);
	assert_false(exists("d/seq-000011"));
	assert_int_equal(zloop("zones", "d", NULL), 0);
	assert_contains(run_out, "seq-000001  sequential-write-required  "
				 "closed             0x20000      0x20000    "
				 "0x205c8\n");
	assert_int_equal(zloop("create", "--like", "report", "e", NULL), 0);
	assert_files("e", empty, 11);
}

static void conventional(void **state)
{
	static const long long sizes[] = { -1, -1, -1, -1, -1, -1,
					   -1, -1, 0,  0,  0,  0 };

	(void)state;
	write_text("report", report_qemu_virtio);
	assert_int_equal(zloop("create", "--like=report",
			       "max_open_zones=2,block_size=4096", "d", NULL),
			 0);
	assert_files("d", sizes, 12);
	assert_int_equal(zloop("info", "--json", "d", NULL), 0);
	assert_contains(run_out, "\"max_open_zones\": 2");
	assert_contains(run_out, "\"block_size\": 4096");
}

#define SG_ZONE(nr, type, cond, len, start, wp)              \
	" Zone descriptor: " nr "\n   Zone type: " type      \
	"\n   Zone condition: " cond                         \
	"\n   Non_seq: 0\n   Reset: 0\n   Zone Length: " len \
	"\n   Zone start LBA: " start "\n   Write pointer LBA: " wp "\n"
#define SG_REQUIRED "Sequential write required"

/* In logical blocks, with all conditions; the last zone is smaller. */
static void all_conditions(void **state)
{
	static const long long sizes[] = { -1,	     -1,      0, 4096, 8192,
					   4096 * 3, 1 << 20, 0, 0 };

	(void)state;
	write_text(
		"report",
		"Report zones response:\n  Maximum LBA: 0x87f\n" SG_ZONE(
			"0", "Conventional", "Not write pointer", "0x100",
			"0x0", "-1") SG_ZONE("1", "Conventional",
					     "Not write pointer", "0x100",
					     "0x100", "0xffffffffffff")
			SG_ZONE("2", SG_REQUIRED, "Empty", "0x100", "0x200",
				"0x200") SG_ZONE("3", SG_REQUIRED,
						 "Implicitly opened", "0x100",
						 "0x300", "0x301")
				SG_ZONE("4", SG_REQUIRED, "Explicitly opened",
					"0x100", "0x400",
					"0x402") SG_ZONE("5", SG_REQUIRED,
							 "Closed [0x4]",
							 "0x100", "0x500",
							 "0x503")
					SG_ZONE("6", SG_REQUIRED, "Full",
						"0x100", "0x600",
						"-1") SG_ZONE("7", SG_REQUIRED,
							      "Read only",
							      "0x100", "0x700",
							      "-1")
						SG_ZONE("8", SG_REQUIRED,
							"Offline", "0x80",
							"0x800", "-1"));
	assert_int_equal(zloop("create", "--like", "report", "-w",
			       "block_size=4096", "d", NULL),
			 0);
	assert_silent();
	assert_int_equal(zloop("zones", "--condition=read-only", "d", NULL), 0);
	assert_contains(run_out, "seq-000007");
	assert_int_equal(zloop("zones", "--condition=offline", "d", NULL), 0);
	assert_contains(run_out, "seq-000008");
	assert_contains(run_out, "0x800        0x80 ");
	assert_int_equal(zloop("inject", "clear", "d", "all", NULL), 0);
	assert_files("d", sizes, 9);
}

/* What is printed of a disk makes the same disk. */
static void of_our_own(void **state)
{
	char *before;

	(void)state;
	assert_int_equal(zloop("create",
			       "capacity_mb=17,zone_size_mb=2,zone_capacity_mb="
			       "1,conv_zones=2,smaller_last_zone,"
			       "block_size=4096",
			       "d", NULL),
			 0);
	make_file("d/seq-000004", 8192);
	assert_int_equal(zloop("zones", "--json", "d", NULL), 0);
	before = strdup(strstr(run_out, "block_size"));
	write_text("report", run_out);
	assert_int_equal(zloop("create", "-l", "report", "-w", "e", NULL), 0);
	assert_silent();
	assert_int_equal(zloop("zones", "--json", "e", NULL), 0);
	assert_string_equal(strstr(run_out, "block_size"), before);
	free(before);
}

static void half_made(void **state)
{
	struct json_object *sidecar;

	(void)state;
	write_text("report", report_femu);
	assert_int_equal(zloop("create", "-l", "report", "-w", "d", NULL), 0);
	sidecar = json_object_from_file("d/zloop.json");
	json_object_object_add(sidecar, "state",
			       json_object_new_string("creating"));
	assert_int_equal(json_object_to_file("d/zloop.json", sidecar), 0);
	json_object_put(sidecar);
	unlink("d/zloop.state");
	unlink("d/seq-000010");
	/* It is not known what the rest was to be. */
	assert_int_equal(zloop("create", "d", NULL), 1);
	assert_sentence("seq-000001");
	assert_int_equal(zloop("create", "-l", "report", "-w", "d", NULL), 0);
	assert_silent();
	assert_int_equal(file_size("d/seq-000010"), 0x1c168 * 512);
	assert_int_equal(zloop("check", "d", NULL), 0);
}

/*
 * The data of REPORT ZONES, a closed zone and a full one behind a conventional
 * one, in all forms of sg3_utils.
 */

static void put_zone(uint8_t *d, unsigned type, unsigned cond, unsigned start,
		     uint64_t wp)
{
	d[0] = (uint8_t)type;
	d[1] = (uint8_t)(cond << 4);
	d[13] = 0x08;		/* length: 80000h */
	d[21] = (uint8_t)start; /* × 10000h */
	for (unsigned i = 0; i < 8; i++)
		d[24 + i] = (uint8_t)(wp >> (56 - 8 * i));
}

static void put_report(uint8_t data[256])
{
	memset(data, 0, 256);
	data[3] = 192;
	data[4] = 3;
	data[13] = 0x17, data[14] = data[15] = 0xff;
	put_zone(data + 64, 1, 0, 0, UINT64_MAX);
	put_zone(data + 128, 2, 4, 8, 0x80008);
	put_zone(data + 192, 2, 14, 16, UINT64_MAX);
}

static void assert_three_zones(const char *options)
{
	struct fit f;

	fit(&f, "report", options, true);
	assert_geometry(&f, 3 * (UINT64_C(256) << 20), 256, 1);
	assert_int_equal(like_written(&f.like, 1), 4096);
	assert_int_equal(like_written(&f.like, 2), 256 << 20);
	like_close(&f.like);
}

static void write_hex(const uint8_t data[256], bool offsets, bool titles)
{
	FILE *f = fopen("report", "we");

	assert_non_null(f);
	for (unsigned i = 0; i < 256; i++) {
		if (titles && i && i % 64 == 0)
			fprintf(f, " zone descriptor number: %u\n", i / 64 - 1);
		if (offsets && i % 16 == 0)
			fprintf(f, " %02x     ", i);
		fprintf(f, "%02x%s", data[i],
			i % 16 == 15 ? "\n" : (i % 8 == 7 ? "  " : " "));
		if (titles && i == 63)
			fputs("\n", f);
	}
	fclose(f);
}

static void data(void **state)
{
	uint8_t bytes[256];
	struct fit f;

	(void)state;
	put_report(bytes);
	write_bytes("report", bytes, 256);
	assert_three_zones("");
	for (unsigned i = 0; i < 3; i++) {
		write_hex(bytes, i == 1, i == 2);
		assert_three_zones("block_size=512");
	}
	/* One descriptor is missing. */
	write_bytes("report", bytes, 192);
	fit(&f, "report", "", false);
	assert_contains(f.err.msg, "report has 2 zone descriptors, but its "
				   "head says 3");
	like_close(&f.like);
	bytes[3] = 128;
	write_bytes("report", bytes, 256);
	fit(&f, "report", "", false);
	assert_contains(f.err.msg, "the zones in report end at 0x100000, but");
	like_close(&f.like);
	write_bytes("report", "\0\1\2", 3);
	fit(&f, "report", "", false);
	assert_contains(f.err.msg, "report is no report of zones");
	like_close(&f.like);
}

/* As sg_rep_zones of sg3_utils 1.48 prints it, of that data. */
static void sg_json(void **state)
{
	(void)state;
	write_text("report",
		   "{ \"maximum_lba\": 1572863, \"zone_descriptors_list\": [\n"
		   "{ \"zone_type\": { \"i\": 1, \"meaning\": "
		   "\"conventional\" }, \"zone_condition\": { \"i\": 0, "
		   "\"meaning\": \"Not write pointer\" }, \"puep\": 0, "
		   "\"zone_length\": 524288, \"zone_start_lba\": 0, "
		   "\"write_pointer_lba\": -1 },\n"
		   "{ \"zone_type\": { \"i\": 2 }, \"zone_condition\": { "
		   "\"i\": 4 }, \"zone_length\": 524288, \"zone_start_lba\": "
		   "524288, \"write_pointer_lba\": 524296 },\n"
		   "{ \"zone_type\": { \"i\": 2 }, \"zone_condition\": { "
		   "\"i\": 14 }, \"zone_length\": 524288, "
		   "\"zone_start_lba\": 1048576, \"write_pointer_lba\": -1 } "
		   "] }\n");
	assert_three_zones("");
}

/*
 * What is wrong.
 */

#define B(start, len, rest) "  start: 0x" start ", len 0x" len ", " rest
#define W0		    "wptr 0x000000 reset:0 non-seq:0, "
#define C_NW		    W0 "zcond: 0(nw) " CNV
#define S_EM		    W0 "zcond: 1(em) " SEQ
#define P_EM		    W0 "zcond: 1(em) [type: 3(SEQ_WRITE_PREFERRED)]\n"
#define GAP		    W0 "zcond: 0(nw) [type: 5(GAP)]\n"
#define TWO		    B("0", "20000", C_NW) B("20000", "20000", S_EM)

static const struct {
	const char *text, *sentence;
	bool state;
} wrong[] = {
	{ "", "report is empty; give a report" },
	{ "  \n\n", "report is empty" },
	{ "# nothing\n", "report has no zone" },
	{ "hello\n", "report, line 1: 'hello' is no line of blkzone report, "
		     "sg_rep_zones or zbc_report_zones" },
	{ TWO "...\n", "report, line 3: '...' is no line of blkzone report" },
	{ TWO "Zone 00003: type 0x1\n",
	  "line 3: 'Zone 00003: type 0x1' is no line" },
	{ B("0", "20000", ""), "line 1: blkzone report's line of a zone has "
			       "', ' where its wptr should be" },
	{ B("0", "", ""), "has ', len 0x, ' where its len should be" },
	{ B("0", "20000", W0 "zcond:14(fu)\n"), "ends before its type" },
	{ B("20000", "20000", S_EM),
	  "line 1: the first zone starts at 0x20000; give a report that begins "
	  "at 0" },
	{ TWO B("60000", "20000", S_EM),
	  "line 3: the zone starts at 0x60000, but the one before ends at "
	  "0x40000" },
	{ TWO B("30000", "20000", S_EM),
	  "line 3: the zone starts at 0x30000, but the one before ends at "
	  "0x40000" },
	{ TWO B("40000", "0", S_EM), "line 3: the zone has no length" },
	{ TWO B("40000", "10000", S_EM) B("50000", "20000", S_EM),
	  "line 3: the zone has a length of 0x10000, but the first one has "
	  "0x20000" },
	{ TWO B("40000", "40000", S_EM),
	  "line 3: the zone has a length of 0x40000" },
	{ TWO B("40000", "20000", C_NW),
	  "line 3: a conventional zone is behind sequential ones" },
	{ TWO B("40000", "20000", P_EM),
	  "line 3: the zone is sequential-write-preferred, but those before "
	  "are "
	  "sequential-write-required" },
	{ TWO B("40000", "20000", W0 "zcond: 1(em) [type: 4(x)]\n"),
	  "line 3: zones of type 0x4 (" },
	{ TWO B("40000", "20000", W0 "zcond: 1(em) [type: 9(x)]\n"),
	  "line 3: zones of type 0x9" },
	{ B("0", "20000", C_NW) B("20000", "20000", GAP)
		  B("40000", "20000", W0 "zcond: 5(x5) " SEQ),
	  "line 3: the zone is inactive, so the drive has zone domains" },
	{ "Device /dev/sg1:\n    Zone Domains command set is supported\n"
	  "    Zone Realms command set is supported\n"
	  "    NOZSRC bit is supported\n"
	  "    Maximum number of zones to activate is unlimited\n"
	  "    Supported zone types: Conv SWR GAP \n"
	  "    Realms of SWR zones have shifting boundaries\n"
	  "000: LBA range 00000000000000:00000000786431, 24 zones, type 0x1 "
	  "(Conventional)\n",
	  "line 8: '000: LBA range 00000000000000:0000000078...' is no line "
	  "of zbc_report_zones" },
	{ B("0", "20000", C_NW) B("20000", "20000", GAP),
	  "line 2: the gap zone is not behind a sequential write required" },
	{ B("0", "20000", C_NW), "report has no sequential zone" },
	{ TWO B("40000", "20000", "cap 0x1f000, " S_EM),
	  "line 3: the zone has a capacity of 0x1f000, but the first "
	  "sequential one has 0x20000" },
	{ B("0", "20000", "cap 0x20001, " S_EM),
	  "line 1: the zone's capacity is 0x20001" },
	{ B("0", "20000", "cap 0x1f001, " S_EM),
	  "line 1: the zone's capacity is 65012224 bytes; a disk here can have "
	  "whole MiB" },
	{ B("0", "20001", S_EM),
	  "line 1: the zone's length is 67109376 bytes" },
	{ B("0", "ffffffffffffffff", S_EM),
	  "ends beyond what a disk can have" },
	{ B("7fffffffffffffff", "7fffffffffffffff", S_EM), "ends beyond" },
	{ "Found 3 zones from 0x0\n" TWO,
	  "report has 2 zones, but says itself that there are 3" },
	{ TWO B("40000", "20000",
		"wptr 0x20001 reset:0 non-seq:0, zcond: 4(cl) " SEQ),
	  "line 3: the write pointer is not in the zone", true },
	{ TWO B("40000", "20000",
		"wptr N/A reset:0 non-seq:0, zcond: 4(cl) " SEQ),
	  "line 3: the write pointer is not in the zone", true },
	{ TWO B("40000", "20000", W0 "zcond: 0(nw) " SEQ),
	  "line 3: zone condition 0x0 (not-write-pointer) is none of such a "
	  "zone",
	  true },
	{ TWO B("40000", "20000", W0 "zcond: 6(x6) " SEQ),
	  "line 3: zone condition 0x6 (reserved)", true },
	{ B("0", "20000", W0 "zcond: 1(em) " CNV) B("20000", "20000", S_EM),
	  "line 1: zone condition 0x1 (empty)", true },
	{ "    2 zones from 0, reporting option 0x01\n", "is no line of" },
	{ "Device x:\n    2 zones from 0, reporting option 0x01\n",
	  "line 2: the report is of some zones only; leave -ro out" },
	{ "Device x:\n    2 zones from 0, reporting option 0x00\n"
	  "Zone 00000: type 0x2 (Sequential-write-required), cond 0x1 (Empty), "
	  "reset recommended 0, non_seq 0, sector 0, 131072 sectors, wp 0\n",
	  "report has 1 zones, but says itself that there are 2" },
	{ "Device x:\n    262144 512-bytes sectors\n"
	  "Zone 00000: type 0x2 (Sequential-write-required), cond 0x1 (Empty), "
	  "reset recommended 0, non_seq 0, sector 0, 131072 sectors, wp 0\n",
	  "the zones in report end at 0x20000, but says itself that the drive "
	  "ends at 0x40000" },
	{ "Device x:\n    40 512-bytes sectors\n    40 logical blocks of 100 "
	  "B\n"
	  "Zone 00000: type 0x2 (x), cond 0x1 (x), block 0, 131072 blocks\n",
	  "report has logical blocks of 100 bytes; a disk here can have 512 "
	  "or 4096" },
	{ "{ \"block_size\": 3, \"zones\": [ { \"type\": "
	  "\"sequential-write-required\", \"condition\": \"empty\", "
	  "\"start_lba\": 0, \"blocks\": 131072 } ] }",
	  "report has logical blocks of 3 bytes" },
	{ "Zone 00000: type 0x2 (Seq",
	  "line of a zone ends before its sector" },
	{ SG_ZONE("0", SG_REQUIRED, "Empty", "0x100", "0x0",
		  "0x0") ">>> Beware: Zone list truncated, may need another "
			 "call\n",
	  "line 9: sg_rep_zones says that its list is truncated" },
	{ " Zone descriptor: 0\n   Zone type: " SG_REQUIRED "\n",
	  "line 1: the zone descriptor has not all of" },
	{ " Zone descriptor: 0\n   Zone type: Strange\n",
	  "line 2: 'Strange' is no line of sg_rep_zones" },
	{ "{ \"zones\": [ { \"type\": \"gap\",\n",
	  "report, line 2: JSON ends or is wrong here" },
	{ "{ \"zonen\": [] }", "report has neither \"zones\" nor" },
	{ "{ \"zones\": [] }", "report has no zone" },
	{ "{ \"zones\": [ { \"start_lba\": 0 } ] }",
	  "report, zone 0: there is no type" },
	{ "00 00 00 40 00 00 00 00  00 00 00 00 00 00 00 00\nxx\n",
	  "report, line 2: 'xx' are no bytes in hexadecimal" },
};

static void wrong_reports(void **state)
{
	struct fit f;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		write_text("report", wrong[i].text);
		fit(&f, "report", "", wrong[i].state);
		if (!f.ret || !strstr(f.err.msg, wrong[i].sentence))
			fail_msg("%s\n%s\nnot: %s", wrong[i].text, f.err.msg,
				 wrong[i].sentence);
		like_close(&f.like);
		/* A state that is not wanted may be what it likes. */
		if (!wrong[i].state)
			continue;
		fit(&f, "report", "", false);
		assert_int_equal(f.ret, 0);
		like_close(&f.like);
	}
}

/* Published, too, but not whole. */
static void wrong_published(void **state)
{
	struct fit f;

	(void)state;
	write_text("report", report_null_blk_old);
	fit(&f, "report", "", false);
	assert_contains(f.err.msg, "line 2: blkzone report's line of a zone "
				   "ends before its type");
	like_close(&f.like);
	write_text("report", report_hc620_sg_start);
	fit(&f, "report", "", false);
	assert_contains(f.err.msg, "the zones in report end at 0x30000, but "
				   "says itself that the drive ends at "
				   "0xda480000");
	like_close(&f.like);
}

/* Cut at any byte, a report is refused or is of fewer whole zones. */
static void cut_anywhere(void **state)
{
	size_t len = strlen(report_qemu_virtio);
	struct fit f;

	(void)state;
	for (size_t i = 1; i < len; i += 7) {
		write_bytes("report", report_qemu_virtio, i);
		fit(&f, "report", "", true);
		if (!f.ret)
			assert_int_equal(f.bytes % (64 << 20), 0);
		like_close(&f.like);
	}
}

/* Whatever becomes of a byte, it is read or refused. */
static void noise(void **state)
{
	static const char bytes[] = "0179afxX:,.-()[] \n\t{}\"\\\0\377";
	const char *const reports[] = { report_femu, report_qemu_virtio,
					report_hc620_sg_start };
	unsigned rng = 1;
	struct fit f;

	(void)state;
	for (unsigned i = 0; i < 1500; i++) {
		const char *report = reports[i % 3];
		size_t len = strlen(report);
		char *text = strdup(report);

		for (unsigned n = 0; n < 1 + i % 4; n++) {
			rng = rng * 1103515245 + 12345;
			text[(rng >> 8) % len] =
				bytes[(rng >> 4) % (sizeof(bytes) - 1)];
		}
		write_bytes("report", text, len);
		free(text);
		fit(&f, "report", "block_size=512", true);
		if (f.ret)
			assert_true(*f.err.msg);
		like_close(&f.like);
	}
}

static void refused_without_a_trace(void **state)
{
	(void)state;
	write_text("report", TWO B("60000", "20000", S_EM));
	assert_int_equal(zloop("create", "--like", "report", "d", NULL), 1);
	assert_sentence("report, line 3: the zone starts at 0x60000");
	write_text("report", TWO);
	assert_int_equal(
		zloop("create", "--like", "report", "conv_zones=1", "d", NULL),
		1);
	assert_sentence("conv_zones is what report says; leave it out");
	assert_int_equal(zloop("create", "--like", "hc620-14tb",
			       "model=host-aware", "d", NULL),
			 1);
	assert_sentence("model is what hc620-14tb says");
	assert_int_equal(zloop("create", "--like", "none", "d", NULL), 1);
	assert_sentence("none cannot be read: No such file or directory; zloop "
			"help drives lists the drives that have a name");
	assert_int_equal(zloop("create", "--like", "/dev/null", "d", NULL), 1);
	assert_sentence("/dev/null is no block device");
	assert_int_equal(zloop("create", "--like", ".", "d", NULL), 1);
	assert_sentence(". cannot be read: Is a directory");
	assert_int_equal(zloop("create", "--with-state", "d", NULL), 2);
	assert_contains(run_err, "--with-state needs --like");
	assert_false(exists("d"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hc620),
		cmocka_unit_test(emulated),
		cmocka_unit_test(drives),
		cmocka_unit_test(drives_that_are_listed),
		cmocka_unit_test(with_state),
		cmocka_unit_test(conventional),
		cmocka_unit_test(all_conditions),
		cmocka_unit_test(of_our_own),
		cmocka_unit_test(half_made),
		cmocka_unit_test(data),
		cmocka_unit_test(sg_json),
		cmocka_unit_test(wrong_reports),
		cmocka_unit_test(wrong_published),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(noise),
		cmocka_unit_test(refused_without_a_trace),
	};
	struct CMUnitTest in_dirs[sizeof(tests) / sizeof(tests[0])];

	memcpy(in_dirs, tests, sizeof(tests));
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		in_dirs[i].setup_func = work_enter;
		in_dirs[i].teardown_func = work_leave;
	}
	return cmocka_run_group_tests_name("like", in_dirs, NULL, NULL);
}
