// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
// A handler that breaks one rule, the one that its cfgstring names, so that
// the tests see the stand-in notice.

#include "handler/tcmur_abi.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct bad {
	struct tcmu_device *dev;
	struct tcmur_cmd *kept;
};

static bool is(struct tcmu_device *dev, const char *mode)
{
	return !strcmp(tcmu_dev_get_cfgstring(dev) + strlen("bad/"), mode);
}

static int bad_open(struct tcmu_device *dev, bool reopen)
{
	struct bad *b = calloc(1, sizeof(*b));

	(void)reopen;
	b->dev = dev;
	tcmur_dev_set_private(dev, b);
	return 0;
}

static void *complete_later(void *arg)
{
	struct bad *b = arg;

	usleep(50000);
	tcmur_cmd_complete(b->dev, b->kept, TCMU_STS_OK);
	return NULL;
}

static void bad_close(struct tcmu_device *dev)
{
	struct bad *b = tcmur_dev_get_private(dev);
	pthread_t t;

	if (is(dev, "complete-after-close")) {
		pthread_create(&t, NULL, complete_later, b);
		pthread_detach(t);
	}
	if (is(dev, "complete-at-close"))
		tcmur_cmd_complete(dev, b->kept, TCMU_STS_OK);
}

static int bad_handle_cmd(struct tcmu_device *dev, struct tcmur_cmd *cmd)
{
	struct bad *b = tcmur_dev_get_private(dev);
	uint8_t *cdb = cmd->lib_cmd->cdb;

	if (cdb[0] == 0x00)
		return TCMU_STS_OK;
	if (is(dev, "complete-in-handle-cmd"))
		tcmur_cmd_complete(dev, cmd, TCMU_STS_OK);
	if (is(dev, "async-handled"))
		return TCMU_STS_ASYNC_HANDLED;
	if (is(dev, "status-from-handle-cmd"))
		return 99;
	if (is(dev, "no-sense"))
		return TCMU_STS_PASSTHROUGH_ERR;
	if (is(dev, "emulation")) {
		cdb[0] = 0x12;
		return TCMU_STS_NOT_HANDLED;
	}
	if (is(dev, "return-and-complete")) {
		b->kept = cmd;
		complete_later(b);
		return TCMU_STS_OK;
	}
	if (is(dev, "sync-then-complete")) {
		if (!b->kept) {
			b->kept = cmd;
			return TCMU_STS_OK;
		}
		tcmur_cmd_complete(dev, b->kept, TCMU_STS_OK);
	}
	return TCMU_STS_NOT_HANDLED;
}

static int bad_write(struct tcmu_device *dev, struct tcmur_cmd *cmd,
		     struct iovec *iov, size_t iov_cnt, size_t len, off_t off)
{
	(void)dev;
	(void)cmd;
	(void)iov;
	(void)iov_cnt;
	(void)len;
	(void)off;
	return TCMU_STS_OK;
}

static int bad_read(struct tcmu_device *dev, struct tcmur_cmd *cmd,
		    struct iovec *iov, size_t iov_cnt, size_t len, off_t off)
{
	struct iovec *last = &iov[iov_cnt - 1];

	(void)off;
	(void)len;
	if (is(dev, "overrun"))
		((char *)last->iov_base)[last->iov_len] = 1;
	if (is(dev, "underrun"))
		((char *)iov->iov_base)[-1] = 1;
	tcmur_cmd_complete(dev, cmd, TCMU_STS_OK);
	return TCMU_STS_OK;
}

static int bad_flush(struct tcmu_device *dev, struct tcmur_cmd *cmd)
{
	struct bad *b = tcmur_dev_get_private(dev);
	struct tcmulib_cmd *lib = cmd->lib_cmd;
	uint8_t other[96];

	b->kept = cmd;
	if (is(dev, "never"))
		return TCMU_STS_OK;
	if (is(dev, "changed-done"))
		cmd->done = NULL;
	if (is(dev, "none"))
		tcmur_cmd_complete(dev, other, TCMU_STS_OK);
	if (is(dev, "not-quite"))
		tcmur_cmd_complete(dev, lib, TCMU_STS_OK);
	if (is(dev, "status"))
		tcmur_cmd_complete(dev, cmd, 77);
	if (is(dev, "status-async-handled"))
		tcmur_cmd_complete(dev, cmd, TCMU_STS_ASYNC_HANDLED);
	tcmur_cmd_complete(dev, cmd, TCMU_STS_OK);
	if (is(dev, "twice"))
		tcmur_cmd_complete(dev, cmd, TCMU_STS_OK);
	if (is(dev, "late-write"))
		lib->sense_buf[3] = 1;
	if (is(dev, "complete-and-fail"))
		return TCMU_STS_WR_ERR;
	return TCMU_STS_OK;
}

static struct tcmur_handler bad = {
	.name = "test: bad",
	.subtype = "bad",
	.open = bad_open,
	.close = bad_close,
	.handle_cmd = bad_handle_cmd,
	.read = bad_read,
	.write = bad_write,
	.flush = bad_flush,
};

int handler_init(void)
{
	return tcmur_register_handler(&bad);
}
