/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* Taking back what is not durable. */
#ifndef ZL_DISK_LIFE_POWERFAIL_H
#define ZL_DISK_LIFE_POWERFAIL_H

#include "disk/disk.h"

struct powerfail {
	bool possible;		/* the store is one of rollback.h's */
	void (*fn)(void *user); /* disk_on_powerfail(); under disk->lock */
	void *user;
};

/* powerfail.c: puts the store that can take things back before the disk's; and
 * takes it away again. */
int powerfail_prepare(struct disk *d, struct zl_err *err);
void powerfail_undo_prepare(struct disk *d);

#endif
