/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* The statistics of the zones. */
#ifndef ZL_DISK_IO_STATS_H
#define ZL_DISK_IO_STATS_H

#include "disk/disk.h"

/* stats.c: under disk->lock.  After zones changed their conditions, or the disk
 * was opened; after a write was let through, before it changes anything; after
 * a command was refused. */
void stats_note_zones(struct disk *d);
void stats_note_write(struct disk *d, const struct io *io);
void stats_note_refused(struct disk *d, const struct io *io,
			enum zone_verdict verdict);

#endif
