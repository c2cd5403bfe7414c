// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* See reports.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports.h"
#include "run.h"

#define CNV "[type: 1(CONVENTIONAL)]\n"
#define SEQ "[type: 2(SEQ_WRITE_REQUIRED)]\n"

static void put(FILE *f, const char *line, unsigned nr,
		unsigned long long zone_len)
{
	for (; *line; line++) {
		if (*line != '%') {
			fputc(*line, f);
			continue;
		}
		switch (*++line) {
		case 'S':
			fprintf(f, "%09llx", nr * zone_len);
			break;
		case 'L':
			fprintf(f, "%06llx", zone_len);
			break;
		case 's':
			fprintf(f, "%llu", nr * zone_len);
			break;
		case 'l':
			fprintf(f, "%llu", zone_len);
			break;
		default:
			fprintf(f, "%05u", nr);
		}
	}
}

char *report_text(const struct report_lines *r, unsigned long long zone_len)
{
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	fputs(r->head, f);
	for (unsigned i = 0; i < 4 && r->runs[i].line; i++)
		for (unsigned n = r->runs[i].first; n < r->runs[i].end; n++)
			put(f, r->runs[i].line, n, zone_len);
	fclose(f);
	for (unsigned i = 0; i < 12 && r->quoted[i]; i++)
		assert_contains(text, r->quoted[i]);
	return text;
}

#define BLK "  start: 0x%S, len 0x%L, wptr 0x000000 reset:0 non-seq:0, "
#define BLK_CAP                                                     \
	"  start: 0x%S, len 0x%L, cap 0x%L, wptr 0x000000 reset:0 " \
	"non-seq:0, "
#define ZBC_CNV                                       \
	"Zone %n: type 0x1 (Conventional), cond 0x0 " \
	"(Not-write-pointer), sector %s, %l sectors\n"
#define ZBC_SEQ(cond)                                               \
	"Zone %n: type 0x2 (Sequential-write-required), cond " cond \
	", reset recommended 0, non_seq 0, sector %s, %l sectors, wp %s"

/*
 * WD (HGST) HSH721415ALN6M0, 15 TB.  zonedstorage.io, docs/getting-started/
 * smr-disk.md of westerndigitalcorporation/zonedstorage.io.
 */
const struct report_lines report_hc620_blkzone = {
	.head = "# blkzone report /dev/sdb\n",
	.runs = { { 0, 524, BLK "zcond: 0(nw) " CNV },
		  { 524, 525,
		    "  start: 0x%S, len 0x%L, wptr 0x000008 reset:0 non-seq:0, "
		    "zcond: 4(cl) " SEQ },
		  { 525, 55880, BLK "zcond: 1(em) " SEQ } },
	.quoted = {
		"  start: 0x000080000, len 0x080000, wptr 0x000000 reset:0 "
		"non-seq:0, zcond: 0(nw) [type: 1(CONVENTIONAL)]\n",
		"  start: 0x010580000, len 0x080000, wptr 0x000000 reset:0 "
		"non-seq:0, zcond: 0(nw) [type: 1(CONVENTIONAL)]\n"
		"  start: 0x010600000, len 0x080000, wptr 0x000008 reset:0 "
		"non-seq:0, zcond: 4(cl) [type: 2(SEQ_WRITE_REQUIRED)]\n"
		"  start: 0x010680000, len 0x080000, wptr 0x000000 reset:0 "
		"non-seq:0, zcond: 1(em) [type: 2(SEQ_WRITE_REQUIRED)]\n",
		"  start: 0x6d2380000, len 0x080000, wptr 0x000000 reset:0 "
		"non-seq:0, zcond: 1(em) [type: 2(SEQ_WRITE_REQUIRED)]\n",
	},
};

/* The same drive, on the same page. */
const struct report_lines report_hc620_zbc = {
	.head = "# zbc_report_zones /dev/sdb\n"
		"Device /dev/sdb:\n"
		"    Vendor ID: ATA HGST HSH721415AL T220\n"
		"    Zoned block device interface, Host-managed zone model\n"
		"    29297213440 512-bytes sectors\n"
		"    3662151680 logical blocks of 4096 B\n"
		"    3662151680 physical blocks of 4096 B\n"
		"    15000.173 GB capacity\n"
		"    Read commands are unrestricted\n"
		"    Maximum number of open sequential write required zones: "
		"128\n"
		"    55880 zones from 0, reporting option 0x00\n"
		"55880 / 55880 zones:\n",
	.runs = { { 0, 524, ZBC_CNV },
		  { 524, 525,
		    "Zone %n: type 0x2 (Sequential-write-required), cond 0x4 "
		    "(Closed), reset recommended 0, non_seq 0, sector %s, %l "
		    "sectors, wp 274726920\n" },
		  { 525, 55880, ZBC_SEQ("0x1 (Empty)") "\n" } },
	.quoted = {
		"Zone 00523: type 0x1 (Conventional), cond 0x0 "
		"(Not-write-pointer), sector 274202624, 524288 sectors\n"
		"Zone 00524: type 0x2 (Sequential-write-required), cond 0x4 "
		"(Closed), reset recommended 0, non_seq 0, sector 274726912, "
		"524288 sectors, wp 274726920\n"
		"Zone 00525: type 0x2 (Sequential-write-required), cond 0x1 "
		"(Empty), reset recommended 0, non_seq 0, sector 275251200, "
		"524288 sectors, wp 275251200\n",
		"Zone 55879: type 0x2 (Sequential-write-required), cond 0x1 "
		"(Empty), reset recommended 0, non_seq 0, sector 29296689152, "
		"524288 sectors, wp 29296689152\n",
	},
};

/* tcmu-runner's user:zbc; docs/getting-started/smr-emulation.md there. */
const struct report_lines report_tcmu_zbc = {
	.head = "Device /dev/sdc:\n"
		"    Vendor ID: LIO-ORG TCMU ZBC device 0002\n"
		"    Zoned block device interface, Host-managed zone model\n"
		"    41943040 512-bytes sectors\n"
		"    41943040 logical blocks of 512 B\n"
		"    41943040 physical blocks of 512 B\n"
		"    21.475 GB capacity\n"
		"    Read commands are unrestricted\n"
		"    Maximum number of open sequential write required zones: "
		"35\n"
		"    80 zones from 0, reporting option 0x00\n"
		"80 / 80 zones:\n",
	.runs = { { 0, 10, ZBC_CNV }, { 10, 80, ZBC_SEQ("0x1 (Empty)") "\n" } },
	.quoted = {
		"Zone 00009: type 0x1 (Conventional), cond 0x0 "
		"(Not-write-pointer), sector 4718592, 524288 sectors\n"
		"Zone 00010: type 0x2 (Sequential-write-required), cond 0x1 "
		"(Empty), reset recommended 0, non_seq 0, sector 5242880, "
		"524288 sectors, wp 5242880\n",
		"Zone 00079: type 0x2 (Sequential-write-required), cond 0x1 "
		"(Empty), reset recommended 0, non_seq 0, sector 41418752, "
		"524288 sectors, wp 41418752\n",
	},
};

/* scsi_debug, on the same page. */
const struct report_lines report_scsi_debug_zbc = {
	.head = "Device /dev/sg9:\n"
		"    Vendor ID: Linux scsi_debug 0190\n"
		"    SCSI ZBC device interface, Host-managed zone model\n"
		"    33554432 512-bytes sectors\n"
		"    4194304 logical blocks of 4096 B\n"
		"    4194304 physical blocks of 4096 B\n"
		"    17.180 GB capacity\n"
		"    Read commands are unrestricted\n"
		"    4096 KiB max R/W size\n"
		"    Maximum number of open sequential write required zones: "
		"8\n"
		"    256 zones from 0, reporting option 0x00\n"
		"256 / 256 zones:\n",
	.runs = { { 0, 32, ZBC_CNV },
		  { 32, 256, ZBC_SEQ("0x1 (Empty)") "\n" } },
	.quoted = {
		"Zone 00255: type 0x2 (Sequential-write-required), cond 0x1 "
		"(Empty), reset recommended 0, non_seq 0, sector 33423360, "
		"131072 sectors, wp 33423360\n",
	},
};

/* scsi_debug by libzbc 6, which says more of it: issue 52 of
 * westerndigitalcorporation/libzbc, July 2024. */
const struct report_lines report_scsi_debug_zbc6 = {
	.head = "# zbc_report_zones /dev/sg4\n"
		"Device /dev/sg4:\n"
		"    Vendor ID: Linux scsi_debug 0191\n"
		"    SCSI ZBC device interface, Host-managed zone model\n"
		"    16777216 512-bytes sectors\n"
		"    2097152 logical blocks of 4096 B\n"
		"    2097152 physical blocks of 4096 B\n"
		"    8.590 GB capacity\n"
		"    Read commands are unrestricted\n"
		"    4096 KiB max R/W size\n"
		"    Maximum number of open sequential write required zones: "
		"8\n"
		"    Zone Domains command set is NOT supported\n"
		"    Zone Realms command set is NOT supported\n"
		"    Zone operation counts are NOT supported\n"
		"    128 zones from 0, reporting option 0x00\n"
		"128 / 128 zones:\n",
	.runs = { { 0, 32, ZBC_CNV },
		  { 32, 128, ZBC_SEQ("0x1 (Empty)") "\n" } },
	.quoted = {
		"Zone 00001: type 0x1 (Conventional), cond 0x0 "
		"(Not-write-pointer), sector 131072, 131072 sectors\n",
		"Zone 00083: type 0x2 (Sequential-write-required), cond 0x1 "
		"(Empty), reset recommended 0, non_seq 0, sector 10878976, "
		"131072 sectors, wp 10878976\n",
	},
};

/* An NVMe namespace of QEMU, on the same page: zones of 64 MiB, of which 62 can
 * be written. */
const struct report_lines report_qemu_zns = {
	.head = "",
	.runs = { { 0, 512,
		    "  start: 0x%S, len 0x%L, cap 0x01f000, wptr 0x000000 "
		    "reset:0 non-seq:0, zcond: 1(em) " SEQ } },
	.quoted = {
		"  start: 0x003fe0000, len 0x020000, cap 0x01f000, wptr "
		"0x000000 reset:0 non-seq:0, zcond: 1(em) [type: "
		"2(SEQ_WRITE_REQUIRED)]\n",
	},
};

/* The kernel's zloop: Documentation/admin-guide/blockdev/zoned_loop.rst of
 * Linux. */
const struct report_lines report_zloop_kernel = {
	.head = "        $ blkzone report /dev/zloop0\n",
	.runs = { { 0, 8, BLK_CAP "zcond: 0(nw) " CNV },
		  { 8, 32,
		    "          start: 0x%S, len 0x%L, cap 0x01f800, wptr "
		    "0x000000 reset:0 non-seq:0, zcond: 1(em) " SEQ } },
	.quoted = {
		"          start: 0x000100000, len 0x020000, cap 0x01f800, "
		"wptr 0x000000 reset:0 non-seq:0, zcond: 1(em) [type: "
		"2(SEQ_WRITE_REQUIRED)]\n",
	},
};

/* A virtio-blk device of QEMU: qemu.org, "Introduction to Zoned Storage
 * Emulation", November 2022. */
const char report_qemu_virtio[] =
	"start: 0x000000000, len 0x020000, cap 0x020000, wptr 0x000000 reset:0 "
	"non-seq:0, zcond: 0(nw) " CNV
	"start: 0x000020000, len 0x020000, cap 0x020000, wptr 0x000000 reset:0 "
	"non-seq:0, zcond: 0(nw) " CNV
	"start: 0x000040000, len 0x020000, cap 0x020000, wptr 0x000000 reset:0 "
	"non-seq:0, zcond: 0(nw) " CNV
	"start: 0x000060000, len 0x020000, cap 0x020000, wptr 0x000000 reset:0 "
	"non-seq:0, zcond: 0(nw) " CNV
	"start: 0x000080000, len 0x020000, cap 0x020000, wptr 0x000000 reset:0 "
	"non-seq:0, zcond: 0(nw) " CNV
	"start: 0x0000a0000, len 0x020000, cap 0x020000, wptr 0x000000 reset:0 "
	"non-seq:0, zcond: 0(nw) " CNV
	"start: 0x0000c0000, len 0x020000, cap 0x020000, wptr 0x000000 reset:0 "
	"non-seq:0, zcond: 0(nw) " CNV
	"start: 0x0000e0000, len 0x020000, cap 0x020000, wptr 0x000000 reset:0 "
	"non-seq:0, zcond: 0(nw) " CNV
	"start: 0x000100000, len 0x020000, cap 0x020000, wptr 0x000000 reset:0 "
	"non-seq:0, zcond: 1(em) " SEQ
	"start: 0x000120000, len 0x020000, cap 0x020000, wptr 0x000000 reset:0 "
	"non-seq:0, zcond: 1(em) " SEQ
	"start: 0x000140000, len 0x020000, cap 0x020000, wptr 0x000000 reset:0 "
	"non-seq:0, zcond: 1(em) " SEQ
	"start: 0x000160000, len 0x020000, cap 0x020000, wptr 0x000000 reset:0 "
	"non-seq:0, zcond: 1(em) " SEQ;

/* A namespace of FEMU, by blkzone 2.34, which takes the write pointer of a full
 * zone for one: notes of a user, "lsblk", 2022.  The first eleven zones. */
const char report_femu[] =
	"root@kxwang:~# blkzone report /dev/nvme0n1\n"
	"  start: 0x000000000, len 0x020000, wptr 0x000000 reset:0 non-seq:0, "
	"zcond: 1(em) " SEQ "  start: 0x000020000, len 0x020000, wptr 0x0005c8 "
	"reset:0 non-seq:0, zcond: 2(oi) " SEQ
	"  start: 0x000040000, len 0x020000, wptr 0x000000 reset:0 non-seq:0, "
	"zcond: 1(em) " SEQ "  start: 0x000060000, len 0x020000, wptr 0x000060 "
	"reset:0 non-seq:0, zcond: 2(oi) " SEQ
	"  start: 0x000080000, len 0x020000, wptr 0x000018 reset:0 non-seq:0, "
	"zcond: 4(cl) " SEQ
	"  start: 0x0000a0000, len 0x020000, wptr 0xfffffffffff5fff8 reset:0 "
	"non-seq:0, zcond:14(fu) " SEQ
	"  start: 0x0000c0000, len 0x020000, wptr 0xfffffffffff3fff8 reset:0 "
	"non-seq:0, zcond:14(fu) " SEQ
	"  start: 0x0000e0000, len 0x020000, wptr 0x000000 reset:0 non-seq:0, "
	"zcond: 1(em) " SEQ
	"  start: 0x000100000, len 0x020000, wptr 0xffffffffffeffff8 reset:0 "
	"non-seq:0, zcond:14(fu) " SEQ
	"  start: 0x000120000, len 0x020000, wptr 0x000000 reset:0 non-seq:0, "
	"zcond: 1(em) " SEQ "  start: 0x000140000, len 0x020000, wptr 0x01c168 "
	"reset:0 non-seq:0, zcond: 2(oi) " SEQ;

/* null_blk, by a blkzone that had no type yet: linux-block list, "null_blk:
 * write zeroes", 2020. */
const char report_null_blk_old[] = "+ blkzone report /dev/nullb0\n"
				   "  start: 0x000000000, len 0x040000, wptr "
				   "0x040000 reset:0 non-seq:0, zcond:14(fu)\n"
				   "  start: 0x000040000, len 0x040000, wptr "
				   "0x040000 reset:0 non-seq:0, zcond:14(fu)\n";

/* HSH721415AL by sg_rep_zones 1.42, docs/tools/sg3utils.md of the same
 * documentation: the first three zones; a conventional zone of a SATA drive has
 * a write pointer of 48 ones. */
const char report_hc620_sg_start[] =
	"# sg_rep_zone /dev/sdd\n"
	"Report zones response:\n"
	"  Same=1: zone type and length same in each descriptor\n"
	"\n"
	"  Maximum LBA: 0xda47ffff\n"
	" Zone descriptor: 0\n"
	"   Zone type: Conventional\n"
	"   Zone condition: Not write pointer\n"
	"   Non_seq: 0\n"
	"   Reset: 0\n"
	"   Zone Length: 0x10000\n"
	"   Zone start LBA: 0x0\n"
	"   Write pointer LBA: 0xffffffffffff\n"
	" Zone descriptor: 1\n"
	"   Zone type: Conventional\n"
	"   Zone condition: Not write pointer\n"
	"   Non_seq: 0\n"
	"   Reset: 0\n"
	"   Zone Length: 0x10000\n"
	"   Zone start LBA: 0x10000\n"
	"   Write pointer LBA: 0xffffffffffff\n"
	" Zone descriptor: 2\n"
	"   Zone type: Conventional\n"
	"   Zone condition: Not write pointer\n"
	"   Non_seq: 0\n"
	"   Reset: 0\n"
	"   Zone Length: 0x10000\n"
	"   Zone start LBA: 0x20000\n"
	"   Write pointer LBA: 0xffffffffffff\n";
