// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* REPORT ZONES, and OPEN, CLOSE, FINISH ZONE, RESET WRITE POINTER (ZBC-2). */
#include <string.h>

#include "base/be.h"
#include "base/num.h"
#include "scsi/internal.h"

#define REPORT_HEADER_LEN 64
#define ZONE_DESC_LEN	  64

/* REPORTING OPTIONS (ZBC-2 table "REPORTING OPTIONS field"). */
enum {
	RO_ALL = 0x00,
	RO_EMPTY = 0x01,
	RO_INACTIVE = 0x08,
	RO_RESET = 0x10,
	RO_NON_SEQ = 0x11,
	RO_NOT_GAP = 0x3e,
	RO_NOT_WP = 0x3f,
};

/* 01h to 08h. */
static const enum zone_cond option_cond[] = {
	[RO_EMPTY] = ZC_EMPTY, [0x02] = ZC_IMP_OPEN,
	[0x03] = ZC_EXP_OPEN,  [0x04] = ZC_CLOSED,
	[0x05] = ZC_FULL,      [0x06] = ZC_READ_ONLY,
	[0x07] = ZC_OFFLINE,   [RO_INACTIVE] = ZC_INACTIVE,
};

struct report {
	struct data_in in;
	uint8_t options;
	uint64_t max_listed; /* descriptors that may count, with PARTIAL */
	uint64_t listed;
	/* What SAME is made of. */
	struct zone_info first, last;
	bool same_type;
	bool same_len; /* of all but the last */
};

static bool option_known(uint8_t option)
{
	return option <= RO_INACTIVE || option == RO_RESET ||
	       option == RO_NON_SEQ || option >= RO_NOT_GAP;
}

static bool zone_matches(uint8_t option, const struct zone_info *z)
{
	switch (option) {
	case RO_ALL:
		return true;
	case RO_RESET:
		return z->attrs & ZA_RESET;
	case RO_NON_SEQ:
		return z->attrs & ZA_NON_SEQ;
	case RO_NOT_GAP:
		return z->type != ZT_GAP;
	case RO_NOT_WP:
		return z->cond == ZC_NOT_WP;
	default:
		return z->cond == option_cond[option];
	}
}

static void put_zone(struct data_in *in, const struct zone_info *z)
{
	uint8_t d[ZONE_DESC_LEN] = { 0 };

	d[0] = (uint8_t)z->type;
	d[1] = (uint8_t)(z->cond << 4 | z->attrs);
	be64_put(d + 8, z->blocks);
	be64_put(d + 16, z->start_lba);
	be64_put(d + 24, z->wp_lba);
	data_in_put(in, d, sizeof(d));
}

static void count_zone(struct report *r, const struct zone_info *z)
{
	if (!r->listed++) {
		r->first = r->last = *z;
		r->same_type = r->same_len = true;
		return;
	}
	r->same_type &= z->type == r->first.type;
	r->same_len &= r->last.blocks == r->first.blocks;
	r->last = *z;
}

/*
 * With PARTIAL, one that is cut off at the end is returned but not counted:
 * hosts divide the list length by 64.
 */
static bool report_zone(void *user, const struct zone_info *z)
{
	struct report *r = user;

	if (!zone_matches(r->options, z))
		return true;
	if (r->in.room)
		put_zone(&r->in, z);
	if (r->listed == r->max_listed)
		return false;
	count_zone(r, z);
	return true;
}

/* SAME: how alike the listed zones are (ZBC-2 table "SAME field"). */
static uint8_t report_same(const struct report *r)
{
	bool last_differs = r->last.blocks != r->first.blocks;

	if (!r->listed || !r->same_len)
		return 0;
	if (!last_differs)
		return r->same_type ? 1 : 3;
	return r->same_type ? 2 : 0;
}

static void build_header(const struct scsi_unit *unit, const struct report *r,
			 uint8_t *head)
{
	const struct zone_geo *geo = disk_geo(unit->disk);

	memset(head, 0, REPORT_HEADER_LEN);
	/* Whole descriptors, as many as the field can say. */
	be32_put(head,
		 (uint32_t)min_u64(r->listed * ZONE_DESC_LEN,
				   UINT32_MAX / ZONE_DESC_LEN * ZONE_DESC_LEN));
	head[4] = report_same(r);
	be64_put(head + 8, unit->capacity_blocks - 1);
	/* Only where zones have constant starts but not constant lengths. */
	if (geo->zone_cap_blocks < geo->zone_blocks)
		be64_put(head + 16, geo->zone_blocks);
}

/*
 * The descriptors go straight into the buffer; the header, whose length field
 * is known only then, comes last.
 */
enum scsi_next scsi_report_zones(struct scsi_cmd *cmd)
{
	static const uint8_t no_header[REPORT_HEADER_LEN];
	uint64_t start_lba = be64_get(cmd->cdb + 2);
	uint32_t alloc = be32_get(cmd->cdb + 10);
	bool partial = cmd->cdb[14] & 0x80;
	struct report r = { .options = cmd->cdb[14] & 0x3f,
			    .max_listed = UINT64_MAX };
	uint8_t head[REPORT_HEADER_LEN];
	struct iov_cur cur;

	if (start_lba >= cmd->unit->capacity_blocks)
		return scsi_fail_range(cmd, start_lba);
	if (!option_known(r.options))
		return scsi_bad_cdb(cmd, 14, 5);
	if (partial)
		r.max_listed =
			alloc < REPORT_HEADER_LEN
				? 0
				: (alloc - REPORT_HEADER_LEN) / ZONE_DESC_LEN;
	data_in_start(&r.in, cmd, alloc);
	data_in_put(&r.in, no_header, sizeof(no_header));
	disk_each_zone(cmd->unit->disk, start_lba, report_zone, &r);

	build_header(cmd->unit, &r, head);
	cur = iov_start(cmd->iov, cmd->iov_cnt);
	iov_put(&cur, head, min_u64(sizeof(head), cmd->data_in_bytes));
	return data_in_end(&r.in);
}

/* The header alone, which says what the zones' starts are. */
bool scsi_zones_in_sanitize(const uint8_t *cdb)
{
	return !be64_get(cdb + 2) && be32_get(cdb + 10) <= REPORT_HEADER_LEN &&
	       cdb[14] == (0x80 | RO_NOT_WP);
}

/*
 * A ZONE ID beyond the last LBA is LOGICAL BLOCK ADDRESS OUT OF RANGE, as in
 * scsi_debug: it is no zone's address at all.  Software write protection covers
 * these commands, which change what the medium holds.
 */
enum scsi_next scsi_zone_out(struct scsi_cmd *cmd)
{
	struct disk_io *io = &cmd->io;

	if (cmd->unit->swp)
		return scsi_fail(cmd, LOGICAL_UNIT_SOFTWARE_WRITE_PROTECTED);
	cmd->lba_at = 2;
	io->zone_op = (enum zone_op)cmd->op->sa;
	io->lba = be64_get(cmd->cdb + 2);
	io->zone_count = be16_get(cmd->cdb + 12);
	io->zone_all = cmd->cdb[14] & 0x01;
	return SCSI_RUN;
}

void scsi_zone_out_run(struct scsi_cmd *cmd)
{
	cmd->io.op = DISK_ZONE;
	cmd->io.fua = !cmd->unit->wce;
	scsi_submit(cmd, NULL);
}
