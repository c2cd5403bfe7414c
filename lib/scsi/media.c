// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * The other media commands (SBC-4): VERIFY, WRITE AND VERIFY, COMPARE AND
 * WRITE, WRITE SAME, UNMAP, PRE-FETCH.  The zones' rules for reads and writes
 * hold for them as for READ and WRITE.
 *
 * The 32-byte forms are for disks with type 2 protection only (SBC-4 says
 * INVALID COMMAND OPERATION CODE otherwise), which this one is not.
 */
#include <stdlib.h>
#include <string.h>

#include "base/be.h"
#include "base/num.h"
#include "scsi/internal.h"

/* BYTCHK */
enum {
	CHECK_MEDIUM = 0,
	CHECK_DATA = 1,
	CHECK_ONE_BLOCK = 3,
};

#define UNMAP 0x08 /* byte 1 of WRITE SAME */
#define NDOB  0x01

/*
 * VERIFY and WRITE AND VERIFY.
 */

static bool bytchk_ok(struct scsi_cmd *cmd, unsigned allowed)
{
	cmd->bytchk = cmd->cdb[1] >> 1 & 3;
	cmd->fua = false; /* the bit means something else here */
	if (allowed & 1u << cmd->bytchk)
		return true;
	scsi_bad_cdb(cmd, 1, 2);
	return false;
}

static uint64_t compared_blocks(const struct scsi_cmd *cmd)
{
	switch (cmd->bytchk) {
	case CHECK_DATA:
		return cmd->nr_blocks;
	case CHECK_ONE_BLOCK:
		return cmd->nr_blocks ? 1 : 0;
	default:
		return 0;
	}
}

enum scsi_next scsi_verify(struct scsi_cmd *cmd)
{
	unsigned allowed =
		1u << CHECK_MEDIUM | 1u << CHECK_DATA | 1u << CHECK_ONE_BLOCK;

	scsi_decode_range(cmd);
	if (!bytchk_ok(cmd, allowed) || !scsi_range_ok(cmd) ||
	    !scsi_length_ok(cmd) ||
	    !scsi_data_out_ok(cmd, compared_blocks(cmd)))
		return SCSI_DONE;
	return cmd->nr_blocks ? SCSI_RUN : scsi_good(cmd);
}

/* The compared blocks in a buffer that may be longer. */
static bool set_compared(struct scsi_cmd *cmd)
{
	uint64_t bytes = compared_blocks(cmd) * cmd->unit->block_bytes;
	struct iov_cur cur = iov_start(cmd->iov, cmd->iov_cnt);
	struct iovec *iov;

	scsi_set_io(cmd, DISK_COMPARE);
	cmd->io.iov_cnt = 0;
	if (!bytes)
		return true;
	iov = malloc(cmd->iov_cnt * sizeof(*iov));
	if (!iov)
		return false;
	cmd->mem = iov;
	iov_slice(&cur, bytes, iov, cmd->iov_cnt, &cmd->io.iov_cnt);
	cmd->io.iov = iov;
	return true;
}

static void submit_compare(struct scsi_cmd *cmd)
{
	if (set_compared(cmd)) {
		scsi_submit(cmd, NULL);
	} else {
		scsi_fail(cmd, SYSTEM_RESOURCE_FAILURE);
		scsi_finish(cmd);
	}
}

/* What is verified is what is on the medium. */
void scsi_verify_run(struct scsi_cmd *cmd)
{
	cmd->fua = true;
	submit_compare(cmd);
}

enum scsi_next scsi_write_verify(struct scsi_cmd *cmd)
{
	scsi_decode_range(cmd);
	if (!bytchk_ok(cmd, 1u << CHECK_MEDIUM | 1u << CHECK_DATA) ||
	    !scsi_range_ok(cmd) || !scsi_length_ok(cmd) ||
	    !scsi_writable(cmd) || !scsi_data_out_ok(cmd, cmd->nr_blocks))
		return SCSI_DONE;
	return cmd->nr_blocks ? SCSI_RUN : scsi_good(cmd);
}

static bool then_compare(struct scsi_cmd *cmd)
{
	submit_compare(cmd);
	return false;
}

/* Not before it is there, and then it is. */
void scsi_write_verify_run(struct scsi_cmd *cmd)
{
	scsi_set_io(cmd, DISK_WRITE);
	cmd->io.fua = true;
	scsi_submit(cmd, then_compare);
}

/*
 * COMPARE AND WRITE.  NUMBER OF LOGICAL BLOCKS is one byte; the data-out buffer
 * has twice as many.
 */
enum scsi_next scsi_compare_write(struct scsi_cmd *cmd)
{
	scsi_decode_range(cmd);
	cmd->nr_at = 13;
	cmd->nr_blocks = cmd->cdb[13];
	if (!scsi_range_ok(cmd))
		return SCSI_DONE;
	if (cmd->nr_blocks > SCSI_MAX_COMPARE_BLOCKS)
		return scsi_bad_cdb(cmd, cmd->nr_at, NO_BIT);
	if (!scsi_writable(cmd))
		return SCSI_DONE;
	if (!cmd->nr_blocks)
		return scsi_good(cmd);
	return scsi_data_out_exact(cmd, 2 * (uint64_t)cmd->nr_blocks)
		       ? SCSI_RUN
		       : SCSI_DONE;
}

void scsi_compare_write_run(struct scsi_cmd *cmd)
{
	scsi_set_io(cmd, DISK_COMPARE_WRITE);
	scsi_submit(cmd, NULL);
}

/*
 * WRITE SAME: a WRITE from a buffer that points to the same data again and
 * again.
 */

#define REPEAT_BYTES 65536

static void fill(uint8_t *data, const uint8_t *block, uint32_t block_bytes)
{
	for (uint32_t at = 0; at < REPEAT_BYTES; at += block_bytes) {
		if (block)
			memcpy(data + at, block, block_bytes);
		else
			memset(data + at, 0, block_bytes);
	}
}

struct repeated *scsi_repeat(const uint8_t *block, uint32_t block_bytes,
			     uint32_t nr)
{
	uint64_t left = (uint64_t)nr * block_bytes;
	size_t cnt = div_up_u64(left, REPEAT_BYTES);
	size_t head = sizeof(struct repeated) + cnt * sizeof(struct iovec);
	struct repeated *r = malloc(head + REPEAT_BYTES);

	if (!r)
		return NULL;
	fill((uint8_t *)r + head, block, block_bytes);
	r->cnt = cnt;
	for (size_t i = 0; i < cnt; i++) {
		r->iov[i].iov_base = (uint8_t *)r + head;
		r->iov[i].iov_len = min_u64(left, REPEAT_BYTES);
		left -= r->iov[i].iov_len;
	}
	return r;
}

/* The zones' rules keep a range in zones of one type, where there is UNMAP. */
static bool can_unmap(struct scsi_cmd *cmd)
{
	struct zone_info info;

	disk_zone_at(cmd->unit->disk, cmd->lba, &info);
	return !zone_traits[info.type].has_wp;
}

/*
 * NUMBER OF LOGICAL BLOCKS 0 is refused, as WSNZ says.  With UNMAP conventional
 * zones get holes; others have nothing but the write pointer to tell what is
 * there, so that their blocks are written (SBC-4 lets a device server do so),
 * as in any write.
 */
enum scsi_next scsi_write_same(struct scsi_cmd *cmd)
{
	bool ndob = cmd->cdb[1] & NDOB;

	scsi_decode_range(cmd);
	cmd->fua = false;
	if (!cmd->nr_blocks)
		return scsi_bad_cdb(cmd, cmd->nr_at, NO_BIT);
	if (!scsi_range_ok(cmd))
		return SCSI_DONE;
	if ((uint64_t)cmd->nr_blocks * cmd->unit->block_bytes >
	    SCSI_MAX_SAME_BYTES)
		return scsi_bad_cdb(cmd, cmd->nr_at, NO_BIT);
	if (!scsi_writable(cmd) || (!ndob && !scsi_data_out_exact(cmd, 1)))
		return SCSI_DONE;
	/* For run(): the CDB may be gone by then. */
	cmd->stage = cmd->cdb[1] & (UNMAP | NDOB);
	if (cmd->stage & UNMAP && !can_unmap(cmd))
		cmd->stage &= NDOB;
	return SCSI_RUN;
}

void scsi_write_same_run(struct scsi_cmd *cmd)
{
	struct iov_cur cur = iov_start(cmd->iov, cmd->iov_cnt);
	uint32_t block_bytes = cmd->unit->block_bytes;
	uint8_t block[4096];
	struct repeated *r;

	if (cmd->stage & NDOB)
		memset(block, 0, block_bytes);
	else
		iov_get(&cur, block, block_bytes);
	if (cmd->stage & UNMAP && bytes_are_zero(block, block_bytes)) {
		/* Unmapped blocks read as zeros (LBPRZ). */
		scsi_set_io(cmd, DISK_UNMAP);
		cmd->stage = 0;
		scsi_submit(cmd, NULL);
		return;
	}
	r = scsi_repeat(block, block_bytes, cmd->nr_blocks);
	if (!r) {
		scsi_fail(cmd, SYSTEM_RESOURCE_FAILURE);
		scsi_finish(cmd);
		return;
	}
	cmd->mem = r;
	scsi_set_io(cmd, DISK_WRITE);
	cmd->io.iov = r->iov;
	cmd->io.iov_cnt = r->cnt;
	scsi_submit(cmd, NULL);
}

/*
 * UNMAP.  The parameter list is checked as a whole before anything is unmapped.
 */

struct unmap_list {
	uint32_t nr;
	struct {
		uint64_t lba;
		uint32_t nr_blocks;
	} desc[];
};

/* Whether any zone of the range cannot be unmapped. */
struct zone_look {
	uint64_t end_lba;
	bool any_other;
};

/* A conventional one: not a gap either. */
static bool is_unmappable(const struct zone_info *info)
{
	return !zone_traits[info->type].has_wp &&
	       zone_traits[info->type].span != ZS_NOTHING;
}

static bool look_at(void *user, const struct zone_info *info)
{
	struct zone_look *look = user;

	if (info->start_lba >= look->end_lba)
		return false;
	look->any_other = !is_unmappable(info);
	return !look->any_other;
}

static bool desc_ok(struct scsi_cmd *cmd, uint32_t i, uint64_t lba,
		    uint32_t nr_blocks)
{
	struct zone_look look = { .end_lba = lba + nr_blocks };

	cmd->lba = lba;
	cmd->nr_blocks = nr_blocks;
	if (!scsi_range_ok(cmd))
		return false;
	if (nr_blocks)
		disk_each_zone(cmd->unit->disk, lba, look_at, &look);
	if (look.any_other)
		scsi_bad_param(cmd, 8 + 16 * i, NO_BIT);
	return !look.any_other;
}

static enum scsi_next take_descs(struct scsi_cmd *cmd, struct iov_cur *cur,
				 uint32_t nr)
{
	struct unmap_list *list;
	uint8_t d[16];

	list = malloc(sizeof(*list) + nr * sizeof(list->desc[0]));
	if (!list)
		return scsi_fail(cmd, SYSTEM_RESOURCE_FAILURE);
	cmd->mem = list;
	list->nr = nr;
	for (uint32_t i = 0; i < nr; i++) {
		iov_get(cur, d, sizeof(d));
		list->desc[i].lba = be64_get(d);
		list->desc[i].nr_blocks = be32_get(d + 8);
		if (!desc_ok(cmd, i, list->desc[i].lba,
			     list->desc[i].nr_blocks))
			return SCSI_DONE;
	}
	return SCSI_RUN;
}

/*
 * A descriptor that is cut off is ignored (SBC-4); the number of blocks of one
 * is not limited, as a hole of any size costs the same.
 */
enum scsi_next scsi_unmap(struct scsi_cmd *cmd)
{
	struct iov_cur cur = iov_start(cmd->iov, cmd->iov_cnt);
	uint32_t len = be16_get(cmd->cdb + 7), nr;
	uint8_t head[8];

	if (!scsi_writable(cmd))
		return SCSI_DONE;
	if (!len)
		return scsi_good(cmd);
	if (len > cmd->buf_bytes)
		return scsi_bad_cdb(cmd, 7, NO_BIT);
	if (len < sizeof(head))
		return scsi_fail(cmd, PARAMETER_LIST_LENGTH_ERROR);
	iov_get(&cur, head, sizeof(head));
	nr = (uint32_t)min_u64(be16_get(head + 2), len - sizeof(head)) / 16;
	if (nr > SCSI_MAX_UNMAP_DESCS)
		return scsi_bad_param(cmd, 2, NO_BIT);
	return nr ? take_descs(cmd, &cur, nr) : scsi_good(cmd);
}

static bool unmap_next(struct scsi_cmd *cmd)
{
	const struct unmap_list *list = cmd->mem;

	if (cmd->stage == list->nr)
		return true;
	cmd->lba = list->desc[cmd->stage].lba;
	cmd->nr_blocks = list->desc[cmd->stage].nr_blocks;
	cmd->stage++;
	scsi_set_io(cmd, DISK_UNMAP);
	scsi_submit(cmd, unmap_next);
	return false;
}

void scsi_unmap_run(struct scsi_cmd *cmd)
{
	unmap_next(cmd);
}

/*
 * PRE-FETCH promises nothing but a status: GOOD, "not all of it is in the
 * cache", needs nothing to be fetched.
 */
enum scsi_next scsi_prefetch(struct scsi_cmd *cmd)
{
	scsi_decode_range(cmd);
	return scsi_range_ok(cmd) ? scsi_good(cmd) : SCSI_DONE;
}
