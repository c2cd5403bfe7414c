// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * GET LBA STATUS(16) (SBC-4 5.6).  What is known without asking the file
 * system: nothing is stored behind a write pointer and in a gap.  All the rest
 * is "mapped or unknown".
 */
#include "base/be.h"
#include "base/num.h"
#include "scsi/internal.h"

#define STATUS_HEADER_LEN 8
#define STATUS_DESC_LEN	  16

/* PROVISIONING STATUS */
enum {
	MAPPED_OR_UNKNOWN = 0x0,
	DEALLOCATED = 0x1,
};

/* COMPLETION CONDITION */
enum {
	ALLOCATION_LENGTH_MET = 1,
	CAPACITY_REACHED = 3,
};

struct lba_status {
	struct data_in in;
	bool thin; /* else every LBA is mapped (SBC-4 4.7.2) */
	uint64_t next_lba;
	uint32_t listed, max_listed; /* descriptors */
};

/* False: that was the last one that fits. */
static bool put_extent(struct lba_status *s, uint64_t end_lba, uint8_t status)
{
	uint8_t d[STATUS_DESC_LEN] = { [12] = status };

	if (s->next_lba < end_lba) {
		be64_put(d, s->next_lba);
		be32_put(d + 8, (uint32_t)(end_lba - s->next_lba));
		data_in_put(&s->in, d, sizeof(d));
		s->next_lba = end_lba;
		s->listed++;
	}
	return s->listed < s->max_listed;
}

/* An invalid write pointer is UINT64_MAX: then it is not known. */
static uint64_t mapped_end(const struct lba_status *s,
			   const struct zone_info *z)
{
	uint64_t end_lba = z->start_lba + z->blocks;

	if (!s->thin)
		return end_lba;
	return zone_traits[z->type].span == ZS_NOTHING
		       ? z->start_lba
		       : min_u64(z->wp_lba, end_lba);
}

/*
 * An extent ends with its zone, though the next may have the same status: so no
 * more zones are looked at than there is room for.
 */
static bool put_zone(void *user, const struct zone_info *z)
{
	struct lba_status *s = user;

	return put_extent(s, mapped_end(s, z), MAPPED_OR_UNKNOWN) &&
	       put_extent(s, z->start_lba + z->blocks, DEALLOCATED);
}

static void build_header(const struct lba_status *s, uint64_t capacity_blocks,
			 uint8_t head[STATUS_HEADER_LEN])
{
	bool at_end = s->next_lba == capacity_blocks;

	be64_put(head, 0);
	be32_put(head, STATUS_HEADER_LEN - 4 + s->listed * STATUS_DESC_LEN);
	head[7] = (at_end ? CAPACITY_REACHED : ALLOCATION_LENGTH_MET) << 1;
	head[7] |= 0x01; /* RTP */
}

/* There is always one descriptor at least, though it may be cut off. */
static uint32_t fitting_descs(uint32_t alloc_bytes)
{
	if (alloc_bytes < STATUS_HEADER_LEN + STATUS_DESC_LEN)
		return 1;
	return (alloc_bytes - STATUS_HEADER_LEN) / STATUS_DESC_LEN;
}

/*
 * REPORT TYPE: all LBAs.  The header comes last, as that of REPORT ZONES does.
 */
enum scsi_next scsi_get_lba_status(struct scsi_cmd *cmd)
{
	static const uint8_t no_header[STATUS_HEADER_LEN];
	uint64_t start_lba = be64_get(cmd->cdb + 2);
	uint32_t alloc = be32_get(cmd->cdb + 10);
	struct lba_status s = { .thin = cmd->unit->thin,
				.next_lba = start_lba,
				.max_listed = fitting_descs(alloc) };
	uint8_t head[STATUS_HEADER_LEN];
	struct iov_cur cur;

	if (start_lba >= cmd->unit->capacity_blocks)
		return scsi_fail_range(cmd, start_lba);
	if (cmd->cdb[14])
		return scsi_bad_cdb(cmd, 14, NO_BIT);
	data_in_start(&s.in, cmd, alloc);
	data_in_put(&s.in, no_header, sizeof(no_header));
	disk_each_zone(cmd->unit->disk, start_lba, put_zone, &s);

	build_header(&s, cmd->unit->capacity_blocks, head);
	cur = iov_start(cmd->iov, cmd->iov_cnt);
	iov_put(&cur, head, min_u64(sizeof(head), cmd->data_in_bytes));
	return data_in_end(&s.in);
}
