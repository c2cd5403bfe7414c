// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* A command's I/Os, and what the initiator is told in the end. */
#include <stdlib.h>

#include "scsi/internal.h"

/*
 * The transport may hand back the whole buffer whatever data_in_bytes says, and
 * the buffer may hold what another command left there.  It does not say which
 * way the data goes: what the CDB takes for data-out may be handed back, too.
 */
void scsi_zero_rest(struct scsi_cmd *cmd)
{
	struct iov_cur cur;

	if (cmd->data_in_bytes == cmd->buf_bytes)
		return;
	cur = iov_start(cmd->iov, cmd->iov_cnt);
	if (cmd->data_in_bytes)
		iov_skip(&cur, cmd->data_in_bytes);
	iov_zero(&cur, cmd->buf_bytes - cmd->data_in_bytes);
}

enum scsi_next scsi_good(struct scsi_cmd *cmd)
{
	cmd->status = SCSI_GOOD;
	cmd->sense_len = 0;
	return SCSI_DONE;
}

void scsi_finish(struct scsi_cmd *cmd)
{
	disk_answered(cmd->unit->disk, &cmd->io);
	free(cmd->mem);
	scsi_zero_rest(cmd);
	cmd->done(cmd);
}

/* False: the command goes on with another I/O. */
static bool io_over(struct scsi_cmd *cmd)
{
	if (cmd->io.status == DISK_OK)
		return !cmd->then || cmd->then(cmd);
	scsi_fail_io(cmd);
	return true;
}

/* The write cache was switched off while the command was under way. */
static bool left_in_cache(const struct scsi_cmd *cmd)
{
	switch (cmd->io.op) {
	case DISK_READ:
	case DISK_COMPARE:
	case DISK_SYNC:
	case DISK_SAVE:
	case DISK_ACTIVATE:
	case DISK_CONTROL:
		return false;
	default:
		return !cmd->io.fua && !cmd->unit->wce;
	}
}

/*
 * The power has failed since the command came, and may have taken back what it
 * is to make durable, or the parameters that it is to save.
 */
static bool is_late(const struct scsi_cmd *cmd)
{
	return (cmd->io.op == DISK_SYNC || cmd->io.op == DISK_SAVE ||
		cmd->io.op == DISK_CONTROL) &&
	       cmd->power_ons != cmd->unit->power_ons;
}

static bool is_last(struct disk_io *io)
{
	struct scsi_cmd *cmd = io->user;

	cmd->to_sync = left_in_cache(cmd);
	return !cmd->to_sync && !cmd->then;
}

static void io_done(struct disk_io *io)
{
	struct scsi_cmd *cmd = io->user;

	io->goes_on = io->undivided = true;
	if (io->op == DISK_COMPARE)
		scsi_count_verify(cmd->unit, io);
	if (io->status == DISK_OK && is_late(cmd)) {
		scsi_fail(cmd, POWER_ON_OCCURRED);
		scsi_finish(cmd);
		return;
	}
	if (io->status == DISK_OK && cmd->to_sync)
		scsi_submit_sync(cmd, cmd->then);
	else if (io_over(cmd))
		scsi_finish(cmd);
}

enum scsi_next scsi_try(struct scsi_cmd *cmd,
			bool (*then)(struct scsi_cmd *cmd))
{
	cmd->then = then;
	if (!disk_try(cmd->unit->disk, &cmd->io))
		return SCSI_RUN;
	io_over(cmd);
	return SCSI_DONE;
}

void scsi_answered(struct scsi_cmd *cmd)
{
	disk_answered(cmd->unit->disk, &cmd->io);
}

void scsi_submit(struct scsi_cmd *cmd, bool (*then)(struct scsi_cmd *cmd))
{
	cmd->then = then;
	cmd->io.done = io_done;
	cmd->io.is_last = is_last;
	cmd->io.user = cmd;
	disk_submit(cmd->unit->disk, &cmd->io);
}

void scsi_submit_sync(struct scsi_cmd *cmd, bool (*then)(struct scsi_cmd *cmd))
{
	cmd->io.op = DISK_SYNC;
	cmd->io.lba = 0;
	cmd->io.nr_blocks = 0;
	scsi_submit(cmd, then);
}
