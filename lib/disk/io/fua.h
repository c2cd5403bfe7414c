/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * What a READ with FUA returns is on the medium: what the page cache has of it
 * is written there, and so it outlives a power failure (SBC-4).  One slot after
 * the other.
 */
#ifndef ZL_DISK_IO_FUA_H
#define ZL_DISK_IO_FUA_H

#include "disk/disk.h"
#include "disk/io/io.h"

/* Before anything of io->slot is read.  Under disk->lock. */
void fua_begin(struct io *io);
/* After: whether something of what was read may not be durable.  Under
 * disk->lock. */
bool fua_is_unsynced(const struct io *io);
/* After: makes it so.  -errno: it is not, or may not be.  Waits; not under the
 * lock. */
int fua_end(struct io *io);
/* Whether it is such a READ, or a comparison like it. */
static inline bool fua_reads(const struct io *io)
{
	return (io->pub->op == DISK_READ || io->pub->op == DISK_COMPARE) &&
	       io->pub->fua;
}

#endif
