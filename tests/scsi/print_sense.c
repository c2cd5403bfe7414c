// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Sense data in hexadecimal, for other people's decoders: each line has the
 * name of a code, its sense key, and the bytes, in fixed and descriptor format.
 */
#include <stdio.h>

#include "base/num.h"
#include "scsi/internal.h"

#define CODE(name)          \
	{                   \
#name, name \
	}

static const struct {
	const char *name;
	enum sense_code code;
} codes[] = {
	CODE(INITIALIZING_COMMAND_REQUIRED),
	CODE(FORMAT_IN_PROGRESS),
	CODE(SANITIZE_IN_PROGRESS),
	CODE(WRITE_ERROR),
	CODE(UNRECOVERED_READ_ERROR),
	CODE(FORMAT_COMMAND_FAILED),
	CODE(SANITIZE_COMMAND_FAILED),
	CODE(PARAMETER_LIST_LENGTH_ERROR),
	CODE(INVALID_COMMAND_OPERATION_CODE),
	CODE(LBA_OUT_OF_RANGE),
	CODE(UNALIGNED_WRITE_COMMAND),
	CODE(WRITE_BOUNDARY_VIOLATION),
	CODE(ATTEMPT_TO_READ_INVALID_DATA),
	CODE(READ_BOUNDARY_VIOLATION),
	CODE(ATTEMPT_TO_ACCESS_GAP_ZONE),
	CODE(INVALID_FIELD_IN_CDB),
	CODE(INVALID_FIELD_IN_PARAMETER_LIST),
	CODE(POWER_ON_OCCURRED),
	CODE(WRITE_PROTECTED),
	CODE(LOGICAL_UNIT_SOFTWARE_WRITE_PROTECTED),
	CODE(SPACE_ALLOCATION_FAILED_WRITE_PROTECT),
	CODE(ZONE_IS_READ_ONLY),
	CODE(ZONE_IS_OFFLINE),
	CODE(ZONE_IS_INACTIVE),
	CODE(INSUFFICIENT_ZONE_RESOURCES),
	CODE(SYSTEM_RESOURCE_FAILURE),
	CODE(MISCOMPARE_DURING_VERIFY),
};

static const char *const keys[16] = {
	[0x2] = "NOT_READY",	   [0x3] = "MEDIUM_ERROR",
	[0x5] = "ILLEGAL_REQUEST", [0x6] = "UNIT_ATTENTION",
	[0x7] = "DATA_PROTECT",	   [0xb] = "ABORTED_COMMAND",
	[0xe] = "MISCOMPARE",
};

/* With INFORMATION 11223344h, and for ILLEGAL REQUEST bit 3 of byte 10. */
static void print(const char *name, enum sense_code code, bool descriptor)
{
	struct sense sense = { .code = code,
			       .has_info = true,
			       .info = 0x11223344 };
	uint8_t buf[SCSI_SENSE_MAX];
	size_t len;

	if (code >> 16 == 0x5) {
		sense.sks[0] = 0x80 | 0x40 | 0x08 | 3;
		sense.sks[2] = 10;
	}
	len = sense_build(&sense, descriptor, buf);
	printf("%s %s", name, keys[code >> 16]);
	for (size_t i = 0; i < len; i++)
		printf(" %02x", buf[i]);
	putchar('\n');
}

int main(void)
{
	for (size_t i = 0; i < ZL_ARRAY_SIZE(codes); i++) {
		print(codes[i].name, codes[i].code, false);
		print(codes[i].name, codes[i].code, true);
	}
	return 0;
}
