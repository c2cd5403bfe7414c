/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* Telling the journal of zones. */
#ifndef ZL_DISK_IO_ZONEOP_H
#define ZL_DISK_IO_ZONEOP_H

#include "disk/disk.h"

/* Explicitly opened, written out of order, or no longer: tells the journal
 * where that differs from what it was told last.  Not under disk->lock. */
int zoneop_journal_slot(struct disk *d, uint32_t slot);
/* Makes durable what it was told of zones that are no longer out of order,
 * after the zones' files.  Not under disk->lock. */
int zoneop_journal_sync(struct disk *d);

#endif
