/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* A disk in memory. */
#ifndef ZL_DISK_LIFE_OPEN_H
#define ZL_DISK_LIFE_OPEN_H

#include "disk/disk.h"

int disk_alloc(struct store *st, const char *name, const struct disk_meta *meta,
	       struct disk **disk, struct zl_err *err);
/* Frees; the store stays. */
void disk_free(struct disk *d);
/* What the death of the process does (tests): no sync, no mark of a clean stop;
 * no I/O is under way. */
void disk_abandon(struct disk *d);

#endif
