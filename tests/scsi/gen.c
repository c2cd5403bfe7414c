// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
#include <string.h>

#include "base/be.h"
#include "scsi/gen.h"

#define VARIABLE_LENGTH 0x7f

void gen_fixed(const struct scsi_op *op, uint8_t cdb[SCSI_CDB_MAX])
{
	memset(cdb, 0, SCSI_CDB_MAX);
	cdb[0] = op->usage[0];
	if (op->sa == NO_SA)
		return;
	if (cdb[0] != VARIABLE_LENGTH) {
		cdb[1] = (uint8_t)op->sa;
		return;
	}
	cdb[7] = (uint8_t)(op->cdb_len - 8);
	be16_put(cdb + 8, (uint16_t)op->sa);
}

/* Bits of a byte that can be chosen: the service action has its value. */
static uint8_t free_bits(const struct scsi_op *op, unsigned byte)
{
	if (op->sa == NO_SA)
		return op->usage[byte];
	if (op->usage[0] == VARIABLE_LENGTH)
		return byte >= 7 && byte < 10 ? 0 : op->usage[byte];
	return byte == 1 ? op->usage[byte] & 0xe0 : op->usage[byte];
}

void gen_bits(const struct scsi_op *op, uint8_t cdb[SCSI_CDB_MAX],
	      uint8_t (*next)(void *from), void *from)
{
	gen_fixed(op, cdb);
	/* A service action's byte has nothing to ask for, mostly. */
	for (unsigned i = 1; i < op->cdb_len; i++)
		if (i > 1 || op->sa == NO_SA || free_bits(op, i))
			cdb[i] |= next(from) & free_bits(op, i);
}

bool gen_has_lba(const struct scsi_op *op)
{
	switch (op->cdb_len) {
	case 6:
		return op->usage[1] == 0x1f;
	case 10:
	case 12:
		return op->usage[2] == 0xff && op->usage[5] == 0xff;
	case 16:
		return op->usage[2] == 0xff && op->usage[9] == 0xff;
	default:
		return op->usage[12] == 0xff;
	}
}

void gen_put_lba(const struct scsi_op *op, uint8_t *cdb, uint64_t lba)
{
	switch (op->cdb_len) {
	case 6:
		be24_put(cdb + 1, (uint32_t)lba & 0x1fffff);
		break;
	case 10:
	case 12:
		be32_put(cdb + 2, (uint32_t)lba);
		break;
	case 16:
		be64_put(cdb + 2, lba);
		break;
	default:
		be64_put(cdb + 12, lba);
		break;
	}
}

/* ZONE ACTIVATE and ZONE QUERY: as many zones as realms have, and a domain; the
 * allocation length stays. */
static bool put_activation(const struct scsi_op *op, uint8_t *cdb, uint32_t nr)
{
	nr = nr / 8 % 8;
	if (op->usage[0] == 0x95 && op->sa >= 8) {
		be16_put(cdb + 10, (uint16_t)nr);
		cdb[14] &= 0x01;
	} else if (op->usage[0] == VARIABLE_LENGTH) {
		be32_put(cdb + 20, nr);
		cdb[11] &= 0x01;
	} else {
		return false;
	}
	return true;
}

void gen_put_blocks(const struct scsi_op *op, uint8_t *cdb, uint32_t nr)
{
	if (put_activation(op, cdb, nr))
		return;
	switch (op->cdb_len) {
	case 6:
		cdb[4] = (uint8_t)nr;
		break;
	case 10:
		be16_put(cdb + 7, (uint16_t)nr);
		break;
	case 12:
		be32_put(cdb + 6, nr);
		break;
	case 16:
		/* COMPARE AND WRITE has a single byte. */
		if (op->usage[10])
			be32_put(cdb + 10, nr);
		else
			cdb[13] = (uint8_t)nr & op->usage[13];
		break;
	default:
		be32_put(cdb + 28, nr);
		break;
	}
}

unsigned gen_plain_ops(void)
{
	unsigned nr = 0;

	for (unsigned i = 0; i < scsi_op_count; i++)
		nr += !(scsi_op_table[i].flags & OP_REALMS);
	return nr;
}

const struct scsi_op *gen_plain_op(unsigned n)
{
	const struct scsi_op *op = scsi_op_table;

	for (;; op++)
		if (!(op->flags & OP_REALMS) && !n--)
			return op;
}
