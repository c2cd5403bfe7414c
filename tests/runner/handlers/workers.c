// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
// A blocking handler for the tests of the stand-in: two worker threads of the
// daemon call read and write, whose return value is the command's status.

#include "handler/tcmur_abi.h"

#include <stdlib.h>

static int w_open(struct tcmu_device *dev, bool reopen)
{
	(void)reopen;
	tcmur_dev_set_private(dev, calloc(1, 1 << 20));
	return 0;
}

static void w_close(struct tcmu_device *dev)
{
	free(tcmur_dev_get_private(dev));
}

static int w_read(struct tcmu_device *dev, struct tcmur_cmd *cmd,
		  struct iovec *iov, size_t iov_cnt, size_t len, off_t off)
{
	(void)cmd;
	tcmu_memcpy_into_iovec(iov, iov_cnt,
			       (char *)tcmur_dev_get_private(dev) + off, len);
	return TCMU_STS_OK;
}

static int w_write(struct tcmu_device *dev, struct tcmur_cmd *cmd,
		   struct iovec *iov, size_t iov_cnt, size_t len, off_t off)
{
	(void)cmd;
	tcmu_memcpy_from_iovec((char *)tcmur_dev_get_private(dev) + off, len,
			       iov, iov_cnt);
	return TCMU_STS_OK;
}

static int w_flush(struct tcmu_device *dev, struct tcmur_cmd *cmd)
{
	(void)dev;
	(void)cmd;
	return TCMU_STS_BUSY;
}

static struct tcmur_handler workers = {
	.name = "test: workers",
	.subtype = "workers",
	.open = w_open,
	.close = w_close,
	.nr_threads = 2,
	.read = w_read,
	.write = w_write,
	.flush = w_flush,
};

int handler_init(void)
{
	return tcmur_register_handler(&workers);
}
