// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * The commands.  Dispatch, the check of reserved bits and REPORT SUPPORTED
 * OPERATION CODES all come from this table.
 *
 * Decisions that hold for many rows:
 * - CONTROL is 0: NACA is not supported (NORMACA=0 in INQUIRY), the rest is
 *   reserved or vendor specific.
 * - RDPROTECT, WRPROTECT and the like are 0: no protection information, so any
 *   other value is INVALID FIELD IN CDB (SBC-4 tables "RDPROTECT field"…).
 * - GROUP NUMBER is 0: GROUP_SUP is 0 in VPD page 86h.
 * - DPO and FUA are evaluated, as DPOFUA in the mode parameter header promises.
 * - Obsolete bits (CMDDT, PMI, FUA_NV, SYNC_NV, …) are refused like reserved
 *   ones: a host that sets them expects something that would not happen.
 * - Without thin provisioning, the UNMAP bit is such a bit, and there is no
 *   UNMAP command.
 */
#include "base/num.h"
#include "scsi/internal.h"

/* clang-format off */
#define FF4 0xff, 0xff, 0xff, 0xff
#define FF8 FF4, FF4
#define Z4  0, 0, 0, 0
#define Z8  Z4, Z4

/* Recommended timeouts, in seconds: one transfer, and what syncs or changes
 * every file of the disk. */
#define T_MEDIA 60
#define T_ALL	600
#define T_WHOLE 36000 /* every block */

const struct scsi_op scsi_op_table[] = {
	{ "TEST UNIT READY", NO_SA,
	  { 0x00, 0, 0, 0, 0, 0 },
	  6, 0, 0, scsi_test_unit_ready },
	{ "REQUEST SENSE", NO_SA,
	  { 0x03, 0x01, 0, 0, 0xff, 0 },
	  6, OP_STOPPED | OP_ALWAYS, 0, scsi_request_sense },
	{ "FORMAT UNIT", NO_SA,
	  { 0x04, 0x38, 0, 0, 0, 0 },
	  6, 0, T_WHOLE, scsi_format, scsi_job_run },
	{ "READ(6)", NO_SA,
	  { 0x08, 0x1f, 0xff, 0xff, 0xff, 0 },
	  6, 0, T_MEDIA, scsi_read, scsi_rw_run },
	{ "WRITE(6)", NO_SA,
	  { 0x0a, 0x1f, 0xff, 0xff, 0xff, 0 },
	  6, 0, T_MEDIA, scsi_write, scsi_rw_run },
	{ "INQUIRY", NO_SA,
	  { 0x12, 0x01, 0xff, 0xff, 0xff, 0 },
	  6, OP_STOPPED | OP_ALWAYS, 0, scsi_inquiry },
	{ "MODE SELECT(6)", NO_SA,
	  { 0x15, 0x11, 0, 0, 0xff, 0 },
	  6, OP_STOPPED, T_ALL, scsi_mode_select_6,
	  scsi_mode_select_run },
	{ "MODE SENSE(6)", NO_SA,
	  { 0x1a, 0x08, 0xff, 0xff, 0xff, 0 },
	  6, OP_STOPPED, 0, scsi_mode_sense_6 },
	{ "START STOP UNIT", NO_SA,
	  { 0x1b, 0x01, 0, 0, 0x05, 0 },
	  6, OP_STOPPED, T_ALL, scsi_start_stop, scsi_stop_run },
	{ "RECEIVE DIAGNOSTIC RESULTS", NO_SA,
	  { 0x1c, 0x01, 0xff, 0xff, 0xff, 0 },
	  6, OP_STOPPED, 0, scsi_receive_diagnostic },
	{ "SEND DIAGNOSTIC", NO_SA,
	  { 0x1d, 0xf7, 0, 0xff, 0xff, 0 },
	  6, 0, T_WHOLE, scsi_send_diagnostic, scsi_self_test_run },
	{ "READ CAPACITY(10)", NO_SA,
	  { 0x25, 0, Z4, 0, 0, 0, 0 },
	  10, OP_STOPPED, 0, scsi_read_capacity_10 },
	{ "READ(10)", NO_SA,
	  { 0x28, 0x18, FF4, 0, 0xff, 0xff, 0 },
	  10, 0, T_MEDIA, scsi_read, scsi_rw_run },
	{ "WRITE(10)", NO_SA,
	  { 0x2a, 0x18, FF4, 0, 0xff, 0xff, 0 },
	  10, 0, T_MEDIA, scsi_write, scsi_rw_run },
	{ "WRITE AND VERIFY(10)", NO_SA,
	  { 0x2e, 0x16, FF4, 0, 0xff, 0xff, 0 },
	  10, 0, T_MEDIA, scsi_write_verify, scsi_write_verify_run },
	{ "VERIFY(10)", NO_SA,
	  { 0x2f, 0x16, FF4, 0, 0xff, 0xff, 0 },
	  10, 0, T_MEDIA, scsi_verify, scsi_verify_run },
	{ "PRE-FETCH(10)", NO_SA,
	  { 0x34, 0x02, FF4, 0, 0xff, 0xff, 0 },
	  10, 0, T_MEDIA, scsi_prefetch },
	{ "SYNCHRONIZE CACHE(10)", NO_SA,
	  { 0x35, 0x02, FF4, 0, 0xff, 0xff, 0 },
	  10, 0, T_ALL, scsi_sync_cache, scsi_sync_run },
	{ "WRITE SAME(10)", NO_SA,
	  { 0x41, 0x08, FF4, 0, 0xff, 0xff, 0 },
	  10, 0, T_MEDIA, scsi_write_same, scsi_write_same_run,
	  .thin = 0x08 },
	{ "UNMAP", NO_SA,
	  { 0x42, 0, Z4, 0, 0xff, 0xff, 0 },
	  10, OP_THIN, T_ALL, scsi_unmap, scsi_unmap_run },
	{ "SANITIZE, overwrite", 0x01,
	  { 0x48, 0xe1, 0, 0, 0, 0, 0, 0xff, 0xff, 0 },
	  10, 0, T_WHOLE, scsi_sanitize_overwrite, scsi_job_run },
	{ "SANITIZE, block erase", 0x02,
	  { 0x48, 0xe2, 0, 0, 0, 0, 0, 0xff, 0xff, 0 },
	  10, 0, T_WHOLE, scsi_sanitize_erase, scsi_job_run },
	{ "SANITIZE, exit failure mode", 0x1f,
	  { 0x48, 0x1f, 0, 0, 0, 0, 0, 0xff, 0xff, 0 },
	  10, 0, T_MEDIA, scsi_sanitize_exit,
	  scsi_sanitize_exit_run },
	{ "LOG SELECT", NO_SA,
	  { 0x4c, 0x02, 0xff, 0xff, 0, 0, 0, 0xff, 0xff, 0 },
	  10, OP_STOPPED, 0, scsi_log_select },
	{ "LOG SENSE", NO_SA,
	  { 0x4d, 0, 0xff, 0xff, 0, 0xff, 0xff, 0xff, 0xff, 0 },
	  10, OP_STOPPED, 0, scsi_log_sense },
	{ "MODE SELECT(10)", NO_SA,
	  { 0x55, 0x11, 0, 0, 0, 0, 0, 0xff, 0xff, 0 },
	  10, OP_STOPPED, T_ALL, scsi_mode_select_10,
	  scsi_mode_select_run },
	{ "MODE SENSE(10)", NO_SA,
	  { 0x5a, 0x18, 0xff, 0xff, 0, 0, 0, 0xff, 0xff, 0 },
	  10, OP_STOPPED, 0, scsi_mode_sense_10 },
	{ "READ(16)", NO_SA,
	  { 0x88, 0x18, FF8, FF4, 0, 0 },
	  16, 0, T_MEDIA, scsi_read, scsi_rw_run },
	{ "COMPARE AND WRITE", NO_SA,
	  { 0x89, 0x18, FF8, 0, 0, 0, 0xff, 0, 0 },
	  16, 0, T_MEDIA, scsi_compare_write,
	  scsi_compare_write_run },
	{ "WRITE(16)", NO_SA,
	  { 0x8a, 0x18, FF8, FF4, 0, 0 },
	  16, 0, T_MEDIA, scsi_write, scsi_rw_run },
	{ "WRITE AND VERIFY(16)", NO_SA,
	  { 0x8e, 0x16, FF8, FF4, 0, 0 },
	  16, 0, T_MEDIA, scsi_write_verify, scsi_write_verify_run },
	{ "VERIFY(16)", NO_SA,
	  { 0x8f, 0x16, FF8, FF4, 0, 0 },
	  16, 0, T_MEDIA, scsi_verify, scsi_verify_run },
	{ "PRE-FETCH(16)", NO_SA,
	  { 0x90, 0x02, FF8, FF4, 0, 0 },
	  16, 0, T_MEDIA, scsi_prefetch },
	{ "SYNCHRONIZE CACHE(16)", NO_SA,
	  { 0x91, 0x02, FF8, FF4, 0, 0 },
	  16, 0, T_ALL, scsi_sync_cache, scsi_sync_run },
	{ "WRITE SAME(16)", NO_SA,
	  { 0x93, 0x09, FF8, FF4, 0, 0 },
	  16, 0, T_MEDIA, scsi_write_same, scsi_write_same_run,
	  .thin = 0x08 },
	{ "CLOSE ZONE", ZO_CLOSE,
	  { 0x94, ZO_CLOSE, FF8, 0, 0, 0xff, 0xff, 0x01, 0 },
	  16, 0, T_ALL, scsi_zone_out, scsi_zone_out_run },
	{ "FINISH ZONE", ZO_FINISH,
	  { 0x94, ZO_FINISH, FF8, 0, 0, 0xff, 0xff, 0x01, 0 },
	  16, 0, T_ALL, scsi_zone_out, scsi_zone_out_run },
	{ "OPEN ZONE", ZO_OPEN,
	  { 0x94, ZO_OPEN, FF8, 0, 0, 0xff, 0xff, 0x01, 0 },
	  16, 0, T_ALL, scsi_zone_out, scsi_zone_out_run },
	{ "RESET WRITE POINTER", ZO_RESET,
	  { 0x94, ZO_RESET, FF8, 0, 0, 0xff, 0xff, 0x01, 0 },
	  16, 0, T_ALL, scsi_zone_out, scsi_zone_out_run },
	{ "REPORT ZONES", 0x00,
	  { 0x95, 0x00, FF8, FF4, 0xbf, 0 },
	  16, 0, T_MEDIA, scsi_report_zones },
	{ "READ CAPACITY(16)", 0x10,
	  { 0x9e, 0x10, Z8, FF4, 0, 0 },
	  16, OP_STOPPED, 0, scsi_read_capacity_16 },
	{ "GET LBA STATUS(16)", 0x12,
	  { 0x9e, 0x12, FF8, FF4, 0xff, 0 },
	  16, 0, T_MEDIA, scsi_get_lba_status },
	{ "REPORT LUNS", NO_SA,
	  { 0xa0, 0, 0xff, 0, 0, 0, FF4, 0, 0 },
	  12, OP_STOPPED | OP_ALWAYS, 0, scsi_report_luns },
	{ "REPORT IDENTIFYING INFORMATION", 0x05,
	  { 0xa3, 0x05, 0, 0, 0, 0, FF4, 0xfe, 0 },
	  12, OP_STOPPED, 0, scsi_report_ident },
	{ "REPORT SUPPORTED OPERATION CODES", 0x0c,
	  { 0xa3, 0x0c, 0x87, 0xff, 0xff, 0xff, FF4, 0, 0 },
	  12, OP_STOPPED, 0, scsi_report_opcodes },
	{ "REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS", 0x0d,
	  { 0xa3, 0x0d, 0x80, 0, 0, 0, FF4, 0, 0 },
	  12, OP_STOPPED, 0, scsi_report_tmfs },
	{ "READ(12)", NO_SA,
	  { 0xa8, 0x18, FF4, FF4, 0, 0 },
	  12, 0, T_MEDIA, scsi_read, scsi_rw_run },
	{ "WRITE(12)", NO_SA,
	  { 0xaa, 0x18, FF4, FF4, 0, 0 },
	  12, 0, T_MEDIA, scsi_write, scsi_rw_run },
	{ "READ MEDIA SERIAL NUMBER", 0x01,
	  { 0xab, 0x01, 0, 0, 0, 0, FF4, 0, 0 },
	  12, OP_STOPPED, 0, scsi_media_serial },
	{ "WRITE AND VERIFY(12)", NO_SA,
	  { 0xae, 0x16, FF4, FF4, 0, 0 },
	  12, 0, T_MEDIA, scsi_write_verify, scsi_write_verify_run },
	{ "VERIFY(12)", NO_SA,
	  { 0xaf, 0x16, FF4, FF4, 0, 0 },
	  12, 0, T_MEDIA, scsi_verify, scsi_verify_run },
};
/* clang-format on */

const unsigned scsi_op_count = ZL_ARRAY_SIZE(scsi_op_table);

/* struct scsi_unit indexes the rows with a byte. */
_Static_assert(ZL_ARRAY_SIZE(scsi_op_table) < UINT8_MAX, "too many rows");
