// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
// Handlers with handle_cmd alone, for the tests of the stand-in: with worker
// threads, where it is called with done set.

#include "handler/tcmur_abi.h"

static int p_open(struct tcmu_device *dev, bool reopen)
{
	(void)dev;
	(void)reopen;
	return 0;
}

static void p_close(struct tcmu_device *dev)
{
	(void)dev;
}

static int p_handle_cmd(struct tcmu_device *dev, struct tcmur_cmd *cmd)
{
	uint8_t *cdb = cmd->lib_cmd->cdb;

	(void)dev;
	if (cdb[0] != 0x00)
		return TCMU_STS_NOT_HANDLED;
	return cmd->done ? TCMU_STS_OK : TCMU_STS_HW_ERR;
}

static struct tcmur_handler passthrough = {
	.name = "test: passthrough",
	.subtype = "passthrough",
	.open = p_open,
	.close = p_close,
	.nr_threads = 1,
	.handle_cmd = p_handle_cmd,
};

int handler_init(void)
{
	return tcmur_register_handler(&passthrough);
}
