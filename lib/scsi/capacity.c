// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* READ CAPACITY(10) and (16): SBC-4 5.20, 5.21. */
#include "base/be.h"
#include "base/num.h"
#include "scsi/internal.h"

/* RETURNED LOGICAL BLOCK ADDRESS is the last of the whole disk; 0: of the
 * zones at its start that are not sequential write required ones, or, with
 * realms, of the first domain. */
#define RC_BASIS_WHOLE_DISK 0x1

/* Whether it is for what is at its start only: an ordinary disk has nothing
 * else. */
static bool tells_start(const struct scsi_unit *unit)
{
	const struct disk_meta *meta = disk_meta(unit->disk);

	return meta->rc_conv || (unit->realms && !meta->device_type);
}

uint64_t scsi_told_blocks(const struct scsi_unit *unit)
{
	const struct zone_geo *geo = disk_geo(unit->disk);

	if (!tells_start(unit))
		return unit->capacity_blocks;
	if (unit->realms)
		return (uint64_t)zone_domain_slots(&geo->domains.d[0]) *
		       geo->zone_blocks;
	return (uint64_t)zone_geo_first_wp(geo) * geo->zone_blocks;
}

static uint64_t returned_lba(const struct scsi_unit *unit)
{
	return scsi_told_blocks(unit) - 1;
}

/*
 * The 10-byte form has no RC_BASIS.  It answers as the 16-byte form does: two
 * capacities of one disk would only confuse hosts.
 */
enum scsi_next scsi_read_capacity_10(struct scsi_cmd *cmd)
{
	const struct scsi_unit *unit = cmd->unit;
	uint8_t data[8];

	be32_put(data, (uint32_t)min_u64(returned_lba(unit), UINT32_MAX));
	be32_put(data + 4, unit->block_bytes);
	return data_in_all(cmd, sizeof(data), data, sizeof(data));
}

enum scsi_next scsi_read_capacity_16(struct scsi_cmd *cmd)
{
	const struct scsi_unit *unit = cmd->unit;
	uint8_t data[32] = { 0 };

	be64_put(data, returned_lba(unit));
	be32_put(data + 8, unit->block_bytes);
	/* The field is zoned devices' of type 14h; without sequential write
	 * required zones both values mean the same. */
	if (!tells_start(unit) && !disk_meta(unit->disk)->host_aware)
		data[12] = RC_BASIS_WHOLE_DISK << 4;
	/* LOGICAL BLOCKS PER PHYSICAL BLOCK EXPONENT; the first logical block
	 * is aligned. */
	data[13] = (uint8_t)__builtin_ctz(unit->phys_blocks);
	if (unit->thin)
		data[14] = 0x80 | 0x40; /* LBPME, LBPRZ */
	return data_in_all(cmd, be32_get(cmd->cdb + 10), data, sizeof(data));
}
