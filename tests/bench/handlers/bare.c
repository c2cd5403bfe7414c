// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * What a handler costs at least, to measure others against: "bare" does one
 * preadv() or pwritev() on one file in the daemon's command thread and nothing
 * else; built with INSTANT it is "instant", which does not even do that.
 * The daemon emulates the rest of a disk, which is not a zoned one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "handler/tcmur_abi.h"

#ifdef INSTANT
#define SUBTYPE "instant"
#else
#define SUBTYPE "bare"
#endif

static int fd_of(struct tcmu_device *dev)
{
	return (int)(intptr_t)tcmur_dev_get_private(dev);
}

static int transfer(struct tcmu_device *dev, struct tcmulib_cmd *cmd, bool out)
{
#ifdef INSTANT
	(void)dev, (void)cmd, (void)out;
#else
	off_t off = (off_t)tcmu_cdb_to_byte(dev, cmd->cdb);
	int cnt = (int)cmd->iov_cnt;
	ssize_t n;

	if (out)
		n = pwritev(fd_of(dev), cmd->iovec, cnt, off);
	else
		n = preadv(fd_of(dev), cmd->iovec, cnt, off);
	if (n != (ssize_t)tcmu_iovec_length(cmd->iovec, cmd->iov_cnt))
		return out ? TCMU_STS_WR_ERR : TCMU_STS_RD_ERR;
#endif
	return TCMU_STS_OK;
}

static int bare_handle_cmd(struct tcmu_device *dev, struct tcmur_cmd *cmd)
{
	struct tcmulib_cmd *lib_cmd = cmd->lib_cmd;

	switch (lib_cmd->cdb[0]) {
	case 0x08: /* READ(6), (10), (16) */
	case 0x28:
	case 0x88:
		return transfer(dev, lib_cmd, false);
	case 0x0a: /* WRITE(6), (10), (16) */
	case 0x2a:
	case 0x8a:
		return transfer(dev, lib_cmd, true);
	case 0x35: /* SYNCHRONIZE CACHE(10), (16) */
	case 0x91:
#ifndef INSTANT
		if (fdatasync(fd_of(dev)))
			return TCMU_STS_WR_ERR;
#endif
		return TCMU_STS_OK;
	}
	return TCMU_STS_NOT_HANDLED;
}

/* Without these the daemon emulates nothing. */
static int never(struct tcmu_device *dev, struct tcmur_cmd *cmd,
		 struct iovec *iovec, size_t iov_cnt, size_t len, off_t off)
{
	(void)dev, (void)cmd, (void)iovec, (void)iov_cnt, (void)len, (void)off;
	return TCMU_STS_HW_ERR;
}

static int never_flush(struct tcmu_device *dev, struct tcmur_cmd *cmd)
{
	(void)dev, (void)cmd;
	return TCMU_STS_HW_ERR;
}

static bool bare_check_config(const char *cfgstring, char **reason)
{
	if (strchr(cfgstring, '/'))
		return true;
	*reason = strdup("the file's name is missing");
	return false;
}

static int bare_open(struct tcmu_device *dev, bool reopen)
{
	const char *path = strchr(tcmu_dev_get_cfgstring(dev), '/') + 1;
	int fd, err;

	(void)reopen;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)(tcmu_dev_get_num_lbas(dev) *
				  tcmu_dev_get_block_size(dev)))) {
		err = errno;
		close(fd);
		return -err;
	}
	tcmu_dev_set_write_cache_enabled(dev, true);
	tcmur_dev_set_private(dev, (void *)(intptr_t)fd);
	return 0;
}

static void bare_close(struct tcmu_device *dev)
{
	close(fd_of(dev));
}

static struct tcmur_handler bare_handler = {
	.name = "The least a handler can do",
	.subtype = SUBTYPE,
	.cfg_desc = "/FILE",
	.check_config = bare_check_config,
	.open = bare_open,
	.close = bare_close,
	.handle_cmd = bare_handle_cmd,
	.read = never,
	.write = never,
	.flush = never_flush,
};

int handler_init(void);
int handler_init(void)
{
	return tcmur_register_handler(&bare_handler);
}
