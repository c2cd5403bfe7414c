/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * Sense data (SPC-5 clause 4.4).  The only place that knows which sense key and
 * additional sense code belong to what.
 *
 * A function of this file ends a command: it sets CHECK CONDITION and the sense
 * data, in the format that D_SENSE selects, and returns false or SCSI_DONE, so
 * that whoever decodes can end with "return scsi_bad_cdb(…)".
 */
#ifndef ZL_SCSI_SENSE_H
#define ZL_SCSI_SENSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scsi/scsi.h"

/* Sense key, additional sense code and its qualifier as KAAQQh. */
enum sense_code {
	NO_SENSE = 0x00000,
	INITIALIZING_COMMAND_REQUIRED = 0x20402,
	TARGET_PORT_IN_UNAVAILABLE_STATE = 0x2040c,
	FORMAT_IN_PROGRESS = 0x20404,
	SELF_TEST_IN_PROGRESS = 0x20409,
	SANITIZE_IN_PROGRESS = 0x2041b,
	WRITE_ERROR = 0x30c00,
	UNRECOVERED_READ_ERROR = 0x31100,
	FORMAT_COMMAND_FAILED = 0x33101,
	SANITIZE_COMMAND_FAILED = 0x33103,
	LOGICAL_UNIT_FAILED_SELF_TEST = 0x43e03,
	PARAMETER_LIST_LENGTH_ERROR = 0x51a00,
	INVALID_COMMAND_OPERATION_CODE = 0x52000,
	LBA_OUT_OF_RANGE = 0x52100,
	UNALIGNED_WRITE_COMMAND = 0x52104,
	WRITE_BOUNDARY_VIOLATION = 0x52105,
	ATTEMPT_TO_READ_INVALID_DATA = 0x52106,
	READ_BOUNDARY_VIOLATION = 0x52107,
	ATTEMPT_TO_ACCESS_GAP_ZONE = 0x52109,
	INVALID_FIELD_IN_CDB = 0x52400,
	INVALID_FIELD_IN_PARAMETER_LIST = 0x52600,
	POWER_ON_OCCURRED = 0x62901,
	WRITE_PROTECTED = 0x72700,
	LOGICAL_UNIT_SOFTWARE_WRITE_PROTECTED = 0x72702,
	SPACE_ALLOCATION_FAILED_WRITE_PROTECT = 0x72707,
	ZONE_IS_READ_ONLY = 0x72708,
	ZONE_IS_OFFLINE = 0x72c0e,
	ZONE_IS_INACTIVE = 0x72c12,
	INSUFFICIENT_ZONE_RESOURCES = 0x7550e,
	SYSTEM_RESOURCE_FAILURE = 0xb5500,
	MISCOMPARE_DURING_VERIFY = 0xe1d00,
};

struct sense {
	enum sense_code code;
	bool deferred; /* about a command that has been answered GOOD */
	bool has_info;
	uint64_t info;	/* INFORMATION */
	uint8_t sks[3]; /* SENSE KEY SPECIFIC; bit 7 of byte 0: SKSV */
};

#define SENSE_FIXED_LEN 18

/*
 * Writes sense data to @buf (SCSI_SENSE_MAX bytes) in descriptor or
 * fixed format and returns its length.  INFORMATION that does not fit the fixed
 * format is left out (VALID=0).
 */
size_t sense_build(const struct sense *sense, bool descriptor, uint8_t *buf);

/* No bit pointer: the field is whole bytes. */
#define NO_BIT (-1)

/* Sense data with nothing but the code. */
enum scsi_next scsi_fail(struct scsi_cmd *cmd, enum sense_code code);

/* LOGICAL BLOCK ADDRESS OUT OF RANGE: @lba, or the first one of those that
 * begin there that is, is INFORMATION (SBC-4 4.18.1). */
enum scsi_next scsi_fail_range(struct scsi_cmd *cmd, uint64_t lba);

/* INVALID FIELD IN CDB: the field whose first byte is @byte and, unless NO_BIT,
 * whose left-most bit is @bit. */
enum scsi_next scsi_bad_cdb(struct scsi_cmd *cmd, unsigned byte, int bit);

/* INVALID FIELD IN PARAMETER LIST: likewise in the data-out buffer. */
enum scsi_next scsi_bad_param(struct scsi_cmd *cmd, unsigned byte, int bit);

/* The job that is under way, if any: false, or its sense data. */
bool sense_of_job(struct scsi_unit *unit, struct sense *sense);
/* … as the end of a command. */
enum scsi_next scsi_fail_job(struct scsi_cmd *cmd);
/* The same of a self-test. */
bool sense_of_self_test(struct scsi_unit *unit, struct sense *sense);
enum scsi_next scsi_fail_self_test(struct scsi_cmd *cmd);

/* Ends a command that is not carried out: an earlier FORMAT UNIT with IMMED has
 * failed. */
enum scsi_next scsi_fail_deferred(struct scsi_cmd *cmd);

/* What the disk said of cmd->io.  Not for DISK_OK. */
enum scsi_next scsi_fail_io(struct scsi_cmd *cmd);

#endif
