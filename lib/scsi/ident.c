// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Small commands about the unit: who it is (SPC-5). */
#include <string.h>

#include "base/be.h"
#include "scsi/internal.h"

/* READ MEDIA SERIAL NUMBER: medium and unit are one. */
enum scsi_next scsi_media_serial(struct scsi_cmd *cmd)
{
	uint8_t data[4 + DISK_SERIAL_LEN] = { 0 };

	be32_put(data, DISK_SERIAL_LEN);
	memcpy(data + 4, disk_meta(cmd->unit->disk)->serial, DISK_SERIAL_LEN);
	return data_in_all(cmd, be32_get(cmd->cdb + 6), data, sizeof(data));
}

/*
 * REPORT IDENTIFYING INFORMATION: none is stored, none can be set.  ITYPE 0:
 * the information, 7Fh: the types there are.
 */
enum scsi_next scsi_report_ident(struct scsi_cmd *cmd)
{
	uint8_t itype = cmd->cdb[10] >> 1;
	uint8_t data[8] = { 0 };

	if (itype == 0x7f)
		data[3] = 4; /* one descriptor: type 0, up to 0 bytes */
	else if (itype)
		return scsi_bad_cdb(cmd, 10, 7);
	return data_in_all(cmd, be32_get(cmd->cdb + 6), data,
			   itype ? sizeof(data) : 4);
}

/*
 * REPORT LUNS.  Linux's target answers it itself; alone, there is LUN 0.
 * SELECT REPORT: 00h and 02h list it, 01h the well known units, which are none.
 */
enum scsi_next scsi_report_luns(struct scsi_cmd *cmd)
{
	uint32_t alloc = be32_get(cmd->cdb + 6);
	uint8_t select = cmd->cdb[2];
	uint8_t data[16] = { 0 };

	if (select > 2)
		return scsi_bad_cdb(cmd, 2, NO_BIT);
	if (alloc < 16)
		return scsi_bad_cdb(cmd, 6, NO_BIT);
	data[3] = select == 1 ? 0 : 8;
	return data_in_all(cmd, alloc, data, 8u + data[3]);
}
