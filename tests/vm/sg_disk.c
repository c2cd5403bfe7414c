// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The disk layer's commands as SCSI commands to a Linux sg device. */
#include <scsi/sg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/be.h"
#include "sg_disk.h"

#define TIMEOUT_MS   60000u
#define CDB_BYTES    16u
#define STATUS_BUSY  0x08u
#define KEY_MASK     0x0fu
#define KEY_UNIT_ATT 0x06u

struct answer {
	uint8_t status, key, asc, ascq;
	uint16_t host, driver;
};

static void make_cdb(const struct disk_io *io, uint8_t cdb[CDB_BYTES])
{
	memset(cdb, 0, CDB_BYTES);
	be64_put(cdb + 2, io->lba);
	switch (io->op) {
	case DISK_WRITE: /* WRITE (16) */
		cdb[0] = 0x8a;
		cdb[1] = io->fua ? 0x08 : 0;
		be32_put(cdb + 10, io->nr_blocks);
		break;
	case DISK_READ: /* READ (16) */
		cdb[0] = 0x88;
		cdb[1] = io->fua ? 0x08 : 0;
		be32_put(cdb + 10, io->nr_blocks);
		break;
	case DISK_SYNC: /* SYNCHRONIZE CACHE (16) */
		cdb[0] = 0x91;
		break;
	default: /* ZBC OUT */
		cdb[0] = 0x94;
		cdb[1] = (uint8_t)io->zone_op;
		cdb[14] = io->zone_all;
		break;
	}
}

static int send_once(int fd, struct disk_io *io, struct answer *a)
{
	uint8_t cdb[CDB_BYTES], sense[32] = { 0 };
	bool fixed;
	sg_io_hdr_t hdr = {
		.interface_id = 'S',
		.cmdp = cdb,
		.cmd_len = sizeof(cdb),
		.sbp = sense,
		.mx_sb_len = sizeof(sense),
		.timeout = TIMEOUT_MS,
		.dxfer_direction = SG_DXFER_NONE,
	};

	make_cdb(io, cdb);
	if (io->op == DISK_WRITE || io->op == DISK_READ) {
		hdr.dxfer_direction = io->op == DISK_WRITE ? SG_DXFER_TO_DEV
							   : SG_DXFER_FROM_DEV;
		hdr.dxferp = io->iov[0].iov_base;
		hdr.dxfer_len = (unsigned)io->iov[0].iov_len;
	}
	if (ioctl(fd, SG_IO, &hdr) < 0) {
		perror("SG_IO");
		return -1;
	}
	fixed = (sense[0] & 0x7f) < 0x72;
	*a = (struct answer){
		.status = hdr.status,
		.key = sense[fixed ? 2 : 1] & KEY_MASK,
		.asc = sense[fixed ? 12 : 2],
		.ascq = sense[fixed ? 13 : 3],
		.host = hdr.host_status,
		.driver = hdr.driver_status,
	};
	return 0;
}

static bool send_again(const struct answer *a)
{
	return a->status == STATUS_BUSY ||
	       (a->status && a->key == KEY_UNIT_ATT);
}

enum disk_status sg_disk_run(int fd, struct disk_io *io)
{
	struct answer a = { .status = STATUS_BUSY };

	for (int i = 0; i < 100 && send_again(&a); i++) {
		if (i)
			usleep(100000);
		if (send_once(fd, io, &a))
			return DISK_INTERNAL;
	}
	if (!a.status && !a.host)
		return DISK_OK;
	if (a.asc == 0x55 && a.ascq == 0x0e) {
		io->verdict = ZV_NO_RESOURCES;
		return DISK_REFUSED;
	}
	fprintf(stderr,
		"op %d at LBA %llu: status %02xh, sense %x/%02x/%02x, host "
		"%xh, driver %xh\n",
		io->op, (unsigned long long)io->lba, a.status, a.key, a.asc,
		a.ascq, a.host, a.driver);
	return DISK_INTERNAL;
}
