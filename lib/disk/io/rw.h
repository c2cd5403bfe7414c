/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* What holds for READs and WRITEs wherever they are carried out. */
#ifndef ZL_DISK_IO_RW_H
#define ZL_DISK_IO_RW_H

#include <stdbool.h>
#include <stdint.h>

#include "zone/zone.h"

struct io;

/*
 * read.c: how many bytes from io->at_bytes on are alike: data (*has_data) or
 * not; 0 if the first block is bad.  Sets io->slot and gen.  Under disk->lock.
 */
uint64_t read_look(struct io *io, bool *has_data);
/*
 * A sync has failed since: what it lost may have left the page cache before it
 * was read, and what was read be older.  It is to be looked at once more.  (Of
 * FUA, fua_end() knows.)
 */
bool read_has_lost(const struct io *io);

/*
 * write.c: asks the zones, and begins the write behind the io->there_blocks
 * that are there, if there is anything to write.  Sets io->slot, and losses for
 * what is written from here on.  With the turns that it needs, under
 * disk->lock.
 */
enum zone_verdict write_begin(struct io *io);
/*
 * These blocks of io->slot, which were all that is not there, are written, and
 * the write pointer moves; @durable: they need no sync.  -EIO: a sync has
 * failed beside it, and nothing is changed.  Under disk->lock.
 */
int write_end(struct io *io, uint32_t lo, uint32_t hi, bool durable);

#endif
