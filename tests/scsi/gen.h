/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * CDBs from the command table, for everybody who sends random ones: what has a
 * row there is sent by all of them.
 */
#ifndef ZL_TESTS_SCSI_GEN_H
#define ZL_TESTS_SCSI_GEN_H

#include "scsi/internal.h"

/* Operation code, service action and what belongs to them; the rest is 0. */
void gen_fixed(const struct scsi_op *op, uint8_t cdb[SCSI_CDB_MAX]);

/* The same, and every bit that the row evaluates from next(). */
void gen_bits(const struct scsi_op *op, uint8_t cdb[SCSI_CDB_MAX],
	      uint8_t (*next)(void *from), void *from);

/* Whether there is an LBA or a ZONE ID in the usual place. */
bool gen_has_lba(const struct scsi_op *op);
/* They and the number of blocks, cut to what their fields can say. */
void gen_put_lba(const struct scsi_op *op, uint8_t *cdb, uint64_t lba);
void gen_put_blocks(const struct scsi_op *op, uint8_t *cdb, uint32_t nr);

/* The rows of a disk without realms: how many there are, and the nth. */
unsigned gen_plain_ops(void);
const struct scsi_op *gen_plain_op(unsigned n);

#endif
