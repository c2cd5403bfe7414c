// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Data-in that is cut at an allocation length. */
#include "base/num.h"
#include "scsi/internal.h"

void data_in_start(struct data_in *in, struct scsi_cmd *cmd,
		   uint32_t alloc_bytes)
{
	in->cmd = cmd;
	in->cur = iov_start(cmd->iov, cmd->iov_cnt);
	in->room = min_u64(alloc_bytes, cmd->buf_bytes);
}

void data_in_put(struct data_in *in, const void *data, size_t len)
{
	size_t n = min_u64(len, in->room);

	in->cmd->data_in_bytes += iov_put(&in->cur, data, n);
	in->room -= n;
}

enum scsi_next data_in_end(struct data_in *in)
{
	return scsi_good(in->cmd);
}

enum scsi_next data_in_all(struct scsi_cmd *cmd, uint32_t alloc_bytes,
			   const void *data, size_t len)
{
	struct data_in in;

	data_in_start(&in, cmd, alloc_bytes);
	data_in_put(&in, data, len);
	return data_in_end(&in);
}
