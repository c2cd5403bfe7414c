/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* The disk layer's commands as SCSI commands to a Linux sg device. */
#ifndef TESTS_VM_SG_DISK_H
#define TESTS_VM_SG_DISK_H

#include "disk/disk.h"

/*
 * Runs DISK_WRITE, DISK_SYNC or DISK_ZONE on the disk with 512-byte blocks
 * behind the open sg device @fd.  Returns DISK_OK; DISK_REFUSED with
 * io->verdict ZV_NO_RESOURCES for INSUFFICIENT ZONE RESOURCES; for anything
 * else DISK_INTERNAL, with the sense data on standard error.  What ends with
 * UNIT ATTENTION or BUSY is sent again.
 */
enum disk_status sg_disk_run(int fd, struct disk_io *io);

#endif
