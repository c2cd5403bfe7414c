// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Preloaded into iscsi-test-cu: shows it a host-managed disk (device type 14h)
 * as a direct access one (00h) of SPC-4, or it skips nearly all of its tests:
 * it knows no zones and no SPC-5.  The commands of a zoned disk are SBC's;
 * where zones change them, the failures are listed.
 */
#include <dlfcn.h>
#include <stddef.h>

#define DIRECT_ACCESS 0x00
#define HOST_MANAGED  0x14
#define INQUIRY	      0x12
#define EVPD	      0x01
#define SPC_4	      6
#define SPC_5	      7

struct scsi_task;

/* The first members of libiscsi's structures, as its ABI has them. */
struct task_head {
	int status;
	int cdb_size;
	int xfer_dir;
	int expxferlen;
	unsigned char cdb[16];
};

/* Of VPD pages only the first two. */
struct inquiry_head {
	int qualifier;
	int device_type;
	int rmb;
	int version;
};

__attribute__((visibility("default"))) void *
scsi_datain_unmarshall(struct scsi_task *task);

void *scsi_datain_unmarshall(struct scsi_task *task)
{
	const struct task_head *head = (const struct task_head *)task;
	void *(*next)(struct scsi_task *) =
		(void *(*)(struct scsi_task *))dlsym(RTLD_NEXT,
						     "scsi_datain_unmarshall");
	struct inquiry_head *inq = next(task);

	if (!inq || head->cdb[0] != INQUIRY)
		return inq;
	if (inq->device_type == HOST_MANAGED)
		inq->device_type = DIRECT_ACCESS;
	if (!(head->cdb[1] & EVPD) && inq->version == SPC_5)
		inq->version = SPC_4;
	return inq;
}
