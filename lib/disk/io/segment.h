/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* An I/O as a sequence of requests. */
#ifndef ZL_DISK_IO_SEGMENT_H
#define ZL_DISK_IO_SEGMENT_H

#include "disk/io/io.h"

/*
 * segment.c: an I/O as a sequence of requests.  io->slot is the slot of
 * io->at_bytes.
 */
/* Begins; returns how many bytes the buffers have, perhaps more than it needs.
 */
uint64_t segment_start(struct io *io);
uint64_t segment_offset(const struct io *io); /* bytes, in the slot */
uint64_t segment_lba(const struct io *io);
/* Fills io->req for up to @max_bytes from here; io->req.len says how many. */
void segment_prepare(struct io *io, enum store_op op, uint64_t max_bytes);
void segment_pass(struct io *io, uint64_t bytes);
/* Whether nothing of this slot has been passed yet. */
bool segment_begins_slot(const struct io *io);
/* Whether the next segment, if there is one, is in another slot. */
bool segment_ends_slot(const struct io *io);
void segment_zero(struct io *io, uint64_t bytes);

#endif
