/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* Telling the journal of zones. */
#ifndef ZL_DISK_IO_ZONE_JOURNAL_H
#define ZL_DISK_IO_ZONE_JOURNAL_H

#include "disk/disk.h"

/* Explicitly opened, written out of order, or no longer: tells the journal
 * where that differs from what it was told last.  Not under disk->lock. */
int zone_journal_tell(struct disk *d, uint32_t slot);
/* Whether it was told of the zone's condition something else, or could not be
 * told.  Under disk->lock. */
bool zone_journal_is_owed(const struct disk *d, uint32_t slot);
/* Makes durable what it was told of zones that are no longer out of order,
 * after the zones' files.  Not under disk->lock. */
int zone_journal_sync(struct disk *d);

#endif
