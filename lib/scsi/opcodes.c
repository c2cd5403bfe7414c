// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * REPORT SUPPORTED OPERATION CODES and REPORT SUPPORTED TASK MANAGEMENT
 * FUNCTIONS (SPC-5 6.34, 6.35).
 */
#include <string.h>

#include "base/be.h"
#include "scsi/internal.h"

#define TIMEOUTS_LEN 12 /* command timeouts descriptor */

/* SUPPORT field */
#define NOT_SUPPORTED	   0x1
#define SUPPORTED_STANDARD 0x3

static void put_timeouts(struct data_in *in, const struct scsi_op *op)
{
	uint8_t d[TIMEOUTS_LEN] = { 0 };

	be16_put(d, TIMEOUTS_LEN - 2);
	be32_put(d + 8, op->timeout_s);
	data_in_put(in, d, sizeof(d));
}

static void put_command(struct data_in *in, const struct scsi_op *op, bool rctd)
{
	uint8_t d[8] = { op->usage[0] };

	if (op->sa != NO_SA) {
		be16_put(d + 2, (uint16_t)op->sa);
		d[5] |= 0x01; /* SERVACTV */
	}
	if (rctd)
		d[5] |= 0x02; /* CTDP */
	be16_put(d + 6, op->cdb_len);
	data_in_put(in, d, sizeof(d));
	if (rctd)
		put_timeouts(in, op);
}

static uint32_t count_commands(const struct scsi_unit *unit)
{
	uint32_t nr = 0;

	for (unsigned i = 0; i < scsi_op_count; i++)
		nr += scsi_op_there(unit, &scsi_op_table[i]);
	return nr;
}

static enum scsi_next all_commands(struct scsi_cmd *cmd, uint32_t alloc,
				   bool rctd)
{
	uint32_t each = rctd ? 8 + TIMEOUTS_LEN : 8;
	struct data_in in;
	uint8_t head[4];

	data_in_start(&in, cmd, alloc);
	be32_put(head, count_commands(cmd->unit) * each);
	data_in_put(&in, head, sizeof(head));
	for (unsigned i = 0; i < scsi_op_count; i++)
		if (scsi_op_there(cmd->unit, &scsi_op_table[i]))
			put_command(&in, &scsi_op_table[i], rctd);
	return data_in_end(&in);
}

/* @op is NULL for a command that is not supported. */
static enum scsi_next one_command(struct scsi_cmd *cmd, uint32_t alloc,
				  const struct scsi_op *op, bool rctd)
{
	uint8_t head[4] = { 0, NOT_SUPPORTED }, usage[SCSI_CDB_MAX];
	struct data_in in;

	data_in_start(&in, cmd, alloc);
	if (op) {
		head[1] = SUPPORTED_STANDARD;
		if (rctd)
			head[1] |= 0x80; /* CTDP */
		be16_put(head + 2, op->cdb_len);
	}
	data_in_put(&in, head, sizeof(head));
	if (op) {
		for (unsigned i = 0; i < op->cdb_len; i++)
			usage[i] = scsi_op_usage(cmd->unit, op, i);
		data_in_put(&in, usage, op->cdb_len);
		if (rctd)
			put_timeouts(&in, op);
	}
	return data_in_end(&in);
}

/*
 * The field pointers for a form that does not fit the operation code are
 * scsi_debug's: the standard does not say which field is to blame.
 */
enum scsi_next scsi_report_opcodes(struct scsi_cmd *cmd)
{
	const uint8_t *cdb = cmd->cdb;
	bool rctd = cdb[2] & 0x80;
	uint8_t opcode = cdb[3];
	uint16_t sa = be16_get(cdb + 4);
	uint32_t alloc = be32_get(cdb + 6);
	const struct scsi_op *first = scsi_op_first(cmd->unit, opcode);
	bool has_sa = first && first->sa != NO_SA;
	bool known;

	switch (cdb[2] & 0x07) {
	case 0:
		return all_commands(cmd, alloc, rctd);
	case 1: /* the operation code alone */
		if (has_sa)
			return scsi_bad_cdb(cmd, 2, 2);
		return one_command(cmd, alloc, first, rctd);
	case 2: /* the operation code with a service action */
		if (first && !has_sa)
			return scsi_bad_cdb(cmd, 4, NO_BIT);
		break;
	case 3: /* either: the service action is 0 where there is none */
		if (first && !has_sa && sa)
			return one_command(cmd, alloc, NULL, rctd);
		break;
	default:
		return scsi_bad_cdb(cmd, 2, 2);
	}
	return one_command(cmd, alloc,
			   scsi_op_find(cmd->unit, opcode, sa, &known), rctd);
}

/*
 * Task management is the target's, not the disk's.  Linux's target carries out
 * ABORT TASK and LOGICAL UNIT RESET, and answers "not supported" to ABORT TASK
 * SET, CLEAR TASK SET and CLEAR ACA (target_tmr_work() in
 * drivers/target/target_core_transport.c).
 */
enum scsi_next scsi_report_tmfs(struct scsi_cmd *cmd)
{
	uint32_t alloc = be32_get(cmd->cdb + 6);
	bool extended = cmd->cdb[2] & 0x80; /* REPD */
	uint8_t data[16] = { 0x80 | 0x08 }; /* ATS, LURS */

	/* SPC-5 demands room for the shortest answer. */
	if (alloc < 4)
		return scsi_bad_cdb(cmd, 6, NO_BIT);
	if (extended)
		data[3] = 12; /* no timeouts given */
	return data_in_all(cmd, alloc, data, extended ? 16 : 4);
}
