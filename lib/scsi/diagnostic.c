// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * SEND DIAGNOSTIC and RECEIVE DIAGNOSTIC RESULTS (SPC-5 6.32, 6.42, 7.2): self-
 * tests, and the one diagnostic page that there must be, the list of pages.
 */
#include "base/be.h"
#include "scsi/internal.h"

#define SELFTEST 0x04
#define PF	 0x10

#define PAGE_HEADER_LEN 4

/* A list asks for itself, with nothing in it. */
static enum scsi_next take_page(struct scsi_cmd *cmd, uint32_t len)
{
	struct iov_cur cur = iov_start(cmd->iov, cmd->iov_cnt);
	uint8_t head[PAGE_HEADER_LEN];

	if (!(cmd->cdb[1] & PF)) /* vendor specific */
		return scsi_bad_cdb(cmd, 1, 4);
	if (len > cmd->buf_bytes)
		return scsi_bad_cdb(cmd, 3, NO_BIT);
	/* A page that is cut off. */
	if (len < sizeof(head))
		return scsi_bad_cdb(cmd, 3, NO_BIT);
	iov_get(&cur, head, sizeof(head));
	if (head[0])
		return scsi_bad_param(cmd, 0, NO_BIT);
	if (head[1])
		return scsi_bad_param(cmd, 1, NO_BIT);
	if (be16_get(head + 2) > len - sizeof(head))
		return scsi_bad_cdb(cmd, 3, NO_BIT);
	if (be16_get(head + 2))
		return scsi_bad_param(cmd, 2, NO_BIT);
	return scsi_good(cmd);
}

static enum scsi_next abort_self_test(struct scsi_cmd *cmd)
{
	if (!cmd->unit->self_test.running)
		return scsi_bad_cdb(cmd, 1, 7);
	scsi_self_test_end(cmd->unit, SELF_TEST_ABORTED);
	return scsi_good(cmd);
}

/* DEVOFFL and UNITOFFL permit a self-test what this one does not do. */
enum scsi_next scsi_send_diagnostic(struct scsi_cmd *cmd)
{
	uint32_t len = be16_get(cmd->cdb + 3);
	bool selftest = cmd->cdb[1] & SELFTEST;
	uint8_t code = cmd->cdb[1] >> 5;

	if (selftest && code)
		return scsi_bad_cdb(cmd, 1, 7);
	if ((selftest || code) && len)
		return scsi_bad_cdb(cmd, 3, NO_BIT);
	switch (code) {
	case SELF_TEST_DEFAULT:
		if (selftest)
			break;
		return len ? take_page(cmd, len) : scsi_good(cmd);
	case SELF_TEST_BACKGROUND_SHORT:
	case SELF_TEST_BACKGROUND_EXTENDED:
	case SELF_TEST_SHORT:
	case SELF_TEST_EXTENDED:
		break;
	case SELF_TEST_ABORT:
		return abort_self_test(cmd);
	default:
		return scsi_bad_cdb(cmd, 1, 7);
	}
	return scsi_self_test_claim(cmd, (enum scsi_self_test_code)code);
}

/* The list of pages, which has itself.  PCV 0: what the last SEND DIAGNOSTIC
 * has asked for, which was the same. */
enum scsi_next scsi_receive_diagnostic(struct scsi_cmd *cmd)
{
	static const uint8_t data[5] = { 0x00, 0, 0, 1, 0x00 };

	if (cmd->cdb[2])
		return scsi_bad_cdb(cmd, 2, NO_BIT);
	return data_in_all(cmd, be16_get(cmd->cdb + 3), data, sizeof(data));
}
