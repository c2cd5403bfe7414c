// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* From a CDB to what its row does. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/be.h"
#include "scsi/internal.h"

/* A 32-byte CDB has its service action elsewhere (SPC-5 4.2.3). */
#define VARIABLE_LENGTH_CDB 0x7f
#define SANITIZE	    0x48

static int cdb_sa(const struct scsi_cmd *cmd)
{
	if (cmd->cdb[0] == VARIABLE_LENGTH_CDB)
		return cmd->cdb_len >= 10 ? be16_get(cmd->cdb + 8) : 0;
	return cmd->cdb_len >= 2 ? cmd->cdb[1] & 0x1f : 0;
}

/* Bits of a byte that may be set, those of the service action included. */
static uint8_t allowed_bits(const struct scsi_cmd *cmd, unsigned byte)
{
	const struct scsi_op *op = cmd->op;
	uint8_t usage = scsi_op_usage(cmd->unit, op, byte);

	if (op->sa == NO_SA)
		return usage;
	if (op->usage[0] == VARIABLE_LENGTH_CDB)
		return byte == 8 || byte == 9 ? 0xff : usage;
	return byte == 1 ? usage | 0x1f : usage;
}

/* Whether no bit is set that the row's usage data does not have: all at once,
 * for what is nearly always so.  allowed_bits() allows no less, but where bits
 * need thin provisioning. */
static bool is_within_usage(const struct scsi_cmd *cmd)
{
	uint64_t cdb[2] = { 0 }, usage[2];

	if (cmd->op->thin)
		return false;
	/* Lengths that the compiler knows take no call. */
	if (cmd->op->cdb_len == 16)
		memcpy(cdb, cmd->cdb, 16);
	else if (cmd->op->cdb_len == 10)
		memcpy(cdb, cmd->cdb, 10);
	else
		return false;
	memcpy(usage, cmd->op->usage, sizeof(usage));
	return !((cdb[0] & ~usage[0]) | (cdb[1] & ~usage[1]));
}

/* The check of every bit that must be 0. */
static bool cdb_ok(struct scsi_cmd *cmd)
{
	const struct scsi_op *op = cmd->op;
	uint8_t bad;

	if (cmd->cdb_len < op->cdb_len) {
		scsi_bad_cdb(cmd, (unsigned)cmd->cdb_len, NO_BIT);
		return false;
	}
	if (is_within_usage(cmd))
		return true;
	for (unsigned i = 1; i < op->cdb_len; i++) {
		bad = cmd->cdb[i] & (uint8_t)~allowed_bits(cmd, i);
		if (bad) {
			scsi_bad_cdb(cmd, i, top_bit(bad));
			return false;
		}
	}
	return true;
}

static enum scsi_next no_such_command(struct scsi_cmd *cmd, bool opcode_known)
{
	if (!opcode_known)
		return scsi_fail(cmd, INVALID_COMMAND_OPERATION_CODE);
	if (cmd->cdb[0] == VARIABLE_LENGTH_CDB)
		return scsi_bad_cdb(cmd, 8, NO_BIT);
	return scsi_bad_cdb(cmd, 1, 4);
}

static bool is_allowed_in_sanitize(const struct scsi_cmd *cmd)
{
	const struct scsi_op *op = cmd->op;

	return op->flags & OP_SANITIZE ||
	       (op->in_sanitize && op->in_sanitize(cmd->cdb));
}

static bool is_allowed_in_job(const struct scsi_cmd *cmd)
{
	if (cmd->unit->job.kind == JOB_SANITIZE)
		return is_allowed_in_sanitize(cmd);
	return cmd->op->flags & OP_ALWAYS;
}

static bool is_allowed_after_failure(const struct scsi_cmd *cmd)
{
	return cmd->op->usage[0] == SANITIZE || is_allowed_in_sanitize(cmd);
}

static enum scsi_next begin(struct scsi_cmd *cmd)
{
	struct scsi_unit *unit = cmd->unit;
	bool opcode_known = false;

	if (!cmd->cdb_len)
		return scsi_fail(cmd, INVALID_COMMAND_OPERATION_CODE);
	cmd->op = scsi_op_find(unit, cmd->cdb[0], cdb_sa(cmd), &opcode_known);
	if (!cmd->op)
		return no_such_command(cmd, opcode_known);
	if (!cdb_ok(cmd))
		return SCSI_DONE;
	if (unit->fenced && !(cmd->op->flags & OP_ALWAYS))
		return scsi_fail(cmd, TARGET_PORT_IN_UNAVAILABLE_STATE);
	if (unit->attention && !(cmd->op->flags & OP_ALWAYS) &&
	    scsi_take_attention(unit))
		return scsi_fail(cmd, POWER_ON_OCCURRED);
	if (unit->job.kind != JOB_NONE && !is_allowed_in_job(cmd))
		return scsi_fail_job(cmd);
	if (unit->self_test.foreground && !(cmd->op->flags & OP_ALWAYS))
		return scsi_fail_self_test(cmd);
	if (unit->format_failed && !(cmd->op->flags & OP_ALWAYS) &&
	    atomic_exchange(&unit->format_failed, false))
		return scsi_fail_deferred(cmd);
	if (unit->sanitize_failed && !is_allowed_after_failure(cmd))
		return scsi_fail(cmd, SANITIZE_COMMAND_FAILED);
	if (unit->stopped && !(cmd->op->flags & OP_STOPPED))
		return scsi_fail(cmd, INITIALIZING_COMMAND_REQUIRED);
	return cmd->op->begin(cmd);
}

enum scsi_next scsi_begin(struct scsi_unit *unit, struct scsi_cmd *cmd)
{
	cmd->unit = unit;
	cmd->op = NULL;
	cmd->buf_bytes = iov_bytes(cmd->iov, cmd->iov_cnt);
	cmd->status = SCSI_GOOD;
	cmd->sense_len = 0;
	cmd->data_in_bytes = 0;
	cmd->mem = NULL;
	cmd->stage = 0;
	cmd->fua = false;
	disk_io_new(&cmd->io);
	cmd->io.goes_on = false;
	cmd->io.undivided = false;
	cmd->io.is_last = NULL;
	cmd->power_ons = unit->power_ons;
	if (!unit->used)
		unit->used = true;
	if (begin(cmd) == SCSI_RUN)
		return SCSI_RUN;
	if (cmd->mem)
		free(cmd->mem);
	scsi_zero_rest(cmd);
	return SCSI_DONE;
}

void scsi_run(struct scsi_cmd *cmd)
{
	assert(cmd->op && cmd->op->run);
	cmd->op->run(cmd);
}

void scsi_drop(struct scsi_cmd *cmd)
{
	if (cmd->op->run == scsi_job_run)
		scsi_job_drop(cmd->unit);
	if (cmd->op->run == scsi_self_test_run)
		scsi_self_test_drop(cmd->unit);
	free(cmd->mem);
}
