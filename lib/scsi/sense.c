// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Sense data: verdicts and errors in, bytes out. */
#include <assert.h>
#include <string.h>

#include "base/be.h"
#include "base/log.h"
#include "base/num.h"
#include "scsi/internal.h"

#define SKSV	0x80
#define SKS_CD	0x40 /* the field is in the CDB, not in the data */
#define SKS_BPV 0x08

static size_t build_fixed(const struct sense *s, uint8_t *buf)
{
	memset(buf, 0, SENSE_FIXED_LEN);
	buf[0] = 0x70 | s->deferred;
	if (s->has_info && s->info <= UINT32_MAX) {
		buf[0] |= 0x80; /* VALID */
		be32_put(buf + 3, (uint32_t)s->info);
	}
	buf[2] = (uint8_t)(s->code >> 16);
	buf[7] = SENSE_FIXED_LEN - 8;
	buf[12] = (uint8_t)(s->code >> 8);
	buf[13] = (uint8_t)s->code;
	memcpy(buf + 15, s->sks, 3);
	return SENSE_FIXED_LEN;
}

static size_t put_info(const struct sense *s, uint8_t *d)
{
	memset(d, 0, 12);
	d[1] = 10;
	d[2] = 0x80; /* VALID */
	be64_put(d + 4, s->info);
	return 12;
}

static size_t put_sks(const struct sense *s, uint8_t *d)
{
	memset(d, 0, 8);
	d[0] = 0x02;
	d[1] = 6;
	memcpy(d + 4, s->sks, 3);
	return 8;
}

static size_t build_descriptor(const struct sense *s, uint8_t *buf)
{
	size_t len = 8;

	memset(buf, 0, 8);
	buf[0] = 0x72 | s->deferred;
	buf[1] = (uint8_t)(s->code >> 16);
	buf[2] = (uint8_t)(s->code >> 8);
	buf[3] = (uint8_t)s->code;
	if (s->has_info)
		len += put_info(s, buf + len);
	if (s->sks[0] & SKSV)
		len += put_sks(s, buf + len);
	buf[7] = (uint8_t)(len - 8);
	return len;
}

size_t sense_build(const struct sense *sense, bool descriptor, uint8_t *buf)
{
	return descriptor ? build_descriptor(sense, buf)
			  : build_fixed(sense, buf);
}

/* An initiator's mistake is its own affair: logged for who debugs it. */
static enum scsi_next fail_with(struct scsi_cmd *cmd, const struct sense *s)
{
	cmd->status = SCSI_CHECK_CONDITION;
	cmd->data_in_bytes = 0;
	cmd->sense_len = sense_build(s, cmd->unit->d_sense, cmd->sense);
	zl_log(ZL_LOG_DEBUG, "%s: sense %X/%02X/%02X",
	       cmd->op ? cmd->op->name : "unknown command", s->code >> 16,
	       s->code >> 8 & 0xff, s->code & 0xff);
	return SCSI_DONE;
}

enum scsi_next scsi_fail(struct scsi_cmd *cmd, enum sense_code code)
{
	return fail_with(cmd, &(struct sense){ .code = code });
}

enum scsi_next scsi_fail_range(struct scsi_cmd *cmd, uint64_t lba)
{
	uint64_t capacity = cmd->unit->capacity_blocks;

	return fail_with(cmd,
			 &(struct sense){ .code = LBA_OUT_OF_RANGE,
					  .has_info = true,
					  .info = max_u64(lba, capacity) });
}

static enum scsi_next bad_field(struct scsi_cmd *cmd, enum sense_code code,
				uint8_t where, unsigned byte, int bit)
{
	struct sense s = { .code = code, .sks = { SKSV | where } };

	if (bit != NO_BIT)
		s.sks[0] |= (uint8_t)(SKS_BPV | bit);
	be16_put(s.sks + 1, (uint16_t)byte);
	return fail_with(cmd, &s);
}

enum scsi_next scsi_bad_cdb(struct scsi_cmd *cmd, unsigned byte, int bit)
{
	return bad_field(cmd, INVALID_FIELD_IN_CDB, SKS_CD, byte, bit);
}

enum scsi_next scsi_bad_param(struct scsi_cmd *cmd, unsigned byte, int bit)
{
	return bad_field(cmd, INVALID_FIELD_IN_PARAMETER_LIST, 0, byte, bit);
}

/* n/65536 of the disk. */
static uint16_t progress(const struct scsi_unit *u, uint64_t done)
{
	uint64_t all = u->capacity_blocks;

	for (; all >> 48; all >>= 1) /* the product has 64 bits */
		done >>= 1;
	return (uint16_t)min_u64(done * 65536 / all, UINT16_MAX);
}

bool sense_of_job(struct scsi_unit *unit, struct sense *sense)
{
	enum scsi_job_kind kind = unit->job.kind;

	if (kind == JOB_NONE)
		return false;
	*sense = (struct sense){ .code = kind == JOB_FORMAT
						 ? FORMAT_IN_PROGRESS
						 : SANITIZE_IN_PROGRESS,
				 .sks = { SKSV } };
	be16_put(sense->sks + 1, progress(unit, unit->job.lba));
	return true;
}

enum scsi_next scsi_fail_job(struct scsi_cmd *cmd)
{
	struct sense sense = { .code = FORMAT_IN_PROGRESS };

	/* It may be over by now; the initiator will try again. */
	sense_of_job(cmd->unit, &sense);
	return fail_with(cmd, &sense);
}

bool sense_of_self_test(struct scsi_unit *unit, struct sense *sense)
{
	if (!unit->self_test.running)
		return false;
	*sense = (struct sense){ .code = SELF_TEST_IN_PROGRESS,
				 .sks = { SKSV } };
	be16_put(sense->sks + 1, progress(unit, unit->self_test.lba));
	return true;
}

enum scsi_next scsi_fail_self_test(struct scsi_cmd *cmd)
{
	struct sense sense = { .code = SELF_TEST_IN_PROGRESS };

	sense_of_self_test(cmd->unit, &sense);
	return fail_with(cmd, &sense);
}

enum scsi_next scsi_fail_deferred(struct scsi_cmd *cmd)
{
	return fail_with(cmd, &(struct sense){ .code = FORMAT_COMMAND_FAILED,
					       .deferred = true });
}

static const enum sense_code verdict_code[] = {
	[ZV_UNALIGNED_WRITE] = UNALIGNED_WRITE_COMMAND,
	[ZV_WRITE_BOUNDARY] = WRITE_BOUNDARY_VIOLATION,
	[ZV_READ_INVALID] = ATTEMPT_TO_READ_INVALID_DATA,
	[ZV_READ_BOUNDARY] = READ_BOUNDARY_VIOLATION,
	[ZV_GAP] = ATTEMPT_TO_ACCESS_GAP_ZONE,
	[ZV_FULL] = INVALID_FIELD_IN_CDB,
	[ZV_ZONE_ID] = INVALID_FIELD_IN_CDB,
	[ZV_ZONE_COUNT] = INVALID_FIELD_IN_CDB,
	[ZV_READ_ONLY] = ZONE_IS_READ_ONLY,
	[ZV_OFFLINE] = ZONE_IS_OFFLINE,
	[ZV_INACTIVE] = ZONE_IS_INACTIVE,
	[ZV_NO_RESOURCES] = INSUFFICIENT_ZONE_RESOURCES,
	[ZV_DOMAIN] = INVALID_FIELD_IN_CDB,
};

/*
 * INFORMATION is left out but for an invalid LBA: nothing else of a refused
 * command requires it, and an LBA there would look to a host as if the blocks
 * before it had been transferred (sd.c's sd_completed_bytes()).
 */
static enum scsi_next refuse(struct scsi_cmd *cmd, enum zone_verdict verdict)
{
	switch (verdict) {
	case ZV_LBA_RANGE:
		return scsi_fail_range(cmd, cmd->io.lba);
	case ZV_ZONE_ID:
		if (cmd->io.op == DISK_UNMAP)
			return scsi_bad_param(cmd, 8 + 16 * (cmd->stage - 1),
					      NO_BIT);
		/* fall through */
	case ZV_FULL:
		return scsi_bad_cdb(cmd, cmd->lba_at, NO_BIT);
	case ZV_ZONE_COUNT:
		return scsi_bad_cdb(cmd, 12, NO_BIT);
	default:
		assert(verdict < ZL_ARRAY_SIZE(verdict_code) &&
		       verdict_code[verdict]);
		return scsi_fail(cmd, verdict_code[verdict]);
	}
}

/* Whether there is a block to name, and naming it says nothing wrong. */
static bool names_block(const struct disk_io *io)
{
	switch (io->op) {
	case DISK_SYNC:
	case DISK_SAVE:
	case DISK_CONTROL:
		return false;
	case DISK_ACTIVATE: /* with ALL the ZONE ID is ignored */
		return !io->activation->all;
	case DISK_READ:
		/*
		 * Hosts take the blocks before INFORMATION as transferred
		 * (sd.c's sd_completed_bytes()); but with an error the
		 * transport carries no data-in at all.
		 */
		return io->bad_lba == io->lba;
	default:
		return true;
	}
}

static enum scsi_next medium_error(struct scsi_cmd *cmd, enum sense_code code)
{
	return fail_with(cmd,
			 &(struct sense){ .code = code,
					  .has_info = names_block(&cmd->io),
					  .info = cmd->io.bad_lba });
}

/*
 * INFORMATION is the offset of the first byte that differs in the data-out
 * buffer (SBC-4, COMPARE AND WRITE).  VERIFY gives it likewise, as scsi_debug
 * does not; with one block for all, the offset is that in the blocks compared.
 */
static enum scsi_next miscompare(struct scsi_cmd *cmd)
{
	return fail_with(cmd, &(struct sense){ .code = MISCOMPARE_DURING_VERIFY,
					       .has_info = true,
					       .info = cmd->io.differs_at });
}

enum scsi_next scsi_fail_io(struct scsi_cmd *cmd)
{
	switch (cmd->io.status) {
	case DISK_REFUSED:
		return refuse(cmd, cmd->io.verdict);
	case DISK_READ_ERROR:
		return medium_error(cmd, UNRECOVERED_READ_ERROR);
	case DISK_WRITE_ERROR:
		return medium_error(cmd, WRITE_ERROR);
	case DISK_NO_SPACE:
		return scsi_fail(cmd, SPACE_ALLOCATION_FAILED_WRITE_PROTECT);
	case DISK_WRITE_PROTECT:
		return scsi_fail(cmd, WRITE_PROTECTED);
	case DISK_MISCOMPARE:
		return miscompare(cmd);
	case DISK_FENCED:
		return scsi_fail(cmd, TARGET_PORT_IN_UNAVAILABLE_STATE);
	case DISK_INTERNAL:
		/* It may pass: ABORTED COMMAND makes hosts try again, a few
		 * times; BUSY would make them try forever. */
		return scsi_fail(cmd, SYSTEM_RESOURCE_FAILURE);
	case DISK_BUSY:
		cmd->status = SCSI_BUSY;
		cmd->sense_len = 0;
		cmd->data_in_bytes = 0;
		return SCSI_DONE;
	case DISK_OK:
		break;
	}
	assert(!"a failed I/O");
	return scsi_fail(cmd, SYSTEM_RESOURCE_FAILURE);
}
