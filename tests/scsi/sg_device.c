// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Lets programs that send SCSI commands through SG_IO talk to a unit without
 * any kernel: preloaded (LD_PRELOAD), it makes opening the file named by
 * $SG_DEVICE_NAME open the disk in the directory $SG_DEVICE_DIR, which is made
 * with the options $SG_DEVICE_OPTS if the directory is empty.  With
 * $SG_DEVICE_D_SENSE sense data has the descriptor format.
 */
/* Else the headers rename open() to open64(), and both are needed. */
#undef _FILE_OFFSET_BITS

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <scsi/sg.h>

#include "scsi/scsi.h"

#define EXPORT __attribute__((visibility("default")))

#define DRIVER_SENSE 0x08
#define SG_VERSION   30536

static struct disk *disk;
static struct scsi_unit *unit;
static int device_fd = -1;

static void done(struct scsi_cmd *cmd)
{
	(void)cmd; /* without workers scsi_run() returns after it */
}

static void run(struct scsi_cmd *cmd)
{
	cmd->done = done;
	if (scsi_begin(unit, cmd) == SCSI_RUN)
		scsi_run(cmd);
}

/* MODE SELECT(6) of the control page. */
static void select_descriptor_sense(void)
{
	static const uint8_t cdb[6] = { 0x15, 0x10, 0, 0, 16 };
	static uint8_t list[16] = { [4] = 0x0a, 10, 0x04, 0x10, [15] = 1 };
	struct iovec iov = { .iov_base = list, .iov_len = sizeof(list) };
	struct scsi_cmd cmd = {
		.cdb = cdb, .cdb_len = sizeof(cdb), .iov = &iov, .iov_cnt = 1
	};

	run(&cmd);
	if (cmd.status != SCSI_GOOD)
		abort();
}

static void close_disk(void)
{
	scsi_unit_free(unit);
	disk_close(disk);
}

static void open_disk(void)
{
	const char *dir = getenv("SG_DEVICE_DIR");
	const char *str = getenv("SG_DEVICE_OPTS");
	struct disk_opts opts;
	struct disk_open_args args = { .opts = &opts,
				       .may_make = true,
				       .lock_wait_ms = 1000 };
	struct zl_err err = { "SG_DEVICE_DIR or SG_DEVICE_OPTS is not set" };

	if (disk)
		return;
	if (!dir || !str ||
	    disk_opts_parse(&opts, str, strlen(str), ',', false, &err) ||
	    disk_open(dir, &args, &disk, &err) ||
	    scsi_unit_new(disk, NULL, &unit)) {
		fprintf(stderr, "sg_device: %s\n", err.msg);
		_exit(98);
	}
	atexit(close_disk);
	if (getenv("SG_DEVICE_D_SENSE"))
		select_descriptor_sense();
}

static int open_any(const char *fn, const char *path, int flags, unsigned mode)
{
	int (*next)(const char *, int, ...) =
		(int (*)(const char *, int, ...))dlsym(RTLD_NEXT, fn);
	const char *name = getenv("SG_DEVICE_NAME");

	if (!name || strcmp(path, name))
		return next(path, flags, mode);
	open_disk();
	device_fd = next("/dev/null", O_RDWR);
	return device_fd;
}

static unsigned mode_arg(int flags, va_list ap)
{
	return flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, unsigned) : 0;
}

EXPORT int open(const char *path, int flags, ...)
{
	unsigned mode;
	va_list ap;

	va_start(ap, flags);
	mode = mode_arg(flags, ap);
	va_end(ap);
	return open_any("open", path, flags, mode);
}

EXPORT int open64(const char *path, int flags, ...)
{
	unsigned mode;
	va_list ap;

	va_start(ap, flags);
	mode = mode_arg(flags, ap);
	va_end(ap);
	return open_any("open64", path, flags, mode);
}

/* What open() becomes when programs are built with _FORTIFY_SOURCE. */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);

EXPORT int __open_2(const char *path, int flags)
{
	return open_any("open", path, flags, 0);
}

EXPORT int __open64_2(const char *path, int flags)
{
	return open_any("open64", path, flags, 0);
}

static int sg_io(struct sg_io_hdr *h)
{
	struct iovec iov = { .iov_base = h->dxferp, .iov_len = h->dxfer_len };
	struct scsi_cmd cmd = {
		.cdb = h->cmdp,
		.cdb_len = h->cmd_len,
		.iov = &iov,
		.iov_cnt = h->dxfer_len ? 1 : 0,
	};

	run(&cmd);
	h->status = (unsigned char)cmd.status;
	h->masked_status = (h->status >> 1) & 0x1f;
	h->host_status = 0;
	h->driver_status = cmd.sense_len ? DRIVER_SENSE : 0;
	h->sb_len_wr =
		(unsigned char)(cmd.sense_len < h->mx_sb_len ? cmd.sense_len
							     : h->mx_sb_len);
	memcpy(h->sbp, cmd.sense, h->sb_len_wr);
	h->resid = 0;
	if (h->dxfer_direction == SG_DXFER_FROM_DEV)
		h->resid = (int)(h->dxfer_len - cmd.data_in_bytes);
	h->info = h->status ? SG_INFO_CHECK : SG_INFO_OK;
	return 0;
}

EXPORT int ioctl(int fd, unsigned long request, ...)
{
	int (*next)(int, unsigned long, ...) =
		(int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl");
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (fd < 0 || fd != device_fd)
		return next(fd, request, arg);
	switch (request) {
	case SG_IO:
		return sg_io(arg);
	case SG_GET_VERSION_NUM:
		*(int *)arg = SG_VERSION;
		return 0;
	default:
		errno = ENOTTY;
		return -1;
	}
}
