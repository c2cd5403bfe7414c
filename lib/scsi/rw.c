// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * READ, WRITE and SYNCHRONIZE CACHE (SBC-4).
 *
 * The standard does not order the checks of one command.  Here, as in
 * scsi_debug: range, maximum transfer length, write protection, the data-out
 * buffer's length; then, in the disk, the zones.
 */
#include "base/be.h"
#include "base/num.h"
#include "scsi/internal.h"

void scsi_decode_range(struct scsi_cmd *cmd)
{
	const uint8_t *cdb = cmd->cdb;

	cmd->lba_at = 2;
	switch (cmd->op->cdb_len) {
	case 6:
		/* The LBA's field begins in byte 1; 0 means 256 blocks. */
		cmd->lba_at = 1;
		cmd->nr_at = 4;
		cmd->lba = be24_get(cdb + 1) & 0x1fffff;
		cmd->nr_blocks = cdb[4] ? cdb[4] : 256;
		cmd->fua = false;
		return;
	case 10:
		cmd->nr_at = 7;
		cmd->lba = be32_get(cdb + 2);
		cmd->nr_blocks = be16_get(cdb + 7);
		break;
	case 12:
		cmd->nr_at = 6;
		cmd->lba = be32_get(cdb + 2);
		cmd->nr_blocks = be32_get(cdb + 6);
		break;
	default:
		cmd->nr_at = 10;
		cmd->lba = be64_get(cdb + 2);
		cmd->nr_blocks = be32_get(cdb + 10);
		break;
	}
	cmd->fua = cdb[1] & 0x08;
}

/*
 * The LBA behind the last is out of range only if there is something to
 * transfer, as in scsi_debug.
 */
bool scsi_range_ok(struct scsi_cmd *cmd)
{
	uint64_t capacity = cmd->unit->capacity_blocks;

	if (cmd->lba <= capacity && cmd->nr_blocks <= capacity - cmd->lba)
		return true;
	scsi_fail_range(cmd, cmd->lba);
	return false;
}

bool scsi_length_ok(struct scsi_cmd *cmd)
{
	uint32_t max = cmd->unit->max_xfer_blocks;

	if (!max || cmd->nr_blocks <= max)
		return true;
	scsi_bad_cdb(cmd, cmd->nr_at, NO_BIT);
	return false;
}

static uint64_t transfer_bytes(const struct scsi_cmd *cmd)
{
	return (uint64_t)cmd->nr_blocks * cmd->unit->block_bytes;
}

bool scsi_writable(struct scsi_cmd *cmd)
{
	if (!cmd->unit->swp)
		return true;
	scsi_fail(cmd, LOGICAL_UNIT_SOFTWARE_WRITE_PROTECTED);
	return false;
}

/*
 * A data-out buffer that is shorter than the transfer is an error of the
 * initiator's, and a zone must not be written in part.
 */
bool scsi_data_out_ok(struct scsi_cmd *cmd, uint64_t blocks)
{
	if (blocks * cmd->unit->block_bytes <= cmd->buf_bytes)
		return true;
	scsi_bad_cdb(cmd, cmd->nr_at, NO_BIT);
	return false;
}

bool scsi_data_out_exact(struct scsi_cmd *cmd, uint64_t blocks)
{
	if (blocks * cmd->unit->block_bytes == cmd->buf_bytes)
		return true;
	scsi_bad_cdb(cmd, cmd->nr_at, NO_BIT);
	return false;
}

void scsi_set_io(struct scsi_cmd *cmd, enum disk_op op)
{
	cmd->io.op = op;
	cmd->io.fua = cmd->fua || (op != DISK_READ && !cmd->unit->wce);
	cmd->io.lba = cmd->lba;
	cmd->io.nr_blocks = cmd->nr_blocks;
	cmd->io.iov = cmd->iov;
	cmd->io.iov_cnt = cmd->iov_cnt;
}

static bool transferred(struct scsi_cmd *cmd)
{
	cmd->data_in_bytes = min_u64(transfer_bytes(cmd), cmd->buf_bytes);
	return true;
}

/* A shorter buffer gets what fits; the disk checks the whole range. */
enum scsi_next scsi_read(struct scsi_cmd *cmd)
{
	scsi_decode_range(cmd);
	if (!scsi_range_ok(cmd) || !scsi_length_ok(cmd))
		return SCSI_DONE;
	if (!cmd->nr_blocks)
		return scsi_good(cmd);
	scsi_set_io(cmd, DISK_READ);
	return scsi_try(cmd, transferred);
}

enum scsi_next scsi_write(struct scsi_cmd *cmd)
{
	scsi_decode_range(cmd);
	if (!scsi_range_ok(cmd) || !scsi_length_ok(cmd))
		return SCSI_DONE;
	if (!scsi_writable(cmd) || !scsi_data_out_ok(cmd, cmd->nr_blocks))
		return SCSI_DONE;
	if (!cmd->nr_blocks)
		return scsi_good(cmd);
	scsi_set_io(cmd, DISK_WRITE);
	return scsi_try(cmd, NULL);
}

void scsi_rw_run(struct scsi_cmd *cmd)
{
	scsi_submit(cmd, cmd->then);
}

/*
 * The range is only checked: all that is dirty is synced, which is more than
 * asked for.  IMMED changes nothing: a status that comes only when all is done
 * is never too early.
 */
enum scsi_next scsi_sync_cache(struct scsi_cmd *cmd)
{
	scsi_decode_range(cmd);
	return scsi_range_ok(cmd) ? SCSI_RUN : SCSI_DONE;
}

void scsi_sync_run(struct scsi_cmd *cmd)
{
	scsi_submit_sync(cmd, NULL);
}
