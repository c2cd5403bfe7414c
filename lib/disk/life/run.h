/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* The disk while it runs. */
#ifndef ZL_DISK_LIFE_RUN_H
#define ZL_DISK_LIFE_RUN_H

#include "disk/disk.h"

/* run.c: the disk while it runs.  start needs store, meta, zones and slots. */
int disk_start(struct disk *d, unsigned nr_workers, struct zl_err *err);
void disk_stop(struct disk *d);

#endif
